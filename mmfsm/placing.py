"""Orders out and what is said of them: requests, answers, reports, questions. Every order passes through here."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.actions import CancelOrder, PlaceOrder, QueryConstraints, QueryFills, QueryOrder, QueryPosition
from mmfsm.events import CancelAnswered, OrderQueried, PlaceAnswered
from mmfsm.machines import order as machine
from mmfsm.machines.order import Order, OrderInput, OrderOut
from mmfsm.orders import is_ours, make_client_oid
from mmfsm.state import Turn
from mmfsm.values import (
    OVER_BUDGET,
    ZERO,
    InstType,
    JsonObject,
    Leg,
    NormalizedFill,
    OrderIntent,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    PositionEffect,
    PosMode,
    Side,
    Tif,
    plain,
)

PROBE, FLATTEN, STRAY, BID, ASK = "probe", "flatten", "stray", "bid", "ask"
OURS = (PROBE, FLATTEN, STRAY, BID, ASK)
"""Owners of orders that no ticket owns; a ticket's orders are owned by its hedge_id."""


def place(
    turn: Turn,
    *,
    owner: str,
    inst: InstType,
    side: Side,
    qty: Decimal,
    price: Decimal,
    tif: Tif,
    intent: OrderIntent,
    leg: Leg,
    cycle: int,
    attempt: int,
    reason: str,
    reduce_only: bool = False,
) -> OrderRequest:
    """Name an order, register it, and ask for it to be sent. Registered first: its answer can never find nobody."""
    oid = make_client_oid(turn.p.client_oid_prefix, intent, leg, cycle, turn.s.run, attempt)
    effect = position_effect(turn, side, reduce_only) if inst is InstType.PERP else None
    request = OrderRequest(oid, inst, side, qty, price, tif, intent, leg, cycle, reduce_only, effect)
    turn.s.orders.add(Order(request, owner, turn.at_ms, since_ms=turn.at_ms, asked_ms=turn.at_ms))
    turn.do(PlaceOrder(request))
    source = "strategy" if intent is OrderIntent.QUOTE else "oms"
    turn.later(turn.record_order, "order_new", source, reason, request)
    return request


def position_effect(turn: Turn, side: Side, reduce_only: bool) -> PositionEffect | None:
    """Say what a perp order does to the position, in hedge mode; in one-way mode nobody asks.

    Sizes are cut at zero before this (`cut_at_zero`), so no order both closes and opens.
    """
    if turn.s.pos_mode is PosMode.ONE_WAY:
        return None
    reduces = side.sign * turn.s.ledger.perp < 0
    return PositionEffect.CLOSE if reduces or reduce_only else PositionEffect.OPEN


def cut_at_zero(turn: Turn, side: Side, qty: Decimal) -> Decimal:
    """In hedge mode an order that reduces the position may not be larger than it."""
    if turn.s.pos_mode is PosMode.HEDGE and side.sign * turn.s.ledger.perp < 0:
        return min(qty, abs(turn.s.ledger.perp))
    return qty


def tell(turn: Turn, order: Order, event: str, **facts: object) -> None:
    """Tell an order's machine what happened, and do what it asks."""
    commands: OrderOut = []
    what = OrderInput(turn.at_ms, turn.order_limits(order.request.inst), **facts)  # type: ignore[arg-type]
    before, was_named = order.state, order.order_id
    turn.fire(machine.TABLE, order, event, what, commands)
    if order.order_id != was_named:
        turn.s.orders.link(order)
    for command in commands:
        turn.later(_obey, turn, order, command)
    if order.state == machine.SETTLED and before != machine.SETTLED:
        turn.s.orders.settle(order)
        turn.settled.append(order)


def _obey(turn: Turn, order: Order, command: machine.OrderCommand) -> None:
    request, order_id = order.request, order.order_id
    if command == "cancel":
        turn.do(CancelOrder(request.inst, request.client_oid, order_id))
        data = {"why": order.cancel_why or None}
        turn.record_order("order_cancel", "oms", order.owner, request, exch_order_id=order_id, data=data)
    elif command == "ask":
        turn.do(QueryOrder(request.inst, request.client_oid, order_id))
    elif command == "ask_fills":
        turn.do(QueryFills(request.inst, order_id, turn.exch_ms(order.sent_ms)))
        turn.do(QueryOrder(request.inst, request.client_oid, order_id))
    else:
        detail = f"{order.state} past its bound, {plain(order.left)} reserved"
        turn.halt_soon(f"unknown_order:{request.client_oid}", latched=True, detail=detail)


