"""Start-up and shutdown: every failed check ends the run before it began, and clean is what the reading says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest
from desk_driver import ACCEPTED, PERP, SPOT, T0, Hand, Watch, accept, live_params, ready_hand, refuse
from freezegun import freeze_time

from mmfsm.actions import (
    Action,
    Alert,
    CancelOrder,
    Exit,
    PlaceOrder,
    QueryAccount,
    QueryOpenOrders,
    QueryOrder,
    QueryPosition,
    QueryServerTime,
    Record,
    SetPositionMode,
    SetTifPolicy,
)
from mmfsm.clock import now_ms
from mmfsm.desk import Desk
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    CheckFailed,
    ConstraintsRead,
    Event,
    FillEvent,
    FundingEvent,
    OpenOrdersRead,
    OrderEvent,
    OrderQueried,
    PositionEvent,
    PosModeAnswered,
    ServerTimeRead,
    Start,
    Stop,
    Tick,
)
from mmfsm.machines.session import CHECKING, COLD, READY, STOPPED, STOPPING, TABLE, Session, SessionInput
from mmfsm.params import Params
from mmfsm.table import IGNORE
from mmfsm.testing import fill_of, opening, placed
from mmfsm.values import Funding, Leg, NormalizedFill, OrderReport, OrderResult, OrderStatus, Outcome, PosMode, Side

D = Decimal
FATAL = OrderResult(Outcome.FATAL, code="40085", msg="unified account")
LOST = OrderResult(Outcome.UNKNOWN, code="timeout")


def cold(**changes: object) -> Hand:
    return Hand(Desk(live_params(**changes), run=1))


def through(hand: Hand, until: type[Event]) -> list[Action]:
    """Feed the opening up to the first event of a type."""
    out: list[Action] = []
    for event in opening(T0, hand.desk.params):
        if type(event) is until:
            return out
        out += hand(event)
    return out


def exits(actions: list[Action]) -> list[Exit]:
    return [action for action in actions if isinstance(action, Exit)]


# --- checks that pass -------------------------------------------------------------------------------------------------


def test_a_reading_that_fails_while_feeds_are_waited_for_places_nothing() -> None:
    """Everything is read and spot's book is still to come; the proof waits for it, whatever else fails meanwhile."""
    params = live_params(perp_tif="auto")
    events = [e for e in opening(T0, params) if not (isinstance(e, BookEvent) and e.inst is SPOT)]
    hand = Hand(Desk(params, run=1))
    hand(*events)
    out = hand(CheckFailed(T0 + 3_000, "queryfunding", LOST), Tick(T0 + 4_000))
    out += hand(CheckFailed(T0 + 5_000, "querybalance", LOST), Tick(T0 + 6_000))

    assert hand.desk.state.session.state == CHECKING and hand.desk.state.session.asking == "probe"
    assert placed(out) == [] and hand.desk.state.orders.open == {}


def test_the_checks_are_asked_one_after_the_other_and_then_it_is_ready() -> None:
    """Time, account, rules, fees, orders of both legs, position, balances, funding; then quotes, not before."""
    hand = cold()
    asked = []
    for event in opening(T0, hand.desk.params):
        before = hand.desk.state.session.state
        actions = hand(event)
        if before != READY and hand.desk.state.session.state != READY:
            assert not placed(actions)
        asked += [type(action).__name__ for action in actions if type(action).__name__.startswith("Query")]

    assert asked[:9] == [
        "QueryServerTime",
        "QueryAccount",
        "QueryConstraints",
        "QueryFees",
        "QueryOpenOrders",
        "QueryOpenOrders",
        "QueryPosition",
        "QueryBalance",
        "QueryFunding",
    ]
    assert hand.desk.state.session.state == READY
    assert [request.leg for request in placed(hand.log)] == [Leg.PERP_BID, Leg.PERP_ASK]


