"""How registries are spoken to: trust, patience and bounds. Values; whoever reads configuration makes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_KIB = 1 << 10
_MIB = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """A registry is named as in a reference: ``host`` or ``host:port``."""

    ca_file: Path | None = None
    """Certificates, PEM, of authorities that are trusted beside the system's."""
    insecure: Collection[str] = ()
    """Registries that may be spoken to without TLS, as those at loopback addresses may."""
    mirrors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By registry: those that are asked first, in this order, when something is pulled from it."""
    connect_timeout_s: float = 10.0
    """For a connection, and for each piece of what is sent."""
    silence_timeout_s: float = 30.0
    """For each piece of an answer: so long it may be silent."""
    least_bytes: int = 256 * _KIB
    """Of an answer's body, in each stretch of :attr:`stretch_s`. Less is a failed try."""
    stretch_s: float = 30.0
    head_timeout_s: float = 60.0
    """For the whole head of an answer, and for each piece of its body with all that frames it."""
    attempts: int = 6
    """How often the same is tried in a row, 1 or more. A try that brought a MiB of a blob does not count."""
    backoff_s: float = 0.5
    """Before the second try; twice that before each further one."""
    longest_wait_s: float = 60.0
    """Between two tries. A registry that asks for more (Retry-After) is not tried again."""
    parallel: int = 4
    """Blobs at one time, 1 or more."""
    max_total_bytes: int = 32 * _GIB
    """Of one image: the manifest's blobs together."""
    chunk_bytes: int = 8 * _MIB
    """A larger blob is pushed in pieces of this size; a piece is what is sent anew after a broken connection."""

    def may_be_plain(self, registry: str) -> bool:
        """Whether this registry may be spoken to without TLS."""
        return registry in self.insecure or _is_loopback(registry)


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0] if registry.rpartition(":")[2].isdecimal() else registry
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
