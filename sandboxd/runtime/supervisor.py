"""Watches one run: releases the program, ends it when it passes a limit, and gathers the facts of its end.

The clocks start when init says that the program was released. CPU time, memory and OOM kills are read from the
cgroup at moments chosen by what is left of the budget; everything else is an event of a descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sandboxd.errors import ContainerLost, setting_up
from sandboxd.linux import procfs, seccomp
from sandboxd.linux.cgroups import MemorySample, Stats
from sandboxd.model import SECOND_NS, File, Limits, RefusedSyscall, Usage, WindowSize
from sandboxd.runtime import terminal, workspace
from sandboxd.runtime.container import Container, Reaped
from sandboxd.runtime.listener import Listener
from sandboxd.runtime.outcome import Killed, Outcome
from sandboxd.runtime.spec import PROCESSES_OF_INIT, ProgramSpec
from sandboxd.runtime.streams import STDERR, STDOUT, OutputPump, Recorder, StdinFeeder
from sandboxd.runtime.wire import FromInit, InitMessage

# A tick reads four small files, 0.1 ms; one where nothing has run. Soon after the start, then ever rarer, and by the budget near its end.
_FIRST_TICK_S = 0.004
_LONGEST_TICK_S = 0.1
_SHORTEST_TICK_S = 0.004  # a program that sleeps on the last of its budget costs no more than this
# How long init may take to hear of the program's end, and again to end what it left, before the whole container is killed.
_SETTLE_S = 1.0
_INIT_CPU_BOUND_NS = 20_000_000
# A program out of memory is ended as one where all its files' pages are less than this part of its memory, and it has read
# as much of them again as several times that memory: 2 GB/s were measured of a Python program that had 0.1 MiB of 64 left.
_CODE_ROOM_PART = 32
_REREAD_TIMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the owner of a run wants to be told, and when."""

    on_started: Callable[[Run], None]
    on_output: Callable[[], None]
    as_it_comes: bool
    """Whether output is wanted as it comes. Else what a program writes in its first moments stays in its pipes: most have ended by then."""
    on_waiting: Callable[[], None] | None
    """Called when the program blocks on an empty stdin; None where nobody asks."""


