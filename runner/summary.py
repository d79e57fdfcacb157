"""What a run came to, counted from its records: the table at its end, and the statistics a log is read for."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import attrs

from mmfsm.actions import Record
from mmfsm.values import ZERO, InstType, plain


@attrs.define
class Summary:
    """Counts and extremes. `latencies_ms`: perp fill to the first spot fill of its ticket."""

    counts: Counter[str] = attrs.field(factory=Counter)
    latencies_ms: list[int] = attrs.field(factory=list)
    unhedged_max: Decimal = ZERO
    tickets_done: list[dict[str, Any]] = attrs.field(factory=list)
    reject_streak: int = 0
    reject_streak_max: int = 0
    failures: list[str] = attrs.field(factory=list)
    halts: list[str] = attrs.field(factory=list)

    def take(self, record: Record) -> None:
        """Count one record."""
        counter = getattr(self, f"_{record.event}", None)
        if counter is not None:
            counter(record)
        if record.pos_snapshot is not None and record.pos_snapshot.unhedged_notional is not None:
            self.unhedged_max = max(self.unhedged_max, record.pos_snapshot.unhedged_notional)

    def _order_new(self, record: Record) -> None:
        self.counts[f"{record.intent}_orders"] += 1

    def _order_ack(self, _record: Record) -> None:
        self.reject_streak = 0

    def _order_reject(self, record: Record) -> None:
        self.counts["rejects"] += 1
        self.reject_streak += 1
        self.reject_streak_max = max(self.reject_streak_max, self.reject_streak)

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
            if data.get("hedge_latency_ms") is not None:
                self.latencies_ms.append(data["hedge_latency_ms"])

    def _alert(self, record: Record) -> None:
        self.halts.append(str(record.reason))

    def percentile_ms(self, share: float) -> int | None:
        """Return the smallest latency that `share` of the hedges did not exceed; None without hedges."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        done = self.tickets_done
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
            "hedge_latency_p50_ms": self.percentile_ms(0.5),
            "hedge_latency_p99_ms": self.percentile_ms(0.99),
            "unhedged_notional_max": plain(round(self.unhedged_max, 4)),
            "rejects": self.counts["rejects"],
            "reject_streak_max": self.reject_streak_max,
            "alerts": self.halts,
        }
