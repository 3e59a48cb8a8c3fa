"""Scripts made by this process itself, without the program in C: for tests of what is in them. It is what a script means, in Python."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
from collections.abc import Callable

from sandboxd.linux.script import MOST_DESCRIPTORS, Cell, Script

_HEAD = struct.Struct("<4I")
_CALL = struct.Struct("<hBB6B2B2H3I")
_LIMIT, _COPY = -1, -2
_ADDRESS, _CELL = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(OSError):
    """A call failed; ``filename`` is what it was about."""

    def __init__(self, number: int, step: str, about: str) -> None:
        super().__init__(number, os.strerror(number), about)
        self.step = step


def perform(write: Callable[[Script], object]) -> None:
    """Have a script written, and do what it says. Failed where a call fails."""
    script = Script()
    write(script)
    run(script.finish())


def run(message: bytes, wanted: Cell | None = None, descriptors: tuple[int, ...] = ()) -> int:
    """Do what a script says, to which these descriptors came. Returns what is in the cell that is wanted, at the end."""
    buffer = ctypes.create_string_buffer(message, len(message))
    base = ctypes.addressof(buffer)
    calls, end, addresses, count = _HEAD.unpack_from(message)
    struct.pack_into(f"<{len(descriptors)}i", buffer, _HEAD.size, *descriptors)
    for place in struct.unpack_from(f"<{count}I", message, addresses):
        (offset,) = struct.unpack_from("<Q", buffer, place)
        struct.pack_into("<Q", buffer, place, base + offset)
    left_out = 0
    while calls < end:
        number, size, skip, *rest = _CALL.unpack_from(message, calls)
        kinds, skips, tolerated, (step, about, result) = rest[:6], rest[6:8], rest[8:10], rest[10:]
        values = struct.unpack_from(f"<{size}Q", message, calls + _CALL.size)
        calls += _CALL.size + 8 * size
        if left_out:
            left_out -= 1
            continue
        arguments = [_argument(buffer, base, kind, value) for kind, value in zip(kinds, values, strict=False)]
        code = _call(number, arguments, end)
        if code < 0:
            if -code not in tolerated:
                raise Failed(-code, _text(base, step), _text(base, about) if about else "")
            left_out = skips[tolerated.index(-code)]
            continue
        left_out = skip
        if result:
            struct.pack_into("<i", buffer, result, code)
    return int(struct.unpack_from("<i", buffer, wanted.offset)[0]) if wanted is not None else -1


def _argument(buffer: ctypes.Array[ctypes.c_char], base: int, kind: int, value: int) -> int:
    if kind == _CELL:
        return int(struct.unpack_from("<i", buffer, value)[0])
    return base + value if kind == _ADDRESS else value


def _call(number: int, arguments: list[int], end: int) -> int:
    """Return what a call returns, or its errno, negative."""
    if number == _LIMIT:
        most = resource.getrlimit(arguments[0])[1]
        value = arguments[1] if most == resource.RLIM_INFINITY else min(arguments[1], most)
        resource.setrlimit(arguments[0], (value, value))
        return 0
    if number == _COPY:
        to, source, offset, size = arguments
        os.write(to, os.pread(source, size, end + offset))
        return 0
    code = int(_libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments)))
    return -(ctypes.get_errno() or errno.EINVAL) if code == -1 else code


def _text(base: int, offset: int) -> str:
    return os.fsdecode(ctypes.string_at(base + offset))


def program_of(message: bytes) -> tuple[list[str], list[str], str]:
    """Return what a START is to exec: command line, environment, and the text of PATH."""
    arguments, environment, path = struct.unpack_from("<3I", message, _HEAD.size + 4 * MOST_DESCRIPTORS)
    return _texts(message, arguments), _texts(message, environment), _read(message, path)


def _texts(message: bytes, offset: int) -> list[str]:
    """Return the texts that an array of their offsets leads to, as they are before they become addresses."""
    texts = []
    while (place := struct.unpack_from("<Q", message, offset)[0]) != 0:
        texts.append(_read(message, place))
        offset += 8
    return texts


def _read(message: bytes, offset: int) -> str:
    return os.fsdecode(message[offset : message.index(0, offset)])
