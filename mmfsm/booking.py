"""Fills: booked once, given to their order, and their exposure to its owner. Before any machine runs, and at once."""

from __future__ import annotations

from decimal import Decimal

from mmfsm import costs, feeding, hedging, placing, pnl
from mmfsm.actions import QueryFills
from mmfsm.events import FeedName, FillEvent, FillUnparsable
from mmfsm.ledger import paid_in, signed_change
from mmfsm.machines.order import Order
from mmfsm.orders import EARLY_MAX
from mmfsm.state import Balance, Turn
from mmfsm.values import InstType, JsonObject, NormalizedFill, OrderIntent, OrderReport, plain

PRIVATE_LATE_MS = 2_000
"""A push later than this after its fill is not coming."""


def on_fill(turn: Turn, event: FillEvent) -> None:
    """Take a fill told by anybody. A duplicate is nothing; one that is faster than its answer waits."""
    take(turn, event.fill, alone=True)


def take(turn: Turn, fill: NormalizedFill, *, alone: bool = False) -> None:
    """`alone`: nothing else is told in this turn."""
    s = turn.s
    if s.untold and fill.source == "ws":
        s.untold.pop(fill.fallback_key, None)
    if s.ledger.is_seen(fill):
        return
    order = s.orders.find(fill.inst, fill.order_id, fill.client_oid)
    if order is not None:
        s.orders.early.pop(fill.dedupe_key, None)
        _book(turn, fill, order, alone=alone)
    elif fill.dedupe_key in s.orders.early:
        return
    elif fill.forced and fill.inst is InstType.PERP:
        _book(turn, fill, None)  # the exchange's own order: no answer of ours will name it
    elif s.orders.awaits_answer(fill) or _takes_up_again(turn, fill):
        if not s.orders.park(fill):
            turn.halt_soon("fills_without_order", latched=True, detail=f"more than {EARLY_MAX} wait for their order")
    else:
        _leave_alone(turn, fill)


def _book(turn: Turn, fill: NormalizedFill, order: Order | None, *, alone: bool = False) -> None:
    """Move the books and give the exposure to its owner. A quote's fill with no ticket open will open one: its hedge
    leaves first, and what no hedge hangs on is put off (124 µs became 50): accounts and records, what the order's
    machine asks for, the end of a ticket that is too small to hedge, the mode."""
    s = turn.s
    if not s.books_open or s.constraints is None:
        _note_before_open(turn, fill, order)
        return
    if (order is None or order.owner == placing.STRAY) and _is_in_what_was_read(turn, fill):
        s.ledger.mark_seen(fill)
        return
    if order is not None and order.booked + fill.qty > order.request.qty and order.owner != placing.STRAY:
        _refuse_overfill(turn, fill, order)
        return
    if alone and not s.tickets and order is not None and order.request.intent is OrderIntent.QUOTE:
        turn.hurry()
    s.ledger.mark_told(fill)
    turn.later(s.ledger.mark_alike, fill)
    pnl.take_over(turn, fill)
    change = s.ledger.book(fill, s.constraints.perp.base_coin, s.constraints.perp.quote_coin)
    s.unparsable.pop(f"{fill.inst}:{fill.order_id}", None)
    s.quiet_since_ms = turn.at_ms
    s.witnesses[fill.inst].disagreed = 0  # a fill explains what the last reading could not
    s.pretend = s.pretend or fill.simulated
    turn.later(_account, turn, fill, order, order is not None and not order.booked)
    if order is not None:
        placing.tell(turn, order, "fill", qty=fill.qty, order_id=fill.order_id)
    if order is None or order.owner in placing.OURS:
        owner = "forced_fill" if order is None else "perp_fill"
        if fill.inst is InstType.SPOT:
            owner = "stray_fill"
        hedging.expose(turn, change, owner)
    else:
        hedging.child_filled(turn, order, change)
    turn.later(_judge_coin, turn, fill)


