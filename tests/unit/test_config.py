"""The configuration: what overrides what, and that nothing wrong gets by."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.config import Config, load_config
from sandboxd.errors import InvalidConfiguration

TLS = {"tls_cert": "cert.pem", "tls_key": "key.pem"}


def write(directory: Path, text: str) -> Path:
    path = directory / "sandboxd.toml"
    path.write_text(text)
    return path


def failure(path: Path | None = None, env: dict[str, str] | None = None, **flags: object) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        load_config(path, env or {}, flags)
    return str(caught.value)


def test_without_any_source_there_are_defaults():
    config = load_config(None, {}, {})

    assert Config() == config
    assert ("127.0.0.1:50051", "", Path("/var/lib/sandboxd/images")) == (
        config.listen,
        config.metrics_listen,
        config.store,
    )


def test_file_gives_every_type(tmp_path):
    path = write(tmp_path, 'slots = 3\ndrain_s = 2\nstate_dir = "/srv/sandboxd"\nlog_level = "debug"\n')

    config = load_config(path, {}, {})

    assert (3, 2.0, Path("/srv/sandboxd"), "DEBUG") == (
        config.slots,
        config.drain_s,
        config.state_dir,
        config.log_level,
    )


def test_environment_is_over_the_file_and_flags_over_both(tmp_path):
    path = write(tmp_path, "slots = 1\nqueue = 1\npool_max = 0\nuid_slots = 1\n")

    config = load_config(path, {"SANDBOXD_QUEUE": "2", "SANDBOXD_UID_SLOTS": "2"}, {"uid_slots": 3})

    assert (1, 2, 3) == (config.slots, config.queue, config.uid_slots)


def test_flag_that_was_not_given_overrides_nothing():
    assert 7 == load_config(None, {"SANDBOXD_SLOTS": "7"}, {"slots": None}).slots


def test_paths_may_be_given_as_such():
    assert Path("/p") == load_config(None, {}, {"policies_dir": Path("/p")}).policies_dir


@pytest.mark.parametrize(
    "name",
    [
        "SANDBOXD_SERVER",
        "SANDBOXD_SERVER_CA",
        "SANDBOXD_CLIENT_CERT",
        "SANDBOXD_CLIENT_KEY",
        "SANDBOXD_TLS",
        "SANDBOXD_CONFIG",
        "SANDBOXD_PORT",
        "SANDBOXD_PORT_50051_TCP_ADDR",
        "SANDBOXD_SERVICE_HOST",
        "PATH",
        "XSANDBOXD_SLOTS",
    ],
)
def test_variables_of_others_are_left_alone(name):
    """The client has one, and Kubernetes sets several beside a service named sandboxd."""
    assert Config() == load_config(None, {name: "tcp://10.0.0.1:1"}, {})


def test_images_of_an_ordinary_user_are_that_users(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/judge")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert Path("/home/judge/.local/share/sandboxd/images") == load_config(None, {}, {}).store

    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Path("/data/sandboxd/images") == load_config(None, {}, {}).store


def test_unknown_key_is_named_with_its_file(tmp_path):
    path = write(tmp_path, "slot = 3\n")

    assert f"{path}: slot: no such key; did you mean slots?" == failure(path)


def test_unknown_table_is_an_unknown_key(tmp_path):
    path = write(tmp_path, "[limits]\nmemory = 1\n")

    assert failure(path).startswith(f"{path}: limits: no such key")


def test_unknown_variable_is_named():
    assert "environment: SANDBOXD_QUEU: no such key; did you mean queue?" == failure(env={"SANDBOXD_QUEU": "3"})


def test_unknown_flag_is_named():
    assert failure(zzz=1).startswith("--zzz: no such key; there are: listen, ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('slots = "3"', "slots: Expected `int`, got `str`"),
        ("slots = 3.5", "slots: Expected `int`, got `float`"),
        ("slots = true", "slots: Expected `int`, got `bool`"),
        ("slots = -1", "slots: Expected `int` >= 0"),
        ("drain_s = nan", "drain_s: Expected `float` >= 0.0"),
        ("drain_s = inf", "drain_s: Expected `float` <= 86400.0"),
        ("listen = 50051", "listen: Expected `str`, got `int`"),
        ("max_message_bytes = 1024", "max_message_bytes: Expected `int` >= 1048576"),
        ('state_dir = ""', "state_dir: Expected a path"),
        ('state_dir = "a\\u0000b"', "state_dir: Expected a path"),
        ("tls_cert = 3", "tls_cert: Expected a path"),
        ('log_level = "loud"', "log_level: Invalid enum value 'LOUD'"),
        ("uid_base = 1000", "uid_base: Expected `int` >= 65536"),
    ],
)
def test_wrong_value_is_named_with_its_file(tmp_path, text, expected):
    path = write(tmp_path, text)

    assert f"{path}: {expected}" == failure(path)


def test_what_is_no_toml_names_the_file_and_the_place(tmp_path):
    path = write(tmp_path, "slots = \n")

    message = failure(path)

    assert message.startswith(f"{path}: ")
    assert "line 1" in message


def test_what_is_no_text_names_the_file(tmp_path):
    path = tmp_path / "sandboxd.toml"
    path.write_bytes(b"slots = \xff")

    assert failure(path).startswith(f"{path}: ")


def test_missing_file_is_an_error(tmp_path):
    path = tmp_path / "absent.toml"

    assert failure(path).startswith(f"{path}: ")


def test_wrong_variable_is_named():
    assert "environment: SANDBOXD_SLOTS: Expected `int`, got `str`" == failure(env={"SANDBOXD_SLOTS": "many"})


@pytest.mark.parametrize("key", ["listen", "metrics_listen", "default_image", "default_policy", "cgroup_parent"])
@pytest.mark.parametrize("text", ["unix:a\0b", "a\0b:1", "unix:\udcff", "\ud800"])
def test_what_is_no_text_is_refused(key, text):
    """Any bytes can be in a variable, and no path, address or argument has a NUL."""
    assert f"--{key.replace('_', '-')}: must be UTF-8 without NUL" == failure(**{key: text})


def test_bytes_for_a_number_are_refused():
    assert failure(env={"SANDBOXD_SLOTS": "\udcff"}).startswith("environment: SANDBOXD_SLOTS: ")


def test_what_is_too_deep_names_the_file(tmp_path):
    path = write(tmp_path, f"slots = {'[' * 5000}\n")

    assert failure(path).startswith(f"{path}: ")


def test_two_keys_that_do_not_fit_name_the_source_of_one(tmp_path):
    path = write(tmp_path, 'listen = "0.0.0.0:50051"\n')

    assert f"{path}: listen: 0.0.0.0:50051 is not loopback: that needs tls_cert and tls_key" == failure(path)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "127.8.8.8:1", "[::1]:50051", "localhost:65535", "unix:/run/x.sock", "unix:relative"]
)
def test_local_addresses_need_no_tls(address):
    assert address == load_config(None, {}, {"listen": address}).listen


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.org:1", "*:1", "127.0.0.1.nip:1"])
def test_other_addresses_need_tls(address):
    assert "needs tls_cert and tls_key" in failure(listen=address)
    assert address == load_config(None, {}, {"listen": address, **TLS}).listen


@pytest.mark.parametrize(
    "address", ["", "localhost", ":50051", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:50051", "h:1٣", "h:1 "]
)
def test_what_is_no_address_is_refused(address):
    assert f"--listen: {address!r} is not HOST:PORT or unix:PATH" == failure(listen=address, **TLS)


@pytest.mark.parametrize(("path", "length"), [("", 0), ("/" + "x" * 107, 108), ("ä" * 54, 108)])
def test_socket_path_that_the_kernel_has_no_room_for_is_refused(path, length):
    assert f"--listen: a socket's path has 1 to 107 bytes: {length}" == failure(listen=f"unix:{path}")


@pytest.mark.parametrize("mark", "%?#,")
def test_socket_path_that_grpc_reads_in_another_way_is_refused(mark):
    expected = f"--listen: a socket's path has no {mark!r}, which means something to gRPC: '/run/a{mark}41b'"

    assert expected == failure(listen=f"unix:/run/a{mark}41b")


def test_metrics_go_over_tcp():
    """And beyond loopback too: they say nothing of submissions, and Prometheus is elsewhere."""
    assert "0.0.0.0:9464" == load_config(None, {}, {"metrics_listen": "0.0.0.0:9464"}).metrics_listen
    assert "--metrics-listen: 'unix:/x' is not HOST:PORT" == failure(metrics_listen="unix:/x")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"tls_cert": "c"}, "tls_key: missing: tls_cert and tls_key go together"),
        ({"tls_key": "k"}, "tls_cert: missing: tls_cert and tls_key go together"),
        ({"tls_client_ca": "ca"}, "--tls-client-ca: needs tls_cert and tls_key"),
        ({"cgroup_parent": "/a/../../b"}, "--cgroup-parent: must have no '..'"),
    ],
)
def test_keys_that_need_each_other(flags, expected):
    assert expected == failure(**flags)


def test_ranges_of_ids_end_before_the_last_id():
    """The range of 65,536 ids below 2**32 - 1, which chown(2) takes for 'leave it', is out of bounds."""
    most = 2**32 - 1 - 65536

    one = {"uid_slots": 1, "slots": 1, "pool_max": 0}

    assert most == load_config(None, {}, {"uid_base": most, **one}).uid_base
    assert "goes beyond the last id" in failure(uid_base=most + 1, **one)


def test_every_container_must_have_ids():
    """Those of the slots, and as many spare ones as there may be, of whatever kinds."""
    assert 36 == load_config(None, {}, {"slots": 4, "pool_max": 32, "uid_slots": 36}).uid_slots
    assert "35 are too few for slots and pool, which may have 36 containers" in failure(
        slots=4, pool_max=32, uid_slots=35
    )


def test_an_ordinary_users_ids_are_enough_for_the_defaults():
    """65,536 of them, three for each container."""
    assert Config().most_containers <= 65536 // 3


def test_pool_has_a_sixteenth_of_the_memory_unless_told():
    physical = Path("/proc/meminfo").read_text().split()[1]

    assert int(physical) * 1024 // 16 == pytest.approx(Config().effective_pool_memory_bytes, rel=1e-6)
    assert 5 == Config(pool_memory_bytes=5).effective_pool_memory_bytes


def test_slots_unset_are_four_a_cpu():
    assert 4 * len(os.sched_getaffinity(0)) == Config().effective_slots
    assert 3 == Config(slots=3).effective_slots


def test_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        Config().slots = 3


def test_configuration_made_by_hand_is_checked_too():
    with pytest.raises(InvalidConfiguration, match=r"listen: 0\.0\.0\.0:1 is not loopback"):
        Config(listen="0.0.0.0:1")


@given(st.dictionaries(st.sampled_from([f.name for f in msgspec.structs.fields(Config)]), st.text()))
def test_no_text_in_the_environment_is_anything_but_accepted_or_refused_by_name(values):
    env = {f"SANDBOXD_{name.upper()}": value for name, value in values.items()}
    try:
        load_config(None, env, {})
    except InvalidConfiguration as error:
        assert str(error).startswith(("environment: SANDBOXD_", "tls_cert: missing", "tls_key: missing"))  # noqa: PT017
