"""The whole desk, scenario by scenario: what is asked for, in which order, and where every exposure is afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

import attrs
import pytest
from desk_driver import (
    ACCEPTED,
    PERP,
    SPOT,
    T0,
    Hand,
    accept,
    level1,
    live_params,
    ready_hand,
    refuse,
)

from mmfsm import Desk, IllegalEvent, booking
from mmfsm.actions import (
    Action,
    Alert,
    CancelOrder,
    PlaceOrder,
    QueryAccount,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    QueryPosition,
    QueryServerTime,
    Record,
)
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    Breach,
    CancelAnswered,
    FeedDown,
    FeedName,
    FeedUp,
    FeesRead,
    FillEvent,
    FillsRead,
    FillUnparsable,
    Flatten,
    FundingEvent,
    Halt,
    OpenOrdersRead,
    OrderEvent,
    OrderQueried,
    PlaceAnswered,
    PositionEvent,
    Resume,
    ServerTimeRead,
    SettlementsRead,
    SettleOrder,
    Start,
    Stop,
    SubscribeAnswered,
    Tick,
    TradesEvent,
)
from mmfsm.testing import ended, fill_of, opening, placed
from mmfsm.values import (
    FeeRate,
    Funding,
    Leg,
    Level,
    NormalizedFill,
    OrderIntent,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    PosMode,
    Settlement,
    Side,
)

D = Decimal
T = T0 + 10
LOST = OrderResult(Outcome.UNKNOWN, code="timeout")
GONE = OrderResult(Outcome.GONE, code="40109")


def hedging(**changes: object) -> tuple[Hand, OrderRequest, OrderRequest, OrderRequest]:
    """A bid has filled whole and its hedge is out; the ask is cancelled. Returns the hand and bid, ask, hedge."""
    hand, bid, ask = ready_hand(**changes)
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T)))
    hand(ended(ask, "q1", T, "0", OrderStatus.CANCELED))
    return hand, bid, ask, hedge


def told(event: FillEvent, **changes: object) -> FillEvent:
    return attrs.evolve(event, fill=attrs.evolve(event.fill, **changes))


def gone(request: OrderRequest, order_id: str, at_ms: int, filled: str = "0") -> OrderEvent:
    return ended(request, order_id, at_ms, filled, OrderStatus.CANCELED)


def cancelled(actions: Iterable[Action]) -> set[str]:
    return {action.client_oid for action in actions if isinstance(action, CancelOrder)}


def reasons(actions: Iterable[Action], event: str) -> list[str | None]:
    return [action.reason for action in actions if isinstance(action, Record) and action.event == event]


def alerts(actions: Iterable[Action]) -> list[str]:
    return [action.reason for action in actions if isinstance(action, Alert)]


# --- a fill and its hedge ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "side", "price"), [(0, Side.SELL, "2499.74"), (1, Side.BUY, "2502.27")])
def test_a_perp_fill_is_hedged_in_its_own_call_as_the_first_action(n: int, side: Side, price: str) -> None:
    """Opposite side on spot, IOC, before the cancel of the other quote and before every record."""
    hand, *quotes = ready_hand()

    out = hand(fill_of(quotes[n], f"q{n}", "t1", T))

    assert isinstance(out[0], PlaceOrder)
    request = out[0].request
    assert (request.inst, request.side, request.qty, request.price) == (SPOT, side, D("0.01"), D(price))
    assert (request.intent, request.leg, request.tif.value) == (OrderIntent.HEDGE, Leg.SPOT_IOC, "ioc")
    assert cancelled(out) == {quotes[1 - n].client_oid} and hand.mode == "HEDGING"


def test_in_two_steps_the_hedge_is_alone_in_the_first_and_the_whole_is_the_same() -> None:
    """`urgent` returns the hedge before any record is made; with `rest` it is what `handle` returns, in its order."""
    whole, *quotes = ready_hand()
    steps, *_ = ready_hand()
    event = fill_of(quotes[0], "q0", "t1", T)

    urgent = steps.desk.urgent(event)

    assert [type(action) for action in urgent] == [PlaceOrder]
    assert steps.desk.state.ledger.perp == D("0.01") and steps.mode == "QUOTING"  # the rest is still to come
    rest = steps.desk.rest()
    assert urgent + rest == whole.desk.handle(event)
    assert [it.event for it in rest if isinstance(it, Record)] == [
        "fill",
        "ticket",
        "order_new",
        "state",
        "order_cancel",
    ]
    assert steps.desk.snapshot() == whole.desk.snapshot()


def test_accounts_that_fail_after_the_hedge_leave_no_quote_in_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put off is done to its end, whatever a part of it raises: the ticket is known, the other quote out."""
    hand, bid, ask = ready_hand()

    def broken(*_args: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(booking, "_account", broken)
    (hedge,) = placed(hand.desk.urgent(fill_of(bid, "q0", "t1", T)))
    with pytest.raises(ZeroDivisionError):
        hand.desk.rest()

    s = hand.desk.state
    assert (hand.mode, list(s.tickets), s.orders.open[ask.client_oid].state) == (
        "HEDGING", [hedge.client_oid], "CANCELLING",
    )  # fmt: skip


def test_a_step_out_of_turn_is_refused() -> None:
    """No event comes between the two, and no rest without an event; one that is refused leaves nothing open."""
    hand, bid, _ = ready_hand()
    with pytest.raises(RuntimeError, match=r"urgent\(event\) before rest"):
        hand.desk.rest()
    with pytest.raises(IllegalEvent):
        hand.desk.urgent(Tick(-1))
    hand.desk.urgent(fill_of(bid, "q0", "t1", T))
    with pytest.raises(RuntimeError, match=r"expected rest\(\) of the FillEvent before, got another event"):
        hand.desk.urgent(Tick(T))
    with pytest.raises(RuntimeError, match=r"expected rest\(\) of the FillEvent before, got snapshot"):
        hand.desk.snapshot()  # half of a turn is no state
    hand.desk.rest()
    assert hand.mode == "HEDGING"


def test_the_tickets_id_is_its_first_hedges_client_oid() -> None:
    """hedge_id names the ticket in the log and the order at the exchange."""
    hand, _, _, hedge = hedging()

    assert hand.ticket.hedge_id == hedge.client_oid


def test_hedged_it_cools_down_and_quotes_again() -> None:
    """HEDGING, COOLDOWN, QUOTING; delta zero; the pair is held."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T + 5, "h1"), fill_of(hedge, "h1", "s1", T + 6), ended(hedge, "h1", T + 6, "0.01"))
    assert (hand.mode, hand.delta, hand.desk.state.ledger.perp) == ("COOLDOWN", 0, D("0.01"))

    out = hand.beat(T + 1_006)

    assert hand.mode == "QUOTING" and {r.leg for r in placed(out)} == {Leg.PERP_BID, Leg.PERP_ASK}


def test_a_spot_fill_before_its_answer_waits_and_is_matched_by_the_answer() -> None:
    """Spot fills name no clientOid: parked, then booked with the clientOid restored in the record; one hedge only."""
    hand, _, _, hedge = hedging()
    out = hand(fill_of(hedge, "h1", "s1", T + 3))
    assert reasons(out, "fill") == [] and hand.delta == D("0.01")

    out = hand(accept(hedge, T + 5, "h1"))

    (record,) = [a for a in out if isinstance(a, Record) and a.event == "fill"]
    assert (record.client_oid, record.exch_order_id, record.simulated) == (hedge.client_oid, "h1", False)
    assert hand.delta == 0 and not hand.desk.state.tickets and not placed(out)


@pytest.mark.parametrize("names", ["stream", "query"])
def test_a_spot_fill_before_a_lost_answer_is_matched_by_whatever_names_its_order(names: str) -> None:
    """The answer timed out; the orders stream or a query tells the orderId: the waiting fill is booked, once."""
    hand, _, _, hedge = hedging()
    hand(fill_of(hedge, "h1", "s1", T + 3), PlaceAnswered(T + 5, hedge.client_oid, LOST))
    report = OrderReport(SPOT, "h1", OrderStatus.FILLED, D("0.01"), hedge.client_oid)

    hand(OrderEvent(T + 9, report) if names == "stream" else OrderQueried(T + 9, hedge.client_oid, ACCEPTED, report))

    assert hand.delta == 0 and not hand.desk.state.tickets and not hand.desk.state.orders.early


def test_a_waiting_fill_told_again_with_its_client_oid_is_booked_at_once() -> None:
    """REST told of it without a name, before the answer; the push names it: hedged then, and not twice."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, _ = placed(hand(*opening(T0, params)))
    push = fill_of(bid, "q0", "t1", T)
    hand(told(push, client_oid=None, source="rest"))

    assert [r.intent for r in placed(hand(push))] == [OrderIntent.HEDGE]
    hand(accept(bid, T + 1, "q0"))
    assert hand.desk.state.ledger.perp == D("0.01")


@pytest.mark.parametrize("order", [("ws", "rest"), ("rest", "ws"), ("ws", "ws"), ("rest", "rest")])
def test_a_fill_told_twice_is_hedged_once(order: tuple[str, str]) -> None:
    """Whoever tells it, and in which order: the second is a duplicate, a minute later too."""
    hand, bid, _ = ready_hand()
    fill = fill_of(bid, "q0", "t1", T)
    hand(told(fill, source=order[0], client_oid=None if order[0] == "rest" else bid.client_oid))

    out = hand(attrs.evolve(told(fill, source=order[1]), at_ms=T + 500))

    assert not placed(out) and hand.desk.state.ledger.perp == D("0.01")


def test_fills_without_a_trade_id_are_told_apart_by_order_time_price_and_quantity() -> None:
    """The same five are one fill; another price is another fill."""
    hand, bid, _ = ready_hand(quote_size=D("0.03"))
    fill = told(fill_of(bid, "q0", "", T, "0.01"), trade_id=None)
    hand(fill, told(fill, source="rest"))
    assert hand.desk.state.ledger.perp == D("0.01")

    hand(told(fill, price=fill.fill.price - 1))
    assert hand.desk.state.ledger.perp == D("0.02")


def test_two_trades_alike_but_for_their_id_are_two() -> None:
    """Same order, millisecond, price and quantity, two trade ids: both are booked."""
    hand, bid, _ = ready_hand(quote_size=D("0.03"))

    hand(fill_of(bid, "q0", "t1", T, "0.01"), fill_of(bid, "q0", "t2", T, "0.01"))

    assert hand.desk.state.ledger.perp == D("0.02")


@pytest.mark.parametrize("first", ["with", "without"])
def test_one_trade_told_with_and_without_its_id_is_booked_once(first: str) -> None:
    """A telling without the id is recognised beside the one with it, in either order."""
    hand, bid, _ = ready_hand()
    named = fill_of(bid, "q0", "t1", T)
    bare = told(named, trade_id=None, source="rest")

    hand(*((named, bare) if first == "with" else (bare, named)))

    assert hand.desk.state.ledger.perp == D("0.01") and hand.mode == "HEDGING"


def test_partial_quote_fills_join_the_ticket_while_its_order_is_out() -> None:
    """Three fills, one hedge out; when it settles, one order for the rest."""
    hand, bid, _ = ready_hand(quote_size=D("0.03"))
    (first,) = placed(hand(fill_of(bid, "q0", "t1", T, "0.01")))

    assert not placed(hand(fill_of(bid, "q0", "t2", T + 1, "0.01"), fill_of(bid, "q0", "t3", T + 2, "0.01")))
    assert (hand.ticket.want, first.qty) == (D("0.03"), D("0.01"))
    hand(accept(first, T + 5, "h1"), fill_of(first, "h1", "s1", T + 6), ended(first, "h1", T + 6, "0.01"))
    (rest,) = placed(hand(Tick(T + 210)))
    assert rest.qty == D("0.02")


def test_an_opposite_fill_nets_what_has_not_been_sent() -> None:
    """0.02 bought with 0.01 sent; 0.01 sold meanwhile: nothing more is sent, and delta is what is out."""
    hand, bid, ask = ready_hand(quote_size=D("0.02"))
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T, "0.01")))
    hand(fill_of(bid, "q0", "t2", T + 1, "0.01"))

    assert not placed(hand(fill_of(ask, "q1", "t3", T + 2, "0.01")))
    assert hand.ticket.netted == D("0.01")
    hand(accept(hedge, T + 3, "h1"), fill_of(hedge, "h1", "s1", T + 4), ended(hedge, "h1", T + 4, "0.01"))
    assert hand.delta == 0 and not hand.desk.state.tickets


