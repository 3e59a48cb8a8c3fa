"""START: what init is told when the program is to run. A memfd with a script, and the contents of the request's files behind it.

Init writes the files, and not the server, so that their pages are the container's memory and count against its limit. Nothing
untrusted runs in the container then.
"""

from __future__ import annotations

import errno
import os
import resource
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sandboxd.linux import calls, mounts
from sandboxd.linux.files import NEW_FILE
from sandboxd.linux.script import Cell, Script
from sandboxd.model import File
from sandboxd.runtime import arguments
from sandboxd.runtime.spec import PROCESSES_OF_INIT, PROGRAM_UID, ProgramSpec

_PROGRAM = struct.Struct("<3I4HI4x")
_HERE = mounts.AT_FDCWD
# The cgroup refuses first, and counts; this fence behind it holds if the cgroup does not.
_RLIMIT_NPROC_MARGIN = 16
_THERE_ALREADY = {errno.EEXIST: 0}
_SHORT_PATH, _SHORT_WORDS = 256, 4096  # characters; of command line and environment


class Place(NamedTuple):
    """Where a file goes, and where its content is: from which of all contents' bytes on, and how many; -1, of the last one, to the end."""

    path: str
    mode: int
    offset: int
    size: int


def places(files: Sequence[File]) -> Iterator[Place]:
    """Return the files' places, with their contents one behind the other."""
    offset = 0
    for number, file in enumerate(files, start=1):
        yield Place(file.path, file.mode, offset, len(file.content) if number < len(files) else -1)
        offset += len(file.content)


def to_memfd(program: ProgramSpec, files: Sequence[File], init: int) -> int:
    """Return a memfd with all that START has. ``init`` is whom the container's init acts as."""
    write = _packed_before if _is_short(program, files) else pack
    fd = os.memfd_create("start", os.MFD_CLOEXEC)
    try:
        for piece in (write(program, tuple(places(files)), init), *(file.content for file in files)):
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    except BaseException:  # ValueError, too: of a word with a NUL
        os.close(fd)
        raise
    return fd


def pack(program: ProgramSpec, files: tuple[Place, ...], init: int) -> bytes:
    """Return the script, with what is to be exec'ed: command line, environment, and where its command is looked for."""
    script = Script(_PROGRAM.size)
    contents = script.descriptor()
    if files:
        put_files(script, files, contents, init)
    set_limits(script, program)
    words = (
        script.texts(program.argv),
        calls.environment(script, program.env),
        script.text(dict(program.env).get("PATH", "")),
    )
    offsets = (word.offset for word in words)
    return script.finish(_PROGRAM.pack(*offsets, program.tty, program.rows, program.columns, 0, program.open_files))


# Most requests are like one before, but for what is in their file. Some MiB at most: clients choose what is remembered.
_packed_before = lru_cache(maxsize=256)(pack)


def _is_short(program: ProgramSpec, files: Sequence[File]) -> bool:
    """Whether the script of a START is short. It has a path's directories, too, and so grows with the square of its length."""
    if len(files) > 1 or any(len(file.path) > _SHORT_PATH for file in files):
        return False
    return arguments.length(program) <= _SHORT_WORDS


def put_files(script: Script, files: Sequence[Place], contents: Cell, init: int) -> None:
    """Write the request's files below the current directory, over what the image has there, as the program's user."""
    script.step(put_files.__name__)
    calls.act_as(script, PROGRAM_UID)
    made: set[str] = set()
    fd = script.cell()
    for file in files:
        for directory in _above(file.path):
            if directory not in made:
                made.add(directory)
                script.call("mkdirat", _HERE, directory, 0o755, about=directory, expected=_THERE_ALREADY)
        new = ("openat", _HERE, file.path, NEW_FILE, 0o600)
        script.call(*new, about=file.path, result=fd, skip=2, expected=_THERE_ALREADY)
        script.call(
            "unlinkat", _HERE, file.path, 0, about=file.path
        )  # of the image's workspace; a link is replaced, too
        script.call(*new, about=file.path, result=fd)
        script.call("copy", fd, contents, file.offset, file.size, about=file.path)
        script.call("fchmod", fd, file.mode, about=file.path)
        script.call("close", fd)
    calls.act_as(script, init)


def set_limits(script: Script, program: ProgramSpec) -> None:
    """Set the second fence: what the cgroup and the supervisor limit too, and what only rlimits can.

    Of the program's process, if it is a fork, or of init, from which a program inherits them. Never RLIMIT_AS and RLIMIT_DATA:
    the JVM, Go and Node reserve far more address space than they use. RLIMIT_NOFILE is not here: it is the program's alone.
    """
    script.step(set_limits.__name__)
    calls.limit(script, resource.RLIMIT_CPU, program.cpu_seconds)
    calls.limit(script, resource.RLIMIT_NPROC, program.processes + PROCESSES_OF_INIT + _RLIMIT_NPROC_MARGIN)
    calls.limit(script, resource.RLIMIT_FSIZE, program.file_size_bytes)
    calls.limit(script, resource.RLIMIT_STACK, program.stack_bytes)


def _above(path: str) -> Iterable[str]:
    """List the directories that a path goes through, the outermost first."""
    parts = path.split("/")[:-1]
    return ("/".join(parts[: index + 1]) for index in range(len(parts)))
