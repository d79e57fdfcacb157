"""The edge of a side: the formulas by hand, and what the floor must hold for every market."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.edge import BELOW, HOUR_MS, Floor, capped_rate, expected_funding_bps, hedge_price, with_floor
from mmfsm.testing import rules_perp
from mmfsm.values import BPS, Funding, Level, QuoteSide, Side, SideValue

D = Decimal
FAST = settings(max_examples=100, deadline=None)
RULES = rules_perp()
FLOOR = Floor(D(1), D(1), D(50))

sides = st.sampled_from(list(Side))
mids = st.decimals(D(100), D(90000), places=3)
distances = st.decimals(D(-80), D(80), places=2)
edges = st.decimals(D(-30), D(30), places=2)
costs = st.decimals(D(-10), D(40), places=2)


def worth(side: Side = Side.BUY, reference: str = "2501", cost: str = "14", mid: str = "2500") -> SideValue:
    return SideValue(side, D(reference), D(cost), D(mid), D(mid) * BPS)


def planned(price: str) -> QuoteSide:
    return QuoteSide(D(price), D("0.02"), "set_quote")


@pytest.mark.parametrize(
    ("side", "price", "edge"),
    [(Side.BUY, "2497", "2"), (Side.BUY, "2501", "-14"), (Side.SELL, "2505", "2"), (Side.SELL, "2500", "-18")],
)
def test_the_edge_worked_out_by_hand(side: Side, price: str, edge: str) -> None:
    """side · (2501 − price) / 2500 − 14 bps."""
    assert worth(side).edge_bps(D(price)) == D(edge)
    assert worth(side).price_at(D(edge)) == D(price)


def test_a_quote_with_enough_edge_is_left_where_it_is() -> None:
    """At the padded floor or further out nothing is moved, and its worst price is the least edge's."""
    made = with_floor(planned("2497"), worth(), FLOOR, RULES)

    assert (made.price, made.moved_by, made.edge_bps, made.worst) == (D(2497), "", D(2), D("2497.25"))


def test_a_quote_with_too_little_edge_is_moved_out_to_the_pad() -> None:
    """2499 would lose 6; with 1 of least edge and 1 of pad it rests at 2497.00; what was planned is kept."""
    made = with_floor(planned("2499"), worth(), FLOOR, RULES)

    assert (made.price, made.planned, made.moved_by, made.edge_bps) == (D(2497), D(2499), "floor", D(2))
    assert (made.qty, made.reason) == (D("0.02"), "set_quote")


def test_a_side_whose_floor_is_too_far_out_is_off_and_says_by_how_much() -> None:
    """With 10 bps allowed the widest bid is 2497.50 and earns 0: it is short of 1 by 1; its own price was worth −6."""
    made = with_floor(planned("2499"), worth(), FLOOR._replace(max_bps=D(10)), RULES)

    assert (made.price, made.qty, made.reason) == (None, 0, BELOW)
    assert (made.short_bps, made.edge_bps) == (D(1), D(-6))


def test_a_side_that_was_off_comes_back_only_when_the_pad_fits_too() -> None:
    """Room for the least edge and not for the pad: on stays on, at the widest; off stays off."""
    floor = FLOOR._replace(max_bps=D("11.5"))

    assert with_floor(planned("2499"), worth(), floor, RULES).price == D("2497.12")
    off = with_floor(planned("2499"), worth(), floor, RULES, was_off=True)
    assert (off.price, off.short_bps) == (None, D("0.5"))


def test_without_a_floor_the_edge_is_only_told() -> None:
    """Nothing moves, nothing is worst."""
    made = with_floor(planned("2499"), worth(), None, RULES)

    assert (made.price, made.edge_bps, made.worst) == (D(2499), D(-6), None)


@FAST
@given(sides, mids, distances, distances, costs, edges, st.booleans())
def test_no_quote_is_below_the_floor(
    side: Side, mid: Decimal, out: Decimal, basis: Decimal, cost: Decimal, least: Decimal, was_off: bool
) -> None:
    """Whatever is planned: what rests has the least edge, is on the tick, no closer than planned; off says how far."""
    reference, price = mid * (1 + basis * BPS), (mid * (1 - side.sign * out * BPS)).quantize(RULES.price_tick)
    value = SideValue(side, reference, cost, mid, mid * BPS)
    made = with_floor(QuoteSide(price, D(1), ""), value, Floor(least, D(1), D(60)), RULES, was_off)

    if made.price is None:
        assert made.short_bps is not None and made.short_bps > 0
        return
    assert value.edge_bps(made.price) >= least - D("1e-15")
    assert made.worst is not None and side.sign * (made.price - made.worst) <= 0
    assert made.price % RULES.price_tick == 0 and side.sign * (made.price - price) <= 0


