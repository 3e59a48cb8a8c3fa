"""``doctor`` and ``serve``: what this host can do, and settings that no server starts with."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import call, the_line
from tests.server import serving

REQUIRED = {"kernel", "privileges", "namespaces", "cgroup", "seccomp", "image", "policies", "container"}


def test_doctor_on_a_host_that_is_fit(leaves_nothing):
    """A line for each finding, the last of them a real container."""
    result = call("doctor")
    lines = result.stdout.decode().splitlines()
    findings = {line[6:19].rstrip(): line[20:] for line in lines if re.match(r"(ok  |warn)  \S", line)}

    assert (0, b"") == (result.returncode, result.stderr)
    assert REQUIRED <= set(findings)
    assert "a program ran in one" == findings["container"]
    assert all(findings.values())


def test_doctor_says_what_is_missing_and_its_fix(tmp_path):
    result = call("doctor", "--state-dir", str(tmp_path))
    lines = result.stdout.decode().splitlines()
    failed = [index for index, line in enumerate(lines) if line.startswith("FAIL")]

    assert (1, b"") == (result.returncode, result.stderr)
    assert [f"FAIL  image         no default in {tmp_path}/images"] == [lines[index] for index in failed]
    assert ["      fix: make setup"] == [lines[index + 1] for index in failed]
    assert not any("container " in line for line in lines), "nothing is tried where something is missing"


def test_doctor_in_json(tmp_path):
    """The same, for programs: with names, and whether each is required."""
    result = call("doctor", "--json", "--state-dir", str(tmp_path))
    checks = {check["name"]: check for check in json.loads(result.stdout)}

    assert (1, b"") == (result.returncode, result.stderr)
    assert REQUIRED - {"container"} <= set(checks)
    assert ["image"] == [name for name, check in checks.items() if check["required"] and not check["ok"]]
    assert "make setup" == checks["image"]["fix"]


@pytest.mark.parametrize(
    ("command", "content", "why"),
    [
        ("serve", None, "config.toml: "),
        ("doctor", None, "config.toml: "),
        ("serve", "slots = ", "config.toml: "),
        ("serve", "no_such_setting = 1", "no_such_setting"),
        ("doctor", "slots = 'many'", "slots"),
    ],
)
def test_a_configuration_that_is_wrong(tmp_path, command, content, why):
    if content is not None:
        (tmp_path / "config.toml").write_text(content)
    result = call(command, "--config", "config.toml", cwd=tmp_path)

    assert (125, b"") == (result.returncode, result.stdout)
    assert why in the_line(result)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ("--listen nowhere", "--listen: 'nowhere' is not HOST:PORT or unix:PATH"),
        ("--listen 127.0.0.1:99999", "--listen: '127.0.0.1:99999' is not HOST:PORT"),
        ("--listen 0.0.0.0:0", "--listen: 0.0.0.0:0 is not loopback: that needs tls_cert and tls_key"),
        ("--metrics-listen nowhere", "--metrics-listen: 'nowhere' is not HOST:PORT"),
        ("--slots -1", "--slots: "),
        ("--queue -1", "--queue: "),
        ("--drain-s nan", "--drain-s: "),
        ("--drain-s -1", "--drain-s: "),
        ("--drain-s 1e9", "--drain-s: "),
        ("--tls-cert missing", "tls_key: missing: tls_cert and tls_key go together"),
        ("--tls-client-ca missing", "--tls-client-ca: needs tls_cert and tls_key"),
        ("--tls-cert missing --tls-key missing", "tls: "),
        ("--policies-dir missing", "missing has no policy 'default'"),
        ("--state-dir missing", "image: no default in missing/images (fix: make setup)"),
    ],
)
def test_serve_refuses(tmp_path, flags, why):
    """Before it listens anywhere."""
    result = call("serve", "--listen", "127.0.0.1:0", *flags.split(), cwd=tmp_path)

    assert (125, b"") == (result.returncode, result.stdout)
    assert why in the_line(result)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ("--slots many", "Error: Invalid value for '--slots': 'many' is not a valid integer."),
        ("--drain-s soon", "Error: Invalid value for '--drain-s': 'soon' is not a valid float."),
        ("--no-such-flag", "Error: No such option '--no-such-flag'."),
        ("extra", "Error: Got unexpected extra argument (extra)"),
    ],
)
def test_serve_does_not_understand(flags, why):
    result = call("serve", *flags.split())

    assert (125, b"") == (result.returncode, result.stdout)
    assert why == result.stderr.decode().splitlines()[-1]


def test_serve_on_a_port_that_is_taken(server):
    result = call("serve", "--listen", server.address)

    assert (125, b"") == (result.returncode, result.stdout)
    assert f"sandboxd: listen: cannot bind {server.address}: " in result.stderr.decode()


def test_serve_says_where_it_listens_and_serves_there(tmp_path, leaves_nothing):
    """On a socket too, which is gone when it has ended."""
    socket = tmp_path / "socket"
    with serving("--listen", f"unix:{socket}") as server:
        assert f"unix:{socket}" == server.address
        assert b"hello\n" == call("run", "--", "echo", "hello", server=server.address).stdout

    assert not socket.exists()
