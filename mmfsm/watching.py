"""Looking on at the tables, or running others in their place, for a while: every firing passes through `Table.fire`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mmfsm import machines
from mmfsm.table import AnyRow, AnyTable

Fire = Callable[[Any, str, Any, Any], AnyRow]
"""(subject, event, payload, out) → the row taken: what `Table.fire` is."""


@contextmanager
def diverted(wrap: Callable[[AnyTable, Fire], Fire]) -> Iterator[None]:
    """While inside, each declared table's `fire` is what `wrap` makes of the table and its `fire` so far.

    May be nested; what was before comes back at the end, also after an exception.
    """
    before = [vars(table).get("fire") for table in machines.ALL]
    for table in machines.ALL:
        vars(table)["fire"] = wrap(table, table.fire)
    try:
        yield
    finally:
        for table, was in zip(machines.ALL, before, strict=True):
            if was is None:
                del vars(table)["fire"]
            else:
                vars(table)["fire"] = was
