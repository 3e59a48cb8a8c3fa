"""Reading tar archives: as tarfile reads honest ones, and refusing what could be read in two ways."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.errors import InvalidImage
from sandboxd.images.oci.tarstream import Entry, Kind, TarReader
from tests.unit.archives import END, archive, header, padded, pax, special

A, B = header(b"a"), header(b"b")


def read(data: bytes, *, seekable: bool = False) -> list[tuple[Entry, bytes]]:
    file = io.BytesIO(data)
    reader = TarReader(file, most_header_bytes=1 << 20, seek=file.seek if seekable else None)
    return [(entry, b"".join(reader.chunks())) for entry in reader]


def names(data: bytes) -> list[bytes]:
    return [entry.name for entry, _ in read(data)]


_TEXT = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=160)
_FIELDS = st.fixed_dictionaries(
    {
        "mode": st.integers(0, 0o7777),
        "uid": st.integers(0, 1 << 40),
        "gid": st.integers(0, 1 << 20),
        "mtime": st.integers(0, 1 << 40),
    }
)


@given(
    st.lists(st.tuples(_TEXT, st.sampled_from(["file", "directory", "symlink", "hardlink", "fifo"]), _TEXT, _FIELDS)),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_tarfile_writes_is_read_as_tarfile_reads_it(items: list, form: int) -> None:
    data = archive(*items, form=form)

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [
            (
                member.name,
                member.mode,
                member.uid,
                member.gid,
                member.mtime,
                member.linkname,
                tar.extractfile(member).read(),
            )
            if member.isreg()
            else (member.name, member.mode, member.uid, member.gid, member.mtime, member.linkname, b"")
            for member in tar
        ]
    for seekable in (False, True):
        found = [
            (
                entry.name.decode().rstrip("/"),
                entry.mode,
                entry.uid,
                entry.gid,
                entry.mtime,
                entry.target.decode(),
                content,
            )
            for entry, content in read(data, seekable=seekable)
        ]
        assert found == expected


@given(st.binary(max_size=100), st.integers(0, 3000))
def test_damage_is_refused_or_read_and_nothing_else(damage: bytes, at: int) -> None:
    data = archive(("a", "file", "x" * 600), ("n" * 200, "directory"), ("c", "symlink", "t" * 200))
    damaged = data[:at] + damage + data[at + len(damage) :]
    try:
        entries = read(damaged)
    except InvalidImage as error:
        assert str(error).startswith("tar archive: before byte ")  # noqa: PT017  (what else is raised is the finding)
        return
    assert all(len(content) == entry.size for entry, content in entries)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (A, [b"a"]),
        (A + B + END[:512], [b"a", b"b"]),
        (A + END + bytes(20_000), [b"a"]),
        (special(b"g", b"9 path=x\n") + A + END, [b"a"]),
        (header(b"name", magic=b"ustar  \0", rest=bytes(80) + b"not a prefix") + END, [b"name"]),
        (header(b"name", rest=bytes(80) + b"prefix") + END, [b"prefix/name"]),
        (special(b"L", b"long\0") + A + END, [b"long"]),
        (special(b"L", b"long\0") + pax(path=b"longer") + A + END, [b"longer"]),
        (pax(path=b"longer") + special(b"L", b"long\0") + A + END, [b"longer"]),
        (pax(path=b"") + A + END, [b"a"]),
        (pax(comment=b"line\nline 2=3\n") + A + END, [b"a"]),
    ],
)
def test_names_come_from_where_they_are_said(data: bytes, expected: list[bytes]) -> None:
    assert expected == names(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (A[:100], "ends in the middle of a header"),
        (A + B[:511], "ends in the middle of a header"),
        (A + b"\1" + B[1:], "a header's checksum is wrong"),
        (A + END[:512] + B, "something follows the end of the archive"),
        (A + END + B, "something follows the end of the archive"),
        (header(type=b"S"), "a sparse file"),
        (header(type=b"V"), "unknown type 'V'"),
        (header(type=b"M"), "unknown type 'M'"),
        (header(size=b"x"), "'x"),
        (header(size=b"-0000001"), "is not a number"),
        (header(size=b"\xff" * 12), "number -1 in a header is out of range"),
        (header(size=b"\x80" + b"\x7f" * 11), "out of range"),
        (header(size=b"0000001000"), "ends in the middle of an entry"),
        (header(type=b"5", size=b"00000001000"), "is no file, but has 512 bytes of data"),
        (header(type=b"1", size=b"00000001000"), "is no file, but has 512 bytes of data"),
        (header(b"d/", type=b"0", size=b"00000001000"), "is no file, but has 512 bytes of data"),
        (header(checksum=b"7777777"), "a header's checksum is wrong"),
        (special(b"x", b"9 path=x\n"), "ends after an extended header"),
        (special(b"L", b"x\0") + END, "ends after an extended header"),
        (pax(path=b"x") + pax(path=b"y") + A, "two extended headers for one entry"),
        (special(b"L", b"x\0") * 2 + A, "two long names for one entry"),
        (special(b"K", b"x\0") * 2 + A, "two long targets for one entry"),
        (special(b"g", b"") * 8 + A, "8 extended headers for one entry"),
        (special(b"x", b"9 path=x\n9 path=y\n") + A, "'path' twice in an extended header"),
        (special(b"x", b"8 path=x\n") + A, "an extended header is malformed"),
        (special(b"x", b"99 path=x\n") + A, "an extended header is malformed"),
        (special(b"x", b"0 path=x\n") + A, "an extended header is malformed"),
        (special(b"x", b"-9 path=x\n") + A, "an extended header is malformed"),
        (special(b"x", b"7 path\n") + A, "an extended header is malformed"),
        (special(b"x", b"5 =x\n") + A, "an extended header is malformed"),
        (special(b"x", b"\n" * 40) + A, "an extended header is malformed"),
        (special(b"x", b"9" * 5000) + A, "an extended header is malformed"),
    ],
)
@pytest.mark.parametrize("seekable", [False, True])
def test_what_could_be_read_in_two_ways_is_refused(data: bytes, why: str, seekable: bool) -> None:
    with pytest.raises(InvalidImage, match=why):
        read(data, seekable=seekable)


def test_a_size_over_the_headers_own_is_the_one_that_counts() -> None:
    """Readers that disagreed here have let one archive hide in another."""
    inner = padded(archive(("hidden", "file", "x")))
    data = pax(size=b"%d" % len(inner)) + header(b"a", size=b"0" * 11) + inner + B + END

    assert names(data) == [b"a", b"b"]


def test_old_kinds_of_files_and_directories_are_read() -> None:
    kinds = [entry.kind for entry, _ in read(header(b"a", type=b"\0") + header(b"d/", type=b"\0") + header(type=b"7"))]

    assert kinds == [Kind.FILE, Kind.DIRECTORY, Kind.FILE]


def test_times_before_1970_and_parts_of_seconds_are_read() -> None:
    data = pax(mtime=b"5.75") + A + pax(mtime=b"-3.5") + A + header(mtime=b"\xff" * 12)

    assert [entry.mtime for entry, _ in read(data)] == [5, 0, -1]


def test_a_checksum_of_signed_bytes_is_one_too() -> None:
    block = header("ä".encode("latin-1"))
    signed = sum(block) - sum(block[148:156]) + 8 * 32 - 256
    assert names(header("ä".encode("latin-1"), checksum=b"%06o\0 " % signed)) == ["ä".encode("latin-1")]
