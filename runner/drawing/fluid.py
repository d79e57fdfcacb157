"""Shapes that stretch to the width they are given, with words that do not: SVG for the shapes, HTML for the words.

A shape lies in a box of 1000 × 100, stretched as CSS says; places of words are shares of the width. What a shape means
is its class: colours and hatching are the page's, for light, dark and print. Class names are given by our code alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from runner.drawing.html import Markup
from runner.drawing.plot import Scale

WIDE, HIGH = 1000, 100
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STEPS_MS = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 10, 30, 100, 365)),
)


def box(shapes: Iterable[str], words: str, kind: str = "") -> Markup:
    """Return shapes in a box that stretches; `words` say to those who do not see it what it shows."""
    return Markup(
        f'<svg class="box {kind}" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">{"".join(shapes)}</svg>'
    )


def bar(kind: str, at: float, wide: float, words: str = "", *, top: float = 0, high: float = HIGH) -> str:
    """Return a rectangle; all in units of the box."""
    title = f"<title>{escape(words)}</title>" if words else ""
    return f'<rect class="{kind}" x="{at:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{high:.2f}"' + (
        f">{title}</rect>" if title else "/>"
    )


def line(kind: str, points: Iterable[tuple[float, float]]) -> str:
    """Return a line through points of the box. Its width does not stretch."""
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}" vector-effect="non-scaling-stroke"/>'


def steps(kind: str, points: Sequence[tuple[float, float]]) -> str:
    """Return a line that keeps each value until the next."""
    found: list[tuple[float, float]] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return line(kind, found)


def mark(kind: str, x: float, words: str = "") -> str:
    """Return an upright line."""
    return (
        f'<line class="{kind}" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{HIGH}" vector-effect="non-scaling-stroke">'
        f"<title>{escape(words)}</title></line>"
    )


def stacked(at: float, wide: float, shares: Mapping[str, float], whole: float) -> list[str]:
    """Return a column of the box, cut by shares of `whole`: class → share, from the bottom up."""
    parts, top = [], float(HIGH)
    for kind, share in shares.items():
        high = HIGH * share / whole
        top -= high
        parts.append(bar(kind, at, wide, top=max(top, 0.0), high=high))
    return parts


def words_below(places: Iterable[tuple[float, str]]) -> Markup:
    """Return words under a box, each at a share of its width (0 to 1)."""
    told = "".join(
        f'<span style="left:{100 * share:.2f}%"{_edge(share)}>{escape(text)}</span>' for share, text in places
    )
    return Markup(f'<div class="below">{told}</div>')


def _edge(share: float) -> str:
    return ' class="start"' if share < 0.04 else ' class="end"' if share > 0.96 else ""


def time_words(low_ms: int, high_ms: int, most: int = 7) -> list[tuple[float, str]]:
    """Return round moments of a span, UTC, with their places in it.

    >>> time_words(1_795_764_199_000, 1_795_764_259_000)[:2]
    [(0.016666666666666666, '07:23:20'), (0.18333333333333332, '07:23:30')]
    """
    span = max(high_ms - low_ms, 1)
    step = next((one for one in _STEPS_MS if span / one <= most), _STEPS_MS[-1])
    first = -(-low_ms // step) * step
    form = "%H:%M:%S" if step < _MINUTE else "%H:%M" if step < _DAY else "%m-%d"
    found = []
    for at_ms in range(first, high_ms + 1, step):
        when = datetime.fromtimestamp(at_ms / 1000, UTC)
        is_midnight = step < _DAY and at_ms % _DAY == 0 and span > _DAY
        found.append(((at_ms - low_ms) / span, when.strftime("%m-%d" if is_midnight else form)))
    return found


def across(low: float, high: float, *, log: bool = False) -> Scale:
    """Return the scale from values to places across a box."""
    return Scale(low, high, 0, WIDE, log)


def upward(low: float, high: float) -> Scale:
    """Return the scale from values to places up a box."""
    return Scale(low, high, HIGH, 0)
