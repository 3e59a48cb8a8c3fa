"""The steps that turn a cloned process into init, each one wall. Their names are what a failure is reported by.

They run in the child, in the order of ``init.STEPS``. A step raises OSError; it never returns without its wall.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sandboxd.linux import cgroups, credentials, landlock, mounts, process, seccomp
from sandboxd.linux.landlock import Access, Domain
from sandboxd.linux.mounts import MountFlag
from sandboxd.runtime import layout, wire
from sandboxd.runtime.spec import HOSTNAME, PROGRAM_GID, PROGRAM_UID, WORKSPACE, IdMap

_GUARD = MountFlag.NOSUID | MountFlag.NODEV
_GUARD_DATA = _GUARD | MountFlag.NOEXEC
_GUARD_TERMINALS = MountFlag.NOSUID | MountFlag.NOEXEC
_WRITE_PROTECT = _GUARD | MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY
_BIND = MountFlag.BIND
_CGROUP = process.Namespace.CGROUP
_ROOT = layout.CONTAINER_ROOT
_WRITABLE = layout.CONTAINER_WRITABLE

# The OCI runtime specification's usual masked and read-only paths (those under /proc: there is no /sys), and
# kallsyms and kpage*, which tell about the kernel and its memory, and what tells of everybody's work on this machine.
MASKED_FILES = (
    b"/proc/buddyinfo",
    b"/proc/cgroups",
    b"/proc/cmdline",
    b"/proc/diskstats",
    b"/proc/interrupts",
    b"/proc/kallsyms",
    b"/proc/kcore",
    b"/proc/keys",
    b"/proc/key-users",
    b"/proc/kpagecgroup",
    b"/proc/kpagecount",
    b"/proc/kpageflags",
    b"/proc/latency_stats",
    b"/proc/locks",
    b"/proc/pagetypeinfo",
    b"/proc/sched_debug",
    b"/proc/schedstat",
    b"/proc/softirqs",
    b"/proc/timer_list",
    b"/proc/timer_stats",
)
MASKED_DIRECTORIES = (b"/proc/acpi", b"/proc/asound", b"/proc/fs", b"/proc/pressure", b"/proc/scsi")
_TERMINALS = 64
_TERMINAL_OPTIONS = f"newinstance,ptmxmode=0666,mode=0620,max={_TERMINALS},uid={PROGRAM_UID}".encode()
_PRIVATE = b",upperdir=" + _WRITABLE + b"/upper,workdir=" + _WRITABLE + b"/work,userxattr"
_OVER_WORKSPACE = (
    b",upperdir=%s/workspace,workdir=%s/%s,userxattr" % (_WRITABLE, _WRITABLE, os.fsencode(layout.WORKSPACE_WORK))
)  # fmt: skip
_STAT, _PROC_STAT = _WRITABLE + os.fsencode(f"/{layout.STAT}"), _ROOT + b"/proc/stat"
_NULL, _EMPTY = _ROOT + b"/dev/null", _WRITABLE + os.fsencode(f"/{layout.EMPTY}")
_WORKSPACE = _ROOT + os.fsencode(WORKSPACE)
_READY = wire.InitMessage(wire.FromInit.READY).encode()
WITH_ACCOUNT = b"go, with io"
"""What the launcher says where the last descriptor is init's account of bytes."""
READ_ONLY = (b"/proc/bus", b"/proc/irq", b"/proc/sys", b"/proc/sysrq-trigger")

_READ = Access.EXECUTE | Access.READ_FILE | Access.READ_DIR
_CHANGE = Access.WRITE_FILE | Access.TRUNCATE
_MAKE = (
    Access.MAKE_DIR | Access.MAKE_REG | Access.MAKE_SOCK | Access.MAKE_FIFO | Access.MAKE_SYM
    | Access.REMOVE_DIR | Access.REMOVE_FILE | Access.REFER
)  # fmt: skip
ACCESS = (
    ("/", _READ),
    ("/proc", _CHANGE),
    ("/dev", _CHANGE | Access.IOCTL_DEV),
    *((path, _CHANGE | _MAKE) for path in (WORKSPACE, "/tmp", "/dev/shm")),
    ("/dev/mqueue", _READ | _CHANGE | _MAKE),  # mq_open(3) comes by a mount of the kernel's own, which is not below /
)
"""What Landlock allows below each directory; to what is said of the ones above it, it adds."""


class Entering(Protocol):
    """Who enters a control group."""

    entrances: Sequence[int]
    """Of that group, where it was not born in it."""