def test_an_opposite_fill_against_an_order_that_is_out_gets_its_own_ticket() -> None:
    """What is sent cannot be netted: a second ticket, the other way, at once."""
    hand, _, ask, hedge = hedging_with_ask_open()

    (back,) = placed(hand(fill_of(ask, "q1", "t2", T + 1)))

    assert (back.side, back.qty) == (hedge.side.opposite, D("0.01"))
    assert len(hand.desk.state.tickets) == 2 and hand.delta == 0


def hedging_with_ask_open() -> tuple[Hand, OrderRequest, OrderRequest, OrderRequest]:
    hand, bid, ask = ready_hand()
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T)))
    return hand, bid, ask, hedge


@pytest.mark.parametrize("answer", ["cancel_ok", "cancel_gone", "none"])
def test_a_fill_that_races_its_cancel_is_hedged(answer: str) -> None:
    """The quote fills while its cancel is under way, accepted or found gone: booked and hedged in its own call."""
    hand, bid, _ = ready_hand()
    assert bid.client_oid in cancelled(hand(Halt(T)))
    if answer != "none":
        result = ACCEPTED if answer == "cancel_ok" else OrderResult(Outcome.GONE, code="43001")
        out = hand(CancelAnswered(T + 5, bid.client_oid, result))
        assert [a for a in out if isinstance(a, QueryOrder)] == (
            [] if answer == "cancel_ok" else [QueryOrder(PERP, bid.client_oid, "q0")]
        )

    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T + 9)))

    assert hedge.qty == D("0.01") and hand.mode == "HALTED"


def test_a_fill_after_the_order_was_called_cancelled_is_hedged() -> None:
    """Out of order: the end said 0 filled, the fill comes later: booked and hedged all the same."""
    hand, bid, _ = ready_hand()
    hand(Halt(T), gone(bid, "q0", T + 5))
    assert bid.client_oid in hand.desk.state.orders.settled

    assert len(placed(hand(fill_of(bid, "q0", "t1", T + 9)))) == 1


