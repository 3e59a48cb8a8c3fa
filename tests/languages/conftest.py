"""Every row of the table in real containers; those of other images than the default one where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandboxd.attack.guard import Guard
from sandboxd.model import ExecutionResult, File, LimitsRequest, Source, Submission
from sandboxd.runtime.templates import MOST
from tests.container.conftest import Host
from tests.languages.table import Row, rows

ALL = "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of images that were not asked for: --image."""
    wanted = config.getoption("image") or ["default"]
    known = {ALL, *(row.image for row in rows())}
    if unknown := set(wanted) - known:
        raise pytest.UsageError(f"--image: {min(unknown)!r} is none of {', '.join(sorted(known))}")
    left_out = [item for item in items if not _is_wanted(item, wanted)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_wanted(item, wanted)]


def _is_wanted(item: pytest.Item, wanted: list[str]) -> bool:
    mark = item.get_closest_marker("image")
    return mark is None or ALL in wanted or mark.args[0] in wanted


@pytest.fixture(scope="module")
def host(guard: Guard) -> Iterator[Host]:
    """One service for all rows; each test has containers of its own."""
    del guard  # it must be there before the service is
    host = Host(templates=MOST)
    yield host
    host.close()


@pytest.fixture
def run(host: Host) -> Callable[..., ExecutionResult]:
    """Run a program in a row's language."""

    def run(row: Row, code: str, *, stdin: bytes = b"", compile_limits: Any = None, **limits: Any) -> ExecutionResult:
        source = Source(language=row.language, files=(File(path="", content=code.encode()),))
        return host.execute(
            Submission(
                program=source,
                image=row.image,
                stdin=stdin,
                limits=LimitsRequest(**limits),
                compile_limits=LimitsRequest(**(compile_limits or {})),
            )
        )

    return run
