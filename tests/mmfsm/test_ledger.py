"""The ledger: positions moved by fills alone, each once, net of fees taken in the coin itself."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.forgetting import SHARE
from mmfsm.ledger import SEEN_MAX, SHADOWS_MAX, Ledger, signed_change
from mmfsm.values import InstType, NormalizedFill, Side

D = Decimal
FAST = settings(max_examples=60, deadline=None)
quantities = st.decimals(D("0.0001"), D(10), places=6)


def fill(inst: InstType, side: Side, qty: str, fee: str = "0", coin: str = "USDT", trade: str = "t") -> NormalizedFill:
    return NormalizedFill(inst, "o", side, D(2500), D(qty), 1_000, trade, fee=D(fee), fee_coin=coin)


@pytest.mark.parametrize(
    ("inst", "side", "qty", "fee", "coin", "change"),
    [
        (InstType.SPOT, Side.BUY, "0.02", "0.00002", "ETH", "0.01998"),  # what was bought, less the fee
        (InstType.SPOT, Side.SELL, "0.02", "0.05", "USDT", "-0.02"),
        (InstType.SPOT, Side.SELL, "0.02", "0.00002", "ETH", "-0.02002"),
        (InstType.SPOT, Side.BUY, "0.02", "0.001", "BGB", "0.02"),  # a fee in a third coin leaves the position alone
        (InstType.SPOT, Side.BUY, "0.02", "-0.00001", "ETH", "0.02001"),  # a rebate adds to it
        (InstType.PERP, Side.BUY, "0.02", "0.03", "USDT", "0.02"),
        (InstType.PERP, Side.SELL, "0.02", "0.03", "USDT", "-0.02"),
        (InstType.PERP, Side.SELL, "0.02", "0.001", "ETH", "-0.02"),  # a contract is no coin
    ],
)
def test_a_fill_moves_its_leg_net_of_base_coin_fees(
    inst: InstType, side: Side, qty: str, fee: str, coin: str, change: str
) -> None:
    """Signed quantity, less a spot fee taken in the base coin; the other leg stays where it is."""
    ledger = Ledger()
    told = fill(inst, side, qty, fee, coin)

    assert ledger.book(told, "ETH") == signed_change(told, "ETH") == D(change)
    assert (ledger.perp, ledger.spot) == ((D(change), 0) if inst is InstType.PERP else (0, D(change)))
    assert ledger.fees == {coin: D(fee)}


def test_two_spot_buys_own_what_was_received() -> None:
    """0.02 bought twice at 0.1 % is 0.03996, not 0.04: what a later sale may be."""
    ledger = Ledger()
    for trade in "ab":
        ledger.book(fill(InstType.SPOT, Side.BUY, "0.02", "0.00002", "ETH", trade), "ETH")

    assert (ledger.spot, ledger.fees) == (D("0.03996"), {"ETH": D("0.00004")})


@FAST
@given(st.lists(st.tuples(st.sampled_from(InstType), st.sampled_from(Side), quantities), max_size=8), st.randoms())
def test_the_order_of_fills_is_irrelevant(trades: list[tuple[InstType, Side, Decimal]], pick: object) -> None:
    """Positions, fees and the time of the last fill are sums and a maximum: any order gives the same."""
    fills = [
        NormalizedFill(inst, "o", side, D(2500), qty, i, f"t{i}", fee=qty / 1000, fee_coin="ETH")
        for i, (inst, side, qty) in enumerate(trades)
    ]
    shuffled = list(fills)
    pick.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = Ledger(), Ledger()
    for told in fills:
        one.book(told, "ETH")
    for told in shuffled:
        two.book(told, "ETH")

    assert attrs.evolve(one, seen={}) == attrs.evolve(two, seen={})
    assert one.delta == sum((signed_change(told, "ETH") for told in fills), D(0))


def test_delta_is_what_both_legs_changed_by() -> None:
    """The working stock is no exposure: delta counts from it."""
    ledger = Ledger(perp=D("-0.05"), spot=D("0.54"), start=D("0.5"))

    assert (ledger.spot_change, ledger.delta) == (D("0.04"), D("-0.01"))


@pytest.mark.parametrize("trade", ["t1", None])
def test_a_fill_is_known_once_it_is_marked(trade: str | None) -> None:
    """Told again by another channel it is the same fill, with a trade id or without."""
    ledger, told = Ledger(), attrs.evolve(fill(InstType.PERP, Side.BUY, "0.01"), trade_id=trade)

    assert not ledger.is_seen(told)
    ledger.mark_seen(told)
    assert ledger.is_seen(attrs.evolve(told, source="rest", client_oid="mm-Qpb-1-1-1", qty=D("0.010")))
    assert not ledger.is_seen(attrs.evolve(told, inst=InstType.SPOT))


TOLD = attrs.evolve(fill(InstType.PERP, Side.BUY, "0.01"), trade_id="t1")
WITHOUT_ID = attrs.evolve(TOLD, trade_id=None, source="rest")


@pytest.mark.parametrize(("first", "then"), [(TOLD, WITHOUT_ID), (WITHOUT_ID, TOLD)])
def test_a_trade_told_with_and_without_its_id_is_one(first: NormalizedFill, then: NormalizedFill) -> None:
    """Whichever telling lacks the trade id, and whichever comes first: the second is a duplicate, however often."""
    ledger = Ledger()
    ledger.mark_seen(first)

    assert [ledger.is_seen(told) for told in (then, first, then)] == [True] * 3


def test_two_trades_alike_in_all_but_their_id_are_two() -> None:
    """One telling without an id stands for one trade: a second trade of the same size at the same moment is booked."""
    ledger = Ledger()
    ledger.mark_seen(WITHOUT_ID)

    assert ledger.is_seen(TOLD)
    assert not ledger.is_seen(attrs.evolve(TOLD, trade_id="t2"))


def test_the_worth_of_all_fills_is_cash_and_both_legs() -> None:
    """A pair earns the difference of its prices less fees; what both legs move together by changes nothing.

    0.02 perp sold at 2501 (fee 0.01) and 0.02 spot bought at 2500 (fee 0.00002 ETH): 0.02 − 0.01 − 0.00002 · price.
    """
    ledger = Ledger()
    sold = NormalizedFill(InstType.PERP, "o", Side.SELL, D(2501), D("0.02"), 1, "a", fee=D("0.01"), fee_coin="USDT")
    bought = NormalizedFill(InstType.SPOT, "o", Side.BUY, D(2500), D("0.02"), 1, "b", fee=D("0.00002"), fee_coin="ETH")
    other_coin = NormalizedFill(InstType.SPOT, "o", Side.BUY, D(1), D(0), 1, "c", fee=D("0.5"), fee_coin="BGB")
    for told in (sold, bought, other_coin):
        ledger.book(told, "ETH", "USDT")

    assert ledger.cash == D("50.02") - D("50") - D("0.01")
    assert ledger.value(D(2500), D(2500)) == D("0.01") - D("0.05")
    assert ledger.value(D(3000), D(3000)) == D("0.01") - D("0.06")


def test_the_oldest_keys_are_forgotten_first() -> None:
    """The memory of fills is bounded; the newest are all kept, but for a small part, and one leg's never push out the
    other's."""
    ledger = Ledger()
    rare = fill(InstType.SPOT, Side.SELL, "0.01")
    ledger.mark_seen(rare)
    fills = [attrs.evolve(fill(InstType.PERP, Side.BUY, "0.01", trade=str(i)), exch_ms=i) for i in range(SEEN_MAX + 2)]
    for told in fills:
        ledger.mark_seen(told)

    kept = len(ledger.seen[InstType.PERP])
    assert SEEN_MAX * (1 - 1 / SHARE) <= kept <= SEEN_MAX and len(ledger.seen[InstType.SPOT]) == 1
    assert SHADOWS_MAX * (1 - 1 / SHARE) <= len(ledger.shadows) <= SHADOWS_MAX
    assert [ledger.is_seen(told) for told in (fills[-kept - 1], fills[-kept], fills[-1])] == [False, True, True]
    assert ledger.is_seen(rare)


def test_an_old_fill_does_not_turn_the_clock_back() -> None:
    """The time of a leg's last fill is the latest told, not the last to be told."""
    ledger = Ledger()
    for at_ms in (5_000, 3_000):
        ledger.book(attrs.evolve(fill(InstType.SPOT, Side.SELL, "1"), exch_ms=at_ms), "ETH")

    assert ledger.last_fill_ms == {InstType.SPOT: 5_000}
