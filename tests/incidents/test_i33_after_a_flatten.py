"""I33: after a flatten a stale "unhedged quantity" kept the bot flattening for ever.

Wanted: exposure is what the ledger says, stored nowhere else; a flatten ends when nothing is left to close.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.events import Flatten, Resume
from mmfsm.values import OrderIntent, Side
from tests.incidents.scene import opened

D = Decimal


def test_i33_a_flatten_ends_and_nothing_of_it_stays() -> None:
    """Closed in two parts, the second below what the perp trades not at all: over, once, and quoting can go on."""
    scene = opened(max_position=D("0.2"))
    for number in range(3):
        scene.trade(scene.quote(Side.BUY), f"p{number}")
        scene.hedged(scene.hedge)
        scene.wait(3_000)
    scene(Flatten(scene.now))
    scene.wait(1_000, 100)
    close = scene.hedge
    assert (close.intent, close.qty, close.reduce_only) == (OrderIntent.FLATTEN, D("0.06"), True)
    scene.accept(close)
    scene.trade(close, "f1", qty="0.02")
    scene.end(close, "0.02")
    scene.hedged(scene.hedge)
    scene.wait(1_000, 100)
    assert (scene.hedge.intent, scene.hedge.qty) == (OrderIntent.FLATTEN, D("0.04"))
    scene.hedged(scene.hedge)
    scene.hedged(scene.hedge)
    scene.wait(1_000, 100)

    assert len(scene.records("flattened")) == 1 and scene.perp == 0 == scene.desk.state.ledger.delta
    sent = len(scene.closing)
    scene.wait(120_000, 1_000)
    assert len(scene.closing) == sent and scene.mode == "IDLE"
    scene.assert_true()
    scene(Resume(scene.now))
    scene.wait(1_000)
    assert scene.mode == "QUOTING"
