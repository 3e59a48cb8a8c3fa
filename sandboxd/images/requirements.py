"""Python packages for an image: what is asked for, resolved once into exact versions, and put into a layer. By uv.

Wheels only, so that nothing of a package runs: no set-up script, no build. What cannot be had as a wheel is refused, and so is
every requirement that is not a name with versions: an address or a path would be fetched and built, an option could read files.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandboxd import paths
from sandboxd.errors import BuildFailed, HostUnfit, InvalidSubmission, Violation, shown
from sandboxd.images import commands, extent
from sandboxd.images.oci.caps import Caps

FIELD = "requirements"
MOST_LINES = 1000
_MOST_CHARACTERS = 64 << 10
_NUMBER = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_MACHINE = re.compile(r"[a-z0-9_]{1,16}")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_COMMENT = re.compile(r"(^|\s)#.*")
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", re.MULTILINE)
_PYTHON_LINE = re.compile(rb"#!\S*python[0-9.]*[ \t]*\n")
_LINE_BYTES = 512  # the kernel reads 256 of them
_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SCRIPTS = Path("usr/local/bin")
_WHAT = "the packages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """The interpreter of an image, by its own account."""

    executable: str
    version: str
    """Such as "3.11"."""
    machine: str
    """Such as "x86_64"."""
    glibc: str
    """Such as "2.36"."""
    packages: str
    """Where packages are looked for: an absolute path in the image."""

    @property
    def platform(self) -> str:
        """Return what uv calls it."""
        return f"{self.machine}-manylinux_{self.glibc.replace('.', '_')}"


PROBE = (
    "import json, os, platform, sys, sysconfig\n"
    "print(json.dumps({'executable': sys.executable, 'version': '%d.%d' % sys.version_info[:2], "
    "'machine': platform.machine(), 'glibc': os.confstr('CS_GNU_LIBC_VERSION').split()[1], "
    "'packages': sysconfig.get_path('purelib')}))\n"
)
"""What the interpreter is asked, in a container."""


def answer(data: bytes) -> Python:
    """Return what the interpreter has answered. BuildFailed where that is nothing that an interpreter would say."""
    try:
        python = msgspec.json.decode(data, type=Python)
    except msgspec.DecodeError as error:
        raise BuildFailed(f"the image's Python does not tell what it is: {error}") from error
    for text, pattern in ((python.version, _NUMBER), (python.glibc, _NUMBER), (python.machine, _MACHINE)):
        if not pattern.fullmatch(text):
            raise BuildFailed(f"the image's Python says of itself {shown(text)}")
    for path in (python.executable, python.packages):
        if not path.startswith("/") or paths.problem(path[1:]):
            raise BuildFailed(f"the image's Python says that it is at {shown(path)}")
    return python


def check(text: str) -> list[str]:
    """Return the requirements of a file's text, a line each. InvalidSubmission names each line that is none."""
    if len(text) > _MOST_CHARACTERS:
        raise InvalidSubmission.of(FIELD, f"more than {_MOST_CHARACTERS} characters")
    lines = list(_logical_lines(text))
    if len(lines) > MOST_LINES:
        raise InvalidSubmission.of(FIELD, f"more than {MOST_LINES} lines")
    if not lines:
        raise InvalidSubmission.of(FIELD, "there are none")
    taken, violations = [], []
    for number, line in lines:
        try:
            taken.append(_canonical(line))
        except ValueError as error:
            violations.append(Violation(FIELD, f"line {number}: {error}"))
    if violations:
        raise InvalidSubmission(violations)
    return taken


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is on each line, comments left out; a backslash at the end of a line joins it to the next."""
    begun, number = "", 0
    for index, raw in enumerate(text.splitlines(), 1):
        number = number or index
        line = begun + _COMMENT.sub("", raw)
        begun = ""
        if line.endswith("\\"):
            begun = line[:-1]
        elif line.strip():
            yield number, line.strip()
        if not begun:
            number = 0
    if begun.strip():
        yield number, begun.strip()


def _canonical(line: str) -> str:
    """Write a requirement so that nobody takes it for anything else: uv would take a name like x-1.0-py3-none-any.whl for a file.

    ValueError says why it is none.
    """
    if line.startswith("-"):
        raise ValueError(f"{shown(line)} is an option, and not a requirement")
    bare, hashes = _without_hashes(line)
    try:
        requirement = Requirement(bare)
    except InvalidRequirement:
        raise ValueError(f"{shown(' '.join(bare.split()))} is not a name with versions, such as numpy>=2") from None
    if requirement.url:
        raise ValueError(f"{requirement.name} is to come from an address: only names are looked up")
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    if " -" in marker:  # within quotes, for which uv does not look where it looks for options
        raise ValueError(f"{shown(bare)} has what could be taken for an option")
    return " ".join([f"{canonicalize_name(requirement.name)}{extras}{requirement.specifier}{marker}", *hashes])


def _without_hashes(line: str) -> tuple[str, list[str]]:
    """Return a line without the digests at its end, and these."""
    bare, hashes = line, list[str]()
    while _HASH.fullmatch((words := bare.rsplit(maxsplit=1))[-1]):
        bare = words[0]
        hashes.insert(0, words[-1])
    return bare, hashes


def lock(requirements: Sequence[str], python: Python, work: Path, wheelhouse: Path | None) -> str:
    """Resolve requirements for an interpreter; returns exact versions with the digests of their files, in uv's and pip's format.

    From PyPI, or what uv's own environment variables name; where there is a ``wheelhouse``, from that directory alone.
    BuildFailed says in uv's words what cannot be had.
    """
    source, target = work / "requirements.txt", work / "requirements.lock"
    source.write_text("".join(f"{line}\n" for line in requirements), "utf-8")
    _uv(
        [
            "pip",
            "compile",
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--output-file",
            str(target),
            str(source),
        ],
        python,
        work,
        wheelhouse,
    )
    return target.read_text("utf-8")


def key(locked: str, python: Python) -> str:
    """Return what names the layer that a locked set becomes: "sha256:<hex>"."""
    facts = f"{python.version}\n{python.platform}\n{python.executable}\n{python.packages}\n{locked}"
    return f"sha256:{hashlib.sha256(facts.encode()).hexdigest()}"


def names(locked: str) -> list[str]:
    """Return what is in a locked set, as name-version."""
    return [f"{name}-{version}" for name, version in _LOCKED.findall(locked)]


def install(
    locked: str, python: Python, tree: Path, work: Path, wheelhouse: Path | None, caps: Caps | None = None
) -> None:
    """Unpack the wheels of a locked set into the tree of a layer, each checked against its digest. BuildFailed beyond the bounds of an image."""
    packages = tree / python.packages.lstrip("/")
    packages.mkdir(parents=True)
    source = work / "requirements.lock"
    source.write_text(locked, "utf-8")
    arguments = ["pip", "install", "--no-deps", "--require-hashes", "--link-mode", "copy", "--no-compile-bytecode"]
    arguments += ["--target", str(packages), "--requirement", str(source)]
    _uv(arguments, python, work, wheelhouse, caps or Caps())
    extent.check_tree(packages, caps or Caps(), _WHAT)
    (packages / ".lock").unlink(missing_ok=True)
    if (packages / "bin").is_dir():
        _move_scripts(packages / "bin", tree / _SCRIPTS, python)


def _move_scripts(scripts: Path, place: Path, python: Python) -> None:
    """Put commands where PATH finds them, to be run by the image's interpreter and not the one that uv has found here."""
    place.mkdir(parents=True)
    for script in scripts.iterdir():
        if script.is_symlink() or not script.is_file():
            raise BuildFailed(f"a package has a command that is no file: {shown(script.name)}")
        _move_script(script, place / script.name, f"#!{python.executable}\n".encode())
    scripts.rmdir()


