"""Files of clients, and changes of the store: who has a place, and until when. What is done with images is held by the test."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from unittest.mock import AsyncMock

import pytest

from sandboxd.errors import InvalidSubmission, Overloaded, Stalled
from sandboxd.images import apart
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.service import image_transfers
from sandboxd.service.background import Places
from sandboxd.service.image_transfers import ImageTransfers
from sandboxd.service.images import ImageCatalog
from tests.slowness import SLOWNESS

PIECE = 1 << 20


class Held:
    """Work that goes on until the test lets it end."""

    def __init__(self) -> None:
        self.begun = 0
        self.over = threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.begun += 1
        assert self.over.wait(20 * SLOWNESS)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.over.set()


@pytest.fixture
def catalog(tmp_path: Path) -> Any:
    """A catalog with one place."""
    store = SimpleNamespace(whole=list, get=lambda name: None)
    catalog = ImageCatalog(store, tmp_path, default="default", fixed=False, versions_of=None)  # type: ignore[arg-type]
    catalog.places = Places(1)
    catalog.image = lambda name: SimpleNamespace(name=name)  # type: ignore[assignment,return-value,method-assign]
    return catalog


@pytest.fixture
def transfers(catalog: ImageCatalog) -> ImageTransfers:
    return ImageTransfers(catalog, RegistrySettings(max_total_bytes=8 * PIECE), None)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10 * SLOWNESS):
        while not true():  # noqa: ASYNC110  (of what a thread does, or a timer)
            await asyncio.sleep(0.001)


async def read(pieces: AsyncIterator[bytes]) -> int:
    return sum([len(piece) async for piece in pieces])


async def sent(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def open_files(directory: Path) -> int:
    """Count the descriptors of nameless files in a directory."""
    fds = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(fd) and os.readlink(fd).startswith(f"{directory}/") for fd in fds)


async def see_that_it_outlasts_its_caller(call: Callable[[], Any], held: Held, places: Places) -> None:
    """Cancel a call whose work goes on: its place is free when that ends, and not before."""
    task = asyncio.create_task(call())
    await until(lambda: held.begun == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    for _ in range(3):
        with pytest.raises(Overloaded):
            await call()
    assert held.begun == 1
    held.over.set()
    await until(lambda: places._free == 1)


@pytest.mark.parametrize("name", ["tag", "remove", "prune"])
async def test_a_change_has_its_place_until_it_is_done(
    catalog: ImageCatalog, held: Held, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(catalog, "_write", held)
    monkeypatch.setattr(catalog, "_prune", held)
    arguments = {"tag": ("one", "two"), "remove": ("one",), "prune": ()}[name]

    await see_that_it_outlasts_its_caller(lambda: getattr(catalog, name)(*arguments), held, catalog.places)


async def test_a_list_that_nobody_waits_for_is_one_of_so_many(
    catalog: ImageCatalog, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_list", held)

    for _ in range(12):
        task = asyncio.create_task(catalog.list())
        await asyncio.sleep(0.01)
        task.cancel()

    await until(lambda: held.begun == 4)
    await asyncio.sleep(0.05)
    assert held.begun == 4


async def test_an_archive_has_its_place_until_it_is_written(
    catalog: ImageCatalog, transfers: ImageTransfers, held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(transfers, "_write", held)

    await see_that_it_outlasts_its_caller(lambda: read(transfers.save("one", as_root=False)), held, catalog.places)

    await until(lambda: open_files(tmp_path) == 0)


async def test_a_file_is_open_until_it_is_taken(
    catalog: ImageCatalog, transfers: ImageTransfers, held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process is given it by its number, which might be another file's by then."""
    contents = []

    def take(store: Path, file: BinaryIO, *_: object, **__: object) -> None:
        held()
        contents.append(file.read())

    monkeypatch.setattr(apart, "take_file", take)

    await see_that_it_outlasts_its_caller(lambda: transfers.take("one", "", sent(b"data")), held, catalog.places)

    assert contents == [b"data"]
    await until(lambda: open_files(tmp_path) == 0)


def write_pieces(count: int) -> Callable[..., None]:
    def write(image: object, file: BinaryIO, *, as_root: bool) -> None:
        file.write(bytes(count * PIECE))

    return write


