"""One run: what is asked for is measured, in order, and what cannot be is skipped with its reason."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import grpc

from sandboxd.bench import echo, flows, latency, machine, peers, programs, rates, residents, turns
from sandboxd.bench.figures import Report, Row
from sandboxd.bench.latency import Contender, reported, timed
from sandboxd.bench.rates import Loop
from sandboxd.bench.stage import Stage, cores
from sandboxd.bench.turns import Broken, taking_turns
from sandboxd.client import SandboxClient
from sandboxd.client.server import ServerProcess

_TIMEOUT_S = 60
_CPU_TIME_PAIRS = 60
_NEEDS_OWN_SERVER = "a server that is started for this call is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    rounds: int
    """Of latencies."""
    rate_rounds: int
    rate_calls: int
    """Executions in a round of a rate."""
    live: int
    """Containers that live beside the one that is measured."""


SIZES = {
    "quick": Size(rounds=50, rate_rounds=2, rate_calls=150, live=20),
    "default": Size(rounds=200, rate_rounds=5, rate_calls=300, live=200),
    "full": Size(rounds=300, rate_rounds=5, rate_calls=400, live=1000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked for."""

    size: Size
    only: Sequence[str]
    """Globs over the names of rows; none for all."""
    floor: str | None
    """The floor's program; None where there is none."""