def is_alive_after_all(order: Order, report: OrderReport) -> bool:
    """An order given up without the exchange's word for its end is shown open."""
    return order.given_up and not report.status.is_end


def traded_after_all(order: Order, report: OrderReport) -> bool:
    """An order that was refused or never found is shown ended with fills: they are on their way."""
    unseen = order.given_up and not (order.reopened or order.booked or order.end == machine.BY_HAND)
    return unseen and report.status.is_end and (report.filled > ZERO or report.status is OrderStatus.FILLED)


def cancel(turn: Turn, client_oid: str | None, why: str = "unwanted") -> None:
    """Say that an order is no longer wanted, and why; its machine knows when the cancel may go."""
    order = turn.s.orders.open.get(client_oid or "")
    if order is not None:
        order.cancel_why = why
        tell(turn, order, "cancel")


def on_place_answered(turn: Turn, event: PlaceAnswered) -> None:
    """Take the answer to a place request."""
    result = event.result
    order = turn.s.orders.find(InstType.PERP, None, event.client_oid)
    if order is None:
        turn.record("risk", "oms", "answer_without_order", client_oid=event.client_oid, res=_res(result))
        return
    name = {Outcome.ACCEPTED: "order_ack", Outcome.UNKNOWN: "order_unknown"}.get(result.outcome, "order_reject")
    turn.record_order(
        name,
        "oms",
        result.outcome.value,
        order.request,
        exch_order_id=result.order_id,
        res=_res(result),
        dry_run=result.dry_run,
    )
    if result.outcome is Outcome.ACCEPTED:
        turn.s.reject_streak = turn.s.backoff_ms = 0
        tell(turn, order, "ack", order_id=result.order_id)
    elif result.outcome is Outcome.UNKNOWN:
        tell(turn, order, "unknown")
    else:
        tell(turn, order, "refused", outcome=result.outcome, reason=f"refused:{result.code}")
        _count_refusal(turn, result, order.request.intent)


BACKOFF_DOUBLINGS_MAX = 6


def _count_refusal(turn: Turn, result: OrderResult, intent: OrderIntent) -> None:
    """Count a refusal toward the streak, after what its kind asks for. Rate refusals back quotes off, never hedges."""
    s = turn.s
    if result.outcome is Outcome.FLAT:
        turn.do(QueryPosition())  # an answer, no proof: the position is read again
        return
    if result.outcome is Outcome.PAUSED:
        s.backoff_until_ms = turn.at_ms + turn.p.pause_ms
        turn.record("risk", "risk", "maintenance", data={"code": result.code, "pause_ms": turn.p.pause_ms})
        return
    if result.outcome is Outcome.BUSY:
        longest = turn.p.backoff_ms << BACKOFF_DOUBLINGS_MAX
        s.backoff_ms = min(max(s.backoff_ms * 2, turn.p.backoff_ms), longest)
        s.backoff_until_ms = turn.at_ms + s.backoff_ms
        if intent is not OrderIntent.QUOTE:
            return  # a hedge keeps trying at its pace; a second of rate limiting is no reason to call a person
    if result.code == OVER_BUDGET:
        return  # never sent: no word of the exchange's
    if result.outcome is Outcome.REFUSED_GRID:
        turn.do(QueryConstraints())
    if result.outcome is Outcome.FATAL:
        turn.halt_soon(f"refused_for_good:{result.code}", latched=True, detail=result.msg or "")
    _lengthen_streak(turn, f"{result.code} {result.msg}")


def _lengthen_streak(turn: Turn, last: str) -> None:
    turn.s.reject_streak += 1
    turn.record("reject_streak", "oms", data={"length": turn.s.reject_streak, "last": last})
    if turn.s.reject_streak >= turn.p.reject_streak_max:
        detail = f"{turn.s.reject_streak} in a row, last {last}"
        turn.halt_soon("reject_streak", latched=True, detail=detail)


def on_cancel_answered(turn: Turn, event: CancelAnswered) -> None:
    order = turn.s.orders.find(InstType.PERP, None, event.client_oid)
    if order is None:
        return
    outcome = event.result.outcome
    name = {Outcome.ACCEPTED: "cancel_ok", Outcome.GONE: "cancel_gone"}.get(outcome, "cancel_failed")
    if outcome is not Outcome.ACCEPTED:
        turn.record_order(
            "order_cancel", "oms", name, order.request, exch_order_id=order.order_id, res=_res(event.result)
        )
    tell(turn, order, name)
    if outcome is Outcome.FATAL:
        turn.halt_soon(f"refused_for_good:{event.result.code}", latched=True, detail=event.result.msg or "")


