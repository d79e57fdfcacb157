"""Breadth-first search over every order of choices: shortest counterexamples, and a way home from everywhere.

A model is a start, a step and an alphabet. The alphabet of a state is what its environment may do next, in a fixed
order, each choice a plain tuple that begins with who chooses:

    ("venue", "fills", "hedge-1", 2)   ("clock", "passes")   ("fault", "loses", "hedge-1", "ack")   ("operator", "halt")

The first choice of an alphabet is what a benign environment does: following first choices from anywhere must reach the
goal. So a counterexample is a list of choices, printable as Python or JSON, and `replay` runs it again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import attrs

from mmfsm.table import NEVER, AnyRow

W = TypeVar("W")
Choice = tuple[str | int, ...]
FiredRow = tuple[str, AnyRow]


class Step(NamedTuple, Generic[W]):
    """What a choice leads to: the world after it, and the rows it fired as (table name, row)."""

    world: W
    fired: tuple[FiredRow, ...] = ()


Invariant = Callable[[W], str]
"""Says what is wrong with a world, or nothing."""

Sometimes = Callable[[W, Choice, Step[W]], bool]
"""Holds of a step: world before, choice, what it led to. One step at least must do so: else the model is vacuous."""


@attrs.frozen
class Counterexample:
    """The shortest way to something wrong: `start` is the number of the initial world, `choices` lead on from there."""

    broken: str
    detail: str
    start: int
    choices: tuple[Choice, ...]

    def __str__(self) -> str:
        lines = [f"{number:3}  {' '.join(map(str, choice))}" for number, choice in enumerate(self.choices, 1)]
        return "\n".join([f"{self.broken}: {self.detail}", f"  0  start {self.start}", *lines])


@attrs.define
class Report:
    """What a search has seen. `unanswered` are (table, state, event) that a table calls impossible and that happened;
    `stuck` is how many states lead home by no benign way, `worst_to_goal` the longest benign way of the others."""

    states: int = 0
    transitions: int = 0
    complete: bool = True
    fired_rows: dict[tuple[str, str, str, str], int] = attrs.field(factory=dict)
    unanswered: list[tuple[str, str, str]] = attrs.field(factory=list)
    counterexample: Counterexample | None = None
    stuck: int = 0
    worst_to_goal: int = 0
    never: list[str] = attrs.field(factory=list)

    @property
    def sound(self) -> bool:
        """Nothing is wrong, nothing was unanswered, and everything that must be reached was."""
        return self.counterexample is None and not self.unanswered and not self.never


def row_key(table: str, row: AnyRow) -> tuple[str, str, str, str]:
    """Name a row: table, source, event and guard tell it from every other."""
    return table, "/".join(row.sources), row.event, row.guard_text


class _Seen(NamedTuple):
    """One state: how it was reached, and whether it is home."""

    parent: int
    choice: Choice
    at_goal: bool


class _Search(Generic[W]):
    """The queue, the parents and the report of one search. `ways` counts the steps that fired the same rows in the same
    order: there are few, and many steps."""

    def __init__(
        self,
        step: Callable[[W, Choice], Step[W]],
        canonical: Callable[[W], Hashable],
        invariants: Mapping[str, Invariant[W]],
        sometimes: Mapping[str, Sometimes[W]],
        goal: tuple[str, Callable[[W], bool]] | None,
    ) -> None:
        self.step, self.canonical, self.invariants = step, canonical, invariants
        self.goal_name = goal[0] if goal else ""
        self.goal = goal[1] if goal else None
        self.missing = dict(sometimes)
        self.numbers: dict[Hashable, int] = {}
        self.seen: list[_Seen] = []
        self.home: list[int] = []
        self.frontier: list[tuple[int, W]] = []
        self.ways: dict[tuple[FiredRow, ...], int] = {}
        self.report = Report()

    def add(self, world: W, parent: int, choice: Choice) -> int:
        """Number a world; a new one is checked and will be expanded."""
        key = self.canonical(world)
        known = self.numbers.get(key)
        if known is not None:
            return known
        number = self.numbers[key] = len(self.seen)
        self.seen.append(_Seen(parent, choice, bool(self.goal and self.goal(world))))
        self.home.append(-1)
        self.frontier.append((number, world))
        for name, invariant in self.invariants.items():
            wrong = invariant(world)
            if wrong:
                self.report.counterexample = self.counterexample(name, wrong, number)
                break
        return number

    def expand(self, number: int, world: W, choices: Iterable[Choice]) -> None:
        """Take every choice from a world; stop at the first thing that is wrong."""
        step, report, ways = self.step, self.report, self.ways
        for choice in choices:
            try:
                taken = step(world, choice)
            except Exception as raised:
                wrong = self.counterexample("raises nothing", f"{type(raised).__name__}: {raised}", number, choice)
                report.counterexample = wrong
                return
            report.transitions += 1
            fired = taken.fired
            ways[fired] = ways.get(fired, 0) + 1
            if self.missing:
                for name in [name for name, holds in self.missing.items() if holds(world, choice, taken)]:
                    del self.missing[name]
            after = self.add(taken.world, number, choice)
            if self.home[number] < 0:
                self.home[number] = after
            if report.counterexample is not None:
                return

    def count_rows(self) -> None:
        """Report how often each row has fired, and every pair that a table calls impossible."""
        rows, unanswered = self.report.fired_rows, self.report.unanswered
        for way, times in self.ways.items():
            for table, row in way:
                key = row_key(table, row)
                rows[key] = rows.get(key, 0) + times
                if row.dest == NEVER and (table, key[1], row.event) not in unanswered:
                    unanswered.append((table, key[1], row.event))

    def counterexample(self, broken: str, detail: str, number: int, *last: Choice) -> Counterexample:
        choices: list[Choice] = list(last)
        while self.seen[number].parent >= 0:
            choices.append(self.seen[number].choice)
            number = self.seen[number].parent
        start = self.seen[number].choice[1]
        assert isinstance(start, int)
        order = choices[len(last) :][::-1] + choices[: len(last)]
        return Counterexample(broken, detail, start, tuple(order))

    def go_home(self) -> None:
        """Follow first choices from every state; what never meets the goal is stuck."""
        ways: list[int] = [0 if one.at_goal else -1 for one in self.seen]
        lost = len(self.seen) + 1
        for number in range(len(self.seen)):
            path = []
            here = number
            while here >= 0 and ways[here] < 0:
                ways[here] = lost  # on the path: to meet it again is a circle
                path.append(here)
                here = self.home[here]
            length = lost if here < 0 else ways[here]
            for back in reversed(path):
                length = min(length + 1, lost)
                ways[back] = length
        stuck = [number for number, way in enumerate(ways) if way >= lost]
        self.report.stuck = len(stuck)
        self.report.worst_to_goal = max((way for way in ways if way < lost), default=0)
        if stuck and self.report.counterexample is None:
            self.report.counterexample = self.counterexample(
                self.goal_name, f"{len(stuck)} states never get home under a benign venue", stuck[0]
            )


def explore(
    init: Iterable[W],
    step: Callable[[W, Choice], Step[W]],
    alphabet: Callable[[W], Sequence[Choice]],
    *,
    canonical: Callable[[W], Hashable],
    invariants: Mapping[str, Invariant[W]],
    sometimes: Mapping[str, Sometimes[W]] | None = None,
    bound: int | None = None,
    goal: tuple[str, Callable[[W], bool]] | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> Report:
    """Visit every world that any order of choices leads to.

    Args:
        init: the worlds to start from.
        step: takes a choice; must not change the world it is given.
        alphabet: what may happen next, the benign choice first.
        canonical: what makes two worlds the same.
        invariants: name → what must hold of every world.
        sometimes: name → what must hold of one step at least.
        bound: stop after so many states; the report then says it is not complete.
        goal: the name of what holds if it is met, and where first choices must lead from everywhere.
        progress: told depth, states and transitions after every layer.

    Returns:
        The report; its counterexample is of the least possible length.
    """
    search = _Search(step, canonical, invariants, sometimes or {}, goal)
    report = search.report
    for number, world in enumerate(init):
        search.add(world, -1, ("start", number))
    depth = 0
    while search.frontier and report.counterexample is None:
        layer, search.frontier = search.frontier, []
        for number, world in layer:
            search.expand(number, world, alphabet(world))
            if report.counterexample is not None:
                break
            if bound is not None and len(search.seen) >= bound:
                report.complete = False
                break
        depth += 1
        if progress is not None:
            progress(depth, len(search.seen), report.transitions)
        if not report.complete:
            break
    search.count_rows()
    report.states = len(search.seen)
    report.never = list(search.missing) if report.counterexample is None else []
    if goal is not None and report.complete and report.counterexample is None:
        search.go_home()
    return report


def replay(init: Iterable[W], step: Callable[[W, Choice], Step[W]], found: Counterexample) -> list[W]:
    """Return the worlds a counterexample passes through, the initial one first.

    Raises:
        Exception: whatever its last step raises, if that is what was wrong.
    """
    worlds = [list(init)[found.start]]
    for choice in found.choices:
        worlds.append(step(worlds[-1], choice).world)
    return worlds
