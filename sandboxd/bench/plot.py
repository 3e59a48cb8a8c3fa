"""A picture of the latencies: for each row how many of its samples were at most so long. Needs matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from sandboxd.bench.figures import Report, Row

_INCHES = (12, 6)


def is_available() -> bool:
    """Whether there is what draws: the optional dependencies ``bench``."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(report: Report, path: str) -> None:
    """Draw the distribution of every latency, on a logarithmic axis, into a PNG file. OSError where it cannot be written."""
    import matplotlib as mpl  # noqa: PLC0415  (an optional dependency, and slow to import)

    mpl.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=_INCHES, layout="constrained")
    for row in _latencies(report):
        samples = sorted(row.samples)
        shares = [(number + 1) / len(samples) for number in range(len(samples))]
        axes.step(samples, shares, where="post", label=row.about)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("milliseconds")
    axes.set_ylabel("share of runs that took at most as long")
    axes.set_title(f"{report.machine['CPU']}, {report.machine['kernel']}", fontsize="small")
    axes.grid(visible=True, which="both", alpha=0.3)
    if axes.lines:
        figure.legend(fontsize="small", loc="outside right upper")
    figure.savefig(path, format="png", dpi=150)
    plt.close(figure)


def _latencies(report: Report) -> Sequence[Row]:
    return [row for row in report.rows.values() if row.unit == "ms" and not row.name.startswith(("cpu/", "cost/"))]
