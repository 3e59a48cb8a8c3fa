"""One blob from the store into a registry: not at all where it has it, mounted from another repository where it can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import urlencode

from sandboxd.images.blobs import Blobs
from sandboxd.images.oci.authorization import Scopes
from sandboxd.images.oci.documents import pull_scopes, push_scopes
from sandboxd.images.oci.download import Progress
from sandboxd.images.oci.endpoint import Endpoint
from sandboxd.images.oci.media import Descriptor
from sandboxd.images.oci.patience import Attempts, Stop
from sandboxd.images.oci.registry_errors import (
    BrokenOff,
    NotInRegistry,
    NotVerified,
    RegistryError,
    RegistryRefused,
    Unauthorized,
)
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.oci.transport import Answer

_RANGE = re.compile(r"(?:bytes=)?0-(?P<last>[0-9]{1,19})")
_MOST_BYTES = 1 << 16  # of an answer that says nothing
_OCTETS = {"Content-Type": "application/octet-stream"}


class _Part:
    """A part of a file as the body of a request."""

    def __init__(self, file: BinaryIO, begin: int, size: int, stop: Stop) -> None:
        self._file, self._begin, self._size, self._stop = file, begin, size, stop
        self.rewind()

    def rewind(self) -> None:
        """Begin again."""
        self._file.seek(self._begin)
        self._left = self._size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the part's end."""
        self._stop.check()
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


