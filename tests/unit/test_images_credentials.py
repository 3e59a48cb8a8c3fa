"""Credentials for registries: where they come from, and that they are seen nowhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.oci.challenge import Challenge, parse_challenges
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.registry_settings import RegistrySettings

ME = Credentials(username="me", password="hunter2:colon")
AUTH = base64.b64encode(b"me:hunter2:colon").decode()


def keyring(tmp_path: Path, content: Any) -> Keyring:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Keyring(docker_config=path)


def test_a_secret_is_in_no_repr() -> None:
    every = Credentials(username="me", password="hunter2", identity_token="token1", registry_token="token2")

    assert repr(every) == "Credentials(username='me')"


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("host.test", "host.test"),
        ("host.test:5000", "host.test:5000"),
        ("https://host.test", "host.test"),
        ("http://host.test:5000/v2/", "host.test:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_a_key_of_the_file_means_a_registry(tmp_path: Path, key: str, registry: str) -> None:
    assert keyring(tmp_path, {"auths": {key: {"auth": AUTH}}}).find(registry) == ME


def test_a_key_with_a_path_means_no_registry(tmp_path: Path) -> None:
    assert keyring(tmp_path, {"auths": {"host.test/team": {"auth": AUTH}}}).find("host.test") is None


def test_name_and_password_may_stand_apart_and_tokens_instead(tmp_path: Path) -> None:
    found = keyring(
        tmp_path,
        {
            "auths": {
                "a.test": {"username": "me", "password": "hunter2:colon"},
                "b.test": {"auth": AUTH, "identitytoken": "token1"},
                "c.test": {"registrytoken": "token2"},
                "d.test": {},
            },
            "HttpHeaders": {"User-Agent": "Docker-Client"},
        },
    )

    assert found.find("a.test") == ME
    assert found.find("b.test") == Credentials(username="me", password="hunter2:colon", identity_token="token1")
    assert found.find("c.test") == Credentials(registry_token="token2")
    assert found.find("d.test") is None


def test_what_is_given_precedes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {"host.test": {"auth": AUTH}}}))
    other = Credentials(username="you", password="x")

    assert Keyring({"host.test": other}, path).find("host.test") == other


def test_a_helper_is_not_run_and_the_error_says_so(tmp_path: Path) -> None:
    found = keyring(
        tmp_path, {"auths": {"a.test": {}}, "credHelpers": {"b.test": "ecr-login"}, "credsStore": "desktop"}
    )

    assert found.find("a.test") is None
    assert found.find("b.test") is None
    assert found.lack("a.test").endswith(
        "config.json leaves them to the credential helper 'desktop', which is not run; give them another way"
    )
    assert "'ecr-login'" in found.lack("b.test")
    assert Keyring().lack("a.test") == "no credentials are given for it"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not JSON"),
        ("hunter2", "not JSON"),
        ('{"auths": {"h": {"auth": "hunter2"}}}', "auths.h.auth: must be USER:PASSWORD in base64"),
        ('{"auths": {"h": {"auth": "aHVudGVyMg=="}}}', "auths.h.auth: must be USER:PASSWORD in base64"),
        ('{"auths": {"h": "hunter2"}}', "Expected `object`, got `str`"),
        ('{"auths": ["hunter2"]}', "Expected `object`, got `array`"),
        ('{"auths": ' + "[" * 100_000, "Expected `object`, got `array`"),
        ('{"other": ' + "[" * 100_000, "not JSON"),
        (" " * (1 << 20) + "{}", "larger than 1048576 bytes"),
    ],
)
def test_a_file_that_is_wrong_is_refused_without_its_content(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        keyring(tmp_path, content)

    assert str(tmp_path / "config.json") in str(raised.value)
    assert complaint in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"config\.json: No such file"):
        Keyring(docker_config=tmp_path / "config.json")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic", [("basic", {})]),
        ('Basic realm="a \\"b\\", c"', [("basic", {"realm": 'a "b", c'})]),
        (
            'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.test/token",
                        "service": "registry.test",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        ("BEARER Realm=x , Service = y", [("bearer", {"realm": "x", "service": "y"})]),
        (
            "Negotiate, Basic realm=x, Bearer realm=y",
            [("negotiate", {}), ("basic", {"realm": "x"}), ("bearer", {"realm": "y"})],
        ),
        ("Bearer realm=first, realm=second", [("bearer", {"realm": "first"})]),
        ('Bearer realm="endless', [("bearer", {})]),
        ("", []),
        ("=", []),
        ("realm=x", []),
    ],
)
def test_a_challenge_is_read(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges([header]) == [Challenge(scheme=scheme, parameters=pairs) for scheme, pairs in expected]


@given(st.lists(st.text(alphabet='abAB01 ,="\\\t', max_size=40) | st.text(), max_size=3))
def test_any_challenge_can_be_read(headers: list[str]) -> None:
    for challenge in parse_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower() != ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.5.6.7", "[::1]"])
def test_loopback_may_be_plain(host: str) -> None:
    assert RegistrySettings().may_be_plain(host)
    assert RegistrySettings().may_be_plain(f"{host}:5000")


@pytest.mark.parametrize("name", ["docker.io", "localhost.test", "10.0.0.1:5000", "[2001:db8::1]", "127.0.0.1.test"])
def test_nothing_else_may(name: str) -> None:
    assert not RegistrySettings().may_be_plain(name)
    assert RegistrySettings(insecure=[name]).may_be_plain(name)
