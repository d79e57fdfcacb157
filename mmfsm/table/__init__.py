"""Declared transition tables: their form, their linter, and the two ways they run.

Rules of a table

1. A machine's transitions are its rows and nothing else. A row names a source state, an event, a guard or none, a
   destination, and effects.
2. Rows of one (state, event) pair are tried in the order they stand; the first whose guard holds is taken, and only
   that one. Guards read, effects write; an effect runs after the state has changed.
3. Every pair is decided: its last row has no guard. A destination may be a state, or
   `STAY`    the state is kept and the effects run,
   `IGNORE`  nothing happens, for the reason given,
   `NEVER`   the pair cannot happen, for the reason given; if it does, the caller stops taking risk.
4. Final states have no row that leaves them.

`Table` checks all of this when it is built, that is at import, and raises `TableError` with every broken rule.

The rows run on a `transitions.Machine` without models: subjects are plain objects with a `state` attribute that are
passed as arguments, so a ticket costs no machine. `fire_compiled` runs the same rows from a dict, for exploration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs
from transitions import Machine

from mmfsm.errors import TableError

STAY, IGNORE, NEVER = "(stay)", "(ignore)", "(never)"
KINDS = (STAY, IGNORE, NEVER)


class Stateful(Protocol):
    """What a table needs of its subject."""

    state: str


S = TypeVar("S", bound=Stateful)
E = TypeVar("E")
O = TypeVar("O")  # noqa: E741 - out: where effects put what they want done


@attrs.frozen
class Row(Generic[S, E, O]):
    """One line of a table. `guard` may be a tuple: all of it must hold. `why` is required of IGNORE and NEVER."""

    source: str | tuple[str, ...]
    event: str
    guard: Callable[[S, E], bool] | tuple[Callable[[S, E], bool], ...] | None
    dest: str
    effects: tuple[Callable[[S, E, O], None], ...] = ()
    why: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def guards(self) -> tuple[Callable[[S, E], bool], ...]:
        if self.guard is None:
            return ()
        return self.guard if isinstance(self.guard, tuple) else (self.guard,)

    @property
    def guard_text(self) -> str:
        return " & ".join(name_of(guard) for guard in self.guards)


def name_of(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", "?")


@attrs.frozen
class Fired(Generic[S, E, O]):
    """What `fire` did: the row that was taken and the states around it."""

    row: Row[S, E, O]
    before: str
    after: str

    @property
    def impossible(self) -> bool:
        return self.row.dest == NEVER


class Table(Generic[S, E, O]):
    """A machine as data. See the module's rules; `timeouts` says in words which clock drives a state."""

    def __init__(
        self,
        name: str,
        *,
        states: tuple[str, ...],
        final: tuple[str, ...],
        events: Mapping[str, str],
        rows: Iterable[Row[S, E, O]],
        timeouts: Mapping[str, str] | None = None,
    ) -> None:
        """Build and check a table; the first state is the initial one; `events` maps each name to what it means.

        Raises:
            TableError: a rule is broken; the message lists every one.
        """
        self.name = name
        self.states = states
        self.initial = states[0]
        self.final = final
        self.events = dict(events)
        self.rows = tuple(rows)
        self.timeouts = dict(timeouts or {})
        problems = lint(self)
        if problems:
            raise TableError(f"table {name}:\n  " + "\n  ".join(problems))
        self._dispatch = self._compile()
        self._machine = self._build_machine()
        self._triggers = {event: self._machine.events[event].trigger for event in self.events}

    def fire(self, subject: S, event: str, payload: E, out: O) -> Fired[S, E, O]:
        """Run one event through `transitions` and return the row taken. The table is total: there always is one."""
        before, taken = subject.state, []  # type: tuple[str, list[Row[S, E, O]]]
        self._triggers[event](subject, subject, payload, out, taken)
        return Fired(taken[0], before, subject.state)

    def fire_compiled(self, subject: S, event: str, payload: E, out: O) -> Fired[S, E, O]:
        """Run one event from the compiled table: same rows, same order, same effects as `fire`."""
        before = subject.state
        for row, guards in self._dispatch[before, event]:
            if all(guard(subject, payload) for guard in guards):
                if row.dest not in KINDS:
                    subject.state = row.dest
                for effect in row.effects:
                    effect(subject, payload, out)
                return Fired(row, before, subject.state)
        raise AssertionError(f"{self.name}: ({before}, {event}) is undecided")  # the linter rules this out

    def rows_for(self, state: str, event: str) -> tuple[Row[S, E, O], ...]:
        """Return the rows of one pair in the order they are tried."""
        return tuple(row for row in self.rows if row.event == event and state in row.sources)

    def _compile(self) -> dict[tuple[str, str], tuple[tuple[Row[S, E, O], Any], ...]]:
        return {
            (state, event): tuple((row, row.guards) for row in self.rows_for(state, event))
            for state in self.states
            for event in self.events
        }

    def _build_machine(self) -> Machine:
        # initial=None: no extra state "initial". auto_transitions=False: no way around the table.
        machine = Machine(
            model=None,
            states=[{"name": state, "final": state in self.final} for state in self.states],
            initial=None,
            auto_transitions=False,
            send_event=False,
            queued=False,
        )
        for row in self.rows:
            machine.add_transition(
                trigger=row.event,
                source=list(row.sources),
                dest=None if row.dest in KINDS else row.dest,
                conditions=[_condition(guard) for guard in row.guards],
                after=[_taken(row), *(_effect(effect) for effect in row.effects)],
            )
        return machine


