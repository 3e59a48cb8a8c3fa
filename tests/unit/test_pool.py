"""Which container a request gets, how many are kept and when others are made: the pool, with containers that are none."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sandboxd.config import POOL_KINDS
from sandboxd.errors import SetupFailed
from sandboxd.runtime.demand import WINDOW_S, Demand
from sandboxd.runtime.pool import AT_ONCE, GRACE_S, Bounds, Pool

KIB = 1 << 10
MIB = 1 << 20
LOTS = 1 << 40


class Clock:
    """Time that passes when a test says so, and the timers that are set by it."""

    def __init__(self):
        self.now = 1000.0
        self.timers = []

    def time(self):
        """Return the time."""
        return self.now

    def call_at(self, when, callback):
        """Set a timer."""
        timer = SimpleNamespace(when=lambda: when, ring=callback, cancel=lambda: self.timers.remove(timer))
        self.timers.append(timer)
        return timer

    async def pass_by(self, seconds):
        """Let time pass, and ring what is due, in turn."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.when() <= end]:
            timer = min(due, key=lambda timer: timer.when())
            self.timers.remove(timer)
            self.now = max(self.now, timer.when())
            timer.ring()
            await turns()
        self.now = end


class Fake:
    """What the pool knows of a container."""

    def __init__(self, key, memory):
        self.key = key
        self.dead = asyncio.get_running_loop().create_future()
        self.doomed = False
        self.on_end = lambda: None
        self.cgroup = SimpleNamespace(memory_bytes=memory)

    def die(self):
        """End as with the launcher."""
        self.dead.set_result(None)
        self.doomed = True
        self.on_end()


class Workshop:
    """Makes and discards, and asks as requests do; a test says when, and whether it works."""

    def __init__(self):
        self.begun, self.made, self.discarded = [], [], []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False
        self.doomed = False
        self.takes_s = 0.0
        self.memory_bytes = MIB
        self.clock = Clock()

    async def make(self, key):
        """Make one once the workshop is open."""
        self.begun.append(key)
        await self.open.wait()
        self.clock.now += self.takes_s
        if self.broken:
            raise SetupFailed("clone", 11, "no")
        self.made.append(Fake(key, self.memory))
        self.made[-1].doomed = self.doomed
        return self.made[-1]

    def memory(self):
        """Read what a container takes."""
        if self.memory_bytes is None:
            raise FileNotFoundError
        return self.memory_bytes

    def pool(self, least, most=64, memory_bytes=LOTS):
        """Return a pool over this workshop."""
        bounds = Bounds(least=least, most=most, memory_bytes=memory_bytes)
        self.of = Pool(bounds, self.make, self.discarded.append, self.clock)
        return self.of

    async def request(self, key):
        """Ask as a request does: returns a container of the pool, or None for one that the request has made itself."""
        with self.of.waiting():
            container = await self.of.take(key)
        self.of.given(key)
        return container

    async def burst(self, number, key="a"):
        """Have requests come at one time; none has ended."""
        return [await self.request(key) for _ in range(number)]

    async def end(self, number=1, key="a"):
        """Have the containers of requests end, and spare ones made."""
        for _ in range(number):
            self.of.given_back(key)
            self.of.replenish()
        await turns(20 + 20 * number)

    async def prepare(self, *keys):
        """Have spare ones of keys, after a first request for each."""
        for key in keys:
            await self.request(key)
            await self.end(key=key)

    def kept(self):
        """List the keys of those that are kept."""
        return sorted(str(container.key) for container in self.made if container not in self.discarded)


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

    assert await workshop.request("a") is None
    await workshop.end()
    assert 2 == pool.ready == pool.target
    assert await workshop.request("a") is workshop.made[0]
    assert (1, 1) == (pool.hits, pool.misses)


async def test_none_is_given_twice(workshop):
    workshop.pool(3)
    await workshop.prepare("a")
    taken = await workshop.burst(4)

    assert workshop.made == taken[:3]
    assert taken[3] is None


async def test_keys_do_not_mix(workshop):
    workshop.pool(1)
    await workshop.prepare("a", "b")

    assert "b" == (await workshop.request("b")).key
    assert await workshop.request("b") is None
    assert "a" == (await workshop.request("a")).key


async def test_a_request_takes_the_one_that_is_being_made(workshop):
    """Rather than have another made; the shelf does not get it too."""
    pool = workshop.pool(1)
    workshop.open.clear()
    await workshop.prepare("a")
    taking = asyncio.ensure_future(workshop.request("a"))
    await turns()
    workshop.open.set()

    assert await taking is workshop.made[0]
    assert 0 == pool.ready
    assert 1 == len(workshop.made)


