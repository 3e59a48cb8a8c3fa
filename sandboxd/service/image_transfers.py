"""Images from and to other places: registries, and files of clients."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from sandboxd.errors import InvalidImage, InvalidSubmission, Stalled, StoreFailed
from sandboxd.images import apart
from sandboxd.images.blobs import Blobs
from sandboxd.images.exporting import to_oci
from sandboxd.images.oci import writing
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.image import OciImage
from sandboxd.images.oci.reference import DEFAULT_TAG, Reference, local_reference, parse_reference
from sandboxd.images.oci.registry import RegistryClient
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.origin import read_nearest
from sandboxd.images.store import Image, is_image_name
from sandboxd.images.versions import outside_work_directory
from sandboxd.model import ImageInfo
from sandboxd.service.background import Done, Event, Line, Places, Tell, Transfer, in_lines, in_thread, told
from sandboxd.service.images import ImageCatalog, check_name

STILL_S = 300.0
"""So long a file may stand still before it is given up: less than a piece of it comes, or the next piece is not taken. gRPC takes some 4 MiB at a
time for a reader, so a slow one seems to stand still meanwhile."""
_CHUNK_BYTES = 1 << 20
_MOST_WANTED_CHARACTERS = 1024


class ImageTransfers:
    """Of one catalog's images. One image is in at most one registry's hands at a time; blobs that two want come once."""

    def __init__(self, catalog: ImageCatalog, settings: RegistrySettings, auth_file: Path | None) -> None:
        """``auth_file`` is a config.json of Docker's, which is read anew for each transfer."""
        self._catalog = catalog
        self._settings = settings
        self._auth_file = auth_file
        self._reading = Places(what="so many archives are being read already")

    async def pull(self, text: str, name: str, auth: Credentials | None) -> AsyncIterator[Event | ImageInfo]:
        """Bring an image from a registry; yields what is done, and at last the image.

        InvalidSubmission, ImagesFixed, InvalidImage, RegistryError, HostUnfit and StoreFailed. Who stops listening does not keep it from being had.
        """
        self._catalog.may_change()
        reference = _reference(text)
        name = name or _name_of(reference)
        check_name("name", name)

        def work(tell: Tell) -> str:
            blobs = Blobs(self._catalog.directory)
            with blobs.keeping(), self._registry(reference, auth) as registry:
                found = registry.pull(reference, blobs, progress=_as_transfer(tell))
                if self._catalog.name_if_here(found.digest, name):
                    tell(Line("it is here already"))
                    return name
                apart.take_blobs(self._catalog.directory, found.digest, name, in_lines(tell), reference=str(reference))
            return name

        async for event in told(self._catalog.places, work):
            yield event if not isinstance(event, Done) else await self._catalog.get(event.result)

    async def push(self, name: str, text: str, auth: Credentials | None) -> AsyncIterator[Event | str]:
        """Put an image into a registry; yields what is done, and at last its manifest's digest. Raises as :meth:`pull` does, and UnknownImage."""
        self._catalog.may_change()
        image, reference = self._catalog.image(name), _reference(text)

        def work(tell: Tell) -> str:
            with self._exported(image, in_lines(tell)) as (blobs, found), self._registry(reference, auth) as registry:
                others = _repositories(image, reference.registry)
                registry.push(reference, blobs, found.digest, mount_from=others, progress=_as_transfer(tell))
                return found.digest

        async for event in told(self._catalog.places, work):
            yield event if not isinstance(event, Done) else event.result

    async def take(self, name: str, wanted: str, pieces: AsyncIterator[bytes]) -> tuple[ImageInfo, list[str]]:
        """Take an image out of a file; returns it, and what was noticed. Raises as :meth:`pull` does, and Stalled.

        Who goes when all of it has come does not keep it from being had.
        """
        self._catalog.may_change()
        check_name("name", name)
        if len(wanted) > _MOST_WANTED_CHARACTERS:
            raise InvalidSubmission.of("wanted", f"more than {_MOST_WANTED_CHARACTERS} characters")
        notes: list[str] = []
        with self._catalog.places.taken() as place:
            file = place.keep(self._scratch())
            incoming = _Incoming(pieces)
            while piece := await incoming.next():
                if file.tell() + len(piece) > self._settings.max_total_bytes:
                    raise InvalidSubmission.of("data", f"more than {self._settings.max_total_bytes} bytes")
                await place.finish(in_thread(_write_all, file, piece))
            if not file.tell():
                raise InvalidSubmission.of("data", "missing: the file is empty")
            file.seek(0)
            store = self._catalog.directory
            await place.finish(in_thread(apart.take_file, store, file, name, notes.append, wanted=wanted))
        return await self._catalog.get(name), notes

    async def save(self, name: str, *, as_root: bool) -> AsyncIterator[bytes]:
        """Write an image into a file: an OCI layout, or its root alone. UnknownImage, InvalidImage, HostUnfit, Overloaded and Stalled.

        Clients who may change nothing may do this, and read as slowly as they like: so those who read have places of their own.
        """
        image = self._catalog.image(name)
        with self._reading.taken() as place:
            file = place.keep(self._scratch())
            await place.finish(self._write_in_turn(image, file, as_root=as_root))
            file.seek(0)
            while piece := await place.finish(in_thread(file.read, _CHUNK_BYTES)):
                with place.waiting(STILL_S, f"nothing of the file was taken for {STILL_S:g} s"):
                    yield piece

    async def _write_in_turn(self, image: Image, file: BinaryIO, *, as_root: bool) -> None:
        with self._catalog.places.taken():
            await in_thread(self._write, image, file, as_root=as_root)

    def _write(self, image: Image, file: BinaryIO, *, as_root: bool) -> None:
        with self._exported(image, lambda _line: None) as (blobs, found):
            if as_root:
                with outside_work_directory(self._catalog.directory) as work:
                    writing.export(blobs, found, work, file)
            else:
                writing.write_archive(blobs, [(found, local_reference(image.name))], file)

    @contextlib.contextmanager
    def _exported(self, image: Image, progress: Callable[[str], None]) -> Iterator[tuple[Blobs, OciImage]]:
        """Give an image as OCI has it, while its blobs are kept."""
        blobs = Blobs(self._catalog.directory)
        with blobs.keeping(), outside_work_directory(self._catalog.directory) as work:
            yield blobs, to_oci(image, blobs, work, progress)

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[BinaryIO]:
        """Give a file without a name on the store's file system, which is gone with this process, whatever happens."""
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(tempfile.TemporaryFile(dir=self._catalog.directory, buffering=0))
            except OSError as error:
                raise StoreFailed(f"the image store: {error.strerror}") from error
            yield file

    def _registry(self, reference: Reference, auth: Credentials | None) -> RegistryClient:
        given = {reference.registry: auth} if auth is not None else {}
        return RegistryClient(self._settings, Keyring(given, self._auth_file))


