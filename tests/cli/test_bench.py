"""``bench`` measures for real, in the table and in JSON; what it cannot measure it says."""

from __future__ import annotations

import json

from tests.cli.conftest import call


def measured(sandboxd, *arguments, **options):
    result = sandboxd("bench", "--quick", "--json", "bench.json", *arguments, **options)
    assert 0 == result.returncode, result.stderr
    return result.stdout.decode()


def test_it_measures_a_server_beside_bare_programs(sandboxd, tmp_path):
    table = measured(sandboxd, "--only", "true/bare", "--only", "true/pool", "--only", "echo")
    report = json.loads((tmp_path / "bench.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}

    assert ["true/bare", "echo", "true/pool"] == list(rows)
    assert all(len(row["samples"]) == 50 and min(row["samples"]) > 0 for row in rows.values())
    assert rows["true/pool"]["ratio"] == rows["true/pool"]["p50"] / rows["true/bare"]["p50"] > 1
    assert rows["true/pool"]["note"].startswith("start: ")
    assert "bare fork+exec plus an echo" in table
    assert {"CPU", "kernel", "Python", "load average before"} <= report["machine"].keys()


def test_it_starts_a_server_for_the_call(sandboxd, tmp_path, leaves_nothing):
    """Whose memory it can look at, and whose containers."""
    measured(sandboxd, "--only", "memory/*", server=None)
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]

    assert all(0 < sample < 16 for sample in row["samples"])


def test_what_needs_another_server_is_skipped(sandboxd, tmp_path):
    measured(sandboxd, "--only", "memory/idle", "--only", "true/floor")
    report = json.loads((tmp_path / "bench.json").read_text())

    assert ([], {"memory/idle", "true/floor"}) == (report["rows"], set(report["skipped"]))


def test_a_name_that_no_row_has_is_refused(server):
    result = call("bench", "--only", "nothing", server=server.address)

    assert 125 == result.returncode
    assert "sandboxd: --only nothing: no row has such a name" in result.stderr.decode()


def test_an_image_that_is_not_there_is_told(tmp_path):
    result = call("bench", "--state-dir", str(tmp_path))

    assert 125 == result.returncode
    assert result.stderr.decode().splitlines()[-1].startswith("sandboxd: no image default in ")