def test_what_is_worth_the_minimum_at_the_touch_but_not_at_the_limit_is_dust() -> None:
    """0.0004 at 2501 is worth 1.0004 USDT; the exchange judges a sale at its limit and would refuse each, at any slip.
    No order leaves, now or at later books, and nothing halts."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T, "h1"), fill_of(hedge, "h1", "s1", T + 1, "0.0096"))
    sent = placed(hand(gone(hedge, "h1", T + 2, "0.0096")))
    for second in range(1, 30):
        sent += placed(hand.beat(T + 1_000 * second))

    assert [order for order in sent if order.inst is SPOT] == []
    assert hand.desk.state.dust == D("0.0004") and not hand.desk.state.mode.reasons


def test_a_base_coin_fee_is_dust_that_joins_the_next_ticket() -> None:
    """0.01 bought less 0.00001: carried as −0.00001 with its sign; the next sold fill hedges 0.01001."""
    hand, bid, ask = ready_hand()
    (hedge,) = placed(hand(fill_of(ask, "q1", "t1", T)))
    hand(gone(bid, "q0", T + 1), accept(hedge, T + 2, "h1"))
    hand(fill_of(hedge, "h1", "s1", T + 3, fee="0.00001"))
    assert (hand.delta, hand.desk.state.dust) == (D("-0.00001"), D("-0.00001"))

    out = hand.beat(T + 1_100)
    (ask2,) = [r for r in placed(out) if r.side is Side.SELL]
    hand(accept(ask2, T + 1_101, "q9"), fill_of(ask2, "q9", "t9", T + 1_102))
    assert hand.ticket.want == D("0.01001") and hand.desk.state.dust == 0


# --- what became of an order ------------------------------------------------------------------------------------------


def test_a_hedge_of_unknown_outcome_is_asked_for_and_not_sent_again() -> None:
    """A timeout: QueryOrder at once by clientOid; found filled, its fill is fetched, and nothing was doubled."""
    hand, _, _, hedge = hedging()
    out = hand(PlaceAnswered(T + 5, hedge.client_oid, LOST))
    assert QueryOrder(SPOT, hedge.client_oid, None) in out and not placed(out)

    report = OrderReport(SPOT, "h1", OrderStatus.FILLED, D("0.01"), hedge.client_oid)
    hand(OrderQueried(T + 30, hedge.client_oid, ACCEPTED, report))
    out = hand(Tick(T + 730))
    assert [a for a in out if isinstance(a, QueryFills) and a.order_id == "h1"]
    hand(told(fill_of(hedge, "h1", "s1", T + 740), source="rest"), FillsRead(T + 741, SPOT, "h1", ACCEPTED, 1))
    assert hand.delta == 0 and len([r for r in placed(hand.log) if r.intent is OrderIntent.HEDGE]) == 1


def test_a_hedge_not_found_twice_and_late_is_given_up_and_followed_by_another() -> None:
    """Said twice, the second time past not_found_ms: only then does the next hedge leave."""
    hand, _, _, hedge = hedging()
    hand(PlaceAnswered(T + 5, hedge.client_oid, LOST), OrderQueried(T + 20, hedge.client_oid, GONE))
    assert not placed(hand.beat(T + 2_000)) and not placed(hand(OrderQueried(T + 2_010, hedge.client_oid, GONE)))

    (second,) = placed(hand(OrderQueried(T + 5_010, hedge.client_oid, GONE)))

    assert second.client_oid != hedge.client_oid and second.qty == D("0.01")


def test_an_order_unknown_past_its_bound_is_a_persons_matter() -> None:
    """HALTED, latched, alerted; the quantity stays reserved and nothing is sent in its place."""
    hand, _, _, hedge = hedging()
    hand(PlaceAnswered(T + 5, hedge.client_oid, LOST))
    reason = f"unknown_order:{hedge.client_oid}"
    for second in range(1, 32):
        hand.beat(T + 5 + 1_000 * second)

    assert hand.desk.state.mode.reasons[reason] and reason in alerts(hand.log)
    assert hand.desk.state.orders.open[hedge.client_oid].left == D("0.01")
    assert len([r for r in placed(hand.log) if r.intent is OrderIntent.HEDGE]) == 1


def test_an_acknowledged_ioc_without_an_end_is_asked_for_and_past_its_bound_latched() -> None:
    """Nobody can say what became of it: asked for every query period, then HALTED with an alert."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T + 5, "h1"))
    for second in range(1, 35):
        for action in hand.beat(T + 1_000 * second):
            if isinstance(action, QueryOrder):
                hand(OrderQueried(T + 1_000 * second, action.client_oid, LOST))

    assert f"unknown_order:{hedge.client_oid}" in alerts(hand.log) and hand.mode == "HALTED"


def test_an_order_given_up_and_shown_open_after_all_is_cancelled() -> None:
    """A quote never found, then in the book: it is taken out, whoever shows it."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, ask = placed(hand(*opening(T0, params)))
    hand(accept(ask, T, "q1"), PlaceAnswered(T, bid.client_oid, LOST), OrderQueried(T + 9, bid.client_oid, GONE))
    hand(OrderQueried(T + 5_100, bid.client_oid, GONE))
    assert hand.desk.state.orders.settled[bid.client_oid].end == "never_arrived"

    out = hand(OrderEvent(T + 5_200, OrderReport(PERP, "q0", OrderStatus.LIVE, D(0), bid.client_oid)))

    assert bid.client_oid in cancelled(out)


@pytest.mark.parametrize("shown", ["stream", "reading"])
def test_an_order_settled_by_hand_and_shown_open_after_all_is_cancelled(shown: str) -> None:
    """A person said that it was gone, and the exchange shows it resting: no quote is left in the book."""
    hand, bid = settled_by_hand()
    at = hand.desk.state.now_ms + 1
    report = OrderReport(PERP, "q0", OrderStatus.LIVE, D(0), bid.client_oid)

    out = hand(OrderEvent(at, report) if shown == "stream" else OpenOrdersRead(at, PERP, (report,)))

    assert bid.client_oid in cancelled(out)


def test_a_fill_of_an_order_settled_by_hand_is_hedged_once_it_is_named() -> None:
    """A person said that it was gone, and it had traded: told without its name, its order is asked for, then hedged."""
    hand, bid = settled_by_hand()
    at = hand.desk.state.now_ms + 1
    hand(told(fill_of(bid, "q0", "t1", at), client_oid=None, source="rest"))
    report = OrderReport(PERP, "q0", OrderStatus.FILLED, bid.qty, bid.client_oid)

    (hedge,) = placed(hand(OrderQueried(at + 1, bid.client_oid, OrderResult(Outcome.ACCEPTED, "q0"), report)))

    assert (hedge.side, hedge.qty, hand.delta) == (Side.SELL, bid.qty, bid.qty)


def settled_by_hand() -> tuple[Hand, OrderRequest]:
    """The answer to a bid is lost, nobody can say what became of it, and a person settles it."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, ask = placed(hand(*opening(T0, params)))
    hand(accept(ask, T, "q1"), PlaceAnswered(T, bid.client_oid, LOST), gone(ask, "q1", T + 1))
    for second in range(1, 80):
        hand.beat(T + 1_000 * second)
    hand(SettleOrder(T + 80_000, bid.client_oid))
    assert hand.desk.state.orders.settled[bid.client_oid].end == "settled_by_hand"
    return hand, bid


