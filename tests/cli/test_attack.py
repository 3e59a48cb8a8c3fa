"""``sandboxd doctor --attack``: the hostile suite, started by a user."""

from __future__ import annotations

import json

import pytest

from sandboxd.runtime.policy import default_directory
from tests.cli.conftest import call

pytestmark = pytest.mark.usefixtures("leaves_nothing")


def attack(*words, **options):
    return call("doctor", "--attack", *words, **options)


def test_report(temporary):
    """A line for each attack, how many were contained, and what it cost others."""
    result = attack("--only", "kernel/k*", env={"TMPDIR": str(temporary)})
    first, *_, summary, latency = result.stdout.decode().splitlines()

    assert (0, b"") == (result.returncode, result.stderr)
    assert ["ok", "kernel/kexec", "SECURITY_VIOLATION"] == first.split()[:3]
    assert "contained" in summary
    assert "others waited" in latency


def test_json(temporary):
    result = attack("--json", "--only", "kernel/kexec", env={"TMPDIR": str(temporary)})
    (told,) = json.loads(result.stdout)

    assert (0, "kernel/kexec", True, [], []) == (
        result.returncode,
        *(told[key] for key in ("name", "contained", "escapes", "differences")),
    )


def test_the_users_own_configuration_and_policy(temporary, tmp_path):
    """TLS, an address and metrics of the configuration are a server's for others: this one has a socket of its own.

    A policy that lets everything through is told by what gets through it.
    """
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "open.toml").write_text(
        (default_directory() / "default.toml").read_text().replace("default.json", "open.json")
    )
    (policies / "open.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    config = tmp_path / "sandboxd.toml"
    config.write_text(
        'listen = "0.0.0.0:50051"\ntls_cert = "/nonexistent"\ntls_key = "/nonexistent"\n'
        f'metrics_listen = "0.0.0.0:9464"\npolicies_dir = "{policies}"\ndefault_policy = "open"\n'
    )
    words = ("--config", str(config), "--only", "kernel/user_namespace")
    result = attack(*words, env={"TMPDIR": str(temporary), "SANDBOXD_METRICS_LISTEN": "0.0.0.0:9465"})

    assert 1 == result.returncode
    assert b"ESCAPED kernel/user_namespace" in result.stdout
    assert b"ESCAPED unshare user" in result.stdout
    assert b"0 contained" in result.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--attack", "--only", "nothing/*"), "--only 'nothing/*': no attack has such a name"),
        (("--attack", "--policy", "nosuch", "--only", "kernel/kexec"), "nosuch"),
        (("--only", "kernel/*"), "--only and --policy go with --attack"),
    ],
)
def test_what_cannot_be(words, complaint):
    result = call("doctor", *words)

    assert (125, b"") == (result.returncode, result.stdout)
    assert complaint in result.stderr.decode()
