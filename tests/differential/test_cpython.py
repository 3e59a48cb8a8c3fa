"""CPython's own tests pass and fail in a warm container as they do in a cold one, each by itself."""

from __future__ import annotations

import pytest

from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential import cpython

MODULES = cpython.load_modules()


@pytest.fixture(scope="module")
def pairs(runner, asked):
    with runner.pairs({name: cpython.request(name, MODULES[name]) for name in asked}) as pairs:
        yield pairs


def outcomes(response):
    """Return how each test ended; without an answer of the program the reason."""
    assert response.verdict == pb.VERDICT_OK, (
        f"{short_name(response.verdict, pb.Verdict)}: {response.run.detail}\n{response.run.stderr.data.decode(errors='replace')[-2000:]}"
    )
    return response.files[0].content.decode().splitlines()


@pytest.mark.parametrize("name", MODULES)
def test_its_tests_end_warm_as_they_do_cold(pairs, name):
    pair = pairs[name].result()
    cold, warm = outcomes(pair.cold), outcomes(pair.warm)

    assert (pb.START_COLD, pair.expected_start) == (pair.cold.run.start, pair.warm.run.start)
    assert (set(), set()) == (set(cold) - set(warm), set(warm) - set(cold)), "only cold, only warm"
    assert cold == warm
    assert 0 < sum(line.startswith("ok ") for line in cold), "no test of it runs here"
