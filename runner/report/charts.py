"""The report's pictures: what lies along time, how long hedges took, tickets, and bars for figures of either sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.drawing import fluid
from runner.drawing.html import Markup, safe
from runner.report.words import exact, figure, say, signed, span

MODES = ("QUOTING", "HEDGING", "COOLDOWN", "IDLE", "HALTED")
STATES = ("PENDING", "PARTIAL", "CHASING", "UNWINDING")
Span = tuple[int, int]


def key(kinds: Iterable[tuple[str, str]]) -> Markup:
    """Return a legend: (class, words)."""
    return Markup(
        '<p class="key">'
        + "".join(f'<span class="one"><i class="{kind}"></i>{safe(text)}</span>' for kind, text in kinds)
        + "</p>"
    )


def lane(name: Markup, drawn: Markup, top: str = "", bottom: str = "") -> Markup:
    """Return one lane of a picture along time: its name, its box, and what the box's upper and lower edge are."""
    edges = f'<span class="top">{safe(top)}</span><span class="bottom">{safe(bottom)}</span>'
    return Markup(f'<div class="lane"><p>{name}</p><div class="drawn">{drawn}{edges}</div></div>')


# --- along time -------------------------------------------------------------------------------------------------------


def mode_strip(modes: Mapping[str, Any], time: Span) -> Markup:
    """Return the modes along time: each cell a column, cut by the time spent in each."""
    across, width = fluid.across(*time), modes["width_ms"]
    shapes: list[str] = []
    held: tuple[float, float, str] | None = None  # a run of cells with one mode alone is one shape
    for at_ms, shares in modes["cells"]:
        left, right = across.at(at_ms), across.at(at_ms + width)
        kinds = {_kind(mode): ms for mode, ms in shares.items()}
        alone = next(iter(kinds)) if len(kinds) == 1 and sum(kinds.values()) > 0.98 * width else None
        if held is not None and alone == held[2] and left - held[1] < 0.01:
            held = (held[0], right, alone)
            continue
        if held is not None:
            shapes.append(fluid.bar(held[2], held[0], held[1] - held[0]))
            held = None
        if alone is not None:
            held = (left, right, alone)
        else:
            ordered = {mode: kinds[mode] for mode in reversed([*MODES, "other"]) if mode in kinds}
            shapes += fluid.stacked(left, right - left, ordered, max(width, sum(kinds.values())))
    if held is not None:
        shapes.append(fluid.bar(held[2], held[0], held[1] - held[0]))
    return fluid.box(shapes, "time in each mode", "strip")


def _kind(mode: str) -> str:
    return mode if mode in MODES else "other"


def halt_marks(modes: Mapping[str, Any], halts: Mapping[str, Any], time: Span) -> Markup:
    """Return where there were halts, never too thin to be seen, and alerts as lines."""
    across, width = fluid.across(*time), modes["width_ms"]
    shapes = []
    for at_ms, shares in modes["cells"]:
        if "HALTED" in shares:
            left = across.at(at_ms)
            words = f"{exact(at_ms)}: {span(shares['HALTED'])} of {span(width)}"
            shapes.append(fluid.bar("HALTED", left, max(across.at(at_ms + width) - left, 2.0), words))
    shapes += [
        fluid.mark("alert", across.at(one["at_ms"]), f"{exact(one['at_ms'])} {one['reason']}")
        for one in halts["alerts"]
    ]
    return fluid.box(shapes, "halts and alerts", "marks")


def curves(drawn: Sequence[tuple[str, Sequence[tuple[int, str]]]], time: Span) -> tuple[Markup, str, str]:
    """Return lines of money along time, with the values of the box's edges: (class, [(at_ms, value), …])."""
    values = [float(value) for _kind, points in drawn for _at, value in points] + [0.0]
    low, high = min(values), max(values)
    across, up = fluid.across(*time), fluid.upward(low, high)
    shapes = [fluid.line("zero", [(0, up.at(0)), (fluid.WIDE, up.at(0))])]
    for kind, points in drawn:
        if points:
            path = [(across.at(at_ms), up.at(float(value))) for at_ms, value in points]
            shapes.append(fluid.steps(kind, [*path, (float(fluid.WIDE), path[-1][1])]))
    return fluid.box(shapes, "results along time", "curve"), figure(high, 2), figure(low, 2)


