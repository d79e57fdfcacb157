"""I24: tickets taken over by a flatten were logged as failures.

Wanted: being superseded and having failed are different ends, each with its reason. Here a flatten takes no ticket
over: it waits until the open one has come to its own end, which the log tells from every other end.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mmfsm.actions import Record
from mmfsm.events import Flatten
from mmfsm.values import OrderIntent, Side
from tests.incidents.scene import Scene, opened

D = Decimal


def _ends(scene: Scene) -> list[dict[str, Any]]:
    """The last record of every ticket."""
    told = [it for it in scene.log if isinstance(it, Record) and it.event == "ticket"]
    return [it.data for it in told if it.data and it.data["status"] == "DONE"]


def test_i24_a_flatten_waits_for_the_open_ticket_and_is_a_ticket_of_its_own() -> None:
    """The hedge under way ends as a hedge; then the pair is closed, and that is told as a flatten's hedge."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    first = scene.hedge
    scene(Flatten(scene.now))
    scene.wait(500, 100)
    assert scene.closing == [first], "the ticket is not taken over"
    scene.hedged(first)
    scene.wait(1_000, 100)
    assert scene.hedge.intent is OrderIntent.FLATTEN and scene.hedge.reduce_only
    scene.hedged(scene.hedge)
    scene.hedged(scene.hedge)
    scene.wait(1_000, 100)
    one, two = _ends(scene)
    assert (one["filled_qty"], one["unwound_qty"], one["reason"]) == ("0.02", "0", "perp_fill")
    assert (two["side"], two["filled_qty"], two["unwound_qty"]) == ("sell", "0.02", "0")
    assert scene.records("flattened") and scene.records("risk", "flatten")
    assert not scene.alerts and not scene.reasons
    scene.assert_true()


def test_i24_a_ticket_that_unwound_says_why() -> None:
    """In time: `max_unhedged_sec`, with what was unwound."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.until_unwinding())
    (end,) = _ends(scene)
    assert (end["filled_qty"], end["unwound_qty"], end["reason"]) == ("0", "0.02", "max_unhedged_sec")


def test_i24_the_last_record_says_how_it_ended() -> None:
    """One hedged, one unwound: two words."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    scene.trade(scene.quote(Side.BUY), "p2")
    scene.hedged(scene.until_unwinding())
    told = [it.data for it in scene.log if isinstance(it, Record) and it.event == "ticket" and it.data]
    assert [it.get("end") for it in told if it["status"] == "DONE"] == ["hedged", "unwound"]
