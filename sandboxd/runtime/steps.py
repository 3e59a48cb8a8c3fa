"""The steps that turn a clone of the zygote into a container's init, each one wall. Their names are what a failure is reported by.

They are written here, as calls of a script, and made there, in the order of ``STEPS``, by ``init.c``. What is the same for two containers
is written once.
"""

from __future__ import annotations

import os
import resource
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from sandboxd.linux import calls, process
from sandboxd.linux.landlock import Access, Domain
from sandboxd.linux.mounts import MountFlag
from sandboxd.linux.script import Cell, Script
from sandboxd.runtime import layout
from sandboxd.runtime.spec import HOSTNAME, PROGRAM_GID, PROGRAM_UID, WORKSPACE

_GUARD = MountFlag.NOSUID | MountFlag.NODEV
_GUARD_DATA = _GUARD | MountFlag.NOEXEC
_GUARD_TERMINALS = MountFlag.NOSUID | MountFlag.NOEXEC
_WRITE_PROTECT = _GUARD | MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY
_BIND = MountFlag.BIND
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


_ORDERS = struct.Struct("<5I")
_MEMLOCK_BYTES = 8 << 20
_QUEUED_SIGNALS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the script of a container's init depends on. What else it is given are descriptors: :class:`Build`."""

    root: int
    """The container's root, inside; and below, whom init acts as once a program may run."""
    init: int
    single: bool
    """Whether there is one id for root, init and program."""
    image: tuple[bytes, ...]
    """Where the image's layers are mounted in the launcher's tree, the lowest first."""
    mapped: bool
    """Whether detached mounts of them come along, in which their owners are shown as the container's: root's files as its root's."""
    workspaces: tuple[int, ...]
    """The numbers of those that have something in their workspace."""
    entrances: int
    """How many the control group has, where init is not born in it."""
    host_devices: tuple[str, ...]
    """What of its /dev are the host's own nodes: all, where none can be made."""
    bpf: bytes
    last_capability: int
    landlock: Domain | None
    leaves_groups: bool
    """Whether it has supplementary groups to leave, and may."""
    forked: bool
    """Whether the program is a template's fork."""
    account: bool
    """Whether the kernel has /proc/PID/io: the bytes that init and all it has reaped read and wrote. CONFIG_TASK_IO_ACCOUNTING."""


class Entering(Protocol):
    """Who enters a control group."""

    script: Script
    entrances: Sequence[Cell]
    """Of that group, where it was not born in it."""


class Building(Protocol):
    """Whose walls are being built."""

    script: Script


@dataclass(slots=True)
class Build:
    """The script of an init that is being written. The descriptors come with the message in the order that they are in here."""

    plan: Plan
    script: Script = field(default_factory=lambda: Script(_ORDERS.size))
    control: Cell = field(init=False)
    """The server's end of this is the container's owner."""
    writable: Cell = field(init=False)
    """Detached mount of the container's own tmpfs."""
    devices: Cell = field(init=False)
    """Detached mount of its own /dev."""
    program: Cell | None = field(init=False)
    """Where a template's fork speaks, if the program is one."""
    account: Cell | None = field(init=False)
    entrances: Sequence[Cell] = field(init=False)
    layers: Sequence[Cell] = field(init=False)
    listener: Cell | None = None
    image: Sequence[bytes] = field(init=False)
    """Where the layers are when the root is mounted."""

    def __post_init__(self) -> None:
        plan, descriptor = self.plan, self.script.descriptor
        self.control, self.writable, self.devices = descriptor(), descriptor(), descriptor()
        self.program = descriptor() if plan.forked else None
        self.account = descriptor() if plan.account else None
        self.entrances = [descriptor() for _ in range(plan.entrances)]
        self.layers = [descriptor() for _ in plan.image] if plan.mapped else []
        self.image = [layout.CONTAINER_LAYER % number for number in range(len(self.layers))] or plan.image


@lru_cache(maxsize=64)
def script(plan: Plan) -> bytes:
    """Return what a clone is to do to become a container's init."""
    build = Build(plan)
    for step in STEPS:
        build.script.step(step.__name__)
        step(build)
    cells = (build.control, build.program, build.account, build.listener)
    return build.script.finish(_ORDERS.pack(*(cell.offset if cell is not None else 0 for cell in cells), 0))


def enter_group(build: Entering) -> None:
    """Enter the control group, unless it was born in it.

    Who moves a process waits for all that fork and exec at the time, by a grace period of RCU. For a thread that moves itself alone, which
    v1 has ``tasks`` for, nobody need be waited for (Linux 5.6, 9a3284fad42f).
    """
    for entrance in build.entrances:
        build.script.call("write", entrance, "0", 1)
        build.script.call("close", entrance)


def become_root_of_the_container(build: Build) -> None:
    """Take on the container's uid 0, nobody on the host, with every capability over the new namespaces only."""
    if build.plan.leaves_groups:
        calls.leave_groups(build.script)
    calls.become(build.script, build.plan.root, build.plan.root)


def enter_own_namespaces(build: Building) -> None:
    """Begin a cgroup namespace, now that this is in the container's own group, and name the host.

    The other namespaces came with clone3.
    """
    build.script.call("unshare", process.Namespace.CGROUP)
    build.script.call("sethostname", HOSTNAME, len(HOSTNAME))


def over(image: Sequence[bytes]) -> bytes:
    """Return the options of an overlay that puts the private layer over an image's, of which overlayfs wants the topmost first."""
    return _lower(image) + _PRIVATE


