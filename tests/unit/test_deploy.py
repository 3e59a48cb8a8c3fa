"""The files of deploy/: the configuration loads and says the defaults, alerts and dashboard name metrics that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from sandboxd.config import Config, load_config
from sandboxd.metrics import PrometheusObserver

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
METRIC = re.compile(r"\b(?:sandboxd|process|grpc_server)_[a-z0-9_]+\b")


def test_configuration_loads():
    assert "127.0.0.1:9464" == load_config(DEPLOY / "sandboxd.toml", {}, {}).metrics_listen


def test_every_key_is_there_with_its_default(monkeypatch):
    """What is commented out is what holds without it, for root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    text = re.sub(r"(?m)^#(?=[a-z_]+ = )", "", (DEPLOY / "sandboxd.toml").read_text())
    values = tomllib.loads(text)
    examples = {
        "metrics_listen",
        "policies_dir",
        "tls_cert",
        "tls_key",
        "tls_client_ca",
        "wheelhouse",
        "manage_images",
    } | {
        "registry_ca_file",
        "registry_auth_file",
    }
    defaults = msgspec.structs.asdict(Config())

    assert defaults.keys() == values.keys()
    for key in values.keys() - examples:
        value = tuple(values[key]) if isinstance(values[key], list) else values[key]
        assert str(defaults[key]) == str(value), key


def test_unit_outlasts_the_drain():
    unit = (DEPLOY / "sandboxd.service").read_text()

    assert int(re.search(r"(?m)^TimeoutStopSec=(\d+)$", unit)[1]) > Config().drain_s


def known_metrics():
    """Return the name of every sample that the server can show."""
    names = set()
    for metric in PrometheusObserver().registry.collect():
        kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        names.update(f"{metric.name}{suffix}" for suffix in kinds)
    return names


def expressions(value):
    """Yield the queries of a dashboard."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("expr", "query") and isinstance(inner, str):
                yield inner
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_metrics_that_are_named_exist(path):
    text = path.read_text()
    if path is DASHBOARD:
        text = "\n".join(expressions(json.loads(text)))
    named = set(METRIC.findall(re.sub(r'"[^"]*"', "", text) if path is DASHBOARD else text))

    assert named
    assert named <= known_metrics(), named - known_metrics()


@pytest.mark.parametrize("argv", [("config", DEPLOY / "prometheus" / "prometheus.yml"), ("rules", RULES)])
def test_promtool_accepts_it(argv):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: apt-get install prometheus")
    result = subprocess.run([promtool, "check", *argv], capture_output=True, text=True, check=False)

    assert 0 == result.returncode, result.stdout + result.stderr