@dataclass(slots=True)
class _Session:
    """An upload that a registry has begun."""

    url: str
    """Another one after each answer."""
    piece_bytes: int
    offset: int = 0
    """How much the registry has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Puts blobs into one repository."""

    endpoint: Endpoint
    repository: str
    mount_from: Sequence[str]
    """Repositories of the same registry that may have a blob already."""
    blobs: Blobs
    settings: RegistrySettings
    stop: Stop
    progress: Progress

    @property
    def _place(self) -> str:
        return self.endpoint.place(self.repository)

    @property
    def _scopes(self) -> Scopes:
        return push_scopes(self.repository)

    def put(self, blob: Descriptor) -> None:
        """Have a blob in the registry. InvalidImage if it is not in the store."""
        attempts, session = Attempts(self.settings, self.stop), None
        with self.blobs.open(blob.digest) as file:
            self.progress(blob.digest, 0, blob.size)
            while True:
                self.stop.check()
                before = session.offset if session else 0
                try:
                    session = session or self._begin(blob)
                    if session is not None:
                        self._send_rest(session, blob, file)
                    break
                except RegistryError as error:
                    brought = session.offset - before if session else 0
                    attempts.failed(error, brought_bytes=brought)
                    session = session and self._take_up(session)
        self.progress(blob.digest, blob.size, blob.size)

    def _begin(self, blob: Descriptor) -> _Session | None:
        """Begin an upload; None where there is nothing to do, as the registry has the blob now."""
        if self._has(blob, self.repository, self._scopes):
            return None
        for source in self.mount_from:
            if (answer := self._mount(blob, source)) is not None:
                # A registry that does not mount has begun an upload instead.
                return None if answer.status == HTTPStatus.CREATED else self._session(answer)
        return self._session(self._post({}, self._scopes))

    def _mount(self, blob: Descriptor, source: str) -> Answer | None:
        """Ask the registry to take a blob from another repository; None where that has it not, is not to be read, or is not to be asked for."""
        try:
            if not self._has(blob, source, pull_scopes(source)):
                return None
            return self._post({"mount": blob.digest, "from": source}, (*self._scopes, *pull_scopes(source)))
        except (Unauthorized, RegistryRefused):
            return None

    def _has(self, blob: Descriptor, repository: str, scopes: Scopes) -> bool:
        url = self.endpoint.url(repository, f"blobs/{blob.digest}")
        try:
            self._finished(self.endpoint.send(repository, "HEAD", url, scopes=scopes))
        except NotInRegistry:
            return False
        return True

    def _post(self, query: dict[str, str], scopes: Scopes) -> Answer:
        url = self.endpoint.url(self.repository, "blobs/uploads/")
        url = f"{url}?{urlencode(query)}" if query else url
        return self._finished(
            self.endpoint.send(self.repository, "POST", url, headers={"Content-Length": "0"}, scopes=scopes)
        )

    def _session(self, answer: Answer) -> _Session:
        base = self.endpoint.url(self.repository, "blobs/uploads/")
        least = self.endpoint.number(self.repository, answer, "OCI-Chunk-Min-Length")
        return _Session(
            url=self.endpoint.resolve(self.repository, base, answer.headers.get("Location")),
            piece_bytes=max(self.settings.chunk_bytes, least or 0),
        )

    def _send_rest(self, session: _Session, blob: Descriptor, file: BinaryIO) -> None:
        """Send what the registry has not: what fits one piece at once, else by pieces; and close the upload."""
        while blob.size - session.offset > session.piece_bytes or (session.offset and session.offset < blob.size):
            self._send_piece(session, min(session.piece_bytes, blob.size - session.offset), file)
            self.progress(blob.digest, session.offset, blob.size)
        left = blob.size - session.offset
        mark = "&" if "?" in session.url else "?"
        url = f"{session.url}{mark}{urlencode({'digest': blob.digest})}"
        self._write("PUT", url, {"Content-Length": str(left)}, _Part(file, session.offset, left, self.stop))

    def _send_piece(self, session: _Session, size: int, file: BinaryIO) -> None:
        end = session.offset + size
        headers = {"Content-Length": str(size), "Content-Range": f"{session.offset}-{end - 1}"}
        answer = self._write("PATCH", session.url, headers, _Part(file, session.offset, size, self.stop))
        session.url = self.endpoint.resolve(self.repository, session.url, answer.headers.get("Location") or session.url)
        has = _has_bytes(answer)
        if has is not None and not session.offset < has <= end:
            raise RegistryRefused(self._place, f"of {end} bytes that it was sent it says to have {has}")
        session.offset = end if has is None else has

    def _write(self, method: str, url: str, headers: dict[str, str], body: _Part) -> Answer:
        """Send to an upload. One that the registry knows no more, or knows otherwise, is one that broke off."""
        try:
            answer = self.endpoint.send(
                self.repository, method, url, headers=_OCTETS | headers, body=body, scopes=self._scopes
            )
        except NotInRegistry as error:
            raise BrokenOff(self._place, f"the upload is not known any more ({error})") from error
        except RegistryRefused as error:
            if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise BrokenOff(self._place, f"the upload is elsewhere ({error})") from error
            if error.status == HTTPStatus.BAD_REQUEST and method == "PUT":
                raise NotVerified(self._place, f"the registry did not take the blob ({error})") from error
            raise
        return self._finished(answer)

    def _take_up(self, session: _Session) -> _Session | None:
        """Ask how much of an upload the registry has; None where it is to be begun anew."""
        try:
            answer = self._finished(self.endpoint.send(self.repository, "GET", session.url, scopes=self._scopes))
            has, target = _has_bytes(answer), answer.headers.get("Location") or session.url
            if has is None:
                return None
            url = self.endpoint.resolve(self.repository, session.url, target)
        except RegistryError:
            return None
        return _Session(url=url, piece_bytes=session.piece_bytes, offset=has)

    def _finished(self, answer: Answer) -> Answer:
        self.endpoint.body(self.repository, answer, _MOST_BYTES)
        return answer


def _has_bytes(answer: Answer) -> int | None:
    """Return how much of an upload the registry says it has. "0-0" is said of one byte, and of none: none is the safe guess."""
    found = _RANGE.fullmatch(answer.headers.get("Range", ""))
    if found is None:
        return None
    return int(found["last"]) + 1 if int(found["last"]) else 0
