"""The edge of a side: what a quote would earn if it were filled and hedged now, in bps of the perp's mid.

    edge(P) = side · (R − P) / mid − cost           side: +1 for a bid, −1 for an ask

    opens a pair    R = the price spot gives for that size    cost = fees + slip + buffer − funding
    closes a pair   R = the same                              cost = fees + slip − funding
    leaves a pair   R = the perp's opposite best price        cost = perp maker − perp taker

`fees` are the perp's maker and spot's taker fee, `slip` what hedges have cost beyond the touch, `funding` what the
position of this fill is expected to be paid over a stated time. A fill that closes a pair ends that pair's funding,
which is the same sum with the other sign: what holding would cost speaks for closing, what it would earn against it.
Closing takes risk off, so no buffer is kept back. When a pair is to be left anyway the alternative is to cross out now;
the hedge costs the same either way, so the edge is what the quote saves over taking the opposite best price and paying
the taker fee.

Solved for the price, the same line says how far out a quote must be for the edge to hold (`price_at`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mmfsm.rounding import passive_price
from mmfsm.values import BPS, ZERO, Funding, InstrumentRules, Level, QuoteSide, Side, SideValue

HOUR_MS = 3_600_000
FUNDING_INTERVAL_H = Decimal(8)
"""Where the exchange does not say, or says less than an hour, the shortest there is: Bitget's usual interval."""

RATE_CAP = Decimal("0.003")
"""Where the exchange does not say: the caps Bitget states for its large symbols, ±0.3 % a settlement (`minFundingRate`
and `maxFundingRate` of Get Current Funding Rate)."""

BELOW = "edge_below_min"
"""The reason of a side that is off because even the widest quote would earn too little."""


def hedge_price(levels: tuple[Level, ...], qty: Decimal) -> Decimal | None:
    """Return the average price at which `qty` trades into these levels, best first; None if they hold less.

    >>> asks = (Level(Decimal(100), Decimal(1)), Level(Decimal(102), Decimal(3)))
    >>> hedge_price(asks, Decimal(2)), hedge_price(asks, Decimal(5))
    (Decimal('101'), None)
    """
    if levels[0].qty >= qty:
        return levels[0].price
    left, paid = qty, ZERO
    for level in levels:
        take = min(level.qty, left)
        paid += take * level.price
        left -= take
        if left <= 0:
            return paid / qty
    return None


def expected_funding_bps(funding: Funding, side: Side, horizon_h: Decimal, at_ms: int) -> Decimal:
    """Return what a position opened by a fill of `side` is paid by funding within the horizon, in bps of its value.

    Settlements fall at `next_ms` (an interval from now if it is not told) and every interval after it, one that has
    passed by now left out; the rate is cut to the caps the exchange states, or to `RATE_CAP`. A horizon that ends
    before the next settlement earns nothing.

    A short at 1 bps a settlement, eight hours apart, the next in one hour: three of them within 20 hours.

    >>> rate = Funding(Decimal("0.0001"), next_ms=HOUR_MS, interval_h=Decimal(8))
    >>> expected_funding_bps(rate, Side.SELL, Decimal(20), 0), expected_funding_bps(rate, Side.BUY, Decimal(20), 0)
    (Decimal('3'), Decimal('-3'))
    """
    if horizon_h <= 0:
        return ZERO
    told_h = funding.interval_h
    interval_ms = int((FUNDING_INTERVAL_H if told_h is None or told_h < 1 else told_h) * HOUR_MS)
    first_ms = interval_ms if funding.next_ms is None else funding.next_ms - at_ms
    if first_ms < 0:
        first_ms %= interval_ms
    left_ms = int(horizon_h * HOUR_MS) - first_ms
    settlements = 0 if left_ms < 0 else 1 + left_ms // interval_ms
    return -side.sign * capped_rate(funding) * settlements / BPS


def capped_rate(funding: Funding) -> Decimal:
    """Return the rate within the caps that the exchange states; within `RATE_CAP` where it states none.

    >>> capped_rate(Funding(Decimal("0.004"), rate_max=Decimal("0.0035"))), capped_rate(Funding(Decimal("-0.5")))
    (Decimal('0.0035'), Decimal('-0.003'))
    """
    most = RATE_CAP if funding.rate_max is None else funding.rate_max
    least = -RATE_CAP if funding.rate_min is None else funding.rate_min
    return max(min(funding.rate, most), least)


class Floor(NamedTuple):
    """The least edge, `min_bps`; a quote it moves goes `pad_bps` further, so that it may rest, not past `max_bps`."""

    min_bps: Decimal
    pad_bps: Decimal
    max_bps: Decimal


def with_floor(
    quote: QuoteSide, value: SideValue, floor: Floor | None, rules: InstrumentRules, was_off: bool = False
) -> QuoteSide:
    """Return the side with its edge told, moved out to where the edge holds, or off with what it is short of.

    Args:
        quote: as planned, with a price.
        value: what this side is worth.
        floor: None: nothing is moved, the edge is told all the same.
        rules: of the perp.
        was_off: it was off for its edge a moment ago; then the pad must fit too, so that it does not flicker.
    """
    price, planned, terms = quote.price, quote.planned or quote.price, quote.terms_bps
    assert price is not None
    if floor is None:
        return QuoteSide(price, quote.qty, quote.reason, terms, planned, value=value)
    sign = value.side.sign
    least = value.reference - sign * (floor.min_bps + value.cost_bps) * value.per_bps  # as price_at
    padded = least - sign * floor.pad_bps * value.per_bps
    if sign * (price - padded) <= 0:
        return QuoteSide(price, quote.qty, quote.reason, terms, planned, value=value, worst=least)
    widest = value.mid - sign * floor.max_bps * value.per_bps
    if sign * ((padded if was_off else least) - widest) < 0:
        short = floor.min_bps + (floor.pad_bps if was_off else ZERO) - value.edge_bps(widest)
        return QuoteSide(None, ZERO, BELOW, terms, planned, "floor", value, short)
    moved = passive_price(padded if sign * (padded - widest) >= 0 else widest, value.side, rules)
    if sign * (price - moved) <= 0:
        return QuoteSide(price, quote.qty, quote.reason, terms, planned, value=value, worst=least)
    return QuoteSide(moved, quote.qty, quote.reason, terms, planned, "floor", value, worst=least)
