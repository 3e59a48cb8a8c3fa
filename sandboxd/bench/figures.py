"""What was measured: a row for each thing, with all its samples. Pure: no row knows how it came about."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_HUNDREDTHS = 100
_SAMPLES_FOR_A_TAIL = 10
"""With fewer a 90th percentile would be the largest, by another name."""


def percentile(samples: Sequence[float], rank: int) -> float:
    """Return the ``rank``-th percentile, 1 to 99, interpolated between samples; of one sample, itself."""
    if len(samples) == 1:
        return samples[0]
    return statistics.quantiles(samples, n=_HUNDREDTHS, method="inclusive")[rank - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A thing that was measured, once or many times."""

    name: str
    """Such as ``true/pool``: what ``--only`` goes by."""
    about: str
    """What it is, for the table."""
    unit: str
    samples: Sequence[float]
    against: str = ""
    """Name of the row that its ratio is to; empty for none."""
    note: str = ""
    """What a reader must know beside the figure, such as what its programs were started from."""

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def p90(self) -> float | None:
        """The 90th percentile; None of too few samples."""
        return percentile(self.samples, 90) if len(self.samples) >= _SAMPLES_FOR_A_TAIL else None

    @property
    def p99(self) -> float | None:
        """The 99th percentile; None of too few samples."""
        return percentile(self.samples, 99) if len(self.samples) >= _SAMPLES_FOR_A_TAIL else None


@dataclass(slots=True)
class Report:
    """All of one run."""

    machine: Mapping[str, object]
    whole: bool = True
    """Whether everything was asked for."""
    rows: dict[str, Row] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """What was not measured, by name of the row, and why."""

    def add(self, row: Row) -> None:
        """Take a row in."""
        self.rows[row.name] = row

    def ratio(self, row: Row) -> float | None:
        """Return a row's median in medians of what it is compared with; None where that was not measured."""
        base = self.rows.get(row.against)
        return row.p50 / base.p50 if base is not None else None