def exposure(told: Mapping[str, Any], time: Span) -> tuple[Markup, str]:
    """Return the largest unhedged notional of each cell, with the value of the box's upper edge."""
    high = max((value for _at, value in told["cells"]), default=0.0)
    across, up, width = fluid.across(*time), fluid.upward(0, high or 1.0), told["width_ms"]
    shapes = []
    for at_ms, value in told["cells"]:
        top, left = up.at(value), across.at(at_ms)
        if value > 0.002 * high:
            wide = max(across.at(at_ms + width) - left, 0.8)
            shapes.append(fluid.bar("exposed", left, wide, top=top, high=fluid.HIGH - top))
    return fluid.box(shapes, "largest unhedged notional along time", "curve"), figure(high, 2)


# --- hedges and tickets -----------------------------------------------------------------------------------------------


def latency_histogram(counts: Sequence[tuple[int, int]], marks: Mapping[str, int | None]) -> Markup:
    """Return how many hedges took how long, on a logarithmic axis of ms, with some quantiles marked."""
    if not counts:
        return Markup()
    low, high = _decade_below(counts[0][0]), _decade_above(counts[-1][0])
    across = fluid.across(low, high, log=True)
    slots = [0] * 60
    for ms, count in counts:
        slots[min(int(across.at(max(ms, 1)) / fluid.WIDE * len(slots)), len(slots) - 1)] += count
    wide, most = fluid.WIDE / len(slots), max(slots)
    shapes = [
        fluid.bar("hedges", n * wide + 1, wide - 2, f"{count}", top=100 - 100 * count / most, high=100 * count / most)
        for n, count in enumerate(slots)
        if count
    ]
    shapes += [fluid.mark("quantile", across.at(max(ms, 1)), f"{name} {ms} ms") for name, ms in marks.items() if ms]
    ticks = [(across.at(at) / fluid.WIDE, span(at)) for at in _between(low, high)]
    return Markup(fluid.box(shapes, "hedges by latency", "hist") + fluid.words_below(ticks))


def _decade_below(ms: int) -> int:
    at = 1
    while at * 10 <= ms:
        at *= 10
    return at


def _decade_above(ms: int) -> int:
    at = 10
    while at < ms:
        at *= 10
    return at


def _between(low: int, high: int) -> list[int]:
    found, at = [], low
    while at <= high:
        found.append(at)
        at *= 10
    return found


def ticket_bar(ticket: Mapping[str, Any], longest_ms: int) -> Markup:
    """Return a ticket's life on a logarithmic axis from 1 ms: one bar for each state it was in, in order."""
    across = fluid.across(1, max(longest_ms, 10), log=True)
    shapes, passed = [], 0
    for state, ms in ticket["spans"]:
        left, right = across.at(max(passed, 1)), across.at(max(passed + ms, 1))
        kind = state if state in STATES else "other"
        wide = max(right - left, 6)
        shapes.append(fluid.bar(kind, min(left, fluid.WIDE - wide), wide, f"{state} {span(ms)}"))
        passed += ms
    return fluid.box(shapes, "states of the ticket", "cellbar")


def either_way(value: float, most: float, words: str = "") -> Markup:
    """Return a bar to the left (below zero) or to the right of the middle, `most` reaching the edge."""
    middle = fluid.WIDE / 2
    reach = middle * min(abs(value) / most, 1.0) if most else 0.0
    kind, left = ("loss", middle - reach) if value < 0 else ("gain", middle)
    shapes = [fluid.mark("zero", middle), fluid.bar(kind, left, reach, words)]
    return fluid.box(shapes, signed(value), "cellbar")


def part_of(value: float, most: float, kind: str) -> Markup:
    """Return a bar from the left, `most` reaching the edge."""
    wide = fluid.WIDE * value / most if most else 0.0
    return fluid.box([fluid.bar(kind, 0, max(wide, 3 if value else 0))], figure(value), "cellbar")


MODE_KEY = key([(mode, mode) for mode in MODES])
STATE_KEY = key([(state, state) for state in STATES])
CURVE_KEY = key(
    [
        ("net", say("net, as rows tell it", "純損益（記録行による）")),
        ("tickets", say("tickets, added up", "チケットの積み上げ")),
    ]
)
