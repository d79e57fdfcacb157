"""Rounding to the exchange's grid, always exact and always in a stated direction."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.values import BPS, ZERO, InstrumentRules, Side


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value`.

    >>> floor_to(Decimal("0.03994"), Decimal("0.0001"))
    Decimal('0.0399')
    """
    over = value % step  # has the sign of `value`
    return (value - over - step if over < ZERO else value - over).quantize(step)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below `value`.

    >>> ceil_to(Decimal("0.004"), Decimal("0.01"))
    Decimal('0.01')
    """
    over = value % step  # has the sign of `value`
    return (value - over + step if over > ZERO else value - over).quantize(step)


def passive_price(price: Decimal, side: Side, rules: InstrumentRules) -> Decimal:
    """Round a resting price away from the touch: a bid down, an ask up."""
    return floor_to(price, rules.price_tick) if side is Side.BUY else ceil_to(price, rules.price_tick)


def taking_price(touch: Decimal, side: Side, slip_bps: Decimal, rules: InstrumentRules) -> Decimal:
    """Return the limit of an order that shall be filled: through the touch by `slip_bps`, rounded toward being filled.

    Buy: touch · (1 + slip), rounded up. Sell: touch · (1 − slip), rounded down. `touch` is the opposite best price.
    The slip stays a tenth inside the exchange's price band, whose reference price is not published; where the tick is
    so coarse that rounding would leave the band (or reach zero), it is rounded the other way, to the touch at most.

    >>> from mmfsm.testing import rules_spot
    >>> taking_price(Decimal("2993.26"), Side.BUY, Decimal(5), rules_spot())
    Decimal('2994.76')
    """
    band = rules.buy_band_ratio if side is Side.BUY else rules.sell_band_ratio
    slip = min(slip_bps * BPS, band * Decimal("0.9"))
    price = touch * (1 + side.sign * slip)
    if side is Side.BUY:
        outward = ceil_to(price, rules.price_tick)
        return outward if outward <= touch * (1 + band) else floor_to(price, rules.price_tick)
    outward = floor_to(price, rules.price_tick)
    return outward if outward >= touch * (1 - band) else ceil_to(price, rules.price_tick)


def tradable_qty(qty: Decimal, price: Decimal, rules: InstrumentRules) -> Decimal:
    """Return `qty` floored to the step, or zero where the exchange would refuse it (minimum size or minimum value)."""
    if qty < rules.qty_min or qty * price < rules.notional_min:
        return ZERO  # nor would it do floored; dust is asked about at every event
    floored = floor_to(qty, rules.qty_step)
    if floored <= ZERO or floored < rules.qty_min or floored * price < rules.notional_min:
        return ZERO
    return min(floored, rules.qty_max) if rules.qty_max is not None else floored


def smallest_qty(price: Decimal, rules: InstrumentRules) -> Decimal:
    """Return the smallest size the exchange accepts at `price`."""
    return ceil_to(max(rules.notional_min / price, rules.qty_min), rules.qty_step)
