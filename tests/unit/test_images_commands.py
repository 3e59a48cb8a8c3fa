"""The tools that an image takes: none outlives who started it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxd.errors import BuildFailed
from sandboxd.images import commands

_ENDS_WITHIN_MS = 10_000
_STARTING = {
    "run": 'commands.run(["sh", "-c", TOLD])',
    "run_contained": 'commands.run_contained(["sh", "-c", TOLD])',
    "contained": 'commands.run(commands.contained(["sh", "-c", TOLD]))',
}
# The tool tells when it has begun, and of itself: it is found by the lock that it holds, whatever namespace its number is in.
_TOLD = "echo begun > {fifo}; exec sleep 1000"


@pytest.mark.parametrize("starting", list(_STARTING))
def test_a_tool_dies_with_who_started_it_however_that_dies(tmp_path: Path, starting: str) -> None:
    """Ends are seen as the end of a pipe, which the tool has as its standard error and nobody else has in the end."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    alive, held = os.pipe()
    script = (
        "import os, sys\nfrom sandboxd.images import commands\n"
        f"os.set_inheritable({held}, True)\nTOLD = {_TOLD.format(fifo=fifo)!r}\n"
        # What is started keeps this descriptor, as no tool is given any.
        f"real = commands.subprocess.Popen\n"
        f"commands.subprocess.Popen = lambda *a, **k: real(*a, **k, pass_fds=[{held}])\n"
        f"{_STARTING[starting]}\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], pass_fds=[held]) as process:
        os.close(held)
        assert fifo.read_text() == "begun\n"
        process.kill()
        process.wait()

        poll = select.poll()
        poll.register(alive, select.POLLIN | select.POLLHUP)
        assert poll.poll(_ENDS_WITHIN_MS), "it is still there"
        assert os.read(alive, 1) == b""
    os.close(alive)


def test_a_tool_whose_starter_is_dead_already_does_nothing(tmp_path: Path) -> None:
    """Between two calls of its start it may come to be another's child, of whose death nobody would tell it."""
    told = tmp_path / "told"
    command = commands.bound(["touch", str(told)])

    as_anothers = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], check=False)
    assert as_anothers.returncode != 0
    assert not told.exists()
    subprocess.run(command, check=True)
    assert told.exists()


def test_what_a_tool_is_watched_for_ends_it() -> None:
    seen: list[int] = []

    def check() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise BuildFailed("enough")

    with pytest.raises(BuildFailed, match=r"^enough$"):
        commands.run_watched(["sleep", "1000"], check, every_s=0.01)


def test_a_tool_is_looked_at_once_more_at_its_end() -> None:
    seen: list[int] = []

    commands.run_watched(["true"], lambda: seen.append(1), every_s=10)

    assert seen == [1]