AnyTable = Table[Any, Any, Any]
AnyRow = Row[Any, Any, Any]


def _condition(guard: Callable[[S, E], bool]) -> Callable[..., bool]:
    def condition(subject: S, payload: E, _out: object, _taken: object) -> bool:
        return guard(subject, payload)

    return condition


def _effect(effect: Callable[[S, E, O], None]) -> Callable[..., None]:
    def after(subject: S, payload: E, out: O, _taken: object) -> None:
        effect(subject, payload, out)

    return after


def _taken(row: Row[S, E, O]) -> Callable[..., None]:
    def after(_subject: S, _payload: E, _out: O, taken: list[Row[S, E, O]]) -> None:
        taken.append(row)

    return after


def lint(table: Table[Any, Any, Any]) -> list[str]:
    """Return every broken rule of a table's form, in words; an empty list when it is sound."""
    problems = [
        f"state {state} is declared twice" for state in sorted(set(table.states)) if table.states.count(state) > 1
    ]
    problems += [problem for row in table.rows for problem in _lint_row(table, row)]
    for name, known in (("final", table.final), ("timeouts", tuple(table.timeouts))):
        problems += [f"{name} names the unknown state {state}" for state in known if state not in table.states]
    for state in table.states:
        for event in table.events:
            problems += _lint_pair(table, state, event)
    return problems + _lint_reach(table)


def _lint_row(table: Table[Any, Any, Any], row: Row[Any, Any, Any]) -> list[str]:
    where = f"row ({row.source}, {row.event}, {row.guard_text or 'always'}, {row.dest})"
    problems = [f"{where}: unknown source {state}" for state in row.sources if state not in table.states]
    if row.event not in table.events:
        problems.append(f"{where}: unknown event")
    if row.dest not in KINDS and row.dest not in table.states:
        problems.append(f"{where}: unknown destination")
    if row.dest not in KINDS and row.dest in row.sources:
        problems.append(f"{where}: goes where it stands; say STAY")
    if row.dest not in KINDS and any(state in table.final for state in row.sources):
        problems.append(f"{where}: leaves a final state")
    if not row.sources:
        problems.append(f"{where}: has no source")
    if row.dest in (IGNORE, NEVER) and not row.why.strip():
        problems.append(f"{where}: gives no reason")
    if row.dest == STAY and not row.effects and not row.why.strip():
        problems.append(f"{where}: does nothing and gives no reason; say IGNORE")
    if row.dest in (IGNORE, NEVER) and row.effects:
        problems.append(f"{where}: has effects; say STAY")
    for guard in row.guards:
        if not _is_predicate(guard):
            problems.append(f"{where}: guard {name_of(guard)} is no predicate: (subject, event) -> bool, named")
    for effect in row.effects:
        if not _is_effect(effect):
            problems.append(f"{where}: effect {name_of(effect)} is no effect: (subject, event, out) -> None, named")
    return problems


def _lint_pair(table: Table[Any, Any, Any], state: str, event: str) -> list[str]:
    rows, pair = table.rows_for(state, event), f"({state}, {event})"
    if not rows:
        return [f"{pair} is undecided: no row"]
    problems = []
    if rows[-1].guards:
        problems.append(f"{pair} is undecided: every row has a guard")
    if any(not row.guards for row in rows[:-1]):
        problems.append(f"{pair} has rows behind one without a guard: they are never tried")
    seen = [frozenset(map(name_of, row.guards)) for row in rows]
    if len(set(seen)) < len(seen):
        problems.append(f"{pair} has two rows with the same guard")
    for number, later in enumerate(seen):
        if any(earlier and earlier < later for earlier in seen[:number]):
            problems.append(f"{pair} has a row behind one that asks for less: it is never taken")
    return problems


def _lint_reach(table: Table[Any, Any, Any]) -> list[str]:
    reached, todo = {table.initial}, [table.initial]
    while todo:
        here = todo.pop()
        for row in table.rows:
            if here in row.sources and row.dest in table.states and row.dest not in reached:
                reached.add(row.dest)
                todo.append(row.dest)
    return [f"state {state} cannot be reached" for state in table.states if state not in reached]


def _is_predicate(guard: Callable[..., object]) -> bool:
    return _shape(guard) == (2, "bool")


def _is_effect(effect: Callable[..., object]) -> bool:
    return _shape(effect) == (3, "None")


def _shape(function: Callable[..., object]) -> tuple[int, str] | None:
    if not inspect.isfunction(function) or not function.__name__.isidentifier():
        return None
    returns = function.__annotations__.get("return", "missing")
    text = returns if isinstance(returns, str) else getattr(returns, "__name__", str(returns))
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if any(kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD for kind in kinds):
        return None
    return len(kinds), text
