"""Running attacks against a target, one after the other, and judging each: whether the walls held, and the answer is exact."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import grpc

from sandboxd.attack.program import Attack, Rights, escapes
from sandboxd.attack.target import Broken, Target
from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb

_TIMEOUT_S = 120.0
_SETTLE_S = 10.0
_PROBE_S = 0.02
_QUIET_S = 1.0
_RANK = {rights: rank for rank, rights in enumerate(Rights)}


@dataclass(frozen=True)
class Result:
    """What came of an attack."""

    attack: Attack
    verdict: str
    """Without VERDICT_; a status code where there was no answer."""
    escapes: list[str]
    """Which walls did not hold, and what is left on the host. Empty: contained."""
    lacking: bool
    """Whether the server is less than what it takes to hold against this, and what is in ``escapes`` is no harm to the host."""
    differences: list[str]
    """In what the answer is not what the header promises. Empty: exact."""
    slowest_s: float
    """The longest that the server took for an answer to somebody else meanwhile."""
    latency_s: float
    """How long an execution of ``true`` took afterwards."""

    @property
    def contained(self) -> bool:
        """Whether every wall held that this server can have."""
        return not self.escapes or self.lacking

    @property
    def lost(self) -> bool:
        """Whether a wall did not hold that takes more rights than the server has."""
        return self.lacking and bool(self.escapes)

    @property
    def exact(self) -> bool:
        """Whether it also ended as it must."""
        return not self.escapes and not self.differences


class Suite:
    """Attacks by name, and the target that they are run against."""

    def __init__(self, attacks: Mapping[str, Attack], target: Target, patience: float = 1.0) -> None:
        self._attacks = attacks
        self._target = target
        self._patience = patience
        self._idle: Counter[str] | None = None

    def run(self, name: str) -> Result:
        """Run one attack, with what belongs before and beside it, and look at what it has done."""
        attack = self._attacks[name]
        if self._idle is None:
            self._target.have_templates()
            self._idle = self._target.settled(_SETTLE_S * self._patience, _QUIET_S * self._patience)
        promises: list[str] = []
        with _Probe(self._target, _PROBE_S * self._patience) as probe:
            if attack.header.before:
                promises += self._companion(attack.header.before, self._start(attack.header.before).result)
            beside = self._start(attack.header.beside) if attack.header.beside else None
            verdict, found, differences = self._judge(attack, self._start(name).result)
            if beside is not None:
                promises += self._companion(attack.header.beside, beside.result)
        harm = list(self._target.bait.taken())
        try:
            # First: a spare container that could not be made while the attack went on is made when the next execution has ended.
            latency_s = self._target.latency_s()
        except Broken as error:
            harm.append(f"the next execution failed: {error}")
            latency_s = float("inf")
        if left := self._target.left(self._idle, _SETTLE_S * self._patience):
            self._idle = None  # the next is not to blame for it
        harm += left
        lacking = _RANK[self._target.rights] > _RANK[attack.header.needs] and not harm
        return Result(attack, verdict, [*found, *promises, *harm], lacking, differences, probe.slowest_s, latency_s)

    def _start(self, name: str) -> Any:
        request = self._attacks[name].request(self._target.policy, dict(self._target.bait.places), self._patience)
        return self._target.client.stub.Execute.future(request, timeout=_TIMEOUT_S * self._patience)

    def _judge(self, attack: Attack, result: Any) -> tuple[str, list[str], list[str]]:
        """Return verdict, escapes and differences of an answer. A refusal of the request contains it."""
        try:
            response = result()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code is grpc.StatusCode.INVALID_ARGUMENT:
                return code.name, [], [f"it did not run: {details}"]
            return code.name, [f"no answer: {details}"], []
        verdict = short_name(response.verdict, pb.Verdict)
        canary = self._target.bait.canary.encode()
        return verdict, list(escapes(response, canary)), list(attack.differences(response))

    def _companion(self, name: str, result: Any) -> list[str]:
        """Return what came of a companion and should not: an attack must not change how its neighbours end."""
        _, found, differences = self._judge(self._attacks[name], result)
        return [f"{name}: {what}" for what in (*found, *differences)]


class _Probe:
    """Somebody else who uses the server meanwhile: asks for the list, again and again."""

    def __init__(self, target: Target, every_s: float) -> None:
        self._target = target
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.slowest_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(self._every_s):
            begun = time.monotonic()
            with contextlib.suppress(grpc.RpcError):  # the answer to the attack says so too
                self._target.client.list()
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
