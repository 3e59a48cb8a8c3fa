"""Files out of a workspace: that neither globs nor names have the collector work for long."""

from __future__ import annotations

import os

import pytest

from sandboxd.runtime import glob, workspace

CAPS = workspace.Caps(total_bytes=1 << 20, files=1000)
STEPS = 20_000


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return who makes files in a workspace, below so many directories, and collects them with few steps."""
    monkeypatch.setattr(workspace, "MAX_STEPS", STEPS)

    def collect(globs, names, *above):
        directory = tmp_path.joinpath("workspace", *above)
        directory.mkdir(parents=True)
        for name in names:
            (directory / name).touch()
        root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return workspace.collect(root, globs, CAPS)
        finally:
            os.close(root)

    return collect


@pytest.fixture
def looks(monkeypatch):
    """Return the places that names are held against, each with the length of the name, as they are."""
    seen, enter = [], glob.Glob.enter

    def noted(self, places, name):
        seen.extend(len(name) for _ in places)
        return enter(self, places, name)

    monkeypatch.setattr(glob.Glob, "enter", noted)
    return seen


def reasons(collected):
    return {skipped.reason for skipped in collected.skipped}


def test_places_count(tree, looks):
    """A pattern of 64 components is a place for each of them, where directories match them all."""
    globs = ["**/*a/" * 31 + f"**/*{number}*z" for number in range(32)]

    collected = tree(globs, [f"{number:03}b" for number in range(200)], *["a"] * 33)

    assert {workspace.TOO_MANY} == reasons(collected)
    assert STEPS // 2 < len(looks) <= STEPS


def test_lengths_count(tree, looks):
    """What is searched in a long name for a long text takes as long as sixty places."""
    collected = tree(["*" + "a" * 125 + "b"], [f"{'a' * 250}{number:03}" for number in range(500)])

    assert {workspace.TOO_MANY} == reasons(collected)
    assert len(looks) < STEPS / 60


def test_patterns_are_compiled_only_as_far_as_there_are_steps(tree, monkeypatch):
    compiled, translate = [], glob.fnmatch.translate
    monkeypatch.setattr(glob.fnmatch, "translate", lambda name: compiled.append(len(name)) or translate(name))

    collected = tree([f"{'*a' * 50}{number}" for number in range(256)], ["a"])

    assert {workspace.TOO_MANY} == reasons(collected)
    assert sum(compiled) < STEPS / 2


def test_what_is_out_of_reach_is_not_compiled(tree, monkeypatch):
    monkeypatch.setattr(glob.fnmatch, "translate", lambda name: pytest.fail(f"{name} was compiled"))

    collected = tree(["a/b/c", "b/*"], ["c"], "a", "b")

    assert ["a/b/c"] == [file.path for file in collected.files]


def test_many_plain_globs_are_within_the_steps(tree):
    names = [f"{number:03}" for number in range(256)]

    collected = tree([f"out/{name}" for name in names], names[:70], "out")

    assert (names[:70], ()) == ([file.path.removeprefix("out/") for file in collected.files], collected.skipped)


def test_a_cross_of_directories_that_is_written_twice_is_one_place():
    assert glob.Glob("**").start == glob.Glob("/".join(["**"] * 64)).start
