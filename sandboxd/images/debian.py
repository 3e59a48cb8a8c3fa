"""The root's content: Debian packages, unpacked by mmdebstrap from the package sources that the host itself uses.

Packages are unpacked, not installed: no maintainer script runs. What scripts would do is in ``skeleton`` and the
recipe, which makes a build fast, nearly reproducible, and free of perl, dpkg and apt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandboxd.images import commands
from sandboxd.images.recipe import Debian

_APT = Path("/etc/apt")
_POCKETS = ("", "-updates", "-security")
_COMPONENT = "main"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_ENTRY = re.compile(r"deb\s+(?P<options>\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")
# Debian's directories in / are links into /usr; package files come in both spellings.
_MERGE_USR = 'for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d"; done'
_LIST_PACKAGES = 'cd "$1/var/cache/apt/archives" && ls -1 -- *.deb > "$1/.packages"'


def unpack(debian: Debian, root: Path, work: Path) -> list[str]:
    """Fill ``root`` and return the file names of the packages that went into it."""
    commands.run_contained(
        [
            "mmdebstrap",
            "--mode=root",
            "--format=directory",
            "--variant=extract",
            "--skip=chroot/mount",  # nothing is run in it, and a user namespace could not mount everything
            f"--include={','.join(debian.packages)}",
            '--aptopt=APT::Install-Recommends "false"',
            f"--setup-hook={_MERGE_USR}",
            f"--extract-hook={_LIST_PACKAGES}",
            debian.suite,
            str(root),
            *(str(path) for path in _write_sources(debian.suite, work)),
        ],
        env={name: os.environ[name] for name in _PROXIES if name in os.environ},
    )
    listing = root / ".packages"
    unpacked = listing.read_text().splitlines()
    listing.unlink()
    return unpacked


def _write_sources(suite: str, work: Path) -> list[Path]:
    """Write the host's own sources of this release; none if the host is another, then mmdebstrap knows Debian's."""
    written = []
    for path in sorted([_APT / "sources.list", *(_APT / "sources.list.d").glob("*")]):
        choose = {".list": choose_entries, ".sources": choose_stanzas}.get(path.suffix)
        if choose is None or not path.is_file():
            continue
        if chosen := choose(path.read_text("utf-8"), suite):
            copy = work / path.name
            copy.write_text(chosen, "utf-8")
            written.append(copy)
    return written


def choose_entries(text: str, suite: str) -> str:
    """Keep the one-line entries for packages of this release."""
    wanted = {suite + pocket for pocket in _POCKETS}
    kept = []
    for line in text.splitlines():
        entry = _ENTRY.match(line.strip())
        if entry and entry["suite"] in wanted and _COMPONENT in entry["components"].split():
            kept.append(f"deb {entry['options'] or ''}{entry['uri']} {entry['suite']} {_COMPONENT}\n")
    return "".join(kept)


def choose_stanzas(text: str, suite: str) -> str:
    """Keep the deb822 stanzas for packages of this release, each cut down to it."""
    wanted = {suite + pocket for pocket in _POCKETS}
    kept = []
    for stanza in _stanzas(text.splitlines()):
        fields = {name.lower(): value.split() for name, value in stanza}
        suites = [name for name in fields.get("suites", []) if name in wanted]
        usable = "deb" in fields.get("types", []) and _COMPONENT in fields.get("components", [])
        if suites and usable and fields.get("enabled") != ["no"]:
            only = {"types": "deb", "suites": " ".join(suites), "components": _COMPONENT}
            kept.append("".join(f"{name}: {only.get(name.lower(), value)}\n" for name, value in stanza))
    return "\n".join(kept)


def _stanzas(lines: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
    """Split deb822 into stanzas of (field, value); a value keeps its continuation lines."""
    stanza: list[tuple[str, str]] = []
    for line in [*lines, ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza = []
        elif line[0] in " \t" and stanza:
            name, value = stanza[-1]
            stanza[-1] = (name, f"{value}\n{line}")
        elif ":" in line:
            name, value = line.split(":", 1)
            stanza.append((name.strip(), value.strip()))
