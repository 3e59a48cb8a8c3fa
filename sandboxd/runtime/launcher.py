"""The only privileged process: makes containers when the server asks, and parses nothing that a client wrote.

Single-threaded, few imports, an empty environment; it ends when the server's socket does, and every init with it
(PR_SET_PDEATHSIG). Started by ``launcher_client`` with exec, so it holds nothing of the server's memory.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from sandboxd.linux import cgroups, credentials, landlock, mounts, process, procfs
from sandboxd.linux.cgroups import Group, Hierarchy, Settings
from sandboxd.runtime import init, layout, steps, wire
from sandboxd.runtime.spec import ContainerSpec

_NAMESPACES = (
    process.Namespace.USER
    | process.Namespace.PID
    | process.Namespace.MOUNT
    | process.Namespace.NETWORK
    | process.Namespace.IPC
    | process.Namespace.UTS
)
_PAGE_BYTES = 4096
_REMOVE_AGAIN_S = 0.01  # there is no event for a group that the kernel lets go of


@dataclass(slots=True)
class _Made:
    """A container that exists."""

    pid: int
    group: Group


class Launcher:
    """The state behind the loop: the groups' place, the mounted images, the containers."""

    def __init__(self, server: socket.socket, store: str, cgroup_parent: str | None) -> None:
        self._server = server
        # Named after this process, whose death makes the leftovers free to sweep.
        self._hierarchy: Hierarchy = cgroups.open_hierarchy(
            cgroups.instance_name(), cgroup_parent, [os.getpid(), os.getppid()]
        )
        self._cgroup_version = cgroups.detect_version()
        try:
            self._host_devices = layout.enter(store)
        except OSError:
            self._hierarchy.remove_all()
            raise
        self._images = layout.Images()
        self._last_capability = credentials.last_capability()
        self._landlock_abi = landlock.abi_version()
        self._all_cpus = sorted(os.sched_getaffinity(0))
        self._boot_time = procfs.read_boot_time()
        self._own_pidfd = os.pidfd_open(os.getpid())
        self._containers: dict[str, _Made] = {}
        self._unremoved: list[Group] = []

    def run(self) -> None:
        """Serve until the server is gone."""
        wire.send(self._server, wire.encode({"type": "hello", "cgroup_version": self._cgroup_version}))
        while True:
            if self._unremoved and not select.select([self._server], [], [], _REMOVE_AGAIN_S)[0]:
                self._remove_groups()
                continue
            try:
                message, fds = wire.receive(self._server, wire.LAUNCHER_MESSAGE_BYTES)
            except wire.DescriptorsLost as lost:
                self._refuse(wire.decode(lost.data)[0], lost)
                continue
            if not message:
                return
            header, blob = wire.decode(message)
            match header["type"]:
                case "create":
                    self._create(ContainerSpec.from_json(header["spec"]), blob, socket.socket(fileno=fds[0]))
                case "adapt":
                    self._adapt(header["id"], Settings(**header["cgroup"]), header["disk_bytes"], fds[0])
                case _:
                    self._destroy(header["id"])

    def close(self) -> None:
        """End every container and remove every group."""
        for made in self._containers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(made.pid, signal.SIGKILL)  # our own unreaped child: the number cannot be another's
        for made in self._containers.values():  # one that takes a while to die keeps no other alive
            os.waitpid(made.pid, 0)
            self._unremoved.append(made.group)
        self._remove_groups()
        with contextlib.suppress(OSError):  # EBUSY: the next start sweeps it
            self._hierarchy.remove_all()

    def _create(self, spec: ContainerSpec, bpf: bytes, control: socket.socket) -> None:
        step = "mount_image"
        with contextlib.ExitStack() as always, contextlib.ExitStack() as on_failure:
            always.callback(control.close)
            try:
                image = self._images.mount(spec.image)
                step = "make_workspace"
                writable_fd = _make_writable(spec, self._stat(spec.cgroup))
                always.callback(os.close, writable_fd)
                step = "make_devices"
                devices_fd = layout.make_devices(self._host_devices)
                always.callback(os.close, devices_fd)
                step = "make_cgroup"
                group = self._hierarchy.create(spec.id, spec.cgroup)
                on_failure.callback(self._unremoved.append, group)
                step = "clone"
                child = steps.Child(
                    control=control,
                    ids=spec.ids,
                    image=image,
                    writable_fd=writable_fd,
                    devices_fd=devices_fd,
                    host_devices=self._host_devices,
                    bpf=bpf,
                    last_capability=self._last_capability,
                    landlock_abi=self._landlock_abi,
                    launcher_pidfd=self._own_pidfd,
                )
                pid, pidfd = self._clone(spec, child, group)
                always.callback(os.close, pidfd)
            except OSError as error:
                self._fail(spec.id, step, error)
                return
            self._containers[spec.id] = _Made(pid, group)
            on_failure.pop_all()
            header = {"type": "created", "id": spec.id, "pid": pid}
            wire.send(self._server, wire.encode(header), [pidfd, writable_fd, *group.directories()])

    def _clone(self, spec: ContainerSpec, child: steps.Child, group: Group) -> tuple[int, int]:
        """Clone init and give it its identity. A half-made one is killed and reaped."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            # Whoever makes a user namespace owns it, and kernel objects of everybody in it count as the owner's too.
            with credentials.acting_as(spec.owner):
                pid, pidfd = process.clone_into(_NAMESPACES, cgroup_fd=group.clone_fd())
                if pid == 0:
                    child.sync = theirs
                    init.main(child)
            try:
                credentials.map_ids(pid, spec.ids.extents)
                if group.clone_fd() is None:
                    group.attach(pid)
                _hand_over(ours, child.image, pid)
            except OSError:
                process.pidfd_signal(pidfd, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.close(pidfd)
                raise
        return pid, pidfd

    def _adapt(self, container_id: str, settings: Settings, disk_bytes: int, writable_fd: int) -> None:
        """Give a container that waits for its program other limits than it was made with."""
        try:
            self._containers[container_id].group.change(settings)
            stat = self._stat(settings)
            mounts.reconfigure(writable_fd, size=_size(disk_bytes, stat))
            _write_stat(writable_fd, stat)
        except OSError as error:
            self._fail(container_id, "adapt_limits", error)
        else:
            wire.send(self._server, wire.encode({"type": "adapted", "id": container_id}))
        finally:
            os.close(writable_fd)

    def _stat(self, settings: Settings) -> bytes:
        """Return what a container with these settings shows as /proc/stat."""
        cpus = self._all_cpus if settings.cpu_set is None else [int(cpu) for cpu in settings.cpu_set.split(",")]
        return procfs.format_stat(cpus, self._boot_time)

    def _destroy(self, container_id: str) -> None:
        """Reap a container that has ended (the server has seen its pidfd)."""
        made = self._containers.pop(container_id)
        os.waitpid(made.pid, 0)
        self._unremoved.append(made.group)
        wire.send(self._server, wire.encode({"type": "destroyed", "id": container_id}))
        self._remove_groups()

    def _remove_groups(self) -> None:
        """Remove the groups of the dead; one that the kernel still holds, or cannot remove now, is tried again soon."""
        still = []
        for group in self._unremoved:
            try:
                group.remove()
            except OSError:
                still.append(group)
            else:
                group.close()
        self._unremoved = still

    def _refuse(self, header: dict[str, Any], error: OSError) -> None:
        """Answer a request that came without its descriptors."""
        container_id = header["spec"]["id"] if header["type"] == "create" else header["id"]
        self._fail(container_id, "receive_descriptors", error)

    def _fail(self, container_id: str, step: str, error: OSError) -> None:
        reason = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error)
        header = {"type": "failed", "id": container_id, "step": step, "errno": error.errno or 0, "reason": reason}
        wire.send(self._server, wire.encode(header))


def _make_writable(spec: ContainerSpec, stat: bytes) -> int:
    """Make the container's writable tmpfs, which its ids own, and return its detached mount."""
    fd = mounts.new_filesystem(
        "tmpfs",
        mounts.MountAttr.NOSUID | mounts.MountAttr.NODEV,
        mode="0755",
        uid=str(spec.owner),
        gid=str(spec.owner),
        size=_size(spec.disk_bytes, stat),
        nr_inodes=str(spec.inodes),
    )
    for name, mode, (uid, gid) in (
        (layout.EMPTY, 0o555, (spec.owner, spec.owner)),
        ("upper", 0o755, (spec.owner, spec.owner)),
        ("work", 0o755, (spec.owner, spec.owner)),
        ("tmp", 0o1777, (spec.owner, spec.owner)),
        ("shm", 0o1777, (spec.owner, spec.owner)),
        ("workspace", 0o755, spec.program_ids),
    ):
        os.mkdir(name, dir_fd=fd)
        os.chown(name, uid, gid, dir_fd=fd)
        os.chmod(name, mode, dir_fd=fd)  # after the umask, and chown clears nothing of a directory
    _write_stat(fd, stat)
    os.chown(layout.STAT, spec.owner, spec.owner, dir_fd=fd)
    return fd


