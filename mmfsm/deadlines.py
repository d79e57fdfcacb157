"""When the next clock inside a desk falls due, so that a runner can wake for it instead of waiting for a tick."""

from __future__ import annotations

from mmfsm.events import FeedName
from mmfsm.machines import feed as feeds
from mmfsm.machines import order as orders
from mmfsm.machines import ticket as tickets
from mmfsm.machines.mode import COOLDOWN
from mmfsm.machines.order import Order
from mmfsm.params import Params
from mmfsm.state import DeskState

BOOKS = (FeedName.PERP_BOOK, FeedName.SPOT_BOOK)


def next_due_ms(s: DeskState, p: Params) -> int | None:
    """Return the earliest clock that lies in the future; one that has passed without effect waits for an event."""
    now, soonest = s.now_ms, None
    for due in _dues(s, p):
        if due > now and (soonest is None or due < soonest):
            soonest = due
    return soonest


def _dues(s: DeskState, p: Params) -> list[int]:
    dues = []
    for ticket in s.tickets.values():
        due = tickets.next_due_ms(ticket)
        dues += [ticket.next_try_ms] if due is None else [due, ticket.next_try_ms]
    for order in s.orders.open.values():
        if not order.resting and (due := _order_due(order, p)) is not None:
            dues.append(due)
    for name in BOOKS:
        feed = s.feeds[name]
        if feed.state == feeds.FRESH:
            dues.append(feed.heard_ms + p.book_stale_ms)
    if s.mode.state == COOLDOWN:
        dues.append(s.mode.cool_until_ms)
    return dues


def _order_due(order: Order, p: Params) -> int | None:
    if order.state == orders.SENT:
        return order.sent_ms + p.answer_bound_ms
    may_ask = order.asked_ms + p.query_period_ms
    if order.state == orders.LIVE:
        return max(order.since_ms + p.child_settle_ms, may_ask)
    if order.state == orders.CANCELLING:
        return max(order.since_ms + p.cancel_settle_ms, may_ask)
    return may_ask if order.state in (orders.UNKNOWN, orders.UNSETTLED) else None
