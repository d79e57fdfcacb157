"""States a second of the explorer, on tickets that run on their real table, beside the same model in plain tuples.

Two tickets, each opened by a perp fill of `LOTS`. A venue fills a lot of a ticket's order at a time, or ends it; a fill
of the perp may make a ticket larger, `GROWS` times a path; and the clock passes. Both sides visit the same states by
the same choices, or the bench fails. `plain` is what somebody would write who wants nothing but this answer: functions
of if and else over tuples, without commands, prices, fees, refusals or netting, and without counting what has fired.

exploration                       every step is taken on the table. One of a ticket (a copy, an input, guards and
                                  effects in Decimals, a key) takes longer than a whole transition of the plain model
… independent parts remembered    the tickets do not see one another, and this model says so (`remembered`): what a
                                  choice makes of a ticket is found out once, for every world that a ticket like it
                                  stands in, and its rows count each time. The plain side remembers as much. No model
                                  of `python -m mmfsm.explore` is of such parts: it is for models of one's own
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import cache, partial
from typing import NamedTuple

import attrs

from mmfsm.machines import ticket as tickets
from mmfsm.machines.ticket import HedgeLimits, HedgeTicket, HedgeView, TicketInput, open_ticket, step
from mmfsm.proof.canonical import until
from mmfsm.proof.copying import twin
from mmfsm.proof.model import Model
from mmfsm.proof.running import remembered
from mmfsm.proof.search import Choice
from mmfsm.values import ZERO, Constraints, InstrumentRules, InstType, Side
from tests.bench.figures import Bench, How, Row, Taken, least_share

LOTS, GROWS, GROWS_QUICK = 3, 3, 1
SPEED, REMEMBERED = "exploration", "… independent parts remembered"
ROWS = tuple(Row(name, "states/s", "in plain tuples", least_share(0.15)) for name in (SPEED, REMEMBERED))
LIMITS = HedgeLimits(1, 2, 1, 1, Decimal(5), Decimal(10), Decimal(100), Decimal(50))
ONE = Decimal(1)
BAND = Decimal("0.05")
RULES = Constraints(
    *(InstrumentRules(inst, "ABC", "A", "C", ONE, ONE, ONE, ZERO, BAND, BAND, ZERO, ZERO) for inst in InstType)
)


# --- on the table -----------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Part:
    """A ticket and its own clock. It is never changed: a step makes another."""

    ticket: HedgeTicket
    now: int


class World(NamedTuple):
    """How often a ticket may still grow, and both tickets. Neither sees the other."""

    grows: int
    one: Part
    two: Part


VIEW = HedgeView(RULES, LIMITS, Decimal(99), Decimal(101), Decimal(99), Decimal(101), Decimal(100))


def key(part: Part) -> Hashable:
    ticket, now = part.ticket, part.now
    if ticket.state == tickets.DONE:
        return tickets.DONE
    child = None if ticket.child is None else ticket.child.qty
    clocks = (until(now, ticket.deadline_ms), until(now, ticket.unhedged_until_ms), until(now, ticket.next_try_ms))
    return ticket.state, ticket.remain, child, clocks, ticket.chases > 0


@remembered(same=key)
def opened() -> Part:
    ticket, _ = open_ticket("1", 1, Side.BUY, Decimal(LOTS), TicketInput(100, VIEW))
    return Part(ticket, 100)


@remembered(same=key)
def told(part: Part, what: str | int) -> Part:
    """What a choice makes of a ticket."""
    ticket, now = twin(part.ticket), part.now
    if what == "passes":
        now += 1
        step(ticket, "timer", TicketInput(now, VIEW))
    elif what == "grows":
        step(ticket, "grow", TicketInput(now, VIEW, ONE))
    elif what == "settles":
        step(ticket, "child_settled", TicketInput(now, VIEW))
    else:
        assert ticket.child is not None
        event = "hedge_filled" if ticket.child.inst is InstType.SPOT else "unwind_filled"
        step(ticket, event, TicketInput(now, VIEW, ONE))
    return Part(ticket, now)


def alphabet(world: World) -> list[Choice]:
    choices: list[Choice] = [("clock", "passes")]
    for number, part in enumerate(world[1:], 1):
        ticket = part.ticket
        if ticket.child is not None:
            choices.append(("venue", "settles", number))
            if ticket.child.qty > 0:
                choices.append(("venue", "fills", number))
        if world.grows and ticket.state != tickets.DONE:
            choices.append(("venue", "grows", number))
    return choices


def fire(told: Callable[[Part, str | int], Part], before: World, choice: Choice) -> World:
    grows, one, two = before
    what = choice[1]
    if what == "passes":
        return World(grows, told(one, what), told(two, what))
    left = grows - 1 if what == "grows" else grows
    return World(left, told(one, what), two) if choice[2] == 1 else World(left, one, told(two, what))


def adds_up(world: World) -> str:
    return "".join(str(part.ticket) for part in world[1:] if part.ticket.remain < 0)


def on_the_table_remembered(grows: int) -> tuple[int, int]:
    """Explore; return states and transitions. Equal parts are one object, so a world is its own key."""
    return explored(lambda: [World(grows, opened(), opened())], partial(fire, told), lambda world: world)


def on_the_table(grows: int) -> tuple[int, int]:
    """The same, every step taken on the table whenever it comes."""
    first, takes = opened.__wrapped__, told.__wrapped__  # type: ignore[attr-defined]
    return explored(
        lambda: [World(grows, first(), first())],
        partial(fire, takes),
        lambda world: (world.grows, key(world.one), key(world.two)),
    )


def explored(
    initial: Callable[[], list[World]], step: Callable[[World, Choice], World], same: Callable[[World], Hashable]
) -> tuple[int, int]:
    report = Model(
        "two tickets", (), initial, alphabet, step, same, {"adds up": adds_up}, {}, lambda world: True, (tickets.TABLE,)
    ).explore()
    assert report.counterexample is None and report.complete, report
    return report.states, report.transitions


# --- in plain tuples --------------------------------------------------------------------------------------------------

Plain = tuple[str, int, int, int, int, int, bool]
"""State, remain, child (-1: none), time to the deadline, to the end of patience, to the next try; whether chased."""

GONE: Plain = ("DONE", 0, -1, 0, 0, 0, False)
Worlds = tuple[int, Plain, Plain]


def timer(ticket: Plain) -> Plain:
    """What a ticket's clock decides."""
    state, remain, child, deadline, patience, pause, chased = ticket
    if state == "DONE" or child >= 0:
        return ("CHASING", *ticket[1:]) if state in ("PENDING", "PARTIAL") and not deadline else ticket
    if not remain:
        return GONE
    if state in ("PENDING", "PARTIAL"):
        if not deadline:
            state = "CHASING"
            return (state, remain, remain, 0, patience, 1, True) if not pause else (state, *ticket[1:])
        return ticket if pause else (state, remain, remain, deadline, patience, 1, chased)
    if state == "CHASING":
        if not patience and chased:
            return "UNWINDING", remain, remain, deadline, 0, 1, chased
        return ticket if pause else (state, remain, remain, deadline, patience, 1, True)
    return ticket if pause else (state, remain, remain, deadline, patience, 1, chased)


