"""A template: a process of an image's own that has loaded a runtime, and is forked into containers instead of starting there.

It is an exec of exactly the command line and environment of the programs that it is for, held up by a hook (``hooks/``, a file a
runtime) just before it looks at the program. What is forked from it goes on from there. Its code is the image's, so it is not trusted:

- It is in a control group and namespaces of its own, but for two. In a user namespace of its own it could enter no container's, and from
  a pid namespace beside theirs neither; so it is in the launcher's pid namespace, which has only the launcher and what came of it, and
  sees no /proc.
- Its user is nobody's else, and it has one capability, CAP_SETUID: a container is entered by its user namespace's owner, of whom each has
  its own. ``seccomp_identities`` lets it become the owner of a container for one of its own forks, and nobody else.
- Its seccomp filter is the policy's, with the few calls more that joining a container takes. Everything is read-only.

What is said:

- launcher to template: once its configuration, lines of text, as :func:`configuration` has them; then for each container a message with
  the owner's id, and descriptors: the container's namespaces, a socket to the launcher, a socket to the container's init.
- template to server: ``ready``, once.
- fork to launcher: ``here``, and its process id as the kernel tells it; launcher to fork, when it is in the container's group: ``go``.
- fork to init: ``ready`` and its process id, with the listener of its seccomp filter, when it stands behind all walls; or an errno and a step.
- init to fork: ``start``, with stdin, stdout and stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandboxd.linux import calls, credentials, mounts, process
from sandboxd.linux.landlock import Domain
from sandboxd.linux.mounts import MountFlag
from sandboxd.linux.script import NUMBERS, Cell, Script
from sandboxd.runtime import layout, steps
from sandboxd.runtime.spec import PROGRAM_GID, PROGRAM_UID, WORKSPACE, TemplateSpec

NAMESPACES = process.Namespace.MOUNT | process.Namespace.NETWORK | process.Namespace.IPC | process.Namespace.UTS
JOINED = ("user", "mnt", "net", "ipc", "uts", "cgroup", "pid")
"""The namespaces that a fork enters, the first of which gives it the right to the others. By their names in /proc/PID/ns."""


_STREAMS = 3
_ORDERS = struct.Struct("<5I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the script of a template depends on."""

    spec: TemplateSpec
    image: Sequence[bytes]
    """Where the image's layers are mounted in the launcher's tree, the lowest first."""
    entrances: int
    """As of ``steps.Plan``, and the following."""
    bpf: bytes
    last_capability: int
    leaves_groups: bool


@dataclass(slots=True)
class Build:
    """The script of a template that is being written. The descriptors come with the message in the order that they are in here."""

    plan: Plan
    script: Script = field(default_factory=lambda: Script(_ORDERS.size))
    streams: Sequence[Cell] = field(init=False)
    forks: Cell = field(init=False)
    """The launcher asks here for forks."""
    control: Cell = field(init=False)
    """The server hears here that it is ready, and that it is gone."""
    writable: Cell = field(init=False)
    """Detached mount of a tmpfs with the hook in it."""
    devices: Cell = field(init=False)
    entrances: Sequence[Cell] = field(init=False)

    def __post_init__(self) -> None:
        descriptor = self.script.descriptor
        self.streams = [descriptor() for _ in range(_STREAMS)]
        self.forks, self.control, self.writable, self.devices = descriptor(), descriptor(), descriptor(), descriptor()
        self.entrances = [descriptor() for _ in range(self.plan.entrances)]


