"""Arguments and environment: what the kernel takes is passed as it is, and what stands for more it does not take either."""

from __future__ import annotations

import errno
import os
import resource
import subprocess

import pytest

from sandboxd.model import MIB
from sandboxd.runtime import arguments
from sandboxd.runtime.arguments import LONGEST_WORD
from sandboxd.runtime.spec import ProgramSpec

STACK = 8 * MIB
# With the stack of these tests 2 MiB, of which a word of 100,000 characters takes nine bytes more.
WORDS = 2 * MIB // 100_009


def program(*argv, **env):
    return ProgramSpec(
        argv=("true", *argv),
        env=tuple({"PATH": "/usr/bin:/bin", **env}.items()),
        tty=False,
        cpu_seconds=1,
        processes=1,
        open_files=1,
        file_size_bytes=1,
        stack_bytes=STACK,
    )


def errno_of(spec):
    """Execute it with its stack and say what the kernel says; 0 where it takes it."""

    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    try:
        subprocess.run(spec.argv, env=dict(spec.env), preexec_fn=limit, check=True)
    except OSError as error:
        return error.errno
    return 0


@pytest.mark.parametrize(
    "taken",
    [
        program(),
        program("x" * LONGEST_WORD),
        program(*["x" * 100_000] * (WORDS - 1)),
        program(A="x" * (LONGEST_WORD - 2)),
    ],
    ids=["little", "a word", "words", "a variable"],
)
def test_what_the_kernel_takes_is_passed_as_it_is(taken):
    assert arguments.passable(taken) is taken
    assert errno_of(taken) == 0


@pytest.mark.parametrize(
    "refused",
    [
        program("x" * (LONGEST_WORD + 1)),
        program(*["x" * 100_000] * (WORDS + 1)),
        program(A="x" * (LONGEST_WORD - 1)),
        program(**{"x" * LONGEST_WORD: ""}),
        program(**{f"v{number}": "x" * 100_000 for number in range(WORDS + 1)}),
    ],
    ids=["a word", "words", "a value", "a name", "variables"],
)
def test_what_it_never_takes_is_passed_as_something_short(refused):
    passed = arguments.passable(refused)

    assert (errno.E2BIG, errno.E2BIG) == (errno_of(refused), errno_of(passed))
    assert ("true", "/usr/bin:/bin") == (passed.argv[0], dict(passed.env)["PATH"])
    assert arguments.length(passed) < 2 * LONGEST_WORD


def test_a_path_is_cut_too():
    passed = arguments.passable(program(PATH="/bin:" * 10 * LONGEST_WORD))

    assert arguments.length(passed) < 3 * LONGEST_WORD
    assert os.path.dirname(dict(passed.env)["PATH"].split(":")[0]) == "/"
