"""Names of a layer's entries: where below the root they lead, and which of them take something away."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sandboxd.errors import InvalidImage, shown
from sandboxd.images.oci.caps import NAME_BYTES, Caps

_WHITEOUT = b".wh."
_META = b".wh..wh."  # AUFS's own books, in images of the years when Docker ran on it
_OPAQUE = b".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Whiteout:
    """What an entry takes away of the layers below."""

    path: bytes
    is_opaque: bool
    """All that is in the directory ``path``; otherwise ``path`` itself."""


def clean(name: bytes, caps: Caps, what: str = "entry") -> bytes:
    """Return a path relative to the root, with neither ``.`` nor empty names; b"" is the root itself.

    A leading slash is the root's. InvalidImage where the path has ``..``, which no archiver writes, has a NUL, or is beyond
    the caps.
    """
    names = [part for part in name.split(b"/") if part not in (b"", b".")]
    path = b"/".join(names)
    if b".." in names:
        raise _refused(what, name, "'..' would lead out of the root")
    if not name or b"\0" in name:
        raise _refused(what, name, "has a NUL in its name" if name else "has no name")
    if len(path) > caps.path_bytes:
        raise _refused(what, name, f"its path has more than {caps.path_bytes} bytes")
    if len(names) > caps.depth:
        raise _refused(what, name, f"its path has more than {caps.depth} names")
    if len(path) > NAME_BYTES and max(map(len, names)) > NAME_BYTES:
        raise _refused(what, name, f"has a name of more than {NAME_BYTES} bytes")
    return path


def whiteout(path: bytes) -> Whiteout | None:
    """Return what a clean path takes away, None if it does not. InvalidImage where that could be its directory or the root."""
    if _WHITEOUT not in path:
        return None
    directory, _, name = path.rpartition(b"/")
    if name == _OPAQUE:
        return Whiteout(directory, is_opaque=True)
    if not name.startswith(_WHITEOUT):
        return None
    hidden = name.removeprefix(_WHITEOUT)
    if hidden in (b"", b".", b".."):
        raise _refused("whiteout", path, "it names no entry of its directory")
    return Whiteout(directory + b"/" + hidden if directory else hidden, is_opaque=False)


def is_bookkeeping(path: bytes) -> bool:
    """Whether a clean path is AUFS's own, and nothing that a container saw."""
    return _META in path and any(name.startswith(_META) and name != _OPAQUE for name in path.split(b"/"))


def check_above(path: bytes) -> None:
    """InvalidImage where a directory above would have the name of a whiteout: no tool writes it, and readers differ."""
    if _WHITEOUT in path and any(name.startswith(_WHITEOUT) for name in path.split(b"/")[:-1]):
        raise _refused("entry", path, "lies below a whiteout")


def show(path: bytes) -> str:
    """Quote a path for a message."""
    return shown(os.fsdecode(path))


def _refused(what: str, name: bytes, why: str) -> InvalidImage:
    return InvalidImage(f"{what} {show(name)}: {why}")