async def test_one_that_is_being_made_is_waited_for_by_one_request(workshop):
    workshop.pool(1)
    workshop.open.clear()
    await workshop.prepare("a")
    first = asyncio.ensure_future(workshop.request("a"))
    await turns()

    assert await workshop.request("a") is None
    workshop.open.set()
    assert await first is workshop.made[0]


async def test_a_request_whose_container_cannot_be_made_is_sent_to_make_its_own(workshop):
    workshop.pool(2)
    workshop.open.clear()
    workshop.broken = True
    await workshop.prepare("a")
    taking = asyncio.ensure_future(workshop.request("a"))
    await turns()
    workshop.open.set()

    assert await taking is None


async def test_one_that_cannot_be_made_is_not_tried_again_until_something_happens(workshop):
    workshop.pool(2)
    workshop.broken = True
    await workshop.prepare("a")
    assert 2 == len(workshop.begun)

    workshop.broken = False
    await workshop.request("a")
    await workshop.end()
    assert 2 == workshop.of.ready


async def test_one_that_is_dead_when_it_is_made_is_discarded_and_not_tried_again(workshop):
    workshop.pool(2)
    workshop.doomed = True
    await workshop.prepare("a")

    assert 2 == len(workshop.begun)
    assert workshop.made == workshop.discarded


async def test_one_that_dies_waiting_is_discarded_at_once(workshop):
    workshop.pool(2)
    await workshop.prepare("a")
    workshop.made[0].die()

    assert [workshop.made[0]] == workshop.discarded
    assert await workshop.request("a") is workshop.made[1]


async def test_one_that_was_given_tells_the_pool_nothing_more(workshop):
    workshop.pool(1)
    await workshop.prepare("a")
    (await workshop.request("a")).die()

    assert [] == workshop.discarded


async def test_the_key_of_long_ago_gives_way(workshop):
    pool = workshop.pool(1)
    await workshop.prepare(*range(POOL_KINDS + 1))

    assert [0] == [container.key for container in workshop.discarded]
    assert POOL_KINDS == pool.ready


async def test_a_pool_of_none_makes_none(workshop):
    workshop.pool(2, most=0)
    await workshop.prepare("a")

    assert [] == workshop.begun
    assert [] == workshop.clock.timers


@pytest.mark.parametrize("being_made", [False, True])
async def test_closing_discards_all_and_makes_no_more(workshop, being_made):
    pool = workshop.pool(2)
    if being_made:
        workshop.open.clear()
    await workshop.prepare("a")
    closing = asyncio.ensure_future(pool.close())
    await turns()
    workshop.open.set()
    await closing
    await workshop.prepare("a")

    assert 2 == len(workshop.made)
    assert workshop.made == workshop.discarded
    assert 0 == pool.ready
    assert [] == workshop.clock.timers


# How many are kept.


async def test_as_many_as_had_containers_at_one_time_find_one_the_next_time(workshop):
    workshop.pool(2)
    assert [None] * 10 == await workshop.burst(10)
    await workshop.end(10)

    assert 10 == workshop.of.ready
    assert None not in await workshop.burst(10)


async def test_one_after_another_needs_no_more_than_the_least(workshop):
    workshop.pool(2)
    for _ in range(100):
        await workshop.request("a")
        await workshop.clock.pass_by(0.003)
        await workshop.end()

    assert 2 == workshop.of.target
    assert 99 == workshop.of.hits


async def test_those_that_run_for_long_are_not_asked_for_again(workshop):
    workshop.pool(2)
    for _ in range(50):
        await workshop.request("a")
        await workshop.clock.pass_by(10)

    assert 2 == workshop.of.target


@pytest.mark.parametrize(("takes_s", "wanted"), [(0.005, 1), (0.5, 10), (2.0, 31)])
def test_what_takes_long_to_make_is_kept_for_those_who_come_meanwhile(takes_s, wanted):
    """Ten a second, one after another: five in half a second on average, and twice as many now and then."""
    demand = Demand()
    demand.made(takes_s)
    for number in range(100):
        demand.asked(number / 10, 1)
        demand.begin()
        demand.end()

    assert wanted == demand.wanted


async def test_how_long_making_takes_is_measured(workshop):
    workshop.pool(1)
    workshop.takes_s = 2.0
    await workshop.prepare("a")
    for _ in range(20):
        await workshop.clock.pass_by(0.1)
        await workshop.request("a")
        workshop.of.given_back("a")
    workshop.of.replenish()

    assert workshop.of.target > 20


async def test_it_falls_to_the_least_when_demand_has(workshop):
    """After one window at the earliest, and two at the latest; then there is no timer any more."""
    workshop.pool(2)
    await workshop.burst(10)
    await workshop.end(10)
    await workshop.clock.pass_by(WINDOW_S)
    assert 10 == workshop.of.ready
    await workshop.clock.pass_by(WINDOW_S)

    assert 2 == workshop.of.ready == workshop.of.target
    assert workshop.made[:8] == workshop.discarded
    assert [] == workshop.clock.timers


