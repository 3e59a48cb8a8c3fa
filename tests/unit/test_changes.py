"""What a workspace has that its image has not: lists and copies of directories that lie, and the comparison with what an image has."""

from __future__ import annotations

import os
import stat

import pytest

from sandboxd.errors import BuildFailed
from sandboxd.images import committing
from sandboxd.images.contents import Known, hidden
from sandboxd.model import ChangeKind, FileType
from sandboxd.runtime import changes, layout
from sandboxd.runtime.changes import Bounds, Entry, HeldWorkspace
from sandboxd.service.commits import compare

ENOUGH = Bounds(entries=1000, total_bytes=1 << 20)
FILE, DIRECTORY, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


@pytest.fixture
def writable(tmp_path):
    """What a container's writable mount has."""
    (tmp_path / "writable" / "workspace").mkdir(parents=True)
    return tmp_path / "writable"


@pytest.fixture
def workspace(writable):
    return writable / "workspace"


@pytest.fixture
def over_files(writable):
    """Make it that of an image with files."""
    (writable / layout.WORKSPACE_WORK).mkdir()


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.fixture
def held(writable):
    fd = os.open(writable, os.O_RDONLY | os.O_DIRECTORY)
    with HeldWorkspace(fd) as held:
        os.close(fd)
        yield held


def whiteout(path):
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_copy_is_the_programs_whoever_owned_it(held, workspace, target):
    (workspace / "dir").mkdir(mode=0o700)
    (workspace / "dir" / "file").write_text("content")
    (workspace / "link").symlink_to("/etc/passwd")
    for path in ("dir", "dir/file", "link"):
        os.chown(workspace / path, 12345, 54321, follow_symlinks=False)
    (workspace / "dir" / "file").chmod(0o6751)  # the other way round it would lose them
    os.utime(workspace / "dir" / "file", (7, 7))

    copied = held.copy(target, ENOUGH)

    for path, mode in (("dir", DIRECTORY & ~0o55), ("dir/file", stat.S_IFREG | 0o751), ("link", LINK)):
        status = os.lstat(target / path)
        assert (mode, 1000, 1000) == (status.st_mode, status.st_uid, status.st_gid)
    assert ("content", 7) == ((target / "dir/file").read_text(), os.stat(target / "dir/file").st_mtime)
    assert ("/etc/passwd", {"privileges": 1}) == (os.readlink(target / "link"), copied.left_out)


@pytest.mark.parametrize("time", [-5, 2**33])
def test_times_that_an_image_cannot_have(held, workspace, target, time):
    (workspace / "file").touch()
    os.utime(workspace / "file", (time, time))

    held.copy(target, ENOUGH)

    assert 0 <= os.stat(target / "file").st_mtime <= 2**32 - 1


def test_special_files_are_not_opened(held, workspace, target):
    os.mkfifo(workspace / "fifo")
    whiteout(workspace / "device")  # nothing of the kernel's where the image has no files

    copied = held.copy(target, ENOUGH)

    assert ([], (), {"special_files": 2}) == (names(target), copied.hiding, copied.left_out)


def test_what_is_removed_and_hidden_is_told(held, workspace, target, over_files):
    (workspace / "dir" / "hides").mkdir(parents=True)
    os.setxattr(workspace / "dir" / "hides", "user.overlay.opaque", b"y")
    whiteout(workspace / "dir" / "gone")

    copied = held.copy(target, ENOUGH)

    assert (("dir/hides",), {}) == (copied.hiding, copied.left_out)
    status = os.lstat(target / "dir" / "gone")
    assert (True, 0) == (stat.S_ISCHR(status.st_mode), status.st_rdev)
    entries = {entry.path: entry for entry in held.list(ENOUGH)}
    assert (True, False) == (entries["dir/gone"].removed, entries["dir"].hides)
    assert (False, True) == (entries["dir/hides"].removed, entries["dir/hides"].hides)


