"""Commands against a server that speaks TLS and wants to see a certificate."""

from __future__ import annotations

import pytest

from tests import certificates
from tests.cli.conftest import call, the_line
from tests.server import serving

OURS = 125


@pytest.fixture
def tls(tmp_path):
    """The address of such a server, and the directory of certificates."""
    with serving(*certificates.make(tmp_path)) as server:
        yield "localhost:" + server.address.rpartition(":")[2], tmp_path


def test_by_flags(tls):
    address, files = tls
    flags = ["--server-ca", f"{files}/ca.pem", "--client-cert", f"{files}/client.pem"]
    flags += ["--client-key", f"{files}/client.key"]
    result = call("run", *flags, "--", "echo", "hello", server=address)

    assert (0, b"hello\n", b"") == (result.returncode, result.stdout, result.stderr)


def test_by_variables(tls):
    address, files = tls
    variables = {
        "SANDBOXD_SERVER_CA": f"{files}/ca.pem",
        "SANDBOXD_CLIENT_CERT": f"{files}/client.pem",
        "SANDBOXD_CLIENT_KEY": f"{files}/client.key",
    }
    result = call("ps", server=address, env=variables)

    assert 0 == result.returncode, result.stderr
    assert result.stdout.startswith(b"EXECUTION ID")


@pytest.mark.parametrize("flags", [[], ["--tls"], ["--server-ca", "{files}/ca.pem"]])
def test_a_client_that_is_not_trusted_or_does_not_trust_is_told(tls, flags):
    """No TLS, a CA that is not public, no certificate to show."""
    address, files = tls
    result = call("run", *(flag.format(files=files) for flag in flags), "--", "echo", "hello", server=address)

    assert (OURS, b"") == (result.returncode, result.stdout)
    assert the_line(result).startswith("sandboxd: UNAVAILABLE")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--server-ca", "missing"], "--server-ca: missing: No such file or directory"),
        (["--client-cert", "x"], "--client-cert and --client-key go together"),
    ],
)
def test_files_that_are_not_there(flags, text):
    result = call("run", *flags, "--", "true", server="localhost:1")

    assert (OURS, f"sandboxd: {text}") == (result.returncode, the_line(result))
