"""The floor in C works on both versions of cgroups: it makes containers, several at a time, and leaves no group."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sandboxd.bench.stage import stage
from sandboxd.bench.turns import taking_turns

SOURCE = Path(__file__).parent / "floor.c"
STORE = Path(os.environ.get("SANDBOXD_STATE_DIR", "/var/lib/sandboxd")) / "images"


def test_it_makes_containers_and_leaves_nothing(tmp_path, leaves_nothing):
    program = str(tmp_path / "floor")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE], check=True)
    with (
        stage(STORE, "default", "default") as place,
        place.floors(program, 2) as (one, other),
        taking_turns("floor", *one) as first,
        taking_turns("floor", *other) as second,
    ):
        first.begin(3)
        second.begin(3)
        took = [taker.result()[0] for taker in (first, second) for _ in range(3)]

    assert all(nanoseconds > 0 for nanoseconds in took)
