"""Collected files onto this machine: below one directory, through no link."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from sandboxd.v1 import execution_service_pb2 as pb


def save(files: Iterable[pb.File], directory: str) -> None:
    """Write the files below ``directory``. A path that a server must not send, or a link in the way, is an error."""
    for file in files:
        components = file.path.split("/")
        if file.path.startswith("/") or "\0" in file.path or any(part in ("", ".", "..") for part in components):
            raise click.ClickException(f"the server sent a file with the path {file.path!r}")
        parent = Path(directory)
        for part in components[:-1]:
            parent /= part
            if parent.is_symlink():
                raise click.ClickException(f"{parent} is a link: not written through")
            parent.mkdir(exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(parent / components[-1], flags, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(file.content)
            os.fchmod(out.fileno(), file.mode & 0o777)
