"""What each row does, one line a row: from, event, what is given, to, what is asked for, and which members change.

A line is tried on a machine that stands in its first state (in each, where several are named; `.` is where it stands)
with the members given, by name; `after` is how many ms have passed, 1 if not said. A pair of state and event that no
line names without anything given changes nothing and asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.events import FeedName
from mmfsm.machines import feed, order, pair, session, ticket
from mmfsm.table import AnyTable
from mmfsm.testing import constraints
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Outcome, Side, Tif

D = Decimal
T = 1_800_000_000_000
Given = dict[str, Any]
Made = Callable[[str, Given], tuple[Any, Any]]
"""(state, what is given) → the machine's subject, and the payload it is told with."""


def split(given: Given, subject: type[Any]) -> tuple[Given, Given]:
    """Part what is given into members of the subject and members of the payload."""
    names = {field.name for field in attrs.fields(subject)}
    return {k: v for k, v in given.items() if k in names}, {k: v for k, v in given.items() if k not in names}


def a_session(state: str, given: Given) -> tuple[Any, Any]:
    mine, told = split(given, session.Session)
    told = {"at_ms": T + told.pop("after", 1), "failure": "why", "detail": "how", **told}
    base = {"asking": "nothing", "asked_ms": T, "since_ms": T}
    return session.Session(state=state, **base | mine), session.SessionInput(bound_ms=5_000, **told)


def a_feed(state: str, given: Given) -> tuple[Any, Any]:
    mine, told = split(given, feed.Feed)
    told = {"at_ms": T + told.pop("after", 1), **told}
    mine |= {"name": FeedName(mine["name"])} if "name" in mine else {}
    base = {"name": FeedName.PERP_BOOK, "channel": feed.BOOKS5, "heard_ms": T, "since_ms": T}
    return feed.Feed(state=state, **base | mine), feed.FeedInput(stale_ms=3_000, first_ms=5_000, **told)


def a_pair(state: str, given: Given) -> tuple[Any, Any]:
    """Held since T, long, and left since T; it may be crossed after 500 ms."""
    mine, told = split(given, pair.Pair)
    told = {"at_ms": T + told.pop("after", 1), "cross_after_ms": 500, **told}
    base = {"since_ms": T, "leaving_ms": T, "sign": 1}
    return pair.Pair(state=state, **base | mine), pair.PairInput(**told)


LIMITS = order.OrderLimits(
    answer_bound_ms=5_000,
    child_settle_ms=3_000,
    cancel_settle_ms=2_000,
    query_period_ms=1_000,
    not_found_ms=4_000,
    unknown_bound_ms=8_000,
)


def an_order(state: str, given: Given) -> tuple[Any, Any]:
    """An IOC (or `tif`) of 4 whose clocks all began at T; a fill is of 1 (or `qty`)."""
    mine, told = split(given, order.Order)
    tif = Tif(told.pop("tif", "ioc"))
    request = OrderRequest(
        "o", InstType.PERP, Side.BUY, D(4), D(2500), tif, OrderIntent.QUOTE, Leg.PERP_BID, 1, False, None
    )
    base = {"sent_ms": T, "since_ms": T, "asked_ms": T}
    told = {"at_ms": T + told.pop("after", 1), "qty": D(1), "reason": "why", "outcome": Outcome.REFUSED, **told}
    return order.Order(request, "h", state=state, **base | mine), order.OrderInput(limits=LIMITS, order_id="x", **told)


def a_ticket(state: str, given: Given) -> tuple[Any, Any]:
    """A perp bid of 0.04 was filled at T and the position is that (or `pos`). `busy`: an order is out; `blind`: spot
    has no price; `wait`: the pace says wait."""
    mine, told = split(given, ticket.HedgeTicket)
    pos, blind, busy, wait = (
        told.pop(name, no) for name, no in (("pos", D("0.04")), ("blind", 0), ("busy", 0), ("wait", 0))
    )
    limits = ticket.HedgeLimits(1_500, 5_000, 200, 300, D(5), D(10), D(100), D(50))
    spot = (None, None) if blind else (D(2500), D("2500.01"))
    view = ticket.HedgeView(constraints(), limits, *spot, D(2500), D("2500.01"), pos)
    base = {"child": ticket.Child(InstType.SPOT, Side.SELL, D("0.04")) if busy else None, "want": D("0.04")}
    base |= {"deadline_ms": T + 1_500, "unhedged_until_ms": T + 5_000, "next_try_ms": T + 100 if wait else 0}
    made = ticket.HedgeTicket("h", 1, Side.BUY, T, state=state, **base | mine)
    return made, ticket.TicketInput(T + told.pop("after", 1), view, told.pop("qty", D("0.01")))