def test_an_answer_without_an_order_id_loses_no_fill() -> None:
    """A reduce-only order may be accepted without an id; its fill by REST names nothing: it is booked once, later."""
    hand, _, _, hedge = hedging()
    (unwind,) = placed(hand(refuse(hedge, T + 5, Outcome.REFUSED_LEG, "43012")))
    hand(accept(unwind, T + 9, None))
    fill = fill_of(unwind, "u1", "ut1", T + 10)

    hand(told(fill, client_oid=None, source="rest"), fill)

    assert (hand.desk.state.ledger.perp, hand.delta) == (0, 0)


def test_a_hedge_that_is_refused_for_rate_is_tried_again_and_calls_nobody() -> None:
    """Ten 429s in a row: each is tried again at the ticket's pace, and no streak is counted."""
    hand, _, _, hedge = hedging()
    request, now = hedge, T
    for _ in range(10):
        hand(refuse(request, now + 5, Outcome.BUSY, "429"))
        now += 300
        (request,) = placed(hand.beat(now))

    assert hand.mode == "HEDGING" and hand.desk.state.reject_streak == 0


def test_refusals_in_a_row_halt() -> None:
    """Five refusals without an accepted order between: HALTED, latched, reject_streak. Hedging goes on."""
    hand, _, _, hedge = hedging()
    request, now = hedge, T
    for n in range(5):
        assert hand.mode == "HEDGING", n
        hand(refuse(request, now + 5, Outcome.REFUSED, "43008"))
        now += 1_000
        (request,) = placed(hand.beat(now))

    assert hand.desk.state.mode.reasons == {"reject_streak": True} and "reject_streak" in alerts(hand.log)
    assert len(hand.desk.state.tickets) == 1


def test_an_accepted_order_ends_a_streak() -> None:
    """Four refusals, one acceptance, four refusals: no halt."""
    hand, _, _, hedge = hedging()
    request, now = hedge, T
    for n in range(9):
        if n == 4:
            hand(accept(request, now + 5, f"h{n}"), gone(request, f"h{n}", now + 6))
        else:
            hand(refuse(request, now + 5, Outcome.REFUSED, "43008"))
        now += 300
        (request,) = placed(hand.beat(now))

    assert hand.mode == "HEDGING"


def test_40774_is_fatal_and_both_modes_are_recorded() -> None:
    """HALTED, latched; the account is read, and the record says what it is and what it should be."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, _ = placed(hand(*opening(T0, params)))

    out = hand(refuse(bid, T, Outcome.FATAL, "40774"))
    assert hand.desk.state.mode.reasons == {"refused_for_good:40774": True} and QueryAccount() in out
    out = hand(AccountRead(T + 5, PosMode.HEDGE, "isolated"))

    (record,) = [a for a in out if isinstance(a, Record) and a.event == "account"]
    assert record.data is not None and record.data["posMode"] == "hedge_mode"
    assert "position_mode" in hand.desk.state.mode.reasons and hand.mode == "HALTED"


def test_a_quote_that_is_not_post_only_is_cancelled_and_halts() -> None:
    """The stream shows it as gtc: both quotes out, HALTED, latched, tif_not_honoured."""
    hand, bid, ask = ready_hand()

    out = hand(OrderEvent(T, OrderReport(PERP, "q0", OrderStatus.LIVE, D(0), bid.client_oid, tif="gtc")))

    assert cancelled(out) == {bid.client_oid, ask.client_oid}
    assert hand.desk.state.mode.reasons == {"tif_not_honoured": True}


def test_a_post_only_quote_cancelled_by_the_engine_is_placed_anew() -> None:
    """post_only_fill_cancel is a benign end: no refusal, no halt, a new quote after the pace."""
    hand, bid, _ = ready_hand()
    report = OrderReport(PERP, "q0", OrderStatus.CANCELED, D(0), bid.client_oid, cancel_reason="post_only_fill_cancel")

    out = hand(OrderEvent(T, report)) + hand.beat(T + 600)

    assert [r.leg for r in placed(out)] == [Leg.PERP_BID] and hand.mode == "QUOTING"


# --- unwinding --------------------------------------------------------------------------------------------------------


def test_43012_on_the_hedge_unwinds_in_the_same_call_and_cools_down_longer() -> None:
    """Insufficient balance is final: the perp fill is reversed reduce-only at once."""
    hand, _, _, hedge = hedging()

    (unwind,) = placed(hand(refuse(hedge, T + 5, Outcome.REFUSED_LEG, "43012")))

    assert (unwind.inst, unwind.side, unwind.qty, unwind.reduce_only) == (PERP, Side.SELL, D("0.01"), True)
    hand(accept(unwind, T + 6, "u1"), fill_of(unwind, "u1", "ut", T + 7), ended(unwind, "u1", T + 7, "0.01"))
    assert (hand.mode, hand.delta, hand.desk.state.ledger.perp) == ("COOLDOWN", 0, 0)
    assert hand.desk.state.mode.cool_until_ms == T + 7 + 15_000


def test_the_pair_is_not_touched_by_an_unwind_that_undoes_a_reduction() -> None:
    """Short 0.05 held against spot; a bid fills 0.01, spot refuses: a plain sale of 0.01, back to short 0.05."""
    params = live_params(adopt_position=True)
    hand = Hand(Desk(params, run=1))
    for event in opening(T0, params):
        hand(attrs.evolve(event, qty=D("-0.05")) if isinstance(event, PositionEvent) else event)
    bid = next(r for r in placed(hand.log) if r.side is Side.BUY)
    hand(accept(bid, T, "q0"))
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T)))

    (unwind,) = placed(hand(refuse(hedge, T + 5, Outcome.REFUSED_LEG, "43012")))

    assert (unwind.side, unwind.qty, unwind.reduce_only) == (Side.SELL, D("0.01"), False)
    hand(accept(unwind, T + 6, "u1"), fill_of(unwind, "u1", "ut", T + 7), ended(unwind, "u1", T + 7, "0.01"))
    assert (hand.desk.state.ledger.perp, hand.delta) == (D("-0.05"), 0)


def test_22002_is_no_refusal_the_position_is_read_and_the_rest_goes_to_spot() -> None:
    """Nothing to reduce: an answer, no proof. No streak; QueryPosition; spot is tried for all of it."""
    hand, _, _, _ = hedging()
    for ms in (1_600, 5_100):
        hedge = next(iter(o for o in hand.desk.state.orders.open.values() if o.owner == hand.ticket.hedge_id)).request
        hand(accept(hedge, T + ms - 50, f"h{ms}"), gone(hedge, f"h{ms}", T + ms - 40))
        hand.beat(T + ms)
    child = next(o for o in hand.desk.state.orders.open.values() if o.owner == hand.ticket.hedge_id).request
    while child.inst is SPOT:
        now = hand.desk.state.now_ms + 300
        hand(accept(child, now, f"c{now}"), gone(child, f"c{now}", now))
        hand.beat(now + 300)
        child = next(o for o in hand.desk.state.orders.open.values() if o.owner == hand.ticket.hedge_id).request
    now = hand.desk.state.now_ms
    streak = hand.desk.state.reject_streak

    out = hand(refuse(child, now + 5, Outcome.FLAT, "22002"))

    assert QueryPosition() in out and hand.desk.state.reject_streak == streak
    (rest,) = placed(hand.beat(now + 1_000))
    assert (rest.inst, rest.leg, rest.qty) == (SPOT, Leg.SPOT_UNWIND, D("0.01"))


def test_a_breach_of_the_notional_limit_chases_at_once() -> None:
    """25 USDT open against a limit of 20: recorded, and the ticket is CHASING in the fill's own call."""
    hand, bid, _ = ready_hand(max_unhedged_notional=D(20))

    out = hand(fill_of(bid, "q0", "t1", T))

    assert "unhedged_exposure" in reasons(out, "risk") and hand.ticket.state == "CHASING"


