"""The server's configuration: a TOML file, environment variables over it, flags over both.

An unknown key, a wrong type or a value out of bounds is an error that names its source and its key; nothing is guessed.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from sandboxd.errors import InvalidConfiguration

ENV_PREFIX = "SANDBOXD_"
POOL_KINDS = 8
"""Of how many images and policies containers are kept ready at most."""
# The client's own variables, and what Kubernetes sets in every pod beside a service of the name sandboxd.
_NOT_OURS = re.compile(r"SANDBOXD_(SERVER|SERVER_CA|CLIENT_CERT|CLIENT_KEY|TLS|CONFIG|PORT|PORT_.*|SERVICE_.*)")
_MIB = 1024 * 1024
_POOLS_PART = 16  # of the machine's memory: the pool has one of so many
_IDS_PER_CONTAINER = 65536
_LAST_ID = 2**32 - 2  # 2**32 - 1 is chown(2)'s "leave it"
_UNIX = "unix:"
_NOT_IN_SOCKET_PATHS = "%?#,"  # gRPC has another path in the server, or in clients, than what is written
_MAX_SOCKET_PATH = 107  # sun_path of unix(7) with its NUL


ROOTS_STATE_DIR = Path("/var/lib/sandboxd")


def default_state_dir() -> Path:
    """Return where this user's images are unless somebody says otherwise."""
    if os.geteuid() == 0:
        return ROOTS_STATE_DIR
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share", "sandboxd")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every key, with its default."""

    listen: str = "127.0.0.1:50051"
    """Where gRPC is served: HOST:PORT, port 0 for a free one, or unix:PATH. Beyond loopback only with TLS."""
    metrics_listen: str = ""
    """Where /metrics is served: HOST:PORT; empty for nowhere."""
    state_dir: Path = msgspec.field(default_factory=default_state_dir)
    """Holds images/. By default root's is in /var/lib, another user's in ~/.local/share (XDG Base Directory Specification)."""
    policies_dir: Path | None = None
    """Policies; by default those that sandboxd ships."""
    default_image: str = "default"
    """Image of a request that names none."""
    default_policy: str = "default"
    """Policy of a request that names none."""
    slots: Annotated[int, Meta(ge=0, le=65536)] = 0
    """Executions at one time; 0 for four a CPU."""
    queue: Annotated[int, Meta(ge=0, le=1_000_000)] = 256
    """Submissions that may wait for a slot; one more is RESOURCE_EXHAUSTED, but for clients who have little or nothing here."""
    pool_min: Annotated[int, Meta(ge=0, le=4096)] = 2
    """Containers of each image and policy in use that are kept ready at least, as far as the next two keys allow."""
    pool_max: Annotated[int, Meta(ge=0, le=4096)] = 64
    """Containers that are kept ready at most, of all images and policies together, where there is demand; 0 for none."""
    pool_memory_bytes: Annotated[int, Meta(ge=0, le=2**50)] = 0
    """What those that are kept ready may take together, as their control groups count; 0 for a sixteenth of the machine's memory."""
    templates: Annotated[int, Meta(ge=0, le=64)] = 4
    """Templates at one time, each with what its runtime holds; 0 for none: every program is exec'ed."""
    uid_base: Annotated[int, Meta(ge=_IDS_PER_CONTAINER)] = 0x70000000
    """First id on the host of the containers' ranges of 65,536 ids each. Nothing else may use them."""
    uid_slots: Annotated[int, Meta(ge=1, le=65535)] = 2048
    """How many such ranges, and so containers, there can be."""
    cgroup_parent: str = ""
    """Group below which containers' groups are made; by default the server's own."""
    max_message_bytes: Annotated[int, Meta(ge=_MIB, le=2**31 - 1)] = 64 * _MIB
    """Largest gRPC message."""
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    """Connections at one time; each takes a descriptor of those that containers need. Further ones wait."""
    drain_s: Annotated[float, Meta(ge=0, le=86400)] = 30.0
    """How long running executions may go on after SIGTERM."""
    tls_cert: Path | None = None
    """Certificate chain of the server, PEM."""
    tls_key: Path | None = None
    """Its private key, PEM."""
    tls_client_ca: Path | None = None
    """Certificates, PEM, of which one must have signed every client's."""
    manage_images: bool | None = None
    """Whether clients may change images, and push them. By default those of a server that is not served beyond this host."""
    wheelhouse: Path | None = None
    """Directory that all wheels of requirements come from; by default an index is asked: PyPI, or what uv's own variables name."""
    registry_ca_file: Path | None = None
    """Certificates, PEM, of authorities that registries of images are trusted by beside the system's."""
    registry_insecure: tuple[str, ...] = ()
    """Registries, HOST or HOST:PORT, that may be spoken to without TLS, as those on loopback may."""
    registry_mirrors: dict[str, tuple[str, ...]] = {}
    """By registry: those that are asked before it when an image is pulled."""
    registry_auth_file: Path | None = None
    """Credentials for registries: a config.json as docker login writes it."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least level that is logged."""

    def __post_init__(self) -> None:
        for key, problem in _problems(self):
            raise _Problem(key, problem)

    @property
    def store(self) -> Path:
        """Where the images are."""
        return self.state_dir / "images"

    @property
    def images_fixed(self) -> bool:
        """Whether clients may not change images, worked out."""
        return not (is_local(self.listen) if self.manage_images is None else self.manage_images)

    @property
    def effective_slots(self) -> int:
        """Executions at one time, worked out."""
        return self.slots or 4 * len(os.sched_getaffinity(0))

    @property
    def effective_pool_memory_bytes(self) -> int:
        """What containers that are kept ready may take together, worked out."""
        return self.pool_memory_bytes or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _POOLS_PART

    @property
    def most_containers(self) -> int:
        """How many containers slots and pool may have."""
        return self.effective_slots + self.pool_max

    def private(self, socket: str, **changes: object) -> Config:
        """Return the configuration of a server for one client of this host, at a Unix socket: no metrics, no TLS."""
        unset = {"metrics_listen": "", "tls_cert": None, "tls_key": None, "tls_client_ca": None}
        return msgspec.structs.replace(self, **{**unset, "listen": f"{_UNIX}{socket}", **changes})

    def to_toml(self) -> str:
        """Return it as a file says it."""
        values = msgspec.to_builtins(self, enc_hook=str)
        return "".join(f"{key} = {_to_toml(value)}\n" for key, value in values.items() if value is not None)


