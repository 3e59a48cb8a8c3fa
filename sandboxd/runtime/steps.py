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

from sandboxd.linux import credentials, landlock, mounts, process, seccomp
from sandboxd.linux.landlock import Access
from sandboxd.linux.mounts import MountFlag
from sandboxd.runtime import layout, wire
from sandboxd.runtime.spec import HOSTNAME, PROGRAM_GID, PROGRAM_UID, WORKSPACE, IdMap

_GUARD = MountFlag.NOSUID | MountFlag.NODEV
_ROOT = layout.CONTAINER_ROOT

# The OCI runtime specification's usual masked and read-only paths (those under /proc: there is no /sys), and
# kallsyms and kpage*, which tell about the kernel and its memory, and what tells of everybody's work on this machine.
MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/buddyinfo",
    "/proc/cgroups",
    "/proc/cmdline",
    "/proc/diskstats",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/locks",
    "/proc/pagetypeinfo",
    "/proc/pressure",
    "/proc/sched_debug",
    "/proc/schedstat",
    "/proc/scsi",
    "/proc/softirqs",
    "/proc/timer_list",
    "/proc/timer_stats",
)
_TERMINALS = 64
READ_ONLY = ("/proc/bus", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

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


@dataclass(slots=True, kw_only=True)
class Child:
    """What the child has been given."""

    control: socket.socket
    """The server's end of this is the container's owner."""
    ids: IdMap
    image: str
    """Where the image is mounted in the launcher's tree."""
    writable_fd: int
    """Detached mount of the container's own tmpfs."""
    devices_fd: int
    """Detached mount of its own /dev."""
    host_devices: Sequence[str]
    """What of it are the host's own nodes: all, where none can be made."""
    bpf: bytes
    last_capability: int
    landlock_abi: int
    launcher_pidfd: int
    sync: socket.socket = field(init=False)
    """The launcher speaks here once: the ids are mapped, the cgroup is entered; carries the image's mount if it is id-mapped."""
    listener: int = -1
    io_fd: int = -1
    """/proc/self/io, opened while it may be."""


def keep_only_own_descriptors(child: Child) -> None:
    """Close what the launcher had open: other containers' sockets among it."""
    sockets = {child.sync.fileno(), child.control.fileno()}
    process.close_all_but(sockets | {child.writable_fd, child.devices_fd, child.launcher_pidfd})


def open_own_io(child: Child) -> None:
    """Open what tells the bytes that init and all it has reaped read and wrote, while this process may: it is nobody's soon."""
    process.make_dumpable()
    with contextlib.suppress(FileNotFoundError):  # a kernel without CONFIG_TASK_IO_ACCOUNTING
        child.io_fd = os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)


def await_identity(child: Child) -> None:
    """Wait for the launcher to map the ids and to put this process into the cgroup."""
    message, fds = wire.receive(child.sync, 16)
    if not message:
        raise ConnectionResetError(errno.ECONNRESET, "the launcher is gone")
    child.sync.close()
    for fd in fds:
        mounts.attach(fd, layout.CONTAINER_IMAGE)
        os.close(fd)
        child.image = layout.CONTAINER_IMAGE


def become_root_of_the_container(child: Child) -> None:
    """Take on the container's uid 0, nobody on the host, with every capability over the new namespaces only."""
    credentials.become(child.ids.root, child.ids.root)


def enter_own_namespaces(_child: Child) -> None:
    """Begin a cgroup namespace, now that this is in the container's own group, and name the host.

    The other namespaces came with clone3.
    """
    process.unshare(process.Namespace.CGROUP)
    socket.sethostname(HOSTNAME)


def mount_root(child: Child) -> None:
    """Put the private writable layer over the image: the container's root."""
    mounts.make_private()
    mounts.attach(child.writable_fd, layout.CONTAINER_WRITABLE)
    os.close(child.writable_fd)
    writable = layout.CONTAINER_WRITABLE
    options = f"lowerdir={child.image},upperdir={writable}/upper,workdir={writable}/work,userxattr"
    mounts.mount("overlay", _ROOT, "overlay", _GUARD, options)
    mounts.mount(f"{writable}/tmp", f"{_ROOT}/tmp", None, MountFlag.BIND)
    mounts.mount(f"{writable}/workspace", f"{_ROOT}{WORKSPACE}", None, MountFlag.BIND)
    if child.ids.single:  # the program owns the upper layer, too
        mounts.mount(None, _ROOT, None, _GUARD | MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY)


