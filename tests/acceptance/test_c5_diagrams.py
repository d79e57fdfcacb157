"""C5: the diagrams are drawn from the tables that run, with guards and timeouts; a stale one fails here."""

from pathlib import Path

import attrs

from mmfsm import diagrams, pictures
from mmfsm.machines import ALL, mode
from mmfsm.table import Table
from tests.support.tape import ROOT


def test_the_checked_in_diagrams_are_what_the_tables_say() -> None:
    """Run `python -m mmfsm.diagrams` when this fails."""
    assert diagrams.stale(ALL, ROOT / "diagrams") == []


def test_one_changed_guard_makes_them_stale(tmp_path: Path) -> None:
    """The check sees a single row: a guard taken away is another diagram."""
    diagrams.write(ALL, tmp_path)
    assert diagrams.stale(ALL, tmp_path) == []
    rows = list(mode.TABLE.rows)
    index = next(n for n, row in enumerate(rows) if row.guard is mode.new_reason)
    rows[index] = attrs.evolve(rows[index], guard=mode.resumable)
    changed = Table(
        "Mode", states=mode.TABLE.states, final=(), events=mode.TABLE.events, rows=rows, timeouts=mode.TABLE.timeouts
    )

    assert diagrams.stale([changed if table is mode.TABLE else table for table in ALL], tmp_path) != []


def test_guards_and_timeouts_are_shown() -> None:
    """Every guard of the mode and ticket tables, and every clock, is in the text of its diagram."""
    for table in ALL:
        text = pictures.mermaid(table)
        if table.name in ("Mode", "HedgeTicket"):
            guards = {guard.__name__ for row in table.rows for guard in row.guards if row.dest in table.states}
            assert guards and all(guard in text for guard in guards), table.name
        for state, clock in table.timeouts.items():
            assert state in text and clock.split()[0].rstrip(",;") in text, (table.name, state)
