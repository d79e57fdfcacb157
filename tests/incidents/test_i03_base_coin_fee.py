"""I03: the fee of a spot buy is taken in the coin bought; the bot thought it owned 0.04, owned 0.03994, and its sell
was refused.

Wanted: positions net of base-coin fees, untouched by fees in other coins; an unknown fee coin is a risk record; a
base-coin fee costs its amount times the price.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.codec import event_from_json, event_to_json
from mmfsm.events import FillEvent
from mmfsm.values import FeePart, Side
from tests.incidents.scene import opened, wld
from tests.mmfsm.desk_driver import SPOT

D = Decimal


def test_i03_what_is_owned_is_net_of_the_fee_and_never_oversold() -> None:
    """Two asks are hedged with 0.1 % taken in ETH: 0.03996 owned. The bid's hedge asks for no more than that."""
    scene = opened(coin="0", quoting=False)
    for number in (1, 2):
        scene.trade(scene.quote(Side.SELL), f"p{number}")
        scene.hedged(scene.hedge, fee=str(scene.hedge.qty * D("0.001")))
        scene.wait(3_000)
    assert scene.perp == D("-0.04") and scene.desk.state.ledger.spot == scene.oracle.spot
    assert D("0.0398") < scene.oracle.spot < D("0.04") and scene.oracle.spot != D("0.04")
    bid = scene.quote(Side.BUY)
    scene.trade(bid, "p3")
    assert (scene.hedge.inst, scene.hedge.side) == (SPOT, Side.SELL)
    assert scene.hedge.qty <= scene.oracle.spot
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    scene.assert_true()


@pytest.mark.parametrize(("coin", "net"), [("USDT", "0.02"), ("BGB", "0.02"), ("ETH", "0.01998")])
def test_i03_only_a_fee_in_the_base_coin_moves_the_position(coin: str, net: str) -> None:
    """And none of the known coins is worth a record."""
    scene = opened()
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", fee="0.00002", fee_coin=coin)
    assert scene.spot_change == D(net) and scene.desk.state.ledger.fees[coin] == D("0.00002")
    assert scene.records("risk", "fee_coin_unknown") == []


def test_i03_what_bgb_did_not_cover_is_taken_from_the_position() -> None:
    """0.01 BGB and 0.00002 ETH of one fee: 0.01998 is owned, the ETH is valued at the fill's price, and each
    coin is counted by itself."""
    scene = opened()
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.accept(scene.hedge)
    more = (FeePart(D("0.00002"), "ETH"),)
    scene.trade(scene.hedge, "s1", fee="0.01", fee_coin="BGB", more_fees=more, price=D(2500))
    told = scene.records("fill")[-1].data or {}
    assert scene.spot_change == D("0.01998") == scene.desk.state.accounts.spot.qty
    assert (told["fee_coin"], told["more_fees"], told["fee_value"]) == ("BGB", {"ETH": "0.00002"}, "0.05")
    assert scene.desk.state.accounts.total.fee_coins == {"BGB": D("0.01"), "ETH": D("0.00002")}
    assert scene.records("risk", "fee_coin_unknown") == []
    again = event_from_json(event_to_json(scene.fill_event(scene.hedge, "s2", more_fees=more)))
    assert isinstance(again, FillEvent) and again.fill.more_fees == more


def test_i03_an_unknown_fee_coin_is_a_risk_record() -> None:
    """The position is left alone, and the record names coin and amount."""
    scene = opened()
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", fee="0.5", fee_coin="XYZ")
    (record,) = scene.records("risk", "fee_coin_unknown")
    assert record.data == {"fee_coin": "XYZ", "fee": "0.5"} and scene.spot_change == D("0.02")


def test_i03_a_fee_that_is_not_known_is_a_risk_record() -> None:
    """A buy without fee and coin: the position may be smaller than it looks, and the log says so."""
    scene = opened()
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", fee="0", fee_coin=None)
    assert scene.records("risk", "fee_coin_unknown")


def test_i03_a_base_coin_fee_costs_its_amount_at_the_price() -> None:
    """0.12 WLD of fee at 0.4167 is 0.05 USDT, not 0.12 USDT."""
    price = D("0.4167")
    scene = opened(
        rules=wld(), coin="1000", perp_bid="0.4166", spot_bid="0.4166", quote_size=D(120), max_position=D(500)
    )
    scene.trade(scene.quote(Side.SELL), "p1", price=price)
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", fee="0.12", price=price)
    ledger = scene.desk.state.ledger
    assert (ledger.perp, ledger.spot_change) == (D(-120), D("119.88"))
    assert ledger.value(price, price) == -D("0.12") * price
