"""An ordinary user's own image: unpacked from root's, or built of packages, and run, without root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandboxd.attack.program import Rights
from tests.mutation import REPOSITORY
from tests.ordinary import UID


def built(user, *flags, recipe="default"):
    """Build the image of a recipe where the user's server looks for it; returns how that ended."""
    build = [*user.under, sys.executable, "-m", "sandboxd.images.build", str(REPOSITORY / "images" / recipe), *flags]
    return subprocess.run(build, stderr=subprocess.PIPE, text=True, check=False)


def compiled_and_run(user):
    """Run a C program with what was built."""
    program = user.home / "hello.c"
    program.write_text('#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    run = [*user.under, "env", f"TMPDIR={user.home}", sys.executable, "-m", "sandboxd", "run", str(program)]
    return subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout


def test_roots_image_is_unpacked_and_run(user):
    """Which takes a second, and no subordinate ids."""
    result = built(user)

    assert 0 == result.returncode, result.stderr
    assert "unpacking /var/lib/sandboxd/images/default/root.erofs" in result.stderr
    assert b"hello\n" == compiled_and_run(user)


@pytest.mark.parametrize("rights", [Rights.SUBORDINATE_IDS], indirect=True)
def test_an_image_is_built_and_run(user):
    """Of packages, by --force."""
    result = built(user, "--force")

    assert 0 == result.returncode, result.stderr
    root = user.home / ".local/share/sandboxd/images/default/root"
    assert UID == (root / "usr").stat().st_uid
    assert b"hello\n" == compiled_and_run(user)


@pytest.mark.parametrize("rights", [Rights.ONE_ID], indirect=True)
def test_it_takes_more_than_one_id(user):
    """For files of packages have other owners and groups, too."""
    result = built(user, "--force", "--store", str(user.home / "other"))

    assert 1 == result.returncode
    assert "/etc/subuid" in result.stderr
    assert not os.path.exists(user.home / "other" / "default")