async def test_a_reader_that_stands_still_is_given_up(
    catalog: ImageCatalog, transfers: ImageTransfers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image_transfers, "STILL_S", 0.5)
    monkeypatch.setattr(transfers, "_write", write_pieces(3))
    pieces = transfers.save("one", as_root=False)

    assert len(await anext(pieces)) == PIECE
    assert open_files(tmp_path) == 1
    await until(lambda: open_files(tmp_path) == 0)  # without another word of it

    with pytest.raises(Stalled, match=r"nothing of the file was taken for 0\.5 s"):
        await anext(pieces)


async def test_a_reader_that_is_slow_is_not(transfers: ImageTransfers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_transfers, "STILL_S", 0.5 * SLOWNESS)
    monkeypatch.setattr(transfers, "_write", write_pieces(6))
    came = 0

    async for piece in transfers.save("one", as_root=False):
        came += len(piece)
        await asyncio.sleep(0.2 * SLOWNESS)

    assert came == 6 * PIECE


async def test_readers_keep_nobody_else_out(
    catalog: ImageCatalog, transfers: ImageTransfers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly they read; there are so many of them at one time."""
    monkeypatch.setattr(transfers, "_write", write_pieces(2))
    readers = [transfers.save("one", as_root=False) for _ in range(8)]
    for reader in readers:
        await anext(reader)

    assert catalog.places._free == 1
    with pytest.raises(Overloaded):
        await anext(transfers.save("one", as_root=False))
    await readers[0].aclose()  # type: ignore[attr-defined]
    assert await read(transfers.save("one", as_root=False)) == 2 * PIECE


@pytest.mark.parametrize(("after_s", "piece"), [(20 * SLOWNESS, b""), (0.05, b""), (0.05, b"1")])
async def test_a_file_of_which_too_little_comes_is_given_up(
    catalog: ImageCatalog,
    transfers: ImageTransfers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    after_s: float,
    piece: bytes,
) -> None:
    """Nothing, or a byte now and then."""
    monkeypatch.setattr(image_transfers, "STILL_S", 0.2)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"data"
        for _ in range(20):
            await asyncio.sleep(after_s)
            yield piece

    with pytest.raises(Stalled, match=r"less than 1 MiB of the file came in 0\.2 s"):
        await transfers.take("one", "", pieces())

    assert catalog.places._free == 1
    assert open_files(tmp_path) == 0


async def test_a_file_that_comes_slowly_is_not(
    transfers: ImageTransfers, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    """Its end may be short, and the server's own writing is not the client's."""
    monkeypatch.setattr(image_transfers, "STILL_S", 0.5 * SLOWNESS)
    monkeypatch.setattr(transfers._catalog, "get", lambda _name: asyncio.sleep(0))
    monkeypatch.setattr(apart, "take_file", held)
    held.over.set()
    in_thread = image_transfers.in_thread

    async def pieces() -> AsyncIterator[bytes]:
        for size in (PIECE // 2, PIECE // 2, PIECE, PIECE, PIECE, 1, 1):
            await asyncio.sleep(0.15 * SLOWNESS)
            yield bytes(size)

    async def slowly(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(0.3 * SLOWNESS)
        return await in_thread(work, *arguments, **options)

    monkeypatch.setattr(image_transfers, "in_thread", slowly)

    await transfers.take("one", "", pieces())

    assert held.begun == 1


async def test_a_file_that_is_too_large_or_none_is_refused(catalog: ImageCatalog, transfers: ImageTransfers) -> None:
    for pieces in (sent(), sent(b""), sent(*[bytes(PIECE)] * 9)):
        with pytest.raises(InvalidSubmission, match="data"):
            await transfers.take("one", "", pieces)

    assert catalog.places._free == 1


async def test_a_file_of_which_a_write_takes_a_part_comes_whole(
    transfers: ImageTransfers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does where little room is left."""

    class Reluctant(io.BytesIO):
        def write(self, data: Any, /) -> int:
            return super().write(data[: len(data) // 2 + 1])

    taken: list[bytes] = []
    monkeypatch.setattr(image_transfers.tempfile, "TemporaryFile", lambda **_: Reluctant())
    monkeypatch.setattr(apart, "take_file", lambda _store, file, *_, **__: taken.append(file.read()))
    monkeypatch.setattr(transfers._catalog, "get", AsyncMock())

    await transfers.take("one", "", sent(b"all ", b"of it"))

    assert [b"all of it"] == taken
