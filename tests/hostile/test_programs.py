"""Every attack of tests/hostile/programs, through the real API: it is contained, and ends exactly as its header says."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import default_directory, load_suite

ATTACKS = load_suite(default_directory())


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_contained_and_ends_as_it_must(suite, name):
    result = suite.run(name)

    assert ([], []) == (result.escapes, result.differences)
