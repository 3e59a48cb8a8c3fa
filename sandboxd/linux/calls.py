"""What scripts are made of: the calls for mounts, users, capabilities, Landlock and seccomp. See ``script``."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Mapping, Sequence

from sandboxd.linux import credentials, landlock, mounts, process, seccomp
from sandboxd.linux.mounts import MountFlag
from sandboxd.linux.script import Address, Cell, Script, Text

_BIND = MountFlag.BIND
_BIND_ALL = MountFlag.BIND | MountFlag.REC
_UNCHANGED = -1
_FPROG = struct.Struct("<H6x")  # struct sock_fprog, but for its pointer
_NO_SIGNALS = bytes(8)  # sigset_t, as the kernel has it
_SIG_SETMASK = 2  # asm-generic/signal-defs.h
_LAST_DESCRIPTOR = (1 << 32) - 1


def mount(
    script: Script,
    source: Text | None,
    target: Text,
    fstype: Text | None = None,
    flags: int = 0,
    data: Text | None = None,
) -> None:
    """mount(2)."""
    script.call("mount", source, target, fstype, flags, data, about=target)


def attach(script: Script, mount_fd: Cell, target: Text) -> None:
    """Put a detached mount at ``target``, and let go of its descriptor."""
    script.call("move_mount", mount_fd, "", mounts.AT_FDCWD, target, mounts.MOVE_MOUNT_F_EMPTY_PATH, about=target)
    script.call("close", mount_fd)


def make_private(script: Script) -> None:
    """Cut all mounts of this namespace off from other namespaces, both ways."""
    mount(script, None, "/", None, mounts.PRIVATE)


def pivot_into(script: Script, root: Text) -> None:
    """As :func:`sandboxd.linux.mounts.pivot_into`."""
    script.call("chdir", root, about=root)
    script.call("pivot_root", ".", ".", about=root)
    script.call("umount2", ".", mounts.MNT_DETACH, about=root)
    script.call("chdir", "/")


def mask(script: Script, path: bytes, cover: bytes, otherwise: bytes) -> None:
    """Hide ``path`` behind ``cover``, which is a file or a directory as it should be, or else behind ``otherwise``.

    A path that is not there is hidden already. The kernel tells files from directories without a race, but refuses slowly:
    only after a grace period of RCU (namespace_unlock(), fs/namespace.c).
    """
    expected = {errno.ENOTDIR: 0, errno.ENOENT: 1}
    script.call("mount", cover, path, None, _BIND, None, about=path, skip=1, expected=expected)
    script.call("mount", otherwise, path, None, _BIND, None, about=path, expected={errno.ENOENT: 0})


def protect(script: Script, path: bytes) -> None:
    """Make ``path`` read-only. A path that is not there is left."""
    script.call("mount", path, path, None, _BIND_ALL, None, about=path, expected={errno.ENOENT: 1})
    write_protect(script, path)


def write_protect(script: Script, mount_point: bytes) -> None:
    """Make a mount read-only, and good for data alone."""
    mount(script, None, mount_point, None, mounts.READ_ONLY_DATA)


def make_undumpable(script: Script) -> None:
    """Deny ptrace, /proc/PID/mem and the like to every process without privileges over this one."""
    script.call("prctl", process.PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_new_privileges(script: Script) -> None:
    """Set no_new_privs: exec never adds privileges, for good and for every descendant."""
    script.call("prctl", process.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def leave_groups(script: Script) -> None:
    """Have no supplementary group. See :func:`sandboxd.linux.credentials.may_leave_groups`."""
    script.call("setgroups", 0, None)


def become(script: Script, uid: int, gid: int) -> None:
    """Take on all three ids for good. Undumpable, whatever fs.suid_dumpable says (proc(5))."""
    become_with_effective(script, uid, gid, uid)
    make_undumpable(script)


def become_with_effective(script: Script, uid: int, gid: int, effective: int) -> None:
    """Take on the ids as :func:`become` does, but act as user ``effective``; effective may go back to ``uid``, no further.

    A process of ``uid`` cannot set this one's limits: prlimit(2) asks for real, effective and saved id to match.
    """
    script.call("setresgid", gid, gid, gid)
    script.call("setresuid", uid, effective, effective)


def act_as(script: Script, uid: int) -> None:
    """Act as another user. The kernel makes who changes dumpable as it sees fit: so not that."""
    script.call("setresuid", _UNCHANGED, uid, _UNCHANGED)
    make_undumpable(script)


def lock_out_capabilities(script: Script, last: int) -> None:
    """Empty the bounding and ambient sets and lock the securebits. Needs CAP_SETPCAP: call it before :func:`become`."""
    for capability in range(last + 1):
        script.call("prctl", process.PR_CAPBSET_DROP, capability, 0, 0, 0)
    script.call("prctl", process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    script.call("prctl", process.PR_SET_SECUREBITS, credentials.SECUREBITS, 0, 0, 0)


def drop_capabilities(script: Script) -> None:
    """Empty the effective, permitted and inheritable sets."""
    _set_capabilities(script, effective=0, permitted=0, inheritable=0)


def become_with(script: Script, uid: int, gid: int, capability: int, last: int) -> None:
    """Take on the ids for good, with one capability, which execve(2) does not take away, and no way to another.

    The capability is an ambient one (capabilities(7)): what a program has that no file gave it. ``last`` is :func:`sandboxd.linux.credentials.last_capability`.
    """
    one, both = 1 << capability, 1 << capability | 1 << credentials.CAP_SETPCAP
    for other in set(range(last + 1)) - {capability}:
        script.call("prctl", process.PR_CAPBSET_DROP, other, 0, 0, 0)
    script.call("setresgid", gid, gid, gid)
    script.call("prctl", process.PR_SET_SECUREBITS, credentials.KEPT_OVER_SETUID, 0, 0, 0)
    script.call("setresuid", uid, uid, uid)
    _set_capabilities(script, effective=both, permitted=both, inheritable=one)
    script.call("prctl", process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    script.call("prctl", process.PR_CAPBSET_DROP, capability, 0, 0, 0)
    script.call("prctl", process.PR_SET_SECUREBITS, credentials.SECUREBITS, 0, 0, 0)
    _set_capabilities(script, effective=one, permitted=one, inheritable=one)


def _set_capabilities(script: Script, *, effective: int, permitted: int, inheritable: int) -> None:
    """Set the sets; all that is ever set is among the first 32 capabilities."""
    sets = script.put(struct.pack("=6I", effective, permitted, inheritable, 0, 0, 0))
    script.call("capset", script.put(credentials.HEADER), sets)


def limit(script: Script, resource: int, value: int) -> None:
    """Set a resource limit, soft and hard; one above the present hard limit is lowered to that one."""
    script.call("limit", resource, value)


def restrict_access(script: Script, to: landlock.Domain) -> None:
    """Allow this process, for ever, what the domain says, and nothing anywhere else.

    What can only be said of a domain comes with it: no mount may be changed; and from ABI 6 on no abstract socket and no
    process outside can be reached by connections and signals. Needs no_new_privs, or CAP_SYS_ADMIN in the namespace.
    """
    ruleset = script.cell()
    script.call("landlock_create_ruleset", script.put(to.attributes), len(to.attributes), 0, result=ruleset)
    for path, access in to.rules:
        rule, directory = landlock.rule(script, access)
        script.call("openat", mounts.AT_FDCWD, path, landlock.OPEN, about=path, result=directory)
        script.call("landlock_add_rule", ruleset, landlock.RULE_PATH_BENEATH, rule, 0, about=path)
        script.call("close", directory)
    script.call("landlock_restrict_self", ruleset, 0)
    script.call("close", ruleset)


def filter_system_calls(script: Script, bpf: bytes, listener: Cell | None) -> None:
    """Filter this process and its descendants for good; ``listener`` takes the descriptor of the notifications, if they are wanted.

    Needs no_new_privs or CAP_SYS_ADMIN. The descriptor is close-on-exec.
    """
    if not bpf or len(bpf) % seccomp.INSTRUCTION_BYTES:
        raise ValueError("not a BPF program")
    program = script.pointer(_FPROG.pack(len(bpf) // seccomp.INSTRUCTION_BYTES), script.put(bpf))
    flags = 0 if listener is None else seccomp.FLAG_NEW_LISTENER
    script.call("seccomp", seccomp.SET_MODE_FILTER, flags, program, result=listener)


def take_descriptor(script: Script, fd: Cell, number: int) -> None:
    """Have a descriptor under another number, for a program, too."""
    script.call("dup3", fd, number, 0)


def close_all_from(script: Script, first: int) -> None:
    """Close every descriptor from a number on. Linux 5.9."""
    script.call("close_range", first, _LAST_DESCRIPTOR, 0)


def block_no_signal(script: Script) -> None:
    """Block none of the signals."""
    script.call("rt_sigprocmask", _SIG_SETMASK, script.put(_NO_SIGNALS), None, len(_NO_SIGNALS))


def execute(script: Script, argv: Sequence[str], env: Mapping[str, str]) -> None:
    """execve(2)."""
    script.call("execve", argv[0], script.texts(argv), environment(script, env.items()), about=argv[0])


def environment(script: Script, env: Iterable[tuple[str, str]]) -> Address:
    """Put an environment into the message, as execve(2) takes it."""
    return script.texts([f"{name}={value}" for name, value in env])
