"""To a program a warm start is a cold one: what it prints, how it ends, what it leaves, but for what its header says."""

from __future__ import annotations

import pytest

from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential.comparison import differences
from tests.differential.program import load_programs

PROGRAMS = load_programs()


@pytest.fixture(scope="module")
def pairs(runner, asked):
    requests = {name: PROGRAMS[name].request() for name in asked}
    fresh = frozenset(name for name in asked if PROGRAMS[name].header.fresh)
    with runner.pairs(requests, fresh) as pairs:
        yield pairs


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_warm_as_it_does_cold(pairs, name):
    program, pair = PROGRAMS[name], pairs[name].result()
    expected = program.header.differs | ({"stdout": "it is another in each run"} if program.header.fresh else {})

    assert program.header.outcome == short_name(pair.cold.verdict, pb.Verdict), pair.cold.run.stderr.data.decode(
        errors="replace"
    )
    assert shows_something(pair.cold), "a program that ends well without a word compares nothing"
    assert [] == differences(pair.cold, pair.warm, expected)
    assert (pb.START_COLD, pair.expected_start) == (pair.cold.run.start, pair.warm.run.start)
    if pair.again is not None:
        outputs = {answer.run.stdout.data for answer in (pair.cold, pair.warm, pair.again)}
        assert 3 == len(outputs), f"not fresh: {outputs}"


def shows_something(response):
    return response.run.stdout.data or response.run.stderr.data or response.files or response.verdict != pb.VERDICT_OK