@FAST
@given(sides, mids, edges, edges)
def test_a_larger_least_edge_never_brings_a_quote_closer(side: Side, mid: Decimal, one: Decimal, two: Decimal) -> None:
    """The floor is monotonic."""
    low, high = sorted((one, two))
    value = SideValue(side, mid, D(14), mid, mid * BPS)
    plan = QuoteSide(mid.quantize(RULES.price_tick), D(1), "")
    near, far = (with_floor(plan, value, Floor(it, D(1), D(1000)), RULES).price for it in (low, high))

    assert near is not None and far is not None and side.sign * (near - far) >= 0


@pytest.mark.parametrize(("qty", "price"), [("1", "100"), ("2", "101"), ("4", "101.5"), ("4.1", None), ("0.01", "100")])
def test_the_price_of_a_hedge_walks_the_levels(qty: str, price: str | None) -> None:
    """1 at 100 and 3 at 102; more than they hold has no price."""
    levels = (Level(D(100), D(1)), Level(D(102), D(3)))

    assert hedge_price(levels, D(qty)) == (None if price is None else D(price))


@pytest.mark.parametrize(
    ("horizon_h", "next_h", "interval_h", "count"),
    [
        ("0", 1, 8, 0), ("0.5", 1, 8, 0), ("1", 1, 8, 1), ("9", 1, 8, 2), ("8.9", 1, 8, 1), ("4", 1, 1, 4),
        ("8", None, None, 1),
    ],
)  # fmt: skip
def test_funding_counts_the_settlements_within_the_horizon(
    horizon_h: str, next_h: int | None, interval_h: int | None, count: int
) -> None:
    """Interval and next settlement as the exchange tells them; unknown: eight hours, the first in eight."""
    interval = None if interval_h is None else D(interval_h)
    funding = Funding(D("0.0002"), None if next_h is None else 7 + next_h * HOUR_MS, interval)

    assert expected_funding_bps(funding, Side.SELL, D(horizon_h), 7) == 2 * count
    assert expected_funding_bps(funding, Side.BUY, D(horizon_h), 7) == -2 * count


@pytest.mark.parametrize("late_ms", [1, 60_000, 25 * HOUR_MS])
def test_a_settlement_that_has_passed_is_earned_no_more(late_ms: int) -> None:
    """Until the next one is told, it is the last one told and whole intervals: three in 24 hours, not four."""
    past = Funding(D("0.0001"), next_ms=100 * HOUR_MS, interval_h=D(8))
    assert expected_funding_bps(past, Side.SELL, D(24), 100 * HOUR_MS + late_ms) == 3


def test_funding_is_cut_to_the_caps() -> None:
    """A rate beyond what can be settled is not expected."""
    assert capped_rate(Funding(D("-0.01"), rate_min=D("-0.003"), rate_max=D("0.003"))) == D("-0.003")
    assert capped_rate(Funding(D("0.01"), rate_min=D("-0.003"), rate_max=D("0.003"))) == D("0.003")
    assert capped_rate(Funding(D("0.01"))) == D("0.003")


@pytest.mark.parametrize("interval_h", ["0", "-8", "0.0000001", "0.5"])
def test_an_interval_that_cannot_be_is_the_usual_one(interval_h: str) -> None:
    """Less than an hour is no interval of funding: neither an error nor a settlement a millisecond."""
    told = Funding(D("0.0001"), interval_h=D(interval_h))

    assert expected_funding_bps(told, Side.SELL, D(24), 0) == 3


def test_an_absurd_rate_without_caps_does_not_lift_the_floor() -> None:
    """A rate of half the notional counts as 0.3 %: three settlements of 30 bps a day."""
    assert expected_funding_bps(Funding(D("0.5")), Side.SELL, D(24), 0) == 90
    assert expected_funding_bps(Funding(D("-0.5")), Side.SELL, D(24), 0) == -90