def make_files(image: Sequence[bytes], place: str, hook: bytes) -> int:
    """Make a tmpfs that, over the image, has the hook in its place, and return its detached mount.

    Directories keep their times, by which a runtime tells that what it knows of them is still so.
    """
    fd = mounts.new_filesystem("tmpfs", mounts.MountAttr.NOSUID | mounts.MountAttr.NODEV, mode="0755", size="1m")
    for name in ("upper", "work", layout.EMPTY):
        os.mkdir(name, 0o755, dir_fd=fd)
    directories = ["", *_above(place)]
    for directory in directories[1:]:
        os.mkdir(f"upper{directory}", 0o755, dir_fd=fd)
    file = os.open(f"upper{place}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444, dir_fd=fd)
    try:
        os.write(file, hook)
    finally:
        os.close(file)
    for directory in reversed(directories):
        status = _status(image, directory)
        os.utime(f"upper{directory}", ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=fd)
    return fd


def _status(image: Sequence[bytes], directory: str) -> os.stat_result:
    """Return the status of a directory of an image: that of the topmost layer that has it."""
    for layer in reversed(image[1:]):
        with contextlib.suppress(FileNotFoundError):
            return os.stat(layer + os.fsencode(directory))
    return os.stat(image[0] + os.fsencode(directory))


def _above(place: str) -> list[str]:
    """List the directories that a path goes through, the outermost first."""
    parts = place.split("/")[1:-1]
    return ["/" + "/".join(parts[: index + 1]) for index in range(len(parts))]


def configuration(policy_bpf: bytes, preload: Sequence[str], last_capability: int, domain: Domain | None) -> bytes:
    """Return what a template is told: how a fork builds the walls that a program has from its init."""
    lines = [
        f"uid {PROGRAM_UID}",
        f"gid {PROGRAM_GID}",
        f"directory {WORKSPACE}",
        f"capabilities {last_capability + 1}",
        f"securebits {credentials.SECUREBITS}",
        f"seccomp {NUMBERS['seccomp']}",
        f"filter {policy_bpf.hex()}",
    ]
    lines.append(f"landlock {domain.attributes.hex() if domain else ''}")
    lines += [f"rule {access} {path}" for path, access in (domain.rules if domain else ())]
    lines += [f"preload {name}" for name in preload]
    return "\n".join(lines).encode()


def script(plan: Plan) -> bytes:
    """Return what a clone is to do to become a template. What fails is said where the server looks for its end: on its stderr."""
    build = Build(plan)
    for step in STEPS:
        build.script.step(step.__name__)
        step(build)
    return build.script.finish(_ORDERS.pack(0, 0, 0, 0, build.streams[2].offset))


def leave_groups(build: Build) -> None:
    """Leave all supplementary groups, if there are any to leave."""
    if build.plan.leaves_groups:
        calls.leave_groups(build.script)


def mount_root(build: Build) -> None:
    """Mount the image with the hook over it, and a /dev; all of it read-only.

    Without what it has in its workspace, which a program may have left: an interpreter that is to be a template would run what it finds there.
    """
    calls.make_private(build.script)
    calls.attach(build.script, build.writable, layout.CONTAINER_WRITABLE)
    root = layout.CONTAINER_ROOT
    guard = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.RDONLY
    calls.mount(build.script, b"overlay", root, b"overlay", guard, steps.over(build.plan.image))
    workspace = root + os.fsencode(WORKSPACE)
    empty = layout.CONTAINER_WRITABLE + os.fsencode(f"/{layout.EMPTY}")
    calls.mount(build.script, empty, workspace, None, MountFlag.BIND)
    calls.write_protect(build.script, workspace)
    calls.attach(build.script, build.devices, root + b"/dev")


def set_limits(build: Build) -> None:
    """Set what no request sets, and the stack, which decides at exec where all else is put."""
    steps.limit_what_no_request_sets(build)
    calls.limit(build.script, resource.RLIMIT_STACK, build.plan.spec.stack_bytes)


def forget_privileges(build: Build) -> None:
    """Become nobody, with nothing but CAP_SETUID."""
    uid = build.plan.spec.uid
    calls.become_with(build.script, uid, uid, credentials.CAP_SETUID, build.plan.last_capability)
    calls.forbid_new_privileges(build.script)


def take_descriptors(build: Build) -> None:
    """Have the streams as 0, 1 and 2, and the sockets where the hook looks for them."""
    wanted = [*build.streams, build.forks, build.control]
    for fd in wanted:  # out of the way of what is given now
        build.script.call("fcntl", fd, fcntl.F_DUPFD_CLOEXEC, len(wanted), result=fd)
    for number, fd in enumerate(wanted):
        calls.take_descriptor(build.script, fd, number)
    build.script.call("dup3", 2, len(wanted), os.O_CLOEXEC, result=build.streams[2])  # for what fails yet
    calls.close_all_from(build.script, len(wanted) + 1)


def block_no_signal(build: Build) -> None:
    """Block none: none is ignored in what comes of the zygote."""
    calls.block_no_signal(build.script)


def filter_system_calls(build: Build) -> None:
    """Load the filter."""
    calls.filter_system_calls(build.script, build.plan.bpf, None)


def execute(build: Build) -> None:
    """Start the runtime."""
    calls.execute(build.script, build.plan.spec.argv, build.plan.spec.env)


STEPS: tuple[Callable[[Build], None], ...] = (
    steps.enter_group,
    steps.enter_own_namespaces,
    leave_groups,
    mount_root,
    steps.pivot,
    set_limits,
    forget_privileges,
    take_descriptors,
    block_no_signal,
    filter_system_calls,
    execute,
)
