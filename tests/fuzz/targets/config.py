"""The server's configuration: a file, variables over it, flags over both."""

from __future__ import annotations

import math
import os

from sandboxd.config import Config, load_config
from sandboxd.errors import InvalidConfiguration
from tests.fuzz import files

_LAST_ID = 2**32 - 2
_FENCE = b"\n---\n"


def fuzz(data: bytes) -> None:
    """Make a configuration that a server can start with, or raise InvalidConfiguration that names the source or the key.

    Behind a line of three dashes come variables, NAME=VALUE, and flags, --name=VALUE.
    """
    text, _, rest = data.partition(_FENCE)
    path = files.put(files.directory("config") / "sandboxd.toml", text)
    pairs = [line.partition("=")[::2] for line in os.fsdecode(rest.replace(b"\0", b"")).split("\n") if "=" in line]
    flags = {name[2:].replace("-", "_"): value for name, value in pairs if name.startswith("--")}
    env = {name: value for name, value in pairs if not name.startswith("--")}
    try:
        config = load_config(path, env, flags)
    except InvalidConfiguration as error:
        named = (f"{path}: ", "environment: SANDBOXD_", "--", *(f"{key}: " for key in Config.__struct_fields__))
        assert str(error).startswith(named), error  # noqa: PT017  (what else is raised is the finding)
        return
    _check(config)


def _check(config: Config) -> None:
    words = [config.listen, config.metrics_listen, config.cgroup_parent, config.default_image, config.default_policy]
    places = [config.state_dir, config.policies_dir, config.tls_cert, config.tls_key, config.tls_client_ca]
    for word in (*words, *(os.fspath(place) for place in places if place is not None)):
        assert "\0" not in word, word  # no path, no address and no argument of a process has one
    assert math.isfinite(config.drain_s)
    assert 0 <= config.drain_s <= 86400
    assert 0 < config.uid_base <= config.uid_base + config.uid_slots * 65536 - 1 <= _LAST_ID
    assert config.uid_slots >= config.effective_slots + config.pool_max
    assert (config.tls_cert is None) == (config.tls_key is None)
    for address in filter(None, (config.listen, config.metrics_listen)):
        if address.startswith("unix:") and address == config.listen:
            assert 0 < len(os.fsencode(address)) - len("unix:") <= 107
        else:
            assert 0 <= int(address.rpartition(":")[2]) <= 65535
