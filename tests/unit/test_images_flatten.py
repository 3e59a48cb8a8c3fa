"""Putting a layer over a tree undoes what taking the tree out of another has made a layer of."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from sandboxd.images.flatten import put_over
from sandboxd.images.subtract import subtract
from tests.unit.archives import listing

NEWS_NS = 1_700_000_000_000_000_000


def make(place: Path, **content: str | int | dict[str, object] | None) -> Path:
    """Make a directory: text is a file, a number an empty one of that mode, ``None`` a link to nowhere."""
    place.mkdir()
    for name, value in content.items():
        if isinstance(value, dict):
            make(place / name, **value)  # type: ignore[arg-type]
        elif value is None:
            (place / name).symlink_to("nowhere")
        else:
            (place / name).write_text(str(value))
            (place / name).chmod(value if isinstance(value, int) else 0o644)
    return place


def with_modes(place: Path) -> dict[str, tuple[int, str]]:
    """Return mode and content of all that is in a directory."""
    return {path: ((place / path).lstat().st_mode, content) for path, content in listing(place).items()}


@pytest.mark.parametrize(
    "after",
    [
        {"a": "1", "d": {"x": "1", "y": {"z": "1"}}, "l": None},
        {},
        {"a": "2", "d": {"x": "1", "y": {}}, "l": None, "new": {"n": "1"}},
        {"a": {"now": "a directory"}, "d": "now a file", "l": {"now": "a directory"}},
        {"a": None, "d": None, "l": "now a file"},
        {"a": 0o4755, "d": {"x": 0o600, "y": {"z": "1", "more": None}}, "l": None},
    ],
    ids=str,
)
def test_it_undoes_a_subtraction(tmp_path, after):
    below = make(tmp_path / "below", a="1", d={"x": "1", "y": {"z": "1"}}, l=None)
    wanted = make(tmp_path / "wanted", **after)
    layer = shutil.copytree(wanted, tmp_path / "layer", symlinks=True)
    subtract(layer, below)

    put_over(layer, below)

    assert with_modes(wanted) == with_modes(below)


def test_a_directory_becomes_what_the_layer_has_it_be(tmp_path):
    below, layer = make(tmp_path / "below", d={"x": "1"}), make(tmp_path / "layer", d={})
    (layer / "d").chmod(0o1711)
    os.utime(layer / "d", ns=(NEWS_NS, NEWS_NS))

    put_over(layer, below)

    status = (below / "d").stat()
    assert (0o1711, NEWS_NS, ["x"]) == (stat.S_IMODE(status.st_mode), status.st_mtime_ns, os.listdir(below / "d"))
