"""One execution: from the queue through its phases to its answer, watched by any number of readers.

It runs as a task of its own that nobody cancels while a container exists: whoever wants it to end says so, and the
task kills, collects and destroys by itself. So a caller that vanishes leaves nothing behind, at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from sandboxd.errors import ContainerLost, InvalidSubmission, NotAttachable, SetupFailed
from sandboxd.images.store import Image
from sandboxd.model import (
    MIB,
    Command,
    Committed,
    Event,
    ExecutionResult,
    ExecutionSummary,
    File,
    Phase,
    PhaseResult,
    Timings,
    Verdict,
    WindowSize,
)
from sandboxd.runtime import workspace
from sandboxd.runtime.changes import Bounds, HeldWorkspace
from sandboxd.runtime.container import Container
from sandboxd.runtime.engine import Engine
from sandboxd.runtime.policy import Policy
from sandboxd.runtime.supervisor import Run, Watch
from sandboxd.service.admission import Ticket
from sandboxd.service.background import take_note
from sandboxd.service.observer import Record
from sandboxd.service.plan import PhasePlan, Plan
from sandboxd.service.timeline import Timeline
from sandboxd.service.verdict import fault_domain, judge, no_room

# What a compiler leaves passes through this process.
_MOST_BYTES_BETWEEN_PHASES = 256 * MIB
# What is said where a request's file should be where the image has a directory, or below what is none, or a link that leads away.
_IN_THE_WAY = (
    errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS
)  # fmt: skip
_MAX_SIGNAL = 64
_SHOWN_PROGRAM = 64


@dataclass(slots=True)
class _Clock:
    """Sums of the parts of an execution, in nanoseconds."""

    queued: int = 0
    created: int = 0
    ran: int = 0
    collected: int = 0
    _part: str = ""
    _since: int = 0

    @contextlib.contextmanager
    def phase(self) -> Iterator[None]:
        """Begin with what a phase begins with; however it ends, its last part ends with it."""
        self.go_on("created")
        try:
            yield
        finally:
            self.go_on("")

    def go_on(self, part: str, now_ns: int = 0) -> None:
        """Begin with a part, now or at another moment; the one before has its time."""
        now_ns = now_ns or time.monotonic_ns()
        if self._part:
            setattr(self, self._part, getattr(self, self._part) + now_ns - self._since)
        self._part, self._since = part, now_ns

    def timings(self) -> Timings:
        return Timings(queued_ns=self.queued, created_ns=self.created, ran_ns=self.ran, collected_ns=self.collected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a program has left in its workspace, or has there now."""

    workspace: HeldWorkspace
    """To be closed by whoever is given this."""
    bounds: Bounds
    """How much of it there may be."""
    execution_id: str
    image: Image
    policy: Policy


Commit = Callable[[Left, str], Awaitable[Committed]]
"""Makes an image, with a name, of what a program has left."""