@pytest.mark.parametrize("halt", ["operator", "feed", "breach"])
def test_halted_goes_on_hedging_and_unwinding(halt: str) -> None:
    """New risk stops, the ticket does not: the next hedge leaves in HALTED, and the unwind after it."""
    hand, _, _, hedge = hedging()
    hand(
        Halt(T + 1)
        if halt == "operator"
        else Breach(T + 1, "task ended")
        if halt == "breach"
        else FeedDown(T + 1, FeedName.PRIVATE, "cut")
    )
    assert hand.mode == "HALTED"
    hand(accept(hedge, T + 5, "h1"), gone(hedge, "h1", T + 6))

    (second,) = placed(hand.beat(T + 300))
    (unwind,) = placed(hand(refuse(second, T + 310, Outcome.REFUSED_LEG, "43012")))

    assert second.inst is SPOT and unwind.inst is PERP and hand.mode == "HALTED"


# --- feeds, readings, drift -------------------------------------------------------------------------------------------


def test_a_cut_pulls_both_quotes_and_halts_until_everything_is_fresh_and_read_back() -> None:
    """HALTED in the cut's own call; not left with the first data, only with funding and the readings after it."""
    hand, bid, ask = ready_hand()
    out = hand(FeedDown(T, FeedName.PERP_BOOK, "reset"))
    assert cancelled(out) == {bid.client_oid, ask.client_oid} and hand.mode == "HALTED"

    hand(gone(bid, "q0", T + 5), gone(ask, "q1", T + 5))
    hand(FeedUp(T + 500, FeedName.PERP_BOOK), level1(PERP, T + 600))
    assert "recovering" in hand.desk.state.mode.reasons and hand.mode == "HALTED"
    out = hand.beat(T + 1_000)
    assert [a for a in out if isinstance(a, QueryOpenOrders)] and not placed(out)
    out = hand.answer_reads(out, T + 1_100)

    assert hand.desk.state.mode.reasons == {} and not hand.desk.state.orders.early
    assert hand.mode == "QUOTING" and {r.leg for r in placed(out)} == {Leg.PERP_BID, Leg.PERP_ASK}


def test_after_a_cut_the_answers_may_come_in_any_order_and_funding_may_be_the_last() -> None:
    """The readings are whole before funding is told: the halt ends with the next tick, not with the next reading."""
    hand, bid, ask = ready_hand()
    hand(FeedDown(T, FeedName.PERP_BOOK, "reset"), gone(bid, "q0", T + 5), gone(ask, "q1", T + 5))
    hand(FeedUp(T + 500, FeedName.PERP_BOOK), level1(PERP, T + 600), level1(SPOT, T + 600))
    hand.answer_reads(hand(PositionEvent(T + 900, D(0), T + 900), Tick(T + 1_000)), T + 1_100)
    assert set(hand.desk.state.mode.reasons) == {"recovering"}

    hand(FundingEvent(T + 1_200, Funding(D("0.0001"))))
    out = hand(Tick(T + 2_000))

    assert hand.desk.state.mode.reasons == {} and not [a for a in out if isinstance(a, QueryOpenOrders)]
    assert hand.mode == "QUOTING" and {r.leg for r in placed(out)} == {Leg.PERP_BID, Leg.PERP_ASK}


def test_a_private_stream_that_was_stale_and_cut_is_read_back_too() -> None:
    """Silent, then cut, then back: what it did not tell is read before quoting."""
    hand, bid, ask = ready_hand(private_silent_ms=1_000)
    hand(level1(PERP, T + 1_000), level1(SPOT, T + 1_000), Tick(T + 1_000))
    assert hand.mode == "HALTED"
    hand(gone(bid, "q0", T + 1_001), gone(ask, "q1", T + 1_001))

    hand(FeedDown(T + 1_100, FeedName.PRIVATE, "x"), FeedUp(T + 1_200, FeedName.PRIVATE))
    hand(SubscribeAnswered(T + 1_201, FeedName.PRIVATE, "private", True), PositionEvent(T + 1_202, D(0), T + 1_202))

    assert hand.mode == "HALTED" and "recovering" in hand.desk.state.mode.reasons


def test_a_lost_fill_found_by_the_reading_is_hedged_once() -> None:
    """The stream never told; REST does, twice: booked and hedged once."""
    hand, bid, _ = ready_hand()
    now = T + 30_000
    for second in range(1, 31):
        out = hand.beat(T0 + 1_000 * second)
    assert [a for a in out if isinstance(a, QueryFills)]
    fill = attrs.evolve(told(fill_of(bid, "q0", "t1", T), source="rest", client_oid=None), at_ms=now)

    (hedge,) = placed(hand(fill))
    out = hand(fill, FillsRead(now + 1, PERP, None, ACCEPTED, 1))

    assert hedge.qty == D("0.01") and not placed(out) and hand.desk.state.ledger.perp == D("0.01")


def test_an_order_believed_open_and_not_shown_is_asked_for_and_its_fill_fetched() -> None:
    """The end was lost on the stream: the reading misses it, the query tells, the fills are read."""
    hand, bid, _ = ready_hand()
    for second in range(1, 31):
        out = hand.beat(T0 + 1_000 * second)
    assert [a for a in out if isinstance(a, QueryOpenOrders)]

    out = hand(OpenOrdersRead(T0 + 30_100, PERP, (OrderReport(PERP, "q1", OrderStatus.LIVE, D(0), "x"),)))
    assert QueryOrder(PERP, bid.client_oid, "q0") in out
    report = OrderReport(PERP, "q0", OrderStatus.FILLED, D("0.01"), bid.client_oid)
    hand(OrderQueried(T0 + 30_200, bid.client_oid, ACCEPTED, report))
    assert hand.mode != "QUOTING", "what it filled is not yet known"
    out = hand.beat(T0 + 31_000)
    assert [a for a in out if isinstance(a, QueryFills) and a.order_id == "q0"]


def test_a_partial_fill_shown_by_the_stream_whose_fill_is_lost_is_asked_for() -> None:
    """The order's own cumulative figure is the second check."""
    hand, bid, _ = ready_hand(quote_size=D("0.02"))
    hand(OrderEvent(T, OrderReport(PERP, "q0", OrderStatus.PARTIAL, D("0.01"), bid.client_oid)))

    out = hand.beat(T + 1_000)

    assert [a for a in out if isinstance(a, QueryFills) and a.order_id == "q0"]


def test_more_than_the_order_is_never_booked() -> None:
    """A fill beyond the order's own quantity is no trade of ours: nothing moves, HALTED, latched."""
    hand, bid, _ = ready_hand()
    hand(fill_of(bid, "q0", "t1", T))

    out = hand(fill_of(bid, "q0", "t2", T + 1))

    assert hand.desk.state.ledger.perp == D("0.01") and not placed(out)
    assert hand.desk.state.mode.latched and "fill_over_order" in alerts(out)


