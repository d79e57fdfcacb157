"""One order's truth, quotes and hedges alike: from the request to "terminal, and its fills add up".

Rules

1. SETTLED is the only end, and it means two things at once: the exchange will do nothing more with the order, and every
   fill it counts has been booked here. A ticket's next order and a slot's next quote wait for it.
2. A fill is legal in every state. A fill that races a cancel, an answer or an end is the common case, not the rare one.
3. An order that may or may not exist is UNKNOWN. Nobody resends it; it is asked for until the exchange answers, and
   what it might do stays reserved. Past a bound a person decides.
4. "Not found" is believed only when it is said twice and late enough that the request can no longer be under way.
5. Effects put questions, cancels and alarms into `out`; they never place orders.

The payload is an `OrderInput`; which of its members a row reads follows from the event's name.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs

from mmfsm.table import IGNORE, NEVER, STAY, Row, Table
from mmfsm.values import ZERO, OrderRequest, Outcome, Tif

SENT, LIVE, CANCELLING, UNKNOWN, UNSETTLED, SETTLED = "SENT", "LIVE", "CANCELLING", "UNKNOWN", "UNSETTLED", "SETTLED"

BY_HAND = "settled_by_hand"
"""The end of an order that a person's word has settled."""

OrderCommand = Literal["cancel", "ask", "ask_fills", "alarm"]


@attrs.frozen
class OrderLimits:
    """The clocks of an order, all in ms; see the parameters of the same names."""

    answer_bound_ms: int
    child_settle_ms: int
    cancel_settle_ms: int
    query_period_ms: int
    not_found_ms: int
    unknown_bound_ms: int


@attrs.define
class Order:
    """An order of ours. `booked` is what our fills say, `shown` what the exchange has shown it filled so far,
    `claimed` what it says it filled in the end."""

    request: OrderRequest
    owner: str
    sent_ms: int
    state: str = SENT
    order_id: str | None = None
    booked: Decimal = ZERO
    claimed: Decimal | None = None
    shown: Decimal = ZERO
    shown_ms: int = 0
    cancel_wanted: bool = False
    since_ms: int = 0
    doubt_ms: int = 0
    asked_ms: int = 0
    not_found: int = 0
    alarmed: bool = False
    reopened: bool = False
    end: str | None = None
    refusal: Outcome | None = None
    cancel_why: str = ""

    @property
    def resting(self) -> bool:
        """It stands in the book and nothing is asked of it."""
        return self.state == LIVE and self.request.tif is not Tif.IOC

    @property
    def left(self) -> Decimal:
        """What it may still fill: zero once settled."""
        return ZERO if self.state == SETTLED else max(self.request.qty - self.booked, ZERO)

    @property
    def given_up(self) -> bool:
        """It is settled without the exchange's word for its end: refused, never found, or by a person's word."""
        by_us = self.end in ("never_arrived", BY_HAND)
        return self.state == SETTLED and (by_us or self.refusal is not None)


@attrs.define
class OrderInput:
    """What happened to an order. `qty` is a fill's size, `filled` the exchange's cumulative figure."""

    at_ms: int
    limits: OrderLimits
    order_id: str | None = None
    qty: Decimal = ZERO
    filled: Decimal = ZERO
    reason: str | None = None
    outcome: Outcome | None = None
    asked: bool = False


OrderOut = list[OrderCommand]

# --- guards: read only ------------------------------------------------------------------------------------------------


def cancel_wanted(order: Order, _what: OrderInput) -> bool:
    return order.cancel_wanted


def has_fills(order: Order, _what: OrderInput) -> bool:
    return order.booked > 0


def whole(order: Order, what: OrderInput) -> bool:
    """This fill completes the order's quantity."""
    return order.booked + what.qty >= order.request.qty


def completes(order: Order, what: OrderInput) -> bool:
    """This fill completes what the exchange said it filled."""
    return order.claimed is not None and order.booked + what.qty >= order.claimed


def adds_up(order: Order, what: OrderInput) -> bool:
    """Every figure the exchange has told of this order is already booked, whichever was the largest."""
    return order.booked >= max(what.filled, order.shown, order.claimed or ZERO)


def cancel_lost(order: Order, what: OrderInput) -> bool:
    """Asked for after the cancel had its time, and still open."""
    return what.asked and what.at_ms - order.since_ms >= what.limits.cancel_settle_ms


def unanswered(order: Order, what: OrderInput) -> bool:
    return what.at_ms - order.sent_ms >= what.limits.answer_bound_ms


def may_ask(order: Order, what: OrderInput) -> bool:
    return what.at_ms - order.asked_ms >= what.limits.query_period_ms


