"""User namespaces: which ids there are in this process's own. See user_namespaces(7). Cheap to import; the launcher does."""

from __future__ import annotations

Extent = tuple[int, int, int]
"""As the kernel writes a map: first id inside, first id outside, how many."""
IDS_OF_A_CONTAINER = 3
"""Of its root, its init and its program, where there are not many."""
_ALL_IDS = 2**32 - 1


def is_initial() -> bool:
    """Return whether this process is in the host's own user namespace."""
    return read_map("uid") == [(0, 0, _ALL_IDS)]


def read_map(kind: str) -> list[Extent]:
    """Return the map of this process's own user namespace; ``kind`` is ``uid`` or ``gid``."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as lines:
        return [(int(inside), int(outside), int(count)) for inside, outside, count in map(str.split, lines)]


def has_several_ids() -> bool:
    """Return whether this process's own user namespace has users and groups enough for a container beside this one: three."""
    return all(sum(count for _, _, count in read_map(kind)) > IDS_OF_A_CONTAINER for kind in ("uid", "gid"))
