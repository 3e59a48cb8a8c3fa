"""The target of the hostile suite: one server for all attacks, inside the guard."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import default_directory, load_suite
from sandboxd.attack.suite import Suite
from sandboxd.attack.target import attacked
from tests.slowness import SLOWNESS


@pytest.fixture(scope="module")
def suite(guard):
    """Every attack, and a server to run it against: it goes with the module, lest it fill its pool while others count."""
    with attacked(guard=guard, patience=SLOWNESS) as target:
        yield Suite(load_suite(default_directory()), target, SLOWNESS)
