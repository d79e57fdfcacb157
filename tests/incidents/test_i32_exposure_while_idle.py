"""I32: funding turned, quotes were pulled, and the bot idled with one leg open and no alarm.

Wanted: exposure is watched in every mode; one above dust is always somebody's, also in IDLE.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.events import FeedDown, FeedName, Halt
from mmfsm.values import Outcome, Side
from tests.incidents.scene import Scene, opened

D = Decimal


def _idle(scene: Scene) -> None:
    """Funding is too small: quotes are out."""
    scene.rate = D(0)
    scene.wait(1_000)
    assert scene.mode == "IDLE" and scene.desk.state.why_not == "funding_small"


def test_i32_a_fill_that_comes_in_idle_is_hedged_at_once() -> None:
    """The bid had filled before its cancel: told in IDLE, hedged in that very turn."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    _idle(scene)
    scene.trade(bid, "p1")
    assert scene.mode == "HEDGING" and scene.hedge.qty == D("0.02")
    scene.hedged(scene.hedge)
    scene.wait(2_000)
    assert scene.mode == "IDLE" and scene.desk.state.ledger.delta == 0
    scene.assert_true()


def test_i32_dust_that_grows_in_idle_is_hedged() -> None:
    """0.0003 ETH are 0.75 USDT; the price rises by half, and what was dust gets an owner without a fill."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1", qty="0.0003")
    _idle(scene)
    assert scene.dust == D("0.0003") and scene.closing == []
    scene.perp_bid, scene.spot_bid = D(3800), D(3801)
    scene.wait(500)
    assert [(it.side, it.qty) for it in scene.closing] == [(Side.SELL, D("0.0003"))] and scene.mode == "HEDGING"


@pytest.mark.parametrize("mode", ["IDLE", "HALTED by a person", "HALTED by a lost feed"])
def test_i32_what_cannot_be_closed_is_alarmed_in_every_mode(mode: str) -> None:
    """Both legs refuse, again and again: past the bound HALTED, latched, an alert that names the exposure."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    if mode == "IDLE":
        _idle(scene)
    elif mode == "HALTED by a person":
        scene(Halt(scene.now))
    else:
        scene(FeedDown(scene.now, FeedName.PRIVATE, "cut"))
    scene.trade(bid, "p1")
    for _ in range(120):
        for request in [it for it in scene.closing if scene.is_open(it)]:
            scene.refuse(request, Outcome.REFUSED_LEG, "43012")
        scene.wait(100, 100)
    (reason,) = [it for it in scene.reasons if it.startswith("unwind_overdue:")]
    assert scene.mode == "HALTED" and scene.reasons[reason] is True and reason in scene.alerts
    (record,) = scene.records("risk", reason)
    assert record.data is not None and "0.02" in record.data["detail"]
    assert len(scene.closing) > 4, "and it goes on trying"
