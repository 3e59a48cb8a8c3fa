"""Collected files onto this machine: below one directory, through no link, over nothing that is there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import click

from sandboxd.v1 import execution_service_pb2 as pb

_DEFAULT_MODE = 0o644
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BELOW = _DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_THERE = os.O_NOFOLLOW | os.O_NONBLOCK


def check_directory(directory: str) -> None:
    """Raise UsageError where nothing can be written: better before a run than after it."""
    if not os.path.isdir(directory):
        raise click.UsageError(f"--output-dir: {directory} is no directory")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise click.UsageError(f"--output-dir: {directory} cannot be written")


def save(files: Iterable[pb.File], directory: str, *, overwrite: bool) -> list[str]:
    """Write the files below ``directory``; return what is the matter with those that were not written."""
    problems = []
    for file in files:
        components = file.path.split("/")
        if "\0" in file.path or any(part in ("", ".", "..") for part in components):
            problems.append(f"{file.path}: not a path below a directory")
            continue
        try:
            _write(file, directory, components, overwrite=overwrite)
        except OSError as error:
            problems.append(f"{file.path}: {error.strerror}")
    return problems


def _write(file: pb.File, directory: str, components: list[str], *, overwrite: bool) -> None:
    with contextlib.ExitStack() as stack:
        parent = os.open(directory, _DIRECTORY)
        stack.callback(os.close, parent)
        for part in components[:-1]:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=parent)
            parent = os.open(part, _BELOW, dir_fd=parent)
            stack.callback(os.close, parent)
        name = components[-1]
        if overwrite:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
        try:
            fd = os.open(name, _NEW, file.mode & 0o777 or _DEFAULT_MODE, dir_fd=parent)
        except FileExistsError:
            if not _has(name, parent, file.content):
                raise
            return
        with os.fdopen(fd, "wb") as out:
            out.write(file.content)


def _has(name: str, parent: int, content: bytes) -> bool:
    """Whether it is a regular file with this content."""
    try:
        with open(name, "rb", opener=lambda path, flags: os.open(path, flags | _THERE, dir_fd=parent)) as file:
            return os.path.isfile(file.fileno()) and file.read(len(content) + 1) == content
    except OSError:
        return False
