"""Which ids outside the users of each container have: as many ids as there are to be had.

- 65,536 each, where the server may use any id: the host's root.
- Three each, where it has few: root, init and the program. So has an ordinary user with subordinate ids.
- One for all, where it has no other than its own.

A template may become whoever owns the container that a fork of it is to enter. So that it can become nobody else, it and those containers have
a row of ids that no other container has (:class:`Row`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sandboxd.linux.user_namespace import IDS_OF_A_CONTAINER as FEW_IDS
from sandboxd.linux.user_namespace import Extent
from sandboxd.runtime.spec import IDS_PER_CONTAINER, INIT_UID, PROGRAM_UID, IdMap

_SMALLEST_ROW = 2  # a template and one fork


def id_maps(uids: Sequence[Extent], gids: Sequence[Extent], *, base: int, slots: int) -> list[IdMap]:
    """Choose the maps for at most ``slots`` containers out of the ids that this process's namespace has.

    ``base`` is where ranges of 65,536 begin, if those ids are there.
    """
    if all(_has(extents, base, slots * IDS_PER_CONTAINER) for extents in (uids, gids)):
        firsts = [base + slot * IDS_PER_CONTAINER for slot in range(slots)]
        return [IdMap(((0, first, IDS_PER_CONTAINER),)) for first in firsts]
    few = [
        IdMap(((0, first, 1), (INIT_UID, first + 1, 1), (PROGRAM_UID, first + 2, 1)))
        for first in _threes(uids, gids)[:slots]
    ]
    return few or [IdMap(((PROGRAM_UID, 0, 1),))] * slots


class Row:
    """The ids of one template and of the containers with its forks."""

    def __init__(self, maps: Sequence[IdMap], owners: tuple[int, int, int]) -> None:
        self.owners = owners
        """As :func:`owners_of` says it."""
        self._size, self.free = len(maps), list(reversed(maps))
        """Those that nobody has: who takes one puts it back when it has ended."""

    @property
    def whole(self) -> bool:
        """Whether nobody has any of them, so that another template may."""
        return len(self.free) == self._size


def divide(maps: Sequence[IdMap], containers: int, templates: int) -> tuple[Sequence[IdMap], list[Row]]:
    """Return the maps of containers, of which there are to be so many at least, and rows for so many templates, twice: one ends while another begins.

    Half of the maps are for rows, if that leaves enough. There are none where the maps are too few, or no such row.
    """
    rest = maps[max(containers, len(maps) // 2) :]
    size = min(containers + 1, len(rest) // (2 * templates)) if templates else 0
    if size < _SMALLEST_ROW:
        return maps, []
    parts = [rest[begin : begin + size] for begin in range(0, len(rest) - size + 1, size)]
    rows = [Row(part, owners) for part in parts if (owners := owners_of(part)) is not None]
    return (maps[: len(maps) - len(rest)], rows) if rows else (maps, [])


def owners_of(maps: Sequence[IdMap]) -> tuple[int, int, int] | None:
    """Return the owners of the containers' user namespaces: the first, how many, and how far from one to the next.

    None where they are no such row, or not apart from the launcher's own: then no one may be let become just these.
    """
    owners = sorted({ids.owner for ids in maps})
    if any(ids.single for ids in maps) or len(owners) < 2:  # noqa: PLR2004
        return None
    stride = owners[1] - owners[0]
    if owners != list(range(owners[0], owners[-1] + 1, stride)):
        return None
    return owners[0], len(owners), stride


def _has(extents: Sequence[Extent], first: int, count: int) -> bool:
    return any(inside <= first and first + count <= inside + size for inside, _, size in extents)


def _threes(uids: Sequence[Extent], gids: Sequence[Extent]) -> list[int]:
    """List the first of three ids each, from the end of those that are there: the lower ones have other users."""
    return [
        first
        for inside, _, size in uids
        for first in range(inside + size - FEW_IDS, max(inside, 1) - 1, -FEW_IDS)
        if _has(gids, first, FEW_IDS)
        and PROGRAM_UID not in range(first, first + FEW_IDS)  # which every template may become
    ]
