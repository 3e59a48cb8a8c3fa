"""What keeps a server from starting, each named with its fix; and what is only worth a warning."""

from __future__ import annotations

import resource

import pytest

from sandboxd import app
from sandboxd.errors import HostUnfit
from sandboxd.linux import cgroups, landlock, network, user_namespace
from sandboxd.runtime import preflight

RESTRICTED = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
CONFINED = "/proc/self/attr/current"


def no_group(*_):
    raise FileNotFoundError(2, "no cgroup file system is mounted")


def described(controllers="cpu cpuset memory pids", *, writable=True):
    return lambda: cgroups.Description("/sys/fs/cgroup", tuple(controllers.split()), writable)


WHOLE = [(0, 1000, 1), (1, 100_000, 65536)]
LACKS = [
    ("kernel", "boot Linux 5.12", [(preflight.platform, "release", lambda: "5.10.0-28-amd64")]),
    ("architecture", "x86_64", [(preflight.platform, "machine", lambda: "riscv64")]),
    ("privileges", "root", [(preflight, "_field", lambda *_: "0000000000000000")]),
    ("namespaces", "user.max_net_namespaces", [(preflight, "_read", {"/proc/sys/user/max_net_namespaces": "0"}.get)]),
    ("network", "interfaces", [(network, "up_in_a_new_namespace", lambda: ["eth0"])]),
    (
        "apparmor",
        "userns",
        [
            (preflight, "_read", {RESTRICTED: "1", CONFINED: "unprivileged_userns (enforce)"}.get),
            (user_namespace, "is_initial", lambda: False),
        ],
    ),
    ("cgroup", "mount cgroup2", [(cgroups, "detect_version", no_group)]),
    ("cgroup", "cgroup_enable=memory", [(cgroups, "describe", described("cpu cpuset pids"))]),
    (
        "cgroup",
        "delegated",
        [(cgroups, "describe", described("memory pids")), (user_namespace, "is_initial", lambda: False)],
    ),
    ("cgroup", "Delegate=yes", [(cgroups, "describe", described(writable=False))]),
    ("overlay", "modprobe overlay", [(preflight, "_read", {"/proc/filesystems": "nodev tmpfs"}.get)]),
    ("seccomp", "CONFIG_SECCOMP_FILTER", [(preflight, "_read", {}.get)]),
    ("libseccomp", "libseccomp2", [(preflight.ctypes, "CDLL", no_group)]),
]
WARNINGS = [
    (
        "swap",
        "swapaccount=1",
        [(preflight, "_read", lambda _: "Filename\n/swap"), (cgroups, "counts_swap", lambda: False)],
    ),
    (
        "ids",
        "--add-subuids",
        [
            (user_namespace, "is_initial", lambda: False),
            (user_namespace, "read_map", {"uid": WHOLE, "gid": [(0, 1000, 1)]}.get),
        ],
    ),
    ("erofs", "modprobe erofs", [(preflight, "_read", {"/proc/filesystems": "nodev overlay"}.get)]),
    ("landlock", "lsm=landlock", [(landlock, "abi_version", lambda: 0)]),
    ("open files", "ulimit -Hn", [(resource, "getrlimit", lambda _: (1024, 1024))]),
]


def check(name, patches, monkeypatch):
    """Return the line of a host that is as the patches have it."""
    for place, attribute, value in patches:
        monkeypatch.setattr(place, attribute, value)
    return next(line for line in (function() for function in preflight._CHECKS) if line.name == name)


@pytest.mark.parametrize(("name", "fix", "patches"), LACKS, ids=[f"{name}: {fix}" for name, fix, _ in LACKS])
def test_without_it_there_is_no_server(name, fix, patches, monkeypatch):
    line = check(name, patches, monkeypatch)

    assert (False, True) == (line.ok, line.required)
    assert fix in line.fix
    with pytest.raises(HostUnfit, match=name):
        app.refuse_unfit([line])


@pytest.mark.parametrize(("name", "fix", "patches"), WARNINGS, ids=[name for name, _, _ in WARNINGS])
def test_without_it_there_is_a_warning(name, fix, patches, monkeypatch):
    line = check(name, patches, monkeypatch)

    assert (False, False) == (line.ok, line.required)
    assert fix in line.fix
    app.refuse_unfit([line])


def test_an_image_that_is_not_there_is_required(tmp_path):
    line = preflight.check_host(tmp_path, "default", None)[-1]

    assert ("image", False, True, "make setup") == (line.name, line.ok, line.required, line.fix)


def test_without_the_program_that_containers_begin_with_it_says_how_to_have_it(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "PROGRAM", tmp_path / "sandboxd-init")

    check = preflight._init()

    assert (False, True) == (check.ok, check.required)
    assert "apt-get install gcc libc6-dev" in check.fix
