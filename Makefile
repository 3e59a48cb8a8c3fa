# Everything that a newcomer or CI needs; `make` lists it. Each target sets up what it needs, once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Python 3.11 or newer.
PYTHON ?= python3
# Where the default image is built to.
STATE_DIR ?= /var/lib/sandboxd
# How many times make test-faults kills something; docs/reliability.md.
ROUNDS ?= 200
# More for pytest, such as ARGS='-k memory'; of make fuzz, the targets; of make bench, flags.
ARGS ?=
# Seconds for each target of make fuzz.
FUZZ_S ?= 60

VENV := .venv
BIN := $(VENV)/bin
OUT ?= .
# Process 1 of containers.
INIT := sandboxd/runtime/sandboxd-init
# libseccomp2 compiles policies, gcc process 1 of containers; mmdebstrap and erofs-utils build the image.
PACKAGES := python3-venv libseccomp2 gcc libc6-dev mmdebstrap erofs-utils
# promtool and a scraper; what the benchmark is compared with; a container engine; what maps ids for an ordinary user; a registry of images,
# its passwords, two other readers and writers of images, and a builder with something to build. And, only unpacked, Podman's seccomp profile, and the tests of the default image's Python.
TEST_PACKAGES := prometheus bubblewrap runc uidmap docker-registry apache2-utils skopeo umoci buildah busybox-static
# A virtual machine; busybox, kmod and file are what virtme-ng makes its first file system with, e2fsprogs a disk for it.
VM_PACKAGES := qemu-system-x86 busybox-static kmod file e2fsprogs
# They are compared with, as bubblewrap and runc are.
BENCH_PACKAGES := crun systemd-container
VM_KERNEL = $$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ { print $$2 }')

.PHONY: help setup setup-tests image images demo test test-unit test-languages test-faults test-mutants test-benchmarks test-cgroup2 fuzz lint proto bench load soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: image ## Install what is missing, make the virtual environment, build the default image

setup-tests: setup $(VENV)/.test-packages

# Up to date unless the recipe has changed: then it takes a tenth of a second.
image: $(INIT)
	@$(BIN)/python -m sandboxd.images.build images/default --store $(STATE_DIR)/images

