"""Arguments and environment of a program: how long they are, and what goes to init where no kernel takes them.

Megabytes of them would be written and parsed, in the server and in the container's memory, only for execve(2) to say E2BIG.
"""

from __future__ import annotations

import os
from dataclasses import replace

from sandboxd.model import MIB
from sandboxd.runtime.spec import ProgramSpec

LONGEST_WORD = 32 * os.sysconf("SC_PAGE_SIZE") - 1  # MAX_ARG_STRLEN, but for its NUL
_MOST, _LEAST = 6 * MIB, 128 << 10  # for all, whatever the stack: three quarters of _STK_LIM, and ARG_MAX
_PATH = "PATH"
_OF_EACH_BYTES = 9  # its NUL and its pointer


def length(program: ProgramSpec) -> int:
    """Return how many characters a program's command line and environment have."""
    return sum(map(len, program.argv)) + sum(len(name) + len(value) for name, value in program.env)


def passable(program: ProgramSpec) -> ProgramSpec:
    """Return the program, or, where the kernel surely does not take its words, the same with fewer that it does not take either.

    Its command is looked for as before, so that the answer is the kernel's own.
    """
    words = [*map(len, program.argv), *(len(name) + 1 + len(value) for name, value in program.env)]
    most = max(min(program.stack_bytes // 4, _MOST), _LEAST)
    # In characters, of which each has a byte at least: what is too long only in bytes is not so long that it could not be passed.
    if max(words) <= LONGEST_WORD and sum(words) + len(words) * _OF_EACH_BYTES <= most:
        return program
    path = dict(program.env).get(_PATH, "")[:LONGEST_WORD]
    command = program.argv[0][:LONGEST_WORD]  # a path that long is none
    return replace(program, argv=(command, "x" * (LONGEST_WORD + 1)), env=((_PATH, path),))
