"""What is worth telling: read off a run's records, and off the desk's state once a second.

A latched halt is told at once; one that goes by itself, when the run has been halted for `ALERT_AFTER_SEC`. What was
told before is told to be over. Nothing here sends or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from mmfsm.actions import Record
from mmfsm.machines.mode import HALTED
from mmfsm.reasons import Kind
from mmfsm.state import DeskState
from runner.alerting.message import Note
from runner.reasons import find

GRACE_MS = 15_000
"""A back-off is one as long as the pauses between its parts are shorter than this: the tries between them are short."""

DETAILS_MAX = 200
GUARDIAN_LOST = "guardian_lost"
"""What the runner tells of its guardian; what the guardian does it tells itself, since the runner may be dead."""

Tell = Callable[[Sequence[Note]], Sequence[Note]]


@attrs.define
class Seen:
    """A condition: since when, whether it was put to the pace, whether a person was told, when it was last there."""

    since_ms: int
    judged: bool = False
    told: bool = False
    last_ms: int = 0


class Watch:
    """Watches one run.

    Args:
        after_ms: how long a halt that goes by itself is kept to oneself.
        tell: given notes; returns those that were told.
    """

    def __init__(self, after_ms: int, tell: Tell) -> None:
        self._after_ms = after_ms
        self._tell = tell
        self._halted_ms: int | None = None
        self._halts: dict[str, Seen] = {}
        self._details: dict[str, str] = {}
        self._others: dict[str, Seen] = {}
        self._looked_ms = 0

    # --- records ------------------------------------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Look at one record."""
        data, reason = record.data or {}, record.reason or ""
        if record.event == "alert":
            self._alert(record)
        elif record.event == "risk" and "latched" in data:
            if len(self._details) >= DETAILS_MAX:
                self._details.clear()
            self._details[reason] = str(data.get("detail") or "")
        elif record.event == "risk" and reason == "disk_low":
            self._begin("disk_low", Note(record.at_ms, "disk_low", _words(data)))
        elif record.event == "risk" and reason == "disk_enough":
            self._over("disk_low", "disk_low", record.at_ms)
        elif record.event == "risk" and reason == "journal_packing":
            self._tell([Note(record.at_ms, "journal_packing", _words(data), Kind.RISK)])
        elif record.event == "ticket":
            self._ticket(record)
        elif record.event == "guardian" and reason == GUARDIAN_LOST:
            self._tell([Note(record.at_ms, reason, _words(data), Kind.GUARDIAN)])

    def _alert(self, record: Record) -> None:
        """What the desk itself wants told: a latched halt, a check that failed, a flatten that did not end."""
        reason, row = record.reason or "", find(record.reason or "")
        kinds = () if row is None else row.kinds
        is_halt = Kind.LATCHED in kinds and record.mode == HALTED
        kind = Kind.LATCHED if is_halt else next((kind for kind in kinds if kind in (Kind.START, Kind.ALERT)), None)
        told = self._tell([Note(record.at_ms, reason, str((record.data or {}).get("text") or ""), kind, urgent=True)])
        if is_halt:
            self._halts[reason] = Seen(record.at_ms, judged=True, told=bool(told))

    def _ticket(self, record: Record) -> None:
        data = record.data or {}
        key = f"unwind {data.get('hedge_id')}"
        if data.get("status") == "UNWINDING":
            detail = (
                f"{data.get('hedge_id')}: {data.get('remain')} of {data.get('want_qty')} open ({data.get('reason')})"
            )
            self._begin(key, Note(record.at_ms, "unwind", detail))
        elif data.get("status") == "DONE":
            self._over(key, "unwind", record.at_ms, f"{data.get('hedge_id')}: {data.get('end')}")

    # --- the desk's state ---------------------------------------------------------------------------------------------

    def look(self, state: DeskState, at_ms: int) -> None:
        """Look at the desk, once a second or so."""
        if at_ms < self._looked_ms:
            self._set_back(self._looked_ms - at_ms)
        self._looked_ms = at_ms
        self._look_at_halts(state, at_ms)
        key, seen = "rate_limited", self._others.get("rate_limited")
        if state.now_ms < state.backoff_until_ms:
            seen = self._others.setdefault(key, Seen(at_ms))
            seen.last_ms = at_ms
            if not seen.judged and at_ms - seen.since_ms >= self._after_ms:
                note = Note(at_ms, "rate_limited", kind=Kind.ALERT, lasted_ms=at_ms - seen.since_ms)
                seen.judged, seen.told = True, bool(self._tell([note]))
        elif seen is not None and at_ms - seen.last_ms >= GRACE_MS:
            self._over(key, key, at_ms)

    def _set_back(self, by_ms: int) -> None:
        """The clock was set back: what has lasted has lasted as long."""
        for seen in (*self._halts.values(), *self._others.values()):
            seen.since_ms, seen.last_ms = seen.since_ms - by_ms, seen.last_ms - by_ms
        if self._halted_ms is not None:
            self._halted_ms -= by_ms

    def _look_at_halts(self, state: DeskState, at_ms: int) -> None:
        reasons = state.mode.reasons
        if state.mode.state != HALTED:
            self._halted_ms = None
        elif self._halted_ms is None:
            self._halted_ms = at_ms
        for reason in reasons:
            self._halts.setdefault(reason, Seen(at_ms))
        self._tell_due([(reason, latched) for reason, latched in reasons.items()], at_ms)
        over = [reason for reason in self._halts if reason not in reasons]
        told = [_recovered(at_ms, reason, self._halts[reason]) for reason in over if self._halts[reason].told]
        for reason in over:
            del self._halts[reason]
            self._details.pop(reason, None)
        if told:
            self._tell(told)

    def _tell_due(self, reasons: Sequence[tuple[str, bool]], at_ms: int) -> None:
        """Tell in one message of every halt that has lasted long enough, by itself or with those before it."""
        halted_ms = 0 if self._halted_ms is None else at_ms - self._halted_ms
        quiet = not any(self._halts[reason].told for reason, _latched in reasons)
        due = []
        for reason, latched in reasons:
            seen = self._halts[reason]
            lasted_ms = at_ms - seen.since_ms
            is_long = lasted_ms >= self._after_ms or (quiet and halted_ms >= self._after_ms)
            if seen.judged or not (latched or is_long):
                continue
            seen.judged = True  # held back or not: the pace knows of it
            kind = Kind.LATCHED if latched else Kind.HALT
            due.append(Note(at_ms, reason, self._details.get(reason, ""), kind, latched, 0 if latched else lasted_ms))
        if due:
            told = {note.name for note in self._tell(due)}
            for note in due:
                self._halts[note.name].told = note.name in told

    # --- what begins and ends -----------------------------------------------------------------------------------------

    def _begin(self, key: str, note: Note) -> None:
        if key not in self._others:
            self._others[key] = Seen(note.at_ms, told=bool(self._tell([note])))

    def _over(self, key: str, name: str, at_ms: int, detail: str = "") -> None:
        seen = self._others.pop(key, None)
        if seen is not None and seen.told:
            self._tell([attrs.evolve(_recovered(at_ms, name, seen), detail=detail)])


def _recovered(at_ms: int, reason: str, seen: Seen) -> Note:
    return Note(at_ms, "recovered", about=reason, lasted_ms=at_ms - seen.since_ms)


def _words(data: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in data.items() if value not in (None, "", [], {}))
