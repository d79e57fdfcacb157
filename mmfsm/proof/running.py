"""Which tables run while a model is explored, and which rows fire.

The desk reaches its tables by their modules. While a model runs, each is executed from its compiled form (or from a
changed copy: that is how faults are seeded), and every row taken is noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmfsm import machines
from mmfsm.proof.search import FiredRow
from mmfsm.table import Fired, Row, Table

AnyTable = Table[Any, Any, Any]
AnyRow = Row[Any, Any, Any]


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


class running:
    """While inside, every declared table runs compiled, or as its changed copy of the same name; gives what fires."""

    def __init__(self, instead: Iterable[AnyTable] = (), *, stock: bool = False) -> None:
        """Name the tables that run.

        Args:
            instead: changed copies.
            stock: run the rows on `transitions` instead: slower, and the same.
        """
        self.copies = {table.name: table for table in instead}
        self.execute = Table.fire if stock else Table.fire_compiled
        self.before: list[Any] = []

    def __enter__(self) -> list[FiredRow]:
        fired: list[FiredRow] = []
        self.before = [vars(table).get("fire") for table in machines.ALL]
        for table in machines.ALL:
            _divert(table, self.execute, self.copies.get(table.name, table), fired)
        return fired

    def __exit__(self, *_raised: object) -> None:
        for table, was in zip(machines.ALL, self.before, strict=True):
            if was is None:
                del vars(table)["fire"]
            else:
                vars(table)["fire"] = was


def _divert(table: AnyTable, execute: Any, runs: AnyTable, fired: list[FiredRow]) -> None:
    name = table.name

    def fire(subject: Any, event: str, payload: Any, out: Any) -> Fired[Any, Any, Any]:
        taken: Fired[Any, Any, Any] = execute(runs, subject, event, payload, out)
        fired.append((name, taken.row))
        return taken

    vars(table)["fire"] = fire
