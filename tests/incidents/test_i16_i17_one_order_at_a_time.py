"""I16: an exposure was flattened on the perp while its hedge was still in flight; then the hedge filled too.
I17: a chase went out before the fill of the order before it had arrived: 0.06 was sold for 0.04.

Wanted: one owner of an exposure at a time. The next order goes out only when the last is terminal and its fills add up
to what it says it filled, whatever the clock says.
"""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from mmfsm.actions import QueryFills, QueryOrder
from mmfsm.events import OrderQueried, PlaceAnswered
from mmfsm.values import OrderReport, OrderResult, OrderStatus, Outcome, Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import ACCEPTED, SPOT

D = Decimal
HOW = ["accepted", "unanswered", "unknown"]


@pytest.mark.parametrize("notional", ["500", "10"], ids=["by time", "by notional"])
@pytest.mark.parametrize("how", HOW)
def test_i16_nothing_is_unwound_while_a_hedge_may_still_fill(how: str, notional: str) -> None:
    """Far past both deadlines its fate is not known: it is asked for, and nothing else is sent. Then it has filled."""
    scene = opened(max_unhedged_notional=D(notional))
    scene.trade(scene.quote(Side.BUY), "p1")
    hedge = scene.hedge
    if how == "accepted":
        scene.accept(hedge)
    elif how == "unknown":
        scene(PlaceAnswered(scene.now, hedge.client_oid, OrderResult(Outcome.UNKNOWN, code="timeout")))
    out = scene.wait(25_000)
    assert scene.closing == [hedge], "one order at a time"
    assert {it.client_oid for it in out if isinstance(it, QueryOrder)} == {hedge.client_oid}

    if how != "accepted":
        report = OrderReport(SPOT, scene.id_of(hedge), OrderStatus.FILLED, D("0.02"), hedge.client_oid)
        scene(OrderQueried(scene.now, hedge.client_oid, ACCEPTED, report))
    scene.trade(hedge, "s1")
    if how == "accepted":
        scene.end(hedge, "0.02", OrderStatus.FILLED)
    scene.wait(25_000)
    assert scene.closing == [hedge] and scene.desk.state.tickets == {}
    assert scene.desk.state.ledger.delta == 0
    scene.assert_true()


def test_i17_an_ended_order_whose_fill_has_not_come_holds_the_next_one_back() -> None:
    """It says it filled 0.01 of 0.02. Until that fill is booked nothing is sent; then a chase for 0.01, no more."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    first = scene.hedge
    scene.accept(first)
    lost = scene.fill_event(first, "s1", qty="0.01")
    scene.end(first, "0.01")
    out = scene.wait(20_000)
    assert scene.closing == [first]
    assert {it.order_id for it in out if isinstance(it, QueryFills) and it.inst is SPOT and it.order_id} == {
        scene.id_of(first)
    }
    scene.read_back(lost)
    assert [(it.inst, it.qty) for it in scene.closing[1:]] == [(SPOT, D("0.01"))]
    scene.hedged(scene.hedge)
    scene.assert_true()
    assert scene.desk.state.ledger.delta == 0


def test_i17_an_order_shown_ended_by_two_figures_waits_for_the_larger() -> None:
    """The stream's last word is 0.005, the query's 0.015: only with 0.015 booked does the rest go out."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    first = scene.hedge
    scene.accept(first)
    scene.end(first, "0.005")
    report = OrderReport(SPOT, scene.id_of(first), OrderStatus.CANCELED, D("0.015"), first.client_oid)
    scene(OrderQueried(scene.now, first.client_oid, ACCEPTED, report))
    scene.trade(first, "s1", qty="0.005")
    scene.wait(600, 100)
    assert scene.closing == [first]
    scene.trade(first, "s2", qty="0.01")
    scene.wait(100)
    assert [it.qty for it in scene.closing[1:]] == [D("0.005")]


def test_i16_twenty_partial_fills_are_one_exposure() -> None:
    """While the first hedge is out the others join its ticket; one more order hedges them all."""
    scene = opened(quote_size=D("0.1"), max_position=D("0.2"))
    bid = scene.quote(Side.BUY)
    for number in range(20):
        scene.trade(bid, f"p{number}", qty="0.005")
    assert len(scene.closing) == 1
    scene.hedged(scene.hedge)
    scene.wait(300, 100)
    assert [it.qty for it in scene.closing] == [D("0.005"), D("0.095")]
    scene.hedged(attrs.evolve(scene.hedge))
    scene.assert_true()
    assert scene.desk.state.ledger.delta == 0
