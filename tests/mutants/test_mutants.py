"""The tests notice when a wall is missing: each mutant fails the test that it names. ``make test-mutants``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandboxd.runtime.steps import STEPS
from tests.mutants.mutants import MUTANTS
from tests.mutation import environment, mutated
from tests.slowness import SLOWNESS

TIMEOUT_S = 120 * SLOWNESS
PYTEST_FAILED = 1


def run(test, directory):
    """Run a test on the product in a directory, to its first failure."""
    file, _, function = test.partition("::")
    words = [sys.executable, "-m", "pytest", "-x", "-q", f"tests/{file}.py::{function}"]
    return subprocess.run(
        words,
        cwd=directory,
        env={**os.environ, **environment(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(guard, mutant):
    with mutated([mutant.edit]) as directory:
        result = run(mutant.caught_by, directory)

    assert PYTEST_FAILED == result.returncode, f"{mutant.caught_by} did not notice: {result.stdout[-3000:]}"


@pytest.mark.parametrize("test", sorted({mutant.caught_by for mutant in MUTANTS}))
def test_what_catches_them_passes_without(guard, test):
    """The control: in a copy with nothing taken out."""
    with mutated([]) as directory:
        result = run(test, directory)

    assert 0 == result.returncode, result.stdout[-3000:]


def test_every_step_has_a_mutant():
    """But for those without which nothing starts: no program runs there, so nothing has to notice."""
    named = {mutant.name.removeprefix("no ") for mutant in MUTANTS}
    needed = {"become_root_of_the_container", "mount_root", "pivot", "filter_system_calls"}

    assert needed == {step.__name__ for step in STEPS} - named
