"""A model: what is explored, what it leaves out, what must hold of it. And the invariants' numbers and names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from mmfsm.proof.running import Execute, running
from mmfsm.proof.search import Choice, Counterexample, FiredRow, Invariant, Report, Sometimes, Step, explore, replay
from mmfsm.table import AnyTable, Table

W = TypeVar("W")

ONE_OWNER = "1 exposure has one owner: delta = Σ tickets + dust"
ADDS_UP = "2 a ticket adds up: want = filled + unwound + netted + dust + remain"
ONE_CHILD = "3 at most one unresolved child per ticket"
NO_HEDGE_ALONE = "4 no hedge without a fill"
NOT_TOO_MUCH = (
    "5 in flight + filled ≤ want, but for what is dust on spot, or less than a perp step where spot has refused"
)
NO_NEW_RISK = "6 new risk in QUOTING alone, none in HALTED"
ONE_QUOTE = "7 at most one resting order per slot"
HEDGEABLE = "8 no quote that could not be hedged"
REDUCES = "9 a reduce-only order reduces, by no more than the position"
TRUE_BOOKS = "10 what was told is what is booked: the ledger is the exchange's"
CHECKED_FIRST = "11 before READY nothing is sent but cancels and the proof's order, and hedges of an earlier run"
ONE_END = "12 a run ends once; clean means that nothing of ours is open"
ENDS = "13 every exposure ends hedged, unwound, dust, or HALTED with an alert"
NOT_AGAIN = "14 a leg that has refused for good is not asked again before the other was"
STATE_IS_TRUE = "15 a ticket's state says what happened to it: nothing filled, some filled, overdue, given up on spot"


@attrs.frozen
class Model(Generic[W]):
    """A named sub-configuration with its environment. `fire` takes a choice."""

    name: str
    leaves_out: tuple[str, ...]
    init: Callable[[], Iterable[W]]
    alphabet: Callable[[W], Sequence[Choice]]
    fire: Callable[[W, Choice], W]
    canonical: Callable[[W], Hashable]
    invariants: Mapping[str, Invariant[W]]
    sometimes: Mapping[str, Sometimes[W]]
    goal: Callable[[W], bool]
    tables: tuple[AnyTable, ...]

    def explore(
        self,
        bound: int | None = None,
        instead: Iterable[AnyTable] = (),
        progress: Callable[[int, int, int], None] | None = None,
        execute: Execute = Table.fire,
    ) -> Report:
        """Explore it, with changed copies of some tables if given; `execute` is what runs the rows."""
        with running(instead, execute) as fired:
            return explore(
                self.init(),
                self._stepper(fired),
                self.alphabet,
                canonical=self.canonical,
                invariants=self.invariants,
                sometimes=self.sometimes,
                bound=bound,
                goal=(ENDS, self.goal),
                progress=progress,
            )

    def replay(self, found: Counterexample, instead: Iterable[AnyTable] = (), execute: Execute = Table.fire) -> list[W]:
        """Return the worlds a counterexample passes through."""
        with running(instead, execute) as fired:
            return replay(self.init(), self._stepper(fired), found)

    def _stepper(self, fired: list[FiredRow]) -> Callable[[W, Choice], Step[W]]:
        def step(world: W, choice: Choice) -> Step[W]:
            fired.clear()
            after = self.fire(world, choice)
            return Step(after, tuple(fired))

        return step


def fires(table: str, event: str, *, to: str = "", effect: str = "", source: str = "") -> Sometimes[W]:
    """A property of a step: a row of this table and event fired, with this destination, source and effect if given."""

    def holds(_before: W, _choice: Choice, taken: Step[W]) -> bool:
        return any(
            name == table
            and row.event == event
            and (not to or row.dest == to)
            and (not source or source in row.sources)
            and (not effect or effect in [each.__name__ for each in row.effects])
            for name, row in taken.fired
        )

    return holds
