"""What a run remembers of itself for those who look on: its last records, how late hedges came, since when which mode.

It is told of every record after the turn's requests are under way, and keeps a bounded part. Nothing here is needed to
trade. Firings of the tables are counted only where somebody looks at the diagrams (`count_edges`).
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import ExitStack
from typing import Any

from mmfsm.actions import Record
from mmfsm.table import AnyRow, AnyTable
from mmfsm.watching import Fire, diverted
from runner.looplag import LoopLag

RECORDS_MAX, LATENCIES_MAX, DETAILS_MAX = 500, 1_000, 64

Edges = Counter[tuple[str, str]]
"""How often each arrow of a table was taken, by (from, to)."""


class Onlooker:
    """See the module's docstring.

    `records` are numbered from 1 without gaps: `told` is the number of the newest. `latencies_ms`: of each hedged
    ticket, from its perp fill to its first spot fill. `details`: what the newest halt of each reason said. `edges`: by
    table.
    """

    def __init__(self, since_ms: int) -> None:
        self.mode_since_ms = since_ms
        self.records: deque[Record] = deque(maxlen=RECORDS_MAX)
        self.told = 0
        self.latencies_ms: deque[int] = deque(maxlen=LATENCIES_MAX)
        self.hedged = 0
        self.latency_max_ms: int | None = None
        self.details: dict[str, str] = {}
        self.edges: dict[str, Edges] = {}
        self.lag = LoopLag()
        self._diverted = ExitStack()

    def take(self, record: Record) -> None:
        """Note one record."""
        self.records.append(record)
        self.told += 1
        data = record.data or {}
        if record.event == "state":
            self.mode_since_ms = record.at_ms
        elif record.event == "ticket" and data.get("status") == "DONE":
            self._take_latency(data.get("hedge_latency_ms"))
        elif record.event == "risk" and record.reason and "detail" in data:
            self.details[record.reason] = str(data["detail"])
            if len(self.details) > DETAILS_MAX:
                del self.details[next(iter(self.details))]

    def _take_latency(self, latency_ms: int | None) -> None:
        if latency_ms is not None:
            self.latencies_ms.append(latency_ms)
            self.hedged += 1
            self.latency_max_ms = max(latency_ms, self.latency_max_ms or 0)

    def since(self, number: int) -> list[Record]:
        """Return the records after the one of this number that are still kept, oldest first."""
        new = min(self.told - number, len(self.records))
        return [] if new <= 0 else [self.records[at] for at in range(len(self.records) - new, len(self.records))]

    def percentile_ms(self, share: float) -> int | None:
        """Return the smallest latency that `share` of the last hedges did not exceed; None without hedges."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None

    def count_edges(self) -> None:
        """Begin to count which arrows the tables take, of every desk in this process."""
        self._diverted.enter_context(diverted(self._counted))

    def close(self) -> None:
        """Count no more, and measure no more."""
        self._diverted.close()
        self.lag.stop()

    def _counted(self, table: AnyTable, fire: Fire) -> Fire:
        edges = self.edges[table.name] = Counter()

        # On the way of every event: a comparison by identity where the state is kept, a count where it is not.
        def counted(subject: Any, event: str, payload: Any, out: Any) -> AnyRow:
            before = subject.state
            row = fire(subject, event, payload, out)
            if subject.state is not before:
                edges[before, subject.state] += 1
            return row

        return counted
