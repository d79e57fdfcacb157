"""What each side of a plan is worth here and now, and what the desk makes of the plan because of it.

The floor is the desk's, not the strategy's: whoever planned the quotes, no side rests below `MIN_EDGE_BPS`, and while a
pair is being left only its closing side is quoted: under the floor if it is left for its profit, else at the touch.
A strategy may look at the same figures in its view.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import exits, feeding
from mmfsm.basis import SAMPLE_MS, basis_bps
from mmfsm.edge import BELOW, Floor, expected_funding_bps, hedge_price, with_floor
from mmfsm.fees import Fees
from mmfsm.machines.pair import TAKE_PROFIT
from mmfsm.params import Params
from mmfsm.state import Turn
from mmfsm.strategy import QuoteView, SideLimit
from mmfsm.values import BPS, ZERO, InstType, JsonObject, QuotePlan, QuoteSide, Side, SideValue, plain


def valued(turn: Turn, view: QuoteView, plan: QuotePlan, *, is_told: bool = True) -> QuotePlan:
    """Return the plan with both sides valued, the floor kept, and the way out taken.

    Without a floor a side's value moves nothing: it is worked out only for a plan that may be recorded (`is_told`).
    """
    is_leaving = exits.is_leaving(turn)
    if not (is_leaving or is_told or view.params.edge_floor):
        return plan
    mid = view.market.perp.bbo.mid
    if is_leaving:
        bid, ask = _leaving(turn, view, plan.bid, Side.BUY, mid), _leaving(turn, view, plan.ask, Side.SELL, mid)
    else:
        bid, ask = _side(turn, view, plan.bid, Side.BUY, mid), _side(turn, view, plan.ask, Side.SELL, mid)
    return QuotePlan(bid, ask, plan.reason, plan.mid or mid, plan.reservation)


def _side(turn: Turn, view: QuoteView, quote: QuoteSide, side: Side, mid: Decimal) -> QuoteSide:
    econ, p, qty = turn.s.econ, view.params, quote.qty
    if quote.price is None:
        return quote
    spot, position = turn.s.books[InstType.SPOT], view.perp_pos
    reference = hedge_price(spot.bids if side is Side.BUY else spot.asks, qty)
    if reference is None:
        return QuoteSide(None, ZERO, "spot_too_thin", quote.terms_bps) if p.edge_floor else quote
    assert econ.fees is not None
    closes = (position < 0 if side is Side.BUY else position > 0) and qty <= abs(position)
    slip = econ.slip.expected_bps(p.expected_slip_bps)
    funding = expected_funding_bps(view.funding, side, p.funding_horizon_h, turn.at_ms + turn.s.skew_ms)
    cost = cost_bps(econ.fees, slip, ZERO if closes else p.edge_buffer_bps, funding)
    was_off = turn.s.skips.get(side.value) == BELOW
    value = SideValue(side, reference, cost, mid, mid * BPS)
    return with_floor(quote, value, floor_of(p), view.constraints.perp, was_off)


def _leaving(turn: Turn, view: QuoteView, quote: QuoteSide, side: Side, mid: Decimal) -> QuoteSide:
    """What a quote of the closing side is worth while the pair is being left: what it saves over crossing."""
    fees, touch = turn.s.econ.fees, view.market.perp.bbo
    quote = _on_the_way_out(view, quote, side, view.bid_limit if side is Side.BUY else view.ask_limit)
    if quote.price is None:
        return quote
    assert fees is not None
    value = SideValue(side, touch.ask if side is Side.BUY else touch.bid, saved_by_quoting(fees), mid, mid * BPS)
    # A loss or an age is a cost already decided on: a floor would only keep the pair from being closed.
    floor = floor_of(view.params) if turn.s.econ.pair.why == TAKE_PROFIT else None
    made = with_floor(quote, value, floor, view.constraints.perp)
    return made if made.price is None else made._replace(moved_by="exit")


def _on_the_way_out(view: QuoteView, quote: QuoteSide, side: Side, limit: SideLimit) -> QuoteSide:
    """Only what closes the pair is quoted, at the touch: whatever the strategy thinks of it."""
    if side.sign * view.perp_pos >= 0:
        return QuoteSide(None, ZERO, "leaving", quote.terms_bps)
    qty, touch = min(limit.qty, abs(view.perp_pos)), view.market.perp.bbo
    if not qty:
        return QuoteSide(None, ZERO, limit.reason, quote.terms_bps)
    price = touch.bid if side is Side.BUY else touch.ask
    return QuoteSide(price, qty, "leaving", quote.terms_bps, planned=quote.price)


def floor_of(params: Params) -> Floor | None:
    """Return the floor as set; None when it is off."""
    if not params.edge_floor:
        return None
    return Floor(params.min_edge_bps, params.edge_pad_bps, params.max_half_spread_bps)


def cost_bps(fees: Fees, slip_bps: Decimal, buffer_bps: Decimal, funding_bps: Decimal) -> Decimal:
    """Return what a fill and its hedge cost beside the two prices: fees + slip + buffer − expected funding.

    >>> from mmfsm.values import FeeRate
    >>> fees = Fees(FeeRate(Decimal(2), Decimal(6)), FeeRate(Decimal(10), Decimal(10)), Decimal(12))
    >>> cost_bps(fees, Decimal(1), Decimal(1), Decimal(3))
    Decimal('11')
    """
    return fees.round_bps + slip_bps + buffer_bps - funding_bps


def saved_by_quoting(fees: Fees) -> Decimal:
    """Return the cost of closing by a quote over closing at the touch: maker fee − taker fee, mostly below zero."""
    return fees.perp.maker_bps - fees.perp.taker_bps


def short_of(side: QuoteSide, params: Params) -> JsonObject | None:
    """Return what the record of a side that is off for its edge says: by how much; None for another reason."""
    if side.short_bps is None or side.edge_bps is None:
        return None
    return {
        "short_bps": plain(round(side.short_bps, 3)),
        "planned_edge_bps": plain(round(side.edge_bps, 3)),
        "min_edge_bps": plain(params.min_edge_bps),
        "max_half_spread_bps": plain(params.max_half_spread_bps),
    }


# --- the basis --------------------------------------------------------------------------------------------------------


def basis_now(turn: Turn) -> Decimal | None:
    """Return the basis in bps; None without both books."""
    perp, spot = turn.mid(InstType.PERP), turn.mid(InstType.SPOT)
    return None if perp is None or spot is None else basis_bps(perp, spot)


def basis_z(turn: Turn) -> Decimal | None:
    """Return how many standard deviations the basis is from its recent mean; None when that is not known."""
    now_bps = basis_now(turn)
    return None if now_bps is None else turn.s.econ.basis.z(now_bps, turn.p.basis_sd_min_bps)


def watch_basis(turn: Turn) -> None:
    """Once a second: judge the basis and take a sample of it. Stale books say nothing.

    The edge of each side is measured against spot at every book; this is about a basis that is unlike itself.
    """
    basis, p = turn.s.econ.basis, turn.p
    if p.basis_filter == "none" or turn.at_ms - basis.sampled_ms < SAMPLE_MS:
        return
    now_bps = basis_now(turn) if feeding.books_fresh(turn) else None
    if now_bps is None:
        return
    was_far, z = basis.is_far, basis.z(now_bps, p.basis_sd_min_bps)
    basis.judge(z, p.basis_z_max)
    basis.take(now_bps, p.basis_window_sec, turn.at_ms)
    if basis.is_far != was_far:
        data = {
            "basis_bps": plain(round(now_bps, 2)),
            "mean_bps": plain(round(basis.mean_bps, 2)),
            "z": None if z is None else plain(round(z, 2)),
        }
        turn.record("risk", "risk", "basis_far" if basis.is_far else "basis_near", data=data)
