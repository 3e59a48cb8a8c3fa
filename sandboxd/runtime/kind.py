"""What a container is made of, and a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.model import Runtime
from sandboxd.runtime.policy import Policy


@dataclass(frozen=True, slots=True)
class Kind:
    """What a container is made of and cannot be changed in it. Equal where the digests are."""

    image: tuple[Path, ...]
    """Its layers, the lowest first."""
    policy: Policy = field(compare=False)
    policy_digest: str
    audit: bool
    runtime: Runtime | None = None
    """What is loaded in it, by a template."""
