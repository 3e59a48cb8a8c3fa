"""What this host offers and what is missing, one check a line, each with its fix. ``sandboxd doctor`` prints it.

A required check that fails keeps the server from starting. The last word is a real container: ``app.doctor`` runs one.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandboxd.linux import cgroups, landlock, network, user_namespace
from sandboxd.runtime.zygote import PROGRAM

# clone3 5.3, which puts into a cgroup since 5.7, openat2 5.6, close_range 5.9, overlayfs in a user namespace 5.11, mount_setattr 5.12.
MIN_KERNEL = (5, 12)
MIN_OPEN_FILES = 4096
_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_NICE": 23,
    "CAP_MKNOD": 27,
}
_ARCHITECTURES = ("x86_64", "aarch64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's report."""

    name: str
    ok: bool
    required: bool
    finding: str
    fix: str = ""


def check_host(store: Path, default_image: str, cgroup_parent: str | None) -> list[Check]:
    """Look at everything that can be looked at without changing anything."""
    del cgroup_parent  # its place is tried by the launcher, which alone may change cgroups
    checks = [check() for check in _CHECKS]
    return [*checks, _image(store, default_image)]


def _check(name: str, ok: bool, finding: str, fix: str, *, required: bool = True) -> Check:
    return Check(name=name, ok=ok, required=required, finding=finding, fix="" if ok else fix)


def _kernel() -> Check:
    release = platform.release()
    match = re.match(r"(\d+)\.(\d+)", release)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    wanted = ".".join(map(str, MIN_KERNEL))
    return _check("kernel", version >= MIN_KERNEL, f"Linux {release}", f"boot Linux {wanted} or newer")


def _architecture() -> Check:
    machine = platform.machine()
    return _check("architecture", machine in _ARCHITECTURES, machine, f"use a machine of {' or '.join(_ARCHITECTURES)}")


def _privileges() -> Check:
    effective = int(_field("/proc/self/status", "CapEff"), 16)
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    of = "" if user_namespace.is_initial() else " of a user namespace"
    finding = (
        f"missing {' '.join(missing)}" if missing else f"uid {os.geteuid()}{of} with the capabilities of a launcher"
    )
    return _check("privileges", not missing, finding, "run sandboxd as root, or give its unit these capabilities")


def _identities() -> Check:
    """Warn of what is lost where containers have not many ids each."""
    if user_namespace.is_initial():
        return _check("ids", True, "65,536 for each container", "")
    if user_namespace.has_several_ids():
        counts = (sum(count for _, _, count in user_namespace.read_map(kind)) for kind in ("uid", "gid"))
        return _check("ids", True, f"three for each container, out of {min(counts)}", "")
    finding = (
        "one for everybody: the program can end its own init, which is an INTERNAL_ERROR then; it has this user's groups "
        "and, where a wall does not hold, this user's rights"
    )
    fix = "as root: apt-get install uidmap; usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER, a range that nobody has"
    return _check("ids", False, finding, fix, required=False)


def _namespaces() -> Check:
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    missing = [kind for kind in kinds if not os.path.exists(f"/proc/self/ns/{kind}")]
    closed = [
        kind
        for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
        if _read(f"/proc/sys/user/max_{kind}_namespaces") == "0"
    ]
    if missing:
        return _check("namespaces", False, f"the kernel lacks {' '.join(missing)}", "use a distribution's kernel")
    fix = "; ".join(f"sysctl -w user.max_{kind}_namespaces=10000" for kind in closed)
    finding = f"forbidden: {' '.join(closed)}" if closed else " ".join(kinds)
    return _check("namespaces", not closed, finding, fix)


def _network() -> Check:
    fix = "find out what brings interfaces up in new namespaces: a container must have none"
    try:
        up = network.up_in_a_new_namespace()
    except OSError as error:
        return _check("network", False, f"no namespace can be made: {error.strerror}", "run sandboxd as root")
    finding = f"up in a new namespace: {' '.join(up)}" if up else "no interface is up in a new namespace"
    return _check("network", not up, finding, fix)


def _apparmor() -> Check:
    restricted = _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
    confined = _read("/proc/self/attr/current") or "unconfined"
    finding = "user namespaces are not restricted"
    if restricted:
        finding = f"unprivileged user namespaces are restricted; this process is {confined}"
    fix = "run sandboxd as root, or load a profile with 'userns,' for it, or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    allowed = user_namespace.is_initial() or not confined.startswith(
        "unprivileged_userns"
    )  # Ubuntu's, which takes the capabilities
    return _check("apparmor", not restricted or allowed, finding, fix)