def _write_stat(writable_fd: int, stat: bytes) -> None:
    """Write what the container shows as /proc/stat, into the file that it has mounted there."""
    fd = os.open(layout.STAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o444, dir_fd=writable_fd)
    try:
        os.write(fd, stat)
    finally:
        os.close(fd)


def _size(disk_bytes: int, stat: bytes) -> str:
    """Return the size of a container's tmpfs: what the program may use, and the pages of its /proc/stat."""
    return str(disk_bytes + -(-len(stat) // _PAGE_BYTES) * _PAGE_BYTES)


def _hand_over(init: socket.socket, image: str, pid: int) -> None:
    """Let init go on, with the image in which its owners are shown as the container's: root's files as its root's.

    Where the file system has no id-mapped mounts the files belong to nobody, which only shows in ls: none can be
    written in either case.
    """
    with contextlib.ExitStack() as opened:
        userns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        opened.callback(os.close, userns)
        mapped = [mounts.clone_tree(image)]
        opened.callback(os.close, mapped[0])
        try:
            mounts.set_attributes(mapped[0], mounts.MountAttr.RDONLY, userns_fd=userns)
        except OSError as error:
            if not mounts.means_no_idmap(error):
                raise
            mapped = []
        wire.send(init, b"go", mapped)


def main() -> NoReturn:
    """Run on the socket of descriptor 3; argv: the image store, and the parent cgroup or nothing.

    Descriptor 4 is the mount that this process's own executable came by. It is made good for data alone, for
    /proc/self/exe of a process that is about to become a program leads there, out of its container.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 must have no handler: it would hear the signal from inside
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])  # the server decides when it ends
    # Both are every container's, too. No core is dumped: 0 would keep it out of a file, but not from a program that the
    # host's core_pattern names. 1 does both: the kernel takes it for a dump of that very program (do_coredump,
    # fs/coredump.c). The umask, whatever the server's was, lets other users into the tree below.
    process.cap_rlimit(resource.RLIMIT_CORE, 1)
    os.umask(0o022)
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:  # the server's, which is before all programs
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    server = socket.socket(fileno=3)
    server.set_inheritable(False)
    mounts.set_attributes(4, mounts.MountAttr.NOEXEC, recursive=True)
    os.close(4)
    store, parent = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)  # noqa: PLR2004
    try:
        launcher = Launcher(server, store, parent)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error)
        wire.send(server, wire.encode({"type": "unfit", "reason": reason}))
        os._exit(1)
    sys.meta_path.clear()  # an import after the root has changed would find a container's files, or none
    gc.freeze()  # pages that the collector does not touch stay shared with every init
    gc.disable()
    with contextlib.suppress(ConnectionError):  # the server's end: before it took an answer, or in the middle of one
        launcher.run()
    launcher.close()
    os._exit(0)