def test_drift_needs_two_quiet_readings_that_agree() -> None:
    """Once is recorded and read again; the same figure again, later, is drift: HALTED, latched, both figures told."""
    hand, _, _ = ready_hand()
    hand.beat(T + 4_000)
    out = hand(PositionEvent(T + 4_000, D("0.02"), T + 4_000, "rest"))
    assert reasons(out, "risk") == ["drift_seen"] and hand.mode == "QUOTING"
    hand.beat(T + 8_000)

    out = hand(PositionEvent(T + 8_000, D("0.02"), T + 8_000, "rest"))

    assert hand.desk.state.mode.reasons == {"drift": True}
    detail = next(a.text for a in out if isinstance(a, Alert))
    assert "ledger 0" in detail and "exchange 0.02" in detail


def test_a_wrong_push_that_repeats_itself_is_no_drift() -> None:
    """Flat, says the stream, again and again: each asks for a reading every three seconds, and only that decides."""
    hand, bid, ask = ready_hand()
    hand(fill_of(bid, "q0", "t1", T + 1))
    (hedge,) = [order.request for order in hand.desk.state.orders.open.values() if order.request.inst is SPOT]
    hand(gone(ask, "q1", T + 2), accept(hedge, T + 2, "h1"), fill_of(hedge, "h1", "s1", T + 3))
    said: list[Action] = []
    for second in range(4, 40):
        at_ms = T + 1_000 * second
        out = hand.beat(at_ms)
        hand(*(accept(request, at_ms, request.client_oid) for request in placed(out)))
        said += [*out, *hand(PositionEvent(at_ms, D(0), at_ms))]

    assert "drift_seen" in reasons(said, "risk") and "drift" not in hand.desk.state.mode.reasons
    assert 8 <= sum(isinstance(action, QueryPosition) for action in said) <= 14

    hand(PositionEvent(T + 40_000, D(0), T + 40_000, "rest"))
    assert hand.desk.state.mode.reasons == {"drift": True}


def test_position_pushes_ahead_of_their_fills_are_no_drift() -> None:
    """Two races a few seconds apart: each time the fill explains what the push said."""
    hand, bid, ask = ready_hand()
    hand.beat(T + 4_000)
    hand(PositionEvent(T + 4_000, D("0.01"), T + 4_000))
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T + 4_005)))
    hand(gone(ask, "q1", T + 4_006), accept(hedge, T + 4_007, "h1"), fill_of(hedge, "h1", "s1", T + 4_008))
    quotes = [r for n in range(5, 10) for r in placed(hand.beat(T + 1_000 * n))]
    bid2 = next(r for r in quotes if r.side is Side.BUY)
    hand(accept(bid2, T + 9_000, "q8"), accept(next(r for r in quotes if r.side is Side.SELL), T + 9_000, "q9"))
    hand.beat(T + 11_000)

    hand(PositionEvent(T + 11_000, D("0.02"), T + 11_000), fill_of(bid2, "q8", "t2", T + 11_005))

    assert "drift" not in hand.desk.state.mode.reasons and not hand.desk.state.mode.latched


@pytest.mark.parametrize("why", ["ticket", "order", "just_filled", "older_report"])
def test_drift_is_not_judged_while_something_moves(why: str) -> None:
    """With a ticket, an unsettled order, a fill just booked, or a report older than the last fill: nothing is said."""
    hand, bid, ask, hedge = hedging()
    at, exch = T + 20, T + 20
    if why != "ticket":
        hand(accept(hedge, T + 1, "h1"), fill_of(hedge, "h1", "s1", T + 2), ended(hedge, "h1", T + 2, "0.01"))
    if why in ("order", "older_report"):
        for second in range(1, 5):
            out = hand.beat(T + 1_000 * second)
            for request in placed(out):
                if why == "older_report":
                    hand(accept(request, T + 1_000 * second, request.client_oid))
        at, exch = T + 4_500, T + 4_500 if why == "order" else T - 1

    out = [*hand(PositionEvent(at, D("0.07"), exch)), *hand(PositionEvent(at + 2_900, D("0.07"), exch))]

    assert "drift_seen" not in reasons(out, "risk")
    assert bid.side is not ask.side


def test_an_unparsable_fill_is_never_zero_it_is_asked_for_until_it_is_read() -> None:
    """Quotes stop with the raw keys on record; the order's fills are read, again if the reading is lost."""
    hand, bid, ask = ready_hand()
    out = hand(FillUnparsable(T, PERP, "q0", ("size", "px")))
    assert "fill_unparsable" in reasons(out, "risk") and cancelled(out) == {bid.client_oid, ask.client_oid}
    assert [a for a in out if isinstance(a, QueryFills) and a.order_id == "q0"]
    assert hand.desk.state.ledger.perp == 0

    hand(gone(ask, "q1", T + 1), FillsRead(T + 5, PERP, "q0", LOST))
    out = hand.beat(T + 1_000)
    assert [a for a in out if isinstance(a, QueryFills) and a.order_id == "q0"] and hand.mode == "IDLE"
    (hedge,) = placed(hand(told(fill_of(bid, "q0", "t1", T + 1_100), source="rest")))
    assert hedge.qty == D("0.01")


def test_a_strangers_fill_is_reported_and_not_hedged() -> None:
    """Another hand on the same account is not ours to hedge."""
    hand, _, _ = ready_hand()
    fill = NormalizedFill(PERP, "zz", Side.BUY, D(2500), D("0.5"), T, "tz", "web-77")

    out = hand(FillEvent(T, fill))

    assert reasons(out, "risk") == ["foreign_fill"] and not placed(out) and hand.delta == 0


def test_a_fill_with_another_name_is_not_kept_for_an_order_that_was_refused() -> None:
    """It would have fitted a refused bid: it carries its own order's name, so nothing of ours is taken up again."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, ask = placed(hand(*opening(T, params)))
    hand(refuse(bid, T), accept(ask, T, "q1"))

    out = hand(FillEvent(T + 1, NormalizedFill(PERP, "zz", Side.BUY, D(2500), D("0.01"), T + 1, "tz", "web-77")))

    assert reasons(out, "risk") == ["foreign_fill"] and bid.client_oid not in hand.desk.state.orders.open


def test_a_forced_fill_is_hedged_like_any_other() -> None:
    """Liquidation and ADL fills are fills, whoever's order they carry."""
    hand, _, _ = ready_hand()
    fill = NormalizedFill(PERP, "liq", Side.BUY, D(2500), D("0.02"), T, "tl", forced=True)

    (hedge,) = placed(hand(FillEvent(T, fill)))

    assert (hedge.side, hedge.qty, hand.delta) == (Side.SELL, D("0.02"), D("0.02"))


@pytest.mark.parametrize("answer", ["none", "refused"])
def test_a_forced_fill_waits_for_no_order_of_ours(answer: str) -> None:
    """A bid that is not answered yet, or was refused, might have filled so much on that side: it is hedged at once."""
    params = live_params()
    hand = Hand(Desk(params, run=1))
    bid, _ = placed(hand(*opening(T, params)))
    if answer == "refused":
        hand(refuse(bid, T, Outcome.REFUSED_LEG, "40762"))
    fill = NormalizedFill(PERP, "liq", Side.BUY, D(2500), D("0.01"), T + 1, "tl", forced=True)

    (hedge,) = placed(hand(FillEvent(T + 1, fill)))

    assert (hedge.side, hedge.qty, hand.delta) == (Side.SELL, D("0.01"), D("0.01"))


