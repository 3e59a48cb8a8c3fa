"""Which versions of languages images have: what their own programs say, in a container."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sandboxd.errors import SandboxError
from sandboxd.images.manifest import Language
from sandboxd.images.store import Image
from sandboxd.model import SECOND_NS, Command, ExecutionResult, LimitsRequest, Submission, Verdict
from sandboxd.service.background import take_note

_AT_ONCE = 4
_MOST_CHARACTERS = 100
_MOST_KNOWN = 1000
_LIMITS = LimitsRequest(wall_time_ns=2 * SECOND_NS, cpu_time_ns=2 * SECOND_NS)

Run = Callable[[Submission], Awaitable[ExecutionResult]]
_Key = tuple[str, str, tuple[str, ...]]


class LanguageVersions:
    """Asks once, by an image's digest and the command, however many want to know; again where it did not go well."""

    def __init__(self, run: Run) -> None:
        """``run`` runs a submission."""
        self._run = run
        self._known: dict[_Key, str] = {}
        self._asking: dict[_Key, asyncio.Task[str]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def of(self, image: Image) -> Mapping[str, str]:
        """Return the first line that each language's program says of itself, by the language; nothing where it cannot be had."""
        languages = [language for language in image.languages.values() if language.version is not None]
        said = await asyncio.gather(*(self._ask(image, language) for language in languages))
        return {language.name: line for language, line in zip(languages, said, strict=True) if line}

    async def _ask(self, image: Image, language: Language) -> str:
        assert language.version is not None
        key = (image.digest, language.name, language.version)
        if key in self._known:
            return self._known[key]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask_it(image, language, key))
            asking.add_done_callback(take_note)
            asking.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(asking)  # who goes leaves it to others, and its turn to what runs

    async def _ask_it(self, image: Image, language: Language, key: _Key) -> str:
        """Ask now; an empty line where it did not go well."""
        async with self._turns:
            try:
                result = await self._run(
                    Submission(
                        program=Command(argv=language.version or ()),
                        image=image.name,
                        env=dict(language.env),
                        limits=_LIMITS,
                    )
                )
            except SandboxError:  # overloaded, or the image has just gone: another time
                return ""
        if result.verdict is not Verdict.OK or result.image_digest != image.digest:
            return ""  # too slow on a busy machine, or the name has just changed: another time, too
        output = result.decisive.stdout.data.strip() or result.decisive.stderr.data.strip()
        lines = output.decode("utf-8", "replace").splitlines()
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = line = lines[0].strip()[:_MOST_CHARACTERS] if lines else ""
        return line
