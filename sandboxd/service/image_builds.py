"""Images that a server makes of others for its clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import BuildFailed, InvalidSubmission
from sandboxd.images import derive, requirements, wheels
from sandboxd.images.manifest import PYTHON
from sandboxd.images.recipe import Debian
from sandboxd.images.store import Image
from sandboxd.model import ExecutionResult, File, ImageInfo, Source, Submission, Verdict
from sandboxd.service.background import Done, Event, in_lines, told
from sandboxd.service.images import ImageCatalog, check_name

_MOST_PACKAGES = 500
_MOST_PACKAGE_CHARACTERS = 1 << 16  # they are one argument of a tool, which the kernel bounds by 128 KiB

Run = Callable[[Submission], Awaitable[ExecutionResult]]
Job = Callable[[Callable[[str], None]], str]
"""Builds an image, telling what it does, and returns its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An image as it is asked for: of requirements or packages."""

    name: str
    """Empty for one after what is in it."""
    base: str
    requirements: str
    packages: Sequence[str]


class ImageBuilder:
    """Builds for one catalog."""

    def __init__(self, catalog: ImageCatalog, *, run: Run, wheelhouse: Path | None) -> None:
        """``run`` runs a submission; ``wheelhouse`` is where all wheels come from, if there is one."""
        self._catalog = catalog
        self._run = run
        self._wheelhouse = wheelhouse

    async def build(self, wanted: Wanted) -> AsyncIterator[Event | ImageInfo]:
        """Make an image; yields what is done, and at last the image.

        InvalidSubmission, UnknownImage, BuildFailed and HostUnfit. Who stops listening does not keep it from being made.
        """
        self._catalog.may_change()
        if wanted.name:
            check_name("name", wanted.name)
        job = await self._job(wanted)
        async for event in told(self._catalog.places, lambda tell: job(in_lines(tell))):
            yield event if not isinstance(event, Done) else await self._catalog.get(event.result)

    async def _job(self, wanted: Wanted) -> Job:
        if wanted.packages and wanted.requirements:
            raise InvalidSubmission.of("packages", "not together with requirements: build one image on the other")
        if wanted.packages:
            return self._debian_job(wanted)
        return await self._python_job(wanted)

    async def _python_job(self, wanted: Wanted) -> Job:
        lines = requirements.check(wanted.requirements)
        base = self._catalog.base(wanted.base)
        python = await self._ask_python(base)
        all_of_it = wheels.Wanted(requirements=lines, python=python, wheelhouse=self._wheelhouse)
        return lambda tell: derive.add_requirements(self._catalog.directory, wanted.name, base, all_of_it, tell)

    def _debian_job(self, wanted: Wanted) -> Job:
        if len(wanted.packages) > _MOST_PACKAGES:
            raise InvalidSubmission.of("packages", f"more than {_MOST_PACKAGES}")
        if sum(map(len, wanted.packages)) > _MOST_PACKAGE_CHARACTERS:
            raise InvalidSubmission.of("packages", f"more than {_MOST_PACKAGE_CHARACTERS} characters")
        try:
            packages = Debian(suite="any", packages=tuple(wanted.packages)).packages
        except ValueError as error:
            raise InvalidSubmission.of("packages", str(error)) from error
        base = self._catalog.base(wanted.base)
        return lambda tell: derive.add_packages(self._catalog.directory, wanted.name, base, packages, tell)

    async def _ask_python(self, image: Image) -> requirements.Python:
        """Ask an image's interpreter what it is, in a container."""
        if image.language(PYTHON) is None:
            raise InvalidSubmission.of("base", f"image {image.name!r} has no language {PYTHON!r}")
        source = Source(language=PYTHON, files=(File(path="", content=requirements.PROBE.encode()),))
        result = await self._run(Submission(program=source, image=image.name))
        if result.verdict is not Verdict.OK:
            raise BuildFailed(f"the Python of {image.name!r} does not tell what it is: {result.verdict.name}")
        return requirements.answer(result.decisive.stdout.data)