def test_a_forced_fill_from_before_the_start_is_not_booked_on_top_of_the_position_that_was_read() -> None:
    """The first reading reaches a minute back: a liquidation in it has made the position the books were opened with."""
    hand, _, _ = ready_hand()
    fill = NormalizedFill(PERP, "liq", Side.BUY, D(2500), D("0.02"), T - 30_000, "tl", forced=True, source="rest")

    assert not placed(hand(FillEvent(T + 1, fill))) and hand.delta == 0


# --- funding, flatten, stop, the clock --------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "why"), [("0.000009", "funding_small"), ("-0.0001", "funding_direction")])
def test_funding_too_small_or_of_the_wrong_sign_pulls_the_quotes(rate: str, why: str) -> None:
    """IDLE in the call that told the rate; back when it is right again."""
    hand, bid, ask = ready_hand(funding_direction="short")

    out = hand(FundingEvent(T, Funding(D(rate))))

    assert cancelled(out) == {bid.client_oid, ask.client_oid}
    assert (hand.mode, hand.desk.state.why_not) == ("IDLE", why)
    hand(gone(bid, "q0", T + 1), gone(ask, "q1", T + 1))
    assert len(placed(hand.beat(T + 1_000))) == 2


def test_flatten_closes_the_pair_and_stays_closed_until_a_person_resumes() -> None:
    """Quotes out, the perp closed reduce-only, its fill hedged as a ticket, no quotes after."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T + 1, "h1"), fill_of(hedge, "h1", "s1", T + 2), ended(hedge, "h1", T + 2, "0.01"))

    (close,) = placed(hand(Flatten(T + 500)))
    assert (close.intent, close.leg, close.side, close.reduce_only) == (
        OrderIntent.FLATTEN,
        Leg.PERP_FLATTEN,
        Side.SELL,
        True,
    )
    (back,) = placed(hand(accept(close, T + 510, "f1"), fill_of(close, "f1", "ft", T + 511)))
    assert (back.inst, back.side, back.qty) == (SPOT, Side.BUY, D("0.01"))
    hand(ended(close, "f1", T + 512, "0.01"), accept(back, T + 515, "b1"), fill_of(back, "b1", "bt", T + 516))
    out = [a for n in range(1, 6) for a in hand.beat(T + 1_000 * n)]
    assert (hand.desk.state.ledger.perp, hand.delta) == (0, 0) and not placed(out)
    assert "flattened" in [a.event for a in hand.log if isinstance(a, Record)]

    assert {r.leg for r in placed(hand(Resume(T + 6_000)))} == {Leg.PERP_BID, Leg.PERP_ASK}


def test_a_closing_order_taken_up_again_lets_no_other_go_beside_the_one_that_is_out() -> None:
    """The first is refused and the second rests at the exchange; a stranger's fill fitted the first, which is asked for
    and given up once more: no third is sent while the second may still close the pair."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T + 1, "h1"), fill_of(hedge, "h1", "s1", T + 2), ended(hedge, "h1", T + 2, "0.01"))
    (first,) = placed(hand(Flatten(T + 500)))
    hand(PlaceAnswered(T + 510, first.client_oid, OrderResult(Outcome.BUSY, code="429")))
    (second,) = placed(hand.beat(T + 2_000))
    hand(accept(second, T + 2_010, "f2"))
    told = fill_of(first, "zz", "tz", T + 2_020).fill
    hand(FillEvent(T + 2_030, attrs.evolve(told, client_oid=None, source="rest")))
    assert hand.desk.state.orders.open[first.client_oid].state == "UNKNOWN"

    strangers = OrderReport(PERP, "zz", OrderStatus.FILLED, D("0.01"), "somebody-elses")
    hand(OrderQueried(T + 2_040, first.client_oid, OrderResult(Outcome.ACCEPTED, "zz"), strangers))
    gone_still = OrderResult(Outcome.GONE, code="43001")
    sent = [it for s in range(3, 20) for it in placed(hand(OrderQueried(T + 1_000 * s, first.client_oid, gone_still)))]

    assert first.client_oid not in hand.desk.state.orders.open and hand.desk.state.closing == second.client_oid
    assert sent == []


def test_flatten_waits_for_the_quotes_to_be_gone() -> None:
    """The closing order never stands beside a quote of ours."""
    hand, bid, ask = ready_hand()
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T)))
    hand(accept(hedge, T + 1, "h1"), fill_of(hedge, "h1", "s1", T + 2), Flatten(T + 500))

    assert Leg.PERP_FLATTEN not in {r.leg for r in placed(hand.log)}
    assert ask.client_oid in cancelled(hand.log)
    out = hand(gone(ask, "q1", T + 600))
    assert [r.leg for r in placed(out)] == [Leg.PERP_FLATTEN]


def test_stop_with_an_open_ticket_never_quotes_again_and_hedges_on() -> None:
    """STOPPING is no reason to leave an exposure alone."""
    hand, _, _, hedge = hedging()
    hand(Stop(T + 1), accept(hedge, T + 5, "h1"), gone(hedge, "h1", T + 6))

    out = hand.beat(T + 300)

    assert [r.leg for r in placed(out)] == [Leg.SPOT_IOC] and hand.mode == "HEDGING"


@pytest.mark.parametrize("step_ms", [30_001, -1_001, -3_600_000])
def test_a_clock_that_was_set_halts_until_everything_is_read_back(step_ms: int) -> None:
    """Forward past clock_jump_max_ms or backward past a second: quotes out, HALTED, everything read, then on."""
    hand, bid, ask = ready_hand()
    hand.beat(T + 1_000)
    now = T + 1_000 + step_ms

    out = hand(Tick(now))
    assert "clock_jump" in reasons(out, "risk") and hand.mode == "HALTED"
    assert cancelled(out) == {bid.client_oid, ask.client_oid}
    hand(gone(bid, "q0", now + 1), gone(ask, "q1", now + 1))
    for n in (1, 2):
        hand.answer_reads(hand.beat(now + 1_000 * n), now + 1_000 * n)

    assert hand.mode == "QUOTING" and not hand.desk.state.mode.reasons


@pytest.mark.parametrize("set_right", [False, True])
def test_after_a_clock_that_ran_an_hour_ahead_fills_are_read_by_the_exchanges_time(set_right: bool) -> None:
    """Ahead, or set right again: a reading reaches back to before the exchange's present, or no lost fill is found."""
    hand, bid, ask = ready_hand()
    hand.beat(T + 1_000)
    hand(gone(bid, "q0", T + 1_001), gone(ask, "q1", T + 1_001))
    for second in range(2, 100):
        exch = T + 1_000 * second
        now = exch if set_right and second > 40 else exch + 3_600_000
        out = hand.beat(now)
        if any(isinstance(action, QueryServerTime) for action in out):
            hand(ServerTimeRead(now, exch))
        hand.answer_reads(out, now)
        since = [a.since_ms for a in out if isinstance(a, QueryFills) and a.order_id is None]
        assert all(exch - 200_000 < since_ms < exch - 50_000 for since_ms in since)

    assert len([a for a in hand.log if isinstance(a, QueryFills)]) >= 4


