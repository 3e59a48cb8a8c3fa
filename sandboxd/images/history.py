"""How an image that was built here came to be, as OCI tells it: what one from elsewhere says of itself, if it is built on such a one, and what was done here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from sandboxd.images.committing import Commit, read_commits
from sandboxd.images.oci.layers import Layer
from sandboxd.images.oci.media import History
from sandboxd.images.origin import Origin, read_base


def history(place: Path, goes: Sequence[Sequence[Layer]]) -> tuple[History, ...]:
    """Say how each layer was made, as far as it is known, of the image in a directory; ``goes`` is as what layers each of its files goes."""
    commits: dict[int, list[Commit]] = {}
    for commit in read_commits(place):
        commits.setdefault(commit.layer, []).append(commit)
    base, steps = _Base(read_base(place)), list[History]()
    for number, layers in enumerate(goes):
        if merged := commits.get(number, []):
            steps += [*base.rest(), *map(_layerless, map(_step_of, merged[:-1])), _step_of(merged[-1])]
            continue
        for layer in layers:
            which = sum(not step.empty_layer for step in steps) + 1
            steps += base.up_to(layer.digest) or [*base.rest(), History(created_by=f"sandboxd: layer {which}")]
    return tuple(steps)


class _Base:
    """The steps of an image from elsewhere, each told once. Where its layer is part of another now, a step is told and made none."""

    def __init__(self, origin: Origin | None) -> None:
        self._steps = list(origin.history) if origin is not None else []
        making = [index for index, step in enumerate(self._steps) if not step.empty_layer]
        layers = origin.layers if origin is not None else ()
        # Otherwise nobody can say which made which.
        self._made_by = dict(zip(layers, making, strict=True)) if len(layers) == len(making) else {}
        self._told = 0

    def up_to(self, layer: str) -> list[History]:
        """Return the steps up to the one that made a layer; none where that is not known."""
        made_by = self._made_by.get(layer, -1)
        if made_by < self._told:
            return []
        before, self._told = self._steps[self._told : made_by], made_by + 1
        return [*map(_layerless, before), self._steps[made_by]]

    def rest(self) -> list[History]:
        """Return the other steps."""
        rest, self._told = self._steps[self._told :], len(self._steps)
        return list(map(_layerless, rest))


def _layerless(step: History) -> History:
    return replace(step, empty_layer=True)


def _step_of(commit: Commit) -> History:
    """Tell of a commit. Of several that were merged, only the last made the layer."""
    return History(
        created=commit.created,
        created_by=f"sandboxd: commit of execution {commit.execution_id} in {commit.image}@{commit.image_digest} by policy {commit.policy}",
        author=commit.author or None,
        comment=commit.message or None,
    )
