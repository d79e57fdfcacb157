"""I46: a maker fill that raced its cancel left a naked leg.

Wanted: a fill is legal in every state of its order, while it is being cancelled and after it is gone.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.events import CancelAnswered, Halt, OrderQueried, PlaceAnswered, Tick
from mmfsm.values import OrderRequest, OrderResult, Outcome, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import ACCEPTED
from tests.support.bot import trading

D = Decimal
GONE = OrderResult(Outcome.GONE, code="40109")


def _new_bid(scene: Scene) -> OrderRequest:
    """A bid whose place request has not been answered yet."""
    old = scene.quote(Side.BUY)
    scene.perp_bid += 5
    for _ in range(2):
        scene.now += 600
        scene.pulse()
        if scene.is_open(old):
            scene.end(old, "0")
    scene.now += 600
    scene.pulse()
    return scene.quote(Side.BUY)


def _bring(scene: Scene, state: str) -> OrderRequest:
    """Bring a bid of 0.02 to a state, by what the exchange would tell."""
    bid = _new_bid(scene)
    if state == "SENT":
        return bid
    if state in ("UNKNOWN", "never arrived"):
        scene(PlaceAnswered(scene.now, bid.client_oid, OrderResult(Outcome.UNKNOWN, code="timeout")))
        while state == "never arrived" and scene.is_open(bid):
            scene.now += 1_000
            scene(OrderQueried(scene.now, bid.client_oid, GONE))
        return bid
    scene.accept(bid)
    if state == "UNSETTLED":
        scene.end(bid, "0.02")
    elif state != "LIVE":
        scene(Halt(scene.now))
        if state == "cancel accepted":
            scene(CancelAnswered(scene.now, bid.client_oid, ACCEPTED))
        elif state == "gone":
            scene.end(bid, "0")
        elif state == "long gone":
            scene.end(bid, "0")
            scene.now += 600_000
            scene(Tick(scene.now))
    return bid


STATES = (
    "SENT", "LIVE", "CANCELLING", "cancel accepted", "UNKNOWN", "never arrived", "UNSETTLED", "gone", "long gone",
)  # fmt: skip


@pytest.mark.parametrize("parts", [("0.02",), ("0.01", "0.01")], ids=["whole", "parts"])
@pytest.mark.parametrize("state", STATES)
def test_i46_a_fill_is_booked_and_hedged_in_every_state(state: str, parts: tuple[str, ...]) -> None:
    """Hedged in the fill's own turn, whole, once."""
    scene = opened()
    bid = _bring(scene, state)
    hedged = D(0)
    for number, part in enumerate(parts):
        scene.trade(bid, f"p{number}", qty=part)
        request = scene.closing[-1]
        assert request.side is Side.SELL
        if scene.is_open(request):
            hedged += request.qty
            scene.hedged(request)
        scene.now += 300
        scene.pulse()
    for request in [it for it in scene.closing if scene.is_open(it)]:
        hedged += request.qty
        scene.hedged(request)
    assert hedged == D("0.02") == scene.perp and scene.desk.state.ledger.delta == 0
    assert not scene.desk.state.tickets and not any(it.startswith("impossible") for it in scene.reasons)
    scene.assert_true()


async def test_i46_over_the_wire(tmp_path: Path) -> None:
    """Both cancels are under way and slow; the bid fills before its own takes effect: hedged once, none left."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/mix/order/cancel-order", "delay_before_ms", times=2, ms=250)
        bot.halt()
        await bot.until(lambda: len(bot.requests("/mix/order/cancel-order")) == 2)
        bot.fill_bid()
        await bot.hedged()
        await bot.until(lambda: not bot.open_orders)
        assert bot.truth.position == D("0.02") and bot.truth.spot["ETH"].total == D("0.48")
        assert len(bot.requests("/spot/trade/place-order")) == 1