def fills_lost(order: Order, what: OrderInput) -> bool:
    """The exchange has shown more filled than was told as fills, and has had time to tell."""
    late = what.at_ms - order.shown_ms >= what.limits.query_period_ms
    return order.shown > order.booked and late and may_ask(order, what)


def ioc_beyond_bound(order: Order, what: OrderInput) -> bool:
    return order.request.tif is Tif.IOC and beyond_bound(order, what)


def alarmed(order: Order, _what: OrderInput) -> bool:
    """It has been unknown past its bound, and a person was called."""
    return order.alarmed


def owes_fills(order: Order, what: OrderInput) -> bool:
    """Settled, and now shown to have filled more than was booked."""
    return what.filled > order.booked


def ioc_overdue(order: Order, what: OrderInput) -> bool:
    """An immediate-or-cancel order that should have ended by now, and may be asked for again."""
    overdue = what.at_ms - order.since_ms >= what.limits.child_settle_ms
    return order.request.tif is Tif.IOC and overdue and may_ask(order, what)


def cancel_overdue(order: Order, what: OrderInput) -> bool:
    return what.at_ms - order.since_ms >= what.limits.cancel_settle_ms and may_ask(order, what)


def fills_overdue(order: Order, what: OrderInput) -> bool:
    return what.at_ms - order.since_ms >= what.limits.query_period_ms and may_ask(order, what)


def never_arrived(order: Order, what: OrderInput) -> bool:
    """Nothing ever showed it, it is said to be unknown twice, and too late for the request to be under way."""
    late = what.at_ms - order.sent_ms >= what.limits.not_found_ms
    return late and order.not_found >= 1 and order.booked == 0 and order.order_id is None


def beyond_bound(order: Order, what: OrderInput) -> bool:
    return not order.alarmed and what.at_ms - (order.doubt_ms or order.since_ms) >= what.limits.unknown_bound_ms


# --- effects ----------------------------------------------------------------------------------------------------------


def keep_id(order: Order, what: OrderInput, _out: OrderOut) -> None:
    order.order_id = order.order_id or what.order_id
    if what.filled > order.shown:
        order.shown, order.shown_ms = what.filled, what.at_ms


def enter(order: Order, what: OrderInput, _out: OrderOut) -> None:
    """Start the state's clocks: since when it is in it, and since when its truth is in doubt."""
    order.since_ms = order.doubt_ms = what.at_ms
    order.not_found = 0


def book(order: Order, what: OrderInput, _out: OrderOut) -> None:
    order.booked += what.qty
    order.order_id = order.order_id or what.order_id


def claim(order: Order, what: OrderInput, _out: OrderOut) -> None:
    order.claimed = max(order.claimed or ZERO, what.filled)
    order.end = what.reason or order.end
    order.order_id = order.order_id or what.order_id


def end_filled(order: Order, _what: OrderInput, _out: OrderOut) -> None:
    order.end = order.end or "filled"


def end_refused(order: Order, what: OrderInput, _out: OrderOut) -> None:
    order.end, order.refusal = what.reason or "refused", what.outcome


def end_not_found(order: Order, _what: OrderInput, _out: OrderOut) -> None:
    order.end = "never_arrived"


def want_cancel(order: Order, _what: OrderInput, _out: OrderOut) -> None:
    order.cancel_wanted = True


def end_by_hand(order: Order, _what: OrderInput, _out: OrderOut) -> None:
    order.end = BY_HAND


def send_cancel(order: Order, what: OrderInput, out: OrderOut) -> None:
    order.cancel_wanted, order.since_ms = True, what.at_ms
    out.append("cancel")


def count_not_found(order: Order, _what: OrderInput, _out: OrderOut) -> None:
    order.not_found += 1


def ask(order: Order, what: OrderInput, out: OrderOut) -> None:
    order.asked_ms = what.at_ms
    out.append("ask")


def ask_fills(order: Order, what: OrderInput, out: OrderOut) -> None:
    order.asked_ms = what.at_ms
    out.append("ask_fills")


def alarm(order: Order, _what: OrderInput, out: OrderOut) -> None:
    order.alarmed = True
    out.append("alarm")


# --- the table --------------------------------------------------------------------------------------------------------

