"""The images that a server offers, for those who ask about them or name them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sandboxd.errors import ImagesFixed, InvalidConfiguration, InvalidSubmission, UnknownImage, shown
from sandboxd.images import packed, versions
from sandboxd.images.blobs import Blobs
from sandboxd.images.committing import read_commits
from sandboxd.images.files import DIGEST, PACKAGES
from sandboxd.images.manifest import Language
from sandboxd.images.oci.media import History
from sandboxd.images.origin import read_nearest, read_origin, used_blobs
from sandboxd.images.store import Image, ImageStore, is_image_name
from sandboxd.model import SECOND_NS, CommitInfo, ImageInfo, ImageOrigin, ImageStep, LanguageInfo
from sandboxd.service.background import Place, Places, in_thread
from sandboxd.service.image_versions import LanguageVersions

_T = TypeVar("_T")

_READERS = 4  # at one time: each has a thread
_BLOCK_BYTES = 512  # of st_blocks


class ImageCatalog:
    """One store. What changes it waits for other writers, so it is done off the event loop, and done when its caller has gone."""

    def __init__(
        self, store: ImageStore, directory: Path, *, default: str, fixed: bool, versions_of: LanguageVersions
    ) -> None:
        """Where images are ``fixed`` nothing is changed."""
        self.places = Places()
        """For what is pulled, pushed, imported, saved, built and changed, which may wait for each other."""
        self._reading = asyncio.Semaphore(_READERS)
        self._versions_of = versions_of
        self.directory = directory
        self._store = store
        self._default = default
        self._fixed = fixed

    async def list(self, language: str = "", *, with_versions: bool = False) -> Sequence[ImageInfo]:
        """Return all images that are whole, by name, or those with a language."""
        found = await self._read(self._list, language)
        if not with_versions:
            return found
        return await asyncio.gather(*map(self._with_versions, found))

    async def get(self, name: str, *, with_versions: bool = False) -> ImageInfo:
        """Return one image, with its packages. UnknownImage; InvalidConfiguration where it is damaged."""
        found = await self._read(self._get, name)
        return await self._with_versions(found) if with_versions else found

    async def _read(self, work: Callable[[str], _T], what: str) -> _T:
        """Do it in a thread, of which there are so many at one time, also those that nobody waits for any more."""
        await self._reading.acquire()
        with Place(self._reading.release) as place:
            return await place.finish(in_thread(work, what))

    async def _with_versions(self, info: ImageInfo) -> ImageInfo:
        image = self._store.get(info.name)
        if image is None:
            return info
        said = await self._versions_of.of(image)
        languages = (replace(language, version=said.get(language.name, "")) for language in info.languages)
        return replace(info, languages=tuple(languages))

    async def tag(self, name: str, new_name: str) -> None:
        """Give an image one more name. InvalidSubmission, UnknownImage and ForeignImage."""
        self.may_change()
        check_name("new_name", new_name)
        with self.places.taken() as place:
            await place.finish(in_thread(self._write, name, lambda: versions.tag(self.directory, name, new_name)))

    async def remove(self, name: str) -> None:
        """Take a name away. UnknownImage and ForeignImage; InvalidSubmission for the default's: requests would fail."""
        self.may_change()
        if name == self._default:
            raise InvalidSubmission.of("name", f"{name} is the server's default image")
        with self.places.taken() as place:
            await place.finish(in_thread(self._write, name, lambda: versions.remove(self.directory, name)))

    async def prune(self) -> int:
        """Remove what no image needs and nothing that runs; returns how many bytes that were. StoreFailed."""
        self.may_change()
        with self.places.taken() as place:
            return await place.finish(in_thread(self._prune))

    def name_if_here(self, manifest_digest: str, name: str) -> bool:
        """Give the image of this manifest one more name, if there is one. Not on the event loop."""
        if self._came_as(manifest_digest) is None:  # then nobody is waited for
            return False
        with versions.writing(self.directory, lambda _line: None):
            present = self._came_as(manifest_digest)  # while it waited, the name may have come to mean another image
            if present is not None:
                versions.tag(self.directory, present, name)
        self._store.let_go()
        return present is not None

    def may_change(self) -> None:
        """Raise ImagesFixed where nothing is changed."""
        if self._fixed:
            raise ImagesFixed("this server's clients may not change images (manage_images)")

    def base(self, name: str) -> Image:
        """Return the image of this name, or else the one that has the language of this name; the default for none."""
        image = self._store.get(name or self._default) or self._store.find(name)
        if image is None:
            raise _unknown(name)
        return image

    def image(self, name: str) -> Image:
        """Return the image of this name. UnknownImage; InvalidConfiguration where it is damaged."""
        image = self._store.get(name)
        if image is None:
            raise _unknown(name)
        return image

    def _came_as(self, manifest_digest: str) -> str | None:
        """Return a name that means the image of this manifest, and that another may be made of; None where there is none."""
        for image in self._store.whole():
            with contextlib.suppress(InvalidConfiguration):  # it does not say what it was
                origin = read_origin(image.directory)
                if origin and origin.manifest == manifest_digest and (self.directory / image.name).is_symlink():
                    return image.name
        return None

    def _list(self, language: str) -> Sequence[ImageInfo]:
        return [
            self._describe(image)
            for image in self._store.whole()
            if not language or image.language(language) is not None
        ]

    def _get(self, name: str) -> ImageInfo:
        image = self.image(name)
        return replace(self._describe(image), packages=_packages(image), origin=_origin(image), commits=_commits(image))

    def _prune(self) -> int:
        before = _size(self.directory)
        self._store.let_go()  # of what was built beside the server, too
        with versions.writing(self.directory, lambda _line: None):  # which removes all that has no name
            pass
        blobs = Blobs(self.directory)
        blobs.prune(lambda: used_blobs(self.directory))
        packed.prune(blobs)
        return max(0, before - _size(self.directory))

    def _write(self, name: str, change: Callable[[], None]) -> None:
        if not is_image_name(name):
            raise _unknown(name)
        try:
            with versions.writing(self.directory, lambda _line: None):
                change()
            self._store.let_go()
        except FileNotFoundError:
            raise _unknown(name) from None

    def _describe(self, image: Image) -> ImageInfo:
        made = os.stat(image.directory / DIGEST)  # its own; a layer's file changes when another image shares it
        return ImageInfo(
            name=image.name,
            digest=image.digest,
            size_bytes=sum(map(_size, image.layers)),
            created_unix_ns=made.st_mtime_ns,
            languages=tuple(_language(image.languages[name]) for name in sorted(image.languages)),
            env=image.env,
            is_default=image.name == self._default,
        )


