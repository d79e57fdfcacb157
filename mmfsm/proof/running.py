"""Which tables run while a model is explored, and which rows fire.

The desk reaches its tables by their modules. While a model runs, each is as declared, or a changed copy (that is how
faults are seeded), and every row taken is noted: also by a step that is not taken again but remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, TypeVarTuple

import attrs

from mmfsm.proof.search import FiredRow
from mmfsm.table import AnyRow, AnyTable, Table
from mmfsm.watching import Fire, diverted

T = TypeVar("T")
Args = TypeVarTuple("Args")


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


@attrs.define
class _Run:
    """One exploration: what has fired since somebody looked, each step that was remembered, and each value by its key.
    It grows with the worlds that the search keeps, and goes when they do."""

    fired: list[FiredRow] = attrs.field(factory=list)
    steps: dict[Hashable, tuple[Any, list[FiredRow]]] = attrs.field(factory=dict)
    values: dict[Hashable, Any] = attrs.field(factory=dict)


_RUNS: list[_Run] = []
"""The explorations under way, the innermost last."""


@contextmanager
def running(instead: Iterable[AnyTable] = (), execute: Execute = Table.fire) -> Iterator[list[FiredRow]]:
    """While inside, every declared table runs as it is, or as its changed copy of the same name; gives what fires.

    Args:
        instead: changed copies.
        execute: what runs their rows.
    """
    copies = {table.name: table for table in instead}
    run = _Run()
    fired = run.fired

    def wrap(table: AnyTable, _fire: Fire) -> Fire:
        name, runs = table.name, copies.get(table.name, table)

        def fire(subject: Any, event: str, payload: Any, out: Any) -> AnyRow:
            row = execute(runs, subject, event, payload, out)
            fired.append((name, row))
            return row

        return fire

    _RUNS.append(run)
    try:
        with diverted(wrap):
            yield fired
    finally:
        _RUNS.pop()


def remembered(same: Callable[[T], Hashable]) -> Callable[[Callable[[*Args], T]], Callable[[*Args], T]]:
    """Take a step of a part once a run, in however many worlds that part stands. A decorator.

    For a part of a world that sees nothing but what it is told: a ticket with a clock of its own. Told the same again
    it gives what it gave, and the rows it fired count as fired again. What it gives is the first value with its key, so
    parts that are the same are one object, and a tuple of them is its own key.

    Args:
        same: what makes two values the same, as a model's `canonical` does for worlds: all that decides anything
            later, and whatever an invariant reads. Nobody may change a value that was given.
    """

    def decorate(step: Callable[[*Args], T]) -> Callable[[*Args], T]:
        @wraps(step)
        def again(*args: *Args) -> T:
            if not _RUNS:
                return step(*args)
            run = _RUNS[-1]
            known = run.steps.get((step, args))
            if known is None:
                before = len(run.fired)
                value = step(*args)
                value = run.values.setdefault((same, same(value)), value)
                run.steps[step, args] = value, run.fired[before:]
                return value
            run.fired += known[1]
            return known[0]  # type: ignore[no-any-return]

        return again

    return decorate
