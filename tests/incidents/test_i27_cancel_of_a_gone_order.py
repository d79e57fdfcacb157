"""I27: cancelling an order that had filled or gone was answered with 43001 and its like, and counted as a reject.

Wanted: no reject; the order's true end is fetched, and its fill, if there is one, is hedged.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.actions import QueryFills, QueryOrder
from mmfsm.events import CancelAnswered, Halt, OrderQueried
from mmfsm.values import OrderReport, OrderResult, OrderStatus, Outcome, Side
from runner.bitget.codes import Kind, judge
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import ACCEPTED, PERP
from tests.support.bot import trading

D = Decimal


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.REFUSED, Outcome.UNKNOWN])
def test_i27_the_true_end_is_fetched_and_its_fill_hedged(outcome: Outcome) -> None:
    """Gone, refused under a code nobody listed, or unanswered: asked for, fills asked for, hedged, no streak."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.wait(1_000)
    scene(Halt(scene.now))
    trade = scene.fill_event(bid, "p1")
    scene(CancelAnswered(scene.now, bid.client_oid, OrderResult(outcome, code="25204")))
    scene.now += 2_000
    scene.pulse()
    assert bid.client_oid in {it.client_oid for it in scene.asked(QueryOrder)}

    report = OrderReport(PERP, scene.id_of(bid), OrderStatus.FILLED, D("0.02"), bid.client_oid)
    scene(OrderQueried(scene.now, bid.client_oid, ACCEPTED, report))
    scene.now += 800
    assert [it.order_id for it in scene.pulse() if isinstance(it, QueryFills)] == [scene.id_of(bid)]
    scene.read_back(trade)
    assert (scene.hedge.side, scene.hedge.qty) == (Side.SELL, D("0.02"))
    assert scene.desk.state.reject_streak == 0
    assert [reason for reason, latched in scene.reasons.items() if latched] == ["operator"]
    scene.hedged(scene.hedge)
    scene.assert_true()


@pytest.mark.parametrize("code", ["43001", "22001", "40768", "43004", "45055", "50062"])
def test_i27_the_code_table_says_so(code: str) -> None:
    """To a cancel and to a question these say that the order is gone."""
    assert judge(Kind.CANCEL, 400, code)[0] is Outcome.GONE


async def test_i27_over_the_wire(tmp_path: Path) -> None:
    """The bid fills, its pushes are lost, and the cancel says 43001: the end is asked for, and hedged once."""
    async with trading(tmp_path, RECONCILE_SEC="600") as bot:
        await bot.quoting()
        bot.exchange.push_fault("drop", times=1, channel="fill")
        bot.exchange.push_fault("drop", times=1, channel="orders")
        bot.fill_bid()
        bot.exchange.next_answer("/mix/order/cancel-order", "43001_after", times=2)
        bot.halt()
        await bot.hedged()

        assert bot.find("order_cancel", reason="cancel_gone") and not bot.find("order_reject")
        assert [it["size"] for it in bot.requests("/spot/trade/place-order")] == ["0.02"]
        assert bot.truth.position == D("0.02") and bot.runner.desk.state.reject_streak == 0
        bot.resume()
