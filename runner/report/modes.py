"""How long each mode lasted, and where; halts with their reasons; alerts."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs

from mmfsm.values import Mode
from runner.logfiles import Line
from runner.report.spans import Cells

LISTED_MAX = 100
REASONS_MAX = 300
_TEXT_MAX = 300
_BEFORE_MS = 1_000  # a halt's reasons are told just before it


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {mode: one.get(mode, 0) + other.get(mode, 0) for mode in {**one, **other}}


@attrs.define
class Stay:
    """Time spent in one mode."""

    entries: int = 0
    ms: int = 0
    longest_ms: int = 0
    longest_at_ms: int | None = None


@attrs.define
class Modes:
    """Time in each mode, by the records of its changes; from a run's first record to its last."""

    stays: dict[str, Stay] = attrs.field(factory=dict)
    cells: Cells[dict[str, int]] = attrs.field(factory=lambda: Cells(_sum))
    mode: str | None = None
    since_ms: int = 0

    def begin(self, at_ms: int) -> None:
        """A run begins. Which mode it is in is told by what follows."""
        self.mode, self.since_ms = None, at_ms

    def first(self, mode: str) -> None:
        """What was the mode from the beginning on."""
        self.mode = mode
        self._stay(mode).entries += 1

    def change(self, at_ms: int, before: str, after: str) -> None:
        """The mode changes."""
        if self.mode is None:
            self.first(before)
        self.end(at_ms)
        self.mode, self.since_ms = after, at_ms
        self._stay(after).entries += 1

    def end(self, at_ms: int) -> None:
        """Count what has passed in this mode until now."""
        if self.mode is None or at_ms <= self.since_ms:
            return
        stay, ms = self._stay(self.mode), at_ms - self.since_ms
        stay.ms += ms
        if ms > stay.longest_ms:
            stay.longest_ms, stay.longest_at_ms = ms, self.since_ms
        for begins_ms, part_ms in self.cells.spread(self.since_ms, at_ms):
            self.cells.put(begins_ms, {self.mode: part_ms})
        self.since_ms = at_ms

    def _stay(self, mode: str) -> Stay:
        # A log that somebody else wrote may name any number of modes.
        return self.stays.setdefault(mode if mode in Mode.__members__ else "other", Stay())

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values. `cells` has the ms of each mode within each `width_ms`."""
        return {
            "stays": {mode: attrs.asdict(self.stays[mode]) for mode in sorted(self.stays)},
            "width_ms": self.cells.width_ms,
            "cells": [[at, dict(sorted(share.items()))] for at, share in self.cells.told()],
        }


@attrs.define
class Halt:
    """One stay in HALTED. `until_ms` is None while it lasts, and where the log ends within it."""

    at_ms: int
    reasons: dict[str, bool] = attrs.field(factory=dict)
    details: dict[str, str] = attrs.field(factory=dict)
    until_ms: int | None = None
    last_ms: int = 0

    @property
    def ms(self) -> int:
        return max((self.last_ms if self.until_ms is None else self.until_ms) - self.at_ms, 0)


@attrs.define
class Cause:
    """One reason of halts. `ms`: how long the halts lasted that had it, whatever else they had."""

    count: int = 0
    ms: int = 0
    longest_ms: int = 0
    first_ms: int = 0
    last_ms: int = 0
    latched: bool = False
    detail: str = ""


@attrs.define
class Halts:
    """Halts and alerts: counted by reason, and the newest one by one."""

    causes: dict[str, Cause] = attrs.field(factory=dict)
    newest: deque[Halt] = attrs.field(factory=lambda: deque(maxlen=LISTED_MAX))
    alerts: deque[dict[str, Any]] = attrs.field(factory=lambda: deque(maxlen=LISTED_MAX))
    count: int = 0
    alert_count: int = 0
    ms: int = 0
    open: Halt | None = None
    _waiting: deque[dict[str, Any]] = attrs.field(factory=lambda: deque(maxlen=16))
    _told: deque[tuple[int, str, bool, str]] = attrs.field(factory=lambda: deque(maxlen=16))

    def risk(self, at_ms: int, reason: str, data: dict[str, Any]) -> None:
        """A reason to halt is told: just before the halt it begins, or while one lasts."""
        told = (at_ms, reason, bool(data["latched"]), str(data.get("detail") or "")[:_TEXT_MAX])
        if self.open is None:
            self._told.append(told)
        else:
            self._add(self.open, told)

    def begin(self, at_ms: int) -> None:
        """HALTED is entered."""
        self.open = Halt(at_ms, last_ms=at_ms)
        self.count += 1
        for told in self._told:
            if abs(at_ms - told[0]) <= _BEFORE_MS:
                self._add(self.open, told)
        self._told.clear()
        self.newest.append(self.open)

    def _add(self, halt: Halt, told: tuple[int, str, bool, str]) -> None:
        _at_ms, reason, latched, detail = told
        if reason in halt.reasons or len(halt.reasons) < 16:
            halt.reasons[reason] = halt.reasons.get(reason, False) or latched
            halt.details.setdefault(reason, detail)

    def end(self, at_ms: int, *, left: bool) -> None:
        """HALTED is left, or the log (`left` False) ends within it."""
        halt, self.open = self.open, None
        if halt is None:
            return
        halt.until_ms, halt.last_ms = at_ms if left else None, at_ms
        self.ms += halt.ms
        for alert in self._waiting:
            if alert["reason"] in halt.reasons:
                alert["ms"] = max(at_ms - alert["at_ms"], 0)
        self._waiting.clear()
        for reason, latched in halt.reasons.items():
            known = reason if reason in self.causes or len(self.causes) < REASONS_MAX else "other"
            cause = self.causes.setdefault(known, Cause(first_ms=halt.at_ms))
            cause.count += 1
            cause.ms += halt.ms
            cause.longest_ms = max(cause.longest_ms, halt.ms)
            cause.last_ms = halt.at_ms
            cause.latched = cause.latched or latched
            cause.detail = halt.details.get(reason) or cause.detail

    def alerted(self, line: Line, reason: str) -> None:
        """Somebody was to be told something. `ms`: how long the halt behind it went on, where there is one."""
        data = line["data"] or {}
        self.alert_count += 1
        told = {name: str(data.get(name) or "")[:_TEXT_MAX] for name in ("text", "what_to_do")}
        alert = {"at_ms": line["ts"], "reason": reason, "mode": line["mode"], "ms": None, **told}
        self.alerts.append(alert)
        self._waiting.append(alert)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "count": self.count,
            "ms": self.ms,
            "by_reason": {reason: attrs.asdict(self.causes[reason]) for reason in sorted(self.causes)},
            "newest": [{**attrs.asdict(halt), "ms": halt.ms} for halt in self.newest],
            "alert_count": self.alert_count,
            "alerts": list(self.alerts),
        }
