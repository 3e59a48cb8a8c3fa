"""Running the tools that a build needs, each with an error that says what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from sandboxd.errors import BuildFailed, HostUnfit

PACKAGE_OF = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.erofs": "erofs-utils",
    "fsck.erofs": "erofs-utils",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])
"""What a process of ours has as PYTHONPATH."""
_LINES_SHOWN = 20
_CHARACTERS_SHOWN = 800  # of 1,024 bytes: api/errors.py
_NAME_SHOWN = 100
# Own mounts and processes; the processes die with the first, and with them the mounts.
_CONTAINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# The kernel kills it when this thread ends (prctl(2), PR_SET_PDEATHSIG), which stays over exec. Who has died before is not its parent.
_BOUND = ("setpriv", "--pdeathsig", "KILL", "sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"')


def require(tools: Iterable[str]) -> None:
    """Raise HostUnfit, with the line that installs them, unless all tools are there."""
    missing = [tool for tool in tools if not available(tool)]
    if missing:
        packages = " ".join(sorted({PACKAGE_OF[tool] for tool in missing}))
        raise HostUnfit(f"{', '.join(missing)} not found; install with: apt-get install -y {packages}")


def available(tool: str) -> bool:
    """Whether the host has this tool."""
    return shutil.which(tool, path=PATH) is not None


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> bytes:
    """Run a tool to its end; it does not outlive this process. Returns what it wrote; BuildFailed ends with the last lines of that."""
    return run_watched(argv, lambda: None, env=env, cwd=cwd)


def run_watched(
    argv: Sequence[str],
    check: Callable[[], None],
    *,
    every_s: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> bytes:
    """Run a tool, and ``check`` while it runs and at its end: what that raises ends the tool."""
    with subprocess.Popen(
        bound(argv),
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        output = None
        try:
            while output is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    output, _ = process.communicate(timeout=every_s)
                check()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise BuildFailed(f"{_name(argv)}: exit status {process.returncode}\n{_end_of(output)}")
    return output


def bound(argv: Sequence[str]) -> list[str]:
    """Return the command that runs another which ends with the thread that starts it, however that ends."""
    return [*_BOUND, str(os.getpid()), *argv]


def _end_of(output: bytes) -> str:
    """Return the last lines, as many as a client's status has room for."""
    lines = [f"    {line}" for line in output.decode("utf-8", "replace").splitlines()[-_LINES_SHOWN:]]
    while len(lines) > 1 and sum(map(len, lines)) > _CHARACTERS_SHOWN:
        del lines[0]
    return "\n".join(lines)


def _name(argv: Sequence[str]) -> str:
    """The command without what contains it."""
    own = argv[argv.index("--") + 1 :] if argv[0] in (_BOUND[0], _CONTAINED[0]) else argv
    return " ".join(own)[:_NAME_SHOWN]


def contained(argv: Sequence[str]) -> list[str]:
    """Return the command that runs another without a network, and so that nothing of it outlives this process."""
    return bound([*_CONTAINED, "--net", "--ipc", "--", *argv])


def run_contained(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Run a tool that mounts or forks, so that nothing of it outlives a killed build."""
    run([*_CONTAINED, "--mount-proc", "--", *argv], env=env)


def python(module: str, *arguments: object) -> list[str]:
    """Return the command that runs a module of this package, with :data:`PACKAGE_PARENT` in its environment."""
    # -P: or modules in the directory where the server was started would go before all others, and be run by root.
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def run_module(module: str, *arguments: object) -> None:
    """Run a module of this package in such a process: what it mounts goes with it."""
    run_contained(python(module, *arguments), env={"PYTHONPATH": PACKAGE_PARENT})


def run_inside(root: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> bytes:
    """Run a command of a root file system in it, without network; returns what it wrote. It has /proc, by which runtimes find their own files."""
    return run([*_CONTAINED, "--net", "--ipc", "--root", root, "--mount-proc=/proc", "--", *argv], env=env)
