"""When the next clock inside a desk falls due, so that a runner can wake for it instead of waiting for a tick."""

from __future__ import annotations

from collections.abc import Iterator

from mmfsm.machines import feed as feeds
from mmfsm.machines import order as orders
from mmfsm.machines import ticket as tickets
from mmfsm.machines.order import Order
from mmfsm.params import Params
from mmfsm.state import DeskState
from mmfsm.values import Mode, Tif


def next_due_ms(s: DeskState, p: Params) -> int | None:
    """Return the earliest clock that lies in the future; one that has passed without effect waits for an event."""
    return min((due for due in _dues(s, p) if due > s.now_ms), default=None)


def _dues(s: DeskState, p: Params) -> Iterator[int]:
    for ticket in s.tickets.values():
        due = tickets.next_due_ms(ticket)
        if due is not None:
            yield due
        yield ticket.next_try_ms
    for order in s.orders.open.values():
        yield from _order_dues(order, p)
    for feed in s.feeds.values():
        if feed.state == feeds.FRESH and feed.name in ("perp_book", "spot_book"):
            yield feed.heard_ms + p.book_stale_ms
    if s.mode.state == Mode.COOLDOWN:
        yield s.mode.cool_until_ms


def _order_dues(order: Order, p: Params) -> Iterator[int]:
    may_ask = order.asked_ms + p.query_period_ms
    if order.state == orders.SENT:
        yield order.sent_ms + p.answer_bound_ms
    elif order.state == orders.LIVE and order.request.tif is Tif.IOC:
        yield max(order.since_ms + p.child_settle_ms, may_ask)
    elif order.state == orders.CANCELLING:
        yield max(order.since_ms + p.cancel_settle_ms, may_ask)
    elif order.state in (orders.UNKNOWN, orders.UNSETTLED):
        yield may_ask