SESSION = """
COLD     | start            |                                              | CHECKING | ask_time        | asking asked_ms since_ms
COLD     | stop             |                                              | STOPPED  | exit_clean      |
CHECKING | time_read        | asking=ask_time                              | CHECKING | ask_account     | asking asked_ms
CHECKING | time_read        | asking=ask_time fits=0                       | STOPPED  | failed          | failure detail
CHECKING | account_read     | asking=ask_account                           | CHECKING | ask_constraints | asking asked_ms
CHECKING | account_read     | asking=ask_account fits=0 fixable=1          | CHECKING | set_mode        | asking asked_ms mode_set
CHECKING | account_read     | asking=ask_account fits=0 fixable=1 mode_set=1 | STOPPED | failed         | failure detail
CHECKING | account_read     | asking=ask_account fits=0                    | STOPPED  | failed          | failure detail
CHECKING | mode_set         |                                              | CHECKING | ask_account     | asking asked_ms
CHECKING | mode_set         | fits=0                                       | STOPPED  | failed          | failure detail
CHECKING | constraints_read | asking=ask_constraints                       | CHECKING | ask_fees        | asking asked_ms
CHECKING | fees_read        | asking=ask_fees                              | CHECKING | ask_orders      | asking asked_ms
CHECKING | constraints_read | asking=ask_constraints fits=0                | STOPPED  | failed          | failure detail
CHECKING | orders_clear     |                                              | CHECKING | ask_position    | asking asked_ms
CHECKING | position_read    |                                              | CHECKING | ask_balances    | asking asked_ms
CHECKING | position_read    | fits=0                                       | STOPPED  | failed          | failure detail
CHECKING | balances_read    |                                              | CHECKING | ask_funding     | asking asked_ms
CHECKING | balances_read    | fits=0                                       | CHECKING | ask_position    | asking asked_ms
CHECKING | funding_read     |                                              | CHECKING |                 | asking asked_ms
CHECKING | probe_done       | probing=1                                    | READY    | ready           |
CHECKING | probe_done       | probing=1 fits=0                             | STOPPED  | failed          | failure detail
CHECKING | probe_done       |                                              | CHECKING |                 |
CHECKING | check_failed     |                                              | CHECKING |                 | unanswered detail
CHECKING | check_failed     | final=1                                      | STOPPED  | failed          | failure detail
CHECKING | check_failed     | asking=probe                                 | CHECKING |                 |
CHECKING | check_failed     | asking=probe final=1                         | STOPPED  | failed          | failure detail
CHECKING | check_failed     | asking=probe probing=1                       | CHECKING |                 |
CHECKING | check_failed     | asking=probe probing=1 final=1               | STOPPING | say_failed      | failure since_ms detail
CHECKING | stop             |                                              | STOPPING |                 | since_ms stop_reason
CHECKING | timer            | unanswered=1 after=999                       | CHECKING |                 |
CHECKING | timer            | unanswered=1 after=1000                      | CHECKING | nothing         | asked_ms unanswered
CHECKING | timer            | asking=probe                                 | CHECKING |                 |
CHECKING | timer            | asking=probe fresh=1                         | READY    | ready           |
CHECKING | timer            | asking=probe fresh=1 probe_needed=1          | CHECKING | probe           | probing
CHECKING | timer            | asking=probe fresh=1 probing=1               | CHECKING |                 |
CHECKING | timer            | after=4999                                   | CHECKING |                 |
CHECKING | timer            | after=5000                                   | STOPPED  | failed          | failure
CHECKING | timer            | probing=1 after=5000                         | STOPPING | say_failed      | failure since_ms detail
READY    | stop             |                                              | STOPPING |                 | since_ms stop_reason
STOPPING | read_back        |                                              | STOPPING |                 | readback_ms
STOPPING | timer            | quiet=1                                      | STOPPING | ask_readback    | readback_asked_ms
STOPPING | timer            | quiet=1 clean=1 readback_asked_ms=T readback_ms=T | STOPPED | exit_clean |
STOPPING | timer            | quiet=1 readback_asked_ms=T readback_ms=T after=999 | STOPPING |        |
STOPPING | timer            | quiet=1 readback_asked_ms=T readback_ms=T after=1000 | STOPPING | ask_readback | readback_asked_ms readback_ms
STOPPING | timer            | quiet=1 readback_asked_ms=T after=4999       | STOPPING |                 |
STOPPING | timer            | after=5000                                   | STOPPED  | exit_unclean    |
"""  # noqa: E501 - one row a line

