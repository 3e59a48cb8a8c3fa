"""Every file of the corpora goes through its target: seeds, and whatever has broken one."""

from __future__ import annotations

import pytest

from tests.fuzz import run

FILES = [
    pytest.param(target, path, id=f"{target}-{path.name}") for target in run.TARGETS for path in run.corpus(target)
]


@pytest.mark.parametrize(("target", "path"), FILES)
def test_what_is_kept_breaks_nothing(target, path):
    run.load(target)(path.read_bytes())


@pytest.mark.parametrize("target", run.TARGETS)
def test_every_target_has_seeds_and_says_what_holds(target):
    assert run.load(target).__doc__
    assert run.corpus(target)


@pytest.mark.parametrize("target", run.TARGETS)
def test_nothing_at_all_breaks_nothing(target):
    run.load(target)(b"")
