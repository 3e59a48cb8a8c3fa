"""Images of what programs leave in their workspace, and what that is."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sandboxd.errors import CommitForbidden, InvalidSubmission, SandboxError, Violation
from sandboxd.images import committing
from sandboxd.images.committing import Commit
from sandboxd.images.contents import Known, hidden, list_workspace
from sandboxd.images.store import Image
from sandboxd.images.versions import outside_work_directory
from sandboxd.model import MIB, Change, ChangeKind, Committed, FileType, ImageInfo
from sandboxd.runtime.changes import Entry
from sandboxd.runtime.policy import Policy
from sandboxd.service.background import in_thread, take_note
from sandboxd.service.execution import Execution, Left
from sandboxd.service.images import ImageCatalog, check_name

_T = TypeVar("_T")

_MOST_MESSAGE_BYTES = 4096
_MOST_AUTHOR_BYTES = 256
_MOST_TOLD_BYTES = 32 * MIB  # of the 64 MiB of a gRPC message
_BYTES_BESIDE_A_PATH = 32
_MOST_KNOWN = 4  # images, each with up to a hundred thousand paths
_TYPES = {stat.S_IFREG: FileType.REGULAR, stat.S_IFDIR: FileType.DIRECTORY, stat.S_IFLNK: FileType.SYMLINK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An image as it is asked for."""

    name: str
    message: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """What a workspace has that its image's has not, and the other way round."""

    changes: Sequence[Change]
    """In the order of paths."""
    truncated: bool
    """Whether there are more."""


class Committer:
    """Makes images for one catalog, off the event loop, and so many at one time as that has places for."""

    def __init__(self, catalog: ImageCatalog) -> None:
        self._catalog = catalog
        self._known: dict[str, Mapping[str, Known]] = {}

    def check(self, image: Image, policy: Policy, name: str, *, field: str = "name") -> None:
        """Raise what keeps a program of this image and policy from being committed to a name, as far as it is known before it runs.

        ImagesFixed, CommitForbidden, InvalidSubmission and BuildFailed.
        """
        self._catalog.may_change()
        if not policy.commit:
            raise CommitForbidden(f"policy {policy.name!r} does not permit it (commit)")
        check_name(field, name)
        committing.check_base(image)

    async def commit(self, execution: Execution, wanted: Wanted) -> ImageInfo:
        """Make an image of what the workspace of a running execution has now.

        NotAttachable where it does not run, what :meth:`check` raises, StoreFailed and Overloaded. Who stops listening does not keep it
        from being made.
        """
        self.check(execution.plan.image, execution.plan.policy, wanted.name)
        _check_texts(wanted)
        left = execution.left()
        await self._take_over(left, lambda: self._make(left, wanted))
        return await self._catalog.get(wanted.name)

    async def commit_end(self, left: Left, name: str) -> Committed:
        """Make one of what a program has left that has ended. Its answer stands: what went wrong is told in it."""
        try:
            commit, digest = await self._take_over(left, lambda: self._make(left, Wanted(name=name)))
        except SandboxError as error:
            return Committed(error=str(error))
        return Committed(image_digest=digest, left_out=commit.left_out)

    async def diff(self, execution: Execution) -> Diff:
        """Compare the workspace of a running execution with its image's. NotAttachable, BuildFailed, StoreFailed and Overloaded."""
        left = execution.left()
        return await self._take_over(left, lambda: self._compare(left))

    async def _take_over(self, left: Left, work: Callable[[], _T]) -> _T:
        """Do it in a thread, and let go of the workspace after it, whoever waits for that."""

        async def do() -> _T:
            try:
                with self._catalog.places.taken():
                    return await in_thread(work)
            finally:
                await asyncio.to_thread(left.workspace.close)  # its memory may be freed with it

        task = asyncio.create_task(do())
        task.add_done_callback(take_note)
        return await asyncio.shield(task)

    def _make(self, left: Left, wanted: Wanted) -> tuple[Commit, str]:
        """Return how the image came to be, and its digest."""
        with outside_work_directory(self._catalog.directory) as work:
            workspace = committing.make_tree(work)
            copied = left.workspace.copy(workspace, left.bounds)
            if copied.hiding:
                committing.spell_out(workspace, copied.hiding, self._workspace_of(left.image))
            commit = Commit(
                layer=len(left.image.layers),
                created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                execution_id=left.execution_id,
                image=left.image.name,
                image_digest=left.image.digest,
                policy=left.policy.name,
                message=wanted.message,
                author=wanted.author,
                left_out=copied.left_out,
            )
            return commit, committing.commit(self._catalog.directory, wanted.name, left.image, work, commit)

    def _compare(self, left: Left) -> Diff:
        entries = left.workspace.list(left.bounds)
        known = self._workspace_of(left.image) if left.workspace.over_files else {}
        return _as_many_as_fit(compare(entries, known))

    def _workspace_of(self, image: Image) -> Mapping[str, Known]:
        """Return what an image has in its workspace; of the last few it is remembered."""
        known = self._known.get(image.digest)
        if known is None:
            known = list_workspace(image, self._catalog.directory)
            while len(self._known) >= _MOST_KNOWN:
                self._known.pop(next(iter(self._known)), None)
            self._known[image.digest] = known
        return known


def compare(entries: Sequence[Entry], known: Mapping[str, Known]) -> list[Change]:
    """Return what was done to a workspace over what the image has there, in the order of paths."""
    modes = {entry.path: entry.mode for entry in entries}
    changes = []
    for entry in entries:
        before = known.get(entry.path)
        if entry.removed:
            if before is not None:
                changes.append(_change(ChangeKind.DELETED, entry.path, before.mode, before.size_bytes))
        elif before is None:
            changes.append(_change(ChangeKind.ADDED, entry.path, entry.mode, entry.size_bytes))
        elif not stat.S_ISDIR(entry.mode) or before.mode != entry.mode:
            changes.append(_change(ChangeKind.CHANGED, entry.path, entry.mode, entry.size_bytes))
    gone = hidden([entry.path for entry in entries if entry.hides], known, modes.get)
    changes += [_change(ChangeKind.DELETED, path, known[path].mode, known[path].size_bytes) for path in gone]
    return sorted(changes, key=lambda change: change.path)


def _change(kind: ChangeKind, path: str, mode: int, size_bytes: int) -> Change:
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Change(kind=kind, path=shown, type=_TYPES.get(stat.S_IFMT(mode), FileType.OTHER), size_bytes=size_bytes)


def _as_many_as_fit(changes: Iterable[Change]) -> Diff:
    told: list[Change] = []
    room = _MOST_TOLD_BYTES
    for change in changes:
        room -= len(change.path.encode()) + _BYTES_BESIDE_A_PATH
        if room < 0:
            return Diff(told, truncated=True)
        told.append(change)
    return Diff(told, truncated=False)


def _check_texts(wanted: Wanted) -> None:
    violations = [
        Violation(field, f"longer than {most} bytes")
        for field, text, most in (
            ("message", wanted.message, _MOST_MESSAGE_BYTES),
            ("author", wanted.author, _MOST_AUTHOR_BYTES),
        )
        if len(text.encode()) > most
    ]
    if violations:
        raise InvalidSubmission(violations)
