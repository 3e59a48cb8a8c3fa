"""What all tests share: rooms as marks, nothing skipped in CI, the guard, and a server of its own process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxd.attack.guard import Guard, guarded
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.observe import STEADY_POOL
from tests.server import ServerProcess, serving
from tests.slowness import SLOWNESS

_TESTS = Path(__file__).parent
_GUARDED = (
    "container",
    "languages",
    "api",
    "cli",
    "faults",
    "hostile",
    "differential",
    "rootless",
    "images",
    "mutants",
    "vm",
    "benchmarks",
    "load",
    "soak",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests/languages be asked for more than the default image."""
    parser.addoption(
        "--image",
        action="append",
        metavar="NAME",
        help="image whose languages are tested, which must be in the store; may be repeated; 'all' for those of all recipes "
        "(default: default)",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its room, the directory."""
    for item in items:
        room = item.path.relative_to(_TESTS).parts[0]
        if room != "unit":
            item.add_marker(room)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skip in CI a failure: 'needs root' proves nothing."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not accept: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Likewise where a whole file is skipped."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, which CI does not accept: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: Any) -> str:
    return longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)


@pytest.fixture(scope="session", autouse=True)
def guard(request: pytest.FixtureRequest) -> Iterator[Guard | None]:
    """Run inside the guard group, unless only unit tests were asked for."""
    if not any(item.get_closest_marker(room) for item in request.session.items for room in _GUARDED):
        yield None
        return
    with guarded(5.0 * SLOWNESS) as guard:
        yield guard


@pytest.fixture
def leaves_nothing(guard: Guard) -> Iterator[None]:
    """Fail the test if a process, a control group or a mount more is there after it than before."""
    before = guard.snapshot()
    yield
    left = guard.settle(lambda: guard.snapshot() - before)
    assert not left, f"left behind: {left}"


@pytest.fixture(scope="module")
def server(guard: Guard) -> Iterator[ServerProcess]:
    """Run one server as users do: ``sandboxd serve``, a process of its own.

    It ends with its module: a minute or two after the last of many kinds were asked for its pool gives one's place to another.
    """
    del guard  # it must be there before the server is
    with serving("--metrics-listen", "127.0.0.1:0", *STEADY_POOL) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[SandboxClient]:
    """A channel to the server."""
    with SandboxClient(server.address) as client:
        yield client


@pytest.fixture
def execute(client: SandboxClient) -> Callable[..., pb.ExecuteResponse]:
    """Run a submission: keyword arguments are the fields of ExecuteRequest, the answer an ExecuteResponse."""

    def execute(*, timeout: float = 60, **fields: Any) -> pb.ExecuteResponse:
        return client.execute(pb.ExecuteRequest(**fields), timeout=timeout)

    return execute
