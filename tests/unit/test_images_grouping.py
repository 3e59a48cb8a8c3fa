"""Which layers are one file: every one where there are few, and of many what other images have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.images.grouping import MOST_OWN, spans

SINGLE = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def grouped(count: int, *, common: int = 0, known: tuple[int, ...] = (), sizes: list[int] | None = None) -> list[tuple[int, int]]:  # fmt: skip
    return spans(sizes or [1] * count, common=lambda: common, is_known=lambda span: span in [(5, end) for end in known])


@pytest.mark.parametrize("count", range(MOST_OWN + 1))
def test_few_layers_have_a_file_each(count: int) -> None:
    assert grouped(count, common=count) == [(number, number + 1) for number in range(count)]


def test_of_many_the_lowest_have() -> None:
    assert grouped(20) == grouped(20, common=4) == [*SINGLE, (5, 6)]


def test_what_another_image_has_is_one() -> None:
    assert grouped(20, common=18) == [*SINGLE, (5, 18)]
    assert grouped(20, common=20) == [*SINGLE, (5, 20)]


def test_a_file_that_is_there_is_taken_if_it_has_more_than_it_lacks() -> None:
    assert grouped(20, common=18, known=(6, 12)) == [*SINGLE, (5, 12)]
    assert grouped(20, common=18, known=(6, 11)) == [*SINGLE, (5, 18)]
    assert grouped(20, known=(6, 11, 15)) == [*SINGLE, (5, 15)]


def test_it_is_bytes_that_count() -> None:
    assert grouped(20, common=18, known=(6,), sizes=[*[1] * 5, 100, *[1] * 14]) == [*SINGLE, (5, 6)]


@given(
    st.lists(st.integers(0, 9), max_size=30),
    st.integers(0, 30),
    st.sets(st.tuples(st.integers(0, 30), st.integers(0, 30))),
)
def test_they_are_the_lowest_without_a_gap(sizes: list[int], common: int, known: set[tuple[int, int]]) -> None:
    found = spans(sizes, common=lambda: min(common, len(sizes)), is_known=known.__contains__)

    assert len(found) <= MOST_OWN
    assert [begin for begin, _ in found] == [0, *(end for _, end in found)][: len(found)]
    assert all(begin < end <= len(sizes) for begin, end in found)
