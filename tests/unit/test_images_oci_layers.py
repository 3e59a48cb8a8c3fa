"""Layers onto trees: what they make, what they take away, and that a hostile one reaches nothing outside the tree."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci import layers, names
from sandboxd.images.oci.caps import Budget, Caps
from sandboxd.images.oci.layers import Layer, flatten
from sandboxd.images.oci.names import Whiteout
from sandboxd.images.oci.placing import Omissions, Placer
from sandboxd.images.oci.streams import decompressed
from tests.unit.archives import END, Item, add_layer, archive, header, listing, pax, special

Flatten = Callable[..., Omissions]


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


@pytest.fixture
def flat(blobs: Blobs, root: Path, outside: Path) -> Flatten:
    """Put layers, each an archive or items of one, onto the root; whatever comes of it, the host's file is as it was."""

    def flatten_all(*archives: bytes | list[Item], caps: Caps | None = None) -> Omissions:
        added = [add_layer(blobs, layer if isinstance(layer, bytes) else archive(*layer)) for layer in archives]
        try:
            return flatten(blobs, added, root, caps)
        finally:
            assert listing(outside) == {"host": "of the host"}
            assert sorted(os.listdir(outside.parent)) == ["outside", "root", "store"]

    return flatten_all


def test_a_layer_makes_what_is_in_it(flat: Flatten, root: Path) -> None:
    flat(
        [
            ("./", "directory"),
            ("./bin/", "directory", "", {"mode": 0o711}),
            ("./bin/sh", "file", "shell", {"mode": 0o755, "mtime": 1_234_567_890}),
            ("./bin/bash", "hardlink", "./bin/sh"),
            ("./lib", "symlink", "/usr/lib"),
            ("usr/lib/deep/file", "file", "parents without entries"),
        ]
    )

    assert listing(root) == {
        "bin": "/",
        "bin/sh": "shell",
        "bin/bash": "shell",
        "lib": "-> /usr/lib",
        "usr": "/",
        "usr/lib": "/",
        "usr/lib/deep": "/",
        "usr/lib/deep/file": "parents without entries",
    }
    shell = (root / "bin" / "sh").stat()
    assert (stat.S_IMODE(shell.st_mode), shell.st_mtime, shell.st_nlink) == (0o755, 1_234_567_890, 2)
    assert stat.S_IMODE((root / "bin").stat().st_mode) == 0o711
    assert stat.S_IMODE((root / "usr" / "lib").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        zstandard.ZstdCompressor().compress,
        lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
        lambda data: zstandard.ZstdCompressor().compress(data[:700]) + zstandard.ZstdCompressor().compress(data[700:]),
    ],
    ids=["plain", "gzip", "zstd", "gzip of two members", "zstd of two frames"],
)
def test_a_layer_may_be_compressed(blobs: Blobs, root: Path, compress: Callable[[bytes], bytes]) -> None:
    flatten(blobs, [add_layer(blobs, archive(("a", "file", "x" * 100_000)), compress)], root)

    assert (root / "a").stat().st_size == 100_000


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_other_peoples_letters(flat: Flatten, root: Path, form: int) -> None:
    name = "/".join(["directory-of-thirty-characters"] * 5) + "/naïve"
    target = "t" * (90 if form == tarfile.USTAR_FORMAT else 300)

    flat(archive((name, "file", "1"), ("link", "symlink", target), form=form))

    assert (root / name).read_text() == "1"
    assert os.readlink(root / "link") == target


def test_names_are_bytes(flat: Flatten, root: Path) -> None:
    flat(header(b"\xff\xfe") + END)

    assert os.listdir(os.fsencode(root)) == [b"\xff\xfe"]


def test_a_later_layer_changes_an_earlier_one(flat: Flatten, root: Path) -> None:
    flat(
        [("a", "file", "1"), ("d", "directory"), ("d/x", "file", "1"), ("f", "file", "1"), ("l", "symlink", "a")],
        [("a", "file", "2"), ("d", "file", "2"), ("f", "directory"), ("f/y", "file", "2"), ("l", "directory")],
    )

    assert listing(root) == {"a": "2", "d": "2", "f": "/", "f/y": "2", "l": "/"}


