"""Who gets a slot and who a place in the queue, without anything that runs."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sandboxd.errors import Draining, Overloaded
from sandboxd.service import admission as admission_module
from sandboxd.service.admission import Admission
from sandboxd.service.untaken import OF_ONE_BYTES

AT_ONCE = 8


class Caller:
    """Submits by a name, and remembers what it has in the order in which it got it."""

    def __init__(self, admission, name, order):
        self._admission, self._name, self._order = admission, name, order

    def submit(self):
        """Take a ticket and wait with it, as an execution does."""
        ticket = self._admission.reserve(self._name)
        return ticket, asyncio.create_task(self._enter(ticket))

    def submit_until_refused(self):
        """Take what there is. Raises Overloaded."""
        while True:
            self.submit()

    async def _enter(self, ticket):
        await ticket.enter()
        self._order.append((self._name, ticket))


class Scene:
    """An admission, and what has been let in and runs, oldest first."""

    def __init__(self, **sizes):
        self.admission = Admission(**sizes)
        self.running, self.let_in = [], []

    def caller(self, name):
        """Return somebody who calls."""
        return Caller(self.admission, name, self.let_in)

    async def turn(self):
        """Let those in who may enter; returns their names."""
        for _ in range(3):
            await asyncio.sleep(0)
        came = [name for name, _ in self.let_in]
        self.running += self.let_in
        self.let_in.clear()
        return came

    def end_oldest(self):
        """End what runs longest; returns whose it was."""
        name, ticket = self.running.pop(0)
        ticket.leave()
        return name

    async def until_empty(self):
        """End one after the other; returns the names of those who came in, in order."""
        came = []
        while self.running:
            self.end_oldest()
            came += await self.turn()
        return came


async def test_slots_are_given_at_once_and_the_queue_takes_the_rest():
    scene = Scene(slots=2, queue=8)
    a = scene.caller("a")
    for _ in range(4):
        a.submit()

    assert (["a", "a"], 2) == (await scene.turn(), scene.admission.depth)


async def test_one_caller_is_served_in_the_order_of_its_calls():
    scene = Scene(slots=1, queue=8)
    a = scene.caller("a")
    tickets = [a.submit()[0] for _ in range(4)]
    await scene.turn()
    served = []
    while scene.running:
        served.append(scene.running[0][1])
        scene.end_oldest()
        await scene.turn()

    assert tickets == served


@pytest.mark.parametrize("slots", [1, 2, 4])
async def test_who_asks_for_little_does_not_wait_for_who_asks_for_much(slots):
    """The first slot that gets free is its own, however many of the other's have waited longer."""
    scene = Scene(slots=slots, queue=100)
    big, small = scene.caller("big"), scene.caller("small")
    for _ in range(slots + 40):
        big.submit()
    await scene.turn()
    small.submit()
    scene.end_oldest()

    assert ["small"] == await scene.turn()


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("others", [1, 3])
async def test_all_get_as_many_when_all_want_more(slots, others):
    scene = Scene(slots=slots, queue=400)
    callers = [scene.caller(str(number)) for number in range(others + 1)]
    for caller in callers:
        for _ in range(40):
            caller.submit()
    first = await scene.turn()
    served = Counter((first + await scene.until_empty())[slots : slots + 10 * len(callers)])

    assert len(callers) == len(served)
    assert max(served.values()) - min(served.values()) <= slots


async def test_who_comes_back_for_each_one_gets_every_second_slot():
    """With one slot and one call at a time it is forgotten in between, and not put behind."""
    scene = Scene(slots=1, queue=100)
    big, small = scene.caller("big"), scene.caller("small")
    for _ in range(20):
        big.submit()
    small.submit()
    order = await scene.turn()
    for _ in range(8):
        if scene.end_oldest() == "small":
            small.submit()
        order += await scene.turn()

    assert ["big", "small"] * 4 + ["big"] == order


async def test_short_programs_are_not_driven_out_by_long_ones():
    """What is shared is slots and not turns: a caller's slot that gets free is its own again."""
    scene = Scene(slots=2, queue=100)
    long, short = scene.caller("long"), scene.caller("short")
    for _ in range(10):
        long.submit()
        short.submit()
    await scene.turn()
    for _ in range(6):
        index = next(index for index, (name, _) in enumerate(scene.running) if name == "short")
        scene.running.insert(0, scene.running.pop(index))
        scene.end_oldest()
        assert ["short"] == await scene.turn()


@pytest.mark.parametrize("queue", [1, 2, 256])
async def test_one_caller_alone_has_the_whole_queue(queue):
    scene = Scene(slots=1, queue=queue)
    a = scene.caller("a")
    with pytest.raises(Overloaded) as error:
        a.submit_until_refused()

    assert f"{queue} submissions wait" in str(error.value)


