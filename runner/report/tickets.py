"""What became of the tickets: how long each state lasted, how they ended, and those a person would look at."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import attrs

from mmfsm.values import plain
from runner.bounded import Recent, Sketch, figure_of
from runner.logfiles import Line

STATES = ("PENDING", "PARTIAL", "CHASING", "UNWINDING")
DONE = "DONE"
QUANTITIES = ("want_qty", "filled_qty", "unwound_qty", "netted_qty", "dust_qty")
FIGURES = (*QUANTITIES, "tries", "hedge_latency_ms")
OPEN_MAX = 1_024
LISTED = 24
CLOSED_KEPT = 64
"""Their results are told right behind their ends."""

Note = Callable[[str, str], None]


@attrs.define
class Ticket:
    """One ticket as the log tells it. `spans`: what states it was in, and for how many ms each."""

    hedge_id: str
    opened_ms: int
    at_ms: int
    status: str = ""
    spans: list[tuple[str, int]] = attrs.field(factory=list)
    told: dict[str, Any] = attrs.field(factory=dict)
    edge: str | None = None

    @property
    def ms(self) -> int:
        return max(self.at_ms - self.opened_ms, 0)

    @property
    def is_bad(self) -> bool:
        """It did not find its hedge at the first price."""
        return any(status in ("CHASING", "UNWINDING") for status, _ms in self.spans) or self.status != DONE

    def as_dict(self) -> dict[str, Any]:
        told = {name: self.told.get(name) for name in ("side", "end", "tries", "hedge_latency_ms")}
        qty = {
            name: self.told.get(name) for name in ("want_qty", "filled_qty", "unwound_qty", "netted_qty", "dust_qty")
        }
        times = {"hedge_id": self.hedge_id, "opened_ms": self.opened_ms, "ms": self.ms, "status": self.status}
        return {**times, **told, **qty, "edge": self.edge, "spans": [list(span) for span in self.spans]}


@attrs.define
class Time:
    """Time in one state of tickets."""

    entries: int = 0
    ms: int = 0
    longest_ms: int = 0


@attrs.define
class Tickets:
    """Takes `ticket` records and the results that follow them."""

    open: OrderedDict[str, Ticket] = attrs.field(factory=OrderedDict)
    closed: OrderedDict[str, Ticket] = attrs.field(factory=OrderedDict)
    ended: Recent = attrs.field(factory=Recent)
    ends: Counter[str] = attrs.field(factory=Counter)
    times: dict[str, Time] = attrs.field(factory=dict)
    ms: Sketch = attrs.field(factory=Sketch)
    unwound: int = 0
    forgotten: int = 0
    _worst: list[tuple[bool, int, int, Ticket]] = attrs.field(factory=list)
    _ranked: int = 0

    def take(self, line: Line, note: Note) -> None:
        """Take one `ticket` record. `note` is told of the ticket's change of state."""
        data, at_ms = line["data"], line["ts"]
        hedge_id, status, opened_ms = str(data["hedge_id"]), str(data["status"]), int(figure_of(data["opened_ms"]))
        for name in FIGURES:
            if data[name] is not None:
                figure_of(data[name])
        ticket = self.open.get(hedge_id)
        if ticket is None:
            if status == DONE and hedge_id in self.ended:
                return  # a fill that came late, told again
            ticket = Ticket(hedge_id, opened_ms, opened_ms)
            self._open(ticket)
        if status != ticket.status or line["reason"] == "opened":
            note(f"{ticket.status or 'new'} → {status}", str(line["reason"]))
        self._pass(ticket, at_ms)
        ticket.status, ticket.told = status, data
        if status == DONE:
            self._close(ticket)

    def _open(self, ticket: Ticket) -> None:
        self.open[ticket.hedge_id] = ticket
        if len(self.open) > OPEN_MAX:
            self.open.popitem(last=False)
            self.forgotten += 1

    def _pass(self, ticket: Ticket, at_ms: int) -> None:
        passed, ticket.at_ms = max(at_ms - ticket.at_ms, 0), max(at_ms, ticket.at_ms)
        status = ticket.status or "PENDING"
        if ticket.spans and ticket.spans[-1][0] == status:
            ticket.spans[-1] = (status, ticket.spans[-1][1] + passed)
        elif ticket.status and len(ticket.spans) < LISTED:
            ticket.spans.append((status, passed))

    def _close(self, ticket: Ticket) -> None:
        self.open.pop(ticket.hedge_id, None)
        self.closed[ticket.hedge_id] = ticket
        if len(self.closed) > CLOSED_KEPT:
            self.closed.popitem(last=False)
        self.ended.add(ticket.hedge_id)
        self.ends[str(ticket.told.get("end"))] += 1
        self.unwound += figure_of(ticket.told["unwound_qty"]) > 0
        self.ms.add(ticket.ms)
        for status, ms in ticket.spans:
            time = self.times.setdefault(status if status in STATES else "other", Time())
            time.entries += 1
            time.ms += ms
            time.longest_ms = max(time.longest_ms, ms)
        self._rank(ticket)

    def _rank(self, ticket: Ticket) -> None:
        self._ranked += 1  # no two are alike, and of two as bad the earlier one stays
        heapq.heappush(self._worst, (ticket.is_bad, ticket.ms, -self._ranked, ticket))
        if len(self._worst) > LISTED:
            heapq.heappop(self._worst)

    def result(self, data: dict[str, Any]) -> None:
        """Take the result of a ticket that has just ended."""
        ticket = self.closed.get(str(data["hedge_id"]))
        if ticket is not None:
            ticket.edge = plain(figure_of(data["edge"]))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values. `worst`: those still open, those that had to chase or unwind, then the slowest."""
        worst = [entry[-1] for entry in sorted(self._worst, reverse=True)]
        return {
            "done": self.ended.count,
            "unwound": self.unwound,
            "open": len(self.open) + self.forgotten,
            "ends": dict(sorted(self.ends.items())),
            "ms": {"p50": self.ms.quantile(0.5), "p99": self.ms.quantile(0.99), "max": self.ms.high},
            "time_in_state": {state: attrs.asdict(self.times[state]) for state in sorted(self.times)},
            "worst": [ticket.as_dict() for ticket in [*list(self.open.values())[-LISTED:], *worst][:LISTED]],
        }
