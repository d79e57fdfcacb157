"""I01: futures fills told their quantity in `baseVolume`; a reader of `size` booked four fills as 0 and hedged none.
I02: spot fills told their price in `priceAvg`; a missing one was booked as price 0.

Wanted: quantity and price from the channel's own members. A fill without a usable one is never booked: it is recorded
with its raw keys, REST is asked for that order's fills, and until it has answered nothing is quoted.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mmfsm.actions import QueryFills
from mmfsm.events import Event, FillEvent, FillsRead, FillUnparsable
from mmfsm.values import OrderResult, Outcome, Side
from runner.bitget import wire
from runner.bitget.tap import Tap
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import ACCEPTED, PERP, SPOT, T0
from tests.support.bot import trading

D = Decimal
FILL = {
    "orderId": "111", "tradeId": "222", "symbol": "ETHUSDT", "side": "buy", "cTime": "1800000000000",
    "feeDetail": [{"feeCoin": "USDT", "totalFee": "-0.01"}], "tradeScope": "maker", "tradeSide": "buy_single",
}  # fmt: skip
PERP_FILL = FILL | {"clientOid": "mm-Qpb-1-1-1", "price": "2499.25", "baseVolume": "0.02", "quoteVolume": "49.98"}
SPOT_FILL = FILL | {"priceAvg": "2501.01", "size": "0.02", "amount": "50.02"}
USELESS = [None, "", "0", "0.0", "-0.02", "nothing", "NaN", "Infinity", [], True]


def _told(inst_type: str, *rows: dict[str, Any]) -> list[Event]:
    """What the private stream's handler makes of a fill push."""
    events: list[Event] = []
    tap = Tap("ETHUSDT", events.append, lambda _inst, _channel: None)
    arg = {"instType": inst_type, "channel": "fill", "instId": "default"}
    tap.take(wire.read_frame({"action": "snapshot", "arg": arg, "data": list(rows), "ts": T0}), T0)
    return events


def test_i01_the_quantity_of_a_futures_fill_is_its_base_volume() -> None:
    """A member named `size` says nothing on this channel."""
    (event,) = _told("USDT-FUTURES", PERP_FILL | {"size": "7"})
    assert isinstance(event, FillEvent)
    assert (event.fill.qty, event.fill.price) == (D("0.02"), D("2499.25"))


def test_i02_the_price_of_a_spot_fill_is_its_price_avg() -> None:
    """A member named `price` says nothing on this channel."""
    (event,) = _told("SPOT", SPOT_FILL | {"price": "7"})
    assert isinstance(event, FillEvent)
    assert (event.fill.qty, event.fill.price) == (D("0.02"), D("2501.01"))


@pytest.mark.parametrize("value", USELESS, ids=repr)
@pytest.mark.parametrize(
    ("inst_type", "row", "member"),
    [
        ("USDT-FUTURES", PERP_FILL, "baseVolume"),
        ("USDT-FUTURES", PERP_FILL, "price"),
        ("SPOT", SPOT_FILL, "size"),
        ("SPOT", SPOT_FILL, "priceAvg"),
    ],
)
def test_i01_i02_a_fill_without_a_usable_figure_is_no_fill(
    inst_type: str, row: dict[str, Any], member: str, value: object
) -> None:
    """It is told as what it is, with its order and its raw keys; a good row beside it is told as a fill."""
    bad = {key: it for key, it in row.items() if key != member} | ({} if value is None else {member: value})
    first, second = _told(inst_type, bad, row | {"tradeId": "333"})
    assert isinstance(first, FillUnparsable) and isinstance(second, FillEvent)
    assert first.order_id == "111" and first.raw_keys == tuple(sorted(bad))


@pytest.mark.parametrize("inst", [PERP, SPOT])
def test_i01_i02_it_is_asked_for_by_rest_and_nothing_is_quoted_until_then(inst: Any) -> None:
    """Record, question about that order, quotes out; a reading that fails changes nothing, one that comes does."""
    scene = opened()
    out = scene(FillUnparsable(scene.now, inst, "111", ("cTime", "size")))
    (record,) = scene.records("risk", "fill_unparsable")
    assert record.data == {"raw_keys": ["cTime", "size"]} and record.inst_type == inst.value
    assert [it.order_id for it in out if isinstance(it, QueryFills)] == ["111"]
    assert scene.perp == 0 and scene.mode == "IDLE"
    quoted = len(scene.orders())
    scene.wait(3_000)
    assert not scene.rests(Side.BUY) and not scene.rests(Side.SELL) and len(scene.orders()) == quoted

    scene(FillsRead(scene.now, inst, "111", OrderResult(Outcome.UNKNOWN, code="timeout")))
    asked = [it for it in scene.wait(1_000) if isinstance(it, QueryFills) and it.order_id == "111"]
    assert asked and len(scene.orders()) == quoted
    scene(FillsRead(scene.now, inst, "111", ACCEPTED))
    scene.wait(1_000)
    assert scene.mode == "QUOTING" and scene.rests(Side.BUY) and scene.rests(Side.SELL)


def test_i01_what_rest_then_tells_is_booked_and_hedged_once() -> None:
    """The unparsable fill was real: REST tells it, it is hedged; a late good push of it is the same trade."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene(FillUnparsable(scene.now, PERP, scene.id_of(bid), ("size",)))
    scene.trade(bid, "p1", source="rest")
    scene.trade(bid, "p1")
    assert [(it.inst, it.side, it.qty) for it in scene.closing] == [(SPOT, Side.SELL, D("0.02"))]
    scene.hedged(scene.hedge)
    scene.assert_true()


async def test_i01_i02_over_the_socket_both_legs_are_booked_as_they_traded(tmp_path: Path) -> None:
    """What the log says of both fills is what the exchange says."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        told = {(it["inst_type"], it["data"]["price"], it["data"]["qty"]) for it in bot.find("fill")}
        legs = {"perp": "USDT-FUTURES", "spot": "SPOT"}
        truth = {(legs[it.product], f"{it.price:f}", f"{it.qty:f}") for it in bot.truth.fills}
        assert {(leg, D(price), D(qty)) for leg, price, qty in told} == {(a, D(b), D(c)) for a, b, c in truth}
        assert len(told) == 2