async def test_a_full_queue_has_places_for_who_has_little_and_for_who_has_nothing():
    """A quarter and an eighth: who has little cannot take those of who has nothing, and the queue stays bounded, whoever comes."""
    scene = Scene(slots=1, queue=16)
    with pytest.raises(Overloaded):
        scene.caller("greedy").submit_until_refused()
    taken = []
    for name in "abcd":
        before = scene.admission.depth
        with pytest.raises(Overloaded):
            scene.caller(name).submit_until_refused()
        taken.append(scene.admission.depth - before)

    assert [4, 1, 1, 0] == taken


async def test_no_queue_is_no_place():
    scene = Scene(slots=1, queue=0)
    scene.caller("a").submit()
    with pytest.raises(Overloaded):
        scene.caller("b").submit()
    await scene.turn()
    scene.end_oldest()
    scene.caller("b").submit()

    assert ["b"] == await scene.turn()


async def test_who_gives_up_in_the_queue_gives_its_place_back():
    scene = Scene(slots=1, queue=1)
    a = scene.caller("a")
    a.submit()
    ticket, waiting = a.submit()
    await scene.turn()
    waiting.cancel()
    await scene.turn()
    ticket.leave()
    assert 0 == scene.admission.depth
    a.submit()
    scene.end_oldest()

    assert ["a"] == await scene.turn()


async def test_who_gives_up_as_its_turn_comes_passes_the_slot_on():
    scene = Scene(slots=1, queue=4)
    a = scene.caller("a")
    a.submit()
    ticket, waiting = a.submit()
    a.submit()
    await scene.turn()
    scene.end_oldest()
    waiting.cancel()
    await scene.turn()
    ticket.leave()

    assert ["a"] == await scene.turn()


async def test_callers_who_have_nothing_are_forgotten():
    scene = Scene(slots=2, queue=8)
    for number in range(4):
        scene.caller(str(number)).submit()
    await scene.turn()
    await scene.until_empty()

    assert ({}, 2) == (dict(scene.admission._callers), scene.admission._free)


async def test_a_retry_is_told_to_come_when_what_waits_is_through():
    """A second each, of which nothing is known better; two wait and one more would, for two slots."""
    scene = Scene(slots=2, queue=2)
    a = scene.caller("a")
    for _ in range(4):
        a.submit()
    with pytest.raises(Overloaded) as error:
        a.submit()

    assert 1.5 == error.value.retry_after_s


async def test_who_drains_takes_no_more():
    scene = Scene(slots=1, queue=4)
    scene.admission.drain()
    with pytest.raises(Draining):
        scene.caller("a").submit()


# Who is refused, and comes back sooner than it was told.


class FullServer:
    """An admission that has nothing left."""

    def __init__(self):
        self.admission = Admission(slots=1, queue=1)
        self.tickets = [self.admission.reserve(name) for name in ("first", "first", "second", "third")]

    async def ask(self, name="rude"):
        """Ask, as each call does before its request is received; returns the task, a few turns later."""
        asking = asyncio.create_task(self.admission.ask(name))
        await turns()
        return asking

    async def refused_at_once(self, name="rude"):
        """Whether a call is refused before time has passed."""
        asking = await self.ask(name)
        refused = asking.done() and isinstance(asking.exception(), Overloaded)
        asking.cancel()
        await turns()
        return refused

    async def held(self, calls, name="rude"):
        """Have so many calls refused, and make each again at once."""
        for _ in range(calls):
            with pytest.raises(Overloaded):
                self.admission.reserve(name)
        return [await self.ask(name) for _ in range(calls)]


@pytest.fixture
def slowly(monkeypatch):
    """The time that callers are told, and that after which who is early is answered, no test lives to see. Returns how to be quicker."""
    monkeypatch.setattr(admission_module, "_EARLY_AT_ONCE", 0)
    monkeypatch.setattr(admission_module, "_EARLY_PER_S", 1e-3)
    monkeypatch.setattr(admission_module, "_FIRST_GUESS_S", 1e6)
    return lambda per_s: monkeypatch.setattr(admission_module, "_EARLY_PER_S", per_s)