FEED = """
DOWN        | up      |                                   | SUBSCRIBING | subscribe | since_ms heard_ms
DOWN        | up      | acked=1                           | SUBSCRIBING | subscribe | since_ms heard_ms acked
SUBSCRIBING | up      |                                   | SUBSCRIBING | subscribe | since_ms heard_ms
SUBSCRIBING | up      | acked=1                           | SUBSCRIBING | subscribe | since_ms heard_ms acked
SUBSCRIBING | down    |                                   | DOWN        |           | since_ms
SUBSCRIBING | acked   |                                   | FRESH       |           | since_ms acked
SUBSCRIBING | acked   | heard_ms=0                        | SUBSCRIBING |           | acked
SUBSCRIBING | refused |                                   | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms
SUBSCRIBING | refused | acked=1                           | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms acked
SUBSCRIBING | refused | channel=books                     | STALE       | refused   | since_ms
SUBSCRIBING | data    |                                   | FRESH       |           | since_ms heard_ms
SUBSCRIBING | data    | needs_ack=1                       | SUBSCRIBING |           | heard_ms
SUBSCRIBING | data    | needs_ack=1 acked=1               | FRESH       |           | since_ms heard_ms
SUBSCRIBING | timer   | after=4999                        | SUBSCRIBING |           |
SUBSCRIBING | timer   | after=5000                        | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms
SUBSCRIBING | timer   | after=5000 channel=books          | STALE       |           | since_ms
FRESH       | up      |                                   | SUBSCRIBING | subscribe | since_ms heard_ms
FRESH       | down    |                                   | DOWN        |           | since_ms
FRESH       | acked   |                                   | FRESH       |           | acked
FRESH       | refused |                                   | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms
FRESH       | refused | channel=books                     | STALE       | refused   | since_ms
FRESH       | data    |                                   | FRESH       |           | heard_ms
FRESH       | alive   |                                   | FRESH       |           | heard_ms
FRESH       | missed  |                                   | STALE       | reconnect | since_ms heard_ms
FRESH       | missed  | acked=1                           | STALE       | reconnect | since_ms heard_ms acked
FRESH       | timer   | after=2999                        | FRESH       |           |
FRESH       | timer   | after=3000                        | STALE       |           | since_ms
STALE       | up      |                                   | SUBSCRIBING | subscribe | since_ms heard_ms
STALE       | down    |                                   | DOWN        |           | since_ms
STALE       | acked   |                                   | STALE       |           | acked
STALE       | refused |                                   | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms
STALE       | refused | channel=books                     | STALE       | refused   |
STALE       | data    |                                   | FRESH       |           | since_ms heard_ms
STALE       | data    | needs_ack=1                       | STALE       |           | heard_ms
STALE       | alive   |                                   | FRESH       |           | since_ms heard_ms
STALE       | alive   | heard_ms=0                        | STALE       |           |
STALE       | timer   | after=4999                        | STALE       |           |
STALE       | timer   | after=5000                        | SUBSCRIBING | FALL_BACK | channel since_ms heard_ms
STALE       | timer   | after=29999 channel=books         | STALE       |           |
STALE       | timer   | after=30000 channel=books         | STALE       | reconnect | since_ms heard_ms
STALE       | timer   | after=30000 channel=books name=funding | STALE  |           |
"""

