"""Editing a root from outside: a link in it never leads out, and nothing in it gives privileges."""

from __future__ import annotations

import os
import stat
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandboxd.errors import SandboxError
from sandboxd.images.pack import tree_digest
from sandboxd.images.tree import Tree


@pytest.fixture
def tree(tmp_path: Path, outside: Path) -> Tree:
    """A root whose ``var`` is a link out of it, as /var/run is in a Debian root."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "var").symlink_to(outside)
    (root / "etc" / "link").symlink_to(outside / "host")
    return Tree(root)


@pytest.mark.parametrize(
    "edit",
    [
        lambda tree: tree.remove("var/*"),
        lambda tree: tree.empty("var/run"),
        lambda tree: tree.make_directory("var/run"),
        lambda tree: tree.write("var/host", ""),
        lambda tree: tree.write("../outside/host", ""),
        lambda tree: tree.write("/etc/host", ""),
        lambda tree: tree.link("var/host", "x"),
    ],
)
def test_no_edit_leaves_the_root(tree: Tree, outside: Path, edit: Callable[[Tree], None]) -> None:
    with pytest.raises(SandboxError, match="leads out of"):
        edit(tree)

    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("host", "of the host")]


def test_a_link_that_leads_to_itself_leads_nowhere(tree: Tree) -> None:
    (tree.root / "circle").symlink_to("circle")

    for path in ("circle/file", "circle/directory/file"):
        with pytest.raises((SandboxError, FileExistsError)):
            tree.write(path, "")
    tree.write("circle", "no more")

    assert (tree.root / "circle").read_text() == "no more"


def test_a_link_is_replaced_not_followed(tree: Tree, outside: Path) -> None:
    tree.write("etc/link", "of the image")
    tree.empty("var")

    assert (tree.root / "etc" / "link").read_text() == "of the image"
    assert (tree.root / "var").is_dir()
    assert (outside / "host").read_text() == "of the host"


def test_remove_takes_patterns_and_does_not_miss_what_is_not_there(tree: Tree) -> None:
    tree.write("usr/share/doc/a/b", "")
    tree.write("usr/share/doc-base", "")
    tree.write("usr/share/zoneinfo/UTC", "")

    tree.remove("usr/share/doc*")
    tree.remove("nothing/*")

    assert [path.name for path in (tree.root / "usr" / "share").iterdir()] == ["zoneinfo"]


def test_what_is_kept_stays_and_nothing_beside_it(tree: Tree) -> None:
    for file in ("lib/ghc/db/base.conf", "lib/ghc/other", "lib/dpkg/status", "log/x"):
        tree.write(f"srv/{file}", file)

    tree.empty("srv", keep=["srv/lib/ghc/db", "srv/not/there", "etc/link"])

    assert sorted(str(path.relative_to(tree.root)) for path in (tree.root / "srv").rglob("*")) == [
        "srv/lib",
        "srv/lib/ghc",
        "srv/lib/ghc/db",
        "srv/lib/ghc/db/base.conf",
    ]


def test_nothing_is_kept_beyond_a_link(tree: Tree, outside: Path) -> None:
    with pytest.raises(SandboxError, match="is not a directory"):
        tree.empty("var", keep=["var/host"])

    assert (outside / "host").read_text() == "of the host"


def test_nothing_gives_privileges_and_nothing_is_special(tree: Tree) -> None:
    tree.write("bin/su", "")
    (tree.root / "bin" / "su").chmod(0o6755)
    tree.make_directory("games", 0o2755, os.geteuid())
    tree.make_directory("tmp", 0o1777, os.geteuid())
    os.mkfifo(tree.root / "pipe")

    tree.strip_privileges()

    modes = {name: stat.S_IMODE((tree.root / name).stat().st_mode) for name in ("bin/su", "games", "tmp")}
    assert modes == {"bin/su": 0o755, "games": 0o755, "tmp": 0o1777}
    assert not (tree.root / "pipe").exists()


def test_special_files_go_while_the_tree_is_walked(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of millions of files the paths alone would fill the memory."""
    walk, left = tree.walk, list[int]()
    for number in range(9):
        os.mkfifo(tree.root / "etc" / f"pipe{number}")

    def watched() -> Iterator[tuple[str, os.stat_result]]:
        for found in walk():
            left.append(len(os.listdir(tree.root / "etc")))
            yield found

    monkeypatch.setattr(tree, "walk", watched)
    tree.strip_privileges()

    assert left == [10, 10, 10, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert os.listdir(tree.root / "etc") == ["link"]


def test_a_large_file_is_not_read_into_memory_for_its_digest(tree: Tree) -> None:
    (tree.root / "large").write_bytes(bytes(16 << 20))
    tracemalloc.start()
    try:
        tree_digest(tree)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 4 << 20


def test_a_tree_of_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    trees = []
    for name, files in (("1", "ab"), ("2", "ba")):
        (tmp_path / name).mkdir()
        tree = Tree(tmp_path / name)
        for file in files:
            tree.write(f"d/{file}", file)
        trees.append(tree)
    assert tree_digest(trees[0]) == tree_digest(trees[1])

    (trees[1].root / "d" / "a").chmod(0o755)
    assert tree_digest(trees[0]) != tree_digest(trees[1])


def test_a_digest_needs_files_directories_and_links_only(tree: Tree) -> None:
    os.mkfifo(tree.root / "pipe")

    with pytest.raises(SandboxError, match="neither file, directory nor link"):
        tree_digest(tree)