images: $(INIT) ## Build the image of every recipe in images/: fifteen, 2.8 GiB, in four minutes
	@for recipe in images/*/; do \
	  $(BIN)/python -m sandboxd.images.build "$$recipe" --store $(STATE_DIR)/images; \
	done

demo: setup ## Start a server, run a dozen programs, show what came of them, leave nothing behind
	@SANDBOXD_STATE_DIR=$(STATE_DIR) $(BIN)/python -m sandboxd.cli.demo

test: setup-tests ## Run all tests but those that have a target of their own
	@$(BIN)/python -m pytest $(ARGS)

test-unit: $(INIT) ## Run the tests that need neither root nor an image
	@$(BIN)/python -m pytest tests/unit $(ARGS)

test-languages: setup-tests images ## Build all images and run nine programs in each of their languages, one of them as an ordinary user, too; make test has those of the default image
	@SANDBOXD_STATE_DIR=$(STATE_DIR) $(BIN)/python -m pytest tests/languages --image all $(ARGS)

test-faults: setup-tests ## Run the tests that break the server on purpose
	@TEST_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/faults $(ARGS)

test-mutants: setup-tests ## Take walls out of copies, one by one, and see that a test notices each
	@$(BIN)/python -m pytest tests/mutants $(ARGS)

test-benchmarks: setup-tests $(VENV)/.bench ## See that nothing has become much slower, leaks, or ends late
	@$(BIN)/python -m pytest -s tests/benchmarks $(ARGS)

test-cgroup2: setup-tests $(VENV)/.vm ## Run the container tests on cgroup v2, in a virtual machine with Debian's kernel
	@$(BIN)/python tests/vm/run.py $(ARGS)

fuzz: $(VENV)/.fuzz $(INIT) ## Look for inputs that break a parser, for FUZZ_S seconds each
	@FUZZ_S=$(FUZZ_S) $(BIN)/python -m tests.fuzz.run $(ARGS)

bench: setup-tests $(VENV)/.bench build/floor ## Measure, beside the same programs bare and in other sandboxes: build/bench.json, build/bench.png
	@$(BIN)/python -m sandboxd bench --full --state-dir $(STATE_DIR) --floor build/floor --json build/bench.json --plot build/bench.png $(ARGS)

load: setup ## Ask for ten times more than the machine serves: LOAD_S=60 seconds for each scenario
	@$(BIN)/python -m pytest -s tests/load $(ARGS)

soak: setup ## Run SOAK_N=100000 programs, and see that nothing of them is left
	@$(BIN)/python -m pytest -s tests/soak $(ARGS)

lint: $(VENV)/.installed ## Check style, types, import directions, the program in C, the contract and its stubs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	gcc -std=c11 -O2 -ffreestanding -Wall -Wextra -Werror -fanalyzer -c -o /dev/null sandboxd/runtime/init.c
	$(BIN)/buf lint
	@rm -rf $(VENV)/proto
	@$(MAKE) --no-print-directory proto OUT=$(VENV)/proto
	diff -r -x __init__.py -x __pycache__ $(VENV)/proto/sandboxd/v1 sandboxd/v1

proto: $(VENV)/.installed ## Generate the stubs anew
	@mkdir -p $(OUT)
	@$(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(OUT) --pyi_out=$(OUT) --grpc_python_out=$(OUT) \
	  proto/sandboxd/v1/*.proto

clean: ## Remove what was made here; the image store stays
	rm -rf $(VENV) $(INIT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Anew when pyproject.toml has changed, and not otherwise.
$(VENV)/.installed: pyproject.toml
	@$(call install,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("sandboxd needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,images]'
	@touch $@

# The installation compiles it, too, but is not repeated when it changes.
$(INIT): sandboxd/runtime/init.c deploy/build_init.py | $(VENV)/.installed
	$(BIN)/python deploy/build_init.py

$(VENV)/.test-packages: $(VENV)/.installed
	@$(call install,$(TEST_PACKAGES))
	@$(call unpack,golang-github-containers-common,podman)
	@$(call unpack,libpython3.11-testsuite,python-tests)
	@touch $@

$(VENV)/.bench: $(VENV)/.installed
	@$(call install,$(BENCH_PACKAGES))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

build/floor: tests/benchmarks/floor.c $(VENV)/.bench
	@mkdir -p build
	gcc -O2 -Wall -Wextra -Werror -o $@ $<

# The kernel is unpacked, not installed: its package would bring udev and an initramfs, and change how this machine boots.
$(VENV)/.vm: $(VENV)/.installed
	@$(call install,$(VM_PACKAGES))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[vm]'
	@$(call unpack,$(VM_KERNEL),kernel)
	@touch $@

$(VENV)/.fuzz: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

# Install those Debian packages that are missing.
define install
missing=(); \
for package in $(1); do \
  [[ "$$(dpkg-query -W -f '$${Status}' $$package 2>/dev/null)" == *' ok installed' ]] || missing+=($$package); \
done; \
if (( $${#missing[@]} )); then \
  echo "installing $${missing[*]}"; \
  (( EUID == 0 )) || { echo "as root: apt-get install $${missing[*]}" >&2; exit 1; }; \
  apt-get update -qq; \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
fi
endef

# Unpack a Debian package into a directory of the environment: to be read, without what it needs to be used.
define unpack
rm -rf $(VENV)/$(2); \
mkdir $(VENV)/$(2); \
(( EUID != 0 )) || apt-get update -qq; \
cd $(VENV)/$(2); \
apt-get download -qq -o APT::Sandbox::User=root $(1); \
dpkg-deb --extract *.deb .; \
rm *.deb
endef
