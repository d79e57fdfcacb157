"""The table for a person."""

from __future__ import annotations

from typing import Any

from tests.bench.figures import Bench, Figure

HEAD = ("bench", "figure", "ours", "spread", "baseline", "", "ratio", "reach", "")


def table(machine: dict[str, Any], figures: list[tuple[Bench, Figure]], *, quick: bool) -> str:
    """Lay the figures out, a line each, the machine above."""
    rows = [HEAD, *(_cells(bench, figure) for bench, figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number != "-")
    above = [
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, {machine['system']}",
        f"python {machine['python']}, {versions}",
        "one short run: a look, no measurement" if quick else "medians of runs; the spread is the least to the most",
    ]
    return "\n".join([*above, "", *lines])


def _cells(bench: Bench, figure: Figure) -> tuple[str, ...]:
    row = figure.row
    if figure.median is None:
        return (bench.name, row.name, "-", "", row.baseline, "", "", row.reach.words, figure.why)
    spread = f"{number(min(figure.ours))}..{number(max(figure.ours))}" if len(figure.ours) > 1 else ""
    base = "" if figure.base_median is None else number(figure.base_median)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    verdict = "reached" if figure.is_reached else "NOT reached"
    ours = f"{number(figure.median)} {row.unit}"
    return (bench.name, row.name, ours, spread, row.baseline, base, ratio, row.reach.words, verdict)


def number(value: float) -> str:
    """Three figures that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
