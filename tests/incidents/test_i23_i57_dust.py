"""I23: fee dust of 0.144 WLD (0.06 USDT) exceeded a tolerance of 0.01 and caused a full flatten; 0.854 WLD (0.34 USDT)
caused 841 skipped flattens in fifteen minutes.
I57: buys and sells below the minimum were kept apart and never netted.

Wanted: what the exchange would not trade is dust: carried with its sign as one number, reported, judged by the
exchange's own minimum, and part of the next ticket once it is tradable.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mmfsm.values import Side
from tests.incidents.scene import Scene, opened, wld
from tests.mmfsm.desk_driver import SPOT

D = Decimal


def _wld(**changes: Any) -> Scene:
    told = {"quote_size": D(120), "max_position": D(1_000), **changes}
    return opened(rules=wld(), coin="1000", perp_bid="0.4166", spot_bid="0.4166", **told)


def test_i23_fee_dust_is_carried_and_nothing_is_flattened() -> None:
    """0.144 WLD of fee: a hedge is done, the dust is named, fifteen minutes pass without an order or a skip."""
    scene = _wld(quote_size=D(144))
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge, fee="0.144")
    assert scene.dust == D("-0.144") == scene.desk.state.ledger.delta and scene.desk.state.tickets == {}
    scene.reread(coin=str(1000 + scene.oracle.spot))
    sent, skipped = len(scene.closing), len(scene.records("order_skip"))
    scene.wait(900_000, 5_000)
    assert (len(scene.closing), len(scene.records("order_skip"))) == (sent, skipped)
    assert scene.mode == "QUOTING" and not scene.reasons
    tick = scene.records("tick")[-1]
    assert tick.data is not None and tick.data["dust"] == "-0.144"
    scene.assert_true()


def test_i23_a_balance_that_differs_by_dust_is_no_drift() -> None:
    """A figure off by 0.34 USDT, told again and again: nobody halts. Off by more than a minimum: drift."""
    scene = _wld()
    scene.wait(5_000)
    for _ in range(4):
        scene.reread(coin="1000.854")
        scene.now += 4_000
    assert not scene.reasons and not scene.records("risk", "drift_seen")
    for _ in range(2):
        scene.reread(coin="1003")
        scene.now += 4_000
    assert scene.reasons.get("drift")


def test_i23_a_fill_below_the_minimum_is_one_skip_and_joins_the_next_ticket() -> None:
    """0.8 WLD (0.33 USDT) bought: carried. The next fill of 120 is hedged as 120.8."""
    scene = _wld()
    scene.trade(scene.quote(Side.BUY), "p1", qty="0.8")
    assert scene.closing == [] and scene.dust == D("0.8")
    (skip,) = scene.records("order_skip", "below_min")
    assert skip.intent == "hedge" and skip.data is not None and skip.data["qty"] == "0.8"
    scene.wait(60_000, 1_000)
    assert scene.closing == [] and len(scene.records("order_skip", "below_min")) == 1
    scene.trade(scene.quote(Side.BUY), "p2", qty="119")
    assert (scene.hedge.side, scene.hedge.qty) == (Side.SELL, D("119.8"))
    scene.hedged(scene.hedge)
    assert scene.dust == 0
    scene.assert_true()


def test_i23_dust_that_has_grown_tradable_is_hedged_without_a_further_fill() -> None:
    """2 WLD at 0.4166 are 0.83 USDT; at 0.6 they are 1.2 and get a ticket of their own."""
    scene = _wld()
    scene.trade(scene.quote(Side.BUY), "p1", qty="2")
    assert scene.closing == [] and scene.dust == D(2)
    scene.wait(5_000)
    scene.perp_bid = scene.spot_bid = D("0.6")
    scene.wait(500)
    assert [(it.inst, it.side, it.qty) for it in scene.closing] == [(SPOT, Side.SELL, D(2))]
    assert scene.dust == 0
    scene.hedged(scene.hedge)
    scene.assert_true()


def test_i57_dust_of_both_signs_is_one_number() -> None:
    """Bought 0.8 and sold 0.8 below the minimum: nothing is left, and nothing was sent."""
    scene = _wld()
    scene.trade(scene.quote(Side.BUY), "p1", qty="0.8")
    scene.trade(scene.quote(Side.SELL), "p2", qty="0.8")
    assert scene.dust == 0 == scene.desk.state.ledger.delta and scene.closing == []
    scene.assert_true()


def test_i57_dust_of_the_other_sign_makes_the_next_hedge_smaller() -> None:
    """0.8 sold as dust, then 120 bought: 119.2 are sold on spot."""
    scene = _wld()
    scene.trade(scene.quote(Side.SELL), "p1", qty="0.8")
    scene.trade(scene.quote(Side.BUY), "p2", qty="120")
    assert [(it.side, it.qty) for it in scene.closing] == [(Side.SELL, D("119.2"))]


def test_i57_dust_of_one_sign_adds_up() -> None:
    """Twice 1.6 WLD (0.67 USDT each): the second makes 3.2, which is sold."""
    scene = _wld()
    scene.trade(scene.quote(Side.BUY), "p1", qty="1.6")
    scene.trade(scene.quote(Side.BUY), "p2", qty="1.6")
    assert [(it.side, it.qty) for it in scene.closing] == [(Side.SELL, D("3.2"))] and scene.dust == 0
