"""The content store: what is in it is whole and what its digest says, whoever was killed while writing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, digest_of

DATA = bytes(range(256)) * 64
DIGEST = digest_of(DATA)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def write(blobs: Blobs, data: bytes, digest: str = DIGEST, size: int = len(DATA)) -> None:
    with blobs.open_writer(digest, size) as writer:
        writer.write(data)


def break_off(blobs: Blobs, data: bytes) -> None:
    with blobs.open_writer(DIGEST, len(DATA)) as writer:
        writer.write(data)
        raise ConnectionError


def partial(blobs: Blobs) -> Path:
    return blobs.path(DIGEST).with_suffix(".partial")


def test_what_is_added_is_there_and_cannot_be_written(blobs: Blobs) -> None:
    assert blobs.add(DATA) == DIGEST == f"sha256:{hashlib.sha256(DATA).hexdigest()}"

    assert blobs.has(DIGEST)
    assert blobs.read(DIGEST, len(DATA)) == DATA
    assert blobs.size(DIGEST) == len(DATA)
    assert blobs.path(DIGEST).stat().st_mode & 0o777 == 0o444
    assert not partial(blobs).exists()


def test_what_is_added_twice_is_there_once(blobs: Blobs, tmp_path: Path) -> None:
    blobs.add(DATA)
    blobs.add(DATA)

    assert [path.name for path in (tmp_path / ".blobs" / "sha256").iterdir()] == [blobs.path(DIGEST).name]


def test_nothing_is_a_blob_too(blobs: Blobs) -> None:
    assert blobs.read(blobs.add(b""), 0) == b""


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "A" * 64,
        "sha512:" + "0" * 128,
        "sha256:../../../../etc/passwd" + "0" * 38,
        "sha256:" + "0" * 64 + "\n",
        "0" * 64,
    ],
)
def test_what_is_no_digest_is_no_path(blobs: Blobs, digest: str) -> None:
    for use in (blobs.path, blobs.has, blobs.size, blobs.open):
        with pytest.raises(InvalidImage, match="not a digest"):
            use(digest)


def test_what_is_not_there_is_named(blobs: Blobs) -> None:
    assert not blobs.has(DIGEST)
    with pytest.raises(InvalidImage, match=f"blob {DIGEST}: not in the store"):
        blobs.read(DIGEST, 1)
    with pytest.raises(InvalidImage, match="not in the store"):
        blobs.size(DIGEST)


def test_a_large_blob_is_not_read_into_memory(blobs: Blobs) -> None:
    blobs.add(DATA)

    with pytest.raises(InvalidImage, match=f"larger than {len(DATA) - 1} bytes"):
        blobs.read(DIGEST, len(DATA) - 1)


def test_damage_on_the_disk_is_found(blobs: Blobs) -> None:
    blobs.add(DATA)
    blobs.path(DIGEST).chmod(0o644)
    blobs.path(DIGEST).write_bytes(b"x" + DATA[1:])

    with pytest.raises(InvalidImage, match="damaged on the disk"):
        blobs.read(DIGEST, len(DATA))


def test_an_exception_keeps_what_there_is_and_the_next_writer_continues(blobs: Blobs) -> None:
    with pytest.raises(ConnectionError):
        break_off(blobs, DATA[:1000])

    assert not blobs.has(DIGEST)
    with blobs.open_writer(DIGEST, len(DATA)) as writer:
        assert writer.offset == 1000
        writer.write(DATA[1000:])
    assert blobs.read(DIGEST, len(DATA)) == DATA


def test_what_ends_early_is_refused_and_can_be_continued(blobs: Blobs) -> None:
    with pytest.raises(InvalidImage, match=f"ends after 1000 of {len(DATA)} bytes"):
        write(blobs, DATA[:1000])

    write(blobs, DATA[1000:])

    assert blobs.has(DIGEST)


def test_what_has_another_digest_is_thrown_away(blobs: Blobs) -> None:
    with pytest.raises(InvalidImage, match="another digest"):
        write(blobs, DATA[::-1])

    assert not blobs.has(DIGEST)
    assert not partial(blobs).exists()


def test_no_more_is_written_than_the_size(blobs: Blobs) -> None:
    with pytest.raises(InvalidImage, match=f"more than its {len(DATA)} bytes"):
        write(blobs, DATA + b"x")

    assert not blobs.has(DIGEST)
    assert partial(blobs).stat().st_size == 0


def test_what_is_left_of_a_longer_try_is_not_continued(blobs: Blobs) -> None:
    with pytest.raises(InvalidImage, match="ends after"):
        write(blobs, b"x" * 5000, size=len(DATA) + 1)

    # There is room for 4,000 only if the 5,000 are gone.
    with pytest.raises(InvalidImage, match="another digest"):
        write(blobs, b"y" * 4000, size=4000)


def test_a_source_that_cannot_continue_starts_again(blobs: Blobs) -> None:
    with pytest.raises(InvalidImage):
        write(blobs, b"garbage")

    with blobs.open_writer(DIGEST, len(DATA)) as writer:
        writer.restart()
        assert writer.offset == 0
        writer.write(DATA)
    assert blobs.has(DIGEST)


def test_a_blob_that_is_there_is_not_written_again(blobs: Blobs) -> None:
    blobs.add(DATA)
    inode = blobs.path(DIGEST).stat().st_ino

    with blobs.open_writer(DIGEST, len(DATA)) as writer:
        assert writer.offset == len(DATA)
        writer.restart()
        assert writer.offset == len(DATA)

    assert blobs.path(DIGEST).stat().st_ino == inode
    assert not partial(blobs).exists()


@pytest.mark.parametrize("first", ["finishes", "fails", "is wrong"])
def test_the_second_writer_waits_for_the_first(blobs: Blobs, first: str) -> None:
    """And finds what that one left: the blob, a part of it, or nothing."""
    begun, go_on, offsets = threading.Event(), threading.Event(), list[int]()

    def one() -> None:
        with suppress(ConnectionError, InvalidImage), blobs.open_writer(DIGEST, len(DATA)) as writer:
            writer.write(DATA[:1000])
            begun.set()
            assert go_on.wait(10)
            if first == "fails":
                raise ConnectionError
            writer.write(DATA[1000:] if first == "finishes" else DATA[1000:][::-1])

    def two() -> None:
        with blobs.open_writer(DIGEST, len(DATA)) as writer:
            offsets.append(writer.offset)
            writer.write(DATA[writer.offset :])

    threads = [threading.Thread(target=one), threading.Thread(target=two)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    assert offsets == []
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert offsets == [{"finishes": len(DATA), "fails": 1000, "is wrong": 0}[first]]
    assert blobs.read(DIGEST, len(DATA)) == DATA


# Writes DATA in pieces; stops for good, and says so, where the test wants it to be killed.
KILLED = """
import os, sys
from pathlib import Path
from sandboxd.images.blobs import Blobs, digest_of

