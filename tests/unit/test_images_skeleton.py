"""What every image has: the accounts, the mount points, no secret and no package manager's rest."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sandboxd.images.recipe import Steps
from sandboxd.images.skeleton import finish
from sandboxd.images.tree import Tree


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Who was made owner of what; changing owners needs root, so it is only written down."""
    changed: dict[str, int] = {}
    monkeypatch.setattr(os, "chown", lambda path, uid, _gid: changed.update({Path(path).name: uid}))
    return changed


@pytest.fixture
def tree(tmp_path: Path, owners: dict[str, int]) -> Tree:
    tree = Tree(tmp_path)
    tree.write("etc/shadow", "root:secret:")
    tree.write("etc/passwd-", "")
    tree.write("etc/apt/sources.list", "")
    tree.write("var/lib/dpkg/status", "")
    tree.write("usr/share/doc/python3/copyright", "")
    tree.link("etc/resolv.conf", "/run/resolv.conf")
    finish(tree, Steps(remove=("usr/share/doc",), links={"usr/bin/cc": "gcc"}))
    return tree


def test_the_program_has_an_account_and_a_home(tree: Tree, owners: dict[str, int]) -> None:
    passwd = (tree.root / "etc/passwd").read_text().splitlines()

    assert "sandbox:x:1000:1000:sandbox:/workspace:/bin/sh" in passwd
    assert {line.split(":")[0] for line in passwd} == {"root", "sandbox", "nobody"}
    assert owners["workspace"] == 1000


def test_leftovers_and_secrets_are_gone(tree: Tree) -> None:
    assert not [
        path for path in ("etc/shadow", "etc/passwd-", "etc/apt", "usr/share/doc") if (tree.root / path).exists()
    ]
    assert sorted(path.name for path in (tree.root / "var").iterdir()) == ["cache", "lib", "tmp"]
    assert list((tree.root / "var" / "lib").iterdir()) == []


def test_mount_points_are_there_and_empty(tree: Tree) -> None:
    for name in ("proc", "dev", "sys", "run", "tmp", "workspace"):
        assert list((tree.root / name).iterdir()) == []
    assert stat.S_IMODE((tree.root / "tmp").stat().st_mode) == 0o1777


def test_there_is_no_network_to_resolve_names_of(tree: Tree) -> None:
    assert not (tree.root / "etc/resolv.conf").is_symlink()
    assert (tree.root / "etc/resolv.conf").read_text() == ""
    assert "127.0.0.1 localhost\n" in (tree.root / "etc/hosts").read_text()


def test_links_are_made(tree: Tree) -> None:
    assert (tree.root / "usr/bin/cc").readlink() == Path("gcc")
    assert (tree.root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Etc/UTC")
