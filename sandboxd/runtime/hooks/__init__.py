"""What holds a runtime up before it looks at its program, so that it can be a template: a file for each runtime.

A hook is found by its name without the ending. It runs in the image, in the image's language; ``template.py`` has what is said to it.
"""

from __future__ import annotations

import errno
from pathlib import Path

from sandboxd.errors import SetupFailed

_LINES = ".pth"
"""Of these files ``site`` executes each line that begins with ``import``."""
_DIRECTORY = Path(__file__).parent


def read_hook(name: str) -> bytes:
    """Return the code of a hook. SetupFailed where there is none of this name: images say which they want."""
    found = [path for path in _DIRECTORY.iterdir() if path.stem == name and path.suffix and not name.startswith("_")]
    if len(found) != 1:
        raise SetupFailed("read_hook", errno.ENOENT, f"there is no hook {name!r}")
    return found[0].read_bytes()


def as_file(hook: bytes, place: str) -> bytes:
    """Return what the file in the hook's place has in it: the hook; a .pth file, a line that executes it."""
    if not place.endswith(_LINES):
        return hook
    names = {"__name__": "template", "__file__": place}
    return f"import sys; exec({hook.decode()!a}, {names!a})\n".encode()
