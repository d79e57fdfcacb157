"""I15: at start the account already held 0.04 ETH on spot, or an open perp leg of an earlier run.

Wanted: both legs are read. What the journal explains is taken over; spot coin is left alone if it is declared the
baseline; anything else stops the start with the exact figures.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.desk import Desk
from mmfsm.events import Event, PositionEvent
from mmfsm.testing import opening, placed
from mmfsm.values import Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import T0, Hand, live_params

D = Decimal


def _start(hand: Hand, at_ms: int, perp: str, coin: str = "0.5", **changes: Any) -> None:
    told = opening(at_ms, live_params(quote_size=D("0.02"), **changes), coin=coin)
    for event in told:
        hand(_holding(event, perp))


def _holding(event: Event, perp: str) -> Event:
    return attrs.evolve(event, qty=D(perp)) if isinstance(event, PositionEvent) else event


def _fresh(perp: str, coin: str = "0.5", **changes: Any) -> Scene:
    scene = Scene(Desk(live_params(quote_size=D("0.02"), **changes), run=1))
    _start(scene, T0, perp, coin, **changes)
    scene.settle()
    return scene


@pytest.mark.parametrize("perp", ["0.02", "-0.37"])
def test_i15_a_perp_leg_nobody_explains_stops_the_start_with_its_figure(perp: str) -> None:
    """Nothing is sent, the status is not zero, and the words say how to go on."""
    scene = _fresh(perp)
    (left,) = scene.exits
    assert (left.status, left.reason) == (2, "position_found")
    (record,) = scene.records("risk", "position_found")
    assert record.data is not None and f"{perp} on the perp" in record.data["detail"]
    assert scene.orders() == [] and scene.alerts == ["position_found"]


def test_i15_it_is_taken_over_when_that_is_asked_for() -> None:
    """ADOPT_POSITION: the spot coin holds its other half, so nothing is unhedged and nothing is hedged anew."""
    scene = _fresh("-0.02", adopt_position=True)
    assert scene.mode == "QUOTING" and scene.perp == D("-0.02") and scene.desk.state.ledger.delta == 0
    assert scene.closing == []


def test_i15_what_the_journal_explains_is_taken_over() -> None:
    """The run before left a hedged pair, and the exchange shows just that: READY without a word from anybody."""
    second = _after_a_pair()
    _restart(second, "0.02", "0.48")
    assert second.desk.state.session.state == "READY" and second.perp == D("0.02") and not second.reasons


def test_i15_what_the_journal_contradicts_halts_with_both_figures() -> None:
    """The pair was closed by hand meanwhile, and that is read for three seconds: HALTED for a person, nothing sent."""
    second = _after_a_pair()
    _restart(second, "0", "0.48")
    assert not second.reasons and second.desk.state.session.asking == "ask_position"
    _read_again(second, "0", times=2)
    assert second.mode == "HALTED" and second.reasons["position_unexplained"]
    (record,) = second.records("risk", "position_unexplained")
    assert record.data is not None and "0 on the perp, 0.02 by the journal" in record.data["detail"]
    second.wait(5_000)
    assert second.closing == []


@pytest.mark.parametrize("figures", [["0"], ["0", "0.01"], ["0", "0.01", "0"]])
def test_i15_a_reading_that_is_late_is_read_again(figures: list[str]) -> None:
    """The position as it was before the last fill, then as it is: another figure begins the wait anew, and the one of
    the journal ends it. Nobody is called."""
    second = _after_a_pair()
    _restart(second, "0", "0.48")
    for perp in figures[1:]:
        _read_again(second, perp)
    _read_again(second, "0.02")
    assert second.desk.state.session.asking == "ask_balances"
    assert not second.reasons and not second.alerts and second.desk.state.unexplained is None


def _after_a_pair() -> Scene:
    """The run after one that left a hedged pair: long 0.02 on the perp, 0.02 of the coin sold."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    return Scene(scene.desk.restarted(live_params(quote_size=D("0.02")), run=2), now=scene.now)


def _read_again(scene: Scene, perp: str, times: int = 1) -> None:
    for _ in range(times):
        scene.now += 1_100
        scene(PositionEvent(scene.now, D(perp), scene.now, "rest"))
        scene.pulse()


def _restart(scene: Scene, perp: str, coin: str) -> None:
    """The checks of a second run, a millisecond apart; what was not believed at first is asked again a second later."""
    again = ("Start", "FeedUp", "SubscribeAnswered")
    for first in (True, False):
        for event in opening(scene.now, live_params(), coin=coin):
            if first or type(event).__name__ not in again:
                scene.now += 1
                scene(_holding(attrs.evolve(event, at_ms=scene.now), perp))
            for request in [order.request for order in scene.desk.state.orders.open.values()]:
                scene.end(request, "0")
        scene.now += 1_100
        scene.pulse()


@pytest.mark.parametrize(("baseline", "bid"), [("0.04", False), ("0", True)])
def test_i15_baseline_coin_is_never_touched(baseline: str, bid: bool) -> None:
    """0.04 ETH found: declared the baseline it hedges no bid, else it is the working stock that does."""
    scene = _fresh("0", coin="0.04", spot_baseline=D(baseline))
    assert scene.rests(Side.BUY) is bid and scene.rests(Side.SELL)
    assert scene.desk.state.ledger.spot == D("0.04") - D(baseline)
    assert bool(scene.records("order_skip", "no_spot_coin")) is not bid
    assert placed(scene.log) == scene.orders()
