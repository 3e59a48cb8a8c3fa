"""How much of answers may lie in memory because nobody takes them."""

from __future__ import annotations

from sandboxd.errors import Overloaded
from sandboxd.service.untaken import A_SLOT_BYTES, BESIDE_BYTES, OF_ALL_BYTES, OF_ONE_BYTES, Untaken


def refuses(untaken, caller):
    try:
        untaken.check(caller)
    except Overloaded as error:
        return error.retry_after_s > 0
    return False


def test_who_takes_nothing_gets_no_more_until_it_has_taken_some():
    untaken = Untaken(slots=2)
    untaken.add("one", OF_ONE_BYTES)
    untaken.add("one", 1)

    assert refuses(untaken, "one")
    assert not refuses(untaken, "another")
    untaken.remove("one", OF_ONE_BYTES)
    assert not refuses(untaken, "one")


def test_answers_that_are_small_are_counted_with_what_a_call_takes():
    untaken = Untaken(slots=2)
    for _ in range(OF_ONE_BYTES // BESIDE_BYTES + 1):
        untaken.add("one", 0)

    assert refuses(untaken, "one")


def test_all_together_have_a_bound_that_none_meets_alone():
    """Who was let in before it met its own bound may have an answer of each slot on top."""
    untaken = Untaken(slots=2)
    untaken.add("one", OF_ONE_BYTES + 2 * A_SLOT_BYTES)
    assert not refuses(untaken, "another")
    for number in range(OF_ALL_BYTES // OF_ONE_BYTES):
        untaken.add(f"caller {number}", OF_ONE_BYTES)

    assert refuses(untaken, "another")


def test_nothing_is_kept_of_who_has_taken_all():
    untaken = Untaken(slots=2)
    for number in range(10):
        untaken.add(f"caller {number}", number)
        untaken.remove(f"caller {number}", number)
        untaken.check("somebody else")

    assert not untaken._of
    assert 0 == untaken._total


def test_who_has_little_is_not_refused():
    untaken = Untaken(slots=2)
    untaken.add("one", OF_ONE_BYTES - BESIDE_BYTES - 1)

    assert not refuses(untaken, "one")
