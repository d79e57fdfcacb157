"""I53: what a process was doing did not survive its restart; its positions were left unattended.

Wanted: an open ticket survives `kill -9` and is taken to its end exactly once.
"""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.testing import opening
from mmfsm.values import Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import SPOT, live_params
from tests.runner.processes import running
from tests.support.bot import bot_on, exchange_with

D = Decimal
PLACE = "/spot/trade/place-order"


@pytest.mark.parametrize("fault", ["hang_before", "hang_after"], ids=["not taken", "taken"])
async def test_i53_an_open_ticket_is_hedged_exactly_once_after_kill_9(tmp_path: Path, fault: str) -> None:
    """Killed between the hedge's request and its answer. The next run asks for it by its name first."""
    async with exchange_with() as exchange:
        async with running(exchange, tmp_path, GUARDIAN="0") as first:
            await first.quoting()
            exchange.next_answer(PLACE, fault)
            exchange.push_fault("drop", times=1, channel="account")
            exchange.market.trade("perp", "3490", "1", "sell")
            await exchange.until(lambda: any(PLACE in it.path for it in exchange.requests))
            assert await first.end(signal.SIGKILL) == -signal.SIGKILL
        (sent,) = [(it.body or {})["clientOid"] for it in exchange.requests if PLACE in it.path]
        told = {"NOT_FOUND_MS": "400", "QUERY_PERIOD_MS": "100"}
        async with bot_on(exchange, tmp_path, **told) as second:
            await second.quoting()
            asked = [it.query for it in exchange.requests if "/spot/trade/orderInfo" in it.path]
            ids = {order.order_id for order in exchange.account_view().orders if order.client_oid == sent}
            by_name = [it for it in asked if it.get("clientOid") == sent or it.get("orderId") in ids]
            assert by_name, "asked for by the name the dead run gave it, or the exchange's own"
            (restored,) = second.find("restored")
            assert len(restored["data"]["tickets"]) == 1 and sent in restored["data"]["orders"]
            assert second.truth.position == D("0.02") and second.truth.spot["ETH"].total == D("0.48")
            hedges = [it for it in second.truth.fills if it.product == "spot"]
            assert sum(it.qty for it in hedges) == D("0.02") == second.runner.desk.state.ledger.perp
            assert second.runner.desk.state.ledger.delta == 0


def test_i53_every_clock_and_figure_of_the_ticket_is_kept() -> None:
    """Partly hedged and chasing when it died: the next run has the same ticket, its child is asked for, not resent."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", qty="0.005")
    scene.end(scene.hedge, "0.005")
    scene.wait(2_000, 100)
    child, before = scene.hedge, scene.ticket
    second = Scene(scene.desk.restarted(live_params(quote_size=D("0.02")), run=2), now=scene.now + 1_000)
    after = second.ticket
    assert (after.hedge_id, after.want, after.filled, after.remain) == (
        before.hedge_id, before.want, before.filled, D("0.015"),
    )  # fmt: skip
    assert (after.deadline_ms, after.unhedged_until_ms) == (before.deadline_ms, before.unhedged_until_ms)
    for event in opening(second.now, live_params(), coin="0.495")[:6]:
        second(event)
    second.pulse()
    assert second.closing == [] and after.child is not None
    second.end(child, "0")
    second.now += 300
    second.pulse()
    assert [(it.inst, it.side, it.qty) for it in second.closing[:1]] == [(SPOT, Side.SELL, D("0.015"))]
    assert second.closing[0].client_oid.split("-")[2] == child.client_oid.split("-")[2], "the same ticket's next try"
