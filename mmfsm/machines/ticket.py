"""HedgeTicket: one exposure, from the perp fill that made it to flat. The heart of the library.

Rules

1. `want = filled + unwound + netted + dust + remain`, exactly, at every moment; DONE means remain is zero. `dust` is
   what neither leg can trade; it is handed back to the desk with its sign when the ticket closes.
2. At most one child order is out. The next goes when the last is settled, that is terminal with its fills added up;
   `child` is set from the sending to the settling, and again while one that was given up is asked for once more.
   Whether to send is decided in one place: the `timer` rows.
3. PENDING and PARTIAL hedge on spot at the first slip. Past `deadline_ms`, or told of a breach of the notional limit,
   CHASING widens the slip at every try, inside the exchange's band. Past `unhedged_until_ms`, after at least one
   chase, or when spot refuses for good, UNWINDING reverses the perp fill.
4. An unwind is never larger than what remains. It is reduce-only where it reduces the position, and plain (bounded by
   the remainder) where the fill had itself reduced it.
5. In UNWINDING what the perp cannot trade (less than its step, or refused) goes back to spot; where spot has refused
   for good, the perp order is rounded up and the excess is hedged on spot by whoever reads `dust`.
6. A fill of a child is booked in every state. More than was wanted makes dust of the other sign.

The payload is a `TicketInput`; effects append `TicketCommand`s. Nothing here knows of a desk: this file is usable alone.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from decimal import Decimal

from mmfsm.arithmetic import in_our_context
from mmfsm.machines.ticket_parts import (
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
    TicketCommand,
    TicketInput,
    TicketOut,
    add_netted,
    add_want,
    below_min,
    book_filled,
    book_unwound,
    both_refused,
    busy,
    chase_if_free,
    close,
    forget_refusals,
    free_child,
    hurry,
    may_hedge,
    may_rest_on_spot,
    may_round_up,
    may_unwind,
    note_deadline,
    note_perp_refused,
    note_spot_refused,
    note_unwind,
    over,
    past_deadline,
    past_unhedged,
    send_chase,
    send_hedge,
    send_spot_rest,
    send_unwind,
    send_unwind_up,
    skip_below_min,
    spill,
    unwind_if_free,
    wait_for,
)
from mmfsm.table import IGNORE, NEVER, STAY, Row, Table
from mmfsm.values import Side

__all__ = [
    "CHASING",
    "DONE",
    "PARTIAL",
    "PENDING",
    "TABLE",
    "UNWINDING",
    "Child",
    "CloseTicket",
    "HedgeLimits",
    "HedgeTicket",
    "HedgeView",
    "SendChild",
    "SkipHedge",
    "TicketCommand",
    "TicketInput",
    "TicketOut",
    "next_due_ms",
    "open_ticket",
    "step",
]

# --- the table --------------------------------------------------------------------------------------------------------

EVENTS = {
    "opened": "a perp fill made this exposure",
    "grow": "a further perp fill of the same side",
    "net": "an opposite perp fill, against what has not been sent",
    "hedge_filled": "a fill of its spot order is booked (qty net of base-coin fee)",
    "unwind_filled": "a fill of its perp order is booked",
    "child_settled": "its order is terminal and its fills add up",
    "taken_up": "an order of it that was refused or never found may have traded after all",
    "spot_refused": "spot refused its order for good (no balance)",
    "perp_refused": "the perp refused its order, or said there is nothing to reduce",
    "breach": "the notional limit on open exposure is exceeded",
    "timer": "time has passed, a book has moved, or one of the above happened",
}

LATE = "it is done: the desk owns what comes later"
ONCE = "a ticket is opened once"
BOTH = "its next order is out: the one after waits for both"

# fmt: off
TABLE: Table[HedgeTicket, TicketInput, TicketOut] = Table(
    "HedgeTicket",
    states=(PENDING, PARTIAL, CHASING, UNWINDING, DONE),
    final=(DONE,),
    events=EVENTS,
    timeouts={
        PENDING: "hedge_deadline_ms → CHASING",
        PARTIAL: "hedge_deadline_ms → CHASING",
        CHASING: "max_unhedged_sec → UNWINDING",
        UNWINDING: "a try every unwind_retry_ms",
    },
    rows=(
        #   source     event            guard             dest       effects
        Row(PENDING,   "opened",        below_min,        DONE,      (skip_below_min, close), why="carried as dust; joins the next ticket"),
        Row(PENDING,   "opened",        may_hedge,        STAY,      (send_hedge,), why="at once, from the fill's own handler"),
        Row(PENDING,   "opened",        None,             IGNORE,    why="no spot price yet: the timer sends it, the deadline runs"),
        Row(PENDING,   "grow",          None,             STAY,      (add_want,)),
        Row(PENDING,   "net",           None,             STAY,      (add_netted,)),
        Row(PENDING,   "hedge_filled",  None,             PARTIAL,   (book_filled,)),
        Row(PENDING,   "unwind_filled", None,             NEVER,     why="no perp order was sent"),
        Row(PENDING,   "child_settled", None,             STAY,      (free_child,)),
        Row(PENDING,   "taken_up",      busy,             IGNORE,    why=BOTH),
        Row(PENDING,   "taken_up",      None,             STAY,      (wait_for,), why="what it may have traded is asked for: nothing is sent on top of it"),
        Row(PENDING,   "spot_refused",  None,             UNWINDING, (note_spot_refused,), why="43012 is final: no retry while the price runs"),
        Row(PENDING,   "perp_refused",  None,             NEVER,     why="no perp order was sent"),
        Row(PENDING,   "breach",        None,             CHASING,   (hurry, chase_if_free)),
        Row(PENDING,   "timer",         over,             DONE,      (close,)),
        Row(PENDING,   "timer",         past_deadline,    CHASING,   (note_deadline, chase_if_free)),
        Row(PENDING,   "timer",         may_hedge,        STAY,      (send_hedge,)),
        Row(PENDING,   "timer",         None,             IGNORE,    why="its order is out, or the pace or the book says wait"),

        Row(PARTIAL,   "opened",        None,             NEVER,     why=ONCE),
        Row(PARTIAL,   "grow",          None,             STAY,      (add_want,)),
        Row(PARTIAL,   "net",           None,             STAY,      (add_netted,)),
        Row(PARTIAL,   "hedge_filled",  None,             STAY,      (book_filled,)),
        Row(PARTIAL,   "unwind_filled", None,             NEVER,     why="no perp order was sent"),
        Row(PARTIAL,   "child_settled", None,             STAY,      (free_child,)),
        Row(PARTIAL,   "taken_up",      busy,             IGNORE,    why=BOTH),
        Row(PARTIAL,   "taken_up",      None,             STAY,      (wait_for,)),
        Row(PARTIAL,   "spot_refused",  None,             UNWINDING, (note_spot_refused,)),
        Row(PARTIAL,   "perp_refused",  None,             NEVER,     why="no perp order was sent"),
        Row(PARTIAL,   "breach",        None,             CHASING,   (hurry, chase_if_free)),
        Row(PARTIAL,   "timer",         over,             DONE,      (close,)),
        Row(PARTIAL,   "timer",         past_deadline,    CHASING,   (note_deadline, chase_if_free)),
        Row(PARTIAL,   "timer",         may_hedge,        STAY,      (send_hedge,)),
        Row(PARTIAL,   "timer",         None,             IGNORE,    why="its order is out, or the pace or the book says wait"),

        Row(CHASING,   "opened",        None,             NEVER,     why=ONCE),
        Row(CHASING,   "grow",          None,             STAY,      (add_want,)),
        Row(CHASING,   "net",           None,             STAY,      (add_netted,)),
        Row(CHASING,   "hedge_filled",  None,             STAY,      (book_filled,)),
        Row(CHASING,   "unwind_filled", None,             NEVER,     why="no perp order was sent"),
        Row(CHASING,   "child_settled", None,             STAY,      (free_child,)),
        Row(CHASING,   "taken_up",      busy,             IGNORE,    why=BOTH),
        Row(CHASING,   "taken_up",      None,             STAY,      (wait_for,)),
        Row(CHASING,   "spot_refused",  None,             UNWINDING, (note_spot_refused,)),
        Row(CHASING,   "perp_refused",  None,             NEVER,     why="no perp order was sent"),
        Row(CHASING,   "breach",        None,             IGNORE,    why="it is being chased"),
        Row(CHASING,   "timer",         over,             DONE,      (close,)),
        Row(CHASING,   "timer",         past_unhedged,    UNWINDING, (note_unwind, unwind_if_free)),
        Row(CHASING,   "timer",         may_hedge,        STAY,      (send_chase,)),
        Row(CHASING,   "timer",         None,             IGNORE,    why="its order is out, or the pace or the book says wait"),

        Row(UNWINDING, "opened",        None,             NEVER,     why=ONCE),
        Row(UNWINDING, "grow",          None,             STAY,      (add_want,)),
        Row(UNWINDING, "net",           None,             STAY,      (add_netted,)),
        Row(UNWINDING, "hedge_filled",  None,             STAY,      (book_filled,), why="a late hedge fill shrinks the unwind"),
        Row(UNWINDING, "unwind_filled", None,             STAY,      (book_unwound,)),
        Row(UNWINDING, "child_settled", None,             STAY,      (free_child,)),
        Row(UNWINDING, "taken_up",      busy,             IGNORE,    why=BOTH),
        Row(UNWINDING, "taken_up",      None,             STAY,      (wait_for,)),
        Row(UNWINDING, "spot_refused",  None,             STAY,      (note_spot_refused,)),
        Row(UNWINDING, "perp_refused",  None,             STAY,      (note_perp_refused,), why="22002 settles nothing: the rest goes back to spot"),
        Row(UNWINDING, "breach",        None,             IGNORE,    why="it is being unwound"),
        Row(UNWINDING, "timer",         over,             DONE,      (close,)),
        Row(UNWINDING, "timer",         may_unwind,       STAY,      (send_unwind,)),
        Row(UNWINDING, "timer",         may_rest_on_spot, STAY,      (send_spot_rest,)),
        Row(UNWINDING, "timer",         may_round_up,     STAY,      (send_unwind_up,)),
        Row(UNWINDING, "timer",         both_refused,     STAY,      (forget_refusals,), why="nothing may be left alone: both are tried again, slowly"),
        Row(UNWINDING, "timer",         None,             IGNORE,    why="its order is out, or the pace or the book says wait"),

        Row(DONE,      "opened",        None,             NEVER,     why=ONCE),
        Row(DONE,      "grow",          None,             NEVER,     why="a further fill opens a ticket of its own"),
        Row(DONE,      "net",           None,             NEVER,     why="nothing is left to net against"),
        Row(DONE,      "hedge_filled",  None,             STAY,      (book_filled, spill), why="legal: it opens a ticket the other way"),
        Row(DONE,      "unwind_filled", None,             STAY,      (book_unwound, spill)),
        Row(DONE,      "child_settled", None,             IGNORE,    why=LATE),
        Row(DONE,      "taken_up",      None,             IGNORE,    why=LATE),
        Row(DONE,      "spot_refused",  None,             IGNORE,    why=LATE),
        Row(DONE,      "perp_refused",  None,             IGNORE,    why=LATE),
        Row(DONE,      "breach",        None,             IGNORE,    why=LATE),
        Row(DONE,      "timer",         None,             IGNORE,    why=LATE),
    ),
)
# fmt: on


def open_ticket(
    hedge_id: str, cycle_id: int, side: Side, qty: Decimal, what: TicketInput
) -> tuple[HedgeTicket, TicketOut]:
    """Open a ticket for a perp fill of `qty` on `side` and take its first step.

    Returns:
        The ticket and what it wants done; usually one `SendChild`.
    """
    limits = what.view.limits
    ticket = HedgeTicket(
        hedge_id=hedge_id,
        cycle_id=cycle_id,
        side=side,
        opened_ms=what.at_ms,
        deadline_ms=what.at_ms + limits.hedge_deadline_ms,
        unhedged_until_ms=what.at_ms + limits.max_unhedged_ms,
        want=qty,
    )
    return ticket, step(ticket, "opened", what)


@in_our_context
def step(ticket: HedgeTicket, event: str, what: TicketInput) -> TicketOut:
    """Tell a ticket of one event, then let its clock decide what to send. Returns what it wants done, in order."""
    out: TicketOut = []
    TABLE.fire(ticket, event, what, out)
    if event != "timer" and ticket.state != DONE:
        TABLE.fire(ticket, "timer", what, out)
    return out


def next_due_ms(ticket: HedgeTicket) -> int | None:
    """Return when the ticket's clock next has something to decide, or None if only events can move it."""
    if ticket.state == DONE:
        return None
    if ticket.state in (PENDING, PARTIAL):
        return ticket.deadline_ms if ticket.child else min(ticket.deadline_ms, ticket.next_try_ms)
    if ticket.child is not None:
        return None
    return min(ticket.unhedged_until_ms, ticket.next_try_ms) if ticket.state == CHASING else ticket.next_try_ms
