"""I35: shutdown logged "flattened" before the result of its last order was known; 102 WLD stayed.
I36: shutdown was recorded as an abnormal halt and polluted every statistic.

Wanted: the run ends clean only when every ticket is settled and the exchange, read again, agrees; past a bound it ends
unclean and says so. A stop is a stop: it has a reason and a record of its own and is no halt.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from mmfsm.actions import QueryBalance, QueryOpenOrders, QueryPosition
from mmfsm.events import OpenOrdersRead, PlaceAnswered, Stop
from mmfsm.values import OrderResult, Outcome, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import PERP, SPOT
from tests.support.bot import trading

D = Decimal


def _read_back(scene: Scene, position: str, orders: bool = True) -> None:
    """The exchange answers the last reading: this position, and nothing open."""
    scene.now += 5
    if orders:
        scene(OpenOrdersRead(scene.now, PERP, ()), OpenOrdersRead(scene.now, SPOT, ()))
    scene.reread(position=position, coin="0.5")
    scene.pulse()


def test_i35_it_does_not_end_before_the_last_orders_result_is_known() -> None:
    """A hedge without an answer: no exit, however often the rest is read back; then its fill, then the exit."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    hedge = scene.hedge
    scene(PlaceAnswered(scene.now, hedge.client_oid, OrderResult(Outcome.UNKNOWN, code="timeout")))
    scene(Stop(scene.now, "SIGTERM"))
    scene.wait(10_000)
    assert scene.exits == [] and scene.desk.state.tickets
    scene.accept(hedge)
    scene.trade(hedge, "s1")
    scene.wait(3_000)
    assert [(it.status, it.reason) for it in scene.exits] == [(0, "SIGTERM")]
    assert scene.desk.state.ledger.delta == 0


def test_i35_clean_is_what_the_exchange_says_after_it_was_asked() -> None:
    """Everything is settled here. The position read before the question does not count, one that differs neither."""
    scene = opened()
    scene.wait(1_000)
    scene(Stop(scene.now, "operator"))
    for side in (Side.BUY, Side.SELL):
        scene.end(scene.quote(side), "0")
    out = scene.pulse()
    assert any(isinstance(it, QueryPosition) for it in out + scene.log[-20:])
    assert scene.exits == []
    _read_back(scene, "0.05")
    assert scene.exits == [], "the exchange holds what we do not know of"
    asked = len(scene.asked(QueryOpenOrders))
    scene.now += 1_100
    scene.pulse()
    assert len(scene.asked(QueryOpenOrders)) > asked
    _read_back(scene, "0")
    assert [(it.status, it.reason) for it in scene.exits] == [(0, "operator")]


def test_i35_past_the_bound_it_ends_unclean() -> None:
    """The difference stays: status 1, after `stop_bound_sec` and not before."""
    scene = opened(stop_bound_sec=5)
    scene.wait(1_000)
    scene(Stop(scene.now, "operator"))
    for side in (Side.BUY, Side.SELL):
        scene.end(scene.quote(side), "0")
    begin = scene.now
    while scene.now - begin < 5_000:
        assert scene.exits == []
        scene.now += 500
        _read_back(scene, "0.05")
    assert [(it.status, it.reason) for it in scene.exits] == [(1, "stop_bound")]


def test_i35_a_run_is_not_clean_while_the_spot_coin_differs() -> None:
    """The exchange holds 0.04 ETH more than the books say: not clean, status 1 at the bound."""
    scene = opened(stop_bound_sec=5)
    scene.wait(1_000)
    scene(Stop(scene.now, "operator"))
    for side in (Side.BUY, Side.SELL):
        scene.end(scene.quote(side), "0")
    begin = len(scene.log)
    for _ in range(12):
        scene.now += 500
        scene(OpenOrdersRead(scene.now, PERP, ()), OpenOrdersRead(scene.now, SPOT, ()))
        scene.reread(position="0", coin="0.54")
        scene.pulse()
    assert any(isinstance(it, QueryBalance) for it in scene.log[begin:])
    assert [it.status for it in scene.exits] == [1]


def test_i36_a_stop_is_no_halt() -> None:
    """Its reason is in the session's own record; nothing halts, nothing alarms, no reject is counted."""
    scene = opened()
    scene(Stop(scene.now, "SIGINT"))
    scene.wait(3_000)
    assert [(it.status, it.reason) for it in scene.exits] == [(0, "SIGINT")]
    told = [(it.reason, it.data["to"]) for it in scene.records("session") if it.data is not None]
    assert told[-2:] == [("SIGINT", "STOPPING"), ("SIGINT", "STOPPED")]
    assert not scene.reasons and not scene.alerts and not scene.records("risk")
    assert scene.mode == "IDLE"


async def test_i35_i36_over_the_wire(tmp_path: Path) -> None:
    """Stopped while the hedge is on its way: it waits, reads back, and leaves a pair, no order and no halt behind."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/spot/trade/place-order", "delay_before_ms", ms=300)
        bot.fill_bid()
        await bot.until(lambda: bot.requests("/spot/trade/place-order"))
        assert await bot.stop() == 0
        assert bot.truth.position == D("0.02") and bot.truth.spot["ETH"].total == D("0.48")
        filled = next(it.at_ms for it in bot.truth.fills if it.product == "spot")
        paths = [it.path for it in bot.exchange.requests if it.at_ms >= filled]
        assert any("orders-pending" in it for it in paths) and any("single-position" in it for it in paths)
        assert not bot.find("state", data_to="HALTED") and not bot.find("alert")
        assert [line["reason"] for line in bot.find("session")][-1] == "test"
