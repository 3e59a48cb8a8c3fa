"""Which ids containers get, out of those that there are; and which a user has."""

from __future__ import annotations

import pytest

from sandboxd.linux import rootless
from sandboxd.runtime.identities import divide, id_maps
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
        ([(0, 1000, 1), (1, 100_000, 65536)], [(0, 1000, 1), (1, 100_000, 65536)], 21844),
        ([(0, 100_000, 65536)], [(0, 100_000, 65536)], 21844),  # id 0 is the server's
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
    ("maps", "containers", "templates", "general", "rows"),
    [
        (2048, 72, 4, 1024, [73] * 14),
        (100, 72, 4, 72, [3] * 9),
        (88, 72, 4, 72, [2] * 8),
        (87, 72, 4, 87, []),
        (72, 72, 4, 72, []),
        (2048, 72, 0, 2048, []),
    ],
)
def test_templates_have_rows_of_ids_of_their_own(maps, containers, templates, general, rows):
    """So that one that is told who it may become can become no owner of another's containers."""
    all_maps = id_maps(ALL, ALL, base=BASE, slots=maps)
    of_containers, made = divide(all_maps, containers, templates)
    owners = [
        {first + number * stride for number in range(count)} for first, count, stride in (row.owners for row in made)
    ]

    assert (general, rows) == (len(of_containers), [len(row.free) for row in made])
    assert [{ids.owner for ids in row.free} for row in made] == owners
    assert len({*(ids.owner for ids in of_containers)}.union(*owners)) == general + sum(rows)


def test_a_row_is_whole_while_nobody_has_any_of_it():
    _, rows = divide(id_maps(ALL, ALL, base=BASE, slots=88), 72, 4)
    ids = rows[0].free.pop()
    assert not rows[0].whole
    rows[0].free.append(ids)

    assert all(row.whole for row in rows)


def test_where_one_id_is_everybodys_there_are_no_rows():
    maps = id_maps([(0, 1000, 1)], [(0, 1000, 1)], base=BASE, slots=100)

    assert (maps, []) == divide(maps, 4, 4)


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

    assert ranges == list(rootless._ranges(str(path), 4321, "judge"))
    assert [] == list(rootless._ranges(str(tmp_path / "none"), 4321, "judge"))