def check_name(field: str, name: str) -> None:
    """Raise InvalidSubmission where this cannot be the name of an image."""
    if not is_image_name(name):
        raise InvalidSubmission.of(field, f"{shown(name)} cannot be the name of an image")


def _unknown(name: str) -> UnknownImage:
    return UnknownImage(f"no image is named {shown(name)}")


def _language(language: Language) -> LanguageInfo:
    return LanguageInfo(
        name=language.name,
        aliases=language.aliases,
        source=language.source,
        extensions=language.extensions,
        compile=language.compile or (),
        run=language.run,
        template=language.template is not None,
    )


def _packages(image: Image) -> tuple[str, ...]:
    """Return the packages of an image; none of one that was not made of packages."""
    try:
        files = (image.directory / PACKAGES).read_text("utf-8").split()
    except FileNotFoundError:
        return ()
    return tuple(file.removesuffix(".deb") for file in files)


def _origin(image: Image) -> ImageOrigin | None:
    """Return where an image came from, or what it is built on; None of one that was built here of nothing else."""
    origin = read_nearest(image.directory)
    if origin is None:
        return None
    return ImageOrigin(
        reference=origin.reference or "",
        manifest_digest=origin.manifest,
        platform=origin.platform,
        author=origin.author or "",
        labels=dict((origin.execution and origin.execution.labels) or {}),
        history=tuple(map(_step, origin.history)),
        left_out=dict(origin.left_out),
    )


def _commits(image: Image) -> tuple[CommitInfo, ...]:
    return tuple(
        CommitInfo(
            execution_id=commit.execution_id,
            image=commit.image,
            image_digest=commit.image_digest,
            policy=commit.policy,
            created_unix_ns=int(datetime.fromisoformat(commit.created).timestamp()) * SECOND_NS,
            message=commit.message,
            author=commit.author,
            left_out=commit.left_out,
        )
        for commit in read_commits(image.directory)
    )


def _step(step: History) -> ImageStep:
    return ImageStep(
        created=step.created or "",
        created_by=step.created_by or "",
        comment=step.comment or "",
        empty_layer=bool(step.empty_layer),
    )


def _size(place: Path) -> int:
    """Return what a file takes on disk, or all below a directory: each file once, however many names it has."""
    if place.is_file():
        return place.stat().st_blocks * _BLOCK_BYTES
    found: dict[int, int] = {}
    for directory, directories, files in os.walk(place):
        for name in (*directories, *files):
            with contextlib.suppress(FileNotFoundError):  # somebody else works here, too
                status = os.lstat(os.path.join(directory, name))
                found[status.st_ino] = status.st_blocks * _BLOCK_BYTES
    return sum(found.values())