ORDER = """
SENT                          | ack           |                    | LIVE       |        | order_id since_ms doubt_ms
SENT UNKNOWN                  | ack           | cancel_wanted=1    | CANCELLING | cancel | order_id since_ms doubt_ms
SENT                          | refused       |                    | SETTLED    |        | end refusal
SENT                          | refused       | booked=1           | UNKNOWN    | ask    | since_ms doubt_ms asked_ms
SENT                          | unknown       |                    | UNKNOWN    | ask    | since_ms doubt_ms asked_ms
SENT UNKNOWN                  | told_live     |                    | LIVE       |        | order_id since_ms doubt_ms
SENT UNKNOWN                  | told_live     | filled=2           | LIVE       |        | order_id since_ms doubt_ms shown shown_ms
SENT UNKNOWN                  | told_live     | cancel_wanted=1    | CANCELLING | cancel | order_id since_ms doubt_ms
SENT LIVE CANCELLING UNKNOWN  | told_end      |                    | SETTLED    |        | claimed end order_id
SENT LIVE CANCELLING UNKNOWN  | told_end      | filled=1 booked=1  | SETTLED    |        | claimed end order_id
SENT LIVE CANCELLING UNKNOWN  | told_end      | filled=1           | UNSETTLED  |        | claimed end order_id since_ms doubt_ms
SENT LIVE CANCELLING UNKNOWN  | told_end      | shown=1            | UNSETTLED  |        | claimed end order_id since_ms doubt_ms
SENT LIVE CANCELLING UNKNOWN  | fill          |                    | .          |        | booked order_id
SENT LIVE CANCELLING UNKNOWN  | fill          | qty=4              | SETTLED    |        | booked order_id end
SENT UNKNOWN                  | cancel        |                    | .          |        | cancel_wanted
SENT LIVE CANCELLING UNKNOWN UNSETTLED | given_up | alarmed=1      | SETTLED    |        | end
SENT LIVE CANCELLING UNKNOWN  | hurry         | after=999          | .          |        |
SENT LIVE CANCELLING UNKNOWN  | hurry         | after=1000         | .          | ask    | asked_ms
SENT                          | timer         | after=4999         | .          |        |
SENT                          | timer         | after=5000         | UNKNOWN    | ask    | since_ms doubt_ms asked_ms
LIVE CANCELLING UNSETTLED SETTLED | ack       |                    | .          |        | order_id
LIVE CANCELLING               | refused       |                    | UNKNOWN    | ask    | since_ms doubt_ms asked_ms
LIVE CANCELLING               | told_live     |                    | .          |        | order_id
LIVE CANCELLING               | told_live     | filled=2           | .          |        | order_id shown shown_ms
LIVE                          | cancel        |                    | CANCELLING | cancel | cancel_wanted since_ms doubt_ms
LIVE CANCELLING               | missing       |                    | .          | ask    | asked_ms
LIVE CANCELLING               | not_found     |                    | UNKNOWN    |        | since_ms doubt_ms not_found
LIVE                          | timer         | after=2999         | .          |        |
LIVE                          | timer         | after=3000         | .          | ask    | asked_ms
LIVE                          | timer         | after=8000         | .          | alarm  | alarmed
LIVE                          | timer         | after=8000 alarmed=1 | .        | ask    | asked_ms
LIVE                          | timer         | after=8000 tif=post_only | .    |        |
LIVE CANCELLING               | timer         | after=999 tif=post_only shown=1 shown_ms=T | . |  |
LIVE CANCELLING               | timer         | after=1000 tif=post_only shown=1 shown_ms=T | . | ask_fills | asked_ms
CANCELLING                    | told_live     | asked=1 after=1999 | .          |        | order_id
CANCELLING                    | told_live     | after=2000         | .          |        | order_id
CANCELLING                    | told_live     | asked=1 after=2000 | .          | cancel | order_id cancel_wanted since_ms
CANCELLING                    | cancel_gone   |                    | .          | ask    | asked_ms
CANCELLING                    | timer         | after=1999         | .          |        |
CANCELLING                    | timer         | after=2000         | .          | ask    | asked_ms
CANCELLING                    | timer         | after=8000         | .          | alarm  | alarmed
UNKNOWN                       | ack           |                    | LIVE       |        | order_id since_ms doubt_ms
UNKNOWN                       | ack           | not_found=1        | LIVE       |        | order_id since_ms doubt_ms not_found
UNKNOWN                       | refused       |                    | SETTLED    |        | end refusal
UNKNOWN                       | refused       | booked=1           | .          | ask    | asked_ms
UNKNOWN                       | not_found     |                    | .          |        | not_found
UNKNOWN                       | not_found     | after=4000         | .          |        | not_found
UNKNOWN                       | not_found     | after=3999 not_found=1 | .      |        | not_found
UNKNOWN                       | not_found     | after=4000 not_found=1 | SETTLED |       | end
UNKNOWN                       | not_found     | after=4000 not_found=1 booked=1 | . |    | not_found
UNKNOWN                       | not_found     | after=4000 not_found=1 order_id=x | . |  | not_found
UNKNOWN                       | timer         | after=999          | .          |        |
UNKNOWN                       | timer         | after=1000         | .          | ask    | asked_ms
UNKNOWN                       | timer         | after=8000         | .          | alarm  | alarmed
UNKNOWN                       | timer         | after=8000 alarmed=1 | .        | ask    | asked_ms
UNSETTLED                     | told_end      |                    | SETTLED    |        | claimed end order_id
UNSETTLED                     | told_end      | filled=1           | .          |        | claimed end order_id
UNSETTLED SETTLED             | fill          |                    | .          |        | booked order_id
UNSETTLED                     | fill          | claimed=2          | .          |        | booked order_id
UNSETTLED                     | fill          | claimed=1          | SETTLED    |        | booked order_id
UNSETTLED                     | hurry         | after=999          | .          |        |
UNSETTLED                     | hurry         | after=1000         | .          | ask_fills | asked_ms
UNSETTLED                     | timer         | after=999          | .          |        |
UNSETTLED                     | timer         | after=1000         | .          | ask_fills | asked_ms
UNSETTLED                     | timer         | after=8000         | .          | alarm  | alarmed
SETTLED                       | told_end      | filled=1           | .          | ask_fills | order_id shown shown_ms asked_ms
"""  # noqa: E501

