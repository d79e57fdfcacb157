"""What makes two worlds the same: clocks as what is left of them, never as times; names as parts played.

A clock that has run out looks like one that ran out long ago, so it is cut at the largest bound anything compares it
with. What is cut never decides: the models' own limits are the bounds used here.
"""

from __future__ import annotations

from collections.abc import Hashable

from mmfsm.booking import PRIVATE_LATE_MS
from mmfsm.machines import session
from mmfsm.machines.order import Order, OrderLimits
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.params import Params
from mmfsm.state import DeskState, order_limits
from mmfsm.values import InstType, Side


def since(now: int, then: int, bound: int) -> int:
    """How long ago, cut at `bound`."""
    return min(now - then, bound)


def until(now: int, then: int) -> int:
    """How long yet; over is over."""
    return max(then - now, 0)


def order_key(order: Order, now: int, limits: OrderLimits) -> Hashable:
    """All of an order that decides anything later, without names and times."""
    asked = since(now, order.asked_ms, limits.query_period_ms)
    if order.state == "SETTLED":
        return order.state, order.booked, order.refusal, order.given_up, order.order_id is None
    young = order.state == "SENT" or (order.state == "UNKNOWN" and order.order_id is None)
    sent = since(now, order.sent_ms, max(limits.answer_bound_ms, limits.not_found_ms)) if young else 0
    clocks = (0, 0)
    if order.state != "SENT" and not order.resting:
        bound = max(limits.child_settle_ms, limits.cancel_settle_ms, limits.query_period_ms)
        entered = since(now, order.since_ms, bound) if order.state != "UNKNOWN" else 0
        clocks = entered, since(now, order.doubt_ms or order.since_ms, limits.unknown_bound_ms)
    return (
        order.state,
        order.order_id is None,
        order.booked,
        order.claimed,
        order.shown,
        since(now, order.shown_ms, limits.query_period_ms) if order.shown else 0,
        order.cancel_wanted,
        clocks,
        asked,
        sent,
        min(order.asked_ms - order.sent_ms, limits.not_found_ms) if young else 0,
        order.reopened,
        min(order.not_found, 1) if order.state == "UNKNOWN" else 0,
        order.alarmed,
        order.request.qty,
    )


def ticket_key(ticket: HedgeTicket, now: int) -> Hashable:
    """All of a ticket that decides anything later. Of its sums only what remains does."""
    return (
        ticket.side is Side.BUY,
        ticket.state,
        ticket.remain,
        ticket.unwound > 0,
        until(now, ticket.deadline_ms),
        until(now, ticket.unhedged_until_ms),
        until(now, ticket.next_try_ms),
        min(ticket.chases, 1),
        None if ticket.child is None else (ticket.child.inst is InstType.SPOT, ticket.child.qty),
        ticket.spot_refused,
        ticket.perp_refused,
    )


def _session_key(s: DeskState, p: Params) -> Hashable:
    one, now = s.session, s.now_ms
    bound = 1000 * (p.stop_bound_sec if one.state == "STOPPING" else p.check_bound_sec)
    running_out = since(now, one.since_ms, bound) if one.state in ("CHECKING", "STOPPING") else 0
    asked = since(now, one.asked_ms, session.RETRY_MS) if one.state == "CHECKING" and one.unanswered else 0
    readback: Hashable = None
    if one.state == "STOPPING":
        again = max(session.RETRY_MS, session.UNANSWERED_MS)
        told = [(value, told_ms >= one.readback_asked_ms) for value, told_ms in (s.told_perp, s.told_coin)]
        readback = (since(now, one.readback_asked_ms, again), one.readback_ms >= one.readback_asked_ms > 0, *told)
    early = s.read_with != s.before_open and not s.books_open
    doubted = s.unexplained and (s.unexplained[0], since(now, s.unexplained[1], p.drift_quiet_ms))
    is_at = (one.state, one.asking, one.unanswered, one.probing, one.failure, one.mode_set)
    return is_at, running_out, asked, readback, early, doubted


def _may_come_back(order: Order) -> bool:
    """It was given up without the exchange's word for its end."""
    by_us = order.end in ("never_arrived", "settled_by_hand")
    return order.refusal is not None or (by_us and order.booked < order.request.qty)


def desk_key(s: DeskState, p: Params) -> Hashable:
    """All of a desk that decides anything within a model, without names, times, prices, and what is only recorded."""
    now, limits = s.now_ms, order_limits(p, InstType.SPOT)
    role = {name: ticket.side is Side.BUY for name, ticket in s.tickets.items()}
    return (
        s.mode.state,
        tuple(sorted((reason.split(":mm-")[0], latched) for reason, latched in s.mode.reasons.items())),
        until(now, s.mode.cool_until_ms),
        tuple((slot.state, slot.qty, since(now, slot.placed_ms, p.requote_min_ms)) for slot in s.slots),
        tuple(ticket_key(ticket, now) for ticket in s.tickets.values()),
        tuple((role.get(order.owner, order.owner[:3]), order.request.inst is InstType.SPOT,
               order.request.side is Side.BUY, order_key(order, now, limits)) for order in s.orders.open.values()),
        tuple((role.get(order.owner, order.owner[:3]), order_key(order, now, limits))
              for order in s.orders.settled.values() if _may_come_back(order)),
        tuple((fill.inst is InstType.SPOT, fill.side is Side.BUY, fill.qty) for fill in s.orders.early.values()),
        tuple((feed.state, feed.acked, feed.heard_ms > 0) for feed in s.feeds.values()),
        _session_key(s, p),
        (tuple(s.recon.outstanding), s.recon.failed, s.recover_since_ms is not None, tuple(s.orders_read)),
        (s.dust, s.ledger.perp, s.ledger.delta, s.books_open, s.cooldown_unwind, s.is_restored),
        (min(s.reject_streak, p.reject_streak_max), until(now, s.backoff_until_ms), s.backoff_ms > 0),
        (s.flattening, s.flattened, tuple(s.flatten_despite), s.closing is not None, s.closing_tries),
        (bool(s.untold), since(now, min(s.untold.values(), default=now), PRIVATE_LATE_MS)),
    )  # fmt: skip
