"""The mutants themselves: every way a row can be wrong is made, and each catcher catches what it should."""

from __future__ import annotations

import pytest

from mmfsm import machines
from mmfsm.machines import order, ticket
from mmfsm.proof.running import changed, row_of
from tests.prove.mutants import Mutant, by_testing, catcher, main, mutants, negated, wrong_rows


def mutant(how: str, source: str, event: str, guard: str = "") -> Mutant:
    """The mutant of a row of the ticket's table."""
    row = row_of(ticket.TABLE, source, event, guard)
    return next(each for each in mutants([ticket.TABLE]) if each.row is row and each.how.startswith(how))


def test_every_row_is_wrong_in_every_way() -> None:
    """Removed, negated, unguarded, elsewhere, and once without each effect."""
    row = row_of(ticket.TABLE, "CHASING", "timer", "past_unhedged")

    assert [how for how, _ in wrong_rows(ticket.TABLE, row)] == [
        "removed",
        "guard negated",
        "guard dropped",
        "goes to DONE instead of UNWINDING",
        "without note_unwind",
        "without unwind_if_free",
    ]
    assert len(list(mutants(machines.ALL))) > 1_000


def test_a_negated_guard_says_the_opposite() -> None:
    """All guards of a row together, the other way round, under a name of its own."""
    row = row_of(order.TABLE, "SENT", "ack", "cancel_wanted")
    guard = negated(row)

    assert guard.__name__ == "not_cancel_wanted"


@pytest.mark.parametrize(
    ("how", "row", "by"),
    [
        ("removed", ("PENDING", "grow"), "linter"),
        ("guard dropped", ("PENDING", "timer", "over"), "linter"),
        ("without book_filled", ("PENDING", "hedge_filled"), "tickets 1/0"),
    ],
)
def test_a_wrong_row_is_caught(how: str, row: tuple[str, ...], by: str) -> None:
    """By the first that can: the linter, then the smallest model."""
    assert catcher(mutant(how, *row), tests=False, deep=False) == by


def test_a_wrong_row_fails_the_tests_of_its_machine_and_the_right_ones_do_not() -> None:
    """In a process of its own, which leaves the table here as it was."""
    wrong = mutant("without book_filled", "PENDING", "hedge_filled")
    before = vars(ticket.TABLE).copy()

    assert by_testing(wrong, changed(wrong.table, wrong.rows), ("test_ticket.py",))
    assert not by_testing(wrong, changed(wrong.table, wrong.table.rows), ("test_ticket.py",))
    assert vars(ticket.TABLE) == before


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_of_a_sample_of_mutants_nearly_all_are_caught() -> None:
    """One mutant in twenty of every table; at least 95 % of them."""
    assert main(["--every", "20"]) == 0