@dataclass(slots=True, kw_only=True)
class Child:
    """What the child has been given."""

    control: socket.socket
    """The server's end of this is the container's owner."""
    ids: IdMap
    image: Sequence[bytes]
    """Where the image's layers are mounted in the launcher's tree, the lowest first."""
    workspaces: Sequence[int]
    """The numbers of those that have something in their workspace."""
    writable_fd: int
    """Detached mount of the container's own tmpfs."""
    devices_fd: int
    """Detached mount of its own /dev."""
    entrances: Sequence[int]
    """As of :class:`Entering`."""
    host_devices: Sequence[str]
    """What of it are the host's own nodes: all, where none can be made."""
    bpf: bytes
    last_capability: int
    landlock: Domain | None
    program: socket.socket | None = None
    """Where a template's fork speaks, if the program is one."""
    program_pid: int = 0
    spare: bool = False
    """Whether nobody waits for this container yet."""
    sync: socket.socket = field(init=False)
    """The launcher speaks here once: the ids are mapped; carries the layers' mounts if they are id-mapped, and ``io_fd``, if there is one."""
    listener: int = -1
    io_fd: int = -1
    """/proc/PID/io of this process: the bytes that it and all it has reaped read and wrote. Kernels without CONFIG_TASK_IO_ACCOUNTING have none."""


def keep_only_own_descriptors(child: Child) -> None:
    """Close what the launcher had open: other containers' sockets among it."""
    sockets = [child.sync.fileno(), child.control.fileno()]
    if child.program is not None:
        sockets.append(child.program.fileno())
    process.close_all_but((*sockets, child.writable_fd, child.devices_fd, *child.entrances))


def enter_group(child: Entering) -> None:
    """Enter the control group, unless it was born in it."""
    cgroups.enter(child.entrances)


def await_identity(child: Child) -> None:
    """Wait for the launcher to map the ids, and to open what tells of this process, which may not do so itself.

    It never may be dumpable while it has the launcher's tree: who owns its user namespace, as a template may, could enter that.
    """
    message, fds = wire.receive(child.sync, 16)
    if not message:
        raise ConnectionResetError(errno.ECONNRESET, "the launcher is gone")
    child.sync.close()
    if message == WITH_ACCOUNT:
        child.io_fd = fds.pop()
    if fds:
        child.image = [layout.CONTAINER_LAYER % number for number in range(len(fds))]
        for fd, place in zip(fds, child.image, strict=True):
            mounts.attach_and_close(fd, place)


def become_root_of_the_container(child: Child) -> None:
    """Take on the container's uid 0, nobody on the host, with every capability over the new namespaces only."""
    credentials.become(child.ids.root, child.ids.root)


def enter_own_namespaces(_child: object) -> None:
    """Begin a cgroup namespace, now that this is in the container's own group, and name the host.

    The other namespaces came with clone3.
    """
    process.unshare(_CGROUP)
    socket.sethostname(HOSTNAME)


def over(image: Sequence[bytes]) -> bytes:
    """Return the options of an overlay that puts the private layer over an image's, of which overlayfs wants the topmost first."""
    return _lower(image) + _PRIVATE


def _lower(layers: Sequence[bytes]) -> bytes:
    return b"lowerdir=" + b":".join(reversed(layers))


def mount_root(child: Child) -> None:
    """Put the private writable layer over the image: the container's root.

    Over a workspace with files it goes by an overlay of its own, of the layers themselves: the kernel does not stack one more on the
    root's. What a program makes and changes is at the same place of the tmpfs in either case.
    """
    mounts.make_private()
    mounts.attach_and_close(child.writable_fd, _WRITABLE)
    mounts.mount(b"overlay", _ROOT, b"overlay", _GUARD, over(child.image))
    mounts.mount(_WRITABLE + b"/tmp", _ROOT + b"/tmp", None, _BIND)
    if child.workspaces:
        below = [child.image[number] + os.fsencode(WORKSPACE) for number in child.workspaces]
        mounts.mount(b"overlay", _WORKSPACE, b"overlay", _GUARD, _lower(below) + _OVER_WORKSPACE)
    else:
        mounts.mount(_WRITABLE + b"/workspace", _WORKSPACE, None, _BIND)
    if child.ids.single:  # the program owns the upper layer, too
        mounts.mount(None, _ROOT, None, _WRITE_PROTECT)


def mount_devices(child: Child) -> None:
    """Give it its own null, zero, full, random, urandom, tty, terminals and message queues, and shared memory inside the disk limit.

    The kernel has some thousand terminals for all (kernel.pty.max).
    """
    mounts.attach_and_close(child.devices_fd, _ROOT + b"/dev")
    for name in child.host_devices:
        mounts.mount(os.fsencode(f"{layout.DEVICES}/{name}"), _ROOT + os.fsencode(f"/dev/{name}"), None, _BIND)
    mounts.mount(b"devpts", _ROOT + b"/dev/pts", b"devpts", _GUARD_TERMINALS, _TERMINAL_OPTIONS)
    mounts.mount(b"mqueue", _ROOT + b"/dev/mqueue", b"mqueue", _GUARD_DATA)
    mounts.mount(_WRITABLE + b"/shm", _ROOT + b"/dev/shm", None, _BIND)


