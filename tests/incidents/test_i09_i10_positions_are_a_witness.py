"""I09: positions and fills both moved the bot's position; an unwind was booked twice and a position that was gone was
flattened on and on.
I10: a flat account's positions list is empty; 0.02 stayed in memory and made reduce-only orders for ever.

Wanted: fills alone move the books; positions and balances are compared with them. An empty list says flat.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from mmfsm.actions import PlaceOrder
from mmfsm.events import BalanceEvent, Event, Flatten, PositionEvent
from mmfsm.values import Side
from runner.bitget import wire
from runner.bitget.tap import Tap
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import SPOT, T0
from tests.support.bot import trading

D = Decimal


def test_i09_a_position_push_moves_nothing() -> None:
    """Before the fill, with it and after it, right or wrong: the books follow the fill alone."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene(PositionEvent(scene.now, D("0.02"), scene.now))
    assert scene.perp == 0 and scene.closing == []
    scene.trade(bid, "p1")
    for told in ("0.02", "0.04", "0"):
        scene(PositionEvent(scene.now, D(told), scene.now))
        scene(BalanceEvent(scene.now, SPOT, "ETH", D(told), D(told), scene.now))
        assert scene.perp == D("0.02")
    assert len(scene.closing) == 1
    scene.hedged(scene.hedge)
    scene.wait(1_000)
    scene.assert_true()


def test_i09_an_unwind_is_booked_once() -> None:
    """The unwind's fill and the flat position that follows are one change, and nothing is flattened afterwards."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    unwind = scene.until_unwinding()
    scene.hedged(unwind)
    scene(PositionEvent(scene.now, D(0), scene.now))
    scene(PositionEvent(scene.now, D(0), scene.now, "rest"))
    assert scene.perp == 0
    sent = len(scene.closing)
    scene.wait(10_000)
    assert len(scene.closing) == sent and scene.desk.state.tickets == {}
    scene.assert_true()


def test_i10_an_empty_list_of_positions_is_told_as_flat() -> None:
    """As is a list that holds other symbols alone."""
    told: list[Event] = []
    tap = Tap("ETHUSDT", told.append, lambda _inst, _channel: None)
    arg = {"instType": "USDT-FUTURES", "channel": "positions", "instId": "default"}
    for rows in ([], [{"instId": "BTCUSDT", "total": "1", "holdSide": "long"}]):
        tap.take(wire.read_frame({"action": "snapshot", "arg": arg, "data": rows, "ts": T0}), T0)
    assert told == [PositionEvent(T0, D(0), T0), PositionEvent(T0, D(0), T0)]


def test_i10_a_position_that_is_gone_is_a_matter_for_a_person() -> None:
    """0.02 in the books, flat on the exchange: said twice when all is quiet, HALTED with both figures, no order."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(6_000)
    sent = len(scene.closing)
    for _ in range(2):
        scene.reread(position="0")
        scene.now += 4_000
    assert scene.mode == "HALTED" and scene.reasons["drift"]
    (record,) = scene.records("risk", "drift")
    assert record.data is not None and "ledger 0.02, exchange 0" in record.data["detail"]
    scene.wait(60_000, 1_000)
    assert len(scene.closing) == sent, "nothing was sent about a position that is not there"


async def test_i10_after_a_flatten_the_empty_push_agrees_and_nothing_follows(tmp_path: Path) -> None:
    """Over the socket: closed, the exchange pushes an empty list, no further reduce-only order is sent."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        bot.runner.handle(Flatten(bot.lines[-1]["ts"]))
        await bot.until(lambda: bot.find("flattened"))
        ticks = len(bot.find("tick"))
        await bot.until(lambda: len(bot.find("tick")) >= ticks + 3)
        closing = [it for it in bot.told if it.event == "order_new" and it.request and it.request.reduce_only]
        assert len(closing) == 1 and bot.truth.position == 0 and bot.truth.positions == ()
        assert not bot.halts


def test_i10_flat_books_never_make_a_reduce_only_order() -> None:
    """A person asks for a flatten of nothing: nothing is sent, and it is over."""
    scene = opened()
    scene(Flatten(scene.now))
    out = scene.wait(3_000)
    assert [it for it in out if isinstance(it, PlaceOrder)] == [] and scene.records("flattened")
