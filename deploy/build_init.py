"""Compiles process 1 of a container: sandboxd/runtime/init.c, to the program beside it.

A build hook of hatchling's, for wheels and editable installations; and a script, which needs no hatchling:

    python deploy/build_init.py [SOURCE TARGET]
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_SOURCE = "sandboxd/runtime/init.c"
_PROGRAM = "sandboxd/runtime/sandboxd-init"
_FLAGS = (
    *("-std=c11", "-Os", "-Wall", "-Wextra", "-Werror"),
    # It has a _start of its own and no C library, whose stack protector and unwinder it would need.
    *("-ffreestanding", "-nostdlib", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
    # A message is bytes, and what is in it.
    "-fno-strict-aliasing",
    # No loop of its memcpy and memset becomes a call of them.
    "-fno-tree-loop-distribute-patterns",
    # One file for every image: no loader, nothing to relocate. And no executable stack.
    *("-static", "-fno-pie", "-no-pie", "-Wl,-z,norelro", "-Wl,-z,noexecstack"),
    # The same bytes wherever it is compiled from the same source by the same compiler.
    *("-s", "-Wl,--build-id=none"),
)


class NotCompiledError(Exception):
    """There is no program; the message says why, and what to install."""


def compile_init(source: Path, target: Path) -> None:
    """Compile the source by $CC, or cc. The target is replaced at once, and only by a whole program, for containers may be made of it."""
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    with tempfile.TemporaryDirectory(prefix=".init-", dir=target.parent) as directory:
        program = Path(directory, "program")
        try:
            status = subprocess.run([*compiler, *_FLAGS, "-o", program, source], check=False).returncode
        except OSError as error:
            reason = f"cannot compile {source}: {compiler[0]}: {error.strerror}: apt-get install gcc libc6-dev"
            raise NotCompiledError(reason) from error
        if status:
            reason = f"cannot compile {source}: {compiler[0]} failed; if headers are missing: apt-get install libc6-dev"
            raise NotCompiledError(reason)
        program.chmod(0o755)
        program.replace(target)


def get_build_hook() -> type:
    """Return the hook to hatchling, which asks for it by this name."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: PLC0415 a script has none

    class InitHook(BuildHookInterface[Any]):
        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 hatchling's signature
            """Put the program into the wheel, which is then of one architecture, and of every Python 3."""
            try:
                compile_init(_ROOT / _SOURCE, _ROOT / _PROGRAM)
            except NotCompiledError as error:
                self.app.abort(str(error))
            build_data["artifacts"].append(_PROGRAM)  # though .gitignore has it
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_')}"

    return InitHook


def main(arguments: list[str]) -> None:
    """Compile what is named, or the program in its place."""
    if len(arguments) not in {0, 2}:
        sys.exit("usage: build_init.py [SOURCE TARGET]")
    source, target = arguments or (_ROOT / _SOURCE, _ROOT / _PROGRAM)
    try:
        compile_init(Path(source), Path(target))
    except NotCompiledError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
