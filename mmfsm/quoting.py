"""The two quotes: what the strategy wants, what the guards allow, and the slots that rest it."""

from __future__ import annotations

from decimal import Decimal, setcontext

from mmfsm import guards, placing, pnl, valuation
from mmfsm.arithmetic import CONTEXT
from mmfsm.funding import pays_soon
from mmfsm.machines import slot as machine
from mmfsm.machines.order import Order
from mmfsm.machines.slot import QuoteSlot, SlotInput, SlotOut
from mmfsm.market import bbo_of
from mmfsm.rounding import floor_to
from mmfsm.state import Turn
from mmfsm.strategy import QuoteView, SideLimit, Strategy
from mmfsm.values import ZERO, InstType, Leg, MarketSnapshot, Mode, OrderIntent, QuotePlan, QuoteSide, Side, Tif


def plan(turn: Turn, strategy: Strategy, *, is_told: bool = True) -> QuotePlan | None:
    """Ask the strategy, if everything it looks at is there. `is_told`: the plan may be recorded, with its edges."""
    s = turn.s
    perp, spot = s.books.get(InstType.PERP), s.books.get(InstType.SPOT)
    if perp is None or spot is None or s.constraints is None or s.funding is None or s.econ.fees is None:
        return None
    if s.no_quotes:  # nor the closing side of a pair that is being left
        none = QuoteSide(None, ZERO, "no_quotes")
        return QuotePlan(none, none, "no_quotes", turn.metrics(perp).bbo.mid)
    metrics = turn.metrics(perp)
    margin_qty = guards.margin_qty(s.margin_free, s.leverage, metrics.bbo.mid)
    view = QuoteView(
        turn.p,
        s.constraints,
        MarketSnapshot(metrics, bbo_of(spot), turn.at_ms),
        s.funding,
        s.ledger.perp,
        limit_of(turn, Side.BUY, margin_qty),
        limit_of(turn, Side.SELL, margin_qty),
        basis_z=valuation.basis_z(turn) if turn.p.basis_filter == "skew" else None,
        flow=s.econ.flow.at(turn.p.flow_window_ms, turn.p.flow_floor_qty, turn.at_ms) if turn.p.k_flow else None,
    )
    setcontext(CONTEXT.copy())  # what a strategy, or a library it calls, sets there is gone with it
    planned = strategy.quote(view)
    setcontext(CONTEXT)
    return valuation.valued(turn, view, within_limits(view, planned), is_told=is_told)


def within_limits(view: QuoteView, wanted: QuotePlan) -> QuotePlan:
    """The limits are the desk's, whoever planned the quotes: no side rests with more than may be quoted of it, and none
    with nothing."""
    bid, ask = _cut(wanted.bid, view.bid_limit), _cut(wanted.ask, view.ask_limit)
    return wanted if bid is wanted.bid and ask is wanted.ask else wanted._replace(bid=bid, ask=ask)


def _cut(quote: QuoteSide, limit: SideLimit) -> QuoteSide:
    if quote.price is None or ZERO < quote.qty <= limit.qty:
        return quote
    if quote.qty > limit.qty > ZERO:
        return quote._replace(qty=limit.qty)
    return QuoteSide(None, ZERO, quote.reason if limit.qty else limit.reason, quote.terms_bps)


