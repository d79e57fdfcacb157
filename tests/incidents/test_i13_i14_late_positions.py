"""I13: an old positions push said -115 while REST said 0, straight after a close.
I14: a ticket had just closed, the positions push lagged by a moment, and the drift check flattened a hedged pair.

Wanted: readings are ordered by the exchange's time, one older than the last fill says nothing; drift is judged only
when all is quiet, and only when two readings agree.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.events import BalanceEvent, PositionEvent
from mmfsm.values import Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import SPOT

D = Decimal


def _carry() -> Scene:
    """Long 0.02 on the perp, hedged a moment ago; the clock stands at the close."""
    scene = opened()
    scene.wait(4_000)
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.settle()
    return scene


def test_i13_a_reading_from_before_the_last_fill_says_nothing_however_late_it_comes() -> None:
    """Flat, as it was 50 ms before the fill: told twice, long after all is quiet."""
    scene = _carry()
    before_ms = scene.now - 50
    scene.wait(10_000)
    for _ in range(3):
        scene(PositionEvent(scene.now, D(0), before_ms))
        scene(BalanceEvent(scene.now, SPOT, "ETH", D("0.5"), D("0.5"), before_ms))
        scene.wait(4_000)
    assert not scene.reasons and not scene.records("risk", "drift_seen")
    assert scene.perp == D("0.02")


def test_i14_right_after_a_close_no_reading_is_judged() -> None:
    """The lagging figure comes again and again within the quiet time: nothing is recorded, nothing is sent."""
    scene = _carry()
    sent = len(scene.closing)
    for _ in range(10):
        scene.now += 200
        scene(PositionEvent(scene.now, D(0), scene.now))
        scene(PositionEvent(scene.now, D(0), scene.now, "rest"))
    assert not scene.records("risk", "drift_seen") and not scene.reasons and len(scene.closing) == sent


def test_i14_while_an_order_is_in_flight_no_reading_is_judged() -> None:
    """A hedge is out: the position cannot agree, and need not."""
    scene = opened()
    scene.wait(10_000)
    scene.trade(scene.quote(Side.BUY), "p1", exch_ms=scene.now - 8_000)
    for _ in range(3):
        scene.now += 4_000
        scene.reread(position="0", coin="0.7")
    assert not scene.records("risk", "drift_seen") and "drift" not in scene.reasons


def test_i14_one_reading_is_no_drift() -> None:
    """A second reading is asked for at once; it agrees, and the first is forgotten."""
    scene = _carry()
    scene.wait(10_000)
    for _ in range(3):
        out = scene.reread(position="0")
        assert out and scene.records("risk", "drift_seen")[-1].data["times"] == 1  # type: ignore[index]
        scene.wait(4_000)
        scene.reread(position="0.02")
    assert not scene.reasons


def test_i14_two_different_wrong_readings_are_no_drift() -> None:
    """Something moves there: each new figure is the first of its kind."""
    scene = _carry()
    scene.wait(10_000)
    for told in ("0", "0.01", "0.05"):
        scene.reread(position=told)
        scene.now += 4_000
    assert "drift" not in scene.reasons


def test_i13_i14_two_quiet_readings_that_agree_halt_with_both_figures_and_send_nothing() -> None:
    """HALTED, latched, for a person: a hedged pair is never flattened by a comparison."""
    scene = _carry()
    scene.wait(10_000)
    sent = len(scene.closing)
    scene.reread(position="0.05")
    scene.now += 4_000
    scene.reread(position="0.05")
    assert scene.mode == "HALTED" and scene.reasons["drift"] is True and "drift" in scene.alerts
    (record,) = scene.records("risk", "drift")
    assert record.data is not None and "ledger 0.02, exchange 0.05" in record.data["detail"]
    scene.wait(5_000)
    assert len(scene.closing) == sent