def _account(turn: Turn, fill: NormalizedFill, order: Order | None, is_first: bool) -> None:
    """What was earned by a fill, what it says of costs and of the stream that told it; with its record."""
    _record(turn, fill, order, worth=pnl.on_fill(turn, fill, order, is_first))
    _judge_stream(turn, fill)
    costs.note_fill(turn, fill, order)
    if fill.inst is InstType.SPOT and not fill.simulated:
        _spend(turn, fill)


def _judge_coin(turn: Turn, fill: NormalizedFill) -> None:
    """A fee in a coin that nobody expects cannot be valued: it is said."""
    assert turn.s.constraints is not None
    perp = turn.s.constraints.perp
    known = (perp.base_coin, perp.quote_coin, "BGB")
    is_odd = fill.fee_coin not in known and (fill.fee or (fill.fee_coin is None and not fill.simulated))
    odd: list[tuple[str | None, Decimal]] = [(fill.fee_coin, fill.fee)] if is_odd else []
    odd += [(part.coin, part.fee) for part in fill.more_fees if part.fee and part.coin not in known]
    for coin, fee in odd:
        turn.record("risk", "oms", "fee_coin_unknown", data={"fee_coin": coin, "fee": plain(fee)})


def _judge_stream(turn: Turn, fill: NormalizedFill) -> None:
    """A fill first told by REST, long after it happened, on a stream that was up all the while: the stream is dead."""
    feed = turn.s.feeds[FeedName.PRIVATE]
    happened_ms = fill.exch_ms - turn.s.skew_ms
    if fill.source != "rest" or not turn.s.ready or feed.since_ms >= happened_ms:
        return
    if happened_ms < turn.at_ms - PRIVATE_LATE_MS:
        feeding.tell(turn, FeedName.PRIVATE, "missed")
    else:
        turn.s.untold[fill.fallback_key] = turn.at_ms  # its push may still come


def judge_untold(turn: Turn) -> None:
    """A fill that REST told first, and that the stream has had its time to tell and has not: the stream is dead."""
    s = turn.s
    first_ms = min(s.untold.values(), default=turn.at_ms)
    if turn.at_ms - first_ms < PRIVATE_LATE_MS:
        return
    s.untold.clear()
    if s.ready and s.feeds[FeedName.PRIVATE].since_ms < first_ms:
        feeding.tell(turn, FeedName.PRIVATE, "missed")


def _spend(turn: Turn, fill: NormalizedFill) -> None:
    """What a hedge has paid is not available any more, though no balance has told it yet."""
    s = turn.s
    assert s.constraints is not None
    coin = s.constraints.spot.quote_coin
    known = s.balances.get(coin)
    if known is None or fill.exch_ms <= known.exch_ms:
        return
    paid = fill.side.sign * fill.price * fill.qty + paid_in(fill, coin)
    s.balances[coin] = Balance(known.available - paid, known.total - paid, known.exch_ms)


def _is_in_what_was_read(turn: Turn, fill: NormalizedFill) -> bool:
    """A stray's or a forced fill from before this run is in the position that was read at start."""
    is_old = fill.exch_ms < turn.s.started_ms + turn.s.skew_ms
    return is_old and not turn.s.is_restored


def _takes_up_again(turn: Turn, fill: NormalizedFill) -> bool:
    order = turn.s.orders.given_up_for(fill, fill.exch_ms - turn.s.skew_ms)
    if order is None:
        return False
    placing.take_up_again(turn, order)
    return True


def _note_before_open(turn: Turn, fill: NormalizedFill, order: Order | None) -> None:
    """Before the books open the position that will be read holds this fill already; it is exposure all the same."""
    turn.s.ledger.mark_seen(fill)
    if order is not None:
        placing.tell(turn, order, "fill", qty=fill.qty, order_id=fill.order_id)
    if fill.inst is InstType.PERP and fill.exch_ms >= turn.s.started_ms + turn.s.skew_ms:
        turn.s.before_open += fill.side.sign * fill.qty
    _record(turn, fill, order, reason="before_open")