class Suite:
    """A run against one server."""

    def __init__(
        self, stage: Stage, client: SandboxClient, address: str, server: ServerProcess | None, options: Options
    ) -> None:
        """``server`` is the process behind the address; None where that is somebody else's."""
        self.report = Report(machine.describe(), whole=not options.only)
        self._stage = stage
        self._client = client
        self._address = address
        self._server = server
        self._options = options
        self._told: Callable[[str], None] = lambda _: None

    def run(self, told: Callable[[str], None]) -> Report:
        """Measure all; ``told`` hears how far it is."""
        self._told = told
        with contextlib.ExitStack() as stack:
            commands = self._floors(stack)
            self._latencies(commands[:1])
            self._rates(commands)
        for names, measured in (
            (("stream/pipe", "stream/execute"), self._streams),
            (("cpu/getrusage", "cpu/told"), self._cpu_time),
            (("memory/idle",), self._idle_memory),
            (("live/one", "live/many"), self._neighbours),
        ):
            if any(map(self._wanted, names)):
                try:
                    measured()
                except Broken as error:
                    self._skip(names[-1], str(error))
        return self.report

    def _wanted(self, name: str) -> bool:
        only = self._options.only
        return not only or any(fnmatch.fnmatchcase(name, glob) for glob in only)

    def _skip(self, name: str, why: str) -> None:
        self.report.skipped[name] = why

    def _add(self, rows: Iterator[Row]) -> None:
        for row in rows:
            self.report.add(row)

    # Latencies.

    def _latencies(self, floors: Sequence[Sequence[str]]) -> None:
        with contextlib.ExitStack() as stack:
            contenders = [
                *self._bare(stack),
                *self._echo(stack),
                *self._executions(),
                *self._cold(stack, floors),
                *self._peers(stack),
            ]
            for contender in latency.measure(contenders, self._options.size.rounds, self._skip, self._told):
                self.report.add(contender.row())

    def _bare(self, stack: contextlib.ExitStack) -> Iterator[Contender]:
        for name, about, argv, code in (
            ("true/bare", "bare fork+exec of /bin/true", programs.TRUE, ""),
            ("python/bare", "bare python3 hello.py", programs.PYTHON, programs.HELLO),
        ):
            if self._wanted(name):
                taker = stack.enter_context(taking_turns(name, *self._stage.bare(argv, code)))
                note = "" if name == "true/bare" else "the image's own Python, by chroot"
                yield Contender(name=name, about=about, turn=reported(taker), note=note)

    def _echo(self, stack: contextlib.ExitStack) -> Iterator[Contender]:
        if self._wanted("echo"):
            call = stack.enter_context(_echoing(self._stage, self._address))
            about = "gRPC echo, a server that does nothing"
            yield Contender(name="echo", about=about, turn=timed(call), against="true/bare")

    def _executions(self) -> Iterator[Contender]:
        for name, about, kind, warm, against in (
            ("true/pool", "Execute /bin/true", "true", True, "true/bare"),
            ("true/cold", "Execute /bin/true, warm=false", "true", False, "true/bare"),
            ("python/warm", "Execute Python hello", "python", True, "python/bare"),
            ("python/cold", "Execute Python hello, warm=false", "python", False, "python/bare"),
        ):
            if self._wanted(name):
                request = programs.request(kind, warm=warm)
                turn = timed(functools.partial(self._client.execute, request, timeout=_TIMEOUT_S))
                yield Contender(name=name, about=about, turn=turn, against=against)

    def _cold(self, stack: contextlib.ExitStack, floors: Sequence[Sequence[str]]) -> Iterator[Contender]:
        if self._wanted("true/embedded"):
            taker = stack.enter_context(taking_turns("embedded", *self._stage.embedded()))
            about = "cold /bin/true without gRPC, runtime as a library"
            yield Contender(name="true/embedded", about=about, turn=reported(taker), against="true/bare")
        for command in floors if self._wanted("true/floor") else ():
            taker = stack.enter_context(taking_turns("floor", *command))
            about = "cold /bin/true, the floor in C"
            yield Contender(name="true/floor", about=about, turn=reported(taker), against="true/bare")

    def _peers(self, stack: contextlib.ExitStack) -> Iterator[Contender]:
        for peer in peers.PEERS:
            name = f"true/{peers.ROW_NAMES.get(peer.name, peer.name)}"
            if not self._wanted(name):
                continue
            if missing := peers.missing(peer):
                self._skip(name, missing)
                continue
            try:
                turn = timed(stack.enter_context(peer.prepared(self._stage.root)))
            except (Broken, subprocess.SubprocessError) as error:
                self._skip(name, str(error))
            else:
                yield Contender(name=name, about=peer.about, turn=turn, against="true/bare", rare=True)

    def _floors(self, stack: contextlib.ExitStack) -> Sequence[Sequence[str]]:
        """Return the commands of a floor for each core; none where there is no floor, or nobody wants it."""
        names = [name for name in ("true/floor", "rate/true-floor", "cost/true-floor") if self._wanted(name)]
        if not names:
            return ()
        why = "no --floor FILE (make bench builds it)" if self._options.floor is None else ""
        if self._options.floor is not None:
            try:
                return stack.enter_context(self._stage.floors(self._options.floor, cores()))
            except OSError as error:
                why = f"its control groups: {error}"
        for name in names:
            self._skip(name, why)
        return ()

    # Throughput.

    def _rates(self, floors: Sequence[Sequence[str]]) -> None:
        with contextlib.ExitStack() as stack:
            loops = [
                *self._bare_loops(stack),
                *self._floor_loop(stack, floors),
                *self._embedded_loop(stack),
                *self._call_loops(stack),
            ]
            measured = rates.measure(loops, self._options.size.rate_rounds, self._skip, self._told)
            self._add(row for row in measured if self._wanted(row.name))

    def _wants_loop(self, name: str) -> bool:
        return self._wanted(f"rate/{name}") or self._wanted(f"cost/{name}")

    def _bare_loops(self, stack: contextlib.ExitStack) -> Iterator[Loop]:
        for name, about, argv, code in (
            ("true-bare", "bare /bin/true", programs.TRUE, ""),
            ("python-bare", "bare python3 hello.py", programs.PYTHON, programs.HELLO),
        ):
            if self._wants_loop(name):
                yield self._loop(stack, name, about, [self._stage.bare(argv, code)] * cores())

    def _floor_loop(self, stack: contextlib.ExitStack, floors: Sequence[Sequence[str]]) -> Iterator[Loop]:
        if floors and self._wants_loop("true-floor"):
            yield self._loop(stack, "true-floor", "the floor in C", floors, against="true-bare")

    def _embedded_loop(self, stack: contextlib.ExitStack) -> Iterator[Loop]:
        if self._wants_loop("true-embedded"):
            (taker,) = takers = [stack.enter_context(taking_turns("embedded", *self._stage.embedded()))]
            yield Loop(
                name="true-embedded",
                about="cold /bin/true without gRPC, one after the other",
                count=self._options.size.rate_calls,
                round=rates.side_by_side(takers),
                workers=taker.workers,
                against="true-bare",
                cost_against="true-floor",
            )

    def _loop(
        self, stack: contextlib.ExitStack, name: str, about: str, commands: Sequence[Sequence[str]], against: str = ""
    ) -> Loop:
        takers = [stack.enter_context(taking_turns(name, *command)) for command in commands]
        return Loop(
            name=name,
            about=f"{about}, {len(takers)} {'loops' if len(takers) > 1 else 'loop'}",
            count=self._options.size.rate_calls,
            round=rates.side_by_side(takers),
            workers=lambda: [pid for taker in takers for pid in taker.workers()],
            against=against,
            cost_against=against,
        )

    def _call_loops(self, stack: contextlib.ExitStack) -> Iterator[Loop]:
        wanted = [
            (name, about, floor)
            for name, about, floor in (
                ("true", "/bin/true", "true-floor"),
                ("python", "Python hello", "python-bare"),
            )
            if self._wants_loop(name)
        ]
        if not wanted:
            return
        client = stack.enter_context(rates.load_client(self._address))
        for name, about, floor in wanted:
            yield Loop(
                name=name,
                about=f"Execute {about}, {rates.IN_FLIGHT} in flight",
                count=self._options.size.rate_calls,
                round=rates.calls(client, name),
                workers=lambda: [self._server.pid, *self._server.children()] if self._server else (),
                against=f"{name}-bare",
                cost_against=floor,
            )

    # The rest.

    def _streams(self) -> None:
        with rates.load_client(self._address) as client:
            self._add(flows.streams(client, max(3, self._options.size.rounds // 10), self._told))

    def _cpu_time(self) -> None:
        command = self._stage.bare(programs.PYTHON, programs.COMPUTE)
        with taking_turns("cpu/getrusage", *command) as bare:
            self._add(flows.cpu_time(self._client, bare, _CPU_TIME_PAIRS, self._told))

    def _idle_memory(self) -> None:
        if self._server is None:
            raise Broken(_NEEDS_OWN_SERVER)
        self._told("memory of containers that wait")
        self._add(residents.idle_memory())

    def _neighbours(self) -> None:
        if self._server is None:
            raise Broken(_NEEDS_OWN_SERVER)
        self._told(f"starting {self._options.size.live} containers")
        with residents.neighbours(self._options.size.live) as contenders:
            for contender in latency.measure(contenders, self._options.size.rounds, self._skip, self._told):
                self.report.add(contender.row())


@contextlib.contextmanager
def _echoing(stage: Stage, address: str) -> Iterator[Callable[[], object]]:
    """Start an echo server by the transport of the one that is measured, and give a call of it."""
    listen = f"unix:{stage.directory}/echo" if address.startswith("unix:") else "127.0.0.1:0"
    payload = programs.request("true").SerializeToString()
    with subprocess.Popen(
        turns.python("echo", listen), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        listening = process.stdout.readline().strip()
        if not listening:
            raise Broken("the echo server does not start")
        with grpc.insecure_channel(listening) as channel:
            call = channel.unary_unary(echo.METHOD)
            yield lambda: call(payload)
        process.stdin.close()
