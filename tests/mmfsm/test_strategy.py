"""The strategy: the formulas worked out by hand, and what must hold for every market."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.params import Params
from mmfsm.strategy import (
    ObiFundingStrategy,
    QuoteView,
    SideLimit,
    funding_skew_bps,
    inventory_skew_bps,
    reservation_price,
)
from mmfsm.testing import constraints
from mmfsm.values import BBO, ZERO, BookMetrics, Funding, MarketSnapshot, QuotePlan

D = Decimal
FAST = settings(max_examples=80, deadline=None)
TICK = constraints().perp.price_tick
BID, RATE = D("2000.00"), D("0.0001")
LIMIT = SideLimit(D("0.01"), "set_quote")

obis = st.decimals(D(-1), D(1), places=4)
positions = st.decimals(D("-0.3"), D("0.3"), places=3)
bids = st.decimals(D("100"), D("90000"), places=2)
spreads = st.integers(1, 500)
rates = st.decimals(D("-0.01"), D("0.01"), places=6)
half_spreads = st.decimals(D(0), D(50), places=1)


def view(
    bid: Decimal = BID,
    spread: int = 100,
    obi: Decimal = ZERO,
    rate: Decimal = RATE,
    perp_pos: Decimal = ZERO,
    **params: Decimal,
) -> QuoteView:
    """What the strategy sees of a book `spread` ticks wide."""
    bbo = BBO(bid, D(5), bid + spread * TICK, D(5), 0)
    market = MarketSnapshot(BookMetrics(bbo, D(5), D(5), obi), bbo, 0)
    return QuoteView(Params(**params), constraints(), market, Funding(rate), perp_pos, LIMIT, LIMIT)


def plan(**facts: Decimal) -> tuple[Decimal, Decimal]:
    """The two prices that are planned."""
    quotes = quote(view(**facts))
    assert quotes.bid.price is not None and quotes.ask.price is not None
    return quotes.bid.price, quotes.ask.price


def quote(seen: QuoteView) -> QuotePlan:
    return ObiFundingStrategy().quote(seen)


def test_a_plan_worked_out_by_hand() -> None:
    """mid 2000.50, obi 0.5, half long, paid to be short: every term of the design's formulas.

    r = 2000.50 · (1 + 0.0002 · 0.5) = 2000.70005.
    bid half spread 14 + 1 + 1 = 16 bps: 1997.4989…  ask 14 − 1 − 1 = 12 bps: 2003.1008…
    """
    quotes = quote(view(obi=D("0.5"), perp_pos=D("0.05"), k_obi=D("0.0002")))

    assert (quotes.mid, quotes.reservation) == (D("2000.50"), D("2000.70005"))
    assert (quotes.bid.price, quotes.ask.price) == (D("1997.49"), D("2003.11"))
    assert quotes.bid.terms_bps == {"base": D(14), "inventory": D(1), "funding": D(1), "obi": D(-1)}
    assert quotes.ask.terms_bps == {"base": D(14), "inventory": D(-1), "funding": D(-1), "obi": D(1)}
    assert (quotes.reason, quotes.bid.qty, quotes.bid.reason) == ("set_quote", LIMIT.qty, "set_quote")


@FAST
@given(bids, obis, obis, st.decimals(D(0), D("0.01"), places=5))
def test_the_reservation_price_rises_with_the_imbalance(mid: Decimal, one: Decimal, two: Decimal, k: Decimal) -> None:
    """More buying pressure never lowers the reservation price; none leaves it at the mid."""
    low, high = sorted((one, two))

    assert reservation_price(mid, low, k) <= reservation_price(mid, high, k)
    assert reservation_price(mid, D(0), k) == mid


@FAST
@given(bids, spreads, obis, obis)
def test_both_quotes_rise_with_the_imbalance(bid: Decimal, spread: int, one: Decimal, two: Decimal) -> None:
    """Buying pressure never lowers a quote."""
    low, high = sorted((one, two))
    below, above = plan(bid=bid, spread=spread, obi=low), plan(bid=bid, spread=spread, obi=high)

    assert below[0] <= above[0] and below[1] <= above[1]


def test_trade_flow_shifts_both_prices_by_its_share_of_the_mid() -> None:
    """mid 2000.50, flow 0.5 at k_flow 0.0004: r = 2000.50 · 1.0002 = 2000.9001, a term of 2 bps; unasked, no term."""
    seen = view(rate=ZERO, k_flow=D("0.0004"))
    quotes = quote(seen._replace(flow=D("0.5")))

    assert quotes.reservation == D("2000.9001")
    assert (quotes.bid.price, quotes.ask.price) == (D("1998.09"), D("2003.71"))
    assert (quotes.bid.terms_bps["flow"], quotes.ask.terms_bps["flow"]) == (D(-2), D(2))
    assert quote(seen) == quote(view(rate=ZERO)) and "flow" not in quote(seen).bid.terms_bps


@FAST
@given(bids, spreads, obis, obis)
def test_both_quotes_rise_with_the_flow(bid: Decimal, spread: int, one: Decimal, two: Decimal) -> None:
    """Takers who buy never lower a quote."""
    seen = view(bid=bid, spread=spread, k_flow=D("0.002"))
    below, above = (quote(seen._replace(flow=flow)) for flow in sorted((one, two)))

    for low, high in ((below.bid.price, above.bid.price), (below.ask.price, above.ask.price)):
        assert low is not None and high is not None and low <= high


@FAST
@given(bids, spreads, obis, positions, positions)
def test_a_larger_inventory_never_makes_its_side_more_aggressive(
    bid: Decimal, spread: int, obi: Decimal, one: Decimal, two: Decimal
) -> None:
    """The longer, the lower the bid and the lower the ask; the shorter, the higher both."""
    short, long = sorted((one, two))
    shorter = plan(bid=bid, spread=spread, obi=obi, perp_pos=short)
    longer = plan(bid=bid, spread=spread, obi=obi, perp_pos=long)

    assert longer[0] <= shorter[0]
    assert longer[1] <= shorter[1]


@FAST
@given(bids, spreads, obis, positions, rates, half_spreads)
def test_quotes_never_reach_the_opposite_touch(
    bid: Decimal, spread: int, obi: Decimal, pos: Decimal, rate: Decimal, half: Decimal
) -> None:
    """A bid stays below the best ask and an ask above the best bid, both on the tick, whatever the skews."""
    seen = {"bid": bid, "spread": spread, "obi": obi, "perp_pos": pos, "rate": rate}
    low, high = plan(**seen, base_half_spread_bps=half, k_obi=D("0.01"), funding_skew_bps=D(90))

    assert low < bid + spread * TICK and high > bid
    assert low % TICK == 0 and high % TICK == 0


@FAST
@given(bids, spreads, obis, positions, rates)
def test_the_own_quotes_never_cross(bid: Decimal, spread: int, obi: Decimal, pos: Decimal, rate: Decimal) -> None:
    """With the default spread and skews the own bid is below the own ask."""
    low, high = plan(bid=bid, spread=spread, obi=obi, perp_pos=pos, rate=rate)

    assert low < high


@pytest.mark.parametrize(
    ("pos", "top", "skew", "bps"),
    [
        ("0", "0.1", "2", "0"),
        ("0.1", "0.1", "2", "2"),
        ("-0.1", "0.1", "2", "-2"),
        ("0.025", "0.1", "2", "0.5"),
        ("0.4", "0.1", "2", "2"),  # past the cap it grows no further
        ("-0.4", "0.1", "2", "-2"),
        ("0.4", "0", "2", "0"),  # no position allowed: nothing to be skewed by
    ],
)
def test_the_inventory_skew_worked_out_by_hand(pos: str, top: str, skew: str, bps: str) -> None:
    """position / cap · skew, at most the skew either way."""
    assert inventory_skew_bps(D(pos), D(top), D(skew)) == D(bps)


def test_the_side_that_funding_pays_is_quoted_closer() -> None:
    """A positive rate pays the short: the ask moves in and the bid out; a negative one mirrors it."""
    paid_short, unpaid, paid_long = (plan(rate=D(rate)) for rate in ("0.0001", "0", "-0.0001"))

    assert paid_short[1] < unpaid[1] < paid_long[1]
    assert paid_short[0] < unpaid[0] < paid_long[0]
    assert [funding_skew_bps(D(rate), D(3)) for rate in ("0.0001", "0", "-0.0001")] == [3, 0, -3]


def test_a_side_that_may_not_be_quoted_is_left_out_with_the_reason() -> None:
    """No price, no size, the limit's own word; the other side is planned as ever."""
    seen = view()._replace(bid_limit=SideLimit(D(0), "no_spot_coin"))
    quotes = quote(seen)

    assert (quotes.bid.price, quotes.bid.qty, quotes.bid.reason) == (None, 0, "no_spot_coin")
    assert quotes.ask == quote(view()).ask


def test_a_negative_half_spread_counts_as_none() -> None:
    """Skews cannot push a quote through the reservation price."""
    _, ask = plan(base_half_spread_bps=D(0), perp_pos=D("0.1"), inventory_skew_bps=D(50))

    assert ask == D("2000.50")


def test_the_same_view_gives_the_same_plan() -> None:
    """The strategy keeps nothing between two questions."""
    maker = ObiFundingStrategy()

    assert maker.quote(view(obi=D("0.3"))) == maker.quote(view(obi=D("0.3"))) == quote(view(obi=D("0.3")))
