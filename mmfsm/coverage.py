"""Which rows of the tables have fired: counted while anything runs, written down, added up, and shown.

with counting() as counts:
    ...                             a test, a simulation, a bot
counts += of_segment(segment)       what a journal's events fire, played again
never(counts)                       the rows that nothing has fired
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mmfsm import machines
from mmfsm.journal import Segment, rebuild
from mmfsm.table import NEVER, AnyRow, AnyTable
from mmfsm.watching import Fire, diverted

Key = tuple[str, str, str, str]
"""A row as it fires: table, the state it fired in, event, guard ("" without one)."""

Counts = Counter[Key]
VERSION = 1


def key(table: str, state: str, row: AnyRow) -> Key:
    """Name a row in one of its states."""
    return table, state, row.event, row.guard_text


@contextmanager
def counting() -> Iterator[Counts]:
    """Count every firing of every declared table while inside."""
    counts: Counts = Counter()

    def wrap(table: AnyTable, fire: Fire) -> Fire:
        name = table.name

        def counted(subject: Any, event: str, payload: Any, out: Any) -> AnyRow:
            before = subject.state
            row = fire(subject, event, payload, out)
            counts[key(name, before, row)] += 1
            return row

        return counted

    with diverted(wrap):
        yield counts


def of_segment(segment: Segment) -> Counts:
    """Return how often each row fires when a journal's segment is played again."""
    with counting() as counts:
        rebuild(segment)
    return counts


def every_row(tables: Iterable[AnyTable] = machines.ALL) -> list[Key]:
    """Return every row of the tables in every state it stands for, but for those that say it cannot happen."""
    return [
        key(table.name, state, row)
        for table in tables
        for state in table.states
        for event in table.events
        for row in table.rows_for(state, event)
        if row.dest != NEVER
    ]


def never(counts: Counts, tables: Iterable[AnyTable] = machines.ALL) -> list[Key]:
    """Return the rows that nothing has fired, in the tables' order."""
    return [row for row in every_row(tables) if not counts[row]]


def to_json(counts: Counts) -> str:
    """Return counts as a text that `from_json` reads and that is the same for the same counts."""
    rows = [[*row, times] for row, times in sorted(counts.items())]
    return json.dumps({"rows_version": VERSION, "rows": rows}, indent=0) + "\n"


def from_json(text: str, name: str) -> Counts:
    """Return the counts that `to_json` wrote.

    Raises:
        ValueError: the text is not of its form; names what was expected and `name`.
    """
    try:
        data = json.loads(text)
        if data["rows_version"] != VERSION:
            raise ValueError
        return Counter({(table, state, event, guard): int(n) for table, state, event, guard, n in data["rows"]})
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{name}: expected counts of rows, version {VERSION}") from None


def page(counts: Counts, tables: Iterable[AnyTable] = machines.ALL) -> str:
    """Return counts as Markdown: for each machine how many of its rows have fired, each row, and how often."""
    lines = ["# Rows that have fired\n"]
    for table in tables:
        rows = every_row([table])
        fired = sum(1 for row in rows if counts[row])
        lines.append(f"## {table.name}: {fired} of {len(rows)} rows\n")
        lines += ["| state | event | guard | fired |", "|---|---|---|---|"]
        for row in rows:
            _name, state, event, guard = row
            shown = f"`{guard}`" if guard else ""
            lines.append(f"| {state} | `{event}` | {shown} | {counts[row] or '**never**'} |")
        lines.append("")
    return "\n".join(lines)
