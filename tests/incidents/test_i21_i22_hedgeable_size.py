"""I21: a bid was quoted while the spot wallet held dust; each fill of it could only be unwound, at a loss.
I22: after a fee in base coin 0.01998 was left for a bid of 0.02: the side was dropped for ever.

Wanted: a side is quoted only as far as its fill could be hedged now, less what open orders have reserved; the size
shrinks, floored to the perp's step, before the side is dropped.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.values import Side
from tests.incidents.scene import opened

D = Decimal


@pytest.mark.parametrize("coin", ["0", "0.0005", "0.0099"])
def test_i21_no_coin_no_bid(coin: str) -> None:
    """The ask is quoted, the bid is not, and its record is written once, not at every book."""
    scene = opened(coin=coin)
    assert scene.rests(Side.SELL) and not scene.rests(Side.BUY)
    scene.wait(5_000)
    assert len(scene.records("order_skip", "no_spot_coin")) == 1
    assert all(it.side is Side.SELL for it in scene.orders())


def test_i21_no_cash_no_ask() -> None:
    """And with an ask's worth and its margin there is one."""
    scene = opened(cash="20")
    assert scene.rests(Side.BUY) and not scene.rests(Side.SELL)
    assert len(scene.records("order_skip", "no_quote_coin")) == 1
    assert opened(cash="51").rests(Side.SELL)


def test_i21_a_bid_goes_when_its_coin_goes() -> None:
    """A hedged bid has used the coin up: the next bid is not quoted."""
    scene = opened(coin="0.025")
    scene.trade(scene.quote(Side.BUY), "p1")
    assert scene.desk.state.tickets and not scene.rests(Side.BUY)
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert scene.mode == "QUOTING" and scene.rests(Side.SELL) and not scene.rests(Side.BUY)


def test_i21_cash_a_hedge_has_spent_is_not_available() -> None:
    """60 USDT; an ask of 0.02 is hedged for 50. No push has told it yet: the next ask may not be quoted at 0.02."""
    scene = opened(cash="60")
    scene.wait(1_000)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert scene.mode == "QUOTING" and not scene.rests(Side.SELL)


@pytest.mark.parametrize(
    ("coin", "size"), [("0.01998", "0.01"), ("0.02", "0.02"), ("0.0299", "0.02"), ("0.0100", "0.01")]
)
def test_i22_the_bid_shrinks_to_the_coin(coin: str, size: str) -> None:
    """To the perp's step below what can be sold."""
    assert opened(coin=coin).quote(Side.BUY).qty == D(size)


def test_i22_after_the_fee_the_carry_still_rotates() -> None:
    """No coin; an ask is hedged with 0.1 % taken in ETH. The bid comes back at 0.01, and so does the pair."""
    scene = opened(coin="0")
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge, fee="0.00002")
    scene.wait(3_000)
    assert scene.oracle.spot == D("0.01998")
    bid = scene.quote(Side.BUY)
    assert bid.qty == D("0.01")
    scene.trade(bid, "p2")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert scene.desk.state.tickets == {} and scene.perp == D("-0.01")
    scene.assert_true()


def test_i22_the_ask_shrinks_to_the_cash() -> None:
    """26 USDT hedge 0.01 at 2501, not 0.02."""
    assert opened(cash="26").quote(Side.SELL).qty == D("0.01")
