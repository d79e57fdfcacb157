"""What a run came to, counted from its records as they are made: the figures of the table at its end."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import attrs

from mmfsm.actions import Record
from mmfsm.values import InstType
from runner.statistics import Statistics


@attrs.define
class Summary:
    """Counts, and the statistics that a log is read for."""

    counts: Counter[str] = attrs.field(factory=Counter)
    statistics: Statistics = attrs.field(factory=Statistics)
    tickets_done: list[dict[str, Any]] = attrs.field(factory=list)
    halts: list[str] = attrs.field(factory=list)

    def take(self, record: Record) -> None:
        """Count one record."""
        counter = getattr(self, f"_{record.event}", None)
        if counter is not None:
            counter(record)
        line = attrs.asdict(record, filter=attrs.filters.exclude("request", "data", "res"))
        self.statistics.take(line | {"ts": record.at_ms, "data": record.data, "res": record.res})

    def _order_new(self, record: Record) -> None:
        self.counts[f"{record.intent}_orders"] += 1

    def _order_reject(self, _record: Record) -> None:
        self.counts["rejects"] += 1

    def _order_cancel(self, record: Record) -> None:
        if record.intent == "quote" and record.reason in ("bid", "ask"):
            self.counts["quote_cancels"] += 1

    def _fill(self, record: Record) -> None:
        leg = "perp" if record.inst_type == InstType.PERP.value else "spot"
        self.counts[f"{leg}_fills"] += 1
        self.counts["simulated_fills"] += bool(record.simulated)

    def _ticket(self, record: Record) -> None:
        data = record.data or {}
        if data.get("status") == "DONE":
            self.tickets_done.append(data)

    def _alert(self, record: Record) -> None:
        self.halts.append(str(record.reason))

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        done, told = self.tickets_done, self.statistics.as_dict()
        return {
            "quotes_placed": self.counts["quote_orders"],
            "quote_cancels": self.counts["quote_cancels"],
            "perp_fills": self.counts["perp_fills"],
            "spot_fills": self.counts["spot_fills"],
            "simulated_fills": self.counts["simulated_fills"],
            "hedges_sent": self.counts["hedge_orders"],
            "unwinds_sent": self.counts["unwind_orders"],
            "tickets_done": len(done),
            "tickets_unwound": sum(1 for data in done if Decimal(data["unwound_qty"]) > 0),
            "hedge_latency_p50_ms": told["hedge_latency_ms"]["p50"],
            "hedge_latency_p99_ms": told["hedge_latency_ms"]["p99"],
            "unhedged_notional_max": told["unhedged_notional_max"],
            "quotes_replaced": told["quote_replace_count"],
            "rejects": self.counts["rejects"],
            "reject_streak_max": told["reject_streaks"]["longest"],
            "result": told["result"],
            "markouts": told["markouts"],
            "alerts": self.halts,
        }
