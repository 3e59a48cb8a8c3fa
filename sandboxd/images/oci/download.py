"""One blob from a registry into the store: resumed where a connection, or an earlier process, has left it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, Writer
from sandboxd.images.oci.documents import pull_scopes
from sandboxd.images.oci.endpoint import Endpoint
from sandboxd.images.oci.media import Descriptor
from sandboxd.images.oci.patience import Attempts, Stop
from sandboxd.images.oci.registry_errors import BrokenOff, NotVerified, RegistryError
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.oci.transport import Answer

_RANGE = re.compile(r"bytes (?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})/(?P<all>[0-9]{1,19}|\*)")

Progress = Callable[[str, int, int], None]
"""Is told of a blob: digest, bytes that are done, bytes in all; from any thread. What it raises ends the pull or push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Fetches blobs of one repository."""

    endpoint: Endpoint
    repository: str
    blobs: Blobs
    settings: RegistrySettings
    stop: Stop
    progress: Progress

    @property
    def _place(self) -> str:
        return self.endpoint.place(self.repository)

    def fetch(self, blob: Descriptor) -> None:
        """Have a blob in the store. Waits for another that fetches the same, and then has nothing to do."""
        self.stop.check()
        try:
            with self.blobs.open_writer(blob.digest, blob.size) as writer:
                begun = writer.offset
                self._fill(writer, blob)
                if begun and not writer.matches():  # what an earlier process has left was not the beginning of it
                    writer.restart()
                    self._fill(writer, blob)
            has = self.blobs.size(blob.digest)
        except InvalidImage as error:
            raise NotVerified(self._place, str(error)) from error
        if has != blob.size:
            raise NotVerified(self._place, f"blob {blob.digest}: has {has} bytes, not {blob.size}")

    def _fill(self, writer: Writer, blob: Descriptor) -> None:
        attempts = Attempts(self.settings, self.stop)
        self.progress(blob.digest, writer.offset, blob.size)
        while writer.offset < blob.size:
            before = writer.offset
            try:
                self._fetch_rest(writer, blob)
            except RegistryError as error:
                attempts.failed(error, brought_bytes=writer.offset - before)

    def _fetch_rest(self, writer: Writer, blob: Descriptor) -> None:
        headers = {"Range": f"bytes={writer.offset}-"} if writer.offset else {}
        answer = self.endpoint.send(
            self.repository,
            "GET",
            self.endpoint.url(self.repository, f"blobs/{blob.digest}"),
            headers=headers,
            scopes=pull_scopes(self.repository),
        )
        try:
            self._take(writer, blob, answer)
        except BaseException:
            answer.close()
            raise
        answer.release_conn()

    def _take(self, writer: Writer, blob: Descriptor, answer: Answer) -> None:
        """Write what an answer brings. One that begins at the blob's beginning is read over up to where there is more."""
        at = self._first_byte(writer, blob, answer)
        for piece in self.endpoint.pieces(self.repository, answer):
            self.stop.check()
            known = min(max(writer.offset - at, 0), len(piece))
            at += len(piece)
            if known < len(piece):
                writer.write(memoryview(piece)[known:])
                self.progress(blob.digest, writer.offset, blob.size)
        if at < blob.size:
            raise BrokenOff(self._place, f"blob {blob.digest}: ends after {at} of {blob.size} bytes")

    def _first_byte(self, writer: Writer, blob: Descriptor, answer: Answer) -> int:
        """Return where in the blob an answer begins. NotVerified unless it ends where the blob does."""
        first, size = 0, self.endpoint.number(self.repository, answer, "Content-Length")
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if found is None or int(found["first"]) != writer.offset:
                raise NotVerified(
                    self._place, f"blob {blob.digest}: another part came than from byte {writer.offset} on"
                )
            first, size = writer.offset, None if found["all"] == "*" else int(found["all"])
        if size is not None and size != blob.size:
            raise NotVerified(self._place, f"blob {blob.digest}: has {size} bytes in the registry, not {blob.size}")
        return first
