"""Everything a log tells, line by line: each part is told what concerns it, and no part keeps the lines."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import attrs

from mmfsm.values import InstType, Mode
from runner.bounded import Recent, figure_of
from runner.logfiles import Line
from runner.report.earned import SLIPS, Earned, Markouts, Slip
from runner.report.kinds import Kinds
from runner.report.modes import REASONS_MAX, Halts, Modes
from runner.report.spans import Cells
from runner.report.tickets import Tickets
from runner.statistics import Statistics

HALTED = Mode.HALTED.value
RUNS_LISTED = 12
BACK_MS = 60_000
"""A clock is set right by less; more is another log's time."""

FIRST_MS, END_MS = 10**12, 10**13
"""2001 to 2286: what a clock of this century says in Unix ms."""

_STRANGE = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a line of another form than ours ends in. It is counted, and the rest of it is let be."""


@attrs.define
class Run:
    """One run, by its first record and what followed."""

    told: dict[str, Any]
    from_ms: int
    until_ms: int
    end: str | None = None

    def as_dict(self) -> dict[str, Any]:
        config = self.told.get("config")
        config = config if isinstance(config, dict) else {}
        who = {name: _text(self.told.get(name)) for name in ("run_id", "version", "host", "python")}
        what = {name: _text(config.get(name)) for name in ("SYMBOL", "DRY_RUN", "BITGET_DEMO", "BITGET_REST_URL")}
        return {**who, "config": what, "from_ms": self.from_ms, "until_ms": self.until_ms, "end": self.end}


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:200]


class Story:
    """What a log tells. `take` every line, oldest first; then `as_dict`."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self.modes, self.halts, self.tickets = Modes(), Halts(), Tickets()
        self.earned, self.markouts, self.kinds = Earned(), Markouts(), Kinds()
        self.slips = {name: Slip() for name in SLIPS}
        self.exposure: Cells[float] = Cells(max)
        self.filled = Recent()
        self.runs: deque[Run] = deque(maxlen=RUNS_LISTED)
        self.held: Counter[str] = Counter()
        self._unhedged = ("", 0.0)
        self.from_ms: int | None = None
        self.until_ms = self.last_ms = 0
        self.ticks = self.strange = self.backward = self.run_count = 0
        self._on: dict[str, Callable[[int, Line], None]] = {
            "run": self._run,
            "session": self._session,
            "state": self._state,
            "risk": self._risk,
            "alert": self._alert,
            "tick": self._tick,
            "ticket": self._ticket,
            "pnl": self._pnl,
            "markout": self._markout,
            "fill": self._fill,
            "feed": self._feed,
            "order_reject": self._reject,
            "reject_streak": self._streak,
        }

    def take(self, line: Line) -> None:
        """Take one line. One of another form than the log's is counted as strange."""
        try:
            self._take(line)
        except _STRANGE:
            self.strange += 1

    def _take(self, line: Line) -> None:
        at_ms, event = line["ts"], line["event"]
        if type(at_ms) is not int or not FIRST_MS <= at_ms < END_MS:
            raise ValueError("no time")
        if event == "run" or not self.run_count:
            self._begin(at_ms)
        if at_ms < self.last_ms - BACK_MS:
            self.backward += 1
        self.last_ms, self.until_ms = at_ms, max(at_ms, self.until_ms)
        self.kinds.take("record", event, self.kinds.general(line["reason"]), at_ms)
        if self.modes.mode is None and line["mode"] is not None and event != "state":
            self.modes.first(str(line["mode"]))
        snapshot = line["pos_snapshot"]
        if snapshot is not None and (unhedged := snapshot["unhedged_notional"]) is not None:
            if unhedged != self._unhedged[0]:  # mostly it is what the last line said
                self._unhedged = (unhedged, float(figure_of(unhedged)))
            self.exposure.put(at_ms, self._unhedged[1])
        on = self._on.get(event)
        if on is not None:
            on(at_ms, line)
        self.statistics.take(line)

    # --- runs and modes -----------------------------------------------------------------------------------------------

    def _begin(self, at_ms: int) -> None:
        self._end_run()
        self.from_ms = at_ms if self.from_ms is None else min(at_ms, self.from_ms)
        self.run_count += 1
        self.runs.append(Run({}, at_ms, at_ms))
        self.modes.begin(at_ms)
        self.earned.begin_run()
        self.kinds.begin_run()

    def _end_run(self) -> None:
        if self.runs:
            self.runs[-1].until_ms = self.last_ms
            self.modes.end(self.last_ms)
            self.halts.end(self.last_ms, left=False)

    def _run(self, _at_ms: int, line: Line) -> None:
        self.runs[-1].told = dict(line["data"])

    def _tick(self, _at_ms: int, line: Line) -> None:
        self.ticks += 1
        why = line["data"]["why_not"]
        if why and (why in self.held or len(self.held) < REASONS_MAX):
            self.held[self.kinds.general(why)] += 1

    def _session(self, at_ms: int, line: Line) -> None:
        before, after = line["data"]["from"], line["data"]["to"]
        self.kinds.take("session", f"{before} → {after}", self.kinds.general(line["reason"]), at_ms)
        if after == "STOPPED":
            self.runs[-1].end = _text(line["reason"])

    def _state(self, at_ms: int, line: Line) -> None:
        before, after = str(line["data"]["from"]), str(line["data"]["to"])
        self.kinds.take("mode", f"{before} → {after}", self.kinds.general(line["reason"]), at_ms)
        self.modes.change(at_ms, before, after)
        if before == HALTED:
            self.halts.end(at_ms, left=True)
        if after == HALTED:
            self.halts.begin(at_ms)

    def _risk(self, at_ms: int, line: Line) -> None:
        data = line["data"]
        if data and "latched" in data and "reasons" in data:
            self.halts.risk(at_ms, self.kinds.general(line["reason"]), data)

    def _alert(self, _at_ms: int, line: Line) -> None:
        self.halts.alerted(line, self.kinds.general(line["reason"]))

    # --- trading ------------------------------------------------------------------------------------------------------

    def _ticket(self, at_ms: int, line: Line) -> None:
        self.tickets.take(line, lambda change, why: self.kinds.take("ticket", change, self.kinds.general(why), at_ms))

    def _pnl(self, at_ms: int, line: Line) -> None:
        if line["reason"] == "ticket":
            self.tickets.result(line["data"])
            self.earned.ticket(at_ms, line["data"])
        else:
            self.earned.row(at_ms, line["reason"], line["data"])

    def _markout(self, _at_ms: int, line: Line) -> None:
        self.markouts.take(line["data"])

    def _fill(self, _at_ms: int, line: Line) -> None:
        data = line["data"]
        if line["intent"] == "quote" and line["inst_type"] == InstType.PERP.value:
            self.filled.add(str(line["client_oid"]))
        for name, slip in self.slips.items():
            if data.get(name) is not None:
                slip.take(data, name)

    def _feed(self, at_ms: int, line: Line) -> None:
        data = line["data"]
        self.kinds.take("feed", f"{data['feed']}: {data['from']} → {data['to']}", str(line["reason"]), at_ms)

    def _reject(self, at_ms: int, line: Line) -> None:
        code = (line["res"] or {}).get("code")
        self.kinds.take("code", str(code)[:40], f"{line['intent']} {line['reason']}", at_ms)

    def _streak(self, _at_ms: int, line: Line) -> None:
        figure_of(line["data"]["length"])

    # --- told ---------------------------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """End the story here, and return it as plain JSON values: the same for the same lines."""
        self._end_run()
        told = self.statistics.as_dict()
        filled = self.filled.count
        latency = self.statistics.latencies_ms
        return {
            "from_ms": self.from_ms,
            "until_ms": self.until_ms,
            "run_count": self.run_count,
            "runs": [run.as_dict() for run in self.runs],
            "statistics": told,
            "latency_counts": [list(one) for one in sorted(latency.counts.items())],
            "ticks": self.ticks,
            "ticks_without_quotes": dict(sorted(self.held.items())),
            "quotes_filled": filled,
            "quotes_per_fill": round(told["quotes_placed"] / filled, 1) if filled else None,
            "modes": self.modes.as_dict(),
            "halts": self.halts.as_dict(),
            "tickets": self.tickets.as_dict(),
            "earned": self.earned.as_dict(),
            "markouts": self.markouts.as_dict(),
            "slip": {name: slip.as_dict() for name, slip in self.slips.items()},
            "exposure": {"width_ms": self.exposure.width_ms, "cells": [list(one) for one in self.exposure.told()]},
            "kinds": self.kinds.as_dict(),
        }
