"""A fill that names an orderId nobody knows: whose it is, is asked; and no order it may belong to is given up."""

from __future__ import annotations

from decimal import Decimal as D

import attrs
import pytest

from mmfsm import Desk
from mmfsm.actions import QueryOrder
from mmfsm.events import FillEvent, OrderQueried, PlaceAnswered, Tick
from mmfsm.testing import ack, book, ended, fill_of, placed, ready_desk
from mmfsm.values import InstType, OrderReport, OrderRequest, OrderResult, OrderStatus, Outcome, Side

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


def test_a_strangers_fill_that_the_exchange_names_holds_no_ticket_up() -> None:
    """The first hedge was refused, and a stranger's sale fitted it: told whose it is, the ticket goes on."""
    desk, hedge = hedge_of_unknown_outcome()
    desk.handle(PlaceAnswered(T0 + 21, hedge.client_oid, OrderResult(Outcome.BUSY, code="429")))
    second = placed(desk.handle(Tick(T0 + 400)))[0]
    ack(desk, second, T0 + 401, "s2")
    strange = fill_of(attrs.evolve(hedge, qty=D("0.005")), "zz", "tz", T0 + 402)
    desk.handle(strange)
    desk.handle(ended(second, "s2", T0 + 403, "0", OrderStatus.CANCELED))

    report = OrderReport(InstType.SPOT, "zz", OrderStatus.FILLED, D("0.005"), "somebody-elses")
    desk.handle(OrderQueried(T0 + 1_500, hedge.client_oid, OrderResult(Outcome.ACCEPTED, "zz"), report))
    sent = []
    for second_no in range(2, 8):
        sent += placed(desk.handle(OrderQueried(T0 + 1_000 * second_no, hedge.client_oid, GONE)))
        sent += placed(desk.handle(Tick(T0 + 1_000 * second_no + 5)))

    assert not desk.state.orders.early and hedge.client_oid not in desk.state.orders.open
    assert len(sent) == 1 and desk.state.ledger.delta == D("0.01")


def test_a_quote_taken_up_again_does_not_empty_the_slot_of_the_next_one() -> None:
    """A bid is refused and the next one rests; a stranger's perp fill, read without a name, fitted the first. The first
    is given up once more: the slot keeps the second, whose cancel is under way, and nothing halts."""
    desk = ready_desk()
    bid, ask = (order.request for order in list(desk.state.orders.open.values()))
    desk.handle(PlaceAnswered(T0 + 1, bid.client_oid, OrderResult(Outcome.REFUSED, code="45110")))
    ack(desk, ask, T0 + 1, "q1")
    for inst, price in ((InstType.PERP, 2500), (InstType.SPOT, 2501)):
        desk.handle(book(inst, T0 + 1_500, f"{price}.00", f"{price}.01"))
    second = desk.state.bid.client_oid
    assert second not in (None, bid.client_oid)
    desk.handle(PlaceAnswered(T0 + 1_501, second, OrderResult(Outcome.ACCEPTED, "q2")))
    fill = fill_of(bid, "zz", "tz", T0 + 1_502).fill
    desk.handle(FillEvent(T0 + 1_503, attrs.evolve(fill, client_oid=None, source="rest")))
    assert desk.state.orders.open[bid.client_oid].state == "UNKNOWN"

    report = OrderReport(InstType.PERP, "zz", OrderStatus.FILLED, D("0.01"), "somebody-elses")
    desk.handle(OrderQueried(T0 + 1_600, bid.client_oid, OrderResult(Outcome.ACCEPTED, "zz"), report))
    for second_no in range(2, 20):
        desk.handle(OrderQueried(T0 + 1_000 * second_no, bid.client_oid, GONE))

    assert bid.client_oid not in desk.state.orders.open
    assert (desk.state.bid.state, desk.state.bid.client_oid) == ("CLOSING", second)
    assert not [reason for reason in desk.state.mode.reasons if reason.startswith("impossible")]


def a_refused_hedge() -> tuple[Desk, OrderRequest]:
    """A bid is filled, and its first hedge is refused: the next would leave in a quarter of a second."""
    desk, hedge = hedge_of_unknown_outcome()
    desk.handle(PlaceAnswered(T0 + 21, hedge.client_oid, OrderResult(Outcome.BUSY, code="429")))
    return desk, hedge


