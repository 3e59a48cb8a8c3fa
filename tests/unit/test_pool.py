"""Which container a request gets, and when others are made: the pool, with containers that are none."""

from __future__ import annotations

import asyncio

import pytest

from sandboxd.config import POOL_KINDS
from sandboxd.errors import SetupFailed
from sandboxd.runtime.pool import Pool


class Fake:
    """What the pool knows of a container."""

    def __init__(self, key):
        self.key = key
        self.dead = asyncio.get_running_loop().create_future()
        self.doomed = False
        self.on_end = lambda: None

    def die(self):
        """End as with the launcher."""
        self.dead.set_result(None)
        self.doomed = True
        self.on_end()


class Workshop:
    """Makes and discards; a test says when, and whether it works."""

    def __init__(self):
        self.made, self.discarded = [], []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def make(self, key):
        """Make one once the workshop is open."""
        await self.open.wait()
        if self.broken:
            raise SetupFailed("clone", 11, "no")
        self.made.append(Fake(key))
        return self.made[-1]

    def pool(self, size):
        """Return a pool over this workshop."""
        return Pool(size, self.make, self.discarded.append)


@pytest.fixture
async def workshop():
    """A workshop."""
    return Workshop()


async def turns(count=5):
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_first_of_a_key_is_a_miss_and_the_next_a_hit(workshop):
    pool = workshop.pool(2)

    assert await pool.take("a") is None
    pool.top_up("a")
    await turns()
    assert 2 == pool.ready
    assert await pool.take("a") is workshop.made[0]
    assert (1, 1) == (pool.hits, pool.misses)


async def test_none_is_given_twice(workshop):
    pool = workshop.pool(3)
    pool.top_up("a")
    await turns()
    taken = [await pool.take("a") for _ in range(4)]

    assert workshop.made == taken[:3]
    assert taken[3] is None


async def test_keys_do_not_mix(workshop):
    pool = workshop.pool(1)
    pool.top_up("a")
    pool.top_up("b")
    await turns()

    assert "b" == (await pool.take("b")).key
    assert await pool.take("b") is None
    assert "a" == (await pool.take("a")).key


async def test_a_request_takes_the_one_that_is_being_made(workshop):
    """Rather than have another made; the shelf does not get it too."""
    pool = workshop.pool(1)
    workshop.open.clear()
    pool.top_up("a")
    taking = asyncio.ensure_future(pool.take("a"))
    await turns()
    workshop.open.set()

    assert await taking is workshop.made[0]
    assert 0 == pool.ready
    assert 1 == len(workshop.made)


async def test_a_request_whose_container_cannot_be_made_is_sent_to_make_its_own(workshop):
    pool = workshop.pool(2)
    workshop.open.clear()
    workshop.broken = True
    pool.top_up("a")
    taking = asyncio.ensure_future(pool.take("a"))
    await turns()
    workshop.open.set()

    assert await taking is None


async def test_one_that_dies_waiting_is_discarded_at_once(workshop):
    pool = workshop.pool(2)
    pool.top_up("a")
    await turns()
    workshop.made[0].die()

    assert [workshop.made[0]] == workshop.discarded
    assert await pool.take("a") is workshop.made[1]


async def test_one_that_was_given_tells_the_pool_nothing_more(workshop):
    pool = workshop.pool(1)
    pool.top_up("a")
    await turns()
    (await pool.take("a")).die()

    assert [] == workshop.discarded


async def test_the_key_of_long_ago_gives_way(workshop):
    pool = workshop.pool(1)
    for key in range(POOL_KINDS + 1):
        pool.top_up(key)
        await turns()

    assert [0] == [container.key for container in workshop.discarded]
    assert POOL_KINDS == pool.ready


async def test_size_zero_makes_none(workshop):
    pool = workshop.pool(0)
    pool.top_up("a")
    await turns()

    assert [] == workshop.made


@pytest.mark.parametrize("being_made", [False, True])
async def test_closing_discards_all_and_makes_no_more(workshop, being_made):
    pool = workshop.pool(2)
    if being_made:
        workshop.open.clear()
    pool.top_up("a")
    await turns()
    closing = asyncio.ensure_future(pool.close())
    await turns()
    workshop.open.set()
    await closing
    pool.top_up("a")
    await turns()

    assert 2 == len(workshop.made)
    assert workshop.made == workshop.discarded
    assert 0 == pool.ready