def _refuse_overfill(turn: Turn, fill: NormalizedFill, order: Order) -> None:
    """More than the order's own quantity cannot be filled: a duplicate that no key has caught. A person looks."""
    turn.s.ledger.mark_seen(fill)
    _record(turn, fill, order, event="risk", reason="fill_over_order")
    booked = f"{plain(order.booked)} of {plain(order.request.qty)}"
    detail = f"{order.request.client_oid}: {booked} booked, {plain(fill.qty)} more told"
    turn.halt_soon("fill_over_order", latched=True, detail=detail)


def _leave_alone(turn: Turn, fill: NormalizedFill) -> None:
    """A stranger's fill on our account is not ours to hedge; it is reported, and the witnesses will tell."""
    turn.s.ledger.mark_seen(fill)
    if fill.exch_ms < turn.s.started_ms + turn.s.skew_ms:
        return  # older than this run: read back by the first reconciliation
    _record(turn, fill, None, event="risk", reason="foreign_fill")


def release_early(turn: Turn) -> None:
    """Book the parked fills whose order has been named since; what no unanswered order can explain is a stranger's."""
    for fill in turn.s.orders.named_or_orphaned():
        take(turn, fill)


def on_named(turn: Turn, report: OrderReport) -> None:
    """The order of a parked fill, asked for by its orderId, carries another name than the order it was asked for: it is
    that one's, or, where nobody here knows the name, a stranger's. Nothing of ours waits for it any longer."""
    order = turn.s.orders.of_report(report)
    if order is not None:
        placing.on_report(turn, order, report, asked=True)
        return
    for fill in turn.s.orders.parked_of(report.inst, report.order_id):
        _leave_alone(turn, fill)


def on_unparsable(turn: Turn, event: FillUnparsable) -> None:
    """Never booked as zero: the order's fills are asked for by REST, and until they are read nothing is quoted."""
    data = {"raw_keys": list(event.raw_keys)}
    turn.record("risk", "oms", "fill_unparsable", inst_type=event.inst.value, exch_order_id=event.order_id, data=data)
    turn.s.unparsable[f"{event.inst}:{event.order_id or '?'}"] = turn.at_ms
    turn.do(QueryFills(event.inst, event.order_id, turn.exch_ms(turn.s.started_ms)))


def ask_parked(turn: Turn) -> None:
    """Ask whose the parked fills are, if the answers that would say so are long in coming."""
    s = turn.s
    if not s.orders.early or turn.at_ms - s.early_asked_ms < turn.p.query_period_ms:
        return
    late_ms = turn.at_ms + s.skew_ms - turn.p.query_period_ms
    late = [fill for fill in s.orders.early.values() if fill.exch_ms <= late_ms]
    if late:
        s.early_asked_ms = turn.at_ms
    for fill in late:
        placing.ask_whose(turn, fill)


def ask_unparsable(turn: Turn) -> None:
    """Ask again for fills that could not be read, until they are."""
    for key, asked_ms in turn.s.unparsable.items():
        if turn.at_ms - asked_ms >= turn.p.query_period_ms:
            turn.s.unparsable[key] = turn.at_ms
            inst, order_id = key.split(":")
            turn.do(QueryFills(InstType(inst), None if order_id == "?" else order_id, turn.exch_ms(turn.s.started_ms)))


def _record(
    turn: Turn,
    fill: NormalizedFill,
    order: Order | None,
    event: str = "fill",
    reason: str | None = None,
    worth: JsonObject | None = None,
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
            **({"more_fees": {part.coin: plain(part.fee) for part in fill.more_fees}} if fill.more_fees else {}),
            "maker": fill.is_maker,
            "change": plain(signed_change(fill, turn.s.constraints.perp.base_coin)) if turn.s.constraints else None,
            "exch_ms": fill.exch_ms,
            "via": fill.source,
            **(worth or {}),
        },
    )
