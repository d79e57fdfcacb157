"""Parts of worlds: what is copied before a choice, what is shared, and what is remembered instead of done again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.machines import ticket as tickets
from mmfsm.machines.ticket import HedgeTicket, TicketInput, open_ticket, step
from mmfsm.proof.canonical import ticket_key
from mmfsm.proof.copying import deep_twin
from mmfsm.proof.desk_model import model_of_quotes
from mmfsm.proof.model import Model
from mmfsm.proof.running import remembered, replaced, row_of, running
from mmfsm.proof.search import Choice, Report
from mmfsm.proof.tickets import HEDGE_LIMITS, RULES
from mmfsm.proof.world import World as DeskWorld
from mmfsm.values import InstType, Side

# --- copies -----------------------------------------------------------------------------------------------------------


def what_changes(value: Any) -> Iterator[int]:
    """The identity of everything in a value that may change, found by looking at values alone; frozen ones never do."""
    if isinstance(value, dict | list | tuple):
        if not isinstance(value, tuple):
            yield id(value)
        for each in value.values() if isinstance(value, dict) else value:
            yield from what_changes(each)
    elif attrs.has(type(value)) and type(value).__setattr__ is object.__setattr__:
        yield id(value)
        for field in attrs.fields(type(value)):
            yield from what_changes(getattr(value, field.name))


def worlds_with_a_ticket() -> list[DeskWorld]:
    model = model_of_quotes(1, 0)
    seen: list[DeskWorld] = []
    watching = attrs.evolve(model, goal=lambda world: bool(world.state.tickets and seen.append(world)))
    watching.explore(400)
    return seen


def test_a_copied_desk_shares_nothing_that_may_change() -> None:
    """What is shared is found by declared types; a walk over the values finds nothing shared that could change."""
    worlds = worlds_with_a_ticket()
    assert len(worlds) > 10
    for world in worlds:
        copy = deep_twin(world.state)
        ours, theirs = set(what_changes(copy)), set(what_changes(world.state))
        assert copy == world.state and len(ours) == len(theirs) > 30 and not ours & theirs


def test_what_nobody_said_how_to_copy_is_not_shared_in_silence() -> None:
    """A set would be one object in all worlds: whoever adds one to a state is told."""
    with pytest.raises(TypeError, match="what never changes, got a set"):
        deep_twin({"a": {1, 2}})


# --- what is remembered -----------------------------------------------------------------------------------------------

PRICE = Decimal(100)
VIEW = tickets.HedgeView(RULES, HEDGE_LIMITS, PRICE, PRICE, PRICE, PRICE)


@attrs.frozen(eq=False)
class Part:
    """A ticket with a clock of its own."""

    ticket: HedgeTicket
    now: int


World = tuple[Part, Part]
Tell = Callable[[Part, str], Part]


def key(part: Part) -> Hashable:
    return ticket_key(part.ticket, part.now)


def told(part: Part, what: str) -> Part:
    ticket, now = deep_twin(part.ticket), part.now + (what == "timer")
    step(ticket, what, TicketInput(now, VIEW, Decimal(what == "hedge_filled")))
    return Part(ticket, now)


def two_tickets(tell: Tell, canonical: Callable[[World], Hashable]) -> Model[World]:
    """Two tickets of four lots that see nothing of one another; the clock passes for both."""

    def init() -> list[World]:
        ticket, _ = open_ticket("a", 1, Side.BUY, Decimal(4), TicketInput(100, VIEW))
        return [(tell(Part(ticket, 99), "timer"), tell(Part(ticket, 99), "timer"))]

    def alphabet(world: World) -> list[Choice]:
        choices: list[Choice] = [("clock", "timer")]
        for number, part in enumerate(world):
            child = part.ticket.child
            if child is not None:
                choices += [("venue", "child_settled", number), ("venue", "spot_refused", number)]
                choices += [("venue", "hedge_filled", number)] * (child.inst is InstType.SPOT and child.qty > 0)
        return choices

    def fire(world: World, choice: Choice) -> World:
        what = str(choice[1])
        if what == "timer":
            return tell(world[0], what), tell(world[1], what)
        return (tell(world[0], what), world[1]) if choice[2] == 0 else (world[0], tell(world[1], what))

    return Model("two", (), init, alphabet, fire, canonical, {}, {}, lambda _world: True, (tickets.TABLE,))


def by_keys(world: World) -> Hashable:
    return tuple(map(key, world))


def test_a_report_is_the_same_with_memory_and_without() -> None:
    """States, transitions, rows and how often each fired; while the step itself was taken far less often."""
    taken = []

    def counted(part: Part, what: str) -> Part:
        taken.append(what)
        return told(part, what)

    plain = two_tickets(counted, by_keys).explore()
    steps, taken[:] = len(taken), []
    again = two_tickets(remembered(same=key)(counted), by_keys).explore()

    assert again == plain and plain.states > 500
    assert len(taken) < steps / 20


def test_parts_that_are_the_same_are_one_object() -> None:
    """So a world of them is its own key: compared by their keys, there are no fewer."""
    by_itself = two_tickets(remembered(same=key)(told), lambda world: world).explore()

    assert by_itself == two_tickets(told, by_keys).explore()


def test_another_run_knows_nothing_of_the_last() -> None:
    """A table with a row changed is explored as it is, though the same step was remembered on the table as declared."""
    row = row_of(tickets.TABLE, "PENDING", "spot_refused")
    wrong = replaced(tickets.TABLE, row, attrs.evolve(row, dest="CHASING"))
    tell = remembered(same=key)(told)

    def explored(each: Tell, *instead: Any) -> Report:
        return two_tickets(each, by_keys).explore(instead=instead)

    declared, changed, declared_again = explored(tell), explored(tell, wrong), explored(tell)
    assert declared == declared_again != changed
    assert changed == explored(told, wrong)


def test_outside_an_exploration_nothing_is_remembered() -> None:
    """Each call is made; inside one, the second is not, and the rows of both are told."""
    calls = []

    def opened(qty: int) -> Part:
        calls.append(qty)
        return Part(open_ticket("a", 1, Side.BUY, Decimal(qty), TicketInput(100, VIEW))[0], 100)

    tell = remembered(same=key)(opened)
    assert tell(4) is not tell(4) and calls == [4, 4]
    with running() as fired:
        assert tell(4) is tell(4) and calls == [4, 4, 4]
        assert len(fired) == 4 and fired[:2] == fired[2:]
