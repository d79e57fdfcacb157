"""What a log is read for: latencies, the largest exposure, replaced quotes, streaks of refusals, results by day.

    python -m runner statistics LOG [LOG ...]        files of one run or of many, .gz too, oldest first

Every figure comes from the lines alone: nothing of the process, the journal or the exchange is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from mmfsm.values import ZERO, plain
from runner.bounded import Recent, Sketch
from runner.logfiles import Line, Tally, records


@attrs.define
class Statistics:
    """Counts and extremes of the lines taken so far, in memory that does not grow with the log.

    `latencies_ms`: of each ticket hedged on spot, from its perp fill to its first spot fill, as told by this clock.
    `replaced`: clientOids of quotes cancelled for a better price. `streaks`: how many there were of each length, of
    refusals that count toward the limit, in a row; without the last one, `streak`, which may go on. `days`: when each
    UTC day's row was written, when that day began, and its net result. A day on which a run ended is told by the next.
    """

    latencies_ms: Sketch = attrs.field(factory=Sketch)
    unhedged_max: Decimal = ZERO
    quotes: int = 0
    replaced: Recent = attrs.field(factory=Recent)
    streaks: Counter[int] = attrs.field(factory=Counter)
    streak: int = 0
    refusals: Counter[str] = attrs.field(factory=Counter)
    days: list[tuple[int, int | None, str | None]] = attrs.field(factory=list)
    result: Mapping[str, Any] | None = None
    markouts: Mapping[str, Any] | None = None
    _unhedged: str | None = None

    def take(self, line: Line) -> None:
        """Take one line of the log."""
        event, data = line["event"], line.get("data") or {}
        unhedged = (line.get("pos_snapshot") or {}).get("unhedged_notional")
        if unhedged is not None and unhedged != self._unhedged:  # mostly it is what the last line said
            self._unhedged, self.unhedged_max = unhedged, max(self.unhedged_max, Decimal(unhedged))
        if event == "order_new" and line["intent"] == "quote":
            self.quotes += 1
        elif event == "order_cancel" and data.get("why") == "replace":
            self.replaced.add(line["client_oid"])
        elif event == "order_reject":
            self.refusals[str((line.get("res") or {}).get("code"))] += 1
        elif event == "reject_streak":
            self._lengthen(data["length"])
        elif event == "ticket" and data.get("status") == "DONE" and data.get("hedge_latency_ms") is not None:
            self.latencies_ms.add(data["hedge_latency_ms"])
        elif event == "pnl" and line["reason"] != "ticket":
            self._take_result(line["reason"], line["ts"], data)
        elif event == "markout":
            self.markouts = data

    def _lengthen(self, length: int) -> None:
        if length == 1 and self.streak:
            self.streaks[self.streak] += 1
        self.streak = length

    def _take_result(self, reason: str, ts: int, data: Mapping[str, Any]) -> None:
        self.result = data
        if reason == "day":
            since_ms = data.get("since_ms")
            self.days.append((ts, since_ms if type(since_ms) is int and 0 <= since_ms <= ts else None, data.get("net")))

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values. `result` is the newest row of a day or run, not a sum of rows."""
        latency = self.latencies_ms
        streaks = self.streaks + Counter([self.streak] if self.streak else [])
        return {
            "hedges": latency.count,
            "hedge_latency_ms": {
                "p50": latency.quantile(0.5),
                "p90": latency.quantile(0.9),
                "p99": latency.quantile(0.99),
                "max": latency.high,
            },
            "unhedged_notional_max": plain(round(self.unhedged_max, 4)),
            "quotes_placed": self.quotes,
            "quote_replace_count": self.replaced.count,
            "reject_streaks": {
                "count": streaks.total(),
                "longest": max(streaks, default=0),
                "by_length": {str(length): count for length, count in sorted(streaks.items())},
            },
            "refusals_by_code": dict(sorted(self.refusals.items())),
            "net_by_day": [{"told_ms": ts, "since_ms": since, "net": net} for ts, since, net in self.days],
            "result": self.result,
            "markouts": self.markouts,
        }


def statistics_of(lines: Iterable[Line]) -> dict[str, Any]:
    """Return the statistics of a log's lines, oldest first."""
    statistics = Statistics()
    for line in lines:
        statistics.take(line)
    return statistics.as_dict()


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a log file, compressed or not; one that was cut off by the end of its process is left out."""
    return records(path, Tally())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the statistics of log files as JSON. Returns 0, or 66 when a file cannot be read or none has a record."""
    parser = argparse.ArgumentParser(prog="python -m runner statistics", description=__doc__)
    parser.add_argument("log", type=Path, nargs="+", help="files, oldest first; .gz as they are rotated")
    args = parser.parse_args(argv)
    tally = Tally()
    try:
        told = statistics_of(line for path in args.log for line in records(path, tally))
        if not tally.lines:
            raise OSError(f"{', '.join(map(str, args.log))}: no line in it is a record")
    except OSError as error:
        print(f"{error}: expected a log of the runner's (LOG_PATH, or a rotated .gz beside it)", file=sys.stderr)
        return 66
    print(json.dumps(told, indent=2))
    return 0
