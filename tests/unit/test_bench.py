"""The benchmark's own arithmetic: percentiles, ratios, verdicts, the table; who takes turns, and who is skipped."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import pytest
from click.testing import CliRunner

from sandboxd.bench import cost, latency, peers, plot, programs, rates, table, targets
from sandboxd.bench.figures import Report, Row, percentile
from sandboxd.bench.latency import Contender
from sandboxd.bench.rates import Loop
from sandboxd.bench.targets import TARGETS, judge
from sandboxd.bench.turns import Broken, taking_turns
from sandboxd.cli.bench import bench

FIFTY = [float(number) for number in range(1, 51)]
DOUBLER = """
import sys
for turn, _ in enumerate(iter(lambda: sys.stdin.buffer.read(1), b"")):
    print(turn, 2 * turn, flush=True)
"""


def row(name, *samples, unit="ms", against=""):
    return Row(name=name, about=f"about {name}", unit=unit, samples=samples, against=against)


def rows(**medians):
    """Name rows by their names with __ for a slash."""
    named = {name.replace("__", "/"): value for name, value in medians.items()}
    return {name: row(name, *([value] * 10)) for name, value in named.items()}


def judgement(measured, measure):
    return next(judgement for judgement in judge(measured) if measure in judgement.target.measure)


@pytest.mark.parametrize(("rank", "expected"), [(1, 1.49), (50, 25.5), (90, 45.1), (99, 49.51)])
def test_percentiles_are_interpolated(rank, expected):
    assert expected == pytest.approx(percentile(FIFTY, rank))


def test_one_sample_is_every_percentile():
    assert [7.0, 7.0] == [percentile([7.0], rank) for rank in (1, 99)]


def test_few_samples_have_no_tail():
    """A 99th percentile of five samples would be their maximum."""
    few, enough = row("few", *FIFTY[:9]), row("enough", *FIFTY[:10])

    assert (5.0, None, None) == (few.p50, few.p90, few.p99)
    assert (5.5, 9.1) == (enough.p50, enough.p90)


def test_ratio_is_of_medians_and_only_to_what_was_measured():
    report = Report({})
    for each in (row("base", 1, 2, 9), row("slow", 5, 6, 7, against="base"), row("alone", 1, against="missing")):
        report.add(each)

    assert [None, 3.0, None] == [report.ratio(each) for each in report.rows.values()]


def test_every_target_of_an_empty_run_is_not_measured():
    judgements = judge({})

    assert len(TARGETS) == len(judgements)
    assert {(None, "not measured")} == {(each.met, each.verdict) for each in judgements}


@pytest.mark.parametrize(
    ("measured", "measure", "value", "verdict"),
    [
        ({"python__warm": 2.5, "python__bare": 10}, "warm, p50", 0.25, "met"),
        ({"python__warm": 5, "python__bare": 10}, "warm, p50", 0.5, "missed by a factor of 2.00"),
        ({"python__warm": 6, "python__bare": 10}, "warm, p99", 0.6, "met"),
        ({"true__pool": 5, "true__bare": 1, "echo": 1}, "echo", 2.5, "missed by a factor of 1.25"),
        ({"rate__python": 50, "rate__python-bare": 100}, "16 in flight, of bare", 0.5, "missed by a factor of 4.00"),
        ({"rate__true": 300, "rate__true-floor": 400}, "300 a second", 1.0, "met"),
        ({"rate__true": 300, "rate__true-floor": 1000}, "300 a second", 0.5, "missed by a factor of 2.00"),
        ({"true__embedded": 3, "true__runc": 30}, "of runc", 0.1, "met"),
        ({"memory__idle": 3}, "memory", 3.0, "missed by a factor of 2.00"),
        ({"cpu__told": 103, "cpu__getrusage": 100}, "CPU time", 1.0, "met"),
        ({"cpu__told": 4, "cpu__getrusage": 5}, "CPU time", 1.0, "met"),
        ({"cpu__told": 3, "cpu__getrusage": 5}, "CPU time", 2.0, "missed by a factor of 2.00"),
    ],
)
def test_target_is_held_against_what_was_measured(measured, measure, value, verdict):
    found = judgement(rows(**measured), measure)

    assert (value, verdict) == (pytest.approx(found.measured), found.verdict)


def test_cpu_times_are_compared_in_pairs():
    """As the machine gets slower, both do."""
    own = row("cpu/getrusage", 50, 100, 150, 40, 60)
    told = row("cpu/told", 51.5, 103, 154.5, 90, 30)

    assert pytest.approx(1.0) == judgement({each.name: each for each in (own, told)}, "CPU time").measured


def test_every_target_names_rows_that_the_suite_has():
    """One that named a row that nobody measures would be 'not measured' for ever."""
    asked = set()

    class Asked(dict):
        def __missing__(self, name):
            asked.add(name)
            return row(name, *[1.0] * 10)

    targets.judge(Asked())
    names = {
        "echo",
        "memory/idle",
        "live/one",
        "live/many",
        "stream/pipe",
        "stream/execute",
        "cpu/told",
        "cpu/getrusage",
    }
    names |= {f"true/{name}" for name in ("bare", "pool", "embedded", "floor", "bubblewrap", "nsjail", "runc")}
    names |= {"python/bare", "python/warm", "rate/true", "rate/true-floor", "rate/python", "rate/python-bare"}

    assert names == asked


def test_table_has_machine_rows_targets_and_what_was_skipped():
    report = Report({"CPU": "2 of something"})
    report.add(row("python/bare", *[10.0] * 10))
    report.add(row("python/warm", *[2.0] * 10, against="python/bare"))
    report.skipped["true/nsjail"] = "not on PATH"

    lines = table.render(report).splitlines()

    assert "CPU: 2 of something" == lines[0]
    assert "skipped true/nsjail: not on PATH" == lines[-1]
    (warm,) = [line for line in lines if line.startswith("about python/warm")]
    assert ["2.00", "2.00", "2.00", "ms", "0.20", "about", "python/bare", "10"] == warm.split()[2:]
    (target,) = [line for line in lines if line.startswith("Python hello, warm, p50")]
    assert target.endswith("0.20  at most 0.25  met")


def test_table_of_a_part_leaves_out_targets_that_are_not_of_it():
    report = Report({}, whole=False)
    report.add(row("memory/idle", 1.0, unit="MiB"))

    assert 1 == sum("at most" in line or "at least" in line for line in table.render(report).splitlines())


def test_json_has_every_sample():
    report = Report({})
    report.add(row("echo", 1.0, 3.0))

    (plain,) = table.plain(report)["rows"]

    assert ([1.0, 3.0], 2.0, None) == (plain["samples"], plain["p50"], plain["ratio"])


def contender(name, *, took=1.0, rare=False, start=""):
    return Contender(name=name, about=name, turn=lambda: (took, start), rare=rare)


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(latency, "_PAUSE_S", 0)


def test_everybody_has_a_turn_in_every_round_but_the_slow_peer(no_pause):
    everybody = [
        contender("own", took=50.0),
        contender("quick peer", rare=True),
        contender("slow", took=50.0, rare=True),
    ]

    latency.measure(everybody, 50, lambda *_: None, lambda _: None)

    assert [50, 50, 10] == [len(each.samples) for each in everybody]


def test_who_cannot_work_is_skipped_with_what_it_said(no_pause):
    skipped = {}

    def broken():
        raise Broken("no such thing")

    ready = latency.measure(
        [Contender(name="broken", about="", turn=broken), contender("works")], 2, skipped.__setitem__, lambda _: None
    )

    assert (["works"], {"broken": "no such thing"}) == ([each.name for each in ready], skipped)


def test_row_says_what_programs_were_started_from(no_pause):
    one = contender("one", start="POOLED")
    latency.measure([one], 3, lambda *_: None, lambda _: None)
    one.starts[0] = "COLD"

    assert "start: POOLED 2, COLD 1" == one.row().note
    assert "start: COLD" == programs.describe_starts(["COLD", "COLD"])


def test_peer_that_is_not_there_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert {"not on PATH"} == {peers.missing(peer) for peer in peers.PEERS}


def test_peer_that_fails_says_why(tmp_path):
    program = tmp_path / "peer"
    program.write_text("#!/bin/sh\necho first >&2; echo 'it refuses' >&2; exit 3\n")
    program.chmod(0o755)

    with peers._runner(str(program)) as runner, pytest.raises(Broken, match=r"^it refuses$"):
        runner.run("anything")


def test_processes_take_turns():
    with taking_turns("doubler", sys.executable, "-c", DOUBLER) as taker:
        assert [[0, 0], [1, 2]] == [taker.take(), taker.take()]


def test_process_that_ends_instead_says_why():
    with (
        taking_turns("loser", sys.executable, "-c", "import sys; sys.exit('lost')") as taker,
        pytest.raises(Broken, match=r"^loser: lost$"),
    ):
        taker.take()


@pytest.mark.parametrize("count", [1, 4, 7])
def test_loops_share_all_of_the_work(count):
    with (
        taking_turns("a", sys.executable, "-c", DOUBLER) as one,
        taking_turns("b", sys.executable, "-c", DOUBLER) as other,
    ):
        rates.side_by_side([one, other])(count)

        assert count == one.take()[0] + other.take()[0]


def test_rates_and_costs_of_a_loop():
    def round_of(count):
        return count / 100, Counter({"POOLED": count})

    loop = Loop(name="x", about="x", count=50, round=round_of, workers=lambda: [os.getpid()], against="y")

    rate, spent = rates.measure([loop], 3, lambda *_: None, lambda _: None)

    assert ("rate/x", [100.0] * 3, "rate/y", "start: POOLED") == (rate.name, rate.samples, rate.against, rate.note)
    assert ("cost/x", 3) == (spent.name, len(spent.samples))


def test_cost_is_the_cpu_time_of_a_process_and_what_it_has_reaped():
    before = cost.cpu_ms([os.getpid()])
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", spin], os.environ), 0)
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

    assert 380 <= cost.cpu_ms([os.getpid()]) - before <= 1000


def test_without_what_draws_no_run_begins(monkeypatch):
    monkeypatch.setattr(plot, "is_available", lambda: False)

    result = CliRunner().invoke(bench, ["--plot", "x.png"])

    assert 125 == result.exit_code
    assert "sandboxd[bench]" in result.output
