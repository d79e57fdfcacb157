"""Plots as inline SVG: points in a frame with four numbers on it. No library, no script, nothing fetched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import attrs

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40
COLOURS = {"within": "#1f6f8b", "outside": "#c8c8c8", "best": "#d1495b", "bound": "#666666"}


@attrs.frozen
class Point:
    """One point: where, what kind of it (a key of `COLOURS`), and what a reader sees on pointing at it."""

    x: float
    y: float
    kind: str
    words: str = ""


@attrs.frozen
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value; values outside lie on the edge."""
        low, high, value = (self._even(one) for one in (self.low, self.high, value))
        share = 0.5 if high == low else (value - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def _even(self, value: float) -> float:
        return math.log(max(value, 1e-12)) if self.log else value


def scatter(
    points: Sequence[Point], x_name: str, y_name: str, *, log_x: bool = False, line: Sequence[tuple[float, float]] = (),
    upright: float | None = None,
) -> str:  # fmt: skip
    """Return points in a frame.

    Args:
        points: what is drawn; later ones on top.
        x_name, y_name: what the axes are, with unit.
        log_x: a logarithmic x axis.
        line: a line through these (x, y).
        upright: an x at which a dashed line stands, for a bound.
    """
    if not points:
        return ""
    xs = [one.x for one in points] + ([] if upright is None else [upright])
    ys = [one.y for one in points]
    across = Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT, log_x)
    up = Scale(min(ys), max(ys), HEIGHT - BOTTOM, TOP)
    parts = [_frame(across, up, x_name, y_name)]
    if upright is not None:
        at = across.at(upright)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{COLOURS["bound"]}" '
            'stroke-dasharray="4 3"/>'
        )
    if line:
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS["best"]}"/>')
    parts += [
        f'<circle cx="{across.at(one.x):.1f}" cy="{up.at(one.y):.1f}" r="{5 if one.kind == "best" else 3}" '
        f'fill="{COLOURS[one.kind]}" fill-opacity="0.75"><title>{escape(one.words)}</title></circle>'
        for one in points
    ]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def whiskers(rows: Sequence[tuple[str, float, float, float]], unit: str) -> str:
    """Return one line a row, (name, value, low, high), from low to high with a dot at the value; zero is marked."""
    if not rows:
        return ""
    step, height = 28, 28 * len(rows) + 30
    across = Scale(min(0.0, *(row[2] for row in rows)), max(0.0, *(row[3] for row in rows)), 110, WIDTH - 40)
    zero = across.at(0.0)
    parts = [f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="4" y2="{height - 24}" stroke="{COLOURS["bound"]}"/>']
    for number, (name, value, low, high) in enumerate(rows):
        y = 18 + step * number
        colour = COLOURS["best"] if number == 0 else COLOURS["within"]
        parts += [
            f'<text x="0" y="{y + 4}">{escape(name)}</text>',
            f'<line x1="{across.at(low):.1f}" x2="{across.at(high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            'stroke-width="3"/>',
            f'<circle cx="{across.at(value):.1f}" cy="{y}" r="5" fill="{colour}">'
            f"<title>{value:.3g} [{low:.3g}, {high:.3g}]</title></circle>",
        ]
    parts += [
        f'<text x="{across.at(edge):.1f}" y="{height - 8}" text-anchor="middle">{edge:.3g}</text>'
        for edge in (across.low, across.high)
    ]
    parts.append(f'<text x="0" y="{height - 8}">{escape(unit)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'


def _frame(across: Scale, up: Scale, x_name: str, y_name: str) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    return (
        f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}" fill="none" stroke="#999"/>'
        f'<text x="{LEFT}" y="{bottom + 15}">{across.low:.4g}</text>'
        f'<text x="{right}" y="{bottom + 15}" text-anchor="end">{across.high:.4g}</text>'
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>'
        f'<text x="{LEFT - 5}" y="{bottom}" text-anchor="end">{up.low:.3g}</text>'
        f'<text x="{LEFT - 5}" y="{TOP + 10}" text-anchor="end">{up.high:.3g}</text>'
        f'<text x="12" y="{(TOP + bottom) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {(TOP + bottom) / 2})">{escape(y_name)}</text>'
    )
