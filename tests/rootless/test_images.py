"""An ordinary user's own image: unpacked from root's, or built of packages, and run, without root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandboxd.attack.program import Rights
from tests.mutation import REPOSITORY
from tests.ordinary import UID
from tests.unit.archives import archive


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


# As a server of the user would; prints what came of it.
IMPORT = """
import sys
from pathlib import Path
from sandboxd.errors import SandboxError
from sandboxd.images.blobs import Blobs
from sandboxd.images.exporting import to_oci
from sandboxd.images.importing import import_file
from sandboxd.linux import rootless

rootless.enter()
store, work = Path(sys.argv[1]) / "images", Path(sys.argv[1]) / "work"
work.mkdir()
try:
    image = import_file(store, Path(sys.argv[2]), "small")
    print(image.layers[0].is_dir(), len(to_oci(image, Blobs(store), work).layers))
    for name in ("a", "tmp", "workspace"):
        status = (image.layers[0] / name).stat()
        print(name, oct(status.st_mode), status.st_uid, status.st_gid)
except SandboxError as error:
    print(type(error).__name__, error)
"""


def imported(user, data):
    """Have the user import an archive; returns the lines that the script prints."""
    (user.home / "root.tar").write_bytes(data)
    command = [*user.under, sys.executable, "-c", IMPORT, str(user.home), str(user.home / "root.tar")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("rights", [Rights.SUBORDINATE_IDS], indirect=True)
def test_an_image_from_elsewhere_is_a_directory_with_owners_of_its_own(user):
    fields = {"uid": 8, "gid": 70000, "mode": 0o4750}

    assert ["True 1", "a 0o100750 8 65534", "tmp 0o41777 0 0", "workspace 0o40755 1000 1000"] == imported(
        user, archive(("a", "file", "x", fields), ("tmp", "file", "x"))
    )


@pytest.mark.parametrize("rights", [Rights.ONE_ID], indirect=True)
def test_an_image_from_elsewhere_takes_more_than_one_id(user):
    (line,) = imported(user, archive(("a", "file", "x")))

    assert line.startswith("HostUnfit importing an image takes root, or subordinate ids: see /etc/subuid")
