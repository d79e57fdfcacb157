"""One order's truth: every pair of state and event once, and every clock a millisecond on each side."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from mmfsm.machines.order import (
    CANCELLING,
    EVENTS,
    LIVE,
    SENT,
    SETTLED,
    TABLE,
    UNKNOWN,
    UNSETTLED,
    Order,
    OrderInput,
    OrderLimits,
    OrderOut,
)
from mmfsm.table import NEVER, Row
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Outcome, Side, Tif

D = Decimal
T = 1_800_000_000_000
LIMITS = OrderLimits(
    answer_bound_ms=6_000,
    child_settle_ms=800,
    cancel_settle_ms=1_500,
    query_period_ms=700,
    not_found_ms=5_000,
    unknown_bound_ms=30_000,
)
REQUEST = OrderRequest(
    "mm-Hsi-1-1-1", InstType.SPOT, Side.SELL, D("0.01"), D(2500), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1
)
QUOTE = OrderRequest(
    "mm-Qpb-1-1-1", InstType.PERP, Side.BUY, D("0.03"), D(2500), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1
)


def order(state: str, request: OrderRequest = REQUEST, **fields: object) -> Order:
    """An order that entered its state at T, and was asked for at T."""
    values: dict[str, object] = {"sent_ms": T, "since_ms": T, "doubt_ms": T, "asked_ms": T, **fields}
    return Order(request, "owner", state=state, **values)  # type: ignore[arg-type]


def fire(subject: Order, event: str, ms: int = 1, **facts: object) -> tuple[Row[Order, OrderInput, OrderOut], OrderOut]:
    out: OrderOut = []
    facts.setdefault("order_id", "x1")
    what = OrderInput(T + ms, LIMITS, **facts)  # type: ignore[arg-type]
    return TABLE.fire(subject, event, what, out), out


# --- every pair -------------------------------------------------------------------------------------------------------

# What a plain event makes of an order without history: 0.004 of 0.01 filled or claimed, no clock due, no cancel wanted.
# "!" marks a pair that cannot happen; the others that keep their state are STAY or IGNORE.
PAIRS = {
    #               SENT        LIVE        CANCELLING  UNKNOWN     UNSETTLED
    "ack":           (LIVE,      LIVE,       CANCELLING, LIVE,       UNSETTLED),
    "refused":       (SETTLED,   UNKNOWN,    UNKNOWN,    SETTLED,    UNSETTLED),
    "unknown":       (UNKNOWN,   LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
    "told_live":     (LIVE,      LIVE,       CANCELLING, LIVE,       UNSETTLED),
    "told_end":      (UNSETTLED, UNSETTLED,  UNSETTLED,  UNSETTLED,  UNSETTLED),
    "fill":          (SENT,      LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
    "cancel":        (SENT,      CANCELLING, CANCELLING, UNKNOWN,    UNSETTLED),
    "cancel_ok":     ("!",       "!",        CANCELLING, UNKNOWN,    UNSETTLED),
    "cancel_gone":   ("!",       "!",        CANCELLING, UNKNOWN,    UNSETTLED),
    "cancel_failed": ("!",       "!",        CANCELLING, UNKNOWN,    UNSETTLED),
    "missing":       (SENT,      LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
    "not_found":     (SENT,      UNKNOWN,    UNKNOWN,    UNKNOWN,    UNSETTLED),
    "hurry":         (SENT,      LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
    "given_up":      (SENT,       LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
    "timer":         (SENT,      LIVE,       CANCELLING, UNKNOWN,    UNSETTLED),
}  # fmt: skip
STATES = (SENT, LIVE, CANCELLING, UNKNOWN, UNSETTLED)
CASES = [(state, event, row[i]) for event, row in PAIRS.items() for i, state in enumerate(STATES)]


def test_the_pairs_below_are_all_of_the_tables() -> None:
    """No event of the machine is missing from PAIRS."""
    assert set(PAIRS) == set(EVENTS)


@pytest.mark.parametrize(("state", "event", "after"), CASES)
def test_every_pair_goes_where_it_should(state: str, event: str, after: str) -> None:
    """State after each event; an impossible pair changes nothing at all."""
    subject = order(state, claimed=D("0.008") if state == UNSETTLED else None)
    before = attrs.evolve(subject)

    row, out = fire(subject, event, qty=D("0.004"), filled=D("0.004"), outcome=Outcome.REFUSED)

    if after == "!":
        assert row.impossible and subject == before and out == []
    else:
        assert (subject.state, row.impossible) == (after, False)


@pytest.mark.parametrize("event", EVENTS)
def test_settled_is_final(event: str) -> None:
    """Nothing leads out of SETTLED, and nothing is impossible there; only a late fill moves its sum."""
    subject = order(SETTLED, booked=D("0.01"), order_id="x1")

    row, _ = fire(subject, event, 10**7, qty=D("0.001"), filled=D("0.01"))

    assert (subject.state, row.dest == NEVER) == (SETTLED, False)
    assert subject.booked == (D("0.011") if event == "fill" else D("0.01"))


@pytest.mark.parametrize("state", STATES)
def test_a_person_may_give_up_an_order_only_after_its_alarm(state: str) -> None:
    """Before the bound the exchange is asked; past it a person's word settles the order with what was booked."""
    early, late = order(state, booked=D("0.004")), order(state, booked=D("0.004"), alarmed=True)

    fire(early, "given_up")
    fire(late, "given_up")

    assert (early.state, late.state, late.end, late.left) == (state, SETTLED, "settled_by_hand", 0)


