"""I56: "stopped" that still traded, and "reset" that meant three things.

Wanted: the words are exact. Halt: quotes are out, hedging goes on. Flatten: the pair is closed, and quotes stay out.
Stop: everything of ours is over, and then the run.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.actions import PlaceOrder
from mmfsm.events import Flatten, Halt, Resume, Stop
from mmfsm.values import OrderIntent, Side
from tests.incidents.scene import Scene, opened

D = Decimal


def _no_quotes(scene: Scene, ms: int = 30_000) -> None:
    quoted = len(scene.orders(OrderIntent.QUOTE))
    scene.wait(ms, 1_000)
    assert len(scene.orders(OrderIntent.QUOTE)) == quoted
    assert not scene.rests(Side.BUY) and not scene.rests(Side.SELL)


def test_i56_halt_stops_quotes_and_not_hedging() -> None:
    """The pair stays as it is; a late fill is hedged; a person's resume brings the quotes back, nothing else does."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene(Halt(scene.now))
    assert scene.mode == "HALTED" and scene.reasons == {"operator": True}
    scene.trade(bid, "p1")
    scene.hedged(scene.hedge)
    _no_quotes(scene)
    assert (scene.perp, scene.spot_change) == (D("0.02"), D("-0.02")) and len(scene.closing) == 1
    scene(Resume(scene.now))
    scene.wait(1_000)
    assert scene.mode == "QUOTING"


def test_i56_flatten_closes_the_pair_and_quotes_stay_out_until_resumed() -> None:
    """Flattened is a record of its own, and it does not trade on."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    scene(Flatten(scene.now))
    scene.wait(1_000, 100)
    scene.hedged(scene.hedge)
    scene.hedged(scene.hedge)
    scene.wait(1_000, 100)
    assert (scene.perp, scene.spot_change) == (0, 0) and scene.records("flattened")
    _no_quotes(scene)
    assert scene.desk.state.why_not == "flattened" and not scene.reasons
    scene(Resume(scene.now))
    scene.wait(1_000)
    assert scene.mode == "QUOTING"


def test_i56_a_halted_run_can_be_flattened() -> None:
    """Halt, then flatten, as in every emergency: the pair is closed, and the halt stays."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    scene(Halt(scene.now))
    scene.wait(1_000)
    scene(Flatten(scene.now))
    scene.wait(1_000, 100)
    assert scene.hedge.intent is OrderIntent.FLATTEN and scene.hedge.reduce_only
    scene.hedged(scene.hedge)
    scene.hedged(scene.hedge)
    scene.wait(1_000, 100)
    assert (scene.perp, scene.spot_change) == (0, 0) and scene.reasons == {"operator": True}


def test_i56_stop_ends_with_nothing_of_ours_and_nothing_after() -> None:
    """Quotes out, the ticket settled, exit; whatever is told later, no order follows."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene(Stop(scene.now, "operator"))
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert [it.status for it in scene.exits] == [0] and scene.desk.state.orders.open == {}
    scene(Resume(scene.now))
    assert not [it for it in scene.wait(60_000, 1_000) if isinstance(it, PlaceOrder)]
