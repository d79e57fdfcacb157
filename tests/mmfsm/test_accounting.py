"""The accounts' arithmetic: each column by hand, and all of them together against cash and price, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.accounting import Accounts, Holding, Result, fee_value, gain
from mmfsm.codec import converter
from mmfsm.ledger import Ledger
from mmfsm.values import ZERO, InstType, NormalizedFill, Side

D = Decimal
PERP, SPOT = InstType.PERP, InstType.SPOT
FAST = settings(max_examples=200, deadline=None)


def fill(
    inst: InstType, side: Side, price: str, qty: str, fee: str = "0", coin: str = "USDT", trade: str = "t"
) -> NormalizedFill:
    return NormalizedFill(inst, "o", side, D(price), D(qty), 1_000, trade, fee=D(fee), fee_coin=coin)


def book(a: Accounts, told: NormalizedFill) -> Result:
    part = a.take(told, "ETH", "USDT")
    a.add(part)
    return part


def test_a_round_trip_of_a_pair_by_hand() -> None:
    """Sold 0.02 perp at 2500, bought 0.02 spot at 2501; back at 2490 and 2492: 0.20 − 0.18 = 0.02 before fees.

    Fees: perp 0.01 + 0.01 USDT; spot 0.00002 ETH at 2501 = 0.05002, and 0.04984 USDT. 0.00002 ETH less was received, so
    0.00002 more is sold than is held: short at 2492, worth 0.04984 when bought back there.
    """
    a = Accounts()
    book(a, fill(PERP, Side.SELL, "2500", "0.02", "0.01"))
    book(a, fill(SPOT, Side.BUY, "2501", "0.02", "0.00002", "ETH"))
    assert (a.total.realised, a.total.fees) == (0, D("0.06002"))
    assert (a.perp.qty, a.spot.qty) == (D("-0.02"), D("0.01998"))
    assert a.unrealised(D("2495"), D("2496")) == D("0.10") + D("-0.0999")

    book(a, fill(PERP, Side.BUY, "2490", "0.02", "0.01"))
    book(a, fill(SPOT, Side.SELL, "2492", "0.02", "0.04984"))
    assert a.total.realised == D("0.20") + D("-9") * D("0.01998")
    assert (a.perp.qty, a.spot.qty) == (0, D("-0.00002"))
    assert a.total.fees == D("0.11986")
    assert a.total.fee_coins == {"USDT": D("0.06984"), "ETH": D("0.00002")}
    assert a.unrealised(D("2490"), D("2492")) == 0


@pytest.mark.parametrize(
    ("told", "base", "worth"),
    [
        (fill(SPOT, Side.BUY, "0.4167", "144", "0.144", "WLD"), "WLD", "0.0600048"),  # 0.06 USDT, not 0.144
        (fill(SPOT, Side.SELL, "0.4167", "144", "0.06", "USDT"), "WLD", "0.06"),
        (fill(PERP, Side.SELL, "0.4167", "144", "0.0084", "USDT"), "WLD", "0.0084"),
        (fill(SPOT, Side.BUY, "0.4167", "144", "0.02", "BGB"), "WLD", "0"),  # no price of it is known: by coin alone
        (fill(SPOT, Side.BUY, "0.4167", "144", "-0.144", "WLD"), "WLD", "-0.0600048"),  # a rebate
    ],
)
def test_a_fee_in_the_base_coin_costs_its_amount_at_the_price_of_its_fill(
    told: NormalizedFill, base: str, worth: str
) -> None:
    """0.144 WLD bought at 0.4167 is 0.0600048 USDT; a fee in quote coin is itself."""
    assert fee_value(told, base, "USDT") == D(worth)


def test_what_is_closed_is_closed_at_average_cost_and_the_rest_opens_anew() -> None:
    """Long 0.01 at 100 and 0.03 at 104 is 0.04 at 103; 0.05 sold at 105 earns 0.08, and 0.01 is short at 105."""
    held = Holding()
    assert [held.take(D("0.01"), D(100)), held.take(D("0.03"), D(104))] == [0, 0]
    assert held.take(D("-0.05"), D(105)) == D("0.08")
    assert (held.qty, held.cost) == (D("-0.01"), D("-1.05"))
    assert held.beyond_cost(D(100)) == D("0.05")


def test_a_part_of_an_average_that_does_not_divide_loses_nothing() -> None:
    """Three at 100, 100 and 101 cost 301; closed one by one at 100 the results add up to −1 exactly."""
    held = Holding()
    for price in (100, 100, 101):
        held.take(D(1), D(price))
    assert sum((held.take(D(-1), D(100)) for _ in range(3)), ZERO) == -1
    assert (held.qty, held.cost) == (0, 0)


def test_no_figure_is_too_large_to_be_booked() -> None:
    """A third of a position that cost 3e22, far beyond any account, is closed without an error."""
    held = Holding()
    held.take(D(3), D("1e22"))
    assert held.take(D(-1), D("1e22")) == 0 and held.qty == 2


def test_a_trade_is_worth_its_distance_from_the_mid() -> None:
    """A bid of 0.02 filled 0.50 under the mid is worth 0.01; an ask filled 0.50 under it costs as much."""
    assert gain(Side.BUY, D("2499.50"), D("0.02"), D(2500)) == D("0.01")
    assert gain(Side.SELL, D("2499.50"), D("0.02"), D(2500)) == D("-0.01")


def test_a_span_is_what_has_come_since() -> None:
    """Totals less the totals then, by column and by fee coin; a copy is no second name for the same figures."""
    total = Result(realised=D(3), quotes=4, fee_coins={"USDT": D(1)})
    start = total.copy()
    total.add(Result(realised=D("-1"), quotes=2, fee_coins={"USDT": D("0.5"), "ETH": D("0.01")}))

    assert total.since(start) == Result(realised=D(-1), quotes=2, fee_coins={"USDT": D("0.5"), "ETH": D("0.01")})
    assert start.fee_coins == {"USDT": D(1)}


trades = st.lists(
    st.tuples(
        st.sampled_from(InstType),
        st.sampled_from(Side),
        st.decimals(D("0.01"), D(90_000), places=2),
        st.decimals(D("0.0001"), D(50), places=4),
        st.decimals(D("-0.001"), D("0.002"), places=5),
        st.sampled_from(("USDT", "ETH", "BGB")),
    ),
    max_size=40,
)


@FAST
@given(trades, st.decimals(D(1), D(90_000), places=3), st.decimals(D(1), D(90_000), places=3))
def test_columns_are_cash_and_price_whatever_was_traded(
    told: list[tuple[InstType, Side, Decimal, Decimal, Decimal, str]], perp: Decimal, spot: Decimal
) -> None:
    """realised + unrealised − fees is the ledger's cash plus what it holds at any two prices, to the last digit."""
    a, ledger = Accounts(), Ledger()
    for number, (inst, side, price, qty, rate, coin) in enumerate(told):
        fee = rate * qty * (price if coin == "USDT" else 1)
        one = fill(inst, side, str(price), str(qty), str(fee), coin, f"t{number}")
        book(a, one)
        ledger.book(one, "ETH", "USDT")

    assert a.total.realised + a.unrealised(perp, spot) - a.total.fees == ledger.value(perp, spot)
    assert (a.perp.qty, a.spot.qty) == (ledger.perp, ledger.spot_change)
    assert {coin: fee for coin, fee in a.total.fee_coins.items() if fee} == {k: v for k, v in ledger.fees.items() if v}


@FAST
@given(trades, st.integers(0, 40))
def test_parts_add_up_to_the_whole_and_survive_a_snapshot(
    told: list[tuple[InstType, Side, Decimal, Decimal, Decimal, str]], cut: int
) -> None:
    """The fills' own parts sum to the totals; a span's beginning and what came since do too, also through JSON."""
    a, parts, start = Accounts(), Result(), Result()
    for number, (inst, side, price, qty, rate, coin) in enumerate(told):
        if number == cut:
            start = a.total.copy()
            a = converter.structure(converter.unstructure(a), Accounts)
        parts.add(book(a, fill(inst, side, str(price), str(qty), str(rate * qty), coin)))
    again = start.copy()
    again.add(a.total.since(start))

    assert parts == a.total == again
