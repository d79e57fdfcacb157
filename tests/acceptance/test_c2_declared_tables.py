"""C2: the modes and the ticket are tables run by `transitions`; what a table does not name cannot happen."""

import pytest
from transitions import Machine

from mmfsm import Desk, IllegalEvent, Params
from mmfsm.events import CancelAnswered, Tick
from mmfsm.machines import ALL, mode, ticket
from mmfsm.machines.mode import ModeInput, ModeState
from mmfsm.table import NEVER
from mmfsm.testing import ready_desk
from mmfsm.values import OrderResult, Outcome

AT_MS = 1_800_000_000_000


def test_the_states_are_the_cards() -> None:
    """QUOTING, HEDGING, COOLDOWN, HALTED beside IDLE; and a ticket's pending → partial → chasing → unwinding → done."""
    assert mode.TABLE.states == ("IDLE", "QUOTING", "HEDGING", "COOLDOWN", "HALTED")
    assert ticket.TABLE.states == ("PENDING", "PARTIAL", "CHASING", "UNWINDING", "DONE")
    assert ticket.TABLE.final == ("DONE",)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_each_table_runs_on_transitions_with_its_rows_alone(table: object) -> None:
    """The machine has the table's states and events, and not one transition that is no row."""
    machine = table._machine  # type: ignore[attr-defined]
    assert isinstance(machine, Machine) and set(machine.states) == set(table.states)  # type: ignore[attr-defined]
    assert set(machine.events) == set(table.events)  # type: ignore[attr-defined]
    count = sum(len(them) for event in machine.events.values() for them in event.transitions.values())
    assert count == sum(len(row.sources) for row in table.rows)  # type: ignore[attr-defined]


def test_an_event_the_table_does_not_name_cannot_be_told() -> None:
    """Not even by its name: nothing changes."""
    state = ModeState()
    with pytest.raises(KeyError):
        mode.TABLE.fire(state, "to_QUOTING", ModeInput(AT_MS), [])

    assert state == ModeState()


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_an_impossible_pair_changes_nothing_and_says_so(table: object) -> None:
    """Every row that says NEVER gives its reason, has no effect, and leaves the state as it is."""
    rows = [row for row in table.rows if row.dest == NEVER]  # type: ignore[attr-defined]

    assert all(row.why and not row.effects for row in rows)


def test_a_desk_that_meets_one_halts_for_a_person() -> None:
    """The end of all tickets told in COOLDOWN, where the table says it cannot be: both are named, nothing moves."""
    state = ModeState(state="COOLDOWN")
    row = mode.TABLE.fire(state, "tickets_done", ModeInput(AT_MS), [])
    assert row.impossible and row.why and state == ModeState(state="COOLDOWN")

    desk = ready_desk()
    stray = next(iter(desk.state.orders.open.values()))
    desk.state.orders.open[stray.request.client_oid].state = "LIVE"
    desk.handle(CancelAnswered(AT_MS, stray.request.client_oid, OrderResult(Outcome.ACCEPTED)))

    assert desk.state.mode.state == "HALTED" and desk.state.mode.latched
    assert list(desk.state.mode.reasons) == ["impossible:Order:LIVE:cancel_ok"]


def test_what_is_no_event_is_refused_and_changes_nothing() -> None:
    """`IllegalEvent`, and the desk is as it was."""
    desk = Desk(Params(), run=1)
    before = desk.snapshot()
    for wrong in ("tick", None, Tick(-1)):
        with pytest.raises(IllegalEvent):
            desk.handle(wrong)  # type: ignore[arg-type]

    assert desk.snapshot() == before
