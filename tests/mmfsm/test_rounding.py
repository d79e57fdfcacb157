"""Rounding: exact, in the stated direction, and on the exchange's grid."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.rounding import ceil_to, floor_to, passive_price, smallest_qty, taking_price, tradable_qty
from mmfsm.testing import rules_perp, rules_spot
from mmfsm.values import InstrumentRules, Side

D = Decimal
FAST = settings(max_examples=100, deadline=None)

values = st.decimals(D("-1000000"), D("1000000"), places=9)
quantities = st.decimals(D("0"), D("10000"), places=8)
prices = st.decimals(D("0.01"), D("200000"), places=6)
steps = st.sampled_from([D("0.0001"), D("0.01"), D("0.05"), D("0.25"), D("1"), D("5"), D("1E+1")])
ticks = st.sampled_from([D("0.0001"), D("0.01"), D("0.05"), D("0.5"), D("1")])
slips = st.decimals(D(0), D(190), places=2)
both_rules = st.sampled_from([rules_perp(), rules_spot()])


def on_grid(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


@FAST
@given(values, steps)
def test_floor_is_the_largest_multiple_not_above(value: Decimal, step: Decimal) -> None:
    """floor ≤ value < floor + step, and floor is a multiple."""
    floor = floor_to(value, step)

    assert floor <= value < floor + step
    assert on_grid(floor, step)


@FAST
@given(values, steps)
def test_ceil_is_the_smallest_multiple_not_below(value: Decimal, step: Decimal) -> None:
    """ceil − step < value ≤ ceil, and ceil is a multiple."""
    ceil = ceil_to(value, step)

    assert ceil - step < value <= ceil
    assert on_grid(ceil, step)


@FAST
@given(values, steps)
def test_rounding_twice_is_rounding_once(value: Decimal, step: Decimal) -> None:
    """What is on the grid stays where it is."""
    assert floor_to(floor_to(value, step), step) == ceil_to(floor_to(value, step), step) == floor_to(value, step)


@pytest.mark.parametrize(
    ("side", "price", "rounded"),
    [
        (Side.BUY, "2993.269", "2993.26"),
        (Side.SELL, "2993.261", "2993.27"),
        (Side.BUY, "2993.26", "2993.26"),
        (Side.SELL, "2993.26", "2993.26"),
    ],
)
def test_a_resting_price_is_rounded_away_from_the_touch(side: Side, price: str, rounded: str) -> None:
    """A bid goes down to the tick, an ask up; a price on the tick stays."""
    assert passive_price(D(price), side, rules_perp()) == D(rounded)


@FAST
@given(prices, ticks)
def test_a_bid_never_rises_and_an_ask_never_falls(price: Decimal, tick: Decimal) -> None:
    """Rounding makes a quote no more aggressive, by less than a tick, and leaves it on the tick."""
    rules = attrs.evolve(rules_perp(), price_tick=tick)
    bid, ask = passive_price(price, Side.BUY, rules), passive_price(price, Side.SELL, rules)

    assert price - tick < bid <= price <= ask < price + tick
    assert on_grid(bid, tick) and on_grid(ask, tick)


@pytest.mark.parametrize(
    ("side", "touch", "slip_bps", "limit"),
    [
        (Side.BUY, "2105.23", "0", "2105.23"),
        (Side.BUY, "2105.23", "5", "2106.29"),  # 2106.282615: down would be 2106.28
        (Side.SELL, "2105.23", "5", "2104.17"),  # 2104.177385
        (Side.BUY, "2000", "500", "2036.00"),  # the band is 2 %: nine tenths of it are used
        (Side.SELL, "2000", "500", "1964.00"),
    ],
)
def test_a_taking_price_worked_out_by_hand(side: Side, touch: str, slip_bps: str, limit: str) -> None:
    """touch · (1 ± slip), rounded toward being filled, inside the band."""
    assert taking_price(D(touch), side, D(slip_bps), rules_spot()) == D(limit)


@FAST
@given(st.decimals(D("1"), D("200000"), places=2), slips, both_rules)
def test_a_taking_price_reaches_the_touch(touch: Decimal, slip_bps: Decimal, rules: InstrumentRules) -> None:
    """A buy's limit is never below the ask, a sale's never above the bid: rounding cannot keep it from being filled."""
    buy = taking_price(touch, Side.BUY, slip_bps, rules)
    sell = taking_price(touch, Side.SELL, slip_bps, rules)

    assert sell <= touch <= buy
    assert on_grid(buy, rules.price_tick) and on_grid(sell, rules.price_tick)


@FAST
@given(st.decimals(D("1"), D("200000"), places=2), slips, slips, both_rules)
def test_a_wider_slip_is_never_less_aggressive(
    touch: Decimal, one: Decimal, two: Decimal, rules: InstrumentRules
) -> None:
    """Each chase is at least as likely to be filled as the one before it."""
    low, high = sorted((one, two))

    assert taking_price(touch, Side.BUY, low, rules) <= taking_price(touch, Side.BUY, high, rules)
    assert taking_price(touch, Side.SELL, low, rules) >= taking_price(touch, Side.SELL, high, rules)


@FAST
@given(st.decimals(D("100"), D("200000"), places=2), st.decimals(D(0), D(10_000), places=1), both_rules)
def test_a_taking_price_stays_inside_the_band(touch: Decimal, slip_bps: Decimal, rules: InstrumentRules) -> None:
    """No slip leads outside the exchange's price band around the touch."""
    assert taking_price(touch, Side.BUY, slip_bps, rules) <= touch * (1 + rules.buy_band_ratio)
    assert taking_price(touch, Side.SELL, slip_bps, rules) >= touch * (1 - rules.sell_band_ratio)


