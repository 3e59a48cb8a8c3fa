"""Every language for somebody who is not root: the image as directories, in that user's store, and a program by that user's server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from sandboxd.attack.guard import Guard
from sandboxd.attack.program import Rights
from tests.languages.table import RECIPES, Row
from tests.languages.test_languages import every_row
from tests.ordinary import OrdinaryUser, ordinary_user


@pytest.fixture(scope="module", params=[Rights.SUBORDINATE_IDS, Rights.ONE_ID])
def user(guard: Guard, request: pytest.FixtureRequest) -> Iterator[OrdinaryUser]:
    """The user."""
    del guard  # which must be there before the user's group is
    with ordinary_user(request.param) as user:
        yield user


@pytest.fixture(scope="module")
def unpack(user: OrdinaryUser) -> Callable[[str], None]:
    """Unpack an image of root's into the user's store, once."""

    @cache
    def unpack(image: str) -> None:
        build = [*user.under, sys.executable, "-m", "sandboxd.images.build", str(RECIPES / image)]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr

    unpack("default")  # without which no server starts
    return unpack


@every_row
def test_hello(user: OrdinaryUser, unpack: Callable[[str], None], row: Row) -> None:
    unpack(row.image)
    file = user.home / row.offer.source
    file.write_text(row.hello)

    run = [*user.under, "env", f"TMPDIR={user.home}", sys.executable, "-m", "sandboxd", "run"]
    done = subprocess.run(
        [*run, "--image", row.image, "--language", row.language, str(file)], capture_output=True, check=False
    )
    # Some compilers say what they do, before.
    assert (0, [b"hello"]) == (done.returncode, done.stdout.splitlines()[-1:]), done.stderr