def later(ticket: Plain) -> Plain:
    """A ticket after one unit of time."""
    state, remain, child, deadline, patience, pause, chased = ticket
    return timer((state, remain, child, max(deadline - 1, 0), max(patience - 1, 0), max(pause - 1, 0), chased))


def next_of(ticket: Plain, may_grow: bool) -> list[tuple[int, Plain]]:
    """What may happen to a ticket: how much of the growing it uses up, and what it is then."""
    state, remain, child, *rest = ticket
    found = []
    if child >= 0:
        found.append((0, timer((state, remain, -1, *rest))))  # type: ignore[arg-type]
        if child > 0:
            hit = "PARTIAL" if state == "PENDING" else state
            found.append((0, timer((hit, remain - 1, child - 1, *rest))))  # type: ignore[arg-type]
    if may_grow and state != "DONE":
        found.append((1, timer((state, remain + 1, child, *rest))))  # type: ignore[arg-type]
    return found


def in_plain_tuples(
    grows: int,
    later: Callable[[Plain], Plain] = later,
    next_of: Callable[[Plain, bool], list[tuple[int, Plain]]] = next_of,
) -> tuple[int, int]:
    """Explore; return states and transitions."""
    first = timer(("PENDING", LOTS, -1, 1, 2, 0, False))
    seen: set[Worlds] = {(grows, first, first)}
    layer, transitions = list(seen), 0
    while layer:
        found = []
        for left, one, other in layer:
            after = [(left, later(one), later(other))]
            after += [(left - used, it, other) for used, it in next_of(one, left > 0)]
            after += [(left - used, one, it) for used, it in next_of(other, left > 0)]
            transitions += len(after)
            for world in after:
                if world not in seen:
                    assert world[1][1] >= 0 and world[2][1] >= 0
                    seen.add(world)
                    found.append(world)
        layer = found
    return len(seen), transitions


def timed(explores: Callable[[int], tuple[int, int]], grows: int) -> tuple[float, tuple[int, int]]:
    began = time.process_time()
    found = explores(grows)
    return found[0] / (time.process_time() - began), found


def take(how: How) -> Taken:
    """One run of all three."""
    grows = GROWS_QUICK if how.quick else GROWS
    ours, seen = timed(on_the_table, grows)
    ours_again, seen_again = timed(on_the_table_remembered, grows)
    plain, also = timed(in_plain_tuples, grows)
    plain_again, also_again = timed(partial(in_plain_tuples, later=cache(later), next_of=cache(next_of)), grows)
    told = [seen, seen_again, also, also_again]
    assert len(set(told)) == 1, f"states and transitions on the table, twice, and in plain tuples, twice: {told}"
    return {SPEED: (ours, plain), REMEMBERED: (ours_again, plain_again)}


BENCH = Bench("explore", ROWS, take)
