"""I20: a spot sale was refused for want of ETH (43012) and retried until the deadline while the price ran.

Wanted: insufficient balance is final for that leg: straight to unwinding.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.values import Leg, Outcome, Side
from runner.bitget.codes import Kind, judge
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import PERP, SPOT
from tests.support.bot import trading

D = Decimal


def test_i20_the_unwind_goes_out_in_the_refusals_own_turn() -> None:
    """Not a millisecond later, and spot is not tried again."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.refuse(scene.hedge, Outcome.REFUSED_LEG, "43012")
    assert (scene.hedge.inst, scene.hedge.leg, scene.hedge.qty) == (PERP, Leg.PERP_UNWIND, D("0.02"))
    assert scene.hedge.reduce_only and scene.ticket.state == "UNWINDING"
    scene.hedged(scene.hedge)
    assert [it.inst for it in scene.closing] == [SPOT, PERP] and scene.perp == 0
    scene.assert_true()


def test_i20_a_chase_refused_for_balance_unwinds_too() -> None:
    """Half was sold before the coin ran out: the other half is bought back, reduce-only."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", qty="0.01")
    scene.end(scene.hedge, "0.01")
    scene.wait(2_000, 100)
    scene.refuse(scene.hedge, Outcome.REFUSED_LEG, "43012")
    assert (scene.hedge.inst, scene.hedge.qty, scene.hedge.reduce_only) == (PERP, D("0.01"), True)


@pytest.mark.parametrize("code", ["43012", "40754", "45002"])
def test_i20_the_code_table_says_so(code: str) -> None:
    """These refusals are about the leg, not about the order."""
    assert judge(Kind.PLACE, 400, code)[0] is Outcome.REFUSED_LEG


async def test_i20_over_the_wire(tmp_path: Path) -> None:
    """The coin is gone by the time the bid fills: one refused sale, one reduce-only unwind, flat."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.push_fault("drop", times=1, channel="account")
        bot.exchange.set_balance("ETH", "0.001")
        bot.fill_bid()
        await bot.hedged()

        assert [line["res"]["code"] for line in bot.find("order_reject")] == ["43012"]
        assert len(bot.requests("/spot/trade/place-order")) == 1
        unwinds = [it for it in bot.requests("/mix/order/place-order") if it.get("reduceOnly") == "YES"]
        assert [it["size"] for it in unwinds] == ["0.02"] and bot.truth.position == 0
        bot.exchange.set_balance("ETH", "0.5")
