"""Every order of events to a small bound: nothing wrong, nothing unanswered; faults put into the tables are found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from mmfsm import explore as command
from mmfsm import machines
from mmfsm.machines import mode, order, slot, ticket
from mmfsm.machines import ticket_parts as parts
from mmfsm.machines.order import Order, OrderInput
from mmfsm.machines.ticket import CloseTicket, HedgeTicket, TicketInput, TicketOut
from mmfsm.proof.copying import deep_twin
from mmfsm.proof.desk_model import model_of_quotes, model_of_session
from mmfsm.proof.model import Model
from mmfsm.proof.running import replaced, row_of, running
from mmfsm.proof.search import Choice, Report, Step, explore, replay
from mmfsm.proof.ticket_model import model_of_tickets
from mmfsm.table import IGNORE, STAY, AnyRow, AnyTable, Row
from mmfsm.table import __main__ as tables
from mmfsm.testing import ready_desk
from mmfsm.values import ZERO, InstType
from tests.support.stock import stock_fire

# --- the search -------------------------------------------------------------------------------------------------------


def two_counters(most: int = 3) -> dict[str, Any]:
    """A world of two counters that can be raised and cleared."""

    def step(world: tuple[int, int], choice: Choice) -> Step[tuple[int, int]]:
        a, b = world
        return Step({"clear": (0, 0), "a": (a + 1, b), "b": (a, b + 1)}[str(choice[1])])

    def alphabet(world: tuple[int, int]) -> list[Choice]:
        return [("venue", "clear"), *(("fault", name) for name, n in zip("ab", world, strict=True) if n < most)]

    return {"init": [(0, 0)], "step": step, "alphabet": alphabet, "canonical": lambda world: world}


def test_every_world_is_visited_once() -> None:
    """Four times four worlds, whatever the order; the benign way home is one choice from everywhere."""
    report = explore(**two_counters(), invariants={}, goal=("both go home", lambda world: world == (0, 0)))

    assert (report.states, report.complete, report.stuck, report.worst_to_goal) == (16, True, 0, 1)
    assert report.sound


def test_a_counterexample_is_the_shortest_and_runs_again() -> None:
    """Three choices lead to two and one; `replay` of them meets the same world."""
    world = two_counters()
    report = explore(**world, invariants={"not two and one": lambda w: f"{w}" if w == (2, 1) else ""})

    found = report.counterexample
    assert found is not None and len(found.choices) == 3 and found.broken == "not two and one"
    assert replay(world["init"], world["step"], found)[-1] == (2, 1)
    assert str(found).splitlines()[1] == "  0  start 0"


def test_what_never_gets_home_is_named() -> None:
    """Without the benign choice no way leads back: the worlds that are stuck are counted, the first is shown."""
    world = two_counters(1)
    choices = world["alphabet"]
    world["alphabet"] = lambda w: choices(w)[1:]
    report = explore(**world, invariants={}, goal=("both go home", lambda w: w == (0, 0)))

    assert report.stuck == 3 and report.counterexample is not None and report.counterexample.broken == "both go home"


def test_a_search_that_is_cut_says_so_and_a_property_that_is_not_met_is_named() -> None:
    """Bounded is not complete; "sometimes" that never holds makes a report unsound."""
    cut = explore(**two_counters(), invariants={}, bound=5)
    vacuous = explore(**two_counters(), invariants={}, sometimes={"four": lambda _b, _c, taken: 4 in taken.world})

    assert not cut.complete and cut.states >= 5
    assert vacuous.never == ["four"] and not vacuous.sound


def test_a_step_that_raises_is_a_counterexample() -> None:
    """An assertion inside a machine is found like any other broken promise."""
    world = two_counters()
    step = world["step"]

    def careful(w: tuple[int, int], choice: Choice) -> Step[tuple[int, int]]:
        assert w != (1, 1), "one and one"
        return step(w, choice)  # type: ignore[no-any-return]

    found = explore(**{**world, "step": careful}, invariants={}).counterexample

    assert found is not None and found.detail.startswith("AssertionError: one and one") and len(found.choices) == 3


def test_a_copied_desk_is_the_same_and_shares_nothing_that_changes() -> None:
    """A copy of the state equals it; what happens to the one does not touch the other."""
    desk = ready_desk()
    copy = deep_twin(desk.state)
    before = desk.snapshot()
    copy.orders.open.clear()
    copy.mode.reasons["x"] = True
    copy.ledger.seen[InstType.PERP]["x"] = "y"
    copy.bid.state = "EMPTY"

    assert deep_twin(desk.state) == desk.state and desk.snapshot() == before


# --- the models as they are -------------------------------------------------------------------------------------------

SMALL: dict[str, Callable[[], Model[Any]]] = {
    "a ticket, from every position, with and without a price": lambda: model_of_tickets(1, 0),
    "a ticket and a fault": lambda: model_of_tickets(1, 1, (0,)),
    "a ticket whose messages may take for ever": lambda: model_of_tickets(1, 0, (0,), prompt=False),
    "a quoting desk, a fill": lambda: model_of_quotes(1, 0),
    "a quoting desk, a fault": lambda: model_of_quotes(0, 1),
    "start-up, a fault": lambda: model_of_session(0, 1, 0),
    "two tickets and a fault, coarsely": lambda: model_of_tickets(2, 1, (0,), coarse=True),
}
LARGE: dict[str, Callable[[], Model[Any]]] = {
    "two tickets": lambda: model_of_tickets(2, 0, (0,)),
    "a ticket and two faults": lambda: model_of_tickets(1, 2, (0,)),
    "two quotes, a fill": lambda: model_of_quotes(1, 0, sides=2),
    "a quoting desk, a fill, a halt and its end": lambda: model_of_quotes(1, 0, 2),
    "a quoting desk, a fill, a fault": lambda: model_of_quotes(1, 1),
    "a run that is stopped or killed": lambda: model_of_session(0, 0, 1),
}
BOUNDED: dict[str, Callable[[], Model[Any]]] = {
    "two tickets and a fault": lambda: model_of_tickets(2, 1, (0,)),
    "three tickets and two faults": lambda: model_of_tickets(3, 2, (0,)),
    "a quoting desk, two fills": lambda: model_of_quotes(2, 0),
    "a quoting desk that is told to close its pair": lambda: model_of_quotes(1, 0, 1, closing=True),
    "a run that is stopped or killed with a ticket open": lambda: model_of_session(1, 0, 1),
}


def assert_sound(report: Report) -> None:
    assert report.counterexample is None, f"\n{report.counterexample}"
    assert report.unanswered == [] and report.never == []
    assert report.complete and report.stuck == 0


@pytest.mark.parametrize("name", SMALL)
def test_nothing_goes_wrong_in_any_order(name: str) -> None:
    """Every invariant on every world, no unanswered pair, home from everywhere, and nothing vacuous."""
    assert_sound(SMALL[name]().explore())


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", LARGE)
def test_nothing_goes_wrong_in_any_order_of_more(name: str) -> None:
    """The same with more fills and faults. `make prove` visits three tickets and two faults, coarsely, as well."""
    assert_sound(LARGE[name]().explore())


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BOUNDED)
def test_nothing_goes_wrong_as_deep_as_minutes_allow(name: str) -> None:
    """Models too large to finish: every order of the first choices, shortest first."""
    report = BOUNDED[name]().explore(60_000)

    assert report.counterexample is None, f"\n{report.counterexample}"
    assert report.unanswered == []


def test_two_tickets_as_deep_as_a_moment_allows() -> None:
    """Tickets on both sides, netting and growing: the first five thousand worlds."""
    report = model_of_tickets(2, 0, (0,)).explore(5_000)

    assert report.counterexample is None and report.unanswered == []
    assert ("HedgeTicket", "PENDING", "grow", "") in report.fired_rows


def test_the_same_search_gives_the_same_report() -> None:
    """Nothing in it depends on a clock, a hash or a random number."""
    assert model_of_tickets(1, 0).explore() == model_of_tickets(1, 0).explore()


# --- faults put in by hand --------------------------------------------------------------------------------------------


def whatever_is_out(ticket: HedgeTicket, what: TicketInput) -> bool:
    return what.at_ms >= ticket.next_try_ms and parts.spot_qty(ticket, what.view) > 0


def unwind_everything(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    parts._send_perp(ticket, what, out, abs(what.view.perp_pos), True)


def unwind_plainly(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    parts._send_perp(ticket, what, out, parts.perp_order(ticket, what.view)[0], False)


def close_and_forget(ticket: HedgeTicket, _what: TicketInput, out: TicketOut) -> None:
    ticket.dust += ticket.remain
    out.append(CloseTicket(ZERO, "hedged"))


def net_twice(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.netted += 2 * what.qty


def said_once(order: Order, _what: OrderInput) -> bool:
    return order.booked == 0


def like(row: AnyRow, **changes: Any) -> AnyRow:
    return attrs.evolve(row, **changes)


def seeded(table: AnyTable, source: str, event: str, guard: str = "", /, **changes: Any) -> AnyTable:
    """A copy of a table with one row changed."""
    row = row_of(table, source, event, guard)
    if len(row.sources) > 1:
        rest = like(row, source=tuple(each for each in row.sources if each != source))
        return replaced(table, row, like(row, source=source, **changes), rest)
    return replaced(table, row, like(row, **changes))


FAULTS: dict[str, tuple[Callable[[], Model[Any]], AnyTable, str]] = {
    "a late fill is ignored": (
        lambda: model_of_tickets(1, 0, (0,)),
        seeded(ticket.TABLE, "UNWINDING", "hedge_filled", dest=IGNORE, effects=(), why="late"),
        "1 ",
    ),
    "a chase before the fills agree": (
        lambda: model_of_tickets(1, 0, (0,)),
        seeded(order.TABLE, "LIVE", "told_end", dest="SETTLED"),
        "5 ",
    ),
    "an unwind of the whole position": (
        lambda: model_of_tickets(1, 1, (4,)),
        seeded(ticket.TABLE, "UNWINDING", "timer", "may_unwind", effects=(unwind_everything,)),
        "5 ",
    ),
    "an unwind that is not reduce-only": (
        lambda: model_of_tickets(1, 1, (0,)),
        seeded(ticket.TABLE, "UNWINDING", "timer", "may_unwind", effects=(unwind_plainly,)),
        "9 ",
    ),
    "dust is dropped": (
        lambda: model_of_tickets(1, 0, (0,)),
        seeded(ticket.TABLE, "UNWINDING", "timer", "over", effects=(close_and_forget,)),
        "1 ",
    ),
    "a refused leg is tried again on spot": (
        lambda: model_of_tickets(1, 1, (0,)),
        seeded(ticket.TABLE, "PENDING", "spot_refused", dest=STAY, effects=(parts.free_child,)),
        "14 ",
    ),
    "netting counts twice": (
        lambda: model_of_tickets(2, 0),
        seeded(ticket.TABLE, "PENDING", "net", effects=(net_twice,)),
        "1 ",
    ),
    "a second child while one is out": (
        lambda: model_of_tickets(1, 0, (0,)),
        seeded(ticket.TABLE, "CHASING", "timer", "may_hedge", guard=whatever_is_out),
        "3 ",
    ),
    "not found is believed at once": (
        lambda: model_of_tickets(1, 1, (0,)),
        seeded(order.TABLE, "UNKNOWN", "not_found", "never_arrived", guard=said_once),
        "5 ",
    ),
    "an unknown answer counts as a refusal": (
        lambda: model_of_tickets(1, 1, (0,)),
        seeded(order.TABLE, "SENT", "unknown", dest="SETTLED", effects=(order.end_refused,)),
        "5 ",
    ),
    "HALTED goes back to quoting by itself": (
        lambda: model_of_quotes(0, 1),
        seeded(mode.TABLE, "HALTED", "review", dest="QUOTING", why=""),
        "6 ",
    ),
    "a cancel is sent as another order": (
        lambda: model_of_quotes(1, 0),
        seeded(slot.TABLE, "WORKING", "unwant", effects=(slot.place,)),
        "6 ",
    ),
    "a quote that is not wanted is left alone": (
        lambda: model_of_quotes(1, 0),
        seeded(slot.TABLE, "WORKING", "unwant", dest=IGNORE, effects=(), why="it may rest"),
        "6 ",
    ),
    "a fill that races its cancel is forgotten": (
        lambda: model_of_quotes(1, 0, 1),
        seeded(order.TABLE, "CANCELLING", "fill", "whole", dest=STAY, effects=(order.end_filled,)),
        "10 ",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_found(name: str) -> None:
    """The shortest way to it is printed; run again on the faulty table it leads there."""
    make, table, number = FAULTS[name]
    found = make().explore(20_000, [table]).counterexample
    assert found is not None, f"{name}: not found"
    print(f"\n{name}\n{found}")

    assert found.broken.startswith(number), str(found)
    assert len(found.choices) <= 16
    assert make().replay(found, [table])


# --- the two executors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: model_of_tickets(1, 0), lambda: model_of_quotes(0, 1)], ids=["tickets", "desk"]
)
def test_both_executors_see_the_same_worlds(make: Callable[[], Model[Any]]) -> None:
    """The stock classes of `transitions` and ours: the same states, transitions and rows, as often, on every path."""
    assert make().explore() == make().explore(execute=stock_fire)


def test_the_stock_machine_walks_the_same_ways() -> None:
    """Each faultless start of a long way, run on `transitions`, passes through the same worlds."""
    model = model_of_tickets(1, 1, (0,))
    _, table, _ = FAULTS["a second child while one is out"]
    found = model.explore(instead=[table]).counterexample
    assert found is not None

    assert model.replay(found) == model.replay(found, execute=stock_fire)


def test_the_tables_are_as_they_were_afterwards() -> None:
    """Exploring changes nothing that outlives it, not even when it fails."""
    before = dict(vars(ticket.TABLE))
    with pytest.raises(ZeroDivisionError), running([FAULTS["dust is dropped"][1]]):
        assert vars(ticket.TABLE) != before
        raise ZeroDivisionError
    assert vars(ticket.TABLE) == before


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_command_prints_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    """States, transitions, rows and what is left out; status 0."""
    assert command.main(["--model", "session", "--words", "0"]) == 0
    said = capsys.readouterr().out

    assert said.startswith("session: ") and "unanswered pairs 0" in said and "left out: " in said


def test_the_command_says_it_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a model, with the rows by name."""
    assert command.main(["--model", "tickets", "--bound", "300", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)

    assert said["complete"] is False and said["unanswered"] == [] and said["counterexample"] is None
    assert "HedgeTicket PENDING opened may_hedge" in said["rows_fired"]


def test_the_command_fails_with_the_shortest_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken invariant is printed with its choices; status 1."""
    broken = attrs.evolve(model_of_tickets(1, 0), invariants={"nothing is sent": lambda world: f"{world.sent or ''}"})
    monkeypatch.setitem(command.MODELS, "tickets", lambda _options: broken)

    assert command.main(["--model", "tickets"]) == 1
    assert "nothing is sent: 1\n  0  start 0\n  1  venue perp_fill buy 4" in capsys.readouterr().out


def test_the_tables_are_printed_with_their_coverage(capsys: pytest.CaptureFixture[str]) -> None:
    """Every pair is counted once, none is undecided, and each row stands where it is tried."""
    assert tables.main([]) == 0
    said = capsys.readouterr().out

    assert said.count(" 0 undecided; ") == len(machines.ALL)
    for table in machines.ALL:
        found = tables.coverage(table)
        assert found["act"] + found["ignore"] + found["never"] == found["pairs"] == found["states"] * found["events"]
    assert "    fill              [whole]                           SETTLED     book, end_filled" in said


def test_one_table_is_printed_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are left out; an unknown name is refused."""
    assert tables.main(["Feed"]) == 0
    assert "Feed: " in capsys.readouterr().out and "Mode: " not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        tables.main(["Fed"])


def test_rows_are_rows() -> None:
    """What `row_of` names is what stands in the table."""
    assert isinstance(row_of(ticket.TABLE, "PENDING", "timer", "over"), Row)