def mount_devices(child: Child) -> None:
    """Give it its own null, zero, full, random, urandom, tty, terminals and message queues, and shared memory inside the disk limit.

    The kernel has some thousand terminals for all (kernel.pty.max).
    """
    mounts.attach(child.devices_fd, f"{_ROOT}/dev")
    os.close(child.devices_fd)
    for name in child.host_devices:
        mounts.mount(f"{layout.DEVICES}/{name}", f"{_ROOT}/dev/{name}", None, MountFlag.BIND)
    guard = MountFlag.NOSUID | MountFlag.NOEXEC
    options = f"newinstance,ptmxmode=0666,mode=0620,max={_TERMINALS},uid={PROGRAM_UID}"
    mounts.mount("devpts", f"{_ROOT}/dev/pts", "devpts", guard, options)
    mounts.mount("mqueue", f"{_ROOT}/dev/mqueue", "mqueue", _GUARD | MountFlag.NOEXEC)
    mounts.mount(f"{layout.CONTAINER_WRITABLE}/shm", f"{_ROOT}/dev/shm", None, MountFlag.BIND)


def mount_proc(_child: Child) -> None:
    """Show the container's own processes, and of those only what the program could signal (hidepid hides init)."""
    mounts.mount("proc", f"{_ROOT}/proc", "proc", _GUARD | MountFlag.NOEXEC, "hidepid=2")


def show_own_cpus(_child: Child) -> None:
    """Show a /proc/stat of the container's own.

    C libraries count in it the CPUs that are online where there is no /sys, and the real one tells of everybody's work.
    """
    path = f"{_ROOT}/proc/stat"
    mounts.mount(f"{layout.CONTAINER_WRITABLE}/{layout.STAT}", path, None, MountFlag.BIND)
    mounts.write_protect(path)


def mask_proc(_child: Child) -> None:
    """Hide and write-protect the kernel's own interfaces in /proc."""
    for path in MASKED:
        mounts.mask(_ROOT + path, f"{_ROOT}/dev/null", f"{layout.CONTAINER_WRITABLE}/{layout.EMPTY}")
    for path in READ_ONLY:
        mounts.protect(_ROOT + path)


def pivot(_child: Child) -> None:
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


def limit_what_no_request_sets(_child: Child) -> None:
    """Allow no real-time priority, little locked memory and few queued signals. That no core is dumped comes from the launcher."""
    process.cap_rlimit(resource.RLIMIT_RTPRIO, 0)
    process.cap_rlimit(resource.RLIMIT_NICE, 0)
    process.cap_rlimit(resource.RLIMIT_MEMLOCK, 8 * 1024 * 1024)
    process.cap_rlimit(resource.RLIMIT_SIGPENDING, 4096)


def die_with_the_launcher(child: Child) -> None:
    """Be killed, and so the whole container, when the launcher ends. Cleared by setuid, so it comes after that."""
    process.die_with_parent()
    if process.has_ended(child.launcher_pidfd):  # it may have, before that call; getppid() is 0 in here either way
        raise ProcessLookupError(errno.ESRCH, "the launcher is gone")


def restrict_access(child: Child) -> None:
    """Say once more, by Landlock, what can be written, and that no mount changes; and keep signals and sockets inside.

    It does not go by owners and permissions, so it holds where somebody became root. Optional: kernels without it.
    """
    if child.landlock_abi >= landlock.MIN_ABI:
        landlock.restrict(child.landlock_abi, ACCESS)


def filter_system_calls(child: Child) -> None:
    """Load the policy's filter, last: the steps above need calls that it forbids."""
    listener = seccomp.load(child.bpf, listener=True)
    if listener is None:
        raise OSError(errno.EINVAL, "the kernel gave no seccomp listener")
    child.listener = listener


def report_ready(child: Child) -> None:
    """Hand the listener to the server and say that everything stands."""
    wire.send(child.control, wire.InitMessage(wire.FromInit.READY).encode(), [child.listener])
    os.close(child.listener)


def act_as(uid: int) -> None:
    """Act as the program's user or as init's own. The kernel makes who changes dumpable as it sees fit: so not that."""
    os.seteuid(uid)
    process.make_undumpable()


def report_failure(child: Child, step: str, error: OSError) -> None:
    """Tell the server which step failed and why, if it still listens."""
    reason = error.strerror or str(error)
    text = f"{reason}: {error.filename}" if error.filename else reason
    message = wire.InitMessage(wire.FromInit.FAILED, error.errno or 0, text=f"{step}\0{text}".encode())
    with contextlib.suppress(OSError):
        wire.send(child.control, message.encode())
