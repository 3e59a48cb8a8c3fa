"""An ordinary user's own image: built, and run, without root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandboxd.attack.program import Rights
from tests.mutation import REPOSITORY
from tests.ordinary import UID


def built(user, recipe):
    """Build the image of a recipe where the user's server looks for it; returns how that ended."""
    build = [*user.under, sys.executable, "-m", "sandboxd.images.build", str(recipe)]
    return subprocess.run(build, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("rights", [Rights.SUBORDINATE_IDS], indirect=True)
def test_an_image_is_built_and_run(user):
    result = built(user, REPOSITORY / "images" / "default")

    assert 0 == result.returncode, result.stderr
    root = user.home / ".local/share/sandboxd/images/default/root"
    assert UID == (root / "usr").stat().st_uid
    program = user.home / "hello.c"
    program.write_text('#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    flags = ("env", f"TMPDIR={user.home}")
    run = subprocess.run(
        [*user.under, *flags, sys.executable, "-m", "sandboxd", "run", str(program)],
        stdout=subprocess.PIPE,
        check=False,
    )
    assert (0, b"hello\n") == (run.returncode, run.stdout)


@pytest.mark.parametrize("rights", [Rights.ONE_ID], indirect=True)
def test_it_takes_more_than_one_id(user):
    """For files of packages have other owners and groups, too."""
    result = built(user, REPOSITORY / "images" / "default")

    assert 1 == result.returncode
    assert "/etc/subuid" in result.stderr
    assert not os.path.exists(user.home / ".local/share/sandboxd/images/default")