TICKET = """
PENDING                           | opened        |                  | .         | spot_ioc             | child tries next_try_ms
PENDING                           | opened        | blind=1          | .         |                      |
PENDING                           | opened        | want=0.0001      | DONE      | below_min close:dust | dust
PENDING PARTIAL CHASING UNWINDING | grow          |                  | .         |                      | want
PENDING PARTIAL CHASING UNWINDING | net           |                  | .         |                      | netted
PENDING                           | hedge_filled  |                  | PARTIAL   |                      | filled first_hedge_ms
PENDING                           | hedge_filled  | busy=1           | PARTIAL   |                      | filled first_hedge_ms child
PARTIAL CHASING UNWINDING         | hedge_filled  |                  | .         |                      | filled first_hedge_ms
PENDING PARTIAL CHASING UNWINDING | child_settled | busy=1           | .         |                      | child
PENDING PARTIAL CHASING UNWINDING | taken_up      |                  | .         |                      | child
PENDING PARTIAL CHASING UNWINDING | taken_up      | busy=1           | .         |                      |
PENDING PARTIAL CHASING           | spot_refused  |                  | UNWINDING |                      | spot_refused reason
PENDING PARTIAL CHASING           | spot_refused  | busy=1 wait=1    | UNWINDING |                      | spot_refused reason child next_try_ms
PENDING PARTIAL                   | breach        |                  | CHASING   | spot_ioc             | deadline_ms reason child tries next_try_ms chases
PENDING PARTIAL                   | breach        | busy=1           | CHASING   |                      | deadline_ms reason
PENDING PARTIAL CHASING UNWINDING | timer         | filled=0.04      | DONE      | close:hedged         |
PENDING PARTIAL CHASING UNWINDING | timer         | busy=1           | .         |                      |
PENDING PARTIAL CHASING UNWINDING | timer         | wait=1           | .         |                      |
PENDING PARTIAL CHASING           | timer         | blind=1          | .         |                      |
PENDING PARTIAL                   | timer         |                  | .         | spot_ioc             | child tries next_try_ms
PENDING PARTIAL                   | timer         | after=1499       | .         | spot_ioc             | child tries next_try_ms
PENDING PARTIAL                   | timer         | after=1500       | CHASING   | spot_ioc             | reason chases child tries next_try_ms
PENDING PARTIAL                   | timer         | after=1500 busy=1 | CHASING  |                      | reason
CHASING                           | timer         |                  | .         | spot_ioc             | chases child tries next_try_ms
CHASING                           | timer         | after=4999 chases=1 | .      | spot_ioc             | chases child tries next_try_ms
CHASING                           | timer         | after=5000       | .         | spot_ioc             | chases child tries next_try_ms
CHASING                           | timer         | after=5000 chases=1 | UNWINDING | perp_unwind:reduce | reason child tries next_try_ms
CHASING                           | timer         | after=5000 chases=1 wait=1 | UNWINDING | perp_unwind:reduce | reason child tries next_try_ms
CHASING                           | timer         | after=5000 chases=1 busy=1 | . |               |
CHASING                           | timer         | after=5000 blind=1 | UNWINDING | perp_unwind:reduce  | reason child tries next_try_ms
UNWINDING                         | unwind_filled |                  | .         |                      | unwound
UNWINDING                         | spot_refused  |                  | .         |                      | spot_refused reason
UNWINDING                         | spot_refused  | busy=1           | .         |                      | spot_refused reason child
UNWINDING                         | perp_refused  |                  | .         |                      | perp_refused next_try_ms
UNWINDING                         | perp_refused  | busy=1           | .         |                      | perp_refused next_try_ms child
UNWINDING                         | timer         |                  | .         | perp_unwind:reduce   | child tries next_try_ms
UNWINDING                         | timer         | blind=1          | .         | perp_unwind:reduce   | child tries next_try_ms
UNWINDING                         | timer         | pos=-0.04        | .         | perp_unwind          | child tries next_try_ms
UNWINDING                         | timer         | perp_refused=1   | .         | spot_unwind          | child tries next_try_ms perp_refused
UNWINDING                         | timer         | want=0.0072      | .         | spot_unwind          | child tries next_try_ms
UNWINDING                         | timer         | want=0.0072 spot_refused=1 | . | perp_unwind:reduce | child tries next_try_ms
UNWINDING                         | timer         | spot_refused=1 perp_refused=1 | . | both_legs_refused | spot_refused perp_refused next_try_ms
DONE                              | hedge_filled  |                  | .         | close:late_fill      | filled dust first_hedge_ms
DONE                              | unwind_filled |                  | .         | close:late_fill      | unwound dust
"""  # noqa: E501

