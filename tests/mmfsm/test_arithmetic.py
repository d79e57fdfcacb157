"""What a caller's decimal context, or a strategy's, does to the desk: nothing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_UP, Context, Inexact, getcontext, localcontext
from decimal import Decimal as D

import pytest
from desk_driver import Faults, Venue

from mmfsm import Desk, ObiFundingStrategy, Strategy
from mmfsm.actions import Action
from mmfsm.arithmetic import CONTEXT, in_our_context
from mmfsm.errors import IllegalEvent
from mmfsm.events import Event, FillEvent, Halt, Tick
from mmfsm.machines.ticket import HedgeLimits, HedgeView, SendChild, TicketInput, open_ticket, step
from mmfsm.params import Params
from mmfsm.strategy import QuoteView
from mmfsm.testing import constraints
from mmfsm.values import QuotePlan, Side

ROUGH = Context(prec=4, rounding=ROUND_UP)
"""Four digits: a price of 2,681.18 has six."""


class Kept(Venue):
    """A venue that keeps what the desk was given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        super().__init__(1, Faults(quote_fill=0.5, partial=0.3))

    def tell(self, event: Event) -> None:
        self.events.append(event)
        super().tell(event)


class Careless:
    """The library's own strategy; it leaves the context it was called in changed, as ccxt's formatting does."""

    def quote(self, view: QuoteView) -> QuotePlan:
        plan = ObiFundingStrategy().quote(view)
        getcontext().prec, getcontext().rounding = 3, ROUND_UP
        return plan


@pytest.fixture(scope="module")
def day() -> Kept:
    """Half a minute of fills, hedges and requotes, and a halt."""
    venue = Kept()
    venue.start()
    venue.run(30)
    venue.tell(Halt(venue.now))
    assert sum(isinstance(event, FillEvent) for event in venue.events) > 10
    return venue


def played(params: Params, events: Sequence[Event], strategy: Strategy | None = None) -> tuple[list[Action], object]:
    """Play events on a new desk. Returns its actions, and its state as JSON values."""
    desk = Desk(params, run=1, strategy=strategy)
    actions = [action for event in events for action in desk.handle(event)]
    return actions, desk.restarted(params, run=2).snapshot() | {"old": desk.snapshot()}


def test_the_callers_precision_and_rounding_change_nothing(day: Kept) -> None:
    """Four digits, rounded up: the same actions, the same state, and the caller's context is as it was."""
    ours = played(day.params, day.events)
    with localcontext(ROUGH) as rough:
        theirs = played(day.params, day.events)
        assert getcontext() is rough and (rough.prec, rough.rounding) == (4, ROUND_UP)

    assert theirs == ours


def test_a_trap_of_the_callers_is_not_sprung(day: Kept) -> None:
    """A bot that lets Python raise at every inexact result: averages are inexact, and none raises."""
    with localcontext(Context(traps=[Inexact])):
        assert played(day.params, day.events) == played(day.params, day.events)


def test_a_ticket_used_alone_counts_exactly() -> None:
    """123.45 bought, 0.02 hedged, four digits in the caller's hands: 123.43 remains, and 123.45 had been asked for."""
    limits = HedgeLimits(1_500, 5_000, 200, 300, D(5), D(10), D(100), D(50))
    view = HedgeView(constraints(), limits, D("2501.00"), D("2501.01"), D("2500.00"), D("2500.01"), D(124))
    with localcontext(ROUGH):
        ticket, (sent,) = open_ticket("ticket-1", 1, Side.BUY, D("123.45"), TicketInput(0, view))
        step(ticket, "hedge_filled", TicketInput(40, view, D("0.02")))

    assert isinstance(sent, SendChild) and sent.qty == D("123.45") and ticket.remain == D("123.43")


def test_what_a_strategy_does_to_its_context_ends_with_it(day: Kept) -> None:
    """Three digits left behind by every plan: fills are booked and hedges priced as ever."""
    assert played(day.params, day.events, Careless()) == played(day.params, day.events)
    assert (CONTEXT.prec, CONTEXT.rounding) == (28, "ROUND_HALF_EVEN")


def test_an_error_gives_the_callers_context_back(day: Kept) -> None:
    """An event that is refused, and a call that raises."""

    @in_our_context
    def failing() -> None:
        assert getcontext() is CONTEXT
        raise ZeroDivisionError

    with localcontext(ROUGH) as rough:
        with pytest.raises(IllegalEvent):
            Desk(day.params, run=1).handle(Tick(-1))
        with pytest.raises(ZeroDivisionError):
            failing()
        assert getcontext() is rough and D(1) / 3 == D("0.3334")