def test_what_a_program_says_is_hidden_is_not(held, workspace, target):
    """Of an image without files the directory is the program's own, with all its attributes."""
    (workspace / "dir").mkdir()
    os.setxattr(workspace / "dir", "user.overlay.opaque", b"y")

    assert () == held.copy(target, ENOUGH).hiding
    assert [False] == [entry.hides for entry in held.list(ENOUGH)]


@pytest.mark.parametrize(
    ("make", "bounds", "words"),
    [
        (
            lambda w: [(w / str(n)).touch() for n in range(4)],
            Bounds(3, 100),
            "more than 3 files, directories and links",
        ),
        (lambda w: [(w / str(n)).write_bytes(bytes(60)) for n in range(2)], Bounds(9, 100), "more than 100 bytes"),
        (
            lambda w: ((w / "x").touch(), os.truncate(w / "x", 1 << 40)),
            ENOUGH,
            "with the holes of sparse files, at 'x'",
        ),
        (lambda w: (w / "/".join("d" * 65)).mkdir(parents=True), ENOUGH, "deeper than 64 directories"),
        (lambda w: (w / "/".join(["d" * 250] * 8)).mkdir(parents=True), ENOUGH, "paths longer than 2000 bytes"),
        (lambda w: (w / ("n" * 255)).touch(), ENOUGH, "a name longer than 254 bytes"),
    ],
)
def test_what_is_too_much_is_refused(held, workspace, target, make, bounds, words):
    make(workspace)

    with pytest.raises(BuildFailed, match=words):
        held.copy(target, bounds)


def test_as_much_as_there_may_be(held, workspace, target):
    for name in ("a", "b"):
        (workspace / name).write_bytes(bytes(50))

    held.copy(target, Bounds(entries=2, total_bytes=100))

    assert ["a", "b"] == names(target)


def replaced_by(workspace, name, make):
    """Return what replaces a path at the moment when it is opened, and opens it then."""
    opened = changes.open_beneath

    def open_late(directory, path, flags):
        if path == name:
            os.rename(workspace / name, workspace / "aside")
            make(workspace / name)
        return opened(directory, path, flags)

    return open_late


@pytest.mark.parametrize("name", ["dir", "file"])
@pytest.mark.parametrize(
    ("make", "counted"),
    [
        (lambda path: path.symlink_to("/etc"), {}),
        (lambda path: path.symlink_to("/etc/passwd"), {}),
        (lambda path: path.symlink_to("/proc/self/root/etc/passwd"), {}),
        (lambda path: None, {}),
        (os.mkfifo, {"special_files": 1}),
    ],
)
def test_what_is_replaced_between_two_looks_is_not_followed(held, workspace, target, monkeypatch, name, make, counted):
    (workspace / "dir").mkdir()
    (workspace / "dir" / "own").touch()
    (workspace / "file").touch()
    monkeypatch.setattr(changes, "open_beneath", replaced_by(workspace, name, make))

    copied = held.copy(target, ENOUGH)

    assert {"dir": ["dir", "file"], "file": ["dir", "dir/own"]}[name] == names(target)
    assert (counted if name == "file" else {}) == copied.left_out


def test_a_file_that_grows_is_cut(held, workspace, target, monkeypatch):
    (workspace / "file").write_bytes(bytes(50))
    sendfile = os.sendfile

    def growing(out, source, offset, count):
        with (workspace / "file").open("ab") as file:
            file.write(bytes(1000))
        return sendfile(out, source, offset, min(count, 10))

    monkeypatch.setattr(changes.os, "sendfile", growing)
    held.copy(target, Bounds(entries=9, total_bytes=50))

    assert 50 == os.stat(target / "file").st_size


def test_a_file_that_shrinks_ends(held, workspace, target, monkeypatch):
    (workspace / "file").write_bytes(bytes(50))
    sendfile = os.sendfile

    def shrinking(out, source, offset, count):
        os.truncate(workspace / "file", 5)
        return sendfile(out, source, offset, count)

    monkeypatch.setattr(changes.os, "sendfile", shrinking)
    held.copy(target, ENOUGH)

    assert 5 == os.stat(target / "file").st_size


