"""What the service tells those who count and those who write down. Metrics and logs are such observers, wrapped around the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sandboxd.model import ExecutionResult, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An execution that has ended: with a result, or with the error that stands in its place."""

    execution_id: str
    submission: Submission
    image: str
    language: str
    policy: str
    result: ExecutionResult | None
    error: BaseException | None
    queued_ns: int
    created_ns: int
    ran_ns: int


class Observer(Protocol):
    """Is told what happens; must be quick and must not raise."""

    def execution_ended(self, record: Record) -> None:
        """An execution has ended, whichever way."""

    def rejected(self, reason: str) -> None:
        """A submission was not taken: ``invalid``, ``overloaded``, ``deadline`` or ``draining``."""


class Tee:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def execution_ended(self, record: Record) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.execution_ended(record)

    def rejected(self, reason: str) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.rejected(reason)
