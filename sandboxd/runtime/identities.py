"""Which ids outside the users of each container have: as many ids as there are to be had.

- 65,536 each, where the server may use any id: the host's root.
- Three each, where it has few: root, init and the program. So has an ordinary user with subordinate ids.
- One for all, where it has no other than its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandboxd.linux.user_namespace import IDS_OF_A_CONTAINER as FEW_IDS
from sandboxd.linux.user_namespace import Extent
from sandboxd.runtime.spec import IDS_PER_CONTAINER, INIT_UID, PROGRAM_UID, IdMap


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


def _has(extents: Sequence[Extent], first: int, count: int) -> bool:
    return any(inside <= first and first + count <= inside + size for inside, _, size in extents)


def _threes(uids: Sequence[Extent], gids: Sequence[Extent]) -> list[int]:
    """List the first of three ids each, from the end of those that are there: the lower ones have other users."""
    return [
        first
        for inside, _, size in uids
        for first in range(inside + size - FEW_IDS, max(inside, 1) - 1, -FEW_IDS)
        if _has(gids, first, FEW_IDS)
    ]
