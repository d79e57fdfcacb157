"""Which tables run while a model is explored, and which rows fire.

The desk reaches its tables by their modules. While a model runs, each is as declared, or a changed copy (that is how
faults are seeded), and every row taken is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mmfsm.proof.search import FiredRow
from mmfsm.table import AnyRow, AnyTable, Table
from mmfsm.watching import Fire, diverted


def changed(table: AnyTable, rows: Iterable[AnyRow]) -> AnyTable:
    """Return a copy of a table with other rows.

    Raises:
        TableError: the linter refuses them.
    """
    return Table(
        table.name,
        states=table.states,
        final=table.final,
        events=table.events,
        rows=rows,
        timeouts=table.timeouts,
    )


def replaced(table: AnyTable, old: AnyRow, *new: AnyRow) -> AnyTable:
    """Return a copy of a table in which other rows stand where one stood."""
    return changed(table, [each for row in table.rows for each in (new if row is old else (row,))])


def row_of(table: AnyTable, source: str, event: str, guard: str = "") -> AnyRow:
    """Return the row of a pair with this guard text."""
    return next(row for row in table.rows_for(source, event) if row.guard_text == guard)


Execute = Callable[[AnyTable, Any, str, Any, Any], AnyRow]
"""(table, subject, event, payload, out) → the row taken: `Table.fire`, or another way to run the same rows."""


@contextmanager
def running(instead: Iterable[AnyTable] = (), execute: Execute = Table.fire) -> Iterator[list[FiredRow]]:
    """While inside, every declared table runs as it is, or as its changed copy of the same name; gives what fires.

    Args:
        instead: changed copies.
        execute: what runs their rows.
    """
    copies = {table.name: table for table in instead}
    fired: list[FiredRow] = []

    def wrap(table: AnyTable, _fire: Fire) -> Fire:
        name, runs = table.name, copies.get(table.name, table)

        def fire(subject: Any, event: str, payload: Any, out: Any) -> AnyRow:
            row = execute(runs, subject, event, payload, out)
            fired.append((name, row))
            return row

        return fire

    with diverted(wrap):
        yield fired