def _write_all(file: BinaryIO, piece: bytes) -> None:
    """Write a piece into a file without a buffer, which where the disk is full takes a part of it first, and only then refuses."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def _reference(text: str) -> Reference:
    try:
        return parse_reference(text)
    except InvalidImage as error:
        raise InvalidSubmission.of("reference", str(error)) from error


def _repositories(image: Image, registry: str) -> list[str]:
    """Return where a registry may have layers of an image already: in the repository that it came from, or what it is built on."""
    origin = read_nearest(image.directory)
    try:
        came_from = parse_reference((origin and origin.reference) or "")
    except InvalidImage:  # it came from nowhere; or in an archive, which may call it anything
        return []
    return [came_from.repository] if came_from.registry == registry else []


def _name_of(reference: Reference) -> str:
    """Return what an image from a registry is called here, unless somebody says otherwise."""
    name = reference.repository.rpartition("/")[2]
    tagged = reference.tag is not None and reference.tag != DEFAULT_TAG
    full = f"{name}:{reference.tag}" if tagged else name
    if not is_image_name(full):
        raise InvalidSubmission.of("name", f"missing: {full!r} cannot be the name of an image")
    return full


class _Incoming:
    """A file that a client sends. A little now and then is not enough: whoever sends it has one of a few places."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._came = 0
        self._left_s = STILL_S

    async def next(self) -> bytes:
        """Return the next piece that is not empty, none at the end. Stalled where too little of it comes."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                piece = await self._next_of_any_size()
        except TimeoutError:
            raise Stalled(f"less than {_CHUNK_BYTES >> 20} MiB of the file came in {STILL_S:g} s") from None
        self._came += len(piece)
        self._left_s -= time.monotonic() - began  # what is done with it meanwhile is not the client's
        if self._came >= _CHUNK_BYTES:
            self._came, self._left_s = 0, STILL_S
        return piece

    async def _next_of_any_size(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""


def _as_transfer(tell: Tell) -> Callable[[str, int, int], None]:
    return lambda digest, done, size: tell(Transfer(digest, done, size))
