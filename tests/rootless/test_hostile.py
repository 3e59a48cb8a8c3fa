"""The hostile suite against servers of an ordinary user: what they cannot hold against is what the headers say."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import default_directory, load_suite
from sandboxd.attack.suite import Suite
from sandboxd.attack.target import attacked
from tests.slowness import SLOWNESS

ATTACKS = load_suite(default_directory())


@pytest.fixture(scope="module")
def suite(guard, user, rights, state_dir):
    """Every attack, and the server to run it against."""
    flags = ("--listen", "127.0.0.1:0", "--state-dir", str(state_dir))
    env = {"TMPDIR": str(user.home)}
    with attacked(*flags, env=env, under=user.under, rights=rights, guard=guard, patience=SLOWNESS) as target:
        yield Suite(ATTACKS, target, SLOWNESS)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_contained_or_needs_more_rights(suite, name):
    result = suite.run(name)

    assert result.contained, result.escapes
    assert result.lost == result.lacking, "it holds against it: the header says that it needs more"