def test_a_directory_that_comes_again_keeps_what_is_in_it(flat: Flatten, root: Path) -> None:
    flat([("d", "directory"), ("d/x", "file", "1")], [("d", "directory", "", {"mode": 0o700})])

    assert listing(root) == {"d": "/", "d/x": "1"}
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o700


def test_of_duplicate_entries_the_last_one_is_meant(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1"), ("a", "symlink", "x"), ("a", "file", "3"), ("b", "hardlink", "a"), ("a", "file", "4")])

    assert listing(root) == {"a": "4", "b": "3"}


def test_a_file_that_is_replaced_stays_under_its_other_name(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1"), ("b", "hardlink", "a")], [("a", "file", "2")])

    assert listing(root) == {"a": "2", "b": "1"}


def test_a_hard_link_may_lead_to_a_lower_layer(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1")], [("b", "hardlink", "/a"), ("a", "hardlink", "b")])

    assert listing(root) == {"a": "1", "b": "1"}


def test_a_hard_link_to_itself_changes_nothing(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1")], [("a", "hardlink", "a")])

    assert listing(root) == {"a": "1"}


def test_an_entry_below_a_link_of_a_lower_layer_lies_where_the_link_leads(flat: Flatten, root: Path) -> None:
    """As a container would have it: Debian's /lib is such a link, and images have entries below it."""
    flat(
        [("usr/lib", "directory"), ("lib", "symlink", "usr/lib")], [("lib/x", "file", "1"), ("lib/new/y", "file", "2")]
    )

    assert listing(root) == {"usr": "/", "usr/lib": "/", "usr/lib/x": "1", "usr/lib/new": "/", "usr/lib/new/y": "2", "lib": "-> usr/lib"}  # fmt: skip


# Whiteouts.


def test_a_whiteout_hides_a_file_a_tree_and_a_link(flat: Flatten, root: Path) -> None:
    flat(
        [("f", "file", "1"), ("d/x/y", "file", "1"), ("l", "symlink", "d"), ("kept", "file", "1")],
        [(".wh.f", "file"), ("d/.wh.x", "file"), (".wh.l", "file"), (".wh.nothing", "file"), ("no/.wh.where", "file")],
    )

    assert listing(root) == {"d": "/", "kept": "1"}


def test_an_opaque_directory_hides_what_lower_layers_have_in_it(flat: Flatten, root: Path) -> None:
    flat(
        [("d/x", "file", "1"), ("d/sub/y", "file", "1"), ("e/z", "file", "1")],
        [("d", "directory"), ("d/new", "file", "2"), ("d/.wh..wh..opq", "file")],
    )

    assert listing(root) == {"d": "/", "d/new": "2", "e": "/", "e/z": "1"}


def test_an_opaque_root_hides_all(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1"), ("d/x", "file", "1")], [("b", "file", "2"), (".wh..wh..opq", "file")])

    assert listing(root) == {"b": "2"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_hides_nothing_of_its_own_layer(flat: Flatten, root: Path, order: int) -> None:
    layer: list[Item] = [(".wh.d", "file"), ("d", "directory"), ("d/new", "file", "2")]

    flat([("d/old", "file", "1")], layer[::order])

    assert listing(root) == {"d": "/", "d/new": "2"}


def test_a_whiteout_below_a_file_hides_nothing(flat: Flatten, root: Path) -> None:
    flat([("a", "file", "1")], [("a/.wh.b", "file")], [("a/.wh..wh..opq", "file")])

    assert listing(root) == {"a": "1"}


def test_a_directory_in_place_of_a_link_is_opaque_without_emptying_where_the_link_led(
    flat: Flatten, root: Path
) -> None:
    flat(
        [("etc/passwd", "file", "1"), ("d", "symlink", "etc")],
        [("d", "directory"), ("d/.wh..wh..opq", "file"), ("d/.wh.passwd", "file"), ("d/new", "file", "2")],
    )

    assert listing(root) == {"etc": "/", "etc/passwd": "1", "d": "/", "d/new": "2"}


def test_a_whiteout_of_any_type_is_one(flat: Flatten, root: Path) -> None:
    """AUFS made them hard links of one file."""
    flat([("a", "file", "1"), ("b", "file", "1")], [(".wh.a", "hardlink", ".wh..wh.aufs"), (".wh.b", "char")])

    assert listing(root) == {}


def test_books_of_aufs_are_left_out(flat: Flatten, root: Path) -> None:
    flat(
        [(".wh..wh.plnk", "directory"), (".wh..wh.plnk/1.2", "file", "x"), (".wh..wh.aufs", "file"), ("a", "file", "1")]
    )

    assert listing(root) == {"a": "1"}


def test_a_dot_file_is_no_whiteout(flat: Flatten, root: Path) -> None:
    flat([(".wh", "file", "1"), ("x.wh.y", "file", "1"), (".who", "file", "1")])

    assert sorted(listing(root)) == [".wh", ".who", "x.wh.y"]


@pytest.mark.parametrize("name", [".wh.", "d/.wh.", ".wh..", ".wh...", "d/.wh..", "d/.wh..."])
def test_a_whiteout_of_its_own_directory_or_the_one_above_is_refused(flat: Flatten, root: Path, name: str) -> None:
    with pytest.raises(InvalidImage, match=r"layer 2 of 2: whiteout .*: it names no entry of its directory"):
        flat([("d/kept", "file", "1")], [(name, "file")])

    assert listing(root) == {"d": "/", "d/kept": "1"}


def test_an_entry_below_a_whiteout_is_refused(flat: Flatten) -> None:
    for name in (".wh.d/x", "d/.wh..wh..opq/x"):
        with pytest.raises(InvalidImage, match="lies below a whiteout"):
            flat([(name, "file", "1")])


# Attacks: each is refused, with its reason, or confined; the fixture sees that nothing outside changes.


@pytest.mark.parametrize(
    "name", ["../outside/host", "a/../../outside/host", "..", "a/..", "/../outside/host", "./../x"]
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "hardlink"])
def test_dot_dot_is_refused(flat: Flatten, root: Path, name: str, kind: str) -> None:
    with pytest.raises(InvalidImage, match=r"layer 1 of 1: entry .*: '\.\.' would lead out of the root"):
        flat([("a", "directory"), (name, kind, "x")])

    assert listing(root) == {}


@pytest.mark.parametrize(
    "name", ["../outside/.wh.host", "../.wh.outside", "../outside/.wh..wh..opq", "a/../../.wh.outside"]
)
def test_a_whiteout_cannot_lead_out(flat: Flatten, name: str) -> None:
    with pytest.raises(InvalidImage, match="would lead out"):
        flat([(name, "file")])


def test_an_absolute_path_is_below_the_root(flat: Flatten, root: Path, outside: Path) -> None:
    flat([(f"{outside}/host", "file", "evil"), ("//etc///passwd", "file", "1")])

    assert (root / str(outside).lstrip("/") / "host").read_text() == "evil"
    assert (root / "etc" / "passwd").read_text() == "1"


@pytest.mark.parametrize("layers", [1, 2], ids=["of this layer", "of a lower layer"])
@pytest.mark.parametrize("way", ["absolute", "relative"])
def test_nothing_is_written_out_of_the_root_through_a_link(
    flat: Flatten, root: Path, outside: Path, layers: int, way: str
) -> None:
    target = str(outside) if way == "absolute" else "../outside"
    link: Item = ("link", "symlink", target)
    through: list[Item] = [("link/host", "file", "evil"), ("link/new/x", "file", "evil"), ("link/.wh.host", "file")]
    split = [[link, *through]] if layers == 1 else [[link], through]

    # The link leads to a place in the root that is not there.
    with pytest.raises(InvalidImage, match="directory 'link': a link to nothing is in its place"):
        flat(*split)

    assert listing(root) == {"link": f"-> {target}"}


def test_a_link_that_would_lead_out_leads_to_the_same_place_below_the_root(
    flat: Flatten, root: Path, outside: Path
) -> None:
    flat([(str(outside), "directory"), ("link", "symlink", str(outside)), ("link/host", "file", "of the image")])

    assert (root / str(outside).lstrip("/") / "host").read_text() == "of the image"


def test_a_link_in_the_last_place_is_replaced(flat: Flatten, root: Path, outside: Path) -> None:
    link: Item = ("link", "symlink", str(outside / "host"))
    flat([link, ("link", "file", "1")], [(".wh.link", "file"), ("d", "symlink", str(outside)), ("d", "directory")])

    assert listing(root) == {"d": "/"}


def test_mode_owner_and_time_of_a_link_are_its_own(flat: Flatten, root: Path, outside: Path) -> None:
    before = (outside / "host").stat()

    flat([("link", "symlink", str(outside / "host"), {"mode": 0o777, "mtime": 5})])

    after = (outside / "host").stat()
    assert (before.st_mode, before.st_mtime, before.st_uid) == (after.st_mode, after.st_mtime, after.st_uid)
    assert (root / "link").lstat().st_mtime == 5


def test_links_that_go_round_are_refused(flat: Flatten) -> None:
    with pytest.raises(InvalidImage, match="entry 'a/x': Too many levels of symbolic links"):
        flat([("a", "symlink", "b"), ("b", "symlink", "a"), ("a/x", "file", "1")])


@pytest.mark.parametrize("target", ["/proc/self/root", "/proc/self/cwd", "/proc/1/root"])
def test_the_hosts_proc_is_not_there(flat: Flatten, target: str) -> None:
    with pytest.raises(InvalidImage, match="a link to nothing"):
        flat([("link", "symlink", target), ("link/evil", "file", "1")])


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("../outside/host", r"'\.\.' would lead out of the root"),
        ("a/../../outside/host", r"'\.\.' would lead out of the root"),
        ("/etc/passwd", "its target '/etc/passwd' is not there|No such file"),
        ("missing", "its target 'missing' is not there"),
        ("link", "its target 'link' is no regular file"),
        ("directory", "its target 'directory' is no regular file"),
        ("through/host", "No such file or directory"),
        (".", r"its target '\.' is not there"),
        ("", "has no name"),
    ],
)
def test_a_hard_link_leads_only_to_a_file_of_the_tree(
    flat: Flatten, root: Path, outside: Path, target: str, why: str
) -> None:
    links: list[Item] = [("link", "symlink", str(outside / "host")), ("through", "symlink", str(outside))]

    with pytest.raises(InvalidImage, match=f"(hard link|entry) 'evil': .*({why})"):
        flat([*links, ("directory", "directory"), ("evil", "hardlink", target)])

    assert not (root / "evil").exists()


def test_a_hard_link_cannot_lose_its_own_target(flat: Flatten, root: Path) -> None:
    with pytest.raises(InvalidImage, match="entry 'd': No such file"):
        flat([("d/x", "file", "1"), ("d", "hardlink", "d/x")])


@pytest.mark.parametrize("kind", ["file", "symlink", "hardlink"])
@pytest.mark.parametrize("name", [".", "./", "/", "//."])
def test_the_root_cannot_be_replaced(flat: Flatten, root: Path, kind: str, name: str) -> None:
    layer = header(name.encode(), type={"file": b"0", "symlink": b"2", "hardlink": b"1"}[kind], link=b"/outside") + END
    if kind == "file" and name.endswith("/"):
        flat(layer)  # a directory, as old archives have them
    else:
        with pytest.raises(InvalidImage, match="would replace the root itself"):
            flat(layer)

    assert root.is_dir()


def test_devices_and_fifos_are_left_out_and_counted(flat: Flatten, root: Path) -> None:
    left = flat([("sda", "block"), ("null", "char"), ("pipe", "fifo"), ("a", "file", "1")])

    assert listing(root) == {"a": "1"}
    assert left == Omissions(special_files=3)


def test_privileges_are_taken_off_and_counted(flat: Flatten, root: Path) -> None:
    capability = {"pax_headers": {"SCHILY.xattr.security.capability": "\x01"}}
    left = flat(
        [
            ("su", "file", "1", {"mode": 0o4755}),
            ("wall", "file", "1", {"mode": 0o2755}),
            ("ping", "file", "1", capability),
            ("tmp", "directory", "", {"mode": 0o1777}),
            ("shared", "directory", "", {"mode": 0o2775}),
            ("typed", "file", "1", {"mode": 0o100644}),
        ]
    )

    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in root.iterdir()}
    assert modes == {
        "su": "0o755",
        "wall": "0o755",
        "ping": "0o644",
        "tmp": "0o1777",
        "shared": "0o775",
        "typed": "0o644",
    }
    assert left == Omissions(privileges=3)
    assert os.listxattr(root / "ping") == []


def test_an_id_that_no_container_has_is_nobody(flat: Flatten, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {}
    monkeypatch.setattr(os, "chown", lambda name, uid, gid, **_: owners.update({name: (uid, gid)}))

    left = flat(
        [
            ("a", "file", "1", {"uid": 65535, "gid": 65535}),
            ("b", "file", "1", {"uid": 65536, "gid": 1}),
            ("c", "symlink", "x", {"uid": 2**40, "gid": 2**40}),
        ]
    )

    assert owners == {b"a": (65535, 65535), b"b": (65534, 1), b"c": (65534, 65534)}
    assert left == Omissions(owners=2)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"path": b"a\0b"}, "a NUL in the path"),
        ({"linkpath": b"a\0b"}, "a NUL in the linkpath"),
        ({"size": b"-1"}, "'-1' in an extended header is not a number"),
        ({"size": b"1" * 30}, "is not a number"),
        ({"uid": b"x"}, "'x' in an extended header is not a number"),
        ({"path": b"../x"}, "would lead out"),
        ({"path": b"n" * 256}, "a name of more than 255 bytes"),
        ({"path": b"d/" * 256 + b"x"}, "more than 256 names"),
        ({"path": b"d/" * 3000}, "more than 2048 bytes"),
        ({"GNU__sparse__major": b"1"}, "a sparse file"),
        ({"GNU__sparse__map": b"0,99999999999"}, "a sparse file"),
    ],
)
def test_an_extended_header_cannot_lie(flat: Flatten, root: Path, record: dict[str, bytes], why: str) -> None:
    with pytest.raises(InvalidImage, match=why):
        flat(pax(**record) + header(b"a", type=b"2" if "linkpath" in record else b"0", link=b"x") + END)

    assert listing(root) == {}