EVENTS = {
    "ack": "the place request was accepted: the exchange gave it an id",
    "refused": "the place request was refused for good",
    "unknown": "the place request ended without an answer that can be relied on",
    "told_live": "the stream or a query shows it open",
    "told_end": "the stream or a query shows it ended, with what it filled",
    "fill": "a fill of it is booked",
    "cancel": "we no longer want it",
    "cancel_ok": "the cancel request was accepted",
    "cancel_gone": "the cancel request found no such open order",
    "cancel_failed": "the cancel request was refused or its outcome is unknown",
    "missing": "a reading of all open orders does not show it",
    "not_found": "a query by id says there is no such order",
    "hurry": "its ticket is past a deadline: what is true of it must be known now",
    "given_up": "a person has looked: it is gone, and filled what was booked",
    "timer": "time has passed",
}

NOT_YET = "it has not been answered; the question comes with the timer"
OVER = "it is settled"

# fmt: off
TABLE: Table[Order, OrderInput, OrderOut] = Table(
    "Order",
    states=(SENT, LIVE, CANCELLING, UNKNOWN, UNSETTLED, SETTLED),
    final=(SETTLED,),
    events=EVENTS,
    timeouts={
        SENT: "answer_bound_ms → UNKNOWN",
        LIVE: "an IOC is asked for after child_settle_ms; alarm after unknown_bound_ms",
        CANCELLING: "asked for after cancel_settle_ms; alarm after unknown_bound_ms",
        UNKNOWN: "asked for every query_period_ms; alarm after unknown_bound_ms",
        UNSETTLED: "fills asked for every query_period_ms; alarm after unknown_bound_ms",
    },
    rows=(
        #   source      event            guard                       dest        effects
        Row(SENT,       "ack",           cancel_wanted,              CANCELLING, (keep_id, enter, send_cancel)),
        Row(SENT,       "ack",           None,                       LIVE,       (keep_id, enter)),
        Row(SENT,       "refused",       has_fills,                  UNKNOWN,    (enter, ask), why="refused, yet it traded: ask what is true"),
        Row(SENT,       "refused",       None,                       SETTLED,    (end_refused,)),
        Row(SENT,       "unknown",       None,                       UNKNOWN,    (enter, ask)),
        Row(SENT,       "told_live",     cancel_wanted,              CANCELLING, (keep_id, enter, send_cancel)),
        Row(SENT,       "told_live",     None,                       LIVE,       (keep_id, enter), why="the stream was faster than the answer"),
        Row(SENT,       "told_end",      adds_up,                    SETTLED,    (claim,)),
        Row(SENT,       "told_end",      None,                       UNSETTLED,  (claim, enter)),
        Row(SENT,       "fill",          whole,                      SETTLED,    (book, end_filled)),
        Row(SENT,       "fill",          None,                       STAY,       (book,)),
        Row(SENT,       "cancel",        None,                       STAY,       (want_cancel,), why="a cancel may overtake its order: it waits for the answer"),
        Row(SENT,       "cancel_ok",     None,                       NEVER,      why="no cancel was sent"),
        Row(SENT,       "cancel_gone",   None,                       NEVER,      why="no cancel was sent"),
        Row(SENT,       "cancel_failed", None,                       NEVER,      why="no cancel was sent"),
        Row(SENT,       "missing",       None,                       IGNORE,     why=NOT_YET),
        Row(SENT,       "not_found",     None,                       IGNORE,     why=NOT_YET),
        Row(SENT,       "given_up",      alarmed,                    SETTLED,    (end_by_hand,)),
        Row(SENT,       "given_up",      None,                       IGNORE,     why="the exchange has not been asked for long enough"),
        Row(SENT,       "hurry",         may_ask,                    STAY,       (ask,)),
        Row(SENT,       "hurry",         None,                       IGNORE,     why="asked a moment ago"),
        Row(SENT,       "timer",         unanswered,                 UNKNOWN,    (enter, ask)),
        Row(SENT,       "timer",         None,                       IGNORE,     why="the answer may still come"),

        Row(LIVE,       "ack",           None,                       STAY,       (keep_id,), why="the stream had told of it first"),
        Row(LIVE,       "refused",       None,                       UNKNOWN,    (enter, ask), why="shown open, yet refused: ask what is true"),
        Row(LIVE,       "unknown",       None,                       IGNORE,     why="the stream has already shown it"),
        Row(LIVE,       "told_live",     None,                       STAY,       (keep_id,)),
        Row(LIVE,       "told_end",      adds_up,                    SETTLED,    (claim,)),
        Row(LIVE,       "told_end",      None,                       UNSETTLED,  (claim, enter)),
        Row(LIVE,       "fill",          whole,                      SETTLED,    (book, end_filled)),
        Row(LIVE,       "fill",          None,                       STAY,       (book,)),
        Row(LIVE,       "cancel",        None,                       CANCELLING, (enter, send_cancel)),
        Row(LIVE,       "cancel_ok",     None,                       NEVER,      why="no cancel was sent"),
        Row(LIVE,       "cancel_gone",   None,                       NEVER,      why="no cancel was sent"),
        Row(LIVE,       "cancel_failed", None,                       NEVER,      why="no cancel was sent"),
        Row(LIVE,       "missing",       None,                       STAY,       (ask,), why="believed open, not shown: its end was lost on the stream"),
        Row(LIVE,       "not_found",     None,                       UNKNOWN,    (enter, count_not_found)),
        Row(LIVE,       "given_up",      alarmed,                    SETTLED,    (end_by_hand,)),
        Row(LIVE,       "given_up",      None,                       IGNORE,     why="the exchange has not been asked for long enough"),
        Row(LIVE,       "hurry",         may_ask,                    STAY,       (ask,)),
        Row(LIVE,       "hurry",         None,                       IGNORE,     why="asked a moment ago"),
        Row(LIVE,       "timer",         ioc_beyond_bound,           STAY,       (alarm,), why="latched: nobody can say what became of it"),
        Row(LIVE,       "timer",         ioc_overdue,                STAY,       (ask,)),
        Row(LIVE,       "timer",         fills_lost,                 STAY,       (ask_fills,)),
        Row(LIVE,       "timer",         None,                       IGNORE,     why="a resting order may rest"),

        Row(CANCELLING, "ack",           None,                       STAY,       (keep_id,)),
        Row(CANCELLING, "refused",       None,                       UNKNOWN,    (enter, ask)),
        Row(CANCELLING, "unknown",       None,                       IGNORE,     why="it has been shown to exist"),
        Row(CANCELLING, "told_live",     cancel_lost,                STAY,       (keep_id, send_cancel), why="asked for and still open: the cancel was lost"),
        Row(CANCELLING, "told_live",     None,                       STAY,       (keep_id,)),
        Row(CANCELLING, "told_end",      adds_up,                    SETTLED,    (claim,)),
        Row(CANCELLING, "told_end",      None,                       UNSETTLED,  (claim, enter)),
        Row(CANCELLING, "fill",          whole,                      SETTLED,    (book, end_filled)),
        Row(CANCELLING, "fill",          None,                       STAY,       (book,), why="a fill that races its cancel"),
        Row(CANCELLING, "cancel",        None,                       IGNORE,     why="it is being cancelled"),
        Row(CANCELLING, "cancel_ok",     None,                       IGNORE,     why="accepted is not ended; the end is told or asked for"),
        Row(CANCELLING, "cancel_gone",   None,                       STAY,       (ask,), why="filled or gone: its true end is fetched"),
        Row(CANCELLING, "cancel_failed", None,                       IGNORE,     why="asked for by the timer, and cancelled again if still open"),
        Row(CANCELLING, "missing",       None,                       STAY,       (ask,)),
        Row(CANCELLING, "not_found",     None,                       UNKNOWN,    (enter, count_not_found)),
        Row(CANCELLING, "given_up",      alarmed,                    SETTLED,    (end_by_hand,)),
        Row(CANCELLING, "given_up",      None,                       IGNORE,     why="the exchange has not been asked for long enough"),
        Row(CANCELLING, "hurry",         may_ask,                    STAY,       (ask,)),
        Row(CANCELLING, "hurry",         None,                       IGNORE,     why="asked a moment ago"),
        Row(CANCELLING, "timer",         beyond_bound,               STAY,       (alarm,)),
        Row(CANCELLING, "timer",         cancel_overdue,             STAY,       (ask,)),
        Row(CANCELLING, "timer",         fills_lost,                 STAY,       (ask_fills,)),
        Row(CANCELLING, "timer",         None,                       IGNORE,     why="the end may still come"),

        Row(UNKNOWN,    "ack",           cancel_wanted,              CANCELLING, (keep_id, enter, send_cancel)),
        Row(UNKNOWN,    "ack",           None,                       LIVE,       (keep_id, enter), why="a late answer"),
        Row(UNKNOWN,    "refused",       has_fills,                  STAY,       (ask,)),
        Row(UNKNOWN,    "refused",       None,                       SETTLED,    (end_refused,)),
        Row(UNKNOWN,    "unknown",       None,                       IGNORE,     why="it is being asked for"),
        Row(UNKNOWN,    "told_live",     cancel_wanted,              CANCELLING, (keep_id, enter, send_cancel)),
        Row(UNKNOWN,    "told_live",     None,                       LIVE,       (keep_id, enter)),
        Row(UNKNOWN,    "told_end",      adds_up,                    SETTLED,    (claim,)),
        Row(UNKNOWN,    "told_end",      None,                       UNSETTLED,  (claim, enter)),
        Row(UNKNOWN,    "fill",          whole,                      SETTLED,    (book, end_filled)),
        Row(UNKNOWN,    "fill",          None,                       STAY,       (book,)),
        Row(UNKNOWN,    "cancel",        None,                       STAY,       (want_cancel,)),
        Row(UNKNOWN,    "cancel_ok",     None,                       IGNORE,     why="its end is being asked for"),
        Row(UNKNOWN,    "cancel_gone",   None,                       IGNORE,     why="its end is being asked for"),
        Row(UNKNOWN,    "cancel_failed", None,                       IGNORE,     why="its end is being asked for"),
        Row(UNKNOWN,    "missing",       None,                       IGNORE,     why="it is being asked for by id, which tells more"),
        Row(UNKNOWN,    "not_found",     never_arrived,              SETTLED,    (end_not_found,)),
        Row(UNKNOWN,    "not_found",     None,                       STAY,       (count_not_found,), why="it may still be under way"),
        Row(UNKNOWN,    "given_up",      alarmed,                    SETTLED,    (end_by_hand,)),
        Row(UNKNOWN,    "given_up",      None,                       IGNORE,     why="the exchange has not been asked for long enough"),
        Row(UNKNOWN,    "hurry",         may_ask,                    STAY,       (ask,)),
        Row(UNKNOWN,    "hurry",         None,                       IGNORE,     why="asked a moment ago"),
        Row(UNKNOWN,    "timer",         beyond_bound,               STAY,       (alarm,), why="latched: a person decides, the quantity stays reserved"),
        Row(UNKNOWN,    "timer",         may_ask,                    STAY,       (ask,)),
        Row(UNKNOWN,    "timer",         None,                       IGNORE,     why="asked a moment ago"),

        Row(UNSETTLED,  "ack",           None,                       STAY,       (keep_id,)),
        Row(UNSETTLED,  "refused",       None,                       IGNORE,     why="it has been shown to have traded"),
        Row(UNSETTLED,  "unknown",       None,                       IGNORE,     why="its end is known"),
        Row(UNSETTLED,  "told_live",     None,                       IGNORE,     why="older than the end"),
        Row(UNSETTLED,  "told_end",      adds_up,                    SETTLED,    (claim,)),
        Row(UNSETTLED,  "told_end",      None,                       STAY,       (claim,)),
        Row(UNSETTLED,  "fill",          completes,                  SETTLED,    (book,)),
        Row(UNSETTLED,  "fill",          None,                       STAY,       (book,)),
        Row(UNSETTLED,  "cancel",        None,                       IGNORE,     why="it has ended"),
        Row(UNSETTLED,  "cancel_ok",     None,                       IGNORE,     why="it has ended"),
        Row(UNSETTLED,  "cancel_gone",   None,                       IGNORE,     why="it has ended"),
        Row(UNSETTLED,  "cancel_failed", None,                       IGNORE,     why="it has ended"),
        Row(UNSETTLED,  "missing",       None,                       IGNORE,     why="it has ended"),
        Row(UNSETTLED,  "not_found",     None,                       IGNORE,     why="its end has been told"),
        Row(UNSETTLED,  "given_up",      alarmed,                    SETTLED,    (end_by_hand,)),
        Row(UNSETTLED,  "given_up",      None,                       IGNORE,     why="the exchange has not been asked for long enough"),
        Row(UNSETTLED,  "hurry",         may_ask,                    STAY,       (ask_fills,)),
        Row(UNSETTLED,  "hurry",         None,                       IGNORE,     why="asked a moment ago"),
        Row(UNSETTLED,  "timer",         beyond_bound,               STAY,       (alarm,)),
        Row(UNSETTLED,  "timer",         fills_overdue,              STAY,       (ask_fills,)),
        Row(UNSETTLED,  "timer",         None,                       IGNORE,     why="the fills may still come by push"),

        Row(SETTLED,    "fill",          None,                       STAY,       (book,), why="later than its end said: booked and hedged all the same"),
        Row(SETTLED,    "ack",           None,                       STAY,       (keep_id,), why="filled before the answer came"),
        Row(SETTLED,    "told_end",      owes_fills,                 STAY,       (keep_id, ask_fills), why="refused or not found, yet it traded"),
        *(Row(SETTLED,  event,           None,                       IGNORE,     why=OVER) for event in EVENTS if event not in ("fill", "ack")),
    ),
)
# fmt: on
