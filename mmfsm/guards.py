"""The guards of new risk, each a function of what is known, each with its own word for the log.

What is not known to be safe is not quoted: every guard answers with a reason, or with nothing.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.params import Params
from mmfsm.rounding import ceil_to, floor_to, smallest_qty
from mmfsm.strategy import SideLimit
from mmfsm.values import BPS, ZERO, Constraints, Funding, Side

MARGIN_KEPT = Decimal("0.1")
"""Share of the free margin that is not quoted away: fees, and a price that has moved by the time of the fill."""

MARGIN_USED = 1 - MARGIN_KEPT

HEDGE_MARGIN = Decimal("1.01")
"""A hedge must be affordable with a percent to spare: its price is not known yet."""

SALE_LIMIT = Decimal("0.98")
"""A hedge that sells has its least value judged at its limit, which is no further from the touch."""

SIZES_MAX = 256
"""How many prices' smallest sizes are kept."""

SIZE_TOO_SMALL = "quote_size_below_min"
"""The reason of a side whose quote size, as set, is less than can be traded."""


def funding_off(funding: Funding | None, params: Params) -> str:
    """Say why funding turns quotes off, or nothing: too near zero, or of the sign that is not wanted.

    A positive rate pays the short. `funding_direction` "short" therefore wants it above zero, "long" below.
    """
    if funding is None:
        return "funding_missing"
    if abs(funding.rate) < params.min_abs_funding:
        return "funding_small"
    paid_side = "short" if funding.rate > 0 else "long" if funding.rate < 0 else "nobody"
    if params.funding_direction != "either" and paid_side != params.funding_direction:
        return "funding_direction"
    return ""


def liquidation_distance_bps(liquidation_price: Decimal | None, price: Decimal | None) -> Decimal | None:
    """Return how far the perp's liquidation is from its price, in bps of the price; None when there is none.

    >>> liquidation_distance_bps(Decimal(2750), Decimal(2500))
    Decimal('1E+3')
    """
    if liquidation_price is None or liquidation_price <= 0 or price is None:
        return None
    return abs(liquidation_price - price) / price / BPS


def quote_size(params: Params, constraints: Constraints, price: Decimal) -> Decimal:
    """Return the size to quote, on the perp's step: as set, or (0) the smallest that both legs can trade."""
    step = constraints.perp.qty_step
    return floor_to(params.quote_size, step) if params.quote_size else smallest_tradable(constraints, price)


def smallest_tradable(constraints: Constraints, price: Decimal) -> Decimal:
    """Return the smallest perp size whose hedge spot takes too. Asked twice at every book, mostly at a price of a
    moment ago: what was worked out is kept beside the rules (1.1 µs become 0.2)."""
    known = constraints.smallest.get(price)
    if known is None:
        perp = constraints.perp
        smallest = max(perp.notional_min / price, perp.qty_min, smallest_qty(price * SALE_LIMIT, constraints.spot))
        if len(constraints.smallest) >= SIZES_MAX:
            constraints.smallest.clear()
        known = constraints.smallest[price] = ceil_to(smallest, perp.qty_step)
    return known


def margin_qty(free: Decimal | None, leverage: Decimal | None, price: Decimal) -> Decimal | None:
    """Return how much base coin the perp's free margin carries at this leverage, a tenth kept back; None if not known.

    >>> margin_qty(Decimal(100), Decimal(10), Decimal(2500))
    Decimal('0.36')
    """
    if free is None or leverage is None:
        return None
    return free * leverage * MARGIN_USED / price


def side_limit(
    side: Side,
    params: Params,
    constraints: Constraints,
    price: Decimal,
    perp_pos: Decimal,
    spot_coin: Decimal,
    quote_coin: Decimal | None,
    margin_qty: Decimal | None = None,
) -> SideLimit:
    """Say how much of a side may be quoted: what is wanted, shrunk to the position cap and to what could be hedged now.

    Args:
        side: of the quote; a bid is hedged by selling spot coin, an ask by buying it.
        price: near which the hedge would trade, in quote coin.
        perp_pos: signed, in base coin.
        spot_coin: base coin that may be sold.
        quote_coin: spot quote coin that may be spent; None when not known.
        margin_qty: base coin that the perp's free margin carries (see `margin_qty`); None when not known.
    """
    wanted = quote_size(params, constraints, price)
    held = perp_pos if side is Side.BUY else -perp_pos
    room = params.max_position - held
    if side is Side.BUY:
        hedgeable, short = spot_coin, "no_spot_coin"
    elif quote_coin is None:
        return SideLimit(ZERO, "balance_missing")
    else:
        hedgeable, short = quote_coin / (price * HEDGE_MARGIN), "no_quote_coin"
    carried = room if margin_qty is None or held < ZERO else margin_qty
    if carried < hedgeable:
        hedgeable, short = carried, "no_margin"
    smallest = smallest_tradable(constraints, price)
    if wanted < smallest:
        return SideLimit(ZERO, SIZE_TOO_SMALL)
    if wanted <= room and wanted <= hedgeable:
        return SideLimit(wanted, "set_quote")
    qty = floor_to(min(room, hedgeable), constraints.perp.qty_step)
    if qty >= smallest:
        return SideLimit(qty, "shrunk")
    return SideLimit(ZERO, "max_position" if room < smallest else short)
