"""I24: how a ticket ended ("hedged", "unwound", "netted", "dust") is decided and then dropped: no record carries it."""

from decimal import Decimal

from mmfsm.actions import Record
from mmfsm.values import Side
from tests.incidents.scene import opened

D = Decimal


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
