"""Servers of an ordinary user: one with subordinate ids, and one without."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sandboxd.attack.program import Rights
from tests.container.conftest import STORE
from tests.observe import STEADY_POOL
from tests.ordinary import directory_store, ordinary_user
from tests.server import serving


@pytest.fixture(scope="session")
def state_dir():
    """A state directory with an image that an ordinary user can mount."""
    with tempfile.TemporaryDirectory(prefix="sandboxd-state-", ignore_cleanup_errors=False) as directory:
        Path(directory).chmod(0o755)
        yield directory_store(STORE, Path(directory))


@pytest.fixture(scope="module", params=[Rights.SUBORDINATE_IDS, Rights.ONE_ID])
def rights(request):
    """What the user has."""
    return request.param


@pytest.fixture(scope="module")
def user(guard, rights):
    """The user."""
    del guard  # which must be there before the user's group is
    with ordinary_user(rights) as user:
        yield user


@pytest.fixture(scope="module")
def server(user, state_dir):
    """That user's server, instead of root's: for the tests of the interface, which are here too."""
    flags = ("--metrics-listen", "127.0.0.1:0", "--state-dir", str(state_dir), *STEADY_POOL)
    with serving(*flags, under=user.under) as server:
        yield server
