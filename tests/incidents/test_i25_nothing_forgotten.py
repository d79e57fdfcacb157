"""I25: 63.46 of 120 were hedged when the ticket died; the rest was forgotten.

Wanted: what was wanted is filled, unwound, netted or named as dust, to the step, at every moment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mmfsm.actions import Record
from mmfsm.values import Side
from tests.incidents.scene import Scene, opened, wld

D = Decimal


def _story(scene: Scene) -> list[dict[str, Any]]:
    told = [it for it in scene.log if isinstance(it, Record) and it.event == "ticket"]
    return [it.data for it in told if it.data is not None]


def _assert_adds_up(scene: Scene) -> None:
    for line in _story(scene):
        parts = sum(D(line[name]) for name in ("filled_qty", "unwound_qty", "netted_qty", "dust_qty", "remain"))
        assert D(line["want_qty"]) == parts, line


@pytest.mark.parametrize("filled", ["63.46", "0", "119.99", "118.2"])
def test_i25_the_rest_of_a_partial_hedge_is_unwound_to_the_step(filled: str) -> None:
    """120 WLD bought, this much sold on spot, then spot takes no more: the rest goes back, what is left is dust."""
    scene = opened(
        rules=wld(), coin="1000", perp_bid="0.4166", spot_bid="0.4166", quote_size=D(120), max_position=D(1_000)
    )
    scene.trade(scene.quote(Side.BUY), "p1")
    first = scene.hedge
    scene.accept(first)
    if D(filled):
        scene.trade(first, "s1", qty=filled)
    scene.end(first, filled)
    for _ in range(200):
        if not scene.desk.state.tickets:
            break
        if scene.is_open(scene.hedge):
            if scene.hedge.inst is first.inst and not scene.hedge.leg.endswith("unwind"):
                scene.dead_ioc(scene.hedge)
            else:
                scene.hedged(scene.hedge)
        scene.wait(100, 100)
    assert scene.desk.state.tickets == {}, "the ticket came to its end"
    last = _story(scene)[-1]
    assert last["status"] == "DONE" and last["remain"] == "0" and last["want_qty"] == "120"
    assert D(last["filled_qty"]) + D(last["unwound_qty"]) + D(last["dust_qty"]) == 120
    assert abs(scene.dust) * D("0.4166") < 1, "only what spot would not trade is left"
    _assert_adds_up(scene)
    scene.assert_true()


def test_i25_opposite_fills_are_netted_against_what_was_not_sent() -> None:
    """A bid of 0.02 is being hedged; 0.01 more joins, then the ask fills 0.02: nothing is lost, nothing is doubled."""
    scene = opened()
    bid, ask = scene.quote(Side.BUY), scene.quote(Side.SELL)
    scene.trade(bid, "p1", qty="0.01")
    scene.trade(bid, "p2", qty="0.01")
    scene.trade(ask, "p3")
    assert len(scene.desk.state.tickets) == 2
    for _ in range(6):
        for request in [it for it in scene.closing if scene.is_open(it)]:
            scene.hedged(request)
        scene.wait(300, 100)
    assert scene.desk.state.tickets == {} and scene.desk.state.ledger.delta == 0 == scene.perp
    _assert_adds_up(scene)
    scene.assert_true()
