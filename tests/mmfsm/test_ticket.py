"""The hedge machine alone, under a frozen clock: from fill to flat, a millisecond on each side of every limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.clock import now_ms
from mmfsm.machines import ticket as machine
from mmfsm.machines.ticket import (
    CHASING,
    DONE,
    PARTIAL,
    PENDING,
    UNWINDING,
    Child,
    CloseTicket,
    HedgeLimits,
    HedgeTicket,
    HedgeView,
    SendChild,
    SkipHedge,
    TicketInput,
    TicketOut,
    next_due_ms,
    open_ticket,
    step,
)
from mmfsm.testing import constraints
from mmfsm.values import ZERO, InstType, Leg, OrderIntent, Side

D = Decimal
FILLED_AT = datetime(2026, 11, 2, 9, 30, 0, 123_000, tzinfo=UTC)
LIMITS = HedgeLimits(
    hedge_deadline_ms=1_500,
    max_unhedged_ms=5_000,
    hedge_retry_ms=200,
    unwind_retry_ms=300,
    hedge_slip_bps=D(5),
    chase_step_bps=D(10),
    hedge_slip_max_bps=D(100),
    unwind_slip_bps=D(50),
)
VIEW = HedgeView(constraints(), LIMITS, D("2501.00"), D("2501.01"), D("2500.00"), D("2500.01"))


def view(perp_pos: str = "0", **changes: object) -> HedgeView:
    return attrs.evolve(VIEW, perp_pos=D(perp_pos), **changes)


def at(ms: int) -> datetime:
    """The moment so many ms after the perp fill."""
    return FILLED_AT + timedelta(milliseconds=ms)


def happens(
    ticket: HedgeTicket, event: str, ms: int, qty: str = "0", seen: HedgeView | None = None
) -> list[SendChild | SkipHedge | CloseTicket]:
    """Freeze the clock `ms` after the fill and tell the ticket of one event."""
    with freeze_time(at(ms)):
        return step(ticket, event, TicketInput(now_ms(), seen or view("0.02"), D(qty)))


def opened(qty: str = "0.02", side: Side = Side.BUY, seen: HedgeView | None = None) -> tuple[HedgeTicket, TicketOut]:
    with freeze_time(at(0)):
        return open_ticket("mm-Hsi-1-1-1", 1, side, D(qty), TicketInput(now_ms(), seen or view("0.02")))


def in_state(state: str, qty: str = "0.02", side: Side = Side.BUY) -> HedgeTicket:
    """A ticket in a state, nothing out, free to act at once."""
    ticket, _ = opened(qty, side)
    ticket.state, ticket.child, ticket.next_try_ms = state, None, 0
    return ticket


def settle(ticket: HedgeTicket, ms: int, filled: str = "0", seen: HedgeView | None = None) -> TicketOut:
    """Its order fills so much and ends; returns what the end makes it ask for."""
    assert ticket.child is not None
    event = "hedge_filled" if ticket.child.inst is InstType.SPOT else "unwind_filled"
    if D(filled):
        happens(ticket, event, ms, filled, seen)
    return happens(ticket, "child_settled", ms, seen=seen)


def sums_up(ticket: HedgeTicket) -> bool:
    return ticket.want == ticket.filled + ticket.unwound + ticket.netted + ticket.dust + ticket.remain


# --- the first hedge and partial fills --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "hedge_side", "price"),
    [(Side.BUY, Side.SELL, "2499.74"), (Side.SELL, Side.BUY, "2502.27")],
)
def test_a_fill_is_hedged_at_once_and_rounded_toward_being_filled(side: Side, hedge_side: Side, price: str) -> None:
    """Opposite side, whole size, 5 bps through the touch; a sale's limit is rounded down, a purchase's up."""
    ticket, out = opened("0.02", side)

    assert out == [SendChild(InstType.SPOT, hedge_side, D("0.02"), D(price), OrderIntent.HEDGE, Leg.SPOT_IOC)]
    assert (ticket.state, ticket.tries, ticket.child) == (PENDING, 1, Child(InstType.SPOT, hedge_side, D("0.02")))


def test_partial_fills_are_followed_to_remain_zero() -> None:
    """Each settled part is followed by an order for the rest, until DONE with remain 0 and no dust."""
    ticket, _ = opened("0.02")

    (second,) = settle(ticket, 250, "0.0063")
    assert (ticket.state, second.qty, ticket.remain) == (PARTIAL, D("0.0137"), D("0.0137"))
    (third,) = settle(ticket, 500, "0.0100")
    assert (third.qty, ticket.tries) == (D("0.0037"), 3)
    assert settle(ticket, 501, "0.0037") == [CloseTicket(D("0.0000"), "hedged")]
    assert (ticket.state, ticket.remain, ticket.dust, ticket.filled) == (DONE, 0, 0, D("0.02"))


def test_nothing_is_sent_while_an_order_is_out() -> None:
    """Fills, growth and time do not send a second order before the first is settled."""
    ticket, _ = opened("0.02")

    assert happens(ticket, "hedge_filled", 100, "0.01") == []
    assert happens(ticket, "grow", 200, "0.05") == []
    assert happens(ticket, "timer", 1_499) == []
    assert happens(ticket, "timer", 60_000) == []
    assert ticket.tries == 1


def test_twenty_partial_fills_are_two_orders() -> None:
    """What comes while an order is out joins the ticket and goes out as one order after it."""
    ticket, _ = opened("0.01")
    for _ in range(19):
        assert happens(ticket, "grow", 5, "0.01") == []

    (rest,) = settle(ticket, 300, "0.01")

    assert (rest.qty, ticket.tries, ticket.want) == (D("0.19"), 2, D("0.20"))


def test_a_base_coin_fee_leaves_dust_below_the_minimum_and_closes() -> None:
    """0.02 bought, 0.01998 received: 0.00002 is less than spot can trade, named as dust with its sign."""
    ticket, _ = opened("0.02", Side.SELL)

    out = settle(ticket, 50, "0.01998")

    assert out == [CloseTicket(D("-0.00002"), "hedged")]
    assert (ticket.dust, ticket.remain, ticket.state) == (D("0.00002"), 0, DONE)


def test_more_than_wanted_closes_with_dust_of_the_other_sign() -> None:
    """A child that filled more than what remained is dust of the other sign, handed back."""
    ticket, _ = opened("0.01")

    assert settle(ticket, 50, "0.0104") == [CloseTicket(D("-0.0004"), "hedged")]
    assert ticket.dust == D("-0.0004") and sums_up(ticket)


def test_below_both_minimums_nothing_is_sent_and_the_fill_is_carried() -> None:
    """0.0003 ETH is 0.75 USDT: skipped as below_min, and the ticket is DONE as dust."""
    ticket, out = opened("0.0003")

    assert out == [SkipHedge(D("0.0003"), "below_min"), CloseTicket(D("0.0003"), "dust")]
    assert (ticket.state, ticket.child, ticket.remain) == (DONE, None, 0)


def test_without_a_spot_price_the_hedge_waits_for_the_book_and_the_deadline_runs() -> None:
    """No book: nothing to send; with the book the timer sends it; nothing is called dust meanwhile."""
    blind = view("0.02", spot_bid=None, spot_ask=None)
    ticket, out = opened("0.02", seen=blind)
    assert (out, ticket.state) == ([], PENDING)

    assert happens(ticket, "timer", 10, seen=blind) == []
    (sent,) = happens(ticket, "timer", 20)
    assert (sent.inst, sent.qty) == (InstType.SPOT, D("0.02"))
    assert ticket.deadline_ms - ticket.opened_ms == 1_500


# --- frozen clocks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [PENDING, PARTIAL])
@pytest.mark.parametrize(("ms", "after"), [(1_499, "same"), (1_500, CHASING), (1_501, CHASING)])
def test_hedge_deadline_to_the_millisecond(state: str, ms: int, after: str) -> None:
    """One ms before hedge_deadline_ms it is not chased; at it, it is."""
    ticket, _ = opened("0.02")
    ticket.state = state

    happens(ticket, "timer", ms)

    assert ticket.state == (state if after == "same" else after)


@pytest.mark.parametrize(("ms", "after"), [(4_999, CHASING), (5_000, UNWINDING)])
def test_max_unhedged_to_the_millisecond(ms: int, after: str) -> None:
    """After at least one chase, and nothing out, max_unhedged_sec turns to unwinding on its millisecond."""
    ticket = in_state(CHASING)
    ticket.chases, ticket.next_try_ms = 1, 10**15

    out = happens(ticket, "timer", ms)

    assert ticket.state == after
    sells = [SendChild(InstType.PERP, Side.SELL, D("0.02"), D("2487.50"), OrderIntent.UNWIND, Leg.PERP_UNWIND, True)]
    assert out == (sells if after == UNWINDING else [])


def test_it_is_chased_at_least_once_before_it_is_unwound() -> None:
    """Past max_unhedged_sec without a chase, the first thing sent is a chase."""
    ticket = in_state(CHASING)

    (sent,) = happens(ticket, "timer", 9_000)

    assert (sent.intent, ticket.state, ticket.chases) == (OrderIntent.HEDGE, CHASING, 1)


def test_an_order_that_is_out_is_waited_for_past_every_limit() -> None:
    """A ticket that unwinds has no unresolved hedge: with one out it stays CHASING, however late."""
    ticket, _ = opened("0.02")
    happens(ticket, "timer", 1_500)

    assert happens(ticket, "timer", 3_600_000) == []
    assert (ticket.state, ticket.child is not None) == (CHASING, True)


@pytest.mark.parametrize(("ms", "sent"), [(199, 0), (200, 1)])
@pytest.mark.parametrize("state", [PENDING, PARTIAL, CHASING])
def test_hedge_retry_pace_to_the_millisecond(state: str, ms: int, sent: int) -> None:
    """The next hedge goes hedge_retry_ms after the last, not a ms before."""
    ticket, _ = opened("0.02")
    happens(ticket, "child_settled", 1)
    ticket.state = state

    assert len(happens(ticket, "timer", ms)) == sent


@pytest.mark.parametrize(("ms", "sent"), [(6_299, 0), (6_300, 1)])
def test_unwind_retry_pace_to_the_millisecond(ms: int, sent: int) -> None:
    """The next unwind goes unwind_retry_ms after the last, not a ms before."""
    ticket = in_state(UNWINDING)
    (first,) = happens(ticket, "timer", 6_000)
    assert first.inst is InstType.PERP
    assert happens(ticket, "child_settled", 6_010) == []

    assert len(happens(ticket, "timer", ms)) == sent


@pytest.mark.parametrize("skew_ms", range(0, 1000, 37))
def test_limits_are_exact_at_any_fraction_of_a_second(skew_ms: int) -> None:
    """Whatever ms the fill fell on, the deadline falls exactly hedge_deadline_ms later."""
    opened_at = FILLED_AT + timedelta(milliseconds=skew_ms)
    with freeze_time(opened_at):
        ticket, _ = open_ticket("h", 1, Side.BUY, D("0.02"), TicketInput(now_ms(), view("0.02")))
    states = []
    for ms in (1_499, 1_500):
        with freeze_time(opened_at + timedelta(milliseconds=ms)):
            step(ticket, "timer", TicketInput(now_ms(), view("0.02")))
            states.append(ticket.state)

    assert states == [PENDING, CHASING]


def test_next_due_names_the_clock_that_decides_next() -> None:
    """Deadline while an order is out; the pace when none is; nothing while a chase is out or it is DONE."""
    ticket, _ = opened("0.02")
    start = ticket.opened_ms

    assert next_due_ms(ticket) == start + 1_500
    happens(ticket, "child_settled", 10)
    assert next_due_ms(ticket) == start + 200
    ticket.state = CHASING
    assert next_due_ms(ticket) == start + 200
    ticket.next_try_ms = start + 9_000
    assert next_due_ms(ticket) == start + 5_000
    ticket.state = UNWINDING
    assert next_due_ms(ticket) == start + 9_000
    ticket.child = Child(InstType.PERP, Side.SELL, D("0.02"))
    assert next_due_ms(ticket) is None
    ticket.state = DONE
    assert next_due_ms(ticket) is None


# --- chasing ----------------------------------------------------------------------------------------------------------


def test_each_chase_is_wider_up_to_the_cap() -> None:
    """15, 25, 35 … bps through the touch, never past hedge_slip_max_bps."""
    ticket = in_state(CHASING)
    prices = []
    for n in range(12):
        (sent,) = happens(ticket, "timer", 1_500 + 200 * n)
        prices.append(sent.price)
        ticket.child = None

    slips = [min(D(5) + 10 * n, D(100)) for n in range(1, 13)]
    assert prices == [(D(2501) * (1 - s / 10_000)).quantize(D("0.01"), "ROUND_FLOOR") for s in slips]
    assert prices[-1] == prices[-2] == D("2475.99")


def test_a_chase_stays_a_tenth_inside_the_price_band() -> None:
    """A cap wider than the ±2 % band of spot is cut to 1.8 %."""
    wide = attrs.evolve(LIMITS, hedge_slip_max_bps=D(190), chase_step_bps=D(100))
    ticket = in_state(CHASING)
    ticket.chases = 5

    (sent,) = happens(ticket, "timer", 2_000, seen=view("0.02", limits=wide))

    assert sent.price == (D("2501.00") * (1 - D("0.018"))).quantize(D("0.01"), "ROUND_FLOOR")


@pytest.mark.parametrize("state", [PENDING, PARTIAL])
def test_a_breach_of_the_notional_limit_chases_at_once(state: str) -> None:
    """The deadline becomes now; with nothing out the first chase goes in the same step."""
    ticket = in_state(state)

    (sent,) = happens(ticket, "breach", 700)

    assert (ticket.state, ticket.chases, ticket.reason) == (CHASING, 1, "unhedged_notional")
    assert ticket.deadline_ms == ticket.opened_ms + 700
    assert sent.price == (D("2501.00") * (1 - D("0.0015"))).quantize(D("0.01"), "ROUND_FLOOR")


@pytest.mark.parametrize("state", [CHASING, UNWINDING])
def test_a_breach_changes_nothing_once_it_is_being_worked_on(state: str) -> None:
    """CHASING and UNWINDING keep their state and their reason."""
    ticket, _ = opened()
    ticket.state = state

    assert happens(ticket, "breach", 700) == []
    assert (ticket.state, ticket.reason) == (state, "perp_fill")


# --- unwinding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [PENDING, PARTIAL, CHASING])
def test_43012_goes_straight_to_unwinding(state: str) -> None:
    """A refusal of the leg for good is not retried while the price runs: the unwind leaves in the same step."""
    ticket, _ = opened("0.02")
    ticket.state = state

    (sent,) = happens(ticket, "spot_refused", 30)

    assert ticket.state == UNWINDING
    assert (sent.inst, sent.side, sent.qty, sent.reduce_only) == (InstType.PERP, Side.SELL, D("0.02"), True)


def test_unwinding_is_reduce_only_where_it_reduces() -> None:
    """Long 0.05, a bid filled 0.01: selling 0.01 reduces, so it is reduce-only."""
    ticket, _ = opened("0.01", seen=view("0.05"))

    (sent,) = happens(ticket, "spot_refused", 10, seen=view("0.05"))

    assert (sent.side, sent.qty, sent.reduce_only) == (Side.SELL, D("0.01"), True)


def test_unwinding_is_plain_where_the_fill_had_reduced() -> None:
    """Short 0.05, a bid filled 0.01 (now short 0.04), spot refused: undoing it means a plain sale of 0.01."""
    ticket, _ = opened("0.01", seen=view("-0.04"))

    (sent,) = happens(ticket, "spot_refused", 10, seen=view("-0.04"))

    assert (sent.side, sent.qty, sent.reduce_only) == (Side.SELL, D("0.01"), False)


def test_unwinding_across_zero_first_reduces_then_is_plain() -> None:
    """Short 0.05, a bid filled 0.07 (now long 0.02): 0.02 reduce-only, then 0.05 plain, 0.07 in all."""
    ticket, _ = opened("0.07", seen=view("0.02"))
    (first,) = happens(ticket, "spot_refused", 10, seen=view("0.02"))
    assert (first.qty, first.reduce_only) == (D("0.02"), True)

    assert settle(ticket, 20, "0.02", view("0")) == []
    (second,) = happens(ticket, "timer", 310, seen=view("0"))
    assert (second.qty, second.reduce_only) == (D("0.05"), False)
    assert settle(ticket, 320, "0.05", view("-0.05")) == [CloseTicket(D("0.00"), "unwound")]
    assert (ticket.unwound, ticket.remain) == (D("0.07"), 0)


def test_an_unwind_is_never_more_than_the_remainder() -> None:
    """With 0.60 on the perp and 0.0231 left, 0.02 is sold: the carry stays, the rest waits for spot."""
    ticket = in_state(UNWINDING, "0.0231")

    (sent,) = happens(ticket, "timer", 6_000, seen=view("0.60"))

    assert sent.qty == D("0.02")


def test_what_the_perp_cannot_trade_goes_back_to_spot() -> None:
    """0.0231: 0.02 on the perp, then 0.0031 on spot as spot_unwind at the widest slip."""
    ticket = in_state(UNWINDING, "0.0231")
    happens(ticket, "timer", 6_000, seen=view("0.60"))

    settle(ticket, 6_100, "0.02", view("0.58"))
    (sent,) = happens(ticket, "timer", 6_300, seen=view("0.58"))

    assert (sent.inst, sent.qty, sent.leg, sent.intent) == (
        InstType.SPOT,
        D("0.0031"),
        Leg.SPOT_UNWIND,
        OrderIntent.UNWIND,
    )
    assert sent.price == D("2475.99")


def test_where_spot_has_refused_the_perp_order_is_rounded_up_and_the_excess_is_handed_back() -> None:
    """0.0034 left, spot refused, long 0.05: one perp step is sold, and −0.0066 is the desk's to hedge."""
    ticket = in_state(UNWINDING, "0.0034")
    ticket.spot_refused = True

    (sent,) = happens(ticket, "timer", 6_000, seen=view("0.05"))
    assert (sent.qty, sent.reduce_only) == (D("0.01"), True)
    assert settle(ticket, 6_050, "0.01", view("0.04")) == [CloseTicket(D("-0.0066"), "unwound")]


