"""What can go wrong with a registry: one class for each thing that the caller can do about it.

A message names registry and repository. It has no credentials and no query of an address, which may be a signature; of
what the registry answered it has the status and the error codes, whose alphabet is capital letters and underscores.
"""

from __future__ import annotations

from typing import ClassVar

from sandboxd.errors import SandboxError

__all__ = [
    "BrokenOff",
    "NotInRegistry",
    "NotVerified",
    "RegistryError",
    "RegistryRefused",
    "RegistryUnavailable",
    "TlsRefused",
    "TooLarge",
    "Unauthorized",
    "Unreachable",
]


class RegistryError(SandboxError):
    """Base class. ``place`` is "registry/repository"."""

    transient: ClassVar[bool] = False
    """Whether the same may succeed a little later. It was tried as often as the settings say."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place


class NotInRegistry(RegistryError):
    """The registry has no such repository, manifest or blob, or none for this platform."""


class Unauthorized(RegistryError):
    """The registry wants other credentials, or gives these no right to what was asked."""


class TlsRefused(RegistryError):
    """No TLS that can be trusted: a certificate of an unknown authority, of another name or expired, or no TLS at all."""

    def __init__(self, place: str, reason: str, *, of_certificate: bool = False) -> None:
        super().__init__(place, reason)
        self.of_certificate = of_certificate
        """Whether there is TLS, with a certificate that is refused."""


class Unreachable(RegistryError):
    """No connection: the name has no address, nobody listens, or nobody answered in time."""

    transient = True


class BrokenOff(RegistryError):
    """The connection ended, or was silent for too long, before all was said."""

    transient = True


class RegistryUnavailable(RegistryError):
    """The registry answered 429 (too many requests) or 5xx."""

    transient = True

    def __init__(self, place: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(place, reason)
        self.retry_after_s = retry_after_s
        """When it asked to come back, from the answer on; None where it did not say."""


class NotVerified(RegistryError):
    """What came is not what its digest, its size or its type says."""


class TooLarge(RegistryError):
    """More bytes than the caller, or the client, takes."""


class RegistryRefused(RegistryError):
    """Any other answer than what was asked for."""

    def __init__(self, place: str, reason: str, status: int | None = None) -> None:
        super().__init__(place, reason)
        self.status = status
        """Of HTTP, where that is what was refused."""