def test_a_name_of_nul_or_nothing_is_refused(flat: Flatten) -> None:
    with pytest.raises(InvalidImage, match="has no name"):
        flat(header(b"") + END)
    with pytest.raises(InvalidImage, match="has a NUL in its name"):
        flat(special(b"L", b"a\0b\0") + header(b"x") + END)


@pytest.mark.parametrize("target", [b"", b"t" * 4096, b"a\0b"])
def test_a_symbolic_link_to_nothing_is_refused(flat: Flatten, target: bytes) -> None:
    with pytest.raises(InvalidImage, match="symbolic link 'x': its target is empty, has a NUL or is too long"):
        flat((special(b"K", target) if target else b"") + header(b"x", type=b"2") + END)


def test_a_file_is_no_directory(flat: Flatten) -> None:
    with pytest.raises(InvalidImage, match="layer 2 of 2: entry 'a/b': Not a directory"):
        flat([("a", "file", "1")], [("a/b", "file", "2")])


def test_links_cannot_make_a_tree_deeper_than_the_cap(flat: Flatten) -> None:
    """Each entry is short; each link doubles what the next one starts from."""
    half = "/".join(["d"] * 30)
    items: list[Item] = [(half, "directory")]
    for step in range(4):
        items += [
            (f"l{step}", "symlink", half if step == 0 else f"l{step - 1}/{half}"),
            (f"l{step}/{half}", "directory"),
        ]

    with pytest.raises(InvalidImage, match=r"directory .* more than 64 names"):
        flat(items, caps=Caps(depth=64))