async def turns():
    """Let everything come as far as it comes without time."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_who_asks_where_there_is_a_place_is_not_refused():
    scene = Scene(slots=1, queue=1)
    scene.caller("a").submit()

    await scene.admission.ask("a")


async def test_who_waits_as_it_was_told_is_refused_at_once(slowly, monkeypatch):
    """Again and again, while others are held."""
    full = FullServer()
    monkeypatch.setattr(full.admission, "_mean_s", 0.01)
    for _ in range(3):
        patient = await full.ask("patient")
        await asyncio.sleep(patient.exception().retry_after_s + 0.001)
        await full.held(1)


async def test_many_calls_at_the_same_moment_are_refused_at_once(slowly, monkeypatch):
    monkeypatch.setattr(admission_module, "_EARLY_AT_ONCE", 99)
    full = FullServer()
    asked = [asyncio.create_task(full.admission.ask("many")) for _ in range(100)]
    await turns()

    assert all(isinstance(call.exception(), Overloaded) for call in asked)


async def test_who_is_early_is_refused_in_turn_and_no_faster_than_the_rate(slowly):
    slowly(100)
    full, order, loop = FullServer(), [], asyncio.get_running_loop()
    began = loop.time()
    calls = await full.held(20)
    for number, call in enumerate(calls):
        call.add_done_callback(lambda call, number=number: order.append((number, type(call.exception()))))
    await asyncio.wait(calls)
    await turns()

    assert [(number, Overloaded) for number in range(len(calls))] == order
    assert loop.time() - began >= 19 / 100  # of 20, for a timer may be early by a little


async def test_who_comes_back_at_once_for_ever_is_refused_at_the_rate(slowly):
    slowly(100)
    full, loop = FullServer(), asyncio.get_running_loop()
    began = loop.time()
    for _ in range(21):
        with pytest.raises(Overloaded):
            await full.admission.ask("rude")

    assert loop.time() - began >= 19 / 100


async def test_who_is_early_once_does_not_wait_for_who_is_a_hundred_times(slowly):
    slowly(100)
    full = FullServer()
    big = await full.held(60, "big")
    (small,) = await full.held(1, "small")
    with pytest.raises(Overloaded):
        await small
    held = sum(not call.done() for call in big)
    for call in big:
        call.cancel()

    assert held > 30


async def test_who_is_held_gets_a_place_that_there_is_by_then(slowly):
    slowly(1)
    full = FullServer()
    (held,) = await full.held(1)
    assert not held.done()
    full.tickets.pop().leave()

    assert await held is None


async def test_who_is_held_learns_at_once_that_the_server_drains(slowly):
    full = FullServer()
    (held,) = await full.held(1)
    assert not held.done()
    full.admission.drain()
    await turns()

    assert isinstance(held.exception(), Draining)


async def test_who_gives_up_while_it_is_held_makes_nobody_wait(slowly):
    """However many begin a call and cancel it."""
    full = FullServer()
    for _ in range(20):
        for call in await full.held(50):
            call.cancel()
    await turns()
    slowly(1)
    (held,) = await full.held(1)

    with pytest.raises(Overloaded):
        await asyncio.wait_for(held, 30)


async def test_no_more_are_held_than_take_little_memory(slowly, monkeypatch):
    monkeypatch.setattr(admission_module, "_MOST_HELD", 16)
    asked = await FullServer().held(60)
    held = [call for call in asked if not call.done()]
    for call in asked:
        call.cancel()

    assert 16 == len(held)


async def test_what_callers_were_told_is_remembered_of_so_many(slowly, monkeypatch):
    monkeypatch.setattr(admission_module, "_MOST_TOLD", 16)
    full = FullServer()
    for number in range(100):
        assert await full.refused_at_once(f"caller {number}")

    assert [f"caller {number}" for number in range(84, 100)] == list(full.admission._early._told)


async def test_who_does_not_take_its_answers_gets_no_more_and_keeps_nobody_out():
    """Neither a place nor the turn of what waits already. The slot is the next one's."""
    admission = Admission(slots=1, queue=8)
    first, second, others = (admission.reserve(name) for name in ("deaf", "deaf", "another"))
    await first.enter()
    admission.untaken.add("deaf", OF_ONE_BYTES)
    first.leave()

    with pytest.raises(Overloaded) as refused:
        admission.reserve("deaf")
    assert refused.value.retry_after_s > 0
    await others.enter()
    others.leave()
    with pytest.raises(Overloaded):
        await second.enter()
    second.leave()
    admission.untaken.remove("deaf", OF_ONE_BYTES)
    third = admission.reserve("deaf")
    await third.enter()
    third.leave()
    assert 0 == admission.depth


async def test_who_does_not_take_its_answers_is_refused_at_the_rate():
    admission = Admission(slots=1, queue=8)
    admission.untaken.add("deaf", OF_ONE_BYTES)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(admission_module._EARLY_AT_ONCE + 12):
        with pytest.raises(Overloaded):
            await admission.ask("deaf")

    assert loop.time() - began >= 10 / admission_module._EARLY_PER_S
