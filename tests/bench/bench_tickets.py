"""What an event costs a ticket while many others are open, and a desk after many were closed.

    open tickets      the machine alone, ten thousand tickets in a dict, one of them opened, hedged and closed
    closed tickets    a desk whose fills are hedged one after the other: the last of ten thousand beside the first

A desk itself has two tickets open at most: fills of one side grow the side's ticket.
"""

from __future__ import annotations

import gc
import statistics
import time
from decimal import Decimal

from mmfsm.machines.ticket import HedgeTicket, HedgeView, TicketInput, open_ticket, step
from mmfsm.state import hedge_limits
from mmfsm.testing import constraints
from mmfsm.values import Side
from tests.bench.bench_desk import PARAMS, Scene
from tests.bench.figures import Bench, How, Row, Taken, within

OPEN, OPEN_QUICK = 10_000, 1_000
CLOSED, CLOSED_QUICK = 10_000, 600
LIVES, SOME = 2_000, 200
MANY_OPEN, MANY_CLOSED = "ticket's life, 10,000 open", "fill → hedge, 10,000 closed"
ROWS = (
    Row(MANY_OPEN, "µs/event", "1 open", within(1.25)),
    Row(MANY_CLOSED, "µs", "the first 200", within(1.1)),
)
VIEW = HedgeView(constraints(), hedge_limits(PARAMS), *map(Decimal, ("2501", "2501.1", "2500", "2500.1", "0.05")))
QTY = Decimal("0.05")


def life(tickets: dict[str, HedgeTicket], number: int) -> None:
    """Open one ticket, fill its hedge in two parts, settle it and close it: five events."""
    at_ms = number * 10
    ticket, _ = open_ticket(f"t{number}", number, Side.BUY, QTY, TicketInput(at_ms, VIEW))
    tickets[ticket.hedge_id] = ticket
    for event, qty in (("hedge_filled", "0.02"), ("hedge_filled", "0.03"), ("child_settled", "0"), ("timer", "0")):
        step(ticket, event, TicketInput(at_ms + 1, VIEW, Decimal(qty)))
    assert ticket.state == "DONE", ticket
    del tickets[ticket.hedge_id]


def lives(count: int) -> float:
    """Microseconds an event while `count` - 1 other tickets are open."""
    tickets = {
        f"o{number}": open_ticket(f"o{number}", number, Side.BUY, QTY, TicketInput(0, VIEW))[0]
        for number in range(count - 1)
    }
    times = []
    for number in range(LIVES):
        began = time.perf_counter_ns()
        life(tickets, number)
        times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 5_000


def take(how: How) -> Taken:
    """One run. The collector rests while calls are timed one by one."""
    opened, closed = (OPEN_QUICK, CLOSED_QUICK) if how.quick else (OPEN, CLOSED)
    gc.collect()
    gc.disable()
    try:
        fills = [ns / 1000 for ns in Scene(0, fills=closed).samples["fill → hedge"].desk]
        return {
            MANY_OPEN: (lives(opened), lives(1)),
            MANY_CLOSED: (statistics.median(fills[-SOME:]), statistics.median(fills[:SOME])),
        }
    finally:
        gc.enable()


BENCH = Bench("tickets", ROWS, take)