def on_order_queried(turn: Turn, event: OrderQueried) -> None:
    order = turn.s.orders.find(InstType.PERP, None, event.client_oid)
    if order is None:
        return
    if event.report is not None:
        if event.report.client_oid in (None, event.client_oid):  # asked by a fill's orderId it may be a stranger's
            on_report(turn, order, event.report, asked=True)
    elif event.result.outcome is Outcome.GONE and not turn.s.orders.may_be_told(order):
        was_open = order.state != machine.SETTLED
        tell(turn, order, "not_found")
        if was_open and order.end == "never_arrived":
            _lengthen_streak(turn, "an unknown outcome, and it never arrived")  # a refusal after all
    # Any other outcome says nothing about the order: its timer asks again.


def on_report(turn: Turn, order: Order, report: OrderReport, *, asked: bool) -> None:
    """Take what the stream or a query shows of an order of ours, and see that it rests as it was meant to."""
    if traded_after_all(order, report):
        order = take_up_again(turn, order)
    name = "told_end" if report.status.is_end else "told_live"
    tell(
        turn,
        order,
        name,
        order_id=report.order_id,
        # "filled" with a smaller figure is a slip of the telling, never a reason to settle without the fills
        filled=max(report.filled, order.request.qty) if report.status is OrderStatus.FILLED else report.filled,
        reason=report.cancel_reason or report.status.value,
        asked=asked,
    )
    if order.owner == PROBE:
        turn.s.probe_tif = report.tif or "none" if asked else turn.s.probe_tif
    elif order.request.tif is Tif.POST_ONLY and report.tif not in (None, Tif.POST_ONLY.value):
        detail = f"{order.request.client_oid} was sent post_only and is {report.tif}"
        turn.halt_soon("tif_not_honoured", latched=True, detail=detail)
        cancel(turn, order.request.client_oid)


def ask_whose(turn: Turn, fill: NormalizedFill) -> None:
    """A fill names an orderId nobody knows: ask whose it is, for each order of ours that it may belong to."""
    for order in turn.s.orders.unnamed_for(fill):
        turn.do(QueryOrder(fill.inst, order.request.client_oid, fill.order_id))


def take_up_again(turn: Turn, order: Order) -> Order:
    """An order given up without a trade may have traded after all: it is UNKNOWN again, once. Its owner is told."""
    again = Order(order.request, order.owner, order.sent_ms, machine.UNKNOWN, since_ms=turn.at_ms, reopened=True)
    turn.s.orders.reopen(again)
    turn.taken_up.append(again)
    return again


def adopt_stray(turn: Turn, report: OrderReport) -> bool:
    """Take charge of an open order nobody here believes in: left by an earlier run, or thought to be gone. It is
    cancelled. False: it is a stranger's."""
    if not is_ours(report.client_oid, turn.p.client_oid_prefix) or report.client_oid is None:
        return False
    known = turn.s.orders.settled.get(report.client_oid)
    if known is not None:
        order = Order(known.request, STRAY, turn.at_ms, since_ms=turn.at_ms, booked=known.booked)
        turn.s.orders.reopen(order)
        tell(turn, order, "told_live", order_id=report.order_id, filled=report.filled)
        tell(turn, order, "cancel")
        return True
    side, perp = report.side or Side.BUY, report.inst is InstType.PERP
    request = OrderRequest(
        client_oid=report.client_oid,
        inst=report.inst,
        side=side,
        qty=report.qty or ZERO,
        price=report.price or ZERO,
        tif=Tif.GTC,
        intent=OrderIntent.QUOTE if perp else OrderIntent.HEDGE,
        leg=(Leg.PERP_BID if side is Side.BUY else Leg.PERP_ASK) if perp else Leg.SPOT_IOC,
        cycle_id=0,
    )
    order = Order(request, STRAY, turn.at_ms, since_ms=turn.at_ms, asked_ms=turn.at_ms, booked=report.filled)
    turn.s.orders.add(order)
    tell(turn, order, "told_live", order_id=report.order_id)
    tell(turn, order, "cancel")
    return True


def _res(result: OrderResult) -> JsonObject:
    return {"outcome": result.outcome.value, "code": result.code, "msg": result.msg, "orderId": result.order_id}
