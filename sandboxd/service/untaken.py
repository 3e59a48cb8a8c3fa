"""Answers that their callers have not taken yet, bounded: by caller, so that one that takes nothing has only itself to blame, and in total.

An answer lies in memory until the caller's connection has room for it, which is for ever where the caller does not read. The slot of its
execution is free by then. So who has too much here gets nothing more until it has taken some: no call, and no turn of what waits.
"""

from __future__ import annotations

from collections import Counter

from sandboxd.errors import Overloaded
from sandboxd.model import MIB

OF_ONE_BYTES = 128 * MIB
OF_ALL_BYTES = 512 * MIB
A_SLOT_BYTES = 64 * MIB
"""What ends after the bound was met comes on top: an answer of each slot. In total there is room for that, so no caller can use it up alone."""
BESIDE_BYTES = 24 << 10
"""What gRPC keeps of a call whose answer is not taken, however small that is."""
RETRY_AFTER_S = 1.0


class Untaken:
    """How many bytes of answers each caller has not taken. Made once a server."""

    def __init__(self, *, slots: int) -> None:
        self._most = OF_ALL_BYTES + slots * A_SLOT_BYTES
        self._of: Counter[str] = Counter()
        self._total = 0

    def has_room(self, caller: str) -> bool:
        """Whether little enough is not taken that this caller may get more."""
        return self._of[caller] < OF_ONE_BYTES and self._total < self._most

    def check(self, caller: str) -> None:
        """Raise Overloaded where there is no room."""
        if not self.has_room(caller):
            reason = f"{self._of[caller]} bytes of answers to this client have not been read, and {self._total} of all"
            raise Overloaded(reason, retry_after_s=RETRY_AFTER_S)

    def add(self, caller: str, size_bytes: int) -> None:
        """Count an answer from now on."""
        self._of[caller] += size_bytes + BESIDE_BYTES
        self._total += size_bytes + BESIDE_BYTES

    def remove(self, caller: str, size_bytes: int) -> None:
        """Count it no more: it has been taken, or cannot be."""
        self._of[caller] -= size_bytes + BESIDE_BYTES
        self._total -= size_bytes + BESIDE_BYTES
        if not self._of[caller]:
            del self._of[caller]
