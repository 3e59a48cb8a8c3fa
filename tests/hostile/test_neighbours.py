"""A noisy neighbour changes nothing of how an honest program ends: neither its verdict, nor a byte, nor what it used by much."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import default_directory, load_suite
from sandboxd.attack.target import attacked
from sandboxd.v1 import execution_service_pb2 as pb
from tests.slowness import SLOWNESS

ATTACKS = load_suite(default_directory())
NEIGHBOURS = ["neighbours/fork_bomb", "neighbours/memory_bomb", "neighbours/output_flood", "neighbours/disk_bomb"]
NOISY = 3
"""How many at once: with the honest one they are fewer than the slots of the smallest machine."""


@pytest.fixture(scope="module")
def target(guard):
    with attacked(guard=guard, patience=SLOWNESS) as target:
        yield target


def start(target, name):
    request = ATTACKS[name].request("", dict(target.bait.places), SLOWNESS)
    return target.client.stub.Execute.future(request, timeout=60 * SLOWNESS)


@pytest.mark.parametrize("noisy", NEIGHBOURS)
def test_an_honest_program_ends_as_if_it_were_alone(target, noisy):
    """With several of them around it, all the time that it takes."""
    alone = start(target, "neighbours/honest").result()

    answers = [start(target, noisy) for _ in range(NOISY)]
    among = start(target, "neighbours/honest").result()
    noises = [list(ATTACKS[noisy].differences(answer.result())) for answer in answers]

    assert pb.VERDICT_OK == among.verdict
    assert alone.run.stdout.data == among.run.stdout.data
    assert (alone.files[0].content, 0) == (among.files[0].content, among.run.exit_code)
    assert among.run.usage.memory_peak_bytes < 2 * alone.run.usage.memory_peak_bytes
    assert [[]] * NOISY == noises, "each noisy one ends as it must, too"
