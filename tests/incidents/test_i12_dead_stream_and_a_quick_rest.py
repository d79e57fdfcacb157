"""I12: a fill that REST tells within two seconds does not count against the private stream, and what its pushes never
tell afterwards is never looked at: a stream that is dead stays trusted as long as REST is quick."""

from decimal import Decimal

from mmfsm.actions import Reconnect
from mmfsm.events import FeedName
from mmfsm.values import Side
from tests.incidents.scene import opened

D = Decimal


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
