"""What quoting a symbol would be worth, side by side: the desk's own formulas, on two books and with nothing held.

    edge(P) = ±(hedge − P) / mid − perp maker − spot taker − slip − buffer     `mmfsm.edge`, without funding
    total   = edge at the touch + funding                                      what symbols are ranked by

P is the perp's best price on the quote's own side (the touch), or `BASE_HALF_SPREAD_BPS` from mid. The hedge is what
spot gives for the size, level by level. Funding is the next settlement's, or with FUNDING_HORIZON_H what settles within
it. Skews are left out: they are about a position and a moment, not about the symbol.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.edge import capped_rate, expected_funding_bps, hedge_price, with_floor
from mmfsm.fees import Fees
from mmfsm.guards import HEDGE_MARGIN, quote_size, smallest_tradable
from mmfsm.params import Params
from mmfsm.rounding import passive_price
from mmfsm.slippage import slip_bps
from mmfsm.valuation import cost_bps, floor_of
from mmfsm.values import BPS, ZERO, Constraints, Funding, Level, QuoteSide, Side, SideValue
from runner.bitget.wire_lists import Book

THIN = "spot_too_thin"
SMALL = "quote_size_below_min"


@attrs.frozen
class Walk:
    """A size taken out of a book: average price in quote coin, how many levels it needs, bps beyond the best price."""

    price: Decimal
    levels: int
    beyond_bps: Decimal


@attrs.frozen
class SideWorth:
    """One side of a symbol. Sizes in base coin, edges and funding in bps of the perp's mid.

    `qty` is what would be quoted: as set, or the smallest both legs take where that is more. `hedge` is the spot trade
    that follows a fill, `unwind` the perp trade that undoes it; None: the book does not hold the size. `verdict`: what
    the desk would do with it, "as planned", "moved out" (by the edge floor), or why the side is off.
    `needs_coin`: what must be held on spot beforehand, and how much of it.
    """

    side: Side
    qty: Decimal
    smallest: Decimal
    smallest_notional: Decimal
    needs_coin: str
    needs_qty: Decimal
    hedge: Walk | None
    unwind: Walk | None
    touch_bps: Decimal | None
    half_bps: Decimal | None
    needed_half_bps: Decimal | None
    funding_bps: Decimal
    verdict: str

    @property
    def total_bps(self) -> Decimal | None:
        return None if self.touch_bps is None else self.touch_bps + self.funding_bps


def walk(levels: tuple[Level, ...], qty: Decimal, side: Side) -> Walk | None:
    """Take `qty` out of these levels by a trade of `side`; None if they hold less.

    >>> bids = (Level(Decimal(100), Decimal(1)), Level(Decimal(98), Decimal(3)))
    >>> walk(bids, Decimal(2), Side.SELL), walk(bids, Decimal(5), Side.SELL)
    (Walk(price=Decimal('99'), levels=2, beyond_bps=Decimal('1E+2')), None)
    """
    price = hedge_price(levels, qty)
    if price is None:
        return None
    count, left = 0, qty
    while left > 0:
        left -= levels[count].qty
        count += 1
    return Walk(price, count, slip_bps(side, price, levels[0].price))


def funding_bps(funding: Funding, side: Side, params: Params, at_ms: int) -> Decimal:
    """Return what a position of `side` is paid: by the next settlement, or within FUNDING_HORIZON_H where that is set.

    >>> rate = Funding(Decimal("0.0003"), next_ms=3_600_000, interval_h=Decimal(8))
    >>> funding_bps(rate, Side.SELL, Params(), 0), funding_bps(rate, Side.BUY, Params(funding_horizon_h=Decimal(24)), 0)
    (Decimal('3'), Decimal('-9'))
    """
    if params.funding_horizon_h:
        return expected_funding_bps(funding, side, params.funding_horizon_h, at_ms)
    return -side.sign * capped_rate(funding) / BPS


def side_worth(
    side: Side, params: Params, rules: Constraints, fees: Fees, perp: Book, spot: Book, paid_bps: Decimal
) -> SideWorth:
    """Value one side of a symbol; `paid_bps` is its funding (see `funding_bps`)."""
    buys = side is Side.BUY
    into, own = (spot.bids, perp.bids) if buys else (spot.asks, perp.asks)
    hedge_at, mid = into[0].price, (perp.bids[0].price + perp.asks[0].price) / 2
    smallest, wanted = smallest_tradable(rules, hedge_at), quote_size(params, rules, hedge_at)
    qty = max(wanted, smallest)
    hedge = walk(into, qty, side.opposite)
    cost = cost_bps(fees, params.expected_slip_bps, params.edge_buffer_bps, ZERO)
    value = None if hedge is None else SideValue(side, hedge.price, cost, mid, mid * BPS)
    desks = None if value is None else value._replace(cost_bps=cost - (paid_bps if params.funding_horizon_h else ZERO))
    planned = passive_price(mid * (1 - side.sign * params.base_half_spread_bps * BPS), side, rules.perp)
    return SideWorth(
        side=side,
        qty=qty,
        smallest=smallest,
        smallest_notional=smallest * hedge_at,
        needs_coin=rules.spot.base_coin if buys else rules.spot.quote_coin,
        needs_qty=qty if buys else qty * hedge_at * HEDGE_MARGIN,
        hedge=hedge,
        unwind=walk(own, qty, side.opposite),
        touch_bps=None if value is None else value.edge_bps(own[0].price),
        half_bps=None if value is None else value.edge_bps(planned),
        needed_half_bps=None if desks is None else _distance_bps(desks, params.min_edge_bps),
        funding_bps=paid_bps,
        verdict=SMALL if wanted < smallest else _verdict(QuoteSide(planned, qty, "set_quote"), desks, params, rules),
    )


def _distance_bps(value: SideValue, edge_bps: Decimal) -> Decimal:
    """How far from mid a quote must be for that edge; below zero: it may be beyond mid."""
    return value.side.sign * (value.mid - value.price_at(edge_bps)) / value.per_bps


def _verdict(quote: QuoteSide, value: SideValue | None, params: Params, rules: Constraints) -> str:
    if value is None:
        return THIN
    made = with_floor(quote, value, floor_of(params), rules.perp)
    return made.reason if made.price is None else "moved out" if made.moved_by else "as planned"