def _move_script(script: Path, place: Path, line: bytes) -> None:
    """Move one, with another first line where that names a Python. A hostile one may be of any size, and be hard to search."""
    with script.open("rb") as source:
        found = _PYTHON_LINE.match(source.read(_LINE_BYTES))
        if found is None:
            script.rename(place)
            return
        source.seek(found.end())
        with place.open("xb") as copy:
            copy.write(line)
            shutil.copyfileobj(source, copy)
    shutil.copymode(script, place)
    script.unlink()


def _uv(
    arguments: Sequence[str], python: Python, work: Path, wheelhouse: Path | None, caps: Caps | None = None
) -> None:
    source = ["--no-index", "--find-links", str(wheelhouse)] if wheelhouse else []
    commands.run_watched(
        [
            *(_find_uv(), *arguments, *source, "--quiet", "--no-build", "--no-config"),
            *("--python-version", python.version, "--python-platform", python.platform),
        ],
        extent.Watch(work, caps or Caps(), _WHAT),
        every_s=extent.EVERY_S,
        env={
            **{name: value for name, value in os.environ.items() if _is_uvs(name)},
            "UV_CACHE_DIR": str(work / "uv"),
            "HOME": str(work),
        },
        cwd=work,
    )


def _is_uvs(name: str) -> bool:
    return name.startswith("UV_") or name.upper() in _PASSED_ON


def _find_uv() -> str:
    """Find uv. HostUnfit where there is none."""
    try:
        import uv  # noqa: PLC0415  (an extra's)

        return uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
        if found is None:
            raise HostUnfit(
                "requirements are resolved by uv, which is not here: pip install 'sandboxd[images]'"
            ) from None
        return found
