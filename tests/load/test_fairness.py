"""Two clients, one of which asks for a hundred times more than the other: each gets half of the machine."""

from __future__ import annotations

import os

from tests.figures import quantiles, show
from tests.load.client import LOAD_S, run, started
from tests.server import serving
from tests.slowness import SLOWNESS

SLOTS = len(os.sched_getaffinity(0))
SMALL = 2 * SLOTS  # enough to have half of the slots and somebody who waits for the next, always
BIG = 100 * SMALL
QUEUE = 4 * SMALL
ARGV = ["python3", "-c", "print(sum(range(1000)))"]
LEAST_SHARE = 0.4
STARTING_S = 10 * SLOWNESS  # so much longer does the big one go on, so that it is there as long as the small one is


def as_seen_ms(report):
    """Return what each call took, by the client's clock."""
    return [total for *_, total in report["answers"]]


def test_who_asks_for_a_hundred_times_more_gets_no_more():
    with serving("--slots", str(SLOTS), "--queue", str(QUEUE)) as server:
        common = {"address": server.address, "argv": ARGV, "connections": 1, "waits": True}
        alone = run("execute", calls=SMALL, seconds=LOAD_S, **common)
        with started("execute", calls=BIG, seconds=LOAD_S + STARTING_S, **common) as client:
            small = run("execute", calls=SMALL, seconds=LOAD_S, **common)
            big = client.report()
    while_both = [
        sum(from_ <= at <= to for at in report["at"]) for from_, to in [small["from_to"]] for report in (small, big)
    ]
    share = while_both[0] / sum(while_both)
    rows = [
        (name, len(report["answers"]), len(report["refusals"]), *quantiles(as_seen_ms(report)))
        for name, report in (("small, alone", alone), (f"small: {SMALL} calls", small), (f"big: {BIG} calls", big))
    ]
    show(f"{SLOTS} slots, a queue of {QUEUE}", ("answers", "refusals", "p50, ms", "p99, ms"), rows)
    show("answers while both ask", ("small", "big", "small's share"), [("", *while_both, share)])

    assert {} == alone["failures"] == small["failures"] == big["failures"]
    assert not small["refusals"], "the queue's places were all the big one's"
    assert share >= LEAST_SHARE
