"""I48: an order that could not be found after some retries was taken for rejected; its position was orphaned.

Wanted: an unknown that outlives its bound is a person's matter: HALTED, latched, its quantity still reserved, an alert.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.events import OrderQueried, PlaceAnswered, Resume
from mmfsm.values import OrderResult, Outcome, Side
from tests.incidents.scene import Scene, opened

D = Decimal
NO_ANSWER = OrderResult(Outcome.UNKNOWN, code="timeout")
GONE = OrderResult(Outcome.GONE, code="43001")


@pytest.mark.parametrize("known", [False, True], ids=["never answered", "acknowledged, then not found"])
def test_i48_a_hedge_nobody_can_find_is_never_taken_for_dead(known: bool) -> None:
    """Half a minute of questions without an answer (or of "no such order" about one that has an id): a person's."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    hedge = scene.hedge
    scene.settle()
    if known:
        scene.accept(hedge)
    else:
        scene(PlaceAnswered(scene.now, hedge.client_oid, NO_ANSWER))
    reason = f"unknown_order:{hedge.client_oid}"
    _ask_in_vain(scene, hedge.client_oid, 29_000, GONE if known else NO_ANSWER)
    assert reason not in scene.reasons
    _ask_in_vain(scene, hedge.client_oid, 5_000, GONE if known else NO_ANSWER)
    assert scene.mode == "HALTED" and scene.reasons[reason] is True and reason in scene.alerts
    (record,) = scene.records("risk", reason)
    assert record.data is not None and "0.02 reserved" in record.data["detail"].replace("0.0200", "0.02")

    scene(Resume(scene.now))
    _ask_in_vain(scene, hedge.client_oid, 30_000, GONE if known else NO_ANSWER)
    assert scene.closing == [hedge], "nothing was sent in its place"
    assert scene.ticket.exposure == D("0.02") and scene.mode != "QUOTING"

    scene.accept(hedge)
    scene.trade(hedge, "s1")
    assert scene.desk.state.tickets == {} and scene.desk.state.ledger.delta == 0
    scene.assert_true()


def _ask_in_vain(scene: Scene, client_oid: str, ms: int, result: OrderResult) -> None:
    for _ in range(ms // 500):
        scene.now += 500
        scene.pulse()
        scene(OrderQueried(scene.now, client_oid, result))
