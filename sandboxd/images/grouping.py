"""Which layers of an image are one file: an image can have so many, and those that others have should be files of their own.

Pure: what is known is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from sandboxd.model import MOST_LAYERS

MOST_OWN = MOST_LAYERS - 2
"""Files for layers alone. One is for those above them, and one is left for who builds on the image."""

Span = tuple[int, int]
"""The first layer of a file, and the first that is not in it any more."""


def spans(sizes: Sequence[int], *, common: Callable[[], int], is_known: Callable[[Span], bool]) -> list[Span]:
    """Return what is in which file, the lowest first; what is above the last goes with what every image has.

    ``sizes`` are of all layers, in bytes; ``common`` tells how many of them another image has, and ``is_known`` whether there is a file of
    these. Where each layer can be one, each is. Otherwise the lowest are, and the last file has all that another image has above
    them, or as much of it as another file has, if that is more than half of it: so images of a base of many layers share two files of it.
    """
    count = len(sizes)
    if count <= MOST_OWN:
        return _single(count)
    first = MOST_OWN - 1
    known = max((end for end in range(first + 1, count + 1) if is_known((first, end))), default=first)
    end = max(common(), first + 1)
    if known > first and sum(sizes[first:known]) >= sum(sizes[known:end]):
        end = known
    return [*_single(first), (first, end)]


def _single(count: int) -> list[Span]:
    return list(pairwise(range(count + 1)))
