"""Credentials for registries: given by the caller, or read from a config.json as ``docker login`` writes it.

Credential helpers (``credsStore``, ``credHelpers``) are programs that somebody else's file names: they are not run.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sandboxd.errors import InvalidConfiguration

DOCKER_HUB = "docker.io"
_HUB_NAMES = ("index.docker.io", "registry-1.docker.io")
_API_PATHS = ("", "v1", "v2")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one registry knows the caller by. Its repr has no secret."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """Exchanged for tokens (OAuth 2 refresh token), where there is one; the password is not used then."""
    registry_token: str = field(default="", repr=False)
    """Sent as it is, where there is one; nothing else is used then."""

    def basic(self) -> str:
        """Return the value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


class Keyring:
    """Credentials by registry."""

    def __init__(self, given: Mapping[str, Credentials] | None = None, docker_config: Path | None = None) -> None:
        """What is given precedes what the file has. InvalidConfiguration if the file cannot be read."""
        config = _Config() if docker_config is None else _read(docker_config)
        self._path = docker_config
        self._helpers = {_registry(name): helper for name, helper in config.credHelpers.items()}
        self._default_helper = config.credsStore
        self._credentials = _from_auths(config.auths, docker_config) | dict(given or {})

    def find(self, registry: str) -> Credentials | None:
        """Return what there is for a registry."""
        return self._credentials.get(registry)

    def lack(self, registry: str) -> str:
        """Say why there are none for it."""
        if helper := self._helpers.get(registry, self._default_helper):
            return (
                f"no credentials: {self._path} leaves them to the credential helper {helper!r}, "
                "which is not run; give them another way"
            )
        return "no credentials are given for it"


class _Auth(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _Config(msgspec.Struct):
    """Only what is used; a config.json has other keys, too."""

    auths: dict[str, _Auth] = msgspec.field(default_factory=dict)
    credHelpers: dict[str, str] = msgspec.field(default_factory=dict)  # noqa: N815
    credsStore: str = ""  # noqa: N815


def _read(path: Path) -> _Config:
    """Read the file. Its content is never in an error: not even where it stops being JSON."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidConfiguration(f"{path}: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise InvalidConfiguration(f"{path}: larger than {_MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(data, type=_Config)
    except msgspec.ValidationError as error:
        raise InvalidConfiguration(f"{path}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidConfiguration(f"{path}: not JSON") from None


def _from_auths(auths: Mapping[str, _Auth], path: Path | None) -> dict[str, Credentials]:
    found = {}
    for name, auth in auths.items():
        credentials = _credentials(name, auth, path)
        if credentials != Credentials():  # docker login leaves an empty entry where a helper keeps it
            found[_registry(name)] = credentials
    return found


def _credentials(name: str, auth: _Auth, path: Path | None) -> Credentials:
    username, password = auth.username, auth.password
    if auth.auth:
        try:
            username, colon, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            colon = ""
        if not colon:
            raise InvalidConfiguration(f"{path}: auths.{name}.auth: must be USER:PASSWORD in base64") from None
    return Credentials(
        username=username,
        password=password.rstrip("\0"),
        identity_token=auth.identitytoken,
        registry_token=auth.registrytoken,
    )


def _registry(name: str) -> str:
    """Return the registry that a key means: docker writes some as addresses, and its own as one of 2013.

    A key with another path means a part of a registry, to some tools; to docker, and here, it means no registry.
    """
    host, _, path = name.removeprefix("https://").removeprefix("http://").partition("/")
    if path.strip("/") not in _API_PATHS:
        return name
    return DOCKER_HUB if host in _HUB_NAMES else host