@pytest.mark.parametrize(
    ("touch", "buy", "sell"),
    [
        ("0.01", "0.01", "0.01"),  # one tick: a sale a tick below would be for nothing
        ("0.30", "0.30", "0.30"),  # a tick is 3.3 %, and the band ±2 %
        ("0.50", "0.51", "0.49"),  # a tick is the band
    ],
)
def test_a_tick_wider_than_the_band_leaves_the_touch(touch: str, buy: str, sell: str) -> None:
    """Rounded toward being filled it would be outside the band and refused at every try: the touch is the limit."""
    assert [taking_price(D(touch), side, D(5), rules_spot()) for side in Side] == [D(buy), D(sell)]


@pytest.mark.parametrize(
    ("qty", "price", "rules", "tradable"),
    [
        ("0.03994", "2500", rules_spot(), "0.0399"),  # the step of 0.0001
        ("0.00009", "2500", rules_spot(), "0"),  # below the step
        ("0.0003", "2500", rules_spot(), "0"),  # 0.75 USDT is below the least value of 1
        ("0.0004", "2500", rules_spot(), "0.0004"),  # 1 USDT exactly
        ("0.019", "2500", rules_perp(), "0.01"),
        ("0.01", "499", rules_perp(), "0"),  # 4.99 USDT is below the least value of 5
        ("0.01", "500", rules_perp(), "0.01"),
        ("10000", "2500", rules_perp(), "9900"),  # the largest order
        ("-0.5", "2500", rules_perp(), "0"),
    ],
)
def test_what_can_be_traded_worked_out_by_hand(qty: str, price: str, rules: InstrumentRules, tradable: str) -> None:
    """The size is floored to the step; what the exchange would refuse is nothing."""
    assert tradable_qty(D(qty), D(price), rules) == D(tradable)


@FAST
@given(quantities, prices, both_rules)
def test_what_can_be_traded_is_accepted_and_never_more(qty: Decimal, price: Decimal, rules: InstrumentRules) -> None:
    """Zero, or on the step, at or above both minima, and not above what was asked for."""
    tradable = tradable_qty(qty, price, rules)

    assert 0 <= tradable <= qty
    if tradable:
        assert on_grid(tradable, rules.qty_step)
        assert tradable >= rules.qty_min and tradable * price >= rules.notional_min


@FAST
@given(st.decimals(D("1"), D("200000"), places=2), both_rules)
def test_the_smallest_size_can_be_traded_and_less_cannot(price: Decimal, rules: InstrumentRules) -> None:
    """The smallest size is accepted whole; a step less is not."""
    smallest = smallest_qty(price, rules)

    assert tradable_qty(smallest, price, rules) == smallest
    assert tradable_qty(smallest - rules.qty_step, price, rules) == 0
