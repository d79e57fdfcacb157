"""I12: for fifteen minutes the private fill and positions streams were empty while a real order filled; no hedge, no
alarm.

Wanted: REST is a second witness, on a period and whenever an order we believe live is gone; a fill seen only there is
booked and hedged like any other, and the private stream is then declared dead.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from mmfsm.actions import QueryFills, QueryOrder, Reconnect
from mmfsm.events import FeedName, OpenOrdersRead, OrderQueried
from mmfsm.values import OrderReport, OrderStatus, Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import ACCEPTED, PERP
from tests.support.bot import trading

D = Decimal


def test_i12_fills_are_asked_for_on_the_period_and_found_there() -> None:
    """Nothing is pushed. The next reading tells the trade: booked, hedged at once, the stream dead and dropped."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.wait(5_000)
    scene.now += 100
    lost = scene.fill_event(bid, "p1")
    asked = scene.wait(31_000, 1_000)
    assert [it for it in asked if isinstance(it, QueryFills) and it.inst is PERP], "asked for within the period"

    out = scene.read_back(lost)
    assert scene.hedge.side is Side.SELL and scene.hedge.qty == D("0.02")
    assert Reconnect(FeedName.PRIVATE) in out and scene.mode == "HALTED"
    assert "feed_stale:private" in scene.reasons
    scene.hedged(scene.hedge)
    scene.assert_true()


def test_i12_a_pong_does_not_make_it_trusted_again() -> None:
    """The dead stream's socket answers pings: quotes stay out until a new connection has given data."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.wait(5_000)
    lost = scene.fill_event(bid, "p1")
    scene.now += 5_000
    scene.read_back(lost)
    scene.pulse()
    assert scene.desk.state.feeds[FeedName.PRIVATE].state == "STALE" and "feed_stale:private" in scene.reasons


def test_i12_a_fill_the_stream_never_tells_is_held_against_it_however_quick_rest_was() -> None:
    """REST tells the trade after a second, the stream never does: some seconds later it is declared dead."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.wait(5_000)
    lost = scene.fill_event(bid, "p1")
    scene.now += 1_000
    scene.read_back(lost)
    hedge = scene.hedge
    scene.accept(hedge)
    scene.now += 1_000
    scene.read_back(scene.fill_event(hedge, "s1"))
    out = scene.wait(10_000)
    assert Reconnect(FeedName.PRIVATE) in out


def test_i12_an_order_believed_live_that_is_not_shown_is_asked_for() -> None:
    """The list of open orders has no bid of ours: its true end is fetched, with its fills, and hedged."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.wait(31_000, 1_000)
    trade = scene.fill_event(bid, "p1")
    ask = scene.quote(Side.SELL)
    shown = OrderReport(PERP, scene.id_of(ask), OrderStatus.LIVE, D(0), ask.client_oid)
    out = scene(OpenOrdersRead(scene.now, PERP, (shown,)))
    assert [it.client_oid for it in out if isinstance(it, QueryOrder)] == [bid.client_oid]
    end = OrderReport(PERP, scene.id_of(bid), OrderStatus.FILLED, D("0.02"), bid.client_oid)
    scene(OrderQueried(scene.now, bid.client_oid, ACCEPTED, end))
    scene.now += 800
    asked = [it.order_id for it in scene.pulse() if isinstance(it, QueryFills)]
    assert asked == [scene.id_of(bid)] and scene.mode != "QUOTING"
    scene.read_back(trade)
    assert scene.hedge.qty == D("0.02") and scene.hedge.side is Side.SELL
    scene.hedged(scene.hedge)
    scene.assert_true()


async def test_i12_over_the_wire_a_silent_stream_is_found_out(tmp_path: Path) -> None:
    """The socket answers pings and pushes nothing. The fill is read, hedged once, and the socket is opened anew."""
    async with trading(tmp_path, RECONCILE_SEC="3") as bot:
        await bot.quoting()
        await bot.until(lambda: bot.runner.desk.state.recon.done_ms)
        bot.exchange.push_fault("drop", times=1_000)
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type="USDT-FUTURES"))
        await bot.until(lambda: bot.find("feed", data_feed="private", data_to="STALE"))
        bot.exchange.clear_faults()
        await bot.hedged()
        await bot.quoting()

        assert bot.find("fill", inst_type="USDT-FUTURES")[0]["data"]["via"] == "rest"
        assert bot.truth.position == D("0.02") and bot.truth.spot["ETH"].total == D("0.48")
        assert len(bot.requests("/spot/trade/place-order")) == 1
