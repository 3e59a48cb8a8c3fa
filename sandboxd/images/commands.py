"""Running the tools that a build needs, each with an error that says what to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from sandboxd.errors import HostUnfit, SandboxError

PACKAGE_OF = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.erofs": "erofs-utils",
    "fsck.erofs": "erofs-utils",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LINES_SHOWN = 20
_NAME_SHOWN = 100
# Own mounts and processes; the processes die with this one, and with them the mounts, however this one dies.
_CONTAINED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")


def require(tools: Iterable[str]) -> None:
    """Raise HostUnfit, with the line that installs them, unless all tools are there."""
    missing = [tool for tool in tools if not available(tool)]
    if missing:
        packages = " ".join(sorted({PACKAGE_OF[tool] for tool in missing}))
        raise HostUnfit(f"{', '.join(missing)} not found; install with: apt-get install -y {packages}")


def available(tool: str) -> bool:
    """Whether the host has this tool."""
    return shutil.which(tool, path=_PATH) is not None


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Run a tool to its end, quietly. SandboxError ends with the last lines that it wrote."""
    done = subprocess.run(
        argv,
        env={"PATH": _PATH, "LC_ALL": "C.UTF-8", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        shown = "\n".join(f"    {line}" for line in lines[-_LINES_SHOWN:])
        raise SandboxError(f"{_name(argv)}: exit status {done.returncode}\n{shown}")


def _name(argv: Sequence[str]) -> str:
    """The command without what contains it."""
    own = argv[argv.index("--") + 1 :] if argv[0] == _CONTAINED[0] else argv
    return " ".join(own)[:_NAME_SHOWN]


def run_contained(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Run a tool that mounts or forks, so that nothing of it outlives a killed build."""
    run([*_CONTAINED, "--mount-proc", "--", *argv], env=env)


def run_inside(root: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Run a command of a root file system in it, without network."""
    run([*_CONTAINED, "--net", "--ipc", "--root", root, "--", *argv], env=env)