def test_22002_settles_nothing_the_rest_goes_back_to_spot() -> None:
    """The perp says there is nothing to reduce: after the pace, spot is tried with all of it."""
    ticket = in_state(UNWINDING)
    happens(ticket, "timer", 6_000)

    assert happens(ticket, "perp_refused", 6_010) == []
    assert happens(ticket, "timer", 6_309) == []
    (sent,) = happens(ticket, "timer", 6_310)
    assert (sent.inst, sent.qty, ticket.remain) == (InstType.SPOT, D("0.02"), D("0.02"))


def test_refused_by_both_legs_it_says_so_and_tries_both_again_slowly() -> None:
    """Nothing is left alone: refusals are forgotten and the perp is tried again ten paces later."""
    ticket = in_state(UNWINDING)
    ticket.spot_refused = True
    happens(ticket, "timer", 6_000)
    happens(ticket, "perp_refused", 6_010)

    assert happens(ticket, "timer", 6_310) == [SkipHedge(D("0.02"), "both_legs_refused")]
    assert happens(ticket, "timer", 9_309) == []
    (sent,) = happens(ticket, "timer", 9_310)
    assert sent.inst is InstType.PERP and ticket.state == UNWINDING


def test_a_late_hedge_fill_shrinks_the_unwind() -> None:
    """A spot fill that arrives in UNWINDING is booked: the next unwind is for what then remains."""
    ticket = in_state(UNWINDING, "0.05")

    out = happens(ticket, "hedge_filled", 6_000, "0.02", view("0.05"))

    assert ticket.remain == D("0.03")
    assert [(o.inst, o.qty) for o in out] == [(InstType.PERP, D("0.03"))]


