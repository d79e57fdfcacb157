"""A fill that names an orderId nobody knows: whose it is, is asked; and no order it may belong to is given up."""

from __future__ import annotations

from decimal import Decimal as D

import attrs
import pytest

from mmfsm import Desk
from mmfsm.actions import QueryOrder
from mmfsm.events import OrderQueried, PlaceAnswered, Tick
from mmfsm.testing import ack, ended, fill_of, placed, ready_desk
from mmfsm.values import InstType, OrderReport, OrderRequest, OrderResult, OrderStatus, Outcome

T0 = 1_800_000_000_000
GONE = OrderResult(Outcome.GONE, code="43001")


def hedge_of_unknown_outcome() -> tuple[Desk, OrderRequest]:
    """A bid is filled, its hedge is sent, and the answer to it is lost."""
    desk = ready_desk()
    for number, order in enumerate(list(desk.state.orders.open.values())):
        ack(desk, order.request, T0 + 1, f"q{number}")
    bid = next(iter(desk.state.orders.open.values())).request
    hedge = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 10)))[0]
    desk.handle(ended(bid, "q0", T0 + 11, "0.01"))
    desk.handle(PlaceAnswered(T0 + 20, hedge.client_oid, OrderResult(Outcome.UNKNOWN)))
    return desk, hedge


def told_by_rest(hedge: OrderRequest, at_ms: int) -> object:
    """REST knows the fill: with the exchange's orderId, and without our name."""
    event = fill_of(hedge, "s1", "st1", at_ms)
    return attrs.evolve(event, fill=attrs.evolve(event.fill, source="rest"))


def test_no_order_is_given_up_while_a_fill_may_be_its() -> None:
    """Queries by name say "no such order" for a minute: it stays UNKNOWN, and no second hedge leaves."""
    desk, hedge = hedge_of_unknown_outcome()
    desk.handle(told_by_rest(hedge, T0 + 30))  # type: ignore[arg-type]
    sent = []
    for second in range(1, 25):
        sent += placed(desk.handle(Tick(T0 + 1_000 * second)))
        sent += placed(desk.handle(OrderQueried(T0 + 1_000 * second + 5, hedge.client_oid, GONE)))
    assert [order for order in sent if order.inst is InstType.SPOT] == []
    assert desk.state.orders.open[hedge.client_oid].state == "UNKNOWN" and len(desk.state.orders.early) == 1


def test_it_is_asked_for_by_the_fills_own_order_id_and_booked_once_named() -> None:
    """The detail of that orderId names our clientOid: linked, booked, hedged, DONE."""
    desk, hedge = hedge_of_unknown_outcome()
    desk.handle(told_by_rest(hedge, T0 + 30))  # type: ignore[arg-type]
    asked = [it for it in desk.handle(Tick(T0 + 800)) if isinstance(it, QueryOrder) and it.order_id == "s1"]
    assert [it.client_oid for it in asked] == [hedge.client_oid]

    report = OrderReport(InstType.SPOT, "s1", OrderStatus.FILLED, hedge.qty, hedge.client_oid)
    desk.handle(OrderQueried(T0 + 810, hedge.client_oid, OrderResult(Outcome.ACCEPTED, "s1"), report))
    assert desk.state.tickets == {} and desk.state.ledger.delta == D(0)


def test_a_strangers_order_of_that_id_changes_nothing_of_ours() -> None:
    """The detail names another clientOid: our order stays what it was."""
    desk, hedge = hedge_of_unknown_outcome()
    desk.handle(told_by_rest(hedge, T0 + 30))  # type: ignore[arg-type]
    report = OrderReport(InstType.SPOT, "s1", OrderStatus.FILLED, hedge.qty, "somebody-elses")
    desk.handle(OrderQueried(T0 + 810, hedge.client_oid, OrderResult(Outcome.ACCEPTED, "s1"), report))
    assert desk.state.orders.open[hedge.client_oid].state == "UNKNOWN" and len(desk.state.tickets) == 1


@pytest.mark.parametrize("fill_first", [True, False])
def test_a_hedge_refused_for_good_that_traded_all_the_same_is_booked_in_either_order(fill_first: bool) -> None:
    """43012, and yet spot sold: whether its fill or its end is told first, the books hold it and no child is freed."""
    desk = ready_desk()
    for number, order in enumerate(list(desk.state.orders.open.values())):
        ack(desk, order.request, T0 + 1, f"q{number}")
    bid = next(iter(desk.state.orders.open.values())).request
    hedge = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 10)))[0]
    desk.handle(ended(bid, "q0", T0 + 11, "0.01"))
    refused = OrderResult(Outcome.REFUSED_LEG, code="43012")
    (unwind,) = placed(desk.handle(PlaceAnswered(T0 + 20, hedge.client_oid, refused)))

    told = [fill_of(hedge, "s1", "st1", T0 + 30), ended(hedge, "s1", T0 + 30, "0.01")]
    for event in told if fill_first else reversed(told):
        desk.handle(event)

    assert desk.state.ledger.delta == D(0) and desk.state.orders.early == {}
    ticket = next(iter(desk.state.tickets.values()))
    assert ticket.child is not None and unwind.client_oid in desk.state.orders.open, "the unwind is still its child"
