# Everything that a newcomer or CI needs. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE_DIR ?= /var/lib/sandboxd
PACKAGES := python3-venv libseccomp2 mmdebstrap erofs-utils
TEST_PACKAGES := bubblewrap prometheus

.PHONY: help setup setup-tests demo test lint proto bench test-cgroup2 images clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml
	@$(call apt_install,$(PACKAGES))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(VENV)/.installed ## Install the packages, the virtual environment and the default image
	@$(BIN)/python -m sandboxd.images.build images/default --store $(STATE_DIR)/images

setup-tests: setup
	@$(call apt_install,$(TEST_PACKAGES))

demo: setup ## Start a server, submit a dozen programs, show what came of them
	@$(BIN)/python -m sandboxd.cli.demo

test: setup-tests ## Run every test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed ## Check style, types, import directions and the contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/buf lint
	$(MAKE) --no-print-directory proto OUT=$(VENV)/proto
	diff -r -x __init__.py -x __pycache__ $(VENV)/proto/sandboxd/v1 sandboxd/v1

OUT ?= .
proto: $(VENV)/.installed ## Regenerate the stubs
	@mkdir -p $(OUT)
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(OUT) --pyi_out=$(OUT) --grpc_python_out=$(OUT) proto/sandboxd/v1/*.proto

bench: setup-tests ## Measure, beside bubblewrap in the same run
	$(BIN)/python -m pytest -s tests/benchmarks

test-cgroup2: setup-tests ## Run the container tests on cgroup v2, in a virtual machine with Debian's kernel
	$(BIN)/python tests/vm/run.py

clean: ## Remove what was built here (the image store stays)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis

# Install the Debian packages that are missing.
define apt_install
	missing=""; for package in $(1); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef
