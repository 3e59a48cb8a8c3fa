"""Paths of files that want the same place."""

from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sandboxd.paths import MAX_DEPTH, MAX_PATH_BYTES, Places, problem

DUPLICATE, BOTH = "duplicate of {}", "one name is both a file and a directory: see {}"


def expected(taken: list[tuple[str, str]], path: str) -> str | None:
    """Say what is wrong with one more path by trying all that were taken."""
    for other, field in taken:
        if other == path:
            return DUPLICATE.format(field)
        if path.startswith(f"{other}/") or other.startswith(f"{path}/"):
            return BOTH.format(field)
    return None


names = st.sampled_from(["a", "b", "a.", "a b", "\x01", "é", "\U00010000"])


@given(st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=12))
def test_is_what_trying_all_finds(paths: list[str]) -> None:
    places, taken = Places(), []
    for index, path in enumerate(paths):
        field = f"files[{index}].path"
        wrong = expected(taken, path)
        assert wrong == places.take(path, field), (path, taken)
        if wrong is None:
            taken.append((path, field))


def test_deep_paths_take_little_more_memory_than_their_text() -> None:
    paths = ["/".join([f"{number:05}{'a' * 58}", *["b" * 63] * (MAX_DEPTH - 1)]) for number in range(200)]
    assert (None, MAX_PATH_BYTES - 1) == (problem(paths[0]), len(paths[0]))

    places = Places()
    tracemalloc.start()
    try:
        assert not any(places.take(path, "files[0].path") for path in paths)
        assert tracemalloc.get_traced_memory()[1] < 2 * sum(map(sys.getsizeof, paths))
    finally:
        tracemalloc.stop()
