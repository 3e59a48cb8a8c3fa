"""What all tests share: the guard, and that nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.guard import guard

_PRIVILEGED = ("container", "api", "hostile", "faults", "benchmarks")


@pytest.fixture(scope="session", autouse=True)
def _guarded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run inside the guard group, unless only unit tests were asked for."""
    if not any(f"tests/{room}/" in item.nodeid for item in request.session.items for room in _PRIVILEGED):
        yield
        return
    with guard():
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a skip in CI a failure: 'needs root' proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
