"""What every language can do, and how its failures are told, by the programs of its row."""

from __future__ import annotations

import pytest

from sandboxd.model import MIB, SECOND_NS, Command, Start, Submission, Verdict
from sandboxd.runtime.policy import default_directory, load_policies
from tests.languages.table import rows
from tests.observe import wait_for
from tests.slowness import SLOWNESS

ROWS = [pytest.param(row, marks=pytest.mark.image(row.image), id=str(row)) for row in rows()]
VERSIONED = [row for row in ROWS if row.values[0].version is not None]
PRELOADING = [row for row in ROWS if (template := row.values[0].offer.template) and template.preload]
FLOORS = load_policies(default_directory())["default"].floors
every_row = pytest.mark.parametrize("row", ROWS)


def outcome(result):
    """Return verdict, exit status, stdout and stderr of the phase that decided."""
    phase = result.decisive
    return result.verdict, phase.exit_code, phase.stdout.data, phase.stderr.data


@every_row
def test_hello(run, row):
    assert (Verdict.OK, 0, b"hello\n", b"") == outcome(run(row, row.hello))


@every_row
def test_hello_needs_no_more_than_the_manifest_says(run, row):
    """Whoever gives the least that is not refused gets an answer."""
    offer = row.offer
    compile_limits = {
        "memory_bytes": max(offer.compile_min_memory_bytes, FLOORS.memory_bytes),
        "processes": max(offer.compile_min_processes, FLOORS.processes),
    }
    result = run(
        row,
        row.hello,
        memory_bytes=max(offer.min_memory_bytes, FLOORS.memory_bytes),
        compile_limits=compile_limits if offer.compile else None,
    )

    assert (Verdict.OK, 0, b"hello\n", b"") == outcome(result)


@every_row
def test_standard_input_is_read(run, row):
    assert (Verdict.OK, 0, b"42\n", b"") == outcome(run(row, row.sums, stdin=b"20\n22\n"))


@every_row
def test_a_program_that_is_none_is_told_so(run, row):
    result = run(row, row.broken)

    verdict, status, stdout, stderr = outcome(result)
    assert (Verdict.COMPILE_ERROR if row.offer.compile else Verdict.NONZERO_EXIT) is verdict, outcome(result)
    assert status != 0
    assert row.complaint.encode() in stdout + stderr


@every_row
def test_a_failure_has_its_exit_status_and_message(run, row):
    verdict, status, stdout, stderr = outcome(run(row, row.fails))

    assert (Verdict.NONZERO_EXIT, row.status, b"") == (verdict, status, stdout), stderr
    assert row.message.encode() in stderr


@every_row
def test_an_endless_loop_is_ended_by_its_cpu_time(run, row):
    result = run(row, row.endless, cpu_time_ns=SECOND_NS * SLOWNESS)

    assert Verdict.CPU_TIME_LIMIT is result.verdict, outcome(result)


@every_row
def test_memory_without_end_is_ended_by_its_limit(run, row):
    """The container's: no runtime comes first with a limit of its own."""
    result = run(row, row.hoards, memory_bytes=256 * MIB)

    assert Verdict.MEMORY_LIMIT is result.verdict, outcome(result)


@every_row
def test_two_at_once_work_together(run, row):
    assert (Verdict.OK, 0, b"3\n", b"") == outcome(run(row, row.pair))


@pytest.mark.parametrize("row", VERSIONED)
def test_the_version_can_be_asked_for(host, row):
    result = host.execute(Submission(program=Command(argv=row.offer.version), image=row.image))

    verdict, status, stdout, stderr = outcome(result)
    assert (Verdict.OK, 0) == (verdict, status), stderr
    assert row.version.encode() in stdout + stderr


@pytest.mark.parametrize("row", PRELOADING)
def test_what_a_template_loads_is_there_when_a_program_starts(run, row):
    """A program that imports nothing finds it loaded."""
    modules = row.offer.template.preload
    code = f"import sys\nprint(all(name in sys.modules for name in {modules!r}))"

    def forked():
        result = run(row, code)
        return result if result.run.start is Start.TEMPLATE else None

    assert (Verdict.OK, 0, b"True\n", b"") == outcome(wait_for(forked))


ALL_OF_THE_LIBRARY = """
#include <bits/stdc++.h>
int main() { std::cout << std::ranges::max(std::vector{1, 3, 2}) << "\\n"; }
"""


@pytest.mark.parametrize("row", [row for row in ROWS if str(row.values[0]) == "cpp-cpp"])
def test_all_of_the_library_is_compiled_ahead(run, row):
    """By what it takes of memory, which is 218 MiB otherwise."""
    result = run(row, ALL_OF_THE_LIBRARY, compile_limits={"memory_bytes": 128 * MIB})

    assert (Verdict.OK, 0, b"3\n", b"") == outcome(result)
