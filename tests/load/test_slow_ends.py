"""Who does not read, does not write, does not send a request or sends more than is read, costs nobody but themselves.

Each of them has half of the slots, or many streams where they need none, for as long as a neighbour asks for
one program after the other.
"""

from __future__ import annotations

import os

import pytest

from tests.figures import quantiles, show
from tests.load.client import LOAD_S, run, started
from tests.observe import memory_bytes
from tests.server import serving

SLOTS = 2 * len(os.sched_getaffinity(0))
SLOW = SLOTS // 2
SILENT = 100
ARGV = ["true"]
MOST_SLOWER = 3.0
MOST_MEMORY = 8 << 20  # of a stream: gRPC lets 4 MiB be under way, and what has been sent stays for the answer
KIB = 1 << 10
KINDS = {
    "output is not read": ("streams", {"kind": "unread", "streams": SLOW}),
    "input is not written": ("streams", {"kind": "unwritten", "streams": SLOW}),
    "input is not read": ("streams", {"kind": "flooded", "streams": SLOW}),
    "no request is sent": ("silent", {"streams": SILENT}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_slow_ends_cost_only_themselves(kind):
    role, arguments = KINDS[kind]
    with serving("--slots", str(SLOTS)) as server:
        neighbour = {"address": server.address, "argv": ARGV, "calls": 1, "connections": 1, "waits": True}
        alone = run("execute", seconds=LOAD_S, **neighbour)
        before = memory_bytes(server.pid)
        with started(role, address=server.address, **arguments) as slow:
            slow.wait_until_ready()
            beside = run("execute", seconds=LOAD_S, **neighbour)
            grown = max(0, memory_bytes(server.pid) - before) / arguments["streams"]
            slow.report()
    rows = []
    for name, report in (("alone", alone), (f"beside {arguments['streams']} streams", beside)):
        took = [total for *_, total in report["answers"]]
        rows.append((f"a neighbour's true, {name}", len(took), *quantiles(took), max(took)))
    ratio = rows[1][3] / rows[0][3]
    show(f"{kind}, milliseconds", ("calls", "p50", "p99", "most"), rows)
    show("what a stream costs", ("KiB", "p99 ratio"), [("", grown / KIB, ratio)])

    assert {} == alone["failures"] == beside["failures"]
    assert not beside["refusals"]
    assert ratio <= MOST_SLOWER
    assert grown <= MOST_MEMORY
