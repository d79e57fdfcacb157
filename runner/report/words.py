"""How the report says things: both languages side by side, figures, spans of time, and what a reason means."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from mmfsm.reasons import Kind
from mmfsm.values import plain
from runner.advice import CODES
from runner.drawing.html import Cell, Markup, safe
from runner.reasons import find

LANGUAGES = ("en", "ja")
NOTHING = "–"


def say(en: Cell, ja: Cell) -> Markup:
    """Return a text in both languages; the page shows the one that is chosen."""
    return Markup(f'<span lang="en">{safe(en)}</span><span lang="ja">{safe(ja)}</span>')


def code(text: str) -> Markup:
    """Return a name as the log has it."""
    return Markup(f"<code>{safe(text)}</code>")


def prose(text: str) -> Markup:
    """Return a sentence of the catalogue: what stands between backticks is a command."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", safe(text)))


def meaning(reason: str, *kinds: Kind) -> Markup:
    """Return what a reason means, or nothing where the catalogue does not know it."""
    row = next((row for kind in kinds if (row := find(reason, kind))), None) or find(reason)
    return Markup() if row is None else say(*(prose(row.words(lang)[0]) for lang in LANGUAGES))


def what_to_do(reason: str, latched: bool) -> Markup:
    """Return what a person should do about a halt or an alert."""
    end = CODES.get(reason.rpartition(":")[2])
    if end is not None:
        return say(prose(end), prose(end))
    row = next((row for kind in (Kind.LATCHED, Kind.HALT, Kind.ALERT) if (row := find(reason, kind))), None)
    if row is not None:
        return say(*(prose(row.words(lang)[1]) for lang in LANGUAGES))
    if latched:
        return say(
            "Read the records before it, look at the account, then resume.",
            "直前の記録と口座を確認してから resume する。",
        )
    return say("Nothing: it went when its cause was over.", "不要。原因がなくなると自動で解ける。")


# --- figures ----------------------------------------------------------------------------------------------------------


def figure(value: str | float | None, places: int = 4, *, fixed: bool = False) -> str:
    """Return a number for reading: rounded, with a real minus sign, thousands apart; `fixed`: with zeros at its end.

    >>> figure("-34.567891"), figure("0.00000012"), figure(None)
    ('−34.5679', '0', '–')
    """
    if value is None:
        return NOTHING
    number = round(Decimal(str(value)), places)
    whole, _, part = (f"{abs(number):.{places}f}" if fixed else plain(abs(number))).partition(".")
    text = f"{int(whole):,}".replace(",", "\u202f") + (f".{part}" if part else "")
    return f"−{text}" if number < 0 else text


def signed(value: str | float | None, places: int = 4) -> str:
    """Return a number with its sign, and as many places as others below it."""
    text = figure(value, places, fixed=True)
    return text if value is None or text.startswith("−") or not float(value) else f"+{text}"


def span(ms: float | None) -> str:
    """Return a length of time in its two largest units.

    >>> [span(it) for it in (7, 1_500, 61_000, 7_260_000, 200_000_000)]
    ['7 ms', '1.5 s', '1 min 1 s', '2 h 1 min', '2 d 7 h']
    """
    if ms is None:
        return NOTHING
    if ms < 1_000:
        return f"{ms:.0f} ms"
    seconds = ms / 1_000
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for whole, unit, part, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= whole:
            left = int(seconds % whole // part)
            return f"{int(seconds // whole)} {unit}" + (f" {left} {small}" if left else "")
    raise AssertionError("a minute is the smallest of them")


def moment(at_ms: int | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a moment, UTC."""
    return NOTHING if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime(form)


def exact(at_ms: int) -> str:
    """Return a moment of a day to the millisecond, UTC."""
    return moment(at_ms, "%m-%d %H:%M:%S") + f".{at_ms % 1000:03d}"


def share(part: float, whole: float) -> str:
    """Return a share in per cent; what is there but small is not told as nothing."""
    if not whole or not part:
        return "0 %"
    per_cent = 100 * part / whole
    return "<0.1 %" if per_cent < 0.1 else f"{per_cent:.1f} %"
