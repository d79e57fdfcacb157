"""Guards of new risk: the funding filter, and how much of a side may be quoted."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.guards import HEDGE_MARGIN, funding_off, quote_size, side_limit, smallest_tradable
from mmfsm.params import Params
from mmfsm.rounding import tradable_qty
from mmfsm.strategy import SideLimit
from mmfsm.testing import constraints
from mmfsm.values import Funding, Side

D = Decimal
FAST = settings(max_examples=100, deadline=None)
PRICE = D("2500")


@pytest.mark.parametrize(
    ("rate", "direction", "why"),
    [
        ("0.0001", "either", ""),
        ("-0.0001", "either", ""),
        ("0.00001", "either", ""),  # exactly the least
        ("0.0000099", "either", "funding_small"),
        ("-0.0000099", "either", "funding_small"),
        ("0", "either", "funding_small"),
        ("0.0001", "short", ""),
        ("-0.0001", "short", "funding_direction"),
        ("-0.0001", "long", ""),
        ("0.0001", "long", "funding_direction"),
        ("0.0000099", "long", "funding_small"),
    ],
)
def test_funding_turns_quotes_off(rate: str, direction: str, why: str) -> None:
    """Too near zero, or of the sign that is not wanted: a positive rate pays the short."""
    assert funding_off(Funding(D(rate)), Params(funding_direction=direction)) == why


def test_unknown_funding_turns_quotes_off() -> None:
    """What has not been read is not assumed."""
    assert funding_off(None, Params()) == "funding_missing"


def limit(side: Side, pos: str = "0", coin: str = "1", cash: str | None = "5000", **params: Decimal) -> SideLimit:
    return side_limit(side, Params(**params), constraints(), PRICE, D(pos), D(coin), None if cash is None else D(cash))


@pytest.mark.parametrize(
    ("side", "pos", "coin", "cash", "size", "qty", "reason"),
    [
        (Side.BUY, "0", "1", "0", "0.02", "0.02", "set_quote"),  # a bid's hedge sells coin: no cash is needed
        (Side.SELL, "0", "0", "5000", "0.02", "0.02", "set_quote"),  # an ask's hedge buys coin: none is needed
        (Side.BUY, "0.09", "1", "5000", "0.02", "0.01", "shrunk"),  # up to the cap of 0.1
        (Side.BUY, "0.1", "1", "5000", "0.02", "0", "max_position"),
        (Side.BUY, "0.5", "1", "5000", "0.02", "0", "max_position"),
        (Side.SELL, "0.1", "1", "5000", "0.02", "0.02", "set_quote"),  # away from the cap
        (Side.SELL, "-0.1", "1", "5000", "0.02", "0", "max_position"),
        (Side.SELL, "-0.085", "1", "5000", "0.02", "0.01", "shrunk"),
        (Side.BUY, "0", "0.0199", "5000", "0.02", "0.01", "shrunk"),  # floored to the perp's step
        (Side.BUY, "0", "0.0099", "5000", "0.02", "0", "no_spot_coin"),
        (Side.BUY, "0", "0", "5000", "0.02", "0", "no_spot_coin"),
        (Side.BUY, "0", "-1", "5000", "0.02", "0", "no_spot_coin"),
        (Side.SELL, "0", "1", "50", "0.02", "0.01", "shrunk"),  # 50 / (2500 · 1.01) = 0.0198
        (Side.SELL, "0", "1", "25.2", "0.02", "0", "no_quote_coin"),  # 0.00998: below a step
        (Side.SELL, "0", "1", "25.25", "0.02", "0.01", "shrunk"),  # exactly a step
        (Side.SELL, "0", "1", None, "0.02", "0", "balance_missing"),
        (Side.BUY, "0", "1", None, "0.02", "0.02", "set_quote"),
        (Side.BUY, "0", "1", "5000", "0.009", "0", "quote_size_below_min"),
        (Side.BUY, "0", "1", "5000", "0.029", "0.02", "set_quote"),  # the size wanted is on the step too
        (Side.BUY, "0", "1", "5000", "0", "0.01", "set_quote"),  # 0: the smallest that both legs trade
    ],
)
def test_a_side_limit_worked_out_by_hand(
    side: Side, pos: str, coin: str, cash: str | None, size: str, qty: str, reason: str
) -> None:
    """What is wanted, shrunk to the position cap and to what could be hedged now, or nothing and why."""
    assert limit(side, pos, coin, cash, quote_size=D(size)) == SideLimit(D(qty), reason)


@FAST
@given(
    st.sampled_from(Side),
    st.decimals(D("-0.2"), D("0.2"), places=4),
    st.decimals(D(0), D("0.3"), places=6),
    st.decimals(D(0), D(900), places=2),
    st.decimals(D(0), D("0.3"), places=3),
    st.decimals(D(100), D(90_000), places=2),
)
def test_a_side_limit_is_nothing_or_can_be_quoted_held_and_hedged(
    side: Side, pos: Decimal, coin: Decimal, cash: Decimal, size: Decimal, price: Decimal
) -> None:
    """A size is on the perp's step, traded by both legs, within the cap when filled, and its hedge is paid for."""
    both, params = constraints(), Params(quote_size=size)
    qty = side_limit(side, params, both, price, pos, coin, cash).qty

    if qty:
        assert tradable_qty(qty, price, both.perp) == qty
        assert tradable_qty(qty, price, both.spot) == qty
        assert side.sign * (pos + side.sign * qty) <= params.max_position
        assert qty <= coin if side is Side.BUY else qty * price * HEDGE_MARGIN <= cash + D("1e-20")
        assert qty <= quote_size(params, both, price)


@FAST
@given(st.sampled_from(Side), st.decimals(D("-0.2"), D("0.2"), places=4), st.decimals(D(0), D("0.1"), places=4))
def test_a_larger_position_never_raises_its_sides_limit(side: Side, pos: Decimal, more: Decimal) -> None:
    """Being longer never lets more be bought, being shorter never lets more be sold."""
    size = D("0.05")
    before = side_limit(side, Params(quote_size=size), constraints(), PRICE, pos, D(1), D(5000))
    after = side_limit(side, Params(quote_size=size), constraints(), PRICE, pos + side.sign * more, D(1), D(5000))

    assert after.qty <= before.qty


@FAST
@given(st.decimals(D("0.5"), D(90_000), places=2))
def test_the_smallest_tradable_size_is_taken_by_both_legs(price: Decimal) -> None:
    """On the perp's step, and neither leg refuses it or its hedge."""
    both = constraints()
    size = smallest_tradable(both, price)

    assert tradable_qty(size, price, both.perp) == tradable_qty(size, price, both.spot) == size


def test_the_smallest_quote_leaves_a_hedge_that_sells_above_spots_minimum_at_its_limit() -> None:
    """Where spot's least value is the larger one: with what a sale may slip, or each of its hedges is refused."""
    rules = constraints()
    rules = attrs.evolve(rules, spot=attrs.evolve(rules.spot, notional_min=D(50)))

    assert smallest_tradable(rules, PRICE) == D("0.03")