# Bombs.


def test_bytes_have_a_cap_of_all_layers_together(flat: Flatten, root: Path) -> None:
    layer: list[Item] = [("a", "file", b"\0" * 60_000)]

    flat(layer, caps=Caps(total_bytes=100_000))
    with pytest.raises(InvalidImage, match="layer 2 of 2: more than 100000 bytes once decompressed"):
        flat(layer, layer, caps=Caps(total_bytes=100_000))


def test_a_bomb_of_compressed_filling_ends_at_the_cap(flat: Flatten, root: Path) -> None:
    """Of a gigabyte in a megabyte, neither behind the archive's end nor in a file is more read than allowed."""
    for bomb in (archive(("a", "file", "1")) + bytes(1 << 25), archive(("a", "file", bytes(1 << 25)))):
        with pytest.raises(InvalidImage, match="more than 1048576 bytes"):
            flat(bomb, caps=Caps(total_bytes=1 << 20))
    assert listing(root) == {}


def test_entries_have_a_cap_of_all_layers_together(flat: Flatten, root: Path) -> None:
    items: list[Item] = [(f"f{number}", "file") for number in range(60)]

    flat(items, caps=Caps(entries=100))
    with pytest.raises(InvalidImage, match="layer 2 of 2: more than 100 entries"):
        flat(items, items, caps=Caps(entries=100))


