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
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sandboxd.linux import credentials, mounts, process, seccomp
from sandboxd.linux.landlock import Domain
from sandboxd.linux.mounts import MountFlag
from sandboxd.runtime import layout, steps
from sandboxd.runtime.spec import PROGRAM_GID, PROGRAM_UID, WORKSPACE, TemplateSpec

NAMESPACES = process.Namespace.MOUNT | process.Namespace.NETWORK | process.Namespace.IPC | process.Namespace.UTS
JOINED = ("user", "mnt", "net", "ipc", "uts", "cgroup", "pid")
"""The namespaces that a fork enters, the first of which gives it the right to the others. By their names in /proc/PID/ns."""


@dataclass(slots=True, kw_only=True)
class Child:
    """What the child has been given."""

    spec: TemplateSpec
    forks: socket.socket
    """The launcher asks here for forks."""
    control: socket.socket
    """The server hears here that it is ready, and that it is gone."""
    streams: Sequence[int]
    image: Sequence[bytes]
    """Where the image's layers are mounted in the launcher's tree, the lowest first."""
    writable_fd: int
    """Detached mount of a tmpfs with the hook in it."""
    devices_fd: int
    entrances: Sequence[int]
    """As of ``steps.Entering``."""
    bpf: bytes
    last_capability: int


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
        f"seccomp {seccomp.NUMBERS[os.uname().machine]}",
        f"filter {policy_bpf.hex()}",
    ]
    lines.append(f"landlock {domain.attributes.hex() if domain else ''}")
    lines += [f"rule {access} {path}" for path, access in (domain.rules if domain else ())]
    lines += [f"preload {name}" for name in preload]
    return "\n".join(lines).encode()


def main(child: Child) -> NoReturn:
    """Run as the template's process, to its exec. What fails is said where the server looks for its end: on its stderr."""
    try:
        for step in STEPS:
            try:
                step(child)
            except OSError as error:
                os.write(child.streams[2], f"{step.__name__}: {error}".encode())
                os._exit(1)
    finally:
        os._exit(1)


def leave_groups(_child: Child) -> None:
    """Leave all supplementary groups, while there is a /proc."""
    credentials.leave_groups()


def mount_root(child: Child) -> None:
    """Mount the image with the hook over it, and a /dev; all of it read-only.

    Without what it has in its workspace, which a program may have left: an interpreter that is to be a template would run what it finds there.
    """
    mounts.make_private()
    mounts.attach_and_close(child.writable_fd, layout.CONTAINER_WRITABLE)
    root = layout.CONTAINER_ROOT
    guard = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.RDONLY
    mounts.mount(b"overlay", root, b"overlay", guard, steps.over(child.image))
    workspace = root + os.fsencode(WORKSPACE)
    mounts.mount(layout.CONTAINER_WRITABLE + os.fsencode(f"/{layout.EMPTY}"), workspace, None, MountFlag.BIND)
    mounts.write_protect(workspace)
    mounts.attach_and_close(child.devices_fd, root + b"/dev")


def set_limits(child: Child) -> None:
    """Set what no request sets, and the stack, which decides at exec where all else is put."""
    steps.limit_what_no_request_sets(child)
    process.cap_rlimit(resource.RLIMIT_STACK, child.spec.stack_bytes)


def forget_privileges(child: Child) -> None:
    """Become nobody, with nothing but CAP_SETUID."""
    credentials.become_with(child.spec.uid, child.spec.uid, credentials.CAP_SETUID, child.last_capability)
    process.forbid_new_privileges()


def take_descriptors(child: Child) -> None:
    """Have the streams as 0, 1 and 2, and the sockets where the hook looks for them."""
    wanted = [*child.streams, child.forks.fileno(), child.control.fileno()]
    # Out of the way of what is given now.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, len(wanted)) for fd in wanted]
    for number, fd in enumerate(moved):
        os.dup2(fd, number)
    process.close_all_but(set(range(len(wanted))))


def forget_signals(_child: Child) -> None:
    """Block and ignore none, as posix_spawn(3) has it for a program."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def filter_system_calls(child: Child) -> None:
    """Load the filter."""
    seccomp.load(child.bpf, listener=False)


def execute(child: Child) -> None:
    """Start the runtime."""
    os.execve(child.spec.argv[0], child.spec.argv, child.spec.env)  # noqa: S606


STEPS: tuple[Callable[[Child], None], ...] = (
    steps.enter_group,
    steps.enter_own_namespaces,
    leave_groups,
    mount_root,
    steps.pivot,
    set_limits,
    forget_privileges,
    take_descriptors,
    forget_signals,
    filter_system_calls,
    execute,
)