def test_the_books_open_at_the_working_stock() -> None:
    """Spot coin beyond the baseline is the stock; delta counts changes from there."""
    hand = cold(spot_baseline=D("0.2"))
    hand(*opening(T0, hand.desk.params))

    ledger = hand.desk.state.ledger
    assert (ledger.spot, ledger.start, ledger.delta) == (D("0.3"), D("0.3"), 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_fill_between_position_and_balances_is_in_the_books_once(after: bool) -> None:
    """An adopted short is liquidated while the checks run: between the two readings, so that the position is read
    again, or before both. The books have what the exchange has, the coin left over is sold, and nothing drifts."""
    hand = cold(adopt_position=True)
    through(hand, OpenOrdersRead)
    hand(OpenOrdersRead(T0, PERP, ()), OpenOrdersRead(T0, SPOT, ()))
    books = [event for event in opening(T0 + 8, hand.desk.params) if isinstance(event, BookEvent | FundingEvent)]
    balances = [event for event in opening(T0 + 8, hand.desk.params) if isinstance(event, BalanceEvent)]
    fill = FillEvent(T0 + 5, NormalizedFill(PERP, "sys", Side.BUY, D(2500), D("0.02"), T0 + 5, "t", forced=True))
    if after:
        hand(PositionEvent(T0 + 4, D("-0.02"), T0 + 4, "rest"), fill)
        out = hand(*balances)
        assert [type(a) for a in out if isinstance(a, QueryPosition)] == [QueryPosition]
        assert not hand.desk.state.books_open
    else:
        hand(fill)
    hand(PositionEvent(T0 + 9, D(0), T0 + 9, "rest"))
    out = hand(*[attrs.evolve(event, at_ms=T0 + 10) for event in balances], *books)

    s = hand.desk.state
    assert (s.ledger.perp, s.ledger.delta, s.ledger.spot) == (D(0), D("0.02"), D("0.5"))
    assert [(it.inst, it.side, it.qty) for it in placed(hand.log) if it.leg is Leg.SPOT_IOC] == [
        (SPOT, Side.SELL, D("0.02"))
    ]


@pytest.mark.parametrize("late", [1, 2])
def test_a_position_read_late_while_a_stray_was_filled_does_not_end_the_start(late: int) -> None:
    """A stray of an earlier run is filled while it is cancelled; the position is told as it was before, once or twice.
    It is read again, the books open, and what was filled is hedged: an end here would leave it naked."""
    hand = cold()
    through(hand, OpenOrdersRead)
    ours = OrderReport(PERP, "o1", OrderStatus.LIVE, D(0), "mm-Qpb-9-8-1", Side.BUY, D(2400), D("0.02"))
    fill = NormalizedFill(PERP, "o1", Side.BUY, D(2400), D("0.02"), T0 + 8, "t", client_oid="mm-Qpb-9-8-1")
    hand(OpenOrdersRead(T0, PERP, (ours,)), OpenOrdersRead(T0, SPOT, ()), FillEvent(T0 + 9, fill))
    hand(OrderEvent(T0 + 9, attrs.evolve(ours, status=OrderStatus.FILLED, filled=D("0.02"))))
    assert hand.desk.state.session.asking == "ask_position"

    at_ms = T0 + 10
    for _ in range(late):
        hand(PositionEvent(at_ms, D(0), at_ms, "rest"))
        at_ms += 1_100
        assert [type(it) for it in hand(Tick(at_ms)) if isinstance(it, QueryPosition)] == [QueryPosition]
    hand(PositionEvent(at_ms, D("0.02"), at_ms, "rest"))
    rest = [
        it for it in opening(at_ms + 1, hand.desk.params) if isinstance(it, BookEvent | FundingEvent | BalanceEvent)
    ]
    hand(*rest)
    s = hand.desk.state
    assert (s.ledger.perp, s.ledger.delta, s.unexplained) == (D("0.02"), D("0.02"), None)
    assert [(it.inst, it.side, it.qty) for it in placed(hand.log) if it.leg is Leg.SPOT_IOC] == [
        (SPOT, Side.SELL, D("0.02"))
    ]


def test_a_position_that_stands_ends_the_start_whatever_was_filled() -> None:
    """More than was filled since the start, read for three seconds: a person's matter, as without a fill."""
    hand = cold()
    through(hand, OpenOrdersRead)
    fill = NormalizedFill(PERP, "sys", Side.BUY, D(2400), D("0.02"), T0 + 8, "t", forced=True)
    hand(OpenOrdersRead(T0, PERP, ()), OpenOrdersRead(T0, SPOT, ()), FillEvent(T0 + 9, fill))
    for second in range(4):
        assert not exits(hand.log)
        hand(PositionEvent(T0 + 10 + second * 1_100, D("0.37"), T0 + 10, "rest"), Tick(T0 + 1_105 + second * 1_100))
    (end,) = exits(hand.log)
    assert (end.status, end.reason) == (2, "position_found")


def test_a_stray_order_of_an_earlier_run_is_cancelled_before_the_position_is_read() -> None:
    """Ours by its clientOid: cancelled, and its end awaited. A stranger's is only reported."""
    hand = cold()
    through(hand, OpenOrdersRead)
    ours = OrderReport(PERP, "o1", OrderStatus.LIVE, D(0), "mm-Qpb-9-8-1", Side.BUY, D(2400), D("0.01"))
    theirs = OrderReport(PERP, "o2", OrderStatus.LIVE, D(0), "web-1", Side.BUY, D(2400), D("0.01"))

    out = hand(OpenOrdersRead(T0, PERP, (ours, theirs)), OpenOrdersRead(T0, SPOT, ()))
    assert [a.order_id for a in out if isinstance(a, CancelOrder)] == ["o1"]
    assert hand.desk.state.session.asking == "ask_orders"
    reasons = [a.reason for a in out if isinstance(a, Record)]
    assert "stray_order" in reasons and "foreign_order" in reasons

    hand(OrderEvent(T0 + 9, attrs.evolve(ours, status=OrderStatus.CANCELED)))
    assert hand.desk.state.session.asking == "ask_position"


def test_a_strangers_order_is_told_once_and_remembered_while_it_is_open() -> None:
    """Somebody else quotes on the account for days: each order is one line, and nothing piles up in the snapshot."""
    hand = cold()
    through(hand, OpenOrdersRead)

    def told(*ids: str) -> list[str | None]:
        seen = tuple(OrderReport(SPOT, it, OrderStatus.LIVE, D(0), "web", Side.BUY, D(2400), D("0.01")) for it in ids)
        out = hand(OpenOrdersRead(T0, SPOT, seen))
        return [a.exch_order_id for a in out if isinstance(a, Record) and a.reason == "foreign_order"]

    assert [told("a"), told("a", "b"), told("b"), told("c")] == [["a"], ["b"], [], ["c"]]
    size = len(str(hand.desk.snapshot()))
    for number in range(100, 200):
        assert told(str(number)) == [str(number)]
    assert len(str(hand.desk.snapshot())) <= size + 2


def test_the_position_mode_is_changed_only_if_asked_for_and_read_again() -> None:
    """AUTO_SET_POS_MODE: set, answered, and read again: accepted is not changed."""
    hand = cold(auto_set_pos_mode=True)
    through(hand, AccountRead)
    hedge = AccountRead(T0, PosMode.HEDGE, "isolated")

    assert SetPositionMode(PosMode.ONE_WAY) in hand(hedge)
    assert QueryAccount() in hand(PosModeAnswered(T0, PosMode.ONE_WAY, ACCEPTED))
    assert not exits(hand.log)
    (end,) = exits(hand(hedge))
    assert (end.status, end.reason) == (2, "position_mode")


# --- checks that fail -------------------------------------------------------------------------------------------------


def _time(skew: int) -> Callable[[], Event]:
    return lambda: ServerTimeRead(T0, T0 + skew)


FAILURES: dict[str, tuple[type[Event], Callable[[], Event], str]] = {
    "the clock is ahead": (ServerTimeRead, _time(-2_001), "clock_skew"),
    "the clock is behind": (ServerTimeRead, _time(2_001), "clock_skew"),
    "the time cannot be read for good": (
        ServerTimeRead,
        lambda: CheckFailed(T0, "queryservertime", FATAL),
        "queryservertime:40085",
    ),
    "the position mode differs": (AccountRead, lambda: AccountRead(T0, PosMode.HEDGE, "isolated"), "position_mode"),
    "the margin mode differs": (AccountRead, lambda: AccountRead(T0, PosMode.ONE_WAY, "crossed"), "margin_mode"),
    "the account is unified": (AccountRead, lambda: CheckFailed(T0, "queryaccount", FATAL), "queryaccount:40085"),
    "the rules are missing": (ConstraintsRead, lambda: ConstraintsRead(T0, None, "no row"), "constraints_missing"),
    "the orders cannot be read for good": (
        OpenOrdersRead,
        lambda: CheckFailed(T0, "queryopenorders", FATAL),
        "queryopenorders:40085",
    ),
    "the funding cannot be read for good": (
        FundingEvent,
        lambda: CheckFailed(T0, "queryfunding", FATAL),
        "queryfunding:40085",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_check_exits_non_zero_and_sends_nothing(name: str) -> None:
    """One Exit, status 2, the reason named, an alert, and not one order, whatever comes after."""
    kind, event, reason = FAILURES[name]
    hand = cold()
    through(hand, kind)

    out = hand(event())
    for later in opening(T0 + 10, hand.desk.params):
        hand(later)
    hand.beat(T0 + 1_000)

    assert [(end.status, end.reason) for end in exits(hand.log)] == [(2, reason)]
    assert hand.desk.state.session.state == STOPPED
    assert not placed(hand.log)
    assert any(isinstance(action, Alert) and action.reason == reason for action in out)


@pytest.mark.parametrize("adopt", [False, True])
def test_a_position_found_at_start_is_taken_over_only_if_asked_for(adopt: bool) -> None:
    """Without ADOPT_POSITION it ends the run with the exact figure; with it, it is the hedged half of a pair."""
    hand = cold(adopt_position=adopt)
    for event in opening(T0, hand.desk.params):
        if isinstance(event, PositionEvent):
            event = attrs.evolve(event, qty=D("-0.05"))
        hand(event)

    if adopt:
        assert (hand.desk.state.session.state, hand.desk.state.ledger.perp, hand.delta) == (READY, D("-0.05"), 0)
    else:
        assert exits(hand.log) == [Exit(2, "position_found")]
        assert "-0.05" in (hand.desk.state.session.detail or "") and not placed(hand.log)


@pytest.mark.parametrize("skew", [-2_000, 0, 2_000])
def test_a_clock_within_its_bound_passes(skew: int) -> None:
    """clock_skew_max_ms itself is still fine."""
    hand = cold()
    hand(Start(T0))

    assert QueryAccount() in hand(ServerTimeRead(T0, T0 + skew))


# --- clocks -----------------------------------------------------------------------------------------------------------

STARTED = datetime(2026, 11, 2, 9, 30, 0, 77_000, tzinfo=UTC)


@pytest.mark.parametrize(("ms", "asked"), [(999, 0), (1_000, 1)])
def test_a_check_without_an_answer_is_asked_again_after_a_second(ms: int, asked: int) -> None:
    """A reading that did not come back is no failure; it is asked again, not a ms too early."""
    hand = cold()
    with freeze_time(STARTED):
        hand(Start(now_ms()), CheckFailed(now_ms(), "queryservertime", LOST))
    with freeze_time(STARTED + timedelta(milliseconds=ms)):
        out = hand(Tick(now_ms()))

    assert sum(isinstance(action, QueryServerTime) for action in out) == asked


@pytest.mark.parametrize(("ms", "status"), [(29_999, None), (30_000, 2)])
def test_check_bound_to_the_millisecond(ms: int, status: int | None) -> None:
    """Checks that do not end are ended at check_bound_sec, naming what was waited for."""
    hand = cold()
    with freeze_time(STARTED):
        hand(Start(now_ms()))
    with freeze_time(STARTED + timedelta(milliseconds=ms)):
        out = hand(Tick(now_ms()))

    assert exits(out) == ([] if status is None else [Exit(status, "no_answer:ask_time")])


def test_feeds_that_do_not_come_end_the_checks_and_are_named() -> None:
    """Everything read, but the books are silent: the run ends, and says that it waited for feeds."""
    hand = cold()
    for event in opening(T0, hand.desk.params):
        if type(event).__name__ != "BookEvent":
            hand(event)

    assert exits(hand(Tick(T0 + 30_000))) == [Exit(2, "no_answer:feeds")]
    assert not placed(hand.log)


@pytest.mark.parametrize(("ms", "status"), [(19_999, None), (20_000, 1)])
def test_stop_bound_to_the_millisecond(ms: int, status: int | None) -> None:
    """A stop that cannot settle what is open ends unclean, status 1, at stop_bound_sec."""
    with freeze_time(STARTED):
        hand, bid, _ = ready_hand(now_ms())
        hand(fill_of(bid, "q0", "t1", now_ms()), Stop(now_ms(), "SIGTERM"))
    with freeze_time(STARTED + timedelta(milliseconds=ms)):
        out = hand(Tick(now_ms()))

    assert exits(out) == ([] if status is None else [Exit(status, "stop_bound")])


# --- the time-in-force proof ------------------------------------------------------------------------------------------


def probing() -> tuple[Hand, PlaceOrder]:
    hand = Hand(Desk(Params(), run=1), Watch())
    out = hand(*opening(T0, hand.desk.params))
    (probe,) = [action for action in out if isinstance(action, PlaceOrder)]
    return hand, probe


def test_the_proof_is_one_smallest_order_half_a_band_away() -> None:
    """Post-only, the smallest size, 2.5 % below the bid; no quote before its verdict."""
    _, probe = probing()

    request = probe.request
    assert (request.leg, request.qty, request.price, request.tif.value) == (
        Leg.PERP_PROBE,
        D("0.01"),
        D("2437.50"),
        "post_only",
    )


@pytest.mark.parametrize(("tif", "policy"), [("post_only", "timeInForceValue"), ("gtc", "both"), (None, "both")])
def test_the_proof_fixes_the_policy_and_is_taken_out(tif: str | None, policy: str) -> None:
    """Read back, cancelled, judged: honoured leaves force out for ever, anything else sends both. Then READY."""
    hand, probe = probing()
    request = probe.request
    out = hand(accept(request, T0 + 5, "p1"))
    assert QueryOrder(PERP, request.client_oid, "p1") in out
    report = OrderReport(PERP, "p1", OrderStatus.LIVE, D(0), request.client_oid, tif=tif)

    out = hand(OrderQueried(T0 + 9, request.client_oid, ACCEPTED, report))
    assert CancelOrder(PERP, request.client_oid, "p1") in out
    assert hand.desk.state.session.state == CHECKING
    out = hand(OrderEvent(T0 + 20, attrs.evolve(report, status=OrderStatus.CANCELED, tif=None)))

    assert SetTifPolicy(policy) in out and hand.desk.state.session.state == READY
    assert [request.leg for request in placed(out)] == [Leg.PERP_BID, Leg.PERP_ASK]
    assert any(isinstance(action, Record) and action.event == "tif_probe" for action in out)


def test_the_stream_showing_the_proof_as_gtc_is_no_halt() -> None:
    """Whether it is honoured is what the proof asks; the quotes' guard does not apply to it."""
    hand, probe = probing()
    report = OrderReport(PERP, "p1", OrderStatus.LIVE, D(0), probe.request.client_oid, tif="gtc")

    hand(accept(probe.request, T0 + 5, "p1"), OrderEvent(T0 + 6, report))

    assert hand.desk.state.mode.reasons == {}


def test_a_refused_proof_ends_the_run() -> None:
    """No reading, no policy: exit 2, and nothing is quoted."""
    hand, probe = probing()

    out = hand(refuse(probe.request, T0 + 5))

    assert exits(out) == [Exit(2, "tif_probe")] and not placed(out)


def test_a_proof_that_never_answers_ends_the_run() -> None:
    """Past check_bound_sec it is taken out, at the latest by stop_bound_sec the run ends, exit 2, nothing quoted."""
    hand, _ = probing()
    for second in range(1, 52):
        hand.beat(T0 + 1_000 * second)

    assert [end.status for end in exits(hand.log)] == [2]
    assert len(placed(hand.log)) == 1


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_stop_before_the_start_is_clean_at_once() -> None:
    """Nothing was begun."""
    assert [end.status for end in exits(cold()(Stop(T0)))] == [0]


def test_a_clean_stop_cancels_settles_reads_back_and_says_why() -> None:
    """Quotes cancelled; only when their ends are known is everything read; only then Exit(0)."""
    hand, bid, ask = ready_hand()
    out = hand(Stop(T0 + 100, "SIGTERM"))
    assert {a.client_oid for a in out if isinstance(a, CancelOrder)} == {bid.client_oid, ask.client_oid}
    assert not [a for a in out if isinstance(a, QueryOpenOrders)] and not exits(out)

    out = hand(
        OrderEvent(T0 + 120, OrderReport(PERP, "q0", OrderStatus.CANCELED, D(0), bid.client_oid)),
        OrderEvent(T0 + 121, OrderReport(PERP, "q1", OrderStatus.CANCELED, D(0), ask.client_oid)),
        Tick(T0 + 1_000),
    )
    assert len([a for a in out if isinstance(a, QueryOpenOrders)]) >= 2 and not exits(out)
    out = hand(
        OpenOrdersRead(T0 + 1_010, PERP, ()),
        OpenOrdersRead(T0 + 1_011, SPOT, ()),
        PositionEvent(T0 + 1_012, D(0), T0 + 1_012, "rest"),
    )
    assert not exits(out), "the spot coin is not read yet"
    coin = hand.desk.state.ledger.spot
    out = hand(BalanceEvent(T0 + 1_013, SPOT, "ETH", coin, coin, T0 + 1_013, "rest"))

    assert exits(out) == [Exit(0, "SIGTERM")] and hand.desk.state.session.state == STOPPED


def test_a_stop_is_not_clean_while_the_position_read_differs_from_the_ledger() -> None:
    """ "Clean" is what the reading says: a position nobody booked ends the run unclean."""
    hand, bid, ask = ready_hand()
    hand(Stop(T0 + 100))
    hand(refuse(bid, T0 + 110), refuse(ask, T0 + 110))
    hand(
        OrderEvent(T0 + 120, OrderReport(PERP, "q0", OrderStatus.CANCELED, D(0), bid.client_oid)),
        OrderEvent(T0 + 121, OrderReport(PERP, "q1", OrderStatus.CANCELED, D(0), ask.client_oid)),
    )
    for second in range(1, 25):
        at = T0 + 1_000 * second
        hand(Tick(at), OpenOrdersRead(at, PERP, ()), OpenOrdersRead(at, SPOT, ()))
        hand(PositionEvent(at, D("0.01"), at, "rest"))

    assert [end.status for end in exits(hand.log)] == [1]


def test_a_stop_with_an_open_ticket_hedges_first() -> None:
    """The ticket goes to its end in STOPPING; the exit comes after it, and is clean."""
    hand, bid, ask = ready_hand()
    (hedge,) = placed(hand(fill_of(bid, "q0", "t1", T0 + 50)))
    hand(Stop(T0 + 60))
    hand(
        OrderEvent(T0 + 70, OrderReport(PERP, "q0", OrderStatus.FILLED, D("0.01"), bid.client_oid)),
        OrderEvent(T0 + 71, OrderReport(PERP, "q1", OrderStatus.CANCELED, D(0), ask.client_oid)),
        refuse(hedge, T0 + 80, Outcome.BUSY, "429"),
    )
    (second,) = placed(hand.beat(T0 + 1_000))
    hand(accept(second, T0 + 1_010, "s2"), fill_of(second, "s2", "st2", T0 + 1_011))
    assert hand.delta == 0 and not exits(hand.log)

    out = hand.beat(T0 + 2_000)
    hand(OpenOrdersRead(T0 + 2_010, PERP, ()), OpenOrdersRead(T0 + 2_010, SPOT, ()))
    hand(BalanceEvent(T0 + 2_010, SPOT, "ETH", D("0.49"), D("0.49"), T0 + 2_010, "rest"))
    hand(PositionEvent(T0 + 2_011, D("0.01"), T0 + 2_011, "rest"))

    assert [end.status for end in exits(hand.log)] == [0] and out


# --- the machine alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [COLD, CHECKING, READY, STOPPING, STOPPED])
@pytest.mark.parametrize("event", TABLE.events)
def test_every_pair_is_decided_and_stopped_is_final(state: str, event: str) -> None:
    """One row is taken for each pair; nothing leaves STOPPED; nothing is impossible."""
    session = Session(state=state, since_ms=T0)

    row = TABLE.fire(session, event, SessionInput(T0, 30_000), [])

    assert not row.impossible
    assert state != STOPPED or session.state == STOPPED


def test_a_second_start_changes_nothing_once_it_is_ready() -> None:
    """READY ignores it."""
    hand, _, _ = ready_hand()

    hand(Start(T0 + 5), FundingEvent(T0 + 5, Funding(D("0.0001"))))

    assert hand.desk.state.session.state == READY


def test_the_clock_decides_nothing_once_it_is_ready() -> None:
    """READY's timer row has no guard and no effect: that is why the desk gathers no facts for it."""
    (row,) = TABLE.rows_for(READY, "timer")

    assert (row.guards, row.effects, row.dest) == ((), (), IGNORE)


@pytest.mark.parametrize("is_read", [True, False])
def test_the_proof_of_an_earlier_run_is_no_check_of_this_one(is_read: bool) -> None:
    """Killed while its proof rested: the next run takes that order out, however it ends, and does all of its checks."""
    hand, probe = probing()
    hand(accept(probe.request, T0 + 5, "p1"))
    hand = Hand(hand.desk.restarted(hand.desk.params, run=2))
    report = OrderReport(PERP, "p1", OrderStatus.LIVE, D(0), probe.request.client_oid, tif="post_only")
    out = hand(Start(T0 + 1_000))
    if is_read:
        out += hand(OrderQueried(T0 + 1_010, probe.request.client_oid, ACCEPTED, report))
        assert CancelOrder(PERP, probe.request.client_oid, "p1") in out
    out += hand(OrderEvent(T0 + 1_020, attrs.evolve(report, status=OrderStatus.CANCELED, tif=None)))

    session = hand.desk.state.session
    assert (session.state, session.asking) == (CHECKING, "ask_time") and exits(out) == []
    own = [it for it in hand(*opening(T0 + 1_030, hand.desk.params)[1:]) if isinstance(it, PlaceOrder)]
    assert [it.request.leg for it in own] == [Leg.PERP_PROBE] and hand.desk.state.probe_tif is None


def test_a_run_that_never_opened_its_books_leaves_the_next_one_a_clean_start() -> None:
    """Killed during its checks: the position that the next run reads holds what was filled before, and it is not booked
    on top when a reading tells it."""
    params = live_params(adopt_position=True)
    hand = Hand(Desk(params, run=1))
    hand(*opening(T0 - 20_000, params)[:10])
    hand = Hand(hand.desk.restarted(params, run=2))
    for event in opening(T0, params):
        hand(attrs.evolve(event, qty=D("-0.02")) if isinstance(event, PositionEvent) else event)
    forced = NormalizedFill(PERP, "liq", Side.BUY, D(2500), D("0.01"), T0 - 10_000, "t1", forced=True, source="rest")

    out = hand(FillEvent(T0 + 10, forced))

    assert hand.desk.state.session.state == READY
    assert hand.desk.state.ledger.perp == D("-0.02") and placed(out) == []