@pytest.mark.parametrize("is_named", [True, False])
def test_a_ticket_sends_nothing_while_a_refused_hedge_may_have_traded(is_named: bool) -> None:
    """Told by its fill without a name, or by its end before the fill: the deadline passes, no second hedge leaves, and
    once the fill is known to be its own the ticket is done."""
    desk, hedge = a_refused_hedge()
    desk.handle(ended(hedge, "s1", T0 + 100, "0.01") if is_named else fill_of(hedge, "s1", "st1", T0 + 100))
    sent = [order for ms in range(300, 3_000, 300) for order in placed(desk.handle(Tick(T0 + ms)))]
    assert sent == []

    if is_named:
        desk.handle(fill_of(hedge, "s1", "st1", T0 + 3_000))
    else:
        report = OrderReport(InstType.SPOT, "s1", OrderStatus.FILLED, hedge.qty, hedge.client_oid)
        desk.handle(OrderQueried(T0 + 3_000, hedge.client_oid, OrderResult(Outcome.ACCEPTED, "s1"), report))
    assert desk.state.tickets == {} and desk.state.ledger.delta == D(0) and desk.state.orders.early == {}


def test_a_ticket_waits_for_an_order_taken_up_no_longer_than_for_its_alarm() -> None:
    """Nobody says whose the fill is: past the bound a person is called, and the exposure is hedged all the same."""
    desk, hedge = a_refused_hedge()
    desk.handle(fill_of(hedge, "s1", "st1", T0 + 100))
    sent = {second: placed(desk.handle(Tick(T0 + 1_000 * second))) for second in range(1, 33)}

    first = min(second for second, orders in sent.items() if orders)
    assert first == 31 and sum(len(orders) for orders in sent.values()) == 1
    assert desk.state.mode.latched, "a person knows"


def test_what_an_order_works_on_is_netted_by_nobody_though_an_older_one_fills_late() -> None:
    """0.002 of the first hedge come late, while the second is out for 0.005 of the 0.008 that remain: an ask's fill
    nets the other 0.003, and no more."""
    desk = ready_desk()
    bid, ask = (order.request for order in list(desk.state.orders.open.values()))
    ack(desk, bid, T0 + 1, "q0")
    ack(desk, ask, T0 + 1, "q1")
    first = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 10, "0.005")))[0]
    ack(desk, first, T0 + 12, "s1")
    desk.handle(ended(first, "s1", T0 + 13, "0", OrderStatus.CANCELED))
    second = placed(desk.handle(Tick(T0 + 400)))[0]
    ack(desk, second, T0 + 401, "s2")
    desk.handle(fill_of(first, "s1", "st1", T0 + 410, "0.002"))
    desk.handle(fill_of(bid, "q0", "t2", T0 + 420, "0.005"))

    desk.handle(fill_of(ask, "q1", "t3", T0 + 430))

    assert [(it.side, it.remain) for it in desk.state.tickets.values()] == [
        (Side.BUY, second.qty),
        (Side.SELL, D("0.007")),
    ]


def test_a_fill_is_looked_for_among_the_older_orders_too_when_the_newest_was_sent_after_it() -> None:
    """Two hedges were refused one after the other, and the first had traded: told late, it is no stranger's."""
    desk, first = a_refused_hedge()
    second = placed(desk.handle(Tick(T0 + 400)))[0]
    desk.handle(PlaceAnswered(T0 + 410, second.client_oid, OrderResult(Outcome.BUSY, code="429")))

    late = fill_of(first, "s1", "st1", T0 + 50)
    desk.handle(attrs.evolve(late, at_ms=T0 + 420))

    assert desk.state.orders.open[first.client_oid].state == "UNKNOWN" and len(desk.state.orders.early) == 1
    report = OrderReport(InstType.SPOT, "s1", OrderStatus.FILLED, first.qty, first.client_oid)
    desk.handle(OrderQueried(T0 + 1_200, first.client_oid, OrderResult(Outcome.ACCEPTED, "s1"), report))
    assert desk.state.tickets == {} and desk.state.ledger.delta == D(0)