PAIR = """
FLAT     | review | now_sign=1                         | HELD     | held    | since_ms
FLAT     | review |                                    | HELD     | held    | since_ms sign
HELD     | review | now_sign=1                         | HELD     |         |
HELD LEAVING CROSSING | review | why=max_age now_sign=2 | HELD   | turned  | why since_ms leaving_ms sign
HELD     | review | reason=loss_cut                    | LEAVING  | leave   | why leaving_ms
HELD     | review | reason=loss_cut in_grace=1         | HELD     |         |
HELD LEAVING CROSSING | gone | why=max_age | FLAT | gone | why since_ms leaving_ms sign
HELD LEAVING CROSSING | gone |             | FLAT | gone | since_ms leaving_ms sign
LEAVING  | review | why=take_profit                    | HELD     | hold_on | why
LEAVING  | review | why=take_profit reason=take_profit | LEAVING  |         |
LEAVING  | review | why=take_profit reason=max_age     | LEAVING  | leave   | why
LEAVING  | review | why=loss_cut                       | LEAVING  |         |
LEAVING  | review | crosses=1 after=499                | LEAVING  |         |
LEAVING  | review | crosses=1 after=500                | CROSSING | cross   |
LEAVING  | review | crosses=1 after=500 in_grace=1     | LEAVING  |         |
LEAVING  | review | after=500                          | LEAVING  |         |
LEAVING  | review | why=take_profit crosses=1 after=500 | HELD    | hold_on | why
LEAVING  | unquoted |                                  | LEAVING  |         | leaving_ms
CROSSING | review | is_closing=1                       | CROSSING |         |
CROSSING | review |                                    | LEAVING  | again   | leaving_ms
"""