@pytest.mark.parametrize("told", [0, T + 86_400_000 * 400])
def test_an_absurd_time_of_the_exchange_blinds_no_reading_of_fills(told: int) -> None:
    """After a cut the clock is asked for; an answer years away is not believed: fills are read from the present."""
    hand, bid, ask = ready_hand()
    hand.beat(T + 1_000)
    hand(gone(bid, "q0", T + 1_001), gone(ask, "q1", T + 1_001), ServerTimeRead(T + 1_002, told))
    for second in range(2, 100):
        hand.answer_reads(hand.beat(T + 1_000 * second), T + 1_000 * second)

    since = [a.since_ms for a in hand.log if isinstance(a, QueryFills) and a.order_id is None]
    assert len(since) >= 4 and all(T - 200_000 < since_ms < T + 100_000 for since_ms in since)


def test_a_restart_after_the_clock_was_set_right_reads_on_from_the_exchanges_time() -> None:
    """The old run's clock was an hour ahead and it knew so; the new run's is right: no hour of fills is left out."""
    params = live_params()
    old = Desk(params, run=1)
    for event in opening(T, params):
        old.handle(event)
    old.handle(ServerTimeRead(T + 1, T + 1 - 3_600_000))

    out = old.restarted(params, run=2).handle(Start(T + 7_200_000))

    assert {a.since_ms for a in out if isinstance(a, QueryFills)} == {T - 3_600_000 - 60_000}


@pytest.mark.parametrize("step_ms", [30_000, -1_000, -999, 0])
def test_a_step_within_its_bound_is_jitter(step_ms: int) -> None:
    """Between the bounds nothing is halted by the clock."""
    hand, _, _ = ready_hand(book_stale_ms=600_000, private_silent_ms=600_000, funding_stale_sec=7_200)
    hand.beat(T + 1_000)

    out = hand(Tick(T + 1_000 + step_ms))

    assert "clock_jump" not in reasons(out, "risk") and hand.mode == "QUOTING"


def test_a_clock_set_back_does_not_stop_a_hedge() -> None:
    """An hour back with a ticket open: its next hedge leaves within the pace, not an hour later."""
    hand, _, _, hedge = hedging()
    hand(accept(hedge, T + 5, "h1"))
    back = T - 3_600_000
    hand(Tick(back), gone(hedge, "h1", back + 10))

    hand.beat(back + 1_000)
    assert len([r for r in placed(hand.log) if r.intent is OrderIntent.HEDGE]) == 2


# --- the API ----------------------------------------------------------------------------------------------------------

ILLEGAL = {
    "no event": "tick",
    "a time that is no int": Tick(1.5),  # type: ignore[arg-type]
    "a time below zero": Tick(-1),
    "an empty book": BookEvent(T, PERP, (), (Level(D(1), D(1)),), T),
    "a crossed book": BookEvent(T, PERP, (Level(D(2), D(1)),), (Level(D(2), D(1)),), T),
    "a book at zero": BookEvent(T, SPOT, (Level(D(0), D(1)),), (Level(D(2), D(1)),), T),
    "a book's price that is not a number": BookEvent(T, SPOT, (Level(D("NaN"), D(1)),), (Level(D(2), D(1)),), T),
    "a book's size that is not a number": BookEvent(T, SPOT, (Level(D(1), D("NaN")),), (Level(D(2), D(1)),), T),
    "a book's size below zero": BookEvent(T, SPOT, (Level(D(1), D(-1)),), (Level(D(2), D(1)),), T),
    "a fill of nothing": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D(2500), D(0), T, "t")),
    "a fill for nothing": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D(0), D(1), T, "t")),
    "a fill that is not a number": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D("NaN"), D(1), T, "t")),
    "an infinite fill": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D(1), D("Infinity"), T, "t")),
    "a rate that is not a number": FundingEvent(T, Funding(D("NaN"))),
    "a position that is not a number": PositionEvent(T, D("NaN"), T),
    "a fee that is not a number": FeesRead(T, FeeRate(D("NaN"), D(6)), None),
    "a bill that is not a number": SettlementsRead(T, ACCEPTED, (Settlement("b1", D("NaN"), T),)),
    "a price that no market has": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D("1e27"), D(1), T, "t")),
    "a price that is next to nothing": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D("1e-27"), D(1), T, "t")),
    "a book that no market has": BookEvent(T, SPOT, (Level(D(1), D(1)),), (Level(D("1e27"), D(1)),), T),
    "a fee that no fill has": FillEvent(T, NormalizedFill(PERP, "q0", Side.BUY, D(1), D(1), T, "t", fee=D("1e27"))),
    "a balance that nobody has": BalanceEvent(T, SPOT, "ETH", D(0), D("1e40"), T),
    "a position that nobody has": PositionEvent(T, D("1e16"), T),
    "a bill that nobody pays": SettlementsRead(T, ACCEPTED, (Settlement("b1", D("1e16"), T),)),
    "a rate above the notional": FundingEvent(T, Funding(D("1e30"))),
    "a rate's bound that is not a number": FundingEvent(T, Funding(D(0), rate_min=D("NaN"))),
    "an interval that is not a number": FundingEvent(T, Funding(D(0), interval_h=D("NaN"))),
    "fees above the value traded": FeesRead(T, FeeRate(D(2), D(10_001)), None),
    "trades of spot": TradesEvent(T, SPOT, D(1), D(1)),
    "trades below zero": TradesEvent(T, PERP, D(-1), D(1)),
    "trades that are not a number": TradesEvent(T, PERP, D(1), D("NaN")),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_event_raises_and_changes_nothing(name: str) -> None:
    """The desk is as it was before the call, to the last field."""
    hand, _, _ = ready_hand()
    before = hand.desk.snapshot()

    with pytest.raises(IllegalEvent):
        hand.desk.handle(ILLEGAL[name])  # type: ignore[arg-type]

    assert hand.desk.snapshot() == before


def test_an_impossible_pair_is_recorded_and_latched() -> None:
    """A cancel answer where no cancel was sent: HALTED with machine, state and event named."""
    hand, bid, _ = ready_hand()

    out = hand(CancelAnswered(T, bid.client_oid, ACCEPTED))

    assert hand.desk.state.mode.reasons == {"impossible:Order:LIVE:cancel_ok": True}
    assert "impossible:Order:LIVE:cancel_ok" in alerts(out)


def test_a_latch_survives_a_snapshot_and_a_resume_ends_it() -> None:
    """Restored from JSON it is still HALTED; a person's word sets it free."""
    hand, _, _ = ready_hand()
    hand(Halt(T, "operator"))
    desk = Desk.restore(hand.desk.params, json.loads(json.dumps(hand.desk.snapshot())))
    assert desk.state.mode.reasons == {"operator": True}

    desk.handle(Resume(T + 5))
    assert desk.state.mode.state != "HALTED"


def test_an_open_ticket_survives_a_snapshot() -> None:
    """Restored, it takes its hedge's fill and closes, exactly like the original."""
    hand, _, _, hedge = hedging()
    desk = Desk.restore(hand.desk.params, json.loads(json.dumps(hand.desk.snapshot())))
    events = [accept(hedge, T + 5, "h1"), fill_of(hedge, "h1", "s1", T + 6), Tick(T + 1_100)]

    assert [desk.handle(event) for event in events] == [hand.desk.handle(event) for event in events]
    assert desk.state.ledger.delta == 0 and not desk.state.tickets


def test_a_snapshot_of_another_version_is_refused() -> None:
    """Better no start than a wrong one."""
    hand, _, _ = ready_hand()

    with pytest.raises(ValueError, match="version"):
        Desk.restore(hand.desk.params, {**hand.desk.snapshot(), "version": 999})
