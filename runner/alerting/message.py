"""What a message says: what happened, what it means, what to do; of which run, when. The words are the catalogue's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import attrs

from mmfsm.reasons import Kind, Reason
from runner.advice import CODES
from runner.reasons import find

BODY_MAX = 3_500
"""Telegram takes 4,096 characters, Discord fewer in one piece; apprise splits what is longer."""


@attrs.frozen
class Note:
    """One thing to be told.

    Args:
        at_ms: when it was seen.
        name: a reason of the catalogue, as the log shows it.
        detail: what happened, in figures.
        kind: which row of the name is meant, where it has several.
        urgent: may use what is kept of an hour's messages.
        lasted_ms: how long it has lasted.
        about: for "recovered": the reason that is over.
        more: how often it was held back.
    """

    at_ms: int
    name: str
    detail: str = ""
    kind: Kind | None = None
    urgent: bool = False
    lasted_ms: int = 0
    about: str = ""
    more: int = 0

    @property
    def row(self) -> Reason | None:
        return find(self.name, self.kind) or find(self.name)

    @property
    def ends_latched(self) -> bool:
        """It tells that a halt is over which only a person ends."""
        row = find(self.about) if self.about else None
        return row is not None and Kind.LATCHED in row.kinds

    @property
    def key(self) -> str:
        """What counts as the same reason: a halt of one feed is not another's; one order's id says nothing."""
        row = self.row
        name = self.name if row is None or Kind.HALT in row.kinds else row.name
        return f"{name} {self.about}".strip()


@attrs.frozen
class Origin:
    """Who speaks."""

    symbol: str
    kind: str
    run_id: str
    host: str


WORDS = {
    "en": {
        Kind.HALT: "HALTED", Kind.LATCHED: "HALTED until resume", Kind.START: "not started", Kind.ALERT: "alert",
        Kind.GUARDIAN: "guardian", "over": "over: {}", "for": "for {}", "means": "Means", "do": "To do",
        "more": "{} more of these were held back since the last message.", "also": "{} (and {} more)",
    },
    "ja": {
        Kind.HALT: "停止", Kind.LATCHED: "停止(要 resume)", Kind.START: "起動失敗", Kind.ALERT: "通知",
        Kind.GUARDIAN: "ガーディアン", "over": "解消: {}", "for": "{} 経過", "means": "意味", "do": "対処",
        "more": "前回の通知以降、同じ理由を {} 回控えた。", "also": "{}(ほか {} 件)",
    },
}  # fmt: skip


def render(notes: Sequence[Note], origin: Origin, lang: str = "en") -> tuple[str, str]:
    """Return (title, body) of one message about these things."""
    words = WORDS[lang]
    first = _head(notes[0], lang)
    title = words["also"].format(first, len(notes) - 1) if len(notes) > 1 else first
    body = "\n\n".join(_section(note, lang) for note in notes)
    when = datetime.fromtimestamp(notes[-1].at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    foot = f"{origin.symbol} ({origin.kind}) · {origin.run_id} · {origin.host} · {when}"
    return f"[mmfsm {origin.symbol}] {title}", f"{body[:BODY_MAX]}\n\n{foot}"


def _head(note: Note, lang: str) -> str:
    words, row = WORDS[lang], note.row
    if note.about:
        head = words["over"].format(note.about)
    else:
        kind = note.kind or next((kind for kind in row.kinds if kind in words), Kind.ALERT) if row else Kind.ALERT
        head = f"{words.get(kind, words[Kind.ALERT])}: {note.name}"
    return head + (f", {words['for'].format(_span(note.lasted_ms))}" if note.lasted_ms else "")


def _section(note: Note, lang: str) -> str:
    words, row = WORDS[lang], note.row
    lines = [_head(note, lang)]
    if note.detail:
        lines.append(note.detail)
    if note.more:
        lines.append(words["more"].format(note.more))
    if row is not None and not note.about:
        means, do = row.words(lang)
        code = CODES.get(note.name.rpartition(":")[2])
        lines += [f"{words['means']}: {means}", f"{words['do']}: {code or do}"]
    return "\n".join(lines)


def _span(ms: int) -> str:
    """Say a time in the two units that matter.

    >>> _span(31_400), _span(125_000), _span(7_260_000)
    ('31 s', '2 min 5 s', '2 h 1 min')
    """
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
