"""How much an image from elsewhere may make of this host's disk and time."""

from __future__ import annotations

from dataclasses import dataclass

from sandboxd.errors import InvalidImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Bounds, each of an image as a whole unless it says otherwise. What goes beyond one is refused, never cut."""

    total_bytes: int = 20 << 30
    """Of all layers once they are decompressed, headers and filling included: whatever a few bytes blow up to counts."""
    entries: int = 2_000_000
    """Of all layers, those that a layer above hides included."""
    path_bytes: int = 2048
    """Of one path. The kernel takes 4095, but tools of this host see the path below that of the store."""
    depth: int = 256
    """Names in one path."""
    header_bytes: int = 1 << 20
    """Of one extended header, with a long name or attributes; it is read into memory."""
    whiteout_bytes: int = 64 << 20
    """Of the paths that one layer takes away; they are kept in memory while it is read."""


NAME_BYTES = 255
"""Of one name in a path: no file system takes more."""


class Budget:
    """What is left of an image's caps while its layers are read, one after another."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self._bytes, self._entries = caps.total_bytes, caps.entries

    @property
    def spent(self) -> tuple[int, int]:
        """How many bytes and entries were taken."""
        return self.caps.total_bytes - self._bytes, self.caps.entries - self._entries

    def take_bytes(self, count: int) -> None:
        """Spend so many bytes. InvalidImage where there are not so many left."""
        self._bytes -= count
        if self._bytes < 0:
            raise InvalidImage(f"more than {self.caps.total_bytes} bytes once decompressed")

    def take_entry(self, count: int = 1) -> None:
        """Spend one entry, or so many. InvalidImage where there are not so many left."""
        self._entries -= count
        if self._entries < 0:
            raise InvalidImage(f"more than {self.caps.entries} entries")
