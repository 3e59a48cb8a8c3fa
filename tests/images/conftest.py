"""A store of the test's own, and a small root that can run something: busybox would do, so dash and its libraries do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sandboxd.images.blobs import Blobs

# The host's own: the tests need no network.
_PROGRAMS = ("/bin/sh", "/bin/cat", "/bin/ls", "/usr/bin/id", "/usr/bin/env", "/usr/bin/stat")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The image store of a state directory."""
    path = tmp_path / "state" / "images"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def blobs(store: Path) -> Blobs:
    return Blobs(store)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def small_root(tmp_path: Path) -> Path:
    """A root of somebody else's making, with what images have: programs, libraries, links, owners, times, privileges."""
    root = tmp_path / "small"
    for program in _PROGRAMS:
        for file in [program, *libraries(program)]:
            place = root / file.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n")
    (root / "etc" / "group").write_text("root:x:0:\nstaff:x:50:\n")
    (root / "etc" / "motd").write_text("of the image\n")
    (root / "etc" / "issue").hardlink_to(root / "etc" / "motd")
    (root / "var" / "mail").mkdir(parents=True)
    (root / "var" / "spool").symlink_to("mail")
    shutil.chown(root / "var" / "mail", 8, 8)
    (root / "var" / "mail").chmod(0o2775)
    (root / "bin" / "cat").chmod(0o4755)
    return root


def libraries(program: str) -> list[str]:
    """Return the files that the loader maps for a program."""
    output = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for word in output.split() if word.startswith("/")]
