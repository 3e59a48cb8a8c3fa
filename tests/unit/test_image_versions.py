"""What is believed of programs that say which version of a language an image has."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxd.errors import Overloaded
from sandboxd.images.manifest import Language
from sandboxd.images.store import Image
from sandboxd.model import Output, Verdict
from sandboxd.service.image_versions import LanguageVersions
from tests.unit.records import phase, result

LANGUAGE = Language(name="x", source="main.x", extensions=(".x",), run=("x", "{entrypoint}"), version=("x", "-v"))
IMAGE = Image(
    name="a", digest=result().image_digest, layers=(Path("/a/root.erofs"),), languages={"x": LANGUAGE}, env={}
)
SAID = {"stdout": Output(blocks=(b"x 1.2\nmore\n",))}


class Asked:
    """Answers as it is told to, one by one, and counts."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.versions = LanguageVersions(self._run)

    async def _run(self, _submission):
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def versions_now(self):
        return await self.versions.of(IMAGE)

    @property
    def left(self):
        return len(self._answers)


async def test_what_a_program_says_is_asked_for_once():
    asked = Asked(result(phase(**SAID)), result(phase(**SAID)))

    assert [{"x": "x 1.2"}] * 2 == [await asked.versions_now() for _ in range(2)]
    assert 1 == asked.left


async def test_some_say_it_on_standard_error():
    assert {"x": "x 1.2"} == await Asked(result(phase(stderr=Output(blocks=(b"x 1.2\n",))))).versions_now()


async def test_what_did_not_go_well_says_nothing_and_is_asked_again():
    """It was ended on a busy machine, or failed and complained, or another image had the name when it ran."""
    asked = Asked(
        result(phase(Verdict.WALL_TIME_LIMIT, **SAID)),
        result(phase(Verdict.NONZERO_EXIT, exit_code=1, stderr=Output(blocks=(b"x: no such file\n",)))),
        result(phase(**SAID), image_digest="sha256:2"),
        Overloaded("full", retry_after_s=1),
        result(phase(**SAID)),
    )

    assert [{}] * 4 + [{"x": "x 1.2"}] == [await asked.versions_now() for _ in range(5)]


class Held:
    """Counts who is asked at one time, and lets nobody answer before it is told to."""

    def __init__(self):
        self.asked = 0
        self.answers = asyncio.Event()
        self.versions = LanguageVersions(self._run)

    async def _run(self, _submission):
        self.asked += 1
        await self.answers.wait()
        return result(phase(**SAID))


async def test_who_asks_meanwhile_waits_for_the_same_answer():
    held = Held()
    calls = [asyncio.create_task(held.versions.of(IMAGE)) for _ in range(10)]
    await asyncio.sleep(0.01)
    held.answers.set()

    assert [{"x": "x 1.2"}] * 10 == await asyncio.gather(*calls)
    assert 1 == held.asked


async def test_who_goes_makes_no_room_and_keeps_nobody_from_the_answer():
    """What runs for it goes on, and others who want to know the same have it."""
    held = Held()
    for number in range(10):
        call = asyncio.create_task(held.versions.of(replace(IMAGE, digest=f"sha256:{number}")))
        await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert 4 == held.asked
    stays = asyncio.create_task(held.versions.of(replace(IMAGE, digest="sha256:1")))
    await asyncio.sleep(0.001)
    held.answers.set()

    assert {"x": "x 1.2"} == await stays
    assert held.asked <= 10


async def test_a_bug_is_told_to_who_asked():
    asked = Asked(ZeroDivisionError(), result(phase(**SAID)))

    with pytest.raises(ZeroDivisionError):
        await asked.versions_now()
    assert {"x": "x 1.2"} == await asked.versions_now()
