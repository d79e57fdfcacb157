"""The machines as small pictures for a screen, drawn from the tables that run.

States stand in one column, in the table's order; arrows down bend to the right, arrows up to the left. Every arrow has
a place of its own for its count: its middle and its width follow from the two states it joins, and no two arrows of a
side join the same two. States and arrows are named (`data-state`, `data-edge`), so a page can light and count them.
"""

from __future__ import annotations

from html import escape

from mmfsm.pictures import edges
from mmfsm.table import AnyTable

ROW, BOX_W, BOX_H = 46, 100, 26
BEND, BEND_STEP, LABEL_W, PORT = 20, 17, 34, 5
PAD = 8


def picture(table: AnyTable) -> str:
    """Return a machine as SVG, without counts and with no state lit."""
    arrows = edges(table)
    places = {state: at for at, state in enumerate(table.states)}
    left, right = (_room(places, arrows, side) for side in (-1, 1))
    width, height = left + BOX_W + right, ROW * (len(places) - 1) + BOX_H + 2 * PAD
    drawn = [_arrow(places, pair, labels, left) for pair, labels in arrows.items()]
    boxes = [_box(table, state, at, left) for state, at in places.items()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(table.name)}">{"".join(drawn)}{"".join(boxes)}</svg>'
    )


def _span(places: dict[str, int], pair: tuple[str, str]) -> int:
    return places[pair[1]] - places[pair[0]]


def _room(places: dict[str, int], arrows: dict[tuple[str, str], list[str]], side: int) -> int:
    """How wide a side must be for its widest arrow and the count beside it."""
    spans = [abs(span) for pair in arrows if (span := _span(places, pair)) * side > 0]
    return PAD + (_bend(max(spans)) + LABEL_W if spans else 0)


def _bend(span: int) -> int:
    return BEND + BEND_STEP * (abs(span) - 1)


def _y(at: int) -> int:
    return PAD + BOX_H // 2 + ROW * at


def _arrow(places: dict[str, int], pair: tuple[str, str], labels: list[str], left: int) -> str:
    """A bow from one box to the other, the rows it stands for as its title, and the place of its count."""
    span = _span(places, pair)
    side = 1 if span > 0 else -1
    x = left + (BOX_W if side > 0 else 0)
    start, end = _y(places[pair[0]]) + side * PORT, _y(places[pair[1]]) - side * PORT
    bend = side * _bend(span)
    # A cubic whose handles lie 4/3 out passes exactly `bend` from the boxes at its middle.
    out = x + bend * 4 / 3
    tip = f"M{x + side * 6} {end - 3.5}L{x + side} {end}L{x + side * 6} {end + 3.5}"
    name = escape(">".join(pair))
    label_x, anchor = x + bend + side * 5, "start" if side > 0 else "end"
    return (
        f'<g class="edge" data-edge="{name}"><title>{escape(chr(10).join(labels))}</title>'
        f'<path class="hit" d="M{x} {start}C{out:.1f} {start} {out:.1f} {end} {x} {end}"/>'
        f'<path class="line" d="M{x} {start}C{out:.1f} {start} {out:.1f} {end} {x + side} {end}"/>'
        f'<path class="tip" d="{tip}"/>'
        f'<text class="count" x="{label_x}" y="{(start + end) / 2 + 3.5:.1f}" text-anchor="{anchor}"></text></g>'
    )


def _box(table: AnyTable, state: str, at: int, left: int) -> str:
    """A state's box: its name, a second border where nothing leads out, and the place of who is in it."""
    y = _y(at) - BOX_H // 2
    frame = f'<rect x="{left}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6"/>'
    if state in table.final:
        frame += f'<rect class="inner" x="{left + 3}" y="{y + 3}" width="{BOX_W - 6}" height="{BOX_H - 6}" rx="4"/>'
    middle = left + BOX_W // 2
    return (
        f'<g class="state" data-state="{escape(state)}">{frame}'
        f'<text class="name" x="{middle}" y="{y + BOX_H // 2 + 4}" text-anchor="middle">{escape(state)}</text>'
        f'<text class="who" x="{middle}" y="{y + BOX_H + 11}" text-anchor="middle"></text></g>'
    )
