"""Ten times more clients than the machine serves: who is admitted is served as ever, the rest are refused: at once, or, who does not wait
as it is told, at a rate that leaves the machine to programs.

One slot a CPU, as docs/operations.md has it for timings that are steady; a client of each connection, one call at a time.
"""

from __future__ import annotations

import os

from tests.figures import quantiles, show
from tests.load.client import LOAD_S, run
from tests.observe import memory_bytes
from tests.server import serving

SLOTS = len(os.sched_getaffinity(0))
CLIENTS = 10 * SLOTS
ARGV = ["python3", "-c", "print(sum(range(1000)))"]
MOST_SLOWER = 3.0
MOST_GROWTH = 1.5
MOST_REFUSALS = 200  # each second: 100 of those who do not wait, 256 at the beginning, one after each answer
MIB = 1 << 20
RESET_PEAK = "5"


def after_admission_ms(report):
    """Return what each call took from the moment at which it had a slot, by the server's clock."""
    return [created + ran + collected for _, created, ran, collected, _ in report["answers"]]


def queued_ms(report):
    """Return what each call waited for its slot."""
    return [queued for queued, *_ in report["answers"]]


def as_seen_ms(report):
    """Return what each call took, by the client's clock."""
    return [total for *_, total in report["answers"]]


def overload(*, waits):
    """Let one client work alone and then all at once; prints what came of it. Returns the 99th percentile's ratio, and memory's."""
    with serving("--slots", str(SLOTS), "--queue", str(SLOTS)) as server:
        common = {"address": server.address, "argv": ARGV, "seconds": LOAD_S, "waits": waits}
        alone = run("execute", calls=1, connections=1, **common)
        before = memory_bytes(server.pid, "VmRSS")
        with open(f"/proc/{server.pid}/clear_refs", "w") as file:
            file.write(RESET_PEAK)
        loaded = run("execute", calls=CLIENTS, connections=CLIENTS, **common)
        most, after = (memory_bytes(server.pid, kind) for kind in ("VmHWM", "VmRSS"))
    assert {} == alone["failures"] == loaded["failures"]
    figures = {
        "one client: after admission": after_admission_ms(alone),
        "one client: as it sees it": as_seen_ms(alone),
        f"{CLIENTS} clients: after admission": after_admission_ms(loaded),
        f"{CLIENTS} clients: in the queue": queued_ms(loaded),
        f"{CLIENTS} clients: as they see it": as_seen_ms(loaded),
        f"{CLIENTS} clients: a refusal": loaded["refusals"],
    }
    rows = [(name, len(samples), *quantiles(samples), max(samples)) for name, samples in figures.items()]
    show(f"{SLOTS} slots and places, milliseconds", ("calls", "p50", "p99", "most"), rows)
    ratio = rows[2][3] / rows[0][3]
    show("after admission, p99", ("ratio",), [("of that of one client", ratio)])
    sizes = [bytes_ / MIB for bytes_ in (before, most, after)]
    show("the server's memory, MiB", ("before", "most", "after"), [("RSS", *sizes)])
    cpu = (alone["cpu_s"] / alone["seconds"], loaded["cpu_s"] / loaded["seconds"])
    show("CPUs that clients take", ("one", f"{CLIENTS}"), [("", *cpu)])
    return ratio, most / before, len(loaded["refusals"]) / loaded["seconds"]


def test_who_is_admitted_is_served_as_if_alone():
    """The others wait as RetryInfo says before they come back."""
    slower, grown, _ = overload(waits=True)

    assert slower <= MOST_SLOWER
    assert grown <= MOST_GROWTH


def test_who_is_admitted_is_served_as_well_when_the_others_do_not_wait():
    """They come back at once, for ever. A refusal takes time that programs do not have, so there are only so many."""
    slower, grown, refused = overload(waits=False)

    assert slower <= MOST_SLOWER
    assert grown <= MOST_GROWTH
    assert refused <= MOST_REFUSALS
