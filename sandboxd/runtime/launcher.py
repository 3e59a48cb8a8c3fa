"""The only privileged process: makes containers when the server asks, and parses nothing that a client wrote.

Single-threaded, few imports, nothing of the server's environment; it ends when the server's socket does. It is process 1 of a pid
namespace, so that the kernel ends with it all that came of it, and nothing of that can name a process of the host.
Started by ``launcher_client`` with exec, so it holds nothing of the server's memory.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from stat import S_ISREG
from typing import Any, NoReturn

from sandboxd.linux import cgroups, credentials, landlock, mounts, process, procfs
from sandboxd.linux.cgroups import Group, Hierarchy, Settings
from sandboxd.linux.empty_networks import EmptyNetworks, Network
from sandboxd.linux.files import NEW_FILE
from sandboxd.runtime import layout, steps, template, wire, zygote
from sandboxd.runtime.spec import ContainerSpec, TemplateSpec
from sandboxd.runtime.zygote import Clone, Zygote, ZygoteGone

_NAMESPACES = (
    process.Namespace.USER
    | process.Namespace.PID
    | process.Namespace.MOUNT
    | process.Namespace.IPC
    | process.Namespace.UTS
)
_GUARD = mounts.MountAttr.NOSUID | mounts.MountAttr.NODEV
_RDONLY = mounts.MountAttr.RDONLY
_WITHOUT_WAITING = int(socket.MSG_DONTWAIT)
_PAGE_BYTES = 4096
_MOST_IDLE_NETWORKS = 32  # of 160 KiB each, measured
_REMOVE_AGAIN_MS = 10  # there is no event for a group that the kernel lets go of
_CLEAR_UP_MS = 1
"""After the last message: what comes next is somebody's to wait for, and clearing up after the dead is nobody's."""
_MOST_UNREMOVED = 8
"""Groups that are left for later where there are messages all the time."""


@dataclass(slots=True)
class _Made:
    """A container that exists."""

    pid: int
    group: Group
    owner: int
    """Who owns its user namespace; of a template, who it is."""
    program: socket.socket | None = None
    """What the process that is forked for it speaks to its init by, until it has been asked for."""
    sync: socket.socket | None = None
    """Where that process reports to be put into the group."""
    joiner: int = -1
    """Who that process is before it is the container's."""
    forks: socket.socket | None = None
    """Of a template: where it is asked for forks."""
    network: Network | None = None
    """Its network namespace, where that may be used again."""

    def end_forks(self) -> None:
        """Kill a template's forks that have not joined a container. Where no descriptor is to be had, they end with this process."""
        if self.forks is not None:
            with contextlib.suppress(OSError):
                while pids := self.group.pids():
                    for pid in pids:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of its sockets."""
        for sock in (self.program, self.sync, self.forks):
            if sock is not None:
                sock.close()


class Launcher:
    """The state behind the loop: the groups' place, the mounted images, the containers."""

    def __init__(self, server: socket.socket, store: str, cgroup_parent: str | None, programs: int) -> None:
        """``programs`` is a descriptor of a mount by which the zygote's program is found."""
        self._server = server
        # Named after this process, whose death makes the leftovers free to sweep.
        self._hierarchy: Hierarchy = cgroups.open_hierarchy(cgroups.instance_name(), cgroup_parent)
        self._cgroup_version = cgroups.detect_version()
        try:
            self._host_devices = layout.enter(store)
            self._networks = EmptyNetworks(_MOST_IDLE_NETWORKS)
            self._zygote = Zygote(f"/proc/self/fd/{programs}{os.path.realpath(zygote.PROGRAM)}")
        except OSError:
            self._hierarchy.remove_all()
            raise
        self._images = layout.Images()
        self._last_capability = credentials.last_capability()
        self._leaves_groups = credentials.may_leave_groups()
        abi = landlock.abi_version()
        self._landlock = landlock.domain(abi, steps.ACCESS) if abi >= landlock.MIN_ABI else None
        self._boot_time = procfs.read_boot_time()
        self._stat_of_all = procfs.format_stat(sorted(os.sched_getaffinity(0)), self._boot_time)
        self._containers: dict[str, _Made] = {}
        self._joining: list[_Made] = []
        self._unremoved: list[Group] = []
        self._later = contextlib.ExitStack()
        """What is left to close of the latest container's making."""
        self._devices = -1
        """A container's /dev that was made ahead."""
        self._tidy = False
        """Whether all has been done that is for when nobody waits: clearing up after the dead, and making ahead what the next container needs."""

    def run(self) -> None:
        """Serve until the server is gone."""
        wire.send(self._server, wire.encode({"type": "hello", "cgroup_version": self._cgroup_version}))
        while True:
            readable = self._wait()
            for made in [made for made in self._joining if made.sync in readable]:
                self._admit(made)
            if not readable:
                self._clear_up()
                self._make_ahead()
                self._tidy = True
            if self._server not in readable:
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
                    self._create(ContainerSpec.from_json(header["spec"]), blob, fds[0])
                case "adapt":
                    self._adapt(header["id"], Settings(**header["cgroup"]), header["disk_bytes"], fds[0])
                case "template":
                    self._start_template(TemplateSpec.from_json(header["spec"]), header["sizes"], blob, fds)
                case "forget":
                    with contextlib.suppress(OSError):  # then it stays until this process ends
                        self._images.forget(header["image"])
                case "join":
                    self._join(header["id"], header["template"])
                case _:
                    self._destroy(header["id"])

    def _wait(self) -> list[socket.socket]:
        """Return the sockets that have something to say; none after a while, if there is something to clear up."""
        joining = [made.sync for made in self._joining if made.sync is not None]
        if not joining and not self._unremoved and self._tidy:
            return [self._server]
        sockets = {sock.fileno(): sock for sock in (self._server, *joining)}
        poll = select.poll()  # not select(2), to which descriptors above 1,023 are errors
        for fd in sockets:
            poll.register(fd, select.POLLIN)
        again_ms = _REMOVE_AGAIN_MS if self._unremoved else None
        return [sockets[fd] for fd, _ in poll.poll(again_ms if self._tidy else _CLEAR_UP_MS)]

    def close(self) -> None:
        """End every container and remove every group."""
        self._zygote.close()
        for made in self._containers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(made.pid, signal.SIGKILL)  # our own unreaped child: the number cannot be another's
            made.end_forks()
        with contextlib.suppress(ChildProcessError):
            while True:
                # What a template has left is among them, without which what it was left in does not end; whatever group it is in.
                with contextlib.suppress(OSError):  # no descriptor is to be had
                    for pid in procfs.children(os.getpid()):
                        os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
        self._unremoved += [made.group for made in self._containers.values()]
        self._remove_groups()
        with contextlib.suppress(OSError):  # EBUSY: the next start sweeps it
            self._hierarchy.remove_all()

    def _create(self, spec: ContainerSpec, bpf: bytes, control: int) -> None:
        self._tidy = False
        with contextlib.ExitStack() as always, contextlib.ExitStack() as later, contextlib.ExitStack() as on_failure:
            always.callback(os.close, control)
            step = "mount_image"
            try:
                image = self._images.mount_all(spec.image)
                workspaces = self._images.workspaces(spec.image)
                step = "make_cgroup"
                group = self._hierarchy.create(spec.id, spec.cgroup)
                on_failure.callback(self._unremoved.append, group)
                step = "clone"
                network = None if spec.own_network else self._networks.take()
                if network is not None:
                    on_failure.callback(os.close, network.fd)
                clone = self._order(spec, group, network)
                later.callback(clone.close)
                on_failure.callback(clone.abandon)
                step = "make_workspace"  # while the kernel makes the namespaces
                over_files = bool(workspaces)
                # Closed at once: who closes it last frees what was written, and for that this process has no time.
                writable_fd = _opened(always, _make_writable(spec, self._stat(spec.cgroup), over_files=over_files))
                step = "make_devices"
                devices_fd = _opened(later, self._take_devices())
                step = "clone"
                program = for_init = None
                if spec.forked:
                    program, for_init = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    on_failure.callback(program.close)
                    always.callback(for_init.close)
                entrances = [_opened(later, fd) for fd in group.entrances()]
                clone.arrive()
                credentials.map_ids(clone.pid, spec.ids.extents)
                account, layers = _open_account(clone.pid, later), _show_as_own(image, clone.pid, later)
                plan = steps.Plan(
                    root=spec.ids.root,
                    init=spec.ids.init,
                    single=spec.ids.single,
                    image=image,
                    mapped=bool(layers),
                    workspaces=workspaces,
                    entrances=len(entrances),
                    host_devices=self._host_devices,
                    bpf=bpf,
                    last_capability=self._last_capability,
                    landlock=self._landlock,
                    leaves_groups=self._leaves_groups,
                    forked=spec.forked,
                    account=bool(account),
                )
                first = [
                    control,
                    writable_fd,
                    devices_fd,
                    *([for_init.fileno()] if for_init is not None else []),
                ]
                wire.send(clone.socket, steps.script(plan), [*first, *account, *entrances, *layers])
            except OSError as error:
                self._fail(spec.id, step, error)
                return
            on_failure.pop_all()
            self._keep(spec.id, _Made(clone.pid, group, spec.owner, program, network=network), clone.pidfd, writable_fd)
            self._close_later(later)

    def _close_later(self, opened: contextlib.ExitStack) -> None:
        """Close it when nobody waits, or with the next: not while an init that was just woken may be waiting for this processor."""
        self._later.close()
        self._later = opened.pop_all()

    def _order(self, spec: ContainerSpec, group: Group, network: Network | None) -> Clone:
        """Order a container's init."""
        namespaces, network_fd = _NAMESPACES, None
        if network is None:
            namespaces |= process.Namespace.NETWORK
        else:
            network_fd = network.fd
        return self._zygote.order(namespaces, owner=spec.owner, network_fd=network_fd, cgroup_fd=group.clone_fd())

    def _keep(self, made_id: str, made: _Made, pidfd: int, writable_fd: int) -> None:
        """Hold what was made, a container or a template, and pass on what the server holds of it."""
        self._containers[made_id] = made
        header = {"type": "created", "id": made_id}
        wire.send(self._server, wire.encode(header), [pidfd, writable_fd, *made.group.directories()])

    def _start_template(self, spec: TemplateSpec, sizes: list[int], blob: bytes, fds: list[int]) -> None:
        bpf, policy_bpf, hook = blob[: sizes[0]], blob[sizes[0] : sizes[0] + sizes[1]], blob[sizes[0] + sizes[1] :]
        with contextlib.ExitStack() as always, contextlib.ExitStack() as on_failure:
            for fd in fds:
                always.callback(os.close, fd)
            step = "mount_image"
            try:
                image = self._images.mount_all(spec.image)
                step = "make_cgroup"
                group = self._hierarchy.create(spec.id, spec.cgroup)
                on_failure.callback(self._unremoved.append, group)
                step = "clone"
                clone = self._zygote.order(template.NAMESPACES, cgroup_fd=group.clone_fd())
                always.callback(clone.close)
                on_failure.callback(clone.abandon)
                step = "make_files"
                writable_fd = _opened(always, template.make_files(image, spec.place, hook))
                step = "make_devices"
                devices_fd = _opened(always, layout.make_devices(self._host_devices))
                step = "clone"
                entrances = [_opened(always, fd) for fd in group.entrances()]
                forks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                on_failure.callback(forks.close)
                always.callback(theirs.close)
                clone.arrive()
                plan = template.Plan(
                    spec=spec,
                    image=image,
                    entrances=len(entrances),
                    bpf=bpf,
                    last_capability=self._last_capability,
                    leaves_groups=self._leaves_groups,
                )
                control, *streams = fds
                given = [*streams, theirs.fileno(), control, writable_fd, devices_fd, *entrances]
                wire.send(clone.socket, template.script(plan), given)
                wire.send(
                    forks,
                    template.configuration(policy_bpf, spec.preload, self._last_capability, self._landlock),
                )
            except OSError as error:
                self._fail(spec.id, step, error)
                return
            on_failure.pop_all()
            self._keep(spec.id, _Made(clone.pid, group, spec.uid, forks=forks), clone.pidfd, writable_fd)

    def _join(self, container_id: str, template_id: str) -> None:
        """Ask a template for a process in a container whose walls stand."""
        made, source = self._containers[container_id], self._containers.get(template_id)
        assert made.program is not None
        try:
            if source is None or source.forks is None:
                raise ProcessLookupError(errno.ESRCH, "the template has been ended")
            with contextlib.ExitStack() as opened:
                fds = [
                    _opened(opened, os.open(f"/proc/{made.pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
                    for name in template.JOINED
                ]
                made.sync, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                opened.callback(theirs.close)
                made.sync.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                fds += [theirs.fileno(), made.program.fileno()]
                wire.send(source.forks, str(made.owner).encode(), fds, _WITHOUT_WAITING)  # for one that takes nothing
        except OSError as error:
            self._fail(container_id, "join", error)
        else:
            made.joiner = source.owner
            self._joining.append(made)
            wire.send(self._server, wire.encode({"type": "joined", "id": container_id}))
        finally:
            made.program.close()
            made.program = None

    def _admit(self, made: _Made) -> None:
        """Put a template's fork into the group of the container that it has joined. One that is gone, init hears of.

        Nobody else: who is not in the container does not end with it.
        """
        assert made.sync is not None
        self._joining.remove(made)
        with contextlib.suppress(OSError):  # without an answer it ends, and so says that it could not
            pid = wire.receive_sender(made.sync)
            if pid and os.path.samefile(f"/proc/{pid}/ns/pid", f"/proc/{made.pid}/ns/pid"):
                # cgroup v1 has a process moved by the host's root or by its own user; the latter, where this is not the former.
                with credentials.acting_as(made.joiner):
                    made.group.attach(pid)
                wire.send(made.sync, b"go")
        made.sync.close()
        made.sync = None

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
        if settings.cpu_set is None:
            return self._stat_of_all
        return procfs.format_stat([int(cpu) for cpu in settings.cpu_set.split(",")], self._boot_time)

    def _destroy(self, container_id: str) -> None:
        """Reap a container that has ended (the server has seen its pidfd)."""
        made = self._containers.pop(container_id)
        if made in self._joining:
            self._joining.remove(made)
        made.close()
        made.end_forks()
        os.waitpid(made.pid, 0)
        if made.forks is not None:
            self._end_orphans()
        self._unremoved.append(made.group)
        if made.network is not None:
            self._networks.take_back(made.network)
        self._tidy = False
        if len(self._unremoved) > _MOST_UNREMOVED:
            self._remove_groups()

    def _end_orphans(self) -> None:
        """End and reap what ended templates have left, which is this process's as process 1 of its namespace, and what that leaves.

        One that was about to join a container is in the way of that container's end (pid_namespaces(7)).
        """
        with contextlib.suppress(OSError):  # no descriptor is to be had: until the next template ends
            while orphans := set(procfs.children(os.getpid())) - {
                self._zygote.pid,
                *(made.pid for made in self._containers.values()),
            }:
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _take_devices(self) -> int:
        devices_fd, self._devices = self._devices, -1
        return layout.make_devices(self._host_devices) if devices_fd < 0 else devices_fd

    def _clear_up(self) -> None:
        """Close what is left, remove the groups of the dead, and see whether their networks can be used again."""
        self._later.close()
        self._networks.look_at_returned()
        self._remove_groups()

    def _make_ahead(self) -> None:
        """Make what the next container needs, and is the same for all. What cannot be made now, its own step will tell of."""
        with contextlib.suppress(OSError):
            self._devices = self._take_devices()

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
        self._fail(header["spec"]["id"] if "spec" in header else header["id"], "receive_descriptors", error)

    def _fail(self, container_id: str, step: str, error: OSError) -> None:
        reason = wire.reason_of(error)
        header = {"type": "failed", "id": container_id, "step": step, "errno": error.errno or 0, "reason": reason}
        wire.send(self._server, wire.encode(header))


def _opened(stack: contextlib.ExitStack, fd: int) -> int:
    """Have a descriptor closed with a stack, and return it."""
    stack.callback(os.close, fd)
    return fd


def _make_writable(spec: ContainerSpec, stat: bytes, *, over_files: bool) -> int:
    """Make the container's writable tmpfs, which its ids own, and return its detached mount.

    ``over_files`` says that the image has files in its workspace.
    """
    owner = spec.owner
    fd = mounts.new_filesystem(
        "tmpfs",
        _GUARD,
        mode="0755",
        uid=str(owner),
        gid=str(owner),
        size=_size(spec.disk_bytes, stat),
        nr_inodes=str(spec.inodes),
    )
    umask = os.umask(0)
    try:
        for name, mode, (uid, gid) in (
            (layout.EMPTY, 0o555, (owner, owner)),
            ("upper", 0o755, (owner, owner)),
            ("work", 0o755, (owner, owner)),
            ("tmp", 0o1777, (owner, owner)),
            ("shm", 0o1777, (owner, owner)),
            ("workspace", 0o755, spec.program_ids),
            *(((layout.WORKSPACE_WORK, 0o755, (owner, owner)),) if over_files else ()),
        ):
            os.mkdir(name, mode, dir_fd=fd)
            os.chown(name, uid, gid, dir_fd=fd)  # which clears nothing of a directory's mode
    finally:
        os.umask(umask)
    _write_stat(fd, stat, NEW_FILE)
    os.chown(layout.STAT, owner, owner, dir_fd=fd)
    return fd


def _write_stat(
    writable_fd: int, stat: bytes, flags: int = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
) -> None:
    """Write what the container shows as /proc/stat, into the file that it has mounted there; nothing else that is in its place, which is its root's."""
    fd = os.open(layout.STAT, flags, 0o444, dir_fd=writable_fd)
    try:
        if not S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "no file", layout.STAT)
        os.ftruncate(fd, 0)
        os.write(fd, stat)
    finally:
        os.close(fd)


def _size(disk_bytes: int, stat: bytes) -> str:
    """Return the size of a container's tmpfs: what the program may use, and the pages of its /proc/stat."""
    return str(disk_bytes + -(-len(stat) // _PAGE_BYTES) * _PAGE_BYTES)


def _open_account(pid: int, opened: contextlib.ExitStack) -> list[int]:
    """Open init's account of bytes, which it may not do itself: it never is dumpable. None where the kernel has no CONFIG_TASK_IO_ACCOUNTING."""
    account: list[int] = []
    with contextlib.suppress(FileNotFoundError):
        account.append(_opened(opened, os.open(f"/proc/{pid}/io", os.O_RDONLY | os.O_CLOEXEC)))
    return account


def _show_as_own(image: Sequence[bytes], pid: int, opened: contextlib.ExitStack) -> list[int]:
    """Return detached mounts of layers in which their owners are shown as the container's: root's files as its root's.

    Where the file system has no id-mapped mounts the files belong to nobody, which only shows in ls: none can be
    written in either case. Then it is none.
    """
    userns = _opened(opened, os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC))
    mapped: list[int] = []
    try:
        for layer in image:
            mapped.append(_opened(opened, mounts.clone_tree(layer)))
            mounts.set_attributes(mapped[-1], _RDONLY, userns_fd=userns)
    except OSError as error:
        if not mounts.means_no_idmap(error):
            raise
        return []
    return mapped


def main() -> NoReturn:
    """Run on the socket of descriptor 3; argv: the image store, and the parent cgroup or nothing.

    Descriptor 4 is the mount that this process's own executable came by, and the zygote's does. Then it is made good for data alone, for
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
    os.set_inheritable(4, False)
    store, parent = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)  # noqa: PLR2004
    try:
        launcher = Launcher(server, store, parent, programs=4)
        mounts.set_attributes(4, mounts.MountAttr.NOEXEC, recursive=True)
        os.close(4)
    except OSError as error:
        wire.send(server, wire.encode({"type": "unfit", "reason": wire.reason_of(error)}))
        os._exit(1)
    sys.meta_path.clear()  # an import after the root has changed would find a container's files, or none
    gc.disable()  # nothing here makes cycles
    # The server's end, before it took an answer or in the middle of one; or the zygote's, without which the server needs another launcher.
    with contextlib.suppress(ConnectionError, ZygoteGone):
        launcher.run()
    launcher.close()
    os._exit(0)