def _lower(layers: Sequence[bytes]) -> bytes:
    return b"lowerdir=" + b":".join(reversed(layers))


def mount_root(build: Build) -> None:
    """Put the private writable layer over the image: the container's root.

    Over a workspace with files it goes by an overlay of its own, of the layers themselves: the kernel does not stack one more on the
    root's. What a program makes and changes is at the same place of the tmpfs in either case.
    """
    calls.make_private(build.script)
    for layer, place in zip(build.layers, build.image, strict=False):
        calls.attach(build.script, layer, place)
    calls.attach(build.script, build.writable, _WRITABLE)
    calls.mount(build.script, b"overlay", _ROOT, b"overlay", _GUARD, over(build.image))
    calls.mount(build.script, _WRITABLE + b"/tmp", _ROOT + b"/tmp", None, _BIND)
    if build.plan.workspaces:
        below = [build.image[number] + os.fsencode(WORKSPACE) for number in build.plan.workspaces]
        calls.mount(build.script, b"overlay", _WORKSPACE, b"overlay", _GUARD, _lower(below) + _OVER_WORKSPACE)
    else:
        calls.mount(build.script, _WRITABLE + b"/workspace", _WORKSPACE, None, _BIND)
    if build.plan.single:  # the program owns the upper layer, too
        calls.mount(build.script, None, _ROOT, None, _WRITE_PROTECT)


def mount_devices(build: Build) -> None:
    """Give it its own null, zero, full, random, urandom, tty, terminals and message queues, and shared memory inside the disk limit.

    The kernel has some thousand terminals for all (kernel.pty.max).
    """
    calls.attach(build.script, build.devices, _ROOT + b"/dev")
    for name in build.plan.host_devices:
        calls.mount(
            build.script, os.fsencode(f"{layout.DEVICES}/{name}"), _ROOT + os.fsencode(f"/dev/{name}"), None, _BIND
        )
    calls.mount(build.script, b"devpts", _ROOT + b"/dev/pts", b"devpts", _GUARD_TERMINALS, _TERMINAL_OPTIONS)
    calls.mount(build.script, b"mqueue", _ROOT + b"/dev/mqueue", b"mqueue", _GUARD_DATA)
    calls.mount(build.script, _WRITABLE + b"/shm", _ROOT + b"/dev/shm", None, _BIND)


def mount_proc(build: Build) -> None:
    """Show the container's own processes, and of those only what the program could signal (hidepid hides init)."""
    calls.mount(build.script, b"proc", _ROOT + b"/proc", b"proc", _GUARD_DATA, b"hidepid=2")


def show_own_cpus(build: Build) -> None:
    """Show a /proc/stat of the container's own.

    C libraries count in it the CPUs that are online where there is no /sys, and the real one tells of everybody's work.
    """
    calls.mount(build.script, _STAT, _PROC_STAT, None, _BIND)
    calls.write_protect(build.script, _PROC_STAT)


def mask_proc(build: Build) -> None:
    """Hide and write-protect the kernel's own interfaces in /proc."""
    calls.protect(build.script, _EMPTY)  # and so what is bound from there
    for path in MASKED_FILES:
        calls.mask(build.script, _ROOT + path, _NULL, _EMPTY)
    for path in MASKED_DIRECTORIES:
        calls.mask(build.script, _ROOT + path, _EMPTY, _NULL)
    for path in READ_ONLY:
        calls.protect(build.script, _ROOT + path)


def pivot(build: Building) -> None:
    """Leave the launcher's tree for good."""
    calls.pivot_into(build.script, _ROOT)
    build.script.call("chdir", WORKSPACE)


def forget_privileges(build: Build) -> None:
    """Become an ordinary user with no capability in any set and no way to one.

    Init acts as a user of its own, so that the program cannot end it by an rlimit: RLIMIT_CPU kills even process 1.
    """
    calls.lock_out_capabilities(build.script, build.plan.last_capability)
    calls.become_with_effective(build.script, PROGRAM_UID, PROGRAM_GID, build.plan.init)
    calls.drop_capabilities(build.script)
    calls.forbid_new_privileges(build.script)
    calls.make_undumpable(build.script)


def limit_what_no_request_sets(build: Building) -> None:
    """Allow no real-time priority, little locked memory and few queued signals. That no core is dumped comes from the launcher."""
    calls.limit(build.script, resource.RLIMIT_RTPRIO, 0)
    calls.limit(build.script, resource.RLIMIT_NICE, 0)
    calls.limit(build.script, resource.RLIMIT_MEMLOCK, _MEMLOCK_BYTES)
    calls.limit(build.script, resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)


def restrict_access(build: Build) -> None:
    """Say once more, by Landlock, what can be written, and that no mount changes; and keep signals and sockets inside.

    It does not go by owners and permissions, so it holds where somebody became root. Optional: kernels without it.
    """
    if build.plan.landlock is not None:
        calls.restrict_access(build.script, build.plan.landlock)


def filter_system_calls(build: Build) -> None:
    """Load the policy's filter, last: the steps above need calls that it forbids. A template's fork brings the listener of its own."""
    if not build.plan.forked:
        build.listener = build.script.cell()
    calls.filter_system_calls(build.script, build.plan.bpf, build.listener)


STEPS: tuple[Callable[[Build], None], ...] = (
    enter_group,
    become_root_of_the_container,
    enter_own_namespaces,
    mount_root,
    mount_devices,
    mount_proc,
    show_own_cpus,
    mask_proc,
    pivot,
    forget_privileges,
    limit_what_no_request_sets,
    restrict_access,
    filter_system_calls,
)
