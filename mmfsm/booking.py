"""Fills: booked once, given to their order, and their exposure to its owner. Before any machine runs, and at once."""

from __future__ import annotations

from mmfsm import hedging, placing
from mmfsm.actions import QueryFills
from mmfsm.events import FillEvent, FillUnparsable
from mmfsm.ledger import signed_change
from mmfsm.machines.order import Order
from mmfsm.state import Turn
from mmfsm.values import InstType, NormalizedFill, plain


def on_fill(turn: Turn, event: FillEvent) -> None:
    """Take a fill told by anybody. A duplicate is nothing; one that is faster than its answer waits."""
    take(turn, event.fill)


def take(turn: Turn, fill: NormalizedFill) -> None:
    s = turn.s
    if s.ledger.is_seen(fill) or fill.dedupe_key in s.orders.early:
        return
    order = s.orders.find(fill.inst, fill.order_id, fill.client_oid)
    if order is not None:
        _book(turn, fill, order)
    elif s.orders.awaits_answer(fill):
        s.orders.park(fill)
    elif fill.forced and fill.inst is InstType.PERP:
        _book(turn, fill, None)
    else:
        _leave_alone(turn, fill)


def _book(turn: Turn, fill: NormalizedFill, order: Order | None) -> None:
    s = turn.s
    assert s.constraints is not None, "an order of ours means the constraints are there"
    s.ledger.mark_seen(fill)
    base = s.constraints.perp.base_coin
    change = s.ledger.book(fill, base)
    s.unparsable.pop(fill.order_id, None)
    s.quiet_since_ms = turn.at_ms
    s.pretend = s.pretend or fill.simulated
    _record(turn, fill, order)
    if order is not None:
        placing.tell(turn, order, "fill", qty=fill.qty, order_id=fill.order_id)
    if order is None or order.owner in placing.OURS:
        owner = "forced_fill" if order is None else "perp_fill"
        if fill.inst is InstType.SPOT:
            owner = "stray_fill"
        hedging.expose(turn, change, owner)
    else:
        hedging.child_filled(turn, order, change)
    if fill.fee and fill.fee_coin not in (base, s.constraints.perp.quote_coin, "BGB"):
        turn.record("risk", "oms", "fee_coin_unknown", data={"fee_coin": fill.fee_coin, "fee": plain(fill.fee)})


def _leave_alone(turn: Turn, fill: NormalizedFill) -> None:
    """A stranger's fill on our account is not ours to hedge; it is reported, and the witnesses will tell."""
    turn.s.ledger.mark_seen(fill)
    if fill.exch_ms and turn.s.started_ms and fill.exch_ms < turn.s.started_ms:
        return  # older than this run: read back by the first reconciliation
    _record(turn, fill, None, event="risk", reason="foreign_fill")


def release_early(turn: Turn) -> None:
    """Parked fills that no unanswered order can explain any more are strangers' after all."""
    if turn.s.orders.early:
        for fill in turn.s.orders.orphans():
            take(turn, fill)


def on_unparsable(turn: Turn, event: FillUnparsable) -> None:
    """Never booked as zero: the order's fills are asked for by REST, and until they are read nothing is quoted."""
    data = {"raw_keys": list(event.raw_keys)}
    turn.record("risk", "oms", "fill_unparsable", inst_type=event.inst.value, exch_order_id=event.order_id, data=data)
    turn.s.unparsable[event.order_id or "?"] = turn.at_ms
    turn.do(QueryFills(event.inst, event.order_id, turn.s.started_ms))


def _record(
    turn: Turn, fill: NormalizedFill, order: Order | None, event: str = "fill", reason: str | None = None
) -> None:
    request = order.request if order else None
    turn.record(
        event,
        "oms",
        reason or (order.owner if order else None),
        intent=request.intent.value if request else None,
        leg=request.leg.value if request else None,
        cycle_id=request.cycle_id if request else None,
        inst_type=fill.inst.value,
        client_oid=request.client_oid if request else fill.client_oid,
        exch_order_id=fill.order_id,
        exch_trade_id=fill.trade_id,
        dedupe_key=fill.dedupe_key,
        simulated=fill.simulated,
        data={
            "side": fill.side.value,
            "price": plain(fill.price),
            "qty": plain(fill.qty),
            "fee": plain(fill.fee),
            "fee_coin": fill.fee_coin,
            "maker": fill.is_maker,
            "change": plain(signed_change(fill, turn.s.constraints.perp.base_coin)) if turn.s.constraints else None,
            "exch_ms": fill.exch_ms,
            "via": fill.source,
        },
    )
