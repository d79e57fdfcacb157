"""Tables run by `transitions`' own classes: the reference that the leaner ones of `mmfsm.table` are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from transitions import Machine

from mmfsm.table import KINDS, Row, Table

Rows = Row[Any, Any, Any]


@cache
def stock_machine(table: Table[Any, Any, Any]) -> Machine:
    """The same rows on a plain `transitions.Machine`: guards are conditions, effects run after."""
    machine = Machine(
        model=None,
        states=[{"name": state, "final": state in table.final} for state in table.states],
        initial=None,
        auto_transitions=False,
    )
    for row in table.rows:
        machine.add_transition(
            trigger=row.event,
            source=list(row.sources),
            dest=None if row.dest in KINDS else row.dest,
            conditions=[_condition(guard) for guard in row.guards],
            after=[_taken(row), *(_effect(effect) for effect in row.effects)],
        )
    return machine


def stock_fire(table: Table[Any, Any, Any], subject: Any, event: str, payload: Any, out: Any) -> Rows:
    """What `Table.fire` does, by the stock classes."""
    taken = list[Rows]()
    stock_machine(table).events[event].trigger(subject, subject, payload, out, taken)  # type: ignore[arg-type]
    return taken[0]


@contextmanager
def stock_tables() -> Iterator[None]:
    """Let every machine run on the stock classes for a while."""
    lean = Table.fire
    Table.fire = stock_fire  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Table.fire = lean  # type: ignore[method-assign]


def _condition(guard: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    return lambda subject, payload, _out, _taken: guard(subject, payload)


def _effect(effect: Callable[[Any, Any, Any], None]) -> Callable[..., None]:
    return lambda subject, payload, out, _taken: effect(subject, payload, out)


def _taken(row: Rows) -> Callable[..., None]:
    return lambda _subject, _payload, _out, taken: taken.append(row)