def _cgroup() -> Check:
    try:
        version = cgroups.detect_version()
        found = cgroups.describe()
    except OSError as error:
        return _check("cgroup", False, str(error), "mount cgroup2 on /sys/fs/cgroup")
    missing = [controller for controller in ("cpu", "cpuset", "memory", "pids") if controller not in found.controllers]
    if missing:
        fix = "boot with cgroup_enable=" + ",".join(missing)
        if not user_namespace.is_initial():
            fix = "have them delegated: docs/operations.md, as an ordinary user"
        return _check("cgroup", False, f"v{version} lacks {' '.join(missing)}", fix)
    finding = f"v{version} at {found.place}, controllers {' '.join(found.controllers)}"
    finding += "" if found.writable else ", not writable"
    fix = "delegate a subtree (systemd: Delegate=yes), or run as root with cgroupfs mounted read-write"
    return _check("cgroup", found.writable, finding, fix)


def _swap() -> Check:
    swap_on = len((_read("/proc/swaps") or "").splitlines()) > 1
    accounted = not swap_on or cgroups.counts_swap()
    finding = "off" if not swap_on else "counted by the cgroup" if accounted else "on, and not counted by the cgroup"
    return _check("swap", accounted, finding, "boot with swapaccount=1, or swapoff -a", required=False)


def _filesystem(name: str, *, required: bool, fix: str) -> Callable[[], Check]:
    def check() -> Check:
        known = name in (_read("/proc/filesystems") or "").split()
        return _check(name, known, "available" if known else "not loaded", fix, required=required)

    return check


def _seccomp() -> Check:
    actions = (_read("/proc/sys/kernel/seccomp/actions_avail") or "").split()
    ok = "user_notif" in actions
    finding = f"filters with {' '.join(actions)}" if actions else "not in this kernel"
    return _check("seccomp", ok, finding, "use a kernel with CONFIG_SECCOMP_FILTER, Linux 5.0 or newer")


def _libseccomp() -> Check:
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return _check("libseccomp", False, "not found", "apt-get install libseccomp2")
    return _check("libseccomp", True, "libseccomp.so.2", "")


def _landlock() -> Check:
    abi = landlock.abi_version()
    finding = f"ABI {abi}" if abi else "not in this kernel"
    fix = "boot with lsm=landlock,... and Linux 5.19 or newer"
    return _check("landlock", abi >= landlock.MIN_ABI, finding, fix, required=False)


def _open_files() -> Check:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ok = hard == resource.RLIM_INFINITY or hard >= MIN_OPEN_FILES
    return _check(
        "open files", ok, f"at most {hard}", f"ulimit -Hn {MIN_OPEN_FILES}, or LimitNOFILE= in the unit", required=False
    )


def _core_dumps() -> Check:
    pattern = _read("/proc/sys/kernel/core_pattern") or ""
    piped, hard = pattern.startswith("|"), resource.getrlimit(resource.RLIMIT_CORE)[1]
    finding = (
        f"given to {pattern[1:].split()[0]}, but for those of containers" if piped else "of containers there are none"
    )
    fix = "sysctl -w kernel.core_pattern=core, or ulimit -Hc 1, or LimitCORE=1 in the unit"
    return _check(
        "core dumps", not piped or hard != 0, finding if hard or not piped else f"all given to {pattern}", fix
    )


def _python() -> Check:
    return _check("python", sys.version_info >= (3, 11), platform.python_version(), "use Python 3.11 or newer")


def _init() -> Check:
    present = os.access(PROGRAM, os.X_OK)
    finding = str(PROGRAM) if present else f"no {PROGRAM}"
    fix = "apt-get install gcc libc6-dev, and install sandboxd again; in a checkout: python deploy/build_init.py"
    return _check("init", present, finding, fix)


def _image(store: Path, name: str) -> Check:
    place = store / name
    present = (place / "manifest.toml").exists()
    if present and (place / "root.erofs").exists() and not user_namespace.is_initial():
        fix = f"build it as this user: python -m sandboxd.images.build images/{name} --store {store}"
        return _check("image", False, f"{place / 'root.erofs'} is a file, which only the host's root can mount", fix)
    return _check("image", present, f"{name} in {store}" if present else f"no {name} in {store}", "make setup")


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace").strip("\n\0 ")
    except OSError:
        return None


def _field(path: str, key: str) -> str:
    return next(_fields(path, key))


def _fields(path: str, key: str) -> Iterator[str]:
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            yield value.strip()


_CHECKS: tuple[Callable[[], Check], ...] = (
    _kernel,
    _architecture,
    _python,
    _init,
    _privileges,
    _identities,
    _namespaces,
    _network,
    _apparmor,
    _cgroup,
    _swap,
    _filesystem("overlay", required=True, fix="modprobe overlay"),
    _filesystem("erofs", required=False, fix="modprobe erofs"),
    _seccomp,
    _libseccomp,
    _landlock,
    _core_dumps,
    _open_files,
)
