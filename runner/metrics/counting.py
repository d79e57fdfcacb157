"""What is counted as it happens: from a run's records, told when the requests of their turn are under way."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from mmfsm.actions import Record
from mmfsm.values import InstType
from runner.reasons import find

FAST_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Buckets of what happens inside this process."""

NET_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Buckets of what goes to the exchange and back."""

CODES_MAX = 50
"""So many codes have a series of their own; the rest are `other`."""

SENT_MAX = 1_000
OTHER = "other"
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, of no use here

_LEGS = {InstType.PERP.value: "perp", InstType.SPOT.value: "spot"}
_ANSWERS = ("order_ack", "order_reject", "order_unknown")


class Counting:
    """Counts one run's records. `registry` is where the series go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sent: OrderedDict[str, int] = OrderedDict()
        self._codes: set[str] = set()
        self._open: dict[str, int] = {}
        self._open_ms = 0
        self._last: tuple[int, float] | None = None

        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(name, help_, labels, namespace="mmfsm", registry=registry)

        def histogram(name: str, help_: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, help_, labels, namespace="mmfsm", registry=registry, buckets=buckets)

        self.hedge_sent = histogram(
            "hedge_sent_seconds", "From a perp fill being told to its hedge being on its way", FAST_S
        )
        self.hedge_latency = histogram(
            "hedge_latency_seconds", "From a perp fill to the first spot fill of its hedge, by this clock", NET_S
        )
        self.ticket_duration = histogram("ticket_duration_seconds", "From a ticket's opening to its end", NET_S)
        self.round_trip = histogram(
            "order_round_trip_seconds", "From an order being decided on to its answer", NET_S, "intent"
        )
        self.orders = counter("orders", "Orders sent", "intent")
        self.quotes = counter("quotes", "Quotes placed", "side")
        self.fills = counter("fills", "Fills booked", "leg", "side")
        self.filled = counter("filled_base", "Quantity filled, in base coin", "leg", "side")
        self.tickets = counter("tickets", "Tickets that ended, by how", "end")
        self.rejects = counter("rejects", "Orders refused, by the exchange's code", "code")
        self.records = counter("records", "Lines of the log", "event")
        self.risks = counter("risk_records", "Risk records, by the catalogue's name of their reason", "reason")
        self.alerts = counter("alerts", "Alerts of the desk, by the catalogue's name of their reason", "reason")
        self.unhedged = counter("unhedged_seconds", "Time in which a ticket was open")
        self.unhedged_notional = counter(
            "unhedged_notional_seconds", "Unhedged notional in quote coin, times the seconds it lasted"
        )

    def take(self, record: Record) -> None:
        """Count one record."""
        self.records.labels(record.event).inc()
        self._count_exposure(record)
        handler = getattr(self, f"_{record.event}", None)
        if handler is not None:
            handler(record, record.data or {})
        elif record.event in _ANSWERS:
            self._answered(record)

    # --- orders -------------------------------------------------------------------------------------------------------

    def _order_new(self, record: Record, _data: dict[str, Any]) -> None:
        self.orders.labels(record.intent).inc()
        if record.intent == "quote" and record.request is not None:
            self.quotes.labels(record.request.side.value).inc()
        if record.client_oid is not None:
            self._sent[record.client_oid] = record.at_ms
            if len(self._sent) > SENT_MAX:
                self._sent.popitem(last=False)

    def _answered(self, record: Record) -> None:
        sent_ms = self._sent.pop(record.client_oid or "", None)
        if sent_ms is not None:
            self.round_trip.labels(record.intent).observe(_seconds(sent_ms, record.at_ms))
        if record.event == "order_reject":
            self.rejects.labels(self._code(str((record.res or {}).get("code")))).inc()

    def _code(self, code: str) -> str:
        if code not in self._codes and len(self._codes) >= CODES_MAX:
            return OTHER
        self._codes.add(code)
        return code

    # --- fills and tickets --------------------------------------------------------------------------------------------

    def _fill(self, record: Record, data: dict[str, Any]) -> None:
        leg = _LEGS.get(record.inst_type or "", OTHER)
        self.fills.labels(leg, data["side"]).inc()
        self.filled.labels(leg, data["side"]).inc(float(data["qty"]))

    def _ticket(self, record: Record, data: dict[str, Any]) -> None:
        hedge_id = data["hedge_id"]
        if data["status"] != "DONE":
            if not self._open:
                self._open_ms = record.at_ms
            self._open.setdefault(hedge_id, record.at_ms)
            return
        opened_ms = self._open.pop(hedge_id, None)
        if opened_ms is not None and not self._open:
            self.unhedged.inc(_seconds(self._open_ms, record.at_ms))
        self.tickets.labels(data["end"] or OTHER).inc()
        self.ticket_duration.observe(_seconds(data["opened_ms"], record.at_ms))
        if data["hedge_latency_ms"] is not None:
            self.hedge_latency.observe(data["hedge_latency_ms"] / 1000)

    def open_seconds(self, at_ms: int) -> float:
        """How long there has been a ticket open without a break, in seconds; 0 without one."""
        return _seconds(self._open_ms, at_ms) if self._open else 0.0

    def _count_exposure(self, record: Record) -> None:
        """Between two records exposure is what the first of them said; it counts while a ticket is open."""
        snapshot = record.pos_snapshot
        if snapshot is None or snapshot.unhedged_notional is None:
            return
        if self._open and self._last is not None:
            self.unhedged_notional.inc(self._last[1] * _seconds(self._last[0], record.at_ms))
        self._last = (record.at_ms, float(snapshot.unhedged_notional))

    # --- reasons ------------------------------------------------------------------------------------------------------

    def _risk(self, record: Record, _data: dict[str, Any]) -> None:
        self.risks.labels(reason_name(record.reason)).inc()

    def _alert(self, record: Record, _data: dict[str, Any]) -> None:
        self.alerts.labels(reason_name(record.reason)).inc()


def _seconds(from_ms: int, to_ms: int) -> float:
    """A time that is over; none where the clock was set back meanwhile: what is counted never gets less."""
    return max(to_ms - from_ms, 0) / 1000


@lru_cache(maxsize=1_000)
def reason_name(reason: str | None) -> str:
    """Return the catalogue's name of a reason: the number of names is bounded, whatever ids stand in reasons.

    >>> reason_name("unknown_order:mm-1"), reason_name("never heard of")
    ('unknown_order:{client_oid}', 'other')
    """
    row = find(reason or "")
    return OTHER if row is None else row.name