class Execution:
    """A submission on its way. Made by ``ExecutionService.submit``."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        ticket: Ticket,
        on_end: Callable[[Execution], None],
        *,
        interactive: bool,
        commit: Commit | None = None,
    ) -> None:
        """``commit`` is needed where the submission asks for it."""
        self.id = secrets.token_hex(16)
        self.plan = plan
        self.created_unix_ns = time.time_ns()
        self.clock = _Clock()
        self._engine = engine
        self._ticket = ticket
        self._on_end = on_end
        self._interactive = interactive
        self._commit = commit
        self._limits = plan.phases[0].limits  # of the phase that runs
        self._left: Left | None = None  # what is to become an image
        self._created_ns = time.monotonic_ns()
        self._result: ExecutionResult | None = None
        self._error: BaseException | None = None
        self._queued = True
        self._stopping = False
        self._phase: Phase | None = None
        self._container: Container | None = None
        self._run: Run | None = None
        self._run_started = asyncio.Event()
        self._window = plan.submission.window_size
        self._feeding: asyncio.Task[None] | None = None
        self._timeline = Timeline()
        self._spent: list[Container] = []  # of which nothing but init is left
        self._answered = asyncio.Event()
        self._task = asyncio.create_task(self._execute())
        self._task.add_done_callback(take_note)

    @property
    def ended(self) -> bool:
        """Whether there is an answer, or an error in its place."""
        return self._answered.is_set()

    async def result(self) -> ExecutionResult:
        """Wait for the answer. Raises what kept the platform from giving one; being cancelled ends only the wait."""
        await self._answered.wait()
        if self._result is None:
            assert self._error is not None
            raise self._error
        return self._result

    def stop(self, grace_s: float = 0.0) -> None:
        """End it. The answer will be CANCELLED, unless it has ended by then.

        With ``grace_s`` a program that runs is asked by SIGTERM first, and killed after that time.
        """
        self._stopping = True
        if self._queued:
            self._task.cancel()
        elif self._run is not None:
            self._run.cancel(grace_s)

    async def settled(self) -> None:
        """Wait until it has ended, whichever way."""
        await asyncio.wait([self._task])

    def when_ended(self, call: Callable[[], None]) -> Callable[[], object]:
        """Have it called soon after its end; returns what takes that back, unless it is about to be called."""

        def ended(_: object) -> None:
            call()

        self._task.add_done_callback(ended)
        return partial(self._task.remove_done_callback, ended)

    async def abandon(self) -> None:
        """Kill it because its caller is gone, and wait until nothing of it is left."""
        self.stop()
        await self.settled()

    async def write_stdin(self, data: bytes) -> None:
        """Write to the program's input, at the pace at which it reads. NotAttachable where the input is not open to callers."""
        run = await self._interactive_run()
        if run is not None and run.stdin is not None:
            run.input_arrived()
            await run.stdin.write(data)

    async def end_stdin(self) -> None:
        """End the program's input."""
        run = await self._interactive_run()
        if run is not None and run.stdin is not None:
            await run.stdin.end()

    def signal(self, number: int) -> None:
        """Send a signal to the program. What comes before its start or after its end is dropped."""
        if not 1 <= number <= _MAX_SIGNAL:
            raise InvalidSubmission.of("signal", f"{number} is not within 1 and {_MAX_SIGNAL}")
        if self._container is not None and self._run_started.is_set():
            self._container.signal_program(number)

    def resize(self, window: WindowSize) -> None:
        """Set the size of the terminal. NotAttachable where there is none."""
        if not self.plan.submission.tty:
            raise NotAttachable("the execution has no terminal")
        self._window = window
        if self._run is not None:
            self._run.resize(window)

    def left(self) -> Left:
        """Return what the program that runs has in its workspace now. NotAttachable where none runs."""
        if self._container is None or self._run is None or not self._run.started:
            raise NotAttachable("the execution has ended" if self.ended else "no program of the execution runs now")
        return self._leave(self._container)

    def _leave(self, container: Container) -> Left:
        try:
            held = HeldWorkspace(container.writable_fd)
        except OSError as error:
            raise ContainerLost(f"its workspace cannot be read: {error.strerror}") from error
        return Left(
            workspace=held,
            bounds=Bounds(entries=self.plan.policy.inodes, total_bytes=self._limits.disk_bytes),
            execution_id=self.id,
            image=self.plan.image,
            policy=self.plan.policy,
        )

    def summary(self) -> ExecutionSummary:
        """Say what it is and how it is doing."""
        submission = self.plan.submission
        cpu_time_ns, memory_bytes = self._consumption()
        return ExecutionSummary(
            execution_id=self.id,
            request_id=submission.request_id,
            image=self.plan.image.name,
            language=self.plan.language,
            policy=self.plan.policy.name,
            created_unix_ns=self.created_unix_ns,
            age_ns=time.monotonic_ns() - self._created_ns,
            phase=self._phase if self._run is not None and self._run.started else None,
            cpu_time_ns=cpu_time_ns,
            memory_bytes=memory_bytes,
            tty=submission.tty,
            accepts_stdin=self._interactive and not self.ended,
            program=self.plan.program[:_SHOWN_PROGRAM],
            verdict=(self._result.verdict if self._result else Verdict.INTERNAL_ERROR) if self.ended else None,
        )

    def _consumption(self) -> tuple[int | None, int | None]:
        """Return CPU time and memory of the phase that runs; None where none does, or its group is just being removed."""
        if self._run is None or self._container is None:
            return None, None
        try:
            return self._run.cpu_time_ns(), self._container.cgroup.memory_bytes()
        except OSError:
            return None, None

    def record(self) -> Record:
        """Return what observers are told at the end."""
        return Record(
            execution_id=self.id,
            submission=self.plan.submission,
            image=self.plan.image.name,
            language=self.plan.language,
            policy=self.plan.policy.name,
            result=self._result,
            error=self._error,
            queued_ns=self.clock.queued,
            created_ns=self.clock.created,
            ran_ns=self.clock.ran,
        )

    @property
    def kept_bytes(self) -> int:
        """How much it keeps: output, of which the answer has no copy, and files."""
        return self._timeline.kept_bytes + (self._result.file_bytes if self._result else 0)

    def forget_submission(self) -> None:
        """Let go of what was submitted, which nobody can ask for once it has ended."""
        bare = replace(self.plan.submission, program=Command(argv=()), files=(), stdin=b"", env={})
        image = replace(self.plan.image, lease=None)
        self.plan = replace(self.plan, submission=bare, image=image, files=(), phases=())

    def events(
        self, *, from_start: bool, back_pressure: bool, unless: asyncio.Future[None] | None = None
    ) -> AsyncIterator[Event]:
        """Tell what happens, to the end: ``Timeline.events``."""
        return self._timeline.events(from_start=from_start, back_pressure=back_pressure, unless=unless)

    def logs(self) -> AsyncIterator[Event]:
        """Tell what has been written until now."""
        return self._timeline.so_far()

    # The course of an execution.

    async def _execute(self) -> None:
        try:
            self._result = await self._course()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if self._left is not None:  # with it goes a lease of the image
                asyncio.get_running_loop().run_in_executor(None, self._left.workspace.close)
                self._left = None
            self._answered.set()
            asyncio.get_running_loop().call_soon(self._close)  # behind those who wait for the answer: it goes out first

    def _close(self) -> None:
        """Let go of everything, and tell everybody else."""
        self._run_started.set()  # who still waits for it learns that there is nothing to write to
        self._ticket.leave()
        self._on_end(self)
        self._timeline.close(self._result, self._error)
        self._retire_spent()

    async def _course(self) -> ExecutionResult:
        try:
            await self._ticket.enter()
        except asyncio.CancelledError:
            self.clock.queued = time.monotonic_ns() - self._created_ns
            return self._answer({self.plan.phases[-1].phase: _never_ran()}, _NOTHING)
        self._queued = False
        self.clock.queued = time.monotonic_ns() - self._created_ns
        results: dict[Phase, PhaseResult] = {}
        files, collected = self.plan.files, _NOTHING
        for plan in self.plan.phases:
            self._phase = plan.phase
            self._retire_spent()
            with self.clock.phase():
                results[plan.phase], collected = await self._run_phase(plan, files)
            if results[plan.phase].verdict is not Verdict.OK:
                break
            if collected.too_large and plan is not self.plan.phases[-1]:
                results[Phase.RUN], collected = no_room(self._room_for_run()), _NOTHING
                break
            files = collected.files
        final = collected if Phase.RUN in results else _NOTHING
        return self._answer(results, final, await self._commit_end(list(results.values())[-1]))

    async def _commit_end(self, result: PhaseResult) -> Committed | None:
        """Have an image made of what the program has left, where that is asked for and it ended well."""
        if self._left is None or self._commit is None or result.verdict is not Verdict.OK:
            return None
        self._retire_spent()  # nobody waits for the answer yet
        return await self._commit(self._left, self.plan.submission.commit_to)

    async def _run_phase(self, plan: PhasePlan, files: tuple[File, ...]) -> tuple[PhaseResult, workspace.Collected]:
        """Run one program in a container of its own."""
        if self._stopping:
            return _never_ran(), _NOTHING
        self._limits = plan.limits
        submission = self.plan.submission
        audit = submission.report_refused_syscalls
        container = await self._engine.create(
            self.plan.image.layers,
            self.plan.policy,
            plan.limits,
            audit=audit,
            warm=submission.warm,
            runtime=plan.runtime,
        )
        run: Run | None = None
        try:
            if self._stopping:
                return _never_ran(), _NOTHING
            run = Run(container, plan.limits, self.plan.policy.seccomp, self._watch(plan.phase), audit=audit)
            self._container, self._run = container, run
            await run.start(plan.program, files, self._window)
            self.clock.go_on("ran", run.started_ns)
            self._feed(run, plan)
            await run.finish()
            self.clock.go_on("collected")
            collected = await self._collect(container, plan)
            if submission.commit_to and plan.phase is Phase.RUN:
                self._left = self._leave(container)
        except SetupFailed as error:
            if error.step != "put_files":
                raise
            if error.errno in _IN_THE_WAY:
                raise InvalidSubmission.of("files", f"in the image's workspace is another thing: {error}") from error
            if error.errno != errno.ENOSPC:
                raise
            return self._no_room(plan), _NOTHING
        finally:
            self.clock.go_on("collected")
            self._end_phase()
            await self._end(container, run)
        program, inodes = plan.program.argv[0], self.plan.policy.inodes
        return judge(plan.phase, program, plan.limits, inodes, run.outcome(), start=container.origin), collected

    def _watch(self, phase: Phase) -> Watch:
        """Return who is told what a phase's program does."""
        timeline = self._timeline
        return Watch(
            on_started=lambda run: timeline.started(self.id, phase, run),
            on_output=timeline.output_arrived,
            as_it_comes=self._interactive,
            on_waiting=timeline.waiting_for_stdin if self._interactive and phase is Phase.RUN else None,
        )

    def _no_room(self, plan: PhasePlan) -> PhaseResult:
        """Tell that a phase's files do not fit: the caller's own are a bad request, a compiler's a limit that was met."""
        if plan is self.plan.phases[0]:
            raise InvalidSubmission.of("files", "they do not fit into disk_bytes and the policy's inodes")
        return no_room(self._room_for_run())

    def _room_for_run(self) -> int:
        """Return how many bytes of a compiler's may go into the run."""
        return min(self.plan.phases[-1].limits.disk_bytes, _MOST_BYTES_BETWEEN_PHASES)

    async def _end(self, container: Container, run: Run | None) -> None:
        """Destroy the container; one in which nothing but init is left is kept until the answer is on its way."""
        if run is not None:
            await run.release()
            if run.reaped is not None:
                self._spent.append(container)
                return
        await self._engine.destroy(container)

    def _retire_spent(self) -> None:
        while self._spent:
            self._engine.retire(self._spent.pop())

    def _feed(self, run: Run, plan: PhasePlan) -> None:
        """Begin to give the program its input. Whoever writes more waits for that."""
        if run.stdin is None:
            return
        data = self.plan.submission.stdin if plan.phase is Phase.RUN else b""
        keep_open = self._interactive and plan.phase is Phase.RUN
        if not data and not keep_open and not plan.program.tty:
            run.stdin.close()
        elif data or not keep_open:
            self._feeding = asyncio.create_task(run.stdin.feed(data, end=not keep_open))
        if plan.phase is Phase.RUN:
            self._run_started.set()

    async def _collect(self, container: Container, plan: PhasePlan) -> workspace.Collected:
        """Read what the next phase or the caller wants, off the event loop."""
        globs, caps = self.plan.submission.collect, workspace.ANSWER_CAPS
        if plan is not self.plan.phases[-1]:
            globs, caps = ("**",), workspace.Caps(self._room_for_run(), self.plan.policy.inodes)
        if not globs:
            return _NOTHING
        try:
            return await asyncio.to_thread(workspace.collect, container.writable_fd, globs, caps)
        except OSError as error:
            raise ContainerLost(f"its files cannot be read: {error.strerror}") from error

    def _end_phase(self) -> None:
        self._timeline.phase_ended()
        self._container = self._run = None
        if self._feeding is not None:
            self._feeding.cancel()
            self._feeding = None

    def _answer(
        self, results: dict[Phase, PhaseResult], collected: workspace.Collected, committed: Committed | None = None
    ) -> ExecutionResult:
        return ExecutionResult(
            execution_id=self.id,
            request_id=self.plan.submission.request_id,
            image_digest=self.plan.image.digest,
            policy_digest=self.plan.policy.digest,
            fault_domain=fault_domain(list(results.values())[-1].verdict),
            compile=results.get(Phase.COMPILE),
            run=results.get(Phase.RUN),
            files=collected.files,
            skipped_files=collected.skipped,
            timings=self.clock.timings(),
            committed=committed,
        )

    async def _interactive_run(self) -> Run | None:
        """Wait for the program's start, and until it has the request's own input; None when it has ended."""
        if not self._interactive:
            raise NotAttachable("the execution's standard input was given with its request")
        await self._run_started.wait()
        if self._feeding is not None:
            await asyncio.wait([self._feeding])
        return self._run


_NOTHING = workspace.Collected((), (), too_large=False)


def _never_ran() -> PhaseResult:
    return PhaseResult(verdict=Verdict.CANCELLED, detail="the run was cancelled before it started")
