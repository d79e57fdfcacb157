"""When the next clock inside a desk falls due: a Tick at that moment acts, a Tick a millisecond earlier does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from desk_driver import PERP, SPOT, Hand, accept, level1, live_params, ready_hand
from freezegun import freeze_time

from mmfsm.actions import QueryOrder
from mmfsm.clock import now_ms
from mmfsm.desk import Desk
from mmfsm.events import OrderEvent, Tick
from mmfsm.testing import fill_of, placed
from mmfsm.values import OrderReport, OrderRequest, OrderStatus, Outcome

FILLED_AT = datetime(2026, 11, 2, 9, 30, 0, 999_000, tzinfo=UTC)


def at(ms: int) -> int:
    """Freeze the clock so many ms after the fill and read it as a runner does."""
    with freeze_time(FILLED_AT + timedelta(milliseconds=ms)):
        return now_ms()


def hedging() -> tuple[Hand, OrderRequest]:
    """A bid has filled whole; its hedge is out, both quotes are settled."""
    hand, bid, ask = ready_hand(at(0))
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", at(0))))
    hand(OrderEvent(at(0), OrderReport(PERP, "q1", OrderStatus.CANCELED, 0 * bid.qty, ask.client_oid)))
    return hand, hedge


def test_a_cold_desk_waits_for_events() -> None:
    """Nothing is due before anything was begun."""
    assert Desk(live_params(), run=1).next_due_ms is None


def test_the_deadline_of_a_ticket_is_due_and_acts_on_its_millisecond() -> None:
    """next_due_ms is the deadline; a Tick before it leaves PENDING, a Tick at it chases."""
    hand, _ = hedging()
    due = hand.desk.next_due_ms
    assert due is not None and due <= at(1_500)

    hand(Tick(at(1_499)))
    assert hand.ticket.state == "PENDING"
    hand(Tick(at(1_500)))
    assert hand.ticket.state == "CHASING"


def test_max_unhedged_acts_on_its_millisecond() -> None:
    """Chased once without a fill: a Tick at 4,999 ms keeps CHASING, the one at 5,000 sends the unwind."""
    hand, hedge = hedging()
    hand(accept(hedge, at(5), "h1"), empty(hedge, "h1", 6))
    (chase,) = placed(hand(level1(SPOT, at(1_500)), level1(PERP, at(1_500))))
    hand(accept(chase, at(1_505), "h2"))
    (last,) = placed(hand(empty(chase, "h2", 4_990)))
    hand(accept(last, at(4_993), "h3"), empty(last, "h3", 4_995))

    assert placed(hand(Tick(at(4_999)))) == [] and hand.ticket.state == "CHASING"
    (unwind,) = placed(hand(Tick(at(5_000))))
    assert (hand.ticket.state, unwind.inst, unwind.reduce_only) == ("UNWINDING", PERP, True)


def empty(request: OrderRequest, order_id: str, ms: int) -> OrderEvent:
    """The order ended without a fill."""
    report = OrderReport(request.inst, order_id, OrderStatus.CANCELED, 0 * request.qty, request.client_oid)
    return OrderEvent(at(ms), report)


def test_a_child_without_an_end_is_due_at_child_settle() -> None:
    """Acknowledged at 5 ms: asked for at 805, not at 804, and the desk names that moment."""
    hand, hedge = hedging()
    hand(accept(hedge, at(5), "h1"))
    assert hand.desk.next_due_ms is not None and hand.desk.next_due_ms <= at(805)

    assert not [a for a in hand(Tick(at(804))) if isinstance(a, QueryOrder)]
    assert QueryOrder(SPOT, hedge.client_oid, "h1") in hand(Tick(at(805)))


def test_cooldown_ends_on_its_millisecond() -> None:
    """Hedged at 10 ms: COOLDOWN until exactly cooldown_ms later, and that is what is due."""
    hand, hedge = hedging()
    hand(accept(hedge, at(10), "h1"), fill_of(hedge, "h1", "s1", at(10)))
    hand(level1(PERP, at(900)), level1(SPOT, at(900)))
    assert (hand.mode, hand.desk.next_due_ms) == ("COOLDOWN", at(1_010))

    hand(Tick(at(1_009)))
    assert hand.mode == "COOLDOWN"
    hand(Tick(at(1_010)))
    assert hand.mode == "QUOTING"


def test_a_book_is_stale_on_its_millisecond() -> None:
    """The last book came at 0: HALTED by a Tick at 3,000, not by one at 2,999; the desk names the moment."""
    hand, _, _ = ready_hand(at(0))
    assert hand.desk.next_due_ms == at(3_000)

    hand(Tick(at(2_999)))
    assert hand.mode == "QUOTING"
    hand(Tick(at(3_000)))
    assert hand.mode == "HALTED"
    assert set(hand.desk.state.mode.reasons) == {"book_stale:perp_book", "book_stale:spot_book"}


def test_what_is_due_lies_in_the_future() -> None:
    """A clock that has passed without effect waits for an event; it does not make a runner spin."""
    hand, _ = hedging()
    for ms in (0, 1, 500, 1_500, 5_000, 60_000):
        hand(Tick(at(ms)))
        due = hand.desk.next_due_ms
        assert due is None or due > at(ms)


def test_an_unanswered_request_is_due_at_its_bound() -> None:
    """Neither answered nor told of: at answer_bound_ms it is asked for at the latest."""
    hand, hedge = hedging()
    order = hand.desk.state.orders.open[hedge.client_oid]

    hand(Tick(at(5_999)))
    assert order.state == "SENT"
    hand(Tick(at(6_000)))
    assert order.state == "UNKNOWN" and order.refusal is not Outcome.REFUSED
