"""No ratio has got much worse: what executions cost, in CPU time and in time, against others in the same run of ``sandboxd bench``.

Ratios, for seconds tell about the machine. Work of others on it makes them worse, and hardly ever better, so what holds once
holds. A bound is about 1.4 times what was measured when it was set: half as much again does not pass. Whoever makes
something faster lowers its bound.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import SANDBOXD, environment

SOURCE = Path(__file__).parent / "floor.c"
TIMEOUT_S = 300
# Names of rows, how their medians are compared, and the most that this may be.
CPU_TIME = (
    ("cost/true", "cost/true-floor", 2.8),
    ("cost/true-embedded", "cost/true-floor", 2.4),
    ("cost/python", "cost/python-bare", 1.8),
)
LATENCY = (
    ("true/pool", "true/bubblewrap", 1.4),
    ("true/embedded", "true/floor", 2.2),
    ("true/embedded", "true/bubblewrap", 1.9),
    ("python/warm", "python/bare", 0.9),
)
ONLY = sorted({name for row in (*CPU_TIME, *LATENCY) for name in row[:2]} | {"cost/true-bare"})


@pytest.fixture(scope="module")
def medians(guard, tmp_path_factory):
    """Run the benchmark once, as users do; returns the median of each row."""
    del guard  # it must be there before the server is
    directory = tmp_path_factory.mktemp("bench")
    floor, answer = directory / "floor", directory / "bench.json"
    subprocess.run(["gcc", "-O2", "-o", floor, SOURCE], check=True)
    only = [word for name in ONLY for word in ("--only", name)]
    command = [*SANDBOXD, "bench", "--quick", "--floor", str(floor), "--json", str(answer), *only]
    done = subprocess.run(command, env=environment(None), timeout=TIMEOUT_S, check=True, capture_output=True, text=True)
    print(f"\n{done.stdout}")
    report = json.loads(answer.read_text())
    assert {} == report["skipped"]
    return {row["name"]: row["p50"] for row in report["rows"]}


@pytest.mark.parametrize(("name", "base", "most"), CPU_TIME + LATENCY)
def test_ratio_is_no_worse(medians, name, base, most):
    assert medians[name] / medians[base] <= most
