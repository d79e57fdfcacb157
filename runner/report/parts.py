"""What the parts of the page share: sections, tables that scroll, notes, and the names of kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from runner.drawing.html import Cell, Markup, table
from runner.report.words import code, exact, figure, say

Told = Mapping[str, Any]
"""The figures of a report: what `--json` prints."""

LISTED = 25

GROUPS = {
    "record": say("record", "記録"),
    "mode": say("mode", "モード遷移"),
    "ticket": say("ticket", "チケット遷移"),
    "session": say("session", "セッション遷移"),
    "feed": say("feed", "フィード遷移"),
    "code": say("refusal", "拒否コード"),
}


def section(name: str, title: Markup, *parts: str) -> Markup:
    """Return one section of the page; empty parts are left out."""
    return Markup(f'<section id="{name}"><h2>{title}</h2>{"".join(part for part in parts if part)}</section>')


def scrolled(drawn: Markup) -> Markup:
    """Return a table that scrolls by itself where it is wider than the page."""
    return Markup(f'<div class="scroll">{drawn}</div>')


def heads(*words: tuple[str, str]) -> list[Cell]:
    """Return a table's head, each column's in both languages."""
    return [say(*both) if any(both) else "" for both in words]


def kinds_table(kinds: Iterable[Sequence[Any]], last: tuple[str, str], tell: Callable[[str, Told], Cell]) -> Markup:
    """Return kinds of events with how often they happened; `tell` fills the last column from the reason and the times.

    Args:
        kinds: as `--json` has them: group, name, reason, times.
        last: the head of the last column.
        tell: what stands in it.
    """
    head = heads(("kind", "種類"), ("what", "出来事"), ("why", "理由"), ("times", "回数"), ("first", "最初"), last)
    body: list[Sequence[Cell]] = [
        (
            GROUPS.get(group, group),
            code(name),
            code(why) if why else "",
            figure(seen["count"]),
            exact(seen["first_ms"]),
            tell(why, seen),
        )
        for group, name, why, seen in kinds
    ]
    return scrolled(table([head, *body], {3: "n", 5: "text"}, labelled=True))


def note(text: Markup) -> Markup:
    return Markup(f'<p class="note">{text}</p>')


def of(shown: int, whole: int) -> Markup:
    return Markup() if shown == whole else say(f": {shown} of {whole}", f"：{whole} 件中 {shown} 件")


def rest(left: int) -> str:
    return note(say(f"and {left} more", f"ほか {left} 件")) if left > 0 else ""
