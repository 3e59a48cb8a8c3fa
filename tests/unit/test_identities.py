"""Which ids containers get, out of those that there are; and which a user has."""

from __future__ import annotations

import pytest

from sandboxd.linux import user_namespace
from sandboxd.runtime.identities import id_maps
from sandboxd.runtime.spec import INIT_UID, PROGRAM_UID, IdMap

ALL = [(0, 0, 2**32 - 1)]
BASE = 0x70000000


def test_root_of_the_host_has_a_range_for_each():
    first, second = id_maps(ALL, ALL, base=BASE, slots=2)

    assert [((0, BASE, 65536),), ((0, BASE + 65536, 65536),)] == [first.extents, second.extents]
    assert (BASE, BASE + 1000, 0, INIT_UID) == (first.outside(0), first.outside(PROGRAM_UID), first.root, first.init)
    assert not first.single


@pytest.mark.parametrize(
    ("uids", "gids", "count"),
    [
        ([(0, 1000, 1), (1, 100_000, 65536)], [(0, 1000, 1), (1, 100_000, 65536)], 21845),
        ([(0, 100_000, 65536)], [(0, 100_000, 65536)], 21845),  # id 0 is the server's
        ([(0, 1000, 1), (1, 100_000, 6)], [(0, 1000, 1), (1, 100_000, 600)], 2),
        ([(0, 1000, 1), (1, 100_000, 600)], [(0, 1000, 1), (1, 100_000, 6)], 2),
        ([(0, 1000, 1), (1, 100_000, 3), (4, 300_000, 3)], [(0, 1000, 7)], 2),
    ],
)
def test_few_ids_are_three_for_each(uids, gids, count):
    maps = id_maps(uids, gids, base=BASE, slots=2**16)
    outside = [mapped.outside(inside) for mapped in maps for inside in (0, INIT_UID, PROGRAM_UID)]

    assert count == len(maps)
    assert len(outside) == len(set(outside))
    for extents in (uids, gids):
        assert all(any(first <= number < first + size for first, _, size in extents) for number in outside)
    assert 0 not in outside
    with pytest.raises(KeyError):
        maps[0].outside(1)


def test_no_more_maps_than_slots():
    assert 5 == len(id_maps([(0, 1000, 1), (1, 100_000, 65536)], ALL, base=BASE, slots=5))


def test_one_id_is_everybodys():
    maps = id_maps([(0, 1000, 1)], [(0, 1000, 1)], base=BASE, slots=3)

    assert [IdMap(((PROGRAM_UID, 0, 1),))] * 3 == maps
    assert (True, PROGRAM_UID, PROGRAM_UID) == (maps[0].single, maps[0].root, maps[0].init)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("judge:100000:65536\n", [(100000, 65536)]),
        ("4321:100000:65536\njudge:200000:10\n", [(100000, 65536), (200000, 10)]),
        ("judges:1:2\nother:3:4\n", []),
        ("# judge\n\njudge\njudge:\njudge:x:1\njudge:-1:5\njudge:1:\n", []),
    ],
)
def test_subordinate_ids_are_read_as_subuid_5_has_them(tmp_path, text, ranges):
    path = tmp_path / "subuid"
    path.write_text(text)

    assert ranges == list(user_namespace._ranges(str(path), 4321, "judge"))
    assert [] == list(user_namespace._ranges(str(tmp_path / "none"), 4321, "judge"))