# --- netting, growing, the end ----------------------------------------------------------------------------------------


def test_an_opposite_fill_nets_only_what_has_not_been_sent() -> None:
    """With 0.02 out of 0.05 sent, 0.03 may be netted."""
    ticket, _ = opened("0.02")
    happens(ticket, "grow", 10, "0.03")
    assert ticket.unsent == D("0.03")

    happens(ticket, "net", 20, "0.03")

    assert (ticket.unsent, ticket.netted, ticket.remain) == (0, D("0.03"), D("0.02"))
    assert settle(ticket, 300, "0.02") == [CloseTicket(D("0.00"), "hedged")]


def test_netted_whole_before_anything_was_sent_it_is_done() -> None:
    """No order is sent for what cancelled itself out."""
    ticket = in_state(PENDING)

    assert happens(ticket, "net", 10, "0.02") == [CloseTicket(D("0.00"), "netted")]
    assert ticket.state == DONE


@pytest.mark.parametrize(("event", "booked"), [("hedge_filled", "filled"), ("unwind_filled", "unwound")])
def test_a_fill_after_the_end_is_booked_and_handed_back(event: str, booked: str) -> None:
    """DONE is final, its sum stays true, and the late fill's delta is the desk's, of the other sign."""
    ticket, _ = opened("0.02")
    settle(ticket, 100, "0.02")
    before = getattr(ticket, booked)

    assert happens(ticket, event, 9_000, "0.005") == [CloseTicket(D("-0.005"), "late_fill")]
    assert getattr(ticket, booked) == before + D("0.005")
    assert (ticket.state, ticket.remain) == (DONE, 0) and sums_up(ticket)


