"""The life of one ticket out of a replay, row by row: event, guards, from, to, effects, and why no other row.

A `Tracer` looks on at `Table.fire` while events are replayed. Guards only read, so asking each of them beside the
table changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from mmfsm.machines.order import Order
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.table import IGNORE, NEVER, AnyRow, AnyTable, name_of
from mmfsm.values import plain
from mmfsm.watching import Fire, diverted


@attrs.define
class Step:
    """One firing of one machine: the row taken, and of each row before it the guard that said no."""

    at_ms: int
    number: int
    machine: str
    subject: str
    before: str
    event: str
    row: str
    after: str
    effects: tuple[str, ...]
    why: str
    refused: tuple[tuple[str, str], ...]
    facts: str

    def text(self) -> str:
        """Two or more lines for a person."""
        lines = [
            f"{self.at_ms}  event {self.number}  {self.machine} {self.subject}",
            f"    {self.before} --{self.event}--> {self.after}   [{self.row}]"
            + (f"  {', '.join(self.effects)}" if self.effects else "")
            + (f"  ({self.why})" if self.why else ""),
        ]
        lines += [f"    not {row}: {guard} said no" for row, guard in self.refused]
        return "\n".join([*lines, f"    {self.facts}"])


class Tracer:
    """Notes every firing that concerns one ticket: the ticket's own machine, and those of its orders."""

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket
        self.steps: list[Step] = []
        self.known: dict[str, int] = {}
        self.now: tuple[int, int] = (0, 0)
        self._first = 0

    def tell(self, at_ms: int, number: int) -> None:
        """Say which event is being handled."""
        self.now = (at_ms, number)

    def owner_of(self, subject: object) -> str | None:
        """The hedge id a subject belongs to."""
        if isinstance(subject, HedgeTicket):
            self.known.setdefault(subject.hedge_id, subject.cycle_id)
            return subject.hedge_id
        return subject.owner if isinstance(subject, Order) else None

    def is_meant(self, subject: object) -> bool:
        """True for the ticket asked for, by its id or by its cycle's number, and for its orders."""
        owner = self.owner_of(subject)
        return owner is not None and (owner == self.ticket or str(self.known.get(owner)) == self.ticket)

    @contextmanager
    def attached(self) -> Iterator[Tracer]:
        """Look on at the tables for a while; the rows and what they do are untouched."""

        def wrap(table: AnyTable, plain_fire: Fire) -> Fire:
            def fire(subject: Any, event: str, payload: Any, out: Any) -> AnyRow:
                if not self.is_meant(subject):
                    return plain_fire(subject, event, payload, out)
                before = subject.state
                verdicts = [(row, _no(row, subject, payload)) for row in table.rows_for(before, event)]
                row = plain_fire(subject, event, payload, out)
                self._note(table, subject, event, before, row, verdicts)
                return row

            return fire

        with diverted(wrap):
            yield self

    def _note(
        self,
        table: AnyTable,
        subject: Any,
        event: str,
        before: str,
        taken: AnyRow,
        verdicts: list[tuple[AnyRow, str | None]],
    ) -> None:
        refused = []
        for row, guard in verdicts:
            if row is taken:
                break
            refused.append((_row_text(row), guard or "?"))
        is_idle = taken.dest == IGNORE and event == "timer"
        if is_idle and self.steps and (last := self.steps[-1]).row == _row_text(taken) and last.event == event:
            return  # the clock decides nothing, again
        self.steps.append(
            Step(
                *self.now, table.name, _name(subject), before, event, _row_text(taken), subject.state,
                tuple(name_of(effect) for effect in taken.effects), taken.why, tuple(refused), _facts(subject),
            )
        )  # fmt: skip


def _no(row: AnyRow, subject: object, payload: object) -> str | None:
    """The first guard of a row that says no; None when all hold. Guards only read."""
    return next((name_of(guard) for guard in row.guards if not guard(subject, payload)), None)


def _row_text(row: AnyRow) -> str:
    dest = "HALT" if row.dest == NEVER else row.dest
    return f"{row.guard_text or 'always'} → {dest}"


def _name(subject: object) -> str:
    return subject.request.client_oid if isinstance(subject, Order) else getattr(subject, "hedge_id", "")


def _facts(subject: object) -> str:
    if isinstance(subject, HedgeTicket):
        t = subject
        parts = ("want", "filled", "unwound", "netted", "dust", "remain")
        figures = " ".join(f"{name}={plain(getattr(t, name))}" for name in parts)
        return f"{figures} tries={t.tries} child={'out' if t.child else 'none'}"
    assert isinstance(subject, Order)
    r = subject.request
    order = f"{r.inst.value} {r.side.value} {plain(r.qty)} @ {plain(r.price)}"
    return f"{order} booked={plain(subject.booked)} end={subject.end}"
