"""Which template is used, and for how long, with templates that these tests make up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sandboxd.errors import SetupFailed
from sandboxd.runtime.templates import NoRow, Templates

KIND = type("Kind", (), {"runtime": SimpleNamespace(argv=("python3",)), "image": ("image",)})()


@pytest.mark.parametrize(
    ("error", "kept"),
    [(NoRow(), True), (SetupFailed("start_template", 0, "it has said why"), False)],
    ids=["no ids", "a fault"],
)
async def test_a_worn_template_serves_on_where_there_are_only_no_ids_for_another(error, kept):
    """Containers of its forks have them, for as long as their programs run; that says nothing against it."""
    retired, worn, asked = [], SimpleNamespace(usable=True, worn=True), []

    async def start(kind):
        asked.append(kind)
        raise error

    templates = Templates(4, start, retired.append)
    templates._ready[KIND] = worn
    assert templates.get(KIND) is worn
    await asyncio.gather(*templates._starting.values())

    assert (templates.get(KIND) is worn) == kept
    assert retired == ([] if kept else [worn])
    assert [KIND] == asked, "it is not tried again at once"


async def test_so_many_are_started_at_one_time():
    """Each may take all the memory that a compiler may."""
    going = asyncio.Event()

    async def start(kind):
        await going.wait()
        raise NoRow

    templates = Templates(4, start, lambda _template: None)
    kinds = [object() for _ in range(5)]
    for _ in range(3):
        for kind in kinds:
            templates.get(kind)

    assert set(kinds[:2]) == set(templates._starting)
    going.set()
    await templates.close()
