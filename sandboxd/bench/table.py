"""The one table of a run: for a terminal, and as plain values for JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sandboxd.bench.figures import Report, Row
from sandboxd.bench.targets import Judgement, judge

_NONE = "-"
_COLUMNS = ("what", "p50", "p90", "p99", "unit", "ratio", "of", "runs", "")
_LEFT = frozenset({0, 4, 6, 8})


def render(report: Report) -> str:
    """Return the run as text: the machine, a row for each figure, the targets, and what was skipped."""
    lines = [_cells(report, row) for row in report.rows.values()]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *lines, strict=True)]
    text = [f"{name}: {value}" for name, value in report.machine.items()]
    text += ["", _line(_COLUMNS, widths), *(_line(line, widths) for line in lines)]
    judged = [judgement for judgement in judge(report.rows) if report.whole or judgement.measured is not None]
    text += ["", *_targets(judged)] if judged else []
    if report.skipped:
        text += ["", *(f"skipped {name}: {why}" for name, why in report.skipped.items())]
    return "\n".join(text)


def plain(report: Report) -> dict[str, Any]:
    """Return the run as values that JSON can hold, samples and all."""
    return {
        "machine": dict(report.machine),
        "rows": [_plain_row(report, row) for row in report.rows.values()],
        "targets": [
            {
                "measure": judgement.target.measure,
                "bound": judgement.target.bound,
                "at_least": judgement.target.at_least,
                "measured": judgement.measured,
                "met": judgement.met,
            }
            for judgement in judge(report.rows)
        ],
        "skipped": dict(report.skipped),
    }


def _plain_row(report: Report, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "about": row.about,
        "unit": row.unit,
        "p50": row.p50,
        "p90": row.p90,
        "p99": row.p99,
        "ratio": report.ratio(row),
        "of": row.against or None,
        "note": row.note,
        "samples": list(row.samples),
    }


def _cells(report: Report, row: Row) -> Sequence[str]:
    ratio = report.ratio(row)
    return (
        row.about,
        *(_shown(figure) for figure in (row.p50, row.p90, row.p99)),
        row.unit,
        _shown(ratio),
        report.rows[row.against].about if ratio is not None else "",
        str(len(row.samples)),
        row.note,
    )


def _shown(figure: float | None) -> str:
    return _NONE if figure is None else f"{figure:,.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def _targets(judgements: Sequence[Judgement]) -> Iterator[str]:
    rows = [
        (
            judgement.target.measure,
            _shown(judgement.measured),
            f"{'at least' if judgement.target.at_least else 'at most'} {judgement.target.bound:g}",
            judgement.verdict,
        )
        for judgement in judgements
    ]
    head = ("target", "measured", "wanted", "")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for name, measured, wanted, verdict in (head, *rows):
        yield f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {wanted:<{widths[2]}}  {verdict}".rstrip()
