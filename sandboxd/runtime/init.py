"""Process 1 of a container: builds the walls around itself, drops every privilege, starts the program, reaps, reports.

It is a clone of the launcher, so that no interpreter starts for a container. The program inherits every wall from it
by exec, so that nothing has to be built between fork and exec. Process 1 ignores every signal from inside its
namespace for which it has no handler, and it has none; being undumpable it cannot be traced either.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import termios
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from sandboxd.linux import process, procfs
from sandboxd.runtime import delivery, steps, wire
from sandboxd.runtime.spec import PROCESSES_OF_INIT, PROGRAM_UID, ProgramSpec
from sandboxd.runtime.wire import FromInit, InitMessage

_T = TypeVar("_T")


def rehearse(child: steps.Child) -> None:
    """Do in vain, in a container that nobody waits for yet, what START will ask for.

    A clone copies each page when it first writes to it, 1.6 us: those that are copied here need not be while somebody waits.
    """
    if not child.spare:
        return
    program = ProgramSpec.from_json(json.loads(_REHEARSAL)["program"])
    _read_io(child)
    if child.program is None:
        with contextlib.suppress(FileNotFoundError):
            own = child.control.fileno()
            _spawn(_find(program.argv[0], program.env["PATH"]), program, [(os.POSIX_SPAWN_DUP2, own, own)])
    os.close(os.pidfd_open(os.getpid()))


STEPS: tuple[Callable[[steps.Child], None], ...] = (
    steps.keep_only_own_descriptors,
    steps.enter_group,
    steps.await_identity,
    steps.become_root_of_the_container,
    steps.enter_own_namespaces,
    steps.mount_root,
    steps.mount_devices,
    steps.mount_proc,
    steps.show_own_cpus,
    steps.mask_proc,
    steps.pivot,
    steps.forget_privileges,
    steps.limit_what_no_request_sets,
    steps.restrict_access,
    rehearse,
    steps.filter_system_calls,
    steps.await_program,
    steps.report_ready,
)

# The cgroup refuses first, and counts; this fence behind it holds if the cgroup does not.
_RLIMIT_NPROC_MARGIN = 16
# Why a program is not started though nothing is wrong with it: no process, no descriptor, no block of the image to be had.
_HOST_ERRORS = (errno.EAGAIN, errno.ENFILE, errno.EIO)
_SIGKILL = int(signal.SIGKILL)
_ALL_SIGNALS = tuple(int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_MOST_DIRECTORIES = 1024
_NOTHING = ProgramSpec(
    argv=("nothing",),
    env={"PATH": "/nonexistent"},
    tty=False,
    cpu_seconds=1,
    processes=1,
    open_files=1,
    file_size_bytes=1,
    stack_bytes=1,
)
_REHEARSAL = json.dumps({"program": _NOTHING.to_json()})
_TIOCGPTN = 0x80045430
_TIOCSPTLCK = 0x40045431


def main(child: steps.Child) -> NoReturn:
    """Run as process 1. Ends with os._exit in every case: nothing of the launcher's may unwind or be flushed."""
    try:
        _build(child)
        _serve(child)
    finally:
        os._exit(1)


def _build(child: steps.Child) -> None:
    """Take every step; the server is told which failed, and this process ends."""
    step = STEPS[0]
    try:
        for step in STEPS:
            step(child)
    except OSError as error:
        steps.report_failure(child, step.__name__, error)
        os._exit(1)


def _do(child: steps.Child, step: str, function: Callable[..., _T], *arguments: Any) -> _T:
    """Do what the container cannot be without; the server is told what failed, and this process ends."""
    try:
        return function(*arguments)
    except OSError as error:
        steps.report_failure(child, step, error)
        os._exit(1)


def _serve(child: steps.Child) -> None:
    """Wait for START, release the program, reap as process 1 must until it has ended, and end what it has left."""
    since_ns = time.process_time_ns()
    message, fds = wire.receive(child.control, 16)
    if not message:
        return  # the server is gone: so are we
    start, *streams = fds
    header, offset = wire.from_memfd(start)
    program = ProgramSpec.from_json(header["program"])
    if header["files"]:
        _do(child, "put_files", _put_files, child, start, offset, header["files"])
    os.close(start)
    _do(child, "set_limits", _set_limits, program, child.program_pid)
    io_before = _read_io(child)
    if child.program is None:
        pid = _do(child, "start_program", _release, child, program, streams, since_ns)
    else:
        pid = _do(child, "start_program", _release_fork, child, child.program, streams, since_ns)
    if pid is None:
        return
    reaped = 0
    while reaped != pid:
        reaped, status = os.waitpid(-1, 0)
    wire.send(child.control, InitMessage(FromInit.EXITED, status, time.monotonic_ns()).encode())
    _end_the_rest()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    read, written = _read_io(child)
    if child.io_fd >= 0:
        read, written = read - io_before[0], written - io_before[1]
    empty = InitMessage(FromInit.EMPTY, usage.ru_nvcsw, usage.ru_nivcsw, read, written, _own_cpu_us(since_ns))
    wire.send(child.control, empty.encode())
    child.control.recv(1)  # the server kills this process, or ends and is heard here


