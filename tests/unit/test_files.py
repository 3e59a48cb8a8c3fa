"""What cannot be opened below a directory: whatever leads out of it."""

from __future__ import annotations

import errno
import os

import pytest

from sandboxd.linux.files import open_beneath


@pytest.fixture
def directory(tmp_path):
    """A directory with a file, links of each kind, and a neighbour."""
    (tmp_path / "neighbour").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").write_text("own")
    (inside / "to-own").symlink_to("file")
    (inside / "out").symlink_to("..")
    (inside / "absolute").symlink_to("/")
    fd = os.open(inside, os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_a_file_is_opened_and_not_inherited(directory):
    fd = open_beneath(directory, "file", os.O_RDONLY)

    assert b"own" == os.read(fd, 100)
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("to-own", errno.ELOOP),
        ("out/neighbour", errno.ELOOP),
        ("absolute/etc", errno.ELOOP),
        ("../neighbour", errno.EXDEV),
        ("/etc/hostname", errno.EXDEV),
        ("nothing", errno.ENOENT),
    ],
)
def test_what_leads_out_is_refused(directory, name, code):
    with pytest.raises(OSError, match=os.strerror(code)):
        open_beneath(directory, name, os.O_RDONLY)


def test_no_magic_link_and_no_other_mount():
    """/proc has both: what a descriptor's link leads to is no path, and /proc itself is a mount of the root."""
    proc, root = os.open("/proc", os.O_DIRECTORY), os.open("/", os.O_DIRECTORY)

    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        open_beneath(proc, f"{os.getpid()}/root/etc", os.O_RDONLY)
    with pytest.raises(OSError, match=os.strerror(errno.EXDEV)):
        open_beneath(root, "proc/version", os.O_RDONLY)

    os.close(proc)
    os.close(root)
