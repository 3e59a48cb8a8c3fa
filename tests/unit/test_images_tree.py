"""Editing a root from outside: a link in it never leads out, and nothing in it gives privileges."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd.errors import SandboxError
from sandboxd.images.pack import tree_digest
from sandboxd.images.tree import Tree


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "host").write_text("of the host")
    return directory


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