class Endless:
    """An archive of ten million entries, made as it is read."""

    def __init__(self) -> None:
        self._block = header(b"x")
        self.given = 0

    def read(self, size: int) -> bytes:
        self.given += size
        return self._block if self.given <= 10_000_000 * 512 else b""


def test_ten_million_entries_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless()
    monkeypatch.setattr(layers, "HashingReader", lambda source, on_bytes=None: endless)

    with pytest.raises(InvalidImage, match="more than 20000 entries"):
        layers.scan(io.BytesIO(), Budget(Caps(entries=20_000)))

    assert endless.given == 20_001 * 512


def test_a_blob_has_a_cap_before_it_is_read(flat: Flatten) -> None:
    with pytest.raises(InvalidImage, match="more than 100 bytes, compressed as it is"):
        flat([("a", "file", os.urandom(1000))], caps=Caps(total_bytes=100))


def test_a_gzip_header_without_end_is_not_read_byte_by_byte() -> None:
    """A file name of 4 MiB."""
    endless = io.BytesIO(b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * (4 << 20))
    sizes = list[int]()

    class Counting:
        def read(self, size: int) -> bytes:
            sizes.append(size)
            return endless.read(size)

    with decompressed(Counting(), "gzip") as plain, pytest.raises(EOFError):
        plain.read(1)

    assert len(sizes) < 300