# --- fills and ends in any order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [SENT, LIVE, CANCELLING, UNKNOWN])
def test_a_fill_of_the_whole_settles_from_any_open_state(state: str) -> None:
    """Before the answer, while it is cancelled, while it is unknown: filled is filled."""
    subject = order(state, booked=D("0.006"))

    fire(subject, "fill", qty=D("0.004"))

    assert (subject.state, subject.end, subject.booked, subject.order_id) == (SETTLED, "filled", D("0.010"), "x1")


@pytest.mark.parametrize("state", [SENT, LIVE, CANCELLING, UNKNOWN, UNSETTLED])
def test_an_end_whose_fills_are_booked_settles(state: str) -> None:
    """Ended with 0.004 filled, 0.004 booked: nothing more can come."""
    subject = order(state, booked=D("0.004"), claimed=D("0.004") if state == UNSETTLED else None)

    fire(subject, "told_end", filled=D("0.004"), reason="ioc_not_full_cancel")

    assert (subject.state, subject.end) == (SETTLED, "ioc_not_full_cancel")


@pytest.mark.parametrize("state", [SENT, LIVE, CANCELLING, UNKNOWN])
def test_an_end_ahead_of_its_fills_waits_for_them(state: str) -> None:
    """Ended with 0.007, none booked: UNSETTLED until exactly 0.007 is booked."""
    subject = order(state)
    fire(subject, "told_end", filled=D("0.007"))
    assert (subject.state, subject.claimed) == (UNSETTLED, D("0.007"))

    fire(subject, "fill", qty=D("0.0069"))
    assert subject.state == UNSETTLED
    fire(subject, "fill", qty=D("0.0001"))
    assert subject.state == SETTLED


def test_an_end_that_claims_less_than_an_earlier_one_does_not_settle() -> None:
    """The largest cumulative figure counts: an older message cannot shrink it."""
    subject = order(UNSETTLED, claimed=D("0.007"), booked=D("0.003"))

    fire(subject, "told_end", filled=D("0.005"))

    assert (subject.state, subject.claimed) == (UNSETTLED, D("0.007"))


@pytest.mark.parametrize("state", [SENT, UNKNOWN])
def test_refused_yet_traded_is_asked_for(state: str) -> None:
    """A refusal of an order that has fills settles nothing."""
    subject = order(state, booked=D("0.004"))

    _, out = fire(subject, "refused", outcome=Outcome.REFUSED)

    assert (subject.state, out) == (UNKNOWN, ["ask"])


def test_a_refusal_keeps_its_outcome() -> None:
    """The ticket learns from it whether the leg has refused for good."""
    subject = order(SENT)

    fire(subject, "refused", outcome=Outcome.REFUSED_LEG, reason="refused:43012")

    assert (subject.refusal, subject.end, subject.left) == (Outcome.REFUSED_LEG, "refused:43012", 0)


# --- cancels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["ack", "told_live"])
@pytest.mark.parametrize("state", [SENT, UNKNOWN])
def test_a_cancel_wanted_before_the_answer_leaves_with_it(state: str, event: str) -> None:
    """A cancel may not overtake its order; it goes the moment the order is known to exist."""
    subject = order(state, QUOTE)
    _, out = fire(subject, "cancel")
    assert (out, subject.cancel_wanted) == ([], True)

    _, out = fire(subject, event)

    assert (subject.state, out) == (CANCELLING, ["cancel"])


def test_a_live_order_is_cancelled_at_once_and_once() -> None:
    """The second wish is ignored while the first is under way."""
    subject = order(LIVE, QUOTE)

    assert fire(subject, "cancel")[1] == ["cancel"]
    assert fire(subject, "cancel")[1] == []


def test_a_cancel_that_finds_nothing_asks_for_the_true_end() -> None:
    """43001 is no reject: filled or gone, its end is fetched."""
    subject = order(CANCELLING, QUOTE)

    assert fire(subject, "cancel_gone")[1] == ["ask"]
    fire(subject, "told_end", filled=D("0.03"))
    assert subject.state == UNSETTLED


def test_a_fill_that_races_its_cancel_is_booked() -> None:
    """0.01 of 0.03 fills while the cancel is under way; the end says 0.01; it settles with 0.01."""
    subject = order(LIVE, QUOTE)
    fire(subject, "cancel")
    fire(subject, "fill", qty=D("0.01"))
    fire(subject, "cancel_ok")
    fire(subject, "told_end", filled=D("0.01"))

    assert (subject.state, subject.booked) == (SETTLED, D("0.01"))