store, stop = Path(sys.argv[1]), sys.argv[2]
data = bytes(range(256)) * 64

def reach(point):
    if point == stop:
        print("there", flush=True)
        sys.stdin.read()

def stopping(call, before, after):
    def stopped(*args):
        reach(before)
        call(*args)
        reach(after)
    return stopped

os.fsync = stopping(os.fsync, "before it is on the disk", "when it is on the disk")
Path.rename = stopping(Path.rename, "before it has its name", "when it has its name")
with Blobs(store).open_writer(digest_of(data), len(data)) as writer:
    reach("at the start")
    writer.write(data[:10_000])
    reach("in the middle")
    writer.write(data[10_000:])
    reach("at the end")
"""


@pytest.mark.parametrize(
    ("stop", "is_there"),
    [
        ("at the start", False),
        ("in the middle", False),
        ("at the end", False),
        ("before it is on the disk", False),
        ("when it is on the disk", False),
        ("before it has its name", False),
        ("when it has its name", True),
    ],
)
def test_a_killed_writer_leaves_a_store_that_can_be_used(
    blobs: Blobs, tmp_path: Path, stop: str, is_there: bool
) -> None:
    argv = [sys.executable, "-c", KILLED, str(tmp_path), stop]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.kill()

    assert blobs.has(DIGEST) == is_there
    with blobs.open_writer(DIGEST, len(DATA)) as writer:
        writer.write(DATA[writer.offset :])
    assert blobs.read(DIGEST, len(DATA)) == DATA
    assert not partial(blobs).exists()


def test_what_nothing_uses_is_pruned(blobs: Blobs) -> None:
    kept, gone = blobs.add(b"kept"), blobs.add(b"gone")
    with pytest.raises(InvalidImage):
        write(blobs, b"half")

    assert blobs.prune(lambda: {kept}) == len(b"gone") + len(b"half")

    assert (blobs.has(kept), blobs.has(gone), partial(blobs).exists()) == (True, False, False)


def test_what_is_used_is_asked_when_nobody_keeps_any(blobs: Blobs) -> None:
    """An image that is being installed uses blobs of which nobody knows yet."""
    used, asked = set[str](), threading.Event()

    def find_used() -> set[str]:
        asked.set()
        return used

    with blobs.keeping():
        digest = blobs.add(b"new")
        pruning = threading.Thread(target=blobs.prune, args=[find_used])
        pruning.start()
        assert not asked.wait(0.1)
        used.add(digest)
    pruning.join(10)

    assert asked.is_set()
    assert blobs.has(digest)


def test_a_store_without_blobs_has_nothing_to_prune(blobs: Blobs) -> None:
    assert blobs.prune(set) == 0