_TYPES = get_type_hints(Config, include_extras=True)
_STRUCTURED = tuple(key for key, kind in _TYPES.items() if get_origin(kind) in (tuple, dict))
_TEXTS = tuple(key for key, kind in _TYPES.items() if kind is str)


def load_config(path: Path | None, env: Mapping[str, str], overrides: Mapping[str, object]) -> Config:
    """Return the configuration. An override of None is a flag that was not given."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for key, name, value, strict in _settings(path, env, overrides):
        values[key] = _convert(key, name, value, strict=strict)
        names[key] = name
    try:
        return Config(**values)
    except _Problem as problem:
        raise InvalidConfiguration(f"{names.get(problem.key, problem.key)}: {problem.text}") from None


def _to_toml(value: Any) -> str:
    """Write a value as TOML does, which is as JSON does, but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_to_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


class _Problem(InvalidConfiguration):
    """What is wrong with a key whose type is right."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}")
        self.key = key
        self.text = text


def _settings(
    path: Path | None, env: Mapping[str, str], overrides: Mapping[str, object]
) -> Iterator[tuple[str, str, object, bool]]:
    """Yield each setting, weakest first: key, name for a person, value, and whether its type must match as it is."""
    if path is not None:
        for key, value in _read(path).items():
            yield key, f"{path}: {key}", value, True
    for variable, text in env.items():
        if variable.startswith(ENV_PREFIX) and not _NOT_OURS.fullmatch(variable):
            yield variable.removeprefix(ENV_PREFIX).lower(), f"environment: {variable}", text, False
    for key, value in overrides.items():
        if value is not None:
            yield key, f"--{key.replace('_', '-')}", value, False


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InvalidConfiguration(f"{path}: {error}") from error


def variables() -> list[str]:
    """Name the environment variables of all keys."""
    return [f"{ENV_PREFIX}{key.upper()}" for key in _TYPES]


def _convert(key: str, name: str, value: object, *, strict: bool) -> Any:
    if key not in _TYPES:
        close = difflib.get_close_matches(key, _TYPES, 1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(_TYPES)}"
        raise InvalidConfiguration(f"{name}: no such key{hint}")
    if not strict and isinstance(value, str) and key in _STRUCTURED:  # a variable has it as JSON
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidConfiguration(f"{name}: {error}") from None
    if key == "log_level" and isinstance(value, str):
        value = value.upper()
    try:
        return msgspec.convert(value, _TYPES[key], strict=strict, dec_hook=_path)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise InvalidConfiguration(f"{name}: {error}") from None


def _path(kind: type, value: object) -> object:
    """Make a path of a string: the one type that msgspec does not know."""
    text = str(value) if isinstance(value, str | Path) else ""
    if kind is not Path or not text or "\0" in text:
        raise ValueError("Expected a path")
    return Path(text)


def _problems(config: Config) -> Iterator[tuple[str, str]]:
    """Find what no single type can say."""
    for key in _TEXTS:
        if not _is_text(getattr(config, key)):
            yield key, "must be UTF-8 without NUL"
    if problem := _address_problem(config.listen, unix=True):
        yield "listen", problem
    elif not is_local(config.listen) and config.tls_cert is None:
        yield "listen", f"{config.listen} is not loopback: that needs tls_cert and tls_key"
    if config.metrics_listen and (problem := _address_problem(config.metrics_listen, unix=False)):
        yield "metrics_listen", problem
    if (config.tls_cert is None) != (config.tls_key is None):
        missing = "tls_cert" if config.tls_cert is None else "tls_key"
        yield missing, "missing: tls_cert and tls_key go together"
    if config.tls_client_ca is not None and config.tls_cert is None:
        yield "tls_client_ca", "needs tls_cert and tls_key"
    if config.uid_base + config.uid_slots * _IDS_PER_CONTAINER - 1 > _LAST_ID:
        yield "uid_base", f"with {config.uid_slots} uid_slots of 65536 ids each it goes beyond the last id, {_LAST_ID}"
    if config.uid_slots < config.most_containers:
        least = config.most_containers
        yield "uid_slots", f"{config.uid_slots} are too few for slots and pool, which may have {least} containers"
    if ".." in config.cgroup_parent.split("/"):
        yield "cgroup_parent", "must have no '..'"


def _is_text(value: str) -> bool:
    """Whether gRPC, and the argument of a process, can be this: variables and flags may be any bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _address_problem(address: str, *, unix: bool) -> str:
    if unix and address.startswith(_UNIX):
        path = address.removeprefix(_UNIX)
        if mark := next((mark for mark in path if mark in _NOT_IN_SOCKET_PATHS), ""):
            return f"a socket's path has no {mark!r}, which means something to gRPC: {path!r}"
        length = len(os.fsencode(path))
        return "" if 0 < length <= _MAX_SOCKET_PATH else f"a socket's path has 1 to {_MAX_SOCKET_PATH} bytes: {length}"
    host, _, port = address.rpartition(":")
    bare_v6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not host or bare_v6 or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:  # noqa: PLR2004
        return f"{address!r} is not HOST:PORT" + (" or unix:PATH" if unix else "")
    return ""


def is_local(address: str) -> bool:
    """Whether an address can be dialled from this host alone."""
    if address.startswith(_UNIX):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