class Run:
    """One program in one container, from its start to the container's end."""

    def __init__(
        self, container: Container, limits: Limits, seccomp_filter: seccomp.Filter, watch: Watch, *, audit: bool
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._container = container
        self._limits = limits
        self._filter = seccomp_filter
        self._audit = audit
        self._watch = watch
        self._killed: Killed | None = None
        self._cancelled = False
        self._blocked = ""
        self._lost = ""
        self._refused: Counter[tuple[str, str]] = Counter()
        self.recorder = Recorder(limits.output_bytes, lambda: self.kill(Killed.OUTPUT))
        self.recorder.on_chunk = watch.on_output
        self._listener: Listener | None = None
        self._pump: OutputPump | None = None
        self.stdin: StdinFeeder | None = None
        self._master = -1
        self._window = WindowSize()
        self._baseline = container.baseline
        self._last: Stats | None = None
        self._full: str = ""
        self.started_ns = 0
        """When the program was released, on the monotonic clock; 0 before."""
        self._ended_ns = 0
        self._seen_ns = -1
        """CPU time at the last look."""
        self._best_sample: MemorySample | None = None
        self._best_sample_bytes = -1
        self._interval_s = _FIRST_TICK_S
        self._code_room_bytes = limits.memory_bytes // _CODE_ROOM_PART
        self._timer: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._last_resort: asyncio.TimerHandle | None = None
        self._told_waiting = False
        self._start: InitMessage | None = None
        self._finished = asyncio.Event()
        self.reaped: Reaped | None = None
        """What init learned by reaping the program and all that it left; None where the container had to be killed."""

    async def start(self, program: ProgramSpec, files: Sequence[File], window: WindowSize) -> None:
        """Put the files in and release the program. ContainerLost when init does not answer, SetupFailed when it cannot."""
        container, self._window = self._container, window
        self._listener = Listener(container.listener_fd, self._on_refused_call, self._on_deafness)
        container.on_end = self._on_end
        with setting_up("open_pipes"):
            streams = [] if program.tty else self._open_pipes()
        if program.tty:
            program = replace(program, columns=window.columns, rows=window.rows)
        asked_ns = time.monotonic_ns()
        try:
            self._start, self._master = await container.start(program, files, streams)
        except ContainerLost:
            with _reading_accounts():
                if self._killed is None and not container.cgroup.oom_kills():
                    raise
            return  # killed between its creation and its start
        finally:
            for fd in streams:
                os.close(fd)
        if self._start.kind is FromInit.NOT_EXECUTABLE:
            return
        self.started_ns = _within(asked_ns, self._start.a)
        if self._limits.cpus % 1 and self._killed is None:  # who is to die needs CPU time for it: Container.end_program
            with setting_up("limit_cpus"):
                container.cgroup.limit_cpus(self._limits.cpus)
        if program.tty:
            terminal.resize(self._master, self._window)
            self._pump = OutputPump({STDOUT: os.dup(self._master)}, self.recorder)
            self.stdin = StdinFeeder(self._master, terminal=True)
        self._watch.on_started(self)
        with contextlib.suppress(OSError):  # the first tick will meet it again
            self._sample_memory()  # for it may have ended by then
        if self._watch.as_it_comes and not program.tty:
            self.resume_output()
        self._timer = self._loop.call_later(_FIRST_TICK_S, self._first_tick)

    async def finish(self) -> None:
        """Wait until the program has ended, by itself or by :meth:`kill`, and all that it left is dead.

        The container is then left with nothing but its init, whose end takes longer than a small program: nobody has
        to wait for it. ContainerLost when what was used cannot be read any more.
        """
        container = self._container
        if self.started:
            await self._finished.wait()
        if container.exited.done():
            with _reading_accounts():
                self.reaped = await container.settle(_SETTLE_S)
        await self.release()
        with _reading_accounts():
            self._last = container.cgroup.stats()
            self._full = self._full or workspace.fullness(container.writable_fd)
            if not self._full and container.exited.done() and container.exited.result():
                size = self._limits.file_size_bytes
                found = await asyncio.to_thread(workspace.has_file_of, container.writable_fd, size)
                self._full = "file" if found else ""

    async def release(self) -> None:
        """Kill what the program left, take what is in its pipes, and let go of every descriptor. May be repeated.

        An event loop that still watches a descriptor when it is closed would not see the next one of its number.
        """
        for timer in (self._timer, self._grace, self._last_resort):
            if timer is not None:
                timer.cancel()
        if self.reaped is None:
            self._container.kill()
            await self._container.ended()
        if self._listener is not None:
            self._listener.close()
        if self.stdin is not None:
            self.stdin.close()
        if self._pump is not None:
            self._pump.finish()
        self.recorder.seal()
        self._container.on_end = lambda: None

    def kill(self, why: Killed) -> None:
        """End the run; the first reason stands. Where init does not say in time what was used, it ends without that."""
        if self._container.exited.done():
            return
        ending = self._container.launcher_ended  # with it everything dies, though it may take a while
        if self._killed is None and not ending:
            self._killed = why
        if not self._container.end_program():
            self._container.kill()
        elif self._last_resort is None:
            self._last_resort = self._loop.call_later(_SETTLE_S, self._container.kill)

    @property
    def started(self) -> bool:
        """Whether the program was released."""
        return self.started_ns > 0

    def cancel(self, grace_s: float) -> None:
        """End the run because its caller wants it: SIGTERM to the program, and a kill after ``grace_s``, or that at once."""
        if self._container.exited.done():
            return
        self._cancelled = True
        if grace_s > 0 and self.started:
            self._container.signal_program(signal.SIGTERM)
            self._kill_within(grace_s)
        else:
            self.kill(Killed.CANCELLED)

    def _kill_within(self, grace_s: float) -> None:
        """Kill it after that time, or before, where somebody has given it less."""
        timer = self._loop.call_later(grace_s, self.kill, Killed.CANCELLED)
        if self._grace is not None and self._grace.when() <= timer.when():
            timer.cancel()
            return
        if self._grace is not None:
            self._grace.cancel()
        self._grace = timer

    def pause_output(self) -> None:
        """Let the program wait with its output."""
        if self._pump is not None:
            self._pump.pause()

    def resume_output(self) -> None:
        """Let it go on."""
        if self._pump is not None:
            self._pump.resume()

    def resize(self, window: WindowSize) -> None:
        """Tell the terminal its new size; one that is being made has it from the start."""
        self._window = window
        if self._master >= 0 and self.stdin is not None and self.stdin.open:
            terminal.resize(self._master, window)

    def input_arrived(self) -> None:
        """Make the next wait for stdin worth telling again."""
        self._told_waiting = False

    def cpu_time_ns(self) -> int:
        """CPU time of the program until now."""
        return max(0, self._container.cgroup.cpu_ns() - self._baseline.cpu_ns - self._init_ns())

    def _init_ns(self) -> int:
        """CPU time of init since the baseline; a liar gains no more than the bound."""
        return min(max(0, self._container.own_cpu_us * 1000), _INIT_CPU_BOUND_NS)

    def outcome(self) -> Outcome:
        """Put the facts of a finished run together."""
        container, start, last = self._container, self._start, self._last
        assert last is not None
        status = container.exited.result() if container.exited.done() else None
        not_executed = start is not None and start.kind is FromInit.NOT_EXECUTABLE
        lost = self._lost
        if not lost and self.started and status is None and self._killed is None and not last.oom_kills:
            lost = "the launcher ended" if container.launcher_ended else "init ended before the program did"
        return Outcome(
            wait_status=status,
            exec_errno=start.a if start is not None and not_executed else None,
            exec_missing=start is not None and not_executed and not start.b,
            killed=Killed.CANCELLED if self._cancelled else self._killed,
            lost=lost,
            blocked_syscall=self._blocked,
            refused_syscalls=tuple(
                RefusedSyscall(name=name, count=count, answer=answer)
                for (name, answer), count in sorted(self._refused.items())
            ),
            process_refusals=last.process_refusals,
            full=self._full,
            stdout=self.recorder.output(STDOUT),
            stderr=self.recorder.output(STDERR),
            usage=self._usage(last),
        )

    def _usage(self, last: Stats) -> Usage:
        base, sample, reaped = self._baseline, self._best_sample, self.reaped
        throttled = None
        if last.throttled_ns is not None and base.throttled_ns is not None:
            throttled = last.throttled_ns - base.throttled_ns
        cpu_ns = max(0, last.cpu_ns - base.cpu_ns - self._init_ns())
        user_ns = min(cpu_ns, max(0, last.user_ns - base.user_ns))
        return Usage(
            cpu_time_ns=cpu_ns,
            user_time_ns=user_ns,
            system_time_ns=cpu_ns - user_ns,
            wall_time_ns=max(0, self._ended_ns - self.started_ns) if self.started else 0,
            memory_peak_bytes=last.memory_peak_bytes,
            memory_anon_bytes=sample.anon_bytes if sample else None,
            memory_file_bytes=sample.file_bytes if sample else None,
            memory_shmem_bytes=sample.shmem_bytes if sample else None,
            memory_kernel_bytes=sample.kernel_bytes if sample else None,
            processes_peak=None if last.processes_peak is None else max(0, last.processes_peak - PROCESSES_OF_INIT),
            read_bytes=reaped.read_bytes if reaped else None,
            written_bytes=reaped.written_bytes if reaped else None,
            minor_faults=last.minor_faults - base.minor_faults,
            major_faults=last.major_faults - base.major_faults,
            voluntary_switches=reaped.voluntary_switches if reaped else None,
            involuntary_switches=reaped.involuntary_switches if reaped else None,
            throttled_time_ns=throttled,
            oom_kills=last.oom_kills,
        )

    def _open_pipes(self) -> list[int]:
        """Open the three pipes, keep our ends, and return the program's."""
        pipes: list[int] = []
        try:
            for _ in range(3):
                pipes += os.pipe2(os.O_CLOEXEC)
            stdin, to_stdin, from_stdout, stdout, from_stderr, stderr = pipes
            user, group = self._container.spec.program_ids
            for fd in (stdin, stdout, stderr):
                os.fchown(fd, user, group)  # so that /dev/stdin and its like can be opened
        except OSError:
            for fd in pipes:
                os.close(fd)
            raise
        self.stdin = StdinFeeder(to_stdin, terminal=False)
        # Nothing is read before the program is known to have started: what it writes may end it, and then it must be in hand.
        self._pump = OutputPump({STDOUT: from_stdout, STDERR: from_stderr}, self.recorder, paused=True)
        return [stdin, stdout, stderr]

    def _on_end(self) -> None:
        told = [ns for ns in (self._container.exited_ns, self._container.ended_ns) if ns]
        self._ended_ns = self._ended_ns or _within(self.started_ns, min(told, default=time.monotonic_ns()))
        if self.stdin is not None:
            self.stdin.close()  # whoever still feeds it has nobody to feed
        self._finished.set()

    def _on_refused_call(self, notification: seccomp.Notification) -> None:
        """A call that the policy refuses: name it, and answer as the policy does."""
        name = seccomp.name_call(self._filter, notification.nr, notification.arch)
        answer = seccomp.answer_to(self._filter, name)
        of_program = notification.pid != self._container.init_pid  # what init is refused is not the program's
        if isinstance(answer, int):
            if of_program:
                self._refused[name, errno.errorcode.get(answer, str(answer))] += 1
            seccomp.refuse(self._container.listener_fd, notification, answer)
            return
        self._blocked = self._blocked or name
        self._refused[name, answer] += 1
        self.kill(Killed.SECURITY)

    def _on_deafness(self, error: Exception) -> None:
        """Refused calls cannot be heard of any more: nobody would answer the next one."""
        if self._killed is None:
            self._lost = f"its refused system calls cannot be heard of: {error}"
        self._container.kill()

    def _first_tick(self) -> None:
        """Listen to a program that has not ended at once."""
        self._container.watch_program()
        if not self._watch.as_it_comes:
            self.resume_output()
        self._tick()

    def _tick(self) -> None:
        """Look at what has no event, and come back when it can matter next."""
        if self._container.dead.done() or self._killed is not None:
            return
        try:
            self._look()
        except OSError:  # whoever took the cgroup away took the limits with it: ``finish`` says so
            self._container.kill()

    def _look(self) -> None:
        limits, used_ns = self._limits, self.cpu_time_ns()
        left_wall_ns = self.started_ns + limits.wall_time_ns - time.monotonic_ns()
        left_cpu_ns = limits.cpu_time_ns - used_ns
        # What has not run since has done nothing. A thousand programs that wait cost a tenth of a core so.
        if used_ns != self._seen_ns:
            self._look_at_what_ran()
            self._seen_ns = used_ns
        if self._killed is not None:
            return
        if left_cpu_ns < 0:
            self._end_in_time(Killed.CPU_TIME)
        elif left_wall_ns < 0:
            self._end_in_time(Killed.WALL_TIME)
        else:
            # The budget cannot be used up faster than by all CPUs at once.
            soonest_s = min(left_wall_ns, left_cpu_ns / max(1, math.ceil(limits.cpus))) / SECOND_NS
            self._interval_s = min(self._interval_s * 2, _LONGEST_TICK_S)
            delay = min(self._interval_s, max(soonest_s, _SHORTEST_TICK_S))
            self._timer = self._loop.call_later(delay, self._tick)

    def _look_at_what_ran(self) -> None:
        present = self._sample_memory()
        self._full = self._full or workspace.fullness(self._container.writable_fd)
        if self._container.cgroup.oom_kills():
            self.kill(Killed.MEMORY)
        elif present > self._limits.memory_bytes - self._code_room_bytes and self._thrashes():
            self._end_in_time(Killed.THRASHING)
        else:
            self._look_for_waiting()

    def _end_in_time(self, why: Killed) -> None:
        """Kill the run for what no event tells, unless it has ended and this process was late to hear of it."""
        self._container.hear()
        self.kill(why)

    def _thrashes(self) -> bool:
        """Whether the program has so little room left for its code that it reads that again and again, and does little else.

        The kernel sees a group that always has a page to give back, and kills nobody, for minutes on end.
        """
        sample = self._container.cgroup.memory_sample()
        enough = _REREAD_TIMES * self._limits.memory_bytes
        return sample.file_bytes < self._code_room_bytes and sample.reread_bytes > enough

    def _sample_memory(self) -> int:
        """Note what the memory is made of where it is more than ever; returns how much it is."""
        present = self._container.cgroup.memory_bytes()
        if present > self._best_sample_bytes:
            self._best_sample_bytes = present
            self._best_sample = self._container.cgroup.memory_sample()
        return present

    def _look_for_waiting(self) -> None:
        """Tell once that the program waits for input: its pipe is empty, and somebody waits to read it."""
        stdin = self.stdin
        if self._watch.on_waiting is None or self._told_waiting or stdin is None or not stdin.open:
            return
        is_stdin = self._stdin_test(stdin)
        if is_stdin is not None and procfs.waits_for(self._container.cgroup.pids(), is_stdin):
            self._told_waiting = True
            self._watch.on_waiting()

    def _stdin_test(self, stdin: StdinFeeder) -> Callable[[os.stat_result], bool] | None:
        """Return what recognises the program's input; None while there is some left to read."""
        if self._master >= 0:
            device = terminal.slave_device(self._master)
            return lambda status: status.st_rdev == device
        if procfs.unread_bytes(stdin.fd):
            return None
        ours = os.fstat(stdin.fd)
        return lambda status: (status.st_dev, status.st_ino) == (ours.st_dev, ours.st_ino)


@contextlib.contextmanager
def _reading_accounts() -> Iterator[None]:
    """Tell that a container is lost whose accounts are gone: the launcher's end takes its group away, at any moment."""
    try:
        yield
    except OSError as error:
        raise ContainerLost(f"its accounts cannot be read: {error.strerror}") from error


def _within(earliest_ns: int, told_ns: int) -> int:
    """Return a moment that init told, as far as it can be true: between another and now."""
    return min(max(earliest_ns, told_ns), time.monotonic_ns())
