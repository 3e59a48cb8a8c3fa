"""What measurements print: quantiles, and tables that say what the machine had to do beside."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence


def quantiles(samples: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    return statistics.median(samples), statistics.quantiles(samples, n=100, method="inclusive")[98]


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, each row of it a name and figures."""
    lines = [(title, *columns), *(tuple(map(_shown, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print()
    for name, *figures in lines:
        print(
            f"{name:<{widths[0]}}",
            *(f"{figure:>{width}}" for figure, width in zip(figures, widths[1:], strict=True)),
            sep="  ",
        )
    print(f"on {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.2f}", flush=True)


def _shown(figure: object) -> str:
    return f"{figure:,.2f}" if isinstance(figure, float) else f"{figure:,}" if isinstance(figure, int) else str(figure)
