"""Archives for tests: what tarfile writes, and what no tool would."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.layers import Layer

BLOCK = 512
END = b"\0" * 2 * BLOCK
Item = tuple[str, str] | tuple[str, str, Any] | tuple[str, str, Any, dict[str, Any]]
_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "char": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
}


def archive(*items: Item, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Make an archive of (name, kind, content or target, fields of TarInfo). Owned by who runs the tests."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for item in items:
            name, kind, content, fields = (*item, *("", {})[len(item) - 2 :])
            info = tarfile.TarInfo(name)
            info.type = _TYPES[kind]
            info.uid, info.gid = os.geteuid(), os.getegid()
            info.mode = 0o755 if kind == "directory" else 0o644
            data = b""
            if kind == "file":
                data = content if isinstance(content, bytes) else str(content).encode()
                info.size = len(data)
            elif kind in ("symlink", "hardlink"):
                info.linkname = content
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def header(name: bytes = b"x", **over: bytes) -> bytes:
    """One header with any bytes in any field, and the checksum that fits."""
    fields = {
        "name": (name, 100),
        "mode": (b"0000644", 8),
        "uid": (b"%07o" % os.geteuid(), 8),
        "gid": (b"%07o" % os.getegid(), 8),
        "size": (b"0" * 11, 12),
        "mtime": (b"0" * 11, 12),
        "checksum": (b" " * 8, 8),
        "type": (b"0", 1),
        "link": (b"", 100),
        "magic": (b"ustar\x0000", 8),
        "rest": (b"", 247),
    }
    block = b"".join(over.get(field, value).ljust(length, b"\0")[:length] for field, (value, length) in fields.items())
    block = block.ljust(BLOCK, b"\0")
    if "checksum" not in over:
        block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    return block


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % BLOCK)


def special(kind: bytes, data: bytes) -> bytes:
    """An extended header of any kind, with its data."""
    return header(b"extended", type=kind, size=b"%011o" % len(data)) + padded(data)


def pax(**records: bytes) -> bytes:
    """An extended header. Dots in keys are written __."""
    data = b""
    for key, value in records.items():
        record = b" %s=%s\n" % (key.replace("__", ".").encode(), value)
        length = len(record) + 1
        while len(b"%d" % length) + len(record) != length:
            length += 1
        data += b"%d" % length + record
    return special(b"x", data)


def _gzip(data: bytes) -> bytes:
    """Always the same of the same."""
    return gzip.compress(data, mtime=0)


def add_layer(blobs: Blobs, data: bytes, compress: Any = _gzip) -> Layer:
    return Layer(digest=blobs.add(compress(data)), diff_id=digest_of(data))


def listing(root: Path) -> dict[str, str]:
    """What is in a tree: a directory "/", a link "-> target", a file its content."""
    found = {}
    for directory, subdirectories, files in os.walk(root):
        for name in [*subdirectories, *files]:
            path = Path(directory, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                shown = f"-> {os.readlink(path)}"
            elif stat.S_ISDIR(mode):
                shown = "/"
            else:
                shown = path.read_text(errors="replace") if stat.S_ISREG(mode) else "special"
            found[str(path.relative_to(root))] = shown
    return found
