"""The service: takes submissions, knows what runs and, for a while, what has run."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Iterator

from sandboxd.errors import DeadlinePassed, Draining, ImagesFixed, Overloaded, UnknownExecution
from sandboxd.model import MIB, ExecutionResult, ExecutionSummary, Submission
from sandboxd.runtime.engine import Engine
from sandboxd.service.admission import Admission
from sandboxd.service.commits import Committer
from sandboxd.service.execution import Commit, Execution
from sandboxd.service.observer import Observer
from sandboxd.service.plan import Plan, Planner
from sandboxd.service.untaken import Untaken

REMEMBERED = 128
REMEMBERED_BYTES = 64 * MIB


class ExecutionService:
    """One server's executions."""

    def __init__(
        self,
        planner: Planner,
        engine: Engine,
        admission: Admission,
        observer: Observer,
        committer: Committer | None = None,
    ) -> None:
        """Without a ``committer`` no submission may ask for an image."""
        self._planner = planner
        self._engine = engine
        self._admission = admission
        self._observer = observer
        self._committer = committer
        self._live: dict[str, Execution] = {}
        self._remembered: OrderedDict[str, Execution] = OrderedDict()
        self._sizes: deque[int] = deque()  # of what is remembered, in bytes and in the same order
        self._remembered_bytes = 0

    @property
    def untaken(self) -> Untaken:
        """What was answered, and is still here."""
        return self._admission.untaken

    async def ask(self, caller: str = "") -> None:
        """Raise Overloaded or Draining where a caller's submission would be refused now, whatever is in it."""
        with self.counting_refusals():
            await self._admission.ask(caller)

    def submit(
        self,
        submission: Submission,
        *,
        caller: str = "",
        interactive: bool = False,
        timeout_s: float | None = None,
    ) -> Execution:
        """Accept a submission and set it going. With ``interactive`` its stdin stays open to callers.

        Slots are shared evenly by name of ``caller``. ``timeout_s`` is the caller's deadline: one that has passed costs
        nothing. Raises InvalidSubmission, DeadlinePassed, Overloaded and Draining, and what keeps the image from being made that is asked for.
        """
        with self.counting_refusals():
            plan = self._planner.plan(submission)
            commit = self._commit_for(plan)
            if timeout_s is not None and timeout_s <= 0:
                raise DeadlinePassed("the deadline has passed")
            ticket = self._admission.reserve(caller)
        execution = Execution(plan, self._engine, ticket, self._ended, interactive=interactive, commit=commit)
        self._live[execution.id] = execution
        return execution

    async def run(self, submission: Submission) -> ExecutionResult:
        """Run one of the server's own to its end. Who does not wait for that ends it. Raises as :meth:`submit` does."""
        execution = self.submit(submission)
        try:
            return await execution.result()
        finally:
            if not execution.ended:
                await asyncio.shield(execution.abandon())

    def _commit_for(self, plan: Plan) -> Commit | None:
        """Return what makes the image that a submission asks for; None where it asks for none. Raises what keeps it from being made."""
        name = plan.submission.commit_to
        if not name:
            return None
        if self._committer is None:
            raise ImagesFixed("no images are made here")
        self._committer.check(plan.image, plan.policy, name, field="commit_to")
        return self._committer.commit_end

    @contextlib.contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """Count what keeps a submission from being taken, where that is found out in this."""
        try:
            yield
        except Overloaded:
            self._observer.rejected("overloaded")
            raise
        except DeadlinePassed:
            self._observer.rejected("deadline")
            raise
        except Draining:
            self._observer.rejected("draining")
            raise
        except Exception:
            self._observer.rejected("invalid")
            raise

    def list(self, *, include_ended: bool = False) -> list[ExecutionSummary]:
        """Return what is queued or runs, and on request what has ended and is remembered, oldest first."""
        ended = list(self._remembered.values()) if include_ended else []
        executions = sorted((*ended, *self._live.values()), key=lambda execution: execution.created_unix_ns)
        return [execution.summary() for execution in executions]

    def get(self, execution_id: str) -> Execution:
        """Return an execution that is live or remembered. UnknownExecution otherwise."""
        execution = self._live.get(execution_id) or self._remembered.get(execution_id)
        if execution is None:
            raise UnknownExecution(f"no execution {execution_id!r} is live or remembered")
        return execution

    async def cancel(self, execution_id: str, grace_s: float = 0.0) -> None:
        """End an execution, and wait until it has; one that has ended stays as it is. UnknownExecution when it is not known."""
        execution = self.get(execution_id)
        execution.stop(grace_s)
        await execution.settled()

    async def drain(self, grace_s: float) -> None:
        """Take no more, let what runs end, and kill what is left after ``grace_s``."""
        self._admission.drain()
        if self._live:
            await asyncio.wait([asyncio.create_task(e.settled()) for e in self._live.values()], timeout=grace_s)
        if left := list(self._live.values()):
            await asyncio.wait([asyncio.create_task(e.abandon()) for e in left])  # one may take a while to die

    def _ended(self, execution: Execution) -> None:
        del self._live[execution.id]
        self._observer.execution_ended(execution.record())
        execution.forget_submission()
        self._remember(execution)

    def _remember(self, execution: Execution) -> None:
        self._remembered[execution.id] = execution
        self._sizes.append(execution.kept_bytes)
        self._remembered_bytes += self._sizes[-1]
        while len(self._remembered) > REMEMBERED or self._remembered_bytes > REMEMBERED_BYTES:
            self._remembered.popitem(last=False)
            self._remembered_bytes -= self._sizes.popleft()
