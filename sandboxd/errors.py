"""Failures of the service or of the request, never of the program.

A program that crashes, loops or runs out of memory is a verdict and a successful answer. An exception
of this module means that no trustworthy verdict exists. ``api/errors.py`` maps each class to a status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BuildFailed",
    "CommitForbidden",
    "ContainerLost",
    "Draining",
    "ForeignImage",
    "HostUnfit",
    "ImagesFixed",
    "InvalidConfiguration",
    "InvalidImage",
    "InvalidSubmission",
    "NotAttachable",
    "Overloaded",
    "SandboxError",
    "SetupFailed",
    "Stalled",
    "StoreFailed",
    "UnknownExecution",
    "UnknownImage",
    "UnknownService",
    "Violation",
    "setting_up",
    "shown",
]


_SHOWN_CHARACTERS = 64


class SandboxError(Exception):
    """Base class: everything sandboxd raises on purpose derives from it."""


def shown(text: str) -> str:
    """Quote what a caller wrote, cut to what a person reads: an error travels in headers, which have room for little."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field of a request."""

    field: str
    """Path of the field as the proto names it, such as ``limits.memory_bytes`` or ``files[3].path``."""
    description: str
    """What is wrong, with the bound where there is one."""


class InvalidSubmission(SandboxError):
    """The request is wrong; sending it unchanged cannot work."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = tuple(violations)

    @classmethod
    def of(cls, field: str, description: str) -> InvalidSubmission:
        """The error for one bad field."""
        return cls([Violation(field, description)])


class UnknownImage(SandboxError):
    """The store has no image of this name."""


class ForeignImage(SandboxError):
    """The image was put into the store by hand, so it is not ours to change."""


class ImagesFixed(SandboxError):
    """This server's clients may not change images."""


class CommitForbidden(SandboxError):
    """The policy does not permit that images are made of what programs leave."""


class BuildFailed(SandboxError):
    """An image cannot be had as it was asked for; the message ends with what the tool said."""


class StoreFailed(SandboxError):
    """The image store cannot be read or written, as where its disk is full."""


class Stalled(SandboxError):
    """The caller has sent or taken nothing of a file for so long that it was given up."""


class UnknownExecution(SandboxError):
    """No execution of this id is live or remembered."""


class UnknownService(SandboxError):
    """This server has no service of this name whose health could be told."""


class NotAttachable(SandboxError):
    """The execution exists but does not accept what was asked (stdin of a unary Execute, for one)."""


class Overloaded(SandboxError):
    """Every slot is busy and the queue is full; retry later."""

    def __init__(self, reason: str, *, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class DeadlinePassed(SandboxError):
    """The caller's deadline had passed before anything was done."""


class Draining(SandboxError):
    """The server is stopping and takes no new work."""


class SetupFailed(SandboxError):
    """The container could not be built; the program did not run."""

    def __init__(self, step: str, errno: int, reason: str) -> None:
        super().__init__(f"container set-up failed at {step}: {reason}")
        self.step = step
        self.errno = errno


class setting_up:  # noqa: N801  (used as contextlib's own are; of a generator it would cost five times as much)
    """Give an OSError of the block the name of the step that it kept from being done."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise SetupFailed(self._step, error.errno or 0, error.strerror or str(error)) from error


class ContainerLost(SandboxError):
    """The platform lost a container whose program had started, so its end is not known."""


class InvalidConfiguration(SandboxError):
    """A configuration file, policy or image manifest is wrong; the message names file and key."""


class InvalidImage(SandboxError):
    """An image from elsewhere, or the name of one, is malformed, not what its digests say, or tries what no image may."""


class HostUnfit(SandboxError):
    """This host lacks something without which nothing can be contained."""