def test_a_whiteout_that_comes_again_is_one(blobs: Blobs, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lists a directory, and an overlay takes as long for one that was emptied."""
    taken = list[Whiteout]()
    monkeypatch.setattr(Placer, "take_away", lambda _self, whiteout: taken.append(whiteout))
    opaque: list[Item] = [("d/.wh..wh..opq", "file"), ("./d//.wh..wh..opq", "file")]
    items: list[Item] = [*opaque * 10, ("d/.wh.a", "file"), ("d/.wh.a", "file")]

    flatten(blobs, [add_layer(blobs, archive(*items))], root)

    assert taken == [Whiteout(b"d", is_opaque=True), Whiteout(b"d/a", is_opaque=False)]


def test_paths_of_whiteouts_have_a_cap(flat: Flatten) -> None:
    """They are kept in memory, each once."""
    items: list[Item] = [(f"{number}/{'x' * 90}/.wh.y", "file") for number in range(9)]
    caps = Caps(whiteout_bytes=9 * 94)

    flat(items * 3, items, caps=caps)
    with pytest.raises(InvalidImage, match="layer 2 of 2: whiteouts of paths of more than 846 bytes"):
        flat(items, [*items, (".wh.y", "file")], caps=caps)


def test_a_huge_extended_header_is_not_read_into_memory(flat: Flatten) -> None:
    with pytest.raises(InvalidImage, match="an entry of 1048577 bytes, where 1048576 are the most"):
        flat(special(b"x", b"\0" * ((1 << 20) + 1)) + header() + END)
    with pytest.raises(InvalidImage, match="an entry of 8589934591 bytes"):
        flat(header(type=b"L", size=b"7" * 11))


def test_a_claimed_size_makes_nothing(flat: Flatten, root: Path) -> None:
    with pytest.raises(InvalidImage, match="ends in the middle of an entry"):
        flat(header(b"a", size=b"7" * 11) + b"x" * 512)

    assert listing(root) == {}


def test_a_frame_that_asks_for_gigabytes_of_memory_is_refused(blobs: Blobs, root: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = stream.compress(archive(("a", "file", os.urandom(1000)))) + stream.flush()

    with pytest.raises(InvalidImage, match=r"damaged compressed data: .*memory"):
        flatten(blobs, [Layer(digest=blobs.add(data), diff_id=digest_of(b""))], root)


# Digests and damage.


def test_what_has_another_diff_id_changes_nothing(blobs: Blobs, root: Path) -> None:
    data = gzip.compress(archive(("a", "file", "1")))

    with pytest.raises(InvalidImage, match=r"its diff_id is sha256:[0-9a-f]{64}, where sha256:0000"):
        flatten(blobs, [Layer(digest=blobs.add(data), diff_id="sha256:" + "0" * 64)], root)

    assert listing(root) == {}


def test_a_blob_that_was_changed_on_the_disk_changes_nothing(blobs: Blobs, root: Path) -> None:
    layer = add_layer(blobs, archive(("a", "file", "1")))
    blobs.path(layer.digest).chmod(0o644)
    blobs.path(layer.digest).write_bytes(gzip.compress(archive(("a", "file", "2"))))

    with pytest.raises(InvalidImage, match=f"its digest is sha256:[0-9a-f]{{64}}, where {layer.digest} was said"):
        flatten(blobs, [layer], root)

    assert listing(root) == {}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gzip.compress(archive(("a", "file", "1")))[:-9], "damaged compressed data"),
        (
            gzip.compress(archive(("a", "file", "1")))[:-8] + b"\0" * 8,
            "damaged compressed data: .*incorrect data check",
        ),
        (gzip.compress(archive(("a", "file", "1"))) + b"x", "damaged compressed data"),
        (b"\x1f\x8b", "damaged compressed data"),
        (b"\x28\xb5\x2f\xfdxxxx", "damaged compressed data"),
        (b"x" * 512, "'xxxxxxxx' in a header is not a number"),
        (b"PK\3\4" + b"\0" * 508, "checksum is wrong"),
    ],
)
def test_a_damaged_blob_is_refused(blobs: Blobs, root: Path, data: bytes, why: str) -> None:
    with pytest.raises(InvalidImage, match=f"layer 1 of 1: .*{why}"):
        flatten(blobs, [Layer(digest=blobs.add(data), diff_id=digest_of(b""))], root)


def test_a_hostile_second_layer_leaves_the_first_alone(flat: Flatten, root: Path) -> None:
    with pytest.raises(InvalidImage):
        flat([("a", "file", "1")], [(".wh.a", "file"), ("b", "file", "2"), ("../c", "file", "3")])

    assert listing(root) == {"a": "1"}


# Any path at all.


@given(st.lists(st.sampled_from(["", ".", "..", "a", "b", ".wh.", ".wh.a", ".wh..wh..opq", "\0", "l"]), max_size=6))
def test_a_clean_path_never_leaves_the_root(parts: list[str]) -> None:
    name = "/".join(parts).encode()
    try:
        path = names.clean(name, Caps())
        hidden = names.whiteout(path)
    except InvalidImage:
        return

    for made in (path, hidden.path if hidden else b""):
        assert not made.startswith(b"/")
        assert not {b"", b".", b".."} & {*made.split(b"/")} or not made
        assert b"\0" not in made
    assert b".." not in name.split(b"/")


_NAMES = st.lists(st.sampled_from(["a", "b", "l", ".", "..", ".wh.a", ".wh.l", ".wh..wh..opq"]), min_size=1, max_size=4)
_ITEMS = st.tuples(
    _NAMES.map("/".join),
    st.sampled_from(["file", "directory", "symlink", "hardlink", "fifo"]),
    st.sampled_from(["a", "b/a", "/outside", "../outside", "..", "/", "a/l", "l"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(st.lists(_ITEMS, max_size=6), min_size=1, max_size=3))
def test_no_archive_reaches_out_of_its_root(tmp_path: Path, outside: Path, layers: list[list[Item]]) -> None:
    """Whatever links, whiteouts and names come together: all else is as it was, and each failure has its words."""
    run = tmp_path / "runs" / str(time.monotonic_ns())
    (run / "root").mkdir(parents=True)
    (run / "outside").mkdir()
    (run / "outside" / "host").write_text("of the host")
    blobs = Blobs(tmp_path / "store")
    added = [add_layer(blobs, archive(*items), bytes) for items in layers]
    try:
        flatten(blobs, added, run / "root")
    except InvalidImage as error:
        assert str(error).startswith("layer ")  # noqa: PT017  (what else is raised is the finding)
    assert listing(run / "outside") == {"host": "of the host"}
    assert sorted(os.listdir(run)) == ["outside", "root"]