def mount_proc(_child: Child) -> None:
    """Show the container's own processes, and of those only what the program could signal (hidepid hides init)."""
    mounts.mount(b"proc", _ROOT + b"/proc", b"proc", _GUARD_DATA, b"hidepid=2")


def show_own_cpus(_child: Child) -> None:
    """Show a /proc/stat of the container's own.

    C libraries count in it the CPUs that are online where there is no /sys, and the real one tells of everybody's work.
    """
    mounts.mount(_STAT, _PROC_STAT, None, _BIND)
    mounts.write_protect(_PROC_STAT)


def mask_proc(_child: Child) -> None:
    """Hide and write-protect the kernel's own interfaces in /proc."""
    mounts.protect(_EMPTY)  # and so what is bound from there
    for path in MASKED_FILES:
        mounts.mask(_ROOT + path, _NULL, _EMPTY)
    for path in MASKED_DIRECTORIES:
        mounts.mask(_ROOT + path, _EMPTY, _NULL)
    for path in READ_ONLY:
        mounts.protect(_ROOT + path)


def pivot(_child: object) -> None:
    """Leave the launcher's tree for good."""
    mounts.pivot_into(_ROOT)
    os.chdir(WORKSPACE)


def forget_privileges(child: Child) -> None:
    """Become an ordinary user with no capability in any set and no way to one.

    Init acts as a user of its own, so that the program cannot end it by an rlimit: RLIMIT_CPU kills even process 1.
    """
    credentials.lock_out_capabilities(child.last_capability)
    credentials.become_with_effective(PROGRAM_UID, PROGRAM_GID, child.ids.init)
    credentials.drop_capabilities()
    process.forbid_new_privileges()
    process.make_undumpable()


def limit_what_no_request_sets(_child: object) -> None:
    """Allow no real-time priority, little locked memory and few queued signals. That no core is dumped comes from the launcher."""
    process.cap_rlimit(resource.RLIMIT_RTPRIO, 0)
    process.cap_rlimit(resource.RLIMIT_NICE, 0)
    process.cap_rlimit(resource.RLIMIT_MEMLOCK, 8 * 1024 * 1024)
    process.cap_rlimit(resource.RLIMIT_SIGPENDING, 4096)


def restrict_access(child: Child) -> None:
    """Say once more, by Landlock, what can be written, and that no mount changes; and keep signals and sockets inside.

    It does not go by owners and permissions, so it holds where somebody became root. Optional: kernels without it.
    """
    if child.landlock is not None:
        landlock.restrict(child.landlock)


def filter_system_calls(child: Child) -> None:
    """Load the policy's filter, last: the steps above need calls that it forbids."""
    listener = seccomp.load(child.bpf, listener=child.program is None)
    if listener is not None:
        child.listener = listener


def await_program(child: Child) -> None:
    """Where a template's fork is to be the program, wait until it stands behind the same walls. It has a filter of its own."""
    if child.program is None:
        return
    wire.send(child.control, wire.InitMessage(wire.FromInit.BUILT).encode())
    message, fds = wire.receive(child.program, 128)
    word, _, detail = message.decode(errors="replace").partition(" ")
    if word != "ready":
        number = int(word) if word.isdecimal() else errno.ECONNRESET
        raise OSError(number, f"{os.strerror(number)}: {detail or 'join'}")
    child.program_pid, child.listener = int(detail), fds[0]


def report_ready(child: Child) -> None:
    """Hand the listener to the server and say that everything stands."""
    if child.listener < 0:
        raise OSError(errno.EINVAL, "the kernel gave no seccomp listener")
    wire.send(child.control, _READY, [child.listener])
    os.close(child.listener)


def act_as(uid: int) -> None:
    """Act as the program's user or as init's own. The kernel makes who changes dumpable as it sees fit: so not that."""
    os.seteuid(uid)
    process.make_undumpable()


def report_failure(child: Child, step: str, error: OSError) -> None:
    """Tell the server which step failed and why, if it still listens."""
    text = f"{step}\0{wire.reason_of(error)}".encode()
    message = wire.InitMessage(wire.FromInit.FAILED, error.errno or 0, text=text)
    with contextlib.suppress(OSError):
        wire.send(child.control, message.encode())
