"""System calls as data: what a process without an interpreter does, call after call. ``runtime/init.c`` makes them.

A script is one message: a head, the calls, and what they are about, such as paths. An argument of a call is a number, an address in the
message, or the number in one of its cells, which a descriptor that comes with the message is put into, or the result of an earlier call.
A call that fails ends it all, unless its error is one that is expected: after that one, as after a success, some calls may be left out.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_DESCRIPTORS = 32
"""That come with a message."""

# asm/unistd.h. Those from 424 on are the same on every machine.
_X86_64 = {
    "write": 1, "close": 3, "ioctl": 16, "execve": 59, "chdir": 80, "fchmod": 91, "setresuid": 117, "setresgid": 119, "capset": 126,
    "setgroups": 116, "pivot_root": 155, "prctl": 157, "mount": 165, "umount2": 166, "sethostname": 170, "openat": 257, "mkdirat": 258,
    "unlinkat": 263, "unshare": 272, "dup3": 292, "rt_sigprocmask": 14, "seccomp": 317, "fcntl": 72,
}  # fmt: skip
_AARCH64 = {
    "write": 64, "close": 57, "ioctl": 29, "execve": 221, "chdir": 49, "fchmod": 52, "setresuid": 147, "setresgid": 149, "capset": 91,
    "setgroups": 159, "pivot_root": 41, "prctl": 167, "mount": 40, "umount2": 39, "sethostname": 161, "openat": 56, "mkdirat": 34,
    "unlinkat": 35, "unshare": 97, "dup3": 24, "rt_sigprocmask": 135, "seccomp": 277, "fcntl": 25,
}  # fmt: skip
NUMBERS = {
    **{"x86_64": _X86_64, "aarch64": _AARCH64}[os.uname().machine],
    "move_mount": 429, "close_range": 436, "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
    "limit": -1, "copy": -2,
}  # fmt: skip
_CALL = struct.Struct("<hBB6B2B2H3I")
_HEAD = struct.Struct("<4I")
_HEAD_BYTES = _HEAD.size + 4 * MOST_DESCRIPTORS
_MOST_ARGUMENTS = 6
_NUMBER, _ADDRESS, _CELL = range(3)
_ALIGNMENT = 8
_WORD = 1 << 64

Text = str | bytes


@dataclass(frozen=True, slots=True)
class Address:
    """A place in the message."""

    offset: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in the message that has an integer: a descriptor, or what a call returned."""

    offset: int


Argument = int | Address | Cell | Text | None
"""A text stands for the address of its bytes, with a NUL behind them; None is NULL."""


class Script:
    """A script that is being written.

    ``more`` is how many bytes its head has after what every script has, for whoever reads it there: see :meth:`finish`.
    """

    def __init__(self, more: int = 0) -> None:
        self._more = more
        self._calls: list[tuple[object, ...]] = []
        self._data = bytearray(_HEAD_BYTES + more)
        self._texts: dict[bytes, Address] = {}
        self._addresses: list[int] = []
        self._descriptors = 0
        self._step: Address = Address(0)

    def step(self, name: str) -> None:
        """Begin a step: what fails from here on is reported by its name."""
        self._step = self.text(name)

    def descriptor(self) -> Cell:
        """Return the cell of the next descriptor that comes with the message."""
        if self._descriptors == MOST_DESCRIPTORS:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._descriptors += 1
        return Cell(_HEAD.size + 4 * (self._descriptors - 1))

    def put(self, data: bytes) -> Address:
        """Put bytes into the message."""
        self._data += bytes(-len(self._data) % _ALIGNMENT)
        place = Address(len(self._data))
        self._data += data
        return place

    def text(self, text: Text) -> Address:
        """Put a text into the message, with a NUL behind it; the same one once. ValueError where it has a NUL itself."""
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        if raw not in self._texts:
            if b"\0" in raw:
                raise ValueError("embedded null byte")
            self._texts[raw] = self.put(raw + b"\0")
        return self._texts[raw]

    def texts(self, texts: Sequence[Text]) -> Address:
        """Put an array of pointers to texts into the message, with NULL behind it, as execve(2) takes them."""
        offsets = [self.text(text).offset for text in texts]
        place = self.put(struct.pack(f"<{len(offsets) + 1}Q", *offsets, 0))
        self._addresses += range(place.offset, place.offset + 8 * len(offsets), 8)
        return place

    def pointer(self, before: bytes, to: Address) -> Address:
        """Put bytes into the message, and a pointer behind them."""
        place = self.put(before + struct.pack("<Q", to.offset))
        self._addresses.append(place.offset + len(before))
        return place

    def cell(self) -> Cell:
        """Return a cell for what a call will return."""
        return Cell(self.put(bytes(4)).offset)

    def call(
        self,
        name: str,
        *arguments: Argument,
        about: Text = b"",
        result: Cell | None = None,
        skip: int = 0,
        expected: Mapping[int, int] | None = None,
    ) -> None:
        """Add a call. ``about`` is what a failure is told to be about.

        ``skip`` calls after it are left out when it succeeds, and where it fails with an errno of ``expected``, two at most, as many as
        stand there.
        """
        tolerated = list((expected or {}).items()) + [(0, 0)] * 2
        (first, skip_first), (second, skip_second) = tolerated[:2]
        kinds, values = [], []
        for argument in arguments:
            kind, value = self._argument(argument)
            kinds.append(kind)
            values.append(value % _WORD)
        place = (self._step.offset, self.text(about).offset if about else 0, result.offset if result is not None else 0)
        head = (NUMBERS[name], len(values), skip, *(kinds + [0] * _MOST_ARGUMENTS)[:_MOST_ARGUMENTS])
        self._calls.append((*head, skip_first, skip_second, first, second, *place, *values))

    def _argument(self, argument: Argument) -> tuple[int, int]:
        if argument is None:
            return _NUMBER, 0
        if isinstance(argument, Cell):
            return _CELL, argument.offset
        if isinstance(argument, Address):
            return _ADDRESS, argument.offset
        if isinstance(argument, int):
            return _NUMBER, int(argument)
        return _ADDRESS, self.text(argument).offset

    def finish(self, more: bytes = b"") -> bytes:
        """Return the message. ``more`` is what its head has after what every script has."""
        assert len(more) == self._more
        addresses = self.put(struct.pack(f"<{len(self._addresses)}I", *self._addresses))
        calls = self.put(b"")
        packed = bytearray()
        for call in self._calls:
            fixed, values = call[: -call[1] or None], call[len(call) - call[1] :]  # type: ignore[operator]
            packed += _CALL.pack(*fixed) + struct.pack(f"<{len(values)}Q", *values)
        self._data += packed
        head = _HEAD.pack(calls.offset, len(self._data), addresses.offset, len(self._addresses))
        self._data[: _HEAD.size] = head
        self._data[_HEAD.size : _HEAD_BYTES] = struct.pack("<i", -1) * MOST_DESCRIPTORS
        self._data[_HEAD_BYTES : _HEAD_BYTES + self._more] = more
        return bytes(self._data)