@pytest.mark.parametrize("state", [PENDING, PARTIAL, CHASING])
@pytest.mark.parametrize("event", ["unwind_filled", "perp_refused"])
def test_a_perp_answer_before_unwinding_is_impossible(state: str, event: str) -> None:
    """No perp order was sent, so the row says NEVER and nothing changes."""
    ticket, _ = opened("0.02")
    ticket.state = state
    before = attrs.asdict(ticket)

    row = machine.TABLE.fire(ticket, event, TicketInput(ticket.opened_ms, view("0.02"), D("0.01")), [])

    assert row.impossible and attrs.asdict(ticket) == before


@pytest.mark.parametrize("event", ["opened", "grow", "net"])
def test_a_done_ticket_takes_no_new_exposure(event: str) -> None:
    """A further fill opens a ticket of its own; telling a DONE one is impossible."""
    ticket, _ = opened("0.02")
    settle(ticket, 100, "0.02")

    assert machine.TABLE.fire(ticket, event, TicketInput(ticket.opened_ms, view("0.02"), D("0.01")), []).impossible
    assert sums_up(ticket) and ticket.remain == 0


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_whatever_happens_the_sum_holds_and_no_order_exceeds_the_remainder(data: st.DataObject) -> None:
    """want = filled + unwound + netted + dust + remain to the step; one order out; in flight ≤ remain (or one step)."""
    side = data.draw(st.sampled_from(list(Side)))
    perp_pos = data.draw(st.integers(-20, 20)) * D("0.01")
    ticket, out = opened("0.07", side, view(str(perp_pos)))
    now = 0
    for _ in range(data.draw(st.integers(1, 25))):
        for command in out:
            if isinstance(command, SendChild):
                step_ = D("0.01") if command.inst is InstType.PERP else ZERO
                assert command.qty < ticket.remain + step_ or command.qty == ticket.remain
                assert ticket.child == Child(command.inst, command.side, command.qty)
        assert sums_up(ticket) and (ticket.state != DONE or ticket.remain == 0)
        if ticket.state == DONE:
            break
        now += data.draw(st.sampled_from([0, 1, 199, 300, 1_500, 5_000]))
        events = ["timer", "breach", "grow"]
        qty = D("0.01")
        if ticket.child is not None:
            spot = ticket.child.inst is InstType.SPOT
            events += ["child_settled", "filled", "spot_refused" if spot else "perp_refused"]
        if ticket.unsent >= qty:
            events.append("net")
        event = data.draw(st.sampled_from(events))
        if event == "filled":
            assert ticket.child is not None
            event = "hedge_filled" if ticket.child.inst is InstType.SPOT else "unwind_filled"
            qty = min(ticket.child.qty, qty)
        with_pos = view(str(perp_pos))
        out = step(ticket, event, TicketInput(ticket.opened_ms + now, with_pos, qty))
