"""Values: plain decimals, the names of a fill, the arithmetic that values do on themselves."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.testing import constraints
from mmfsm.values import BBO, InstType, NormalizedFill, OrderStatus, Side, plain

D = Decimal
FILL = NormalizedFill(InstType.PERP, "o1", Side.BUY, D("2500.10"), D("0.020"), 1_795_536_000_123)


@settings(max_examples=150, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=D("-1e30"), max_value=D("1e30")))
def test_plain_never_has_an_exponent_and_loses_nothing(value: Decimal) -> None:
    """The text has digits, a sign and a point at most, no trailing zeros behind it, and reads back as the value."""
    text = plain(value)

    assert set(text) <= set("-0123456789.")
    assert D(text) == value
    assert "." not in text or text[-1] not in "0."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (D("1E-8"), "0.00000001"),
        (D("2E+3"), "2000"),
        (D("0.0300"), "0.03"),
        (D("100"), "100"),
        (D("2105.2400000000002"), "2105.2400000000002"),
        (D("0.000"), "0"),
        (D("0.3") - D("0.2") - D("0.1"), "0"),
    ],
)
def test_plain_worked_out_by_hand(value: Decimal, text: str) -> None:
    """What the wire and the log show."""
    assert plain(value) == text


def test_a_trade_id_names_a_fill() -> None:
    """The same trade has the same key, whatever else is told of it and by whom; another leg's trade has another."""
    fill = attrs.evolve(FILL, trade_id="77")

    assert fill.dedupe_key == attrs.evolve(fill, source="rest", client_oid="x", exch_ms=1).dedupe_key
    assert fill.dedupe_key != attrs.evolve(fill, inst=InstType.SPOT).dedupe_key
    assert fill.dedupe_key != attrs.evolve(fill, trade_id="78").dedupe_key


def test_without_a_trade_id_order_time_price_and_size_name_a_fill() -> None:
    """Trailing zeros make no difference; any of the five does."""
    told_again = attrs.evolve(FILL, price=D("2500.1"), qty=D("0.02"), source="rest", trade_id="")
    others = [
        attrs.evolve(FILL, inst=InstType.SPOT),
        attrs.evolve(FILL, order_id="o2"),
        attrs.evolve(FILL, exch_ms=FILL.exch_ms + 1),
        attrs.evolve(FILL, price=D("2500.2")),
        attrs.evolve(FILL, qty=D("0.03")),
    ]

    assert told_again.dedupe_key == FILL.dedupe_key
    assert len({FILL.dedupe_key, *(other.dedupe_key for other in others)}) == 6


def test_a_fill_with_and_one_without_a_trade_id_are_two() -> None:
    """A trade id cannot be mistaken for the five names of a fill without one."""
    assert attrs.evolve(FILL, trade_id="77").dedupe_key != FILL.dedupe_key


def test_sides_are_opposite() -> None:
    """Buying adds, selling takes away, and the opposite of the opposite is the side itself."""
    assert [(side.sign, side.opposite, side.opposite.opposite) for side in Side] == [
        (1, Side.SELL, Side.BUY),
        (-1, Side.BUY, Side.SELL),
    ]


def test_an_order_has_ended_when_filled_or_cancelled() -> None:
    """A partial fill is no end."""
    assert [status for status in OrderStatus if status.is_end] == [OrderStatus.FILLED, OrderStatus.CANCELED]


def test_the_mid_lies_between() -> None:
    """(bid + ask) / 2, exactly."""
    assert BBO(D("2500.00"), D(1), D("2500.01"), D(9), 0).mid == D("2500.005")


def test_each_leg_has_its_own_rules() -> None:
    """`of` returns the rules of the leg that was asked for."""
    both = constraints()

    assert [both.of(inst).inst for inst in InstType] == list(InstType)


def test_values_do_not_change() -> None:
    """A fill that was told cannot be rewritten."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        FILL.qty = D(1)  # type: ignore[misc]