def limit_of(turn: Turn, side: Side, margin_qty: Decimal | None = None) -> SideLimit:
    """How much of a side may be quoted: the cap, what the margin carries, and what spot could hedge right now."""
    s = turn.s
    assert s.constraints is not None
    spot, coin = s.books[InstType.SPOT], s.ledger.spot
    price = spot.bids[0].price if side is Side.BUY else spot.asks[0].price
    if side is Side.BUY:  # its hedge sells: less what hedges under way are selling
        for order in s.orders.open.values():
            if order.request.inst is InstType.SPOT and order.request.side is Side.SELL:
                coin -= order.left
    quote = s.balances.get(s.constraints.spot.quote_coin)
    limit = guards.side_limit(
        side,
        turn.p,
        s.constraints,
        price,
        s.ledger.perp,
        coin,
        None if quote is None else quote.available,
        margin_qty,
    )
    due = s.funding is not None and pays_soon(s.funding, side, turn.at_ms + s.skew_ms, turn.p.settlement_pause_sec)
    if due and limit.qty > (closes := max(-side.sign * s.ledger.perp, ZERO)):  # the rest would open what pays
        qty = floor_to(closes, s.constraints.perp.qty_step)
        limit = SideLimit(qty if qty >= guards.smallest_tradable(s.constraints, price) else ZERO, "funding_due")
    qty = placing.cut_at_zero(turn, side, limit.qty)
    return limit if qty is limit.qty else SideLimit(qty, "cut_at_zero")


def review(turn: Turn, strategy: Strategy, *, is_told: bool = True) -> QuotePlan | None:
    """Bring both slots to what may rest now. Returns the plan, for the tick record (`is_told`)."""
    s = turn.s
    wanted = plan(turn, strategy, is_told=is_told) if s.mode.state == Mode.QUOTING else None
    if wanted is None:
        pull(turn)
        return None
    for slot, side in ((s.bid, wanted.bid), (s.ask, wanted.ask)):
        note_skip(turn, slot, side)
        tell(turn, slot, "unwant" if side.price is None else "want", wanted, side)
    return wanted


def pull(turn: Turn) -> None:
    """Take both quotes out of the market."""
    for slot in turn.s.slots:
        tell(turn, slot, "unwant", None)


def tell(turn: Turn, slot: QuoteSlot, event: str, wanted: QuotePlan | None, side: QuoteSide | None = None) -> None:
    """Tell a slot's machine what is wanted, and do what it asks."""
    commands: SlotOut = []
    if side is None or side.price is None:
        what = SlotInput(turn.at_ms, turn.p.requote_min_ms, turn.p.replace_threshold_bps)
    else:
        pace, threshold = turn.p.requote_min_ms, turn.p.replace_threshold_bps
        what = SlotInput(turn.at_ms, pace, threshold, side.price, side.qty, side.worst)
    turn.fire(machine.TABLE, slot, event, what, commands)
    for command in commands:
        if command == "cancel":
            placing.cancel(turn, slot.client_oid, "replace" if slot.state == machine.REPLACING else "withdrawn")
        else:
            _place(turn, slot, wanted)


def settled(turn: Turn, order: Order) -> None:
    """A quote is over: its slot is free. One that was taken up again is not the slot's any more."""
    slot = turn.s.bid if order.owner == placing.BID else turn.s.ask
    if slot.client_oid == order.request.client_oid:
        tell(turn, slot, "settled", None)


def _place(turn: Turn, slot: QuoteSlot, wanted: QuotePlan | None) -> None:
    buying = slot.side is Side.BUY
    request = placing.place(
        turn,
        owner=placing.BID if buying else placing.ASK,
        inst=InstType.PERP,
        side=slot.side,
        qty=slot.qty,
        price=slot.price,
        tif=Tif.POST_ONLY,
        intent=OrderIntent.QUOTE,
        leg=Leg.PERP_BID if buying else Leg.PERP_ASK,
        cycle=turn.next_cycle(),
        attempt=1,
        reason=wanted.reason if wanted else "set_quote",
    )
    slot.client_oid = request.client_oid
    pnl.count_quote(turn)


def note_skip(turn: Turn, slot: QuoteSlot, side: QuoteSide) -> None:
    """Record that a side is left out, and why: once, not at every book."""
    reason = "" if side.price is not None else side.reason
    if turn.s.skips.get(slot.side, "") == reason:
        return
    turn.s.skips[slot.side.value] = reason
    if reason:
        leg = Leg.PERP_BID if slot.side is Side.BUY else Leg.PERP_ASK
        data = valuation.short_of(side, turn.p)
        turn.record("order_skip", "risk", reason, intent=OrderIntent.QUOTE.value, leg=leg.value, data=data)