@pytest.mark.parametrize(("ms", "asked", "out"), [(1_499, True, []), (1_500, True, ["cancel"]), (1_500, False, [])])
def test_a_lost_cancel_is_sent_again_only_after_asking(ms: int, asked: bool, out: list[str]) -> None:
    """Still open, read after cancel_settle_ms: cancelled again. A push or an early reading proves nothing."""
    subject = order(CANCELLING, QUOTE)

    assert fire(subject, "told_live", ms, asked=asked)[1] == out
    assert subject.state == CANCELLING


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ms", "state", "out"), [(5_999, SENT, []), (6_000, UNKNOWN, ["ask"])])
def test_answer_bound_to_the_millisecond(ms: int, state: str, out: list[str]) -> None:
    """A request without an answer becomes UNKNOWN, and is asked for, at answer_bound_ms."""
    subject = order(SENT)

    assert (fire(subject, "timer", ms)[1], subject.state) == (out, state)


@pytest.mark.parametrize(("ms", "out"), [(799, []), (800, ["ask"])])
def test_child_settle_to_the_millisecond(ms: int, out: list[str]) -> None:
    """An acknowledged IOC without an end is asked for at child_settle_ms."""
    subject = order(LIVE, asked_ms=T - 10_000)

    assert fire(subject, "timer", ms)[1] == out


def test_a_resting_quote_is_not_asked_for_by_the_clock() -> None:
    """Only an IOC is overdue; a quote may rest for ever."""
    assert fire(order(LIVE, QUOTE), "timer", 10**8)[1] == []


@pytest.mark.parametrize(("ms", "out"), [(1_499, []), (1_500, ["ask"])])
def test_cancel_settle_to_the_millisecond(ms: int, out: list[str]) -> None:
    """A cancel without an end is asked for at cancel_settle_ms."""
    assert fire(order(CANCELLING, QUOTE), "timer", ms)[1] == out


@pytest.mark.parametrize(
    ("state", "first"), [(LIVE, "ask"), (CANCELLING, "ask"), (UNKNOWN, "ask"), (UNSETTLED, "ask_fills")]
)
def test_query_period_to_the_millisecond(state: str, first: str) -> None:
    """Two questions about one order are query_period_ms apart, not a ms less."""
    subject = order(state, claimed=D("0.01"))
    assert fire(subject, "timer", 2_000)[1] == [first]

    assert fire(subject, "timer", 2_699)[1] == []
    assert fire(subject, "timer", 2_700)[1] == [first]


@pytest.mark.parametrize(("ms", "out"), [(699, []), (700, ["ask_fills"])])
def test_missing_fills_are_asked_for_after_a_query_period(ms: int, out: list[str]) -> None:
    """An order that has ended with fills not yet told asks for them at query_period_ms."""
    assert fire(order(UNSETTLED, claimed=D("0.01"), asked_ms=0), "timer", ms)[1] == out


@pytest.mark.parametrize(("ms", "state"), [(4_999, UNKNOWN), (5_000, SETTLED)])
def test_not_found_to_the_millisecond(ms: int, state: str) -> None:
    """ "Not found" is believed the second time, and not before not_found_ms after the request."""
    subject = order(UNKNOWN)
    fire(subject, "not_found", 10)

    fire(subject, "not_found", ms)

    assert subject.state == state
    assert subject.end == ("never_arrived" if state == SETTLED else None)


def test_not_found_once_is_not_believed_however_late() -> None:
    """The first "not found" only counts; so does the first about an order that was shown open."""
    unknown, live = order(UNKNOWN), order(LIVE)

    fire(unknown, "not_found", 60_000)
    fire(live, "not_found", 60_000)

    assert (unknown.state, live.state) == (UNKNOWN, UNKNOWN)
    fire(live, "not_found", 60_700)
    assert live.state == SETTLED


def test_an_order_with_fills_is_never_taken_for_one_that_did_not_arrive() -> None:
    """Something of it traded: "not found" says nothing about the rest."""
    subject = order(UNKNOWN, booked=D("0.004"))
    for ms in (6_000, 7_000, 8_000):
        fire(subject, "not_found", ms)

    assert subject.state == UNKNOWN


@pytest.mark.parametrize("state", [UNKNOWN, UNSETTLED])
@pytest.mark.parametrize(("ms", "alarm"), [(29_999, False), (30_000, True)])
def test_unknown_bound_to_the_millisecond(state: str, ms: int, alarm: bool) -> None:
    """Past unknown_bound_ms there is one alarm; the quantity stays reserved and the questions go on."""
    subject = order(state, claimed=D("0.01"))

    _, out = fire(subject, "timer", ms)
    assert (out == ["alarm"]) == alarm
    assert subject.left == D("0.01") and subject.state == state
    if alarm:
        assert fire(subject, "timer", ms + 1)[1] in (["ask"], ["ask_fills"])
        assert "alarm" not in fire(subject, "timer", ms + 90_000)[1]


def test_an_unknown_order_is_asked_for_and_never_placed_again() -> None:
    """The commands of the whole machine hold no "place"."""
    subject = order(SENT)
    commands = [*fire(subject, "unknown")[1]]
    for ms in range(0, 40_000, 100):
        commands += fire(subject, "timer", ms)[1]

    assert set(commands) == {"ask", "alarm"} and commands.count("alarm") == 1
