"""Real containers, without gRPC: the service with its engine on an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sandboxd.attack.guard import Guard
from sandboxd.images.store import ImageStore
from sandboxd.linux import cgroups
from sandboxd.linux.user_namespace import read_map
from sandboxd.model import Command, ExecutionResult, File, LimitsRequest, Source, Submission
from sandboxd.runtime.engine import Engine
from sandboxd.runtime.identities import divide, id_maps
from sandboxd.runtime.policy import default_directory, load_policies
from sandboxd.runtime.pool import Bounds
from sandboxd.service.admission import Admission
from sandboxd.service.executions import ExecutionService
from sandboxd.service.observer import Tee
from sandboxd.service.plan import Planner
from tests.slowness import SLOWNESS

T = TypeVar("T")
POOL = Bounds(least=2, most=16, memory_bytes=1 << 30)
# Ten times the default of policies/default.toml, which emulated processors use up where memory is short.
TIMES = {} if SLOWNESS == 1 else {"cpu_time_ns": 100 * 10**9, "wall_time_ns": 300 * 10**9}
STORE = Path(os.environ.get("SANDBOXD_STATE_DIR", "/var/lib/sandboxd")) / "images"


class Host:
    """A service on a thread with an event loop, for tests that are plain functions.

    Without ``templates`` every program is exec'ed, whatever was run before it.
    """

    def __init__(self, slots: int = 8, queue: int = 64, templates: int = 0, pool: Bounds = POOL) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.engine = self.await_(self._engine(slots, templates, pool))
        policies = load_policies(default_directory())
        planner = Planner(ImageStore(STORE), policies, default_image="default", default_policy="default")
        self.service = ExecutionService(planner, self.engine, Admission(slots=slots, queue=queue), Tee(()))

    async def _engine(self, slots: int, templates: int, pool: Bounds) -> Engine:
        ids = id_maps(read_map("uid"), read_map("gid"), base=0x70000000, slots=1024)
        ids, rows = divide(ids, slots + pool.most, templates)
        engine = Engine(store=STORE, cgroup_parent=None, ids=ids, rows=rows, pool=pool, templates=templates)
        umask = os.umask(0o077)  # as strict as a service manager may have it: no container may depend on it
        try:
            await engine.start()
        finally:
            os.umask(umask)
        return engine

    def await_(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Run a coroutine on the loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def submit(self, submission: Submission, **options: Any) -> Any:
        """Submit on the loop; returns the execution."""

        async def submit() -> Any:
            return self.service.submit(submission, **options)

        return self.await_(submit())

    def execute(self, submission: Submission) -> ExecutionResult:
        """Submit and wait."""

        async def execute() -> ExecutionResult:
            return await self.service.submit(submission).result()

        return self.await_(execute())

    def close(self) -> None:
        """Drain, stop the launcher, end the loop."""
        self.await_(self.service.drain(5))
        self.await_(self.engine.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def excess_bytes() -> int:
    """Return how far beyond a limit memory may be: on v2, Linux 6.1, a page or two that the kernel may not be refused."""
    return 0 if cgroups.detect_version() == 1 else 64 << 10


@dataclass(frozen=True)
class Runner:
    """Runs programs and returns the answer. Where a test names no limits of time, a slow machine has more than the policy's."""

    host: Host

    def python(self, code: str, **options: Any) -> ExecutionResult:
        """Run a Python program."""
        return self._run(Source(language="python", files=(File(path="", content=code.encode()),)), options)

    def c(self, code: str, **options: Any) -> ExecutionResult:
        """Compile and run a C program."""
        return self._run(Source(language="c", files=(File(path="", content=code.encode()),)), options)

    def sh(self, script: str, **options: Any) -> ExecutionResult:
        """Run a shell script."""
        return self.command("/bin/sh", "-c", script, **options)

    def command(self, *argv: str, **options: Any) -> ExecutionResult:
        """Run a command."""
        return self._run(Command(argv=argv), options)

    def _run(self, program: Source | Command, options: dict[str, Any]) -> ExecutionResult:
        limits = {name: options.pop(name) for name in list(options) if name in LimitsRequest.__dataclass_fields__}
        return self.host.execute(Submission(program=program, limits=LimitsRequest(**(TIMES | limits)), **options))


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """One service for all tests of a module; each test has containers of its own.

    Without templates unless the module's ``TEMPLATES`` says how many, and with a pool unless its ``POOL`` is another.

    It ends with them: its pool shrinks a minute or two after the last, and others count what there is inside the guard.
    """
    host = Host(templates=getattr(request.module, "TEMPLATES", 0), pool=getattr(request.module, "POOL", POOL))
    yield host
    host.close()


@pytest.fixture
def leaves_nothing(guard: Guard, host: Host) -> Iterator[None]:
    """Fail the test if anything more is there after it than before; spare containers are neither, and no template is begun."""
    templates = host.engine.templates
    most, templates._most = templates._most, 0
    host.await_(host.engine.pool.drain())
    before = guard.snapshot()
    yield

    def left() -> list[str]:
        host.await_(host.engine.pool.drain())
        return guard.snapshot() - before

    left_behind = guard.settle(left)
    templates._most = most
    assert not left_behind, f"left behind: {left_behind}"


@pytest.fixture
def run(host: Host) -> Runner:
    """Run programs in real containers."""
    return Runner(host)


@pytest.fixture
def setuid_programs_are_dumpable() -> Iterator[None]:
    """Set fs.suid_dumpable for a moment: whether who changes users can be dumped. By default 0, which hides a mistake."""
    setting = Path("/proc/sys/fs/suid_dumpable")
    before = setting.read_text()
    setting.write_text("1")
    yield
    setting.write_text(before)