def _put_files(child: steps.Child, contents: int, offset: int, entries: list[delivery.Entry]) -> None:
    """Write the request's files as the program's user."""
    steps.act_as(PROGRAM_UID)
    delivery.write(contents, offset, entries)
    steps.act_as(child.ids.init)


def _read_io(child: steps.Child) -> tuple[int, int]:
    """Return the bytes that this process and all that it has reaped read and wrote; -1 where the kernel has no account."""
    return procfs.parse_io(os.pread(child.io_fd, 4096, 0)) if child.io_fd >= 0 else (-1, -1)


def _end_the_rest() -> None:
    """Kill and reap all that the program has left: no fork escapes a kill of everybody (kill(2))."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, _SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _own_cpu_us(since_ns: int) -> int:
    """Return the CPU time that init itself has used, which is not the program's."""
    return (time.process_time_ns() - since_ns) // 1000


def _release(child: steps.Child, program: ProgramSpec, streams: list[int], since_ns: int) -> int | None:
    """Start the program and say so; None when it cannot be exec'ed, which is said too."""
    passed: list[int] = []
    if program.tty:
        master, actions = _open_terminal(program)
        passed.append(master)
    else:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(streams)]
    path = _find(program.argv[0], program.env.get("PATH", ""))
    began_ns = time.monotonic_ns()
    try:
        pid = _spawn(path, program, actions)
    except (OSError, ValueError) as error:
        code = (error.errno or 0) if isinstance(error, OSError) else errno.EINVAL
        if code in _HOST_ERRORS or (code == errno.ENOMEM and not _can_clone()):
            raise
        wire.send(child.control, InitMessage(FromInit.NOT_EXECUTABLE, code, os.path.exists(path)).encode())
        return None
    pidfd = os.pidfd_open(pid)
    started = InitMessage(FromInit.STARTED, began_ns, _own_cpu_us(since_ns))
    wire.send(child.control, started.encode(), [pidfd, *passed])
    for fd in (pidfd, *passed, *streams):
        os.close(fd)
    return pid


def _spawn(path: str, program: ProgramSpec, actions: Sequence[tuple[Any, ...]]) -> int:
    """Exec a program as its own user, in a session of its own, with default signals, none blocked; returns its process id."""
    try:
        return os.posix_spawn(  # vfork inside, so no page table is copied
            path,
            program.argv,
            program.env,
            file_actions=actions,
            resetids=True,
            setsid=True,
            setsigmask=[],
            setsigdef=_ALL_SIGNALS,
        )
    finally:
        process.make_undumpable()  # the child changed users in the memory that it shared with this process until its exec


def _release_fork(child: steps.Child, fork: socket.socket, streams: list[int], since_ns: int) -> int:
    """Let a template's fork go on, and say so."""
    pidfd = os.pidfd_open(child.program_pid)
    began_ns = time.monotonic_ns()
    wire.send(fork, b"start", streams)
    wire.send(child.control, InitMessage(FromInit.STARTED, began_ns, _own_cpu_us(since_ns)).encode(), [pidfd])
    fork.close()
    for fd in (pidfd, *streams):
        os.close(fd)
    return child.program_pid


def _can_clone() -> bool:
    """Whether a process can be had, so that one that cannot be started is itself too large."""
    try:
        os.posix_spawn("/nonexistent", ["/nonexistent"], {})
    except OSError as error:
        return error.errno != errno.ENOMEM
    return True


def _set_limits(program: ProgramSpec, pid: int) -> None:
    """Set the second fence: what the cgroup and the supervisor limit too, and what only rlimits can.

    Of the program's process, or, as 0, of this one, from which a program inherits them. Never RLIMIT_AS and RLIMIT_DATA:
    the JVM, Go and Node reserve far more address space than they use.
    """
    process.cap_rlimit(resource.RLIMIT_CPU, program.cpu_seconds, pid)
    process.cap_rlimit(resource.RLIMIT_NPROC, program.processes + PROCESSES_OF_INIT + _RLIMIT_NPROC_MARGIN, pid)
    process.cap_rlimit(resource.RLIMIT_FSIZE, program.file_size_bytes, pid)
    process.cap_rlimit(resource.RLIMIT_STACK, program.stack_bytes, pid)
    process.cap_rlimit(resource.RLIMIT_NOFILE, program.open_files, pid)


def _open_terminal(program: ProgramSpec) -> tuple[int, list[tuple[Any, ...]]]:
    """Make a pseudo-terminal of the container's own; the program, a session leader, gets it by opening it."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    (number,) = struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", program.rows, program.columns, 0, 0))
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, f"/dev/pts/{number}", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]
    return master, actions


def _find(name: str, path: str) -> str:
    """Look a command up in PATH as execvp(3) does; what is not there becomes a path that is not there.

    In its first 1,024 directories: the program's clocks do not run yet.
    """
    if "/" in name:
        return name
    for directory in path.split(":", _MOST_DIRECTORIES)[:_MOST_DIRECTORIES]:
        candidate = f"{directory or '.'}/{name}"
        try:
            if stat.S_ISREG(os.stat(candidate).st_mode) and os.access(candidate, os.X_OK):
                return candidate
        except OSError:
            continue
    return f"/nonexistent/{name}"