# The comparison.


def entry(path, mode=FILE, size_bytes=1, **options):
    return Entry(path=path, mode=mode, size_bytes=size_bytes, **options)


KNOWN = {
    "dir": Known(DIRECTORY, 0),
    "dir/a": Known(FILE, 10),
    "dir/sub": Known(DIRECTORY, 0),
    "dir/sub/b": Known(FILE, 20),
    "file": Known(FILE, 30),
    "link": Known(LINK, 0),
}
ADDED, CHANGED, DELETED = ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.DELETED


@pytest.mark.parametrize(
    ("entries", "changes"),
    [
        ([], []),
        ([entry("new")], [(ADDED, "new", FileType.REGULAR, 1)]),
        ([entry("dir", DIRECTORY), entry("dir/a")], [(CHANGED, "dir/a", FileType.REGULAR, 1)]),
        ([entry("dir", stat.S_IFDIR | 0o700, 0)], [(CHANGED, "dir", FileType.DIRECTORY, 0)]),
        ([entry("file", stat.S_IFCHR, 0, removed=True)], [(DELETED, "file", FileType.REGULAR, 30)]),
        ([entry("dir", stat.S_IFCHR, 0, removed=True)], [(DELETED, "dir", FileType.DIRECTORY, 0)]),
        ([entry("nowhere", stat.S_IFCHR, 0, removed=True)], []),
        ([entry("link", FILE)], [(CHANGED, "link", FileType.REGULAR, 1)]),
        ([entry("file", DIRECTORY, 0)], [(CHANGED, "file", FileType.DIRECTORY, 0)]),
        ([entry("fifo", stat.S_IFIFO, 0)], [(ADDED, "fifo", FileType.OTHER, 0)]),
        ([entry("a\udcff")], [(ADDED, "a\ufffd", FileType.REGULAR, 1)]),
        (
            [entry("dir", DIRECTORY, 0, hides=True)],
            [(DELETED, "dir/a", FileType.REGULAR, 10), (DELETED, "dir/sub", FileType.DIRECTORY, 0)],
        ),
        (
            [entry("dir", DIRECTORY, 0, hides=True), entry("dir/a"), entry("dir/sub", DIRECTORY, 0)],
            [(CHANGED, "dir/a", FileType.REGULAR, 1), (DELETED, "dir/sub/b", FileType.REGULAR, 20)],
        ),
        (
            [entry("dir", DIRECTORY, 0, hides=True), entry("dir/a"), entry("dir/sub", FILE)],
            [(CHANGED, "dir/a", FileType.REGULAR, 1), (CHANGED, "dir/sub", FileType.REGULAR, 1)],
        ),
    ],
)
def test_comparison(entries, changes):
    assert changes == [(c.kind, c.path, c.type, c.size_bytes) for c in compare(entries, KNOWN)]


def test_nothing_is_hidden_by_none():
    assert [] == list(hidden([], KNOWN, lambda _: None))


def test_a_layer_says_one_by_one_what_is_hidden(tmp_path):
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    (tmp_path / "dir" / "new").touch()

    committing.spell_out(tmp_path, ["dir"], KNOWN)

    found = {path: stat.S_IFMT(os.lstat(tmp_path / path).st_mode) for path in names(tmp_path)}
    assert found == {
        "dir": stat.S_IFDIR,
        "dir/new": stat.S_IFREG,
        "dir/a": stat.S_IFCHR,
        "dir/sub": stat.S_IFDIR,
        "dir/sub/b": stat.S_IFCHR,
    }


def test_a_damaged_account_of_commits_is_named(tmp_path):
    assert () == committing.read_commits(tmp_path)
    (tmp_path / "commits.json").write_text("[{}]")

    with pytest.raises(committing.InvalidConfiguration, match=r"commits\.json: "):
        committing.read_commits(tmp_path)