SHORT = {"FALL_BACK": ["unsubscribe_books5", "fell_back", "subscribe"]}
MACHINES: dict[str, tuple[AnyTable, Made, str]] = {
    "Session": (session.TABLE, a_session, SESSION),
    "Feed": (feed.TABLE, a_feed, FEED),
    "Order": (order.TABLE, an_order, ORDER),
    "HedgeTicket": (ticket.TABLE, a_ticket, TICKET),
    "Pair": (pair.TABLE, a_pair, PAIR),
}


def word(command: Any) -> str:
    """What was asked for, in a word."""
    if isinstance(command, ticket.SendChild):
        return command.leg.value + (":reduce" if command.reduce_only else "")
    if isinstance(command, ticket.CloseTicket):
        return f"close:{command.reason}"
    return command.reason if isinstance(command, ticket.SkipHedge) else str(command)


def lines(text: str) -> list[tuple[str, str, Given, str, list[str], set[str]]]:
    """Read a table of lines."""
    found = []
    for line in text.strip().splitlines():
        state, event, given, after, out, changed = (cell.strip() for cell in line.split("|"))
        asked = SHORT.get(out, out.split())
        for each in state.split():
            to = each if after == "." else after
            found.append((each, event, dict(map(member, given.split())), to, asked, set(changed.split())))
    return found


def member(text: str) -> tuple[str, Any]:
    """`name=value`: a number, the time T, or a word."""
    name, value = text.split("=")
    number = re.fullmatch(r"-?\d+\.\d+", value)
    return name, T if value == "T" else int(value) if value.isdigit() else D(value) if number else value


CASES = [(name, *line) for name, (_, _, text) in MACHINES.items() for line in lines(text)]
UNNAMED = [
    (name, state, event)
    for name, (table, _, text) in MACHINES.items()
    for state in table.states
    for event in table.events
    if (state, event) not in {(source, on) for source, on, given, *_ in lines(text) if not given}
]


def fired(name: str, state: str, event: str, given: Given) -> tuple[str, list[str], set[str]]:
    """Fire one pair; return the state after it, what was asked for, and the members that changed."""
    table, make, _ = MACHINES[name]
    subject, payload = make(state, given)
    before, out = attrs.asdict(subject, recurse=False), []  # type: tuple[Given, list[Any]]
    table.fire(subject, event, payload, out)
    after = attrs.asdict(subject, recurse=False)
    return subject.state, list(map(word, out)), {key for key in after if after[key] != before[key]} - {"state"}


@pytest.mark.parametrize(
    ("name", "state", "event", "given", "after", "out", "changed"),
    CASES,
    ids=[f"{name}-{state}-{event}-{number}" for number, (name, state, event, *_) in enumerate(CASES)],
)
def test_a_row_does_what_its_line_says(
    name: str, state: str, event: str, given: Given, after: str, out: list[str], changed: set[str]
) -> None:
    """Where it leads, what it asks for, and every member it changes: no more and no less."""
    assert fired(name, state, event, given) == (after, out, changed)


@pytest.mark.parametrize(("name", "state", "event"), UNNAMED)
def test_a_pair_that_no_line_names_changes_nothing(name: str, state: str, event: str) -> None:
    """Ignored or impossible: the machine stays as it is, to the last member."""
    assert fired(name, state, event, {}) == (state, [], set())