async def test_the_least_may_be_none(workshop):
    workshop.pool(0)
    await workshop.prepare("a")
    assert 1 == workshop.of.ready
    await workshop.clock.pass_by(2 * WINDOW_S + 1)

    assert 0 == workshop.of.ready
    assert [] == workshop.clock.timers


async def test_demand_that_comes_back_in_time_is_remembered(workshop):
    workshop.pool(2)
    for _ in range(5):
        await workshop.burst(10)
        await workshop.end(10)
        await workshop.clock.pass_by(0.9 * WINDOW_S)

    assert 40 == workshop.of.hits
    assert [] == workshop.discarded


async def test_all_keys_together_have_no_more_than_the_most(workshop):
    workshop.pool(2, most=12)
    for key in "abc":
        await workshop.burst(12, key)
        await workshop.end(12, key)

    assert ["a"] * 4 + ["b"] * 4 + ["c"] * 4 == workshop.kept()


async def test_keys_that_want_more_than_there_may_be_do_not_take_it_from_each_other_in_turn(workshop):
    """Each that is discarded would have to be made again."""
    workshop.pool(4, most=8)
    for _ in range(5):
        for key in "abc":
            await workshop.request(key)
            await workshop.end(key=key)

    assert 8 == workshop.of.ready == workshop.of.target
    assert len(workshop.discarded) <= 8


async def test_where_there_may_be_fewer_than_keys_the_busiest_have_them(workshop):
    workshop.pool(1, most=2)
    await workshop.burst(3, "c")
    await workshop.end(3, "c")
    await workshop.prepare("a", "b")

    assert 2 == workshop.of.ready
    assert "c" in workshop.kept()


async def test_all_keys_together_take_no_more_memory_than_they_may(workshop):
    """As measured: what the first were thought to take is corrected by what they do take."""
    workshop.memory_bytes = 3 * MIB
    workshop.pool(2, memory_bytes=12 * MIB + KIB)
    await workshop.burst(10)
    await workshop.end(10)
    assert 4 == workshop.of.ready

    workshop.memory_bytes = 6 * MIB
    await workshop.request("a")
    await workshop.end()
    assert 2 == workshop.of.ready


async def test_memory_that_cannot_be_read_stops_nothing(workshop):
    workshop.memory_bytes = None
    workshop.pool(2)
    await workshop.prepare("a")

    assert 2 == workshop.of.ready


# When they are made.


async def test_no_more_than_a_few_are_made_at_one_time(workshop):
    workshop.pool(2)
    workshop.open.clear()
    await workshop.burst(10)
    await workshop.end(10)
    assert AT_ONCE == len(workshop.begun)
    workshop.open.set()
    await turns(100)

    assert 10 == workshop.of.ready


async def test_none_is_begun_while_a_request_waits(workshop):
    """Whatever ends meanwhile, and whatever time passes: the request's own comes first, and then they do."""
    workshop.pool(2)
    await workshop.prepare("a")
    with workshop.of.waiting():
        await workshop.request("a")
        await workshop.end()
        await workshop.clock.pass_by(10 * GRACE_S)
        assert 2 == len(workshop.begun)
    await turns(50)

    assert 2 + 1 == len(workshop.begun)


async def test_a_request_whose_container_could_not_be_made_waits_no_more(workshop):
    workshop.pool(2)
    with pytest.raises(SetupFailed), workshop.of.waiting():
        raise SetupFailed("clone", 11, "no")
    await workshop.prepare("a")

    assert 2 == workshop.of.ready
    await workshop.clock.pass_by(10)
    assert [] == workshop.clock.timers


async def test_programs_that_go_on_and_on_are_not_waited_for(workshop):
    workshop.pool(2)
    await workshop.request("a")
    await workshop.clock.pass_by(0.9 * GRACE_S)
    assert [] == workshop.begun
    await workshop.clock.pass_by(0.2 * GRACE_S)

    assert 2 == workshop.of.ready


async def test_there_is_one_timer_at_most(workshop):
    workshop.pool(2)
    for number in range(20):
        await workshop.burst(5, number % 3)
        assert 1 == len(workshop.clock.timers)
        await workshop.end(4, number % 3)
        assert 1 == len(workshop.clock.timers)
        await workshop.clock.pass_by(number)


async def test_it_tells_how_long_making_one_took(workshop):
    took = []
    workshop.takes_s = 0.25
    workshop.pool(1).on_made = took.append
    await workshop.prepare("a")

    assert [0.25] == took
