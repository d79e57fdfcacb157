"""Declared transition tables: their form, their linter, and how they run.

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
passed as arguments, so a ticket costs no machine. The machine holds one transition a row and source, and its events and
transitions are of classes of ours, by the library's own hooks (`event_cls`, `transition_cls`): they do what the stock
ones do with a row, less what no row uses (event data, callbacks by name, queues, a log line a step). One event through
one machine takes 0.3 µs so, instead of 6 to 13; an idle tick fires eight, a fill thirteen. That the stock classes
decide the same for every pair of every table is a test. What an event brings is a class with slots that nobody writes
to: made anew for each firing, it takes 0.16 µs to make, where a tuple takes 0.27 and a frozen class 0.6.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs
from transitions import Machine
from transitions.core import Event, Transition

from mmfsm.errors import TableError

STAY, IGNORE, NEVER = "(stay)", "(ignore)", "(never)"
KINDS = (STAY, IGNORE, NEVER)


class Stateful(Protocol):
    """What a table needs of its subject."""

    state: str


S = TypeVar("S", bound=Stateful)
E = TypeVar("E")
O = TypeVar("O")  # noqa: E741 - out: where effects put what they want done


@attrs.frozen(eq=False)
class Row(Generic[S, E, O]):
    """One line of a table; no other line is equal to it. `guard` may be a tuple: all of it must hold. `why` is
    required of IGNORE and NEVER."""

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

    @property
    def impossible(self) -> bool:
        """The pair cannot happen; that this row was taken says that it has."""
        return self.dest == NEVER


def name_of(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", "?")


class _RowTransition(Transition):
    """One row, from one of its sources."""

    def __init__(self, source: str, dest: str | None, *_unused: object, row: Row[Any, Any, Any]) -> None:
        super().__init__(source, dest)  # type: ignore[arg-type] # None is what the library itself takes for STAY
        self.row, self.guards, self.effects = row, row.guards, row.effects


class _RowEvent(Event):
    """An event whose transitions are rows."""

    transitions: defaultdict[str, list[_RowTransition]]  # type: ignore[assignment]

    def trigger(self, subject: Stateful, payload: object, out: object) -> Row[Any, Any, Any]:  # type: ignore[override]
        """Take the first row whose guards hold: change the state, then run the effects. Returns the row."""
        for transition in self.transitions[subject.state]:
            for guard in transition.guards:
                if not guard(subject, payload):
                    break
            else:
                if transition.dest is not None:
                    subject.state = transition.dest
                for effect in transition.effects:
                    effect(subject, payload, out)
                return transition.row
        raise AssertionError(f"({subject.state}, {self.name}) is undecided")  # the linter rules this out


class _RowMachine(Machine):
    event_cls, transition_cls = _RowEvent, _RowTransition


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
        self._machine = self._build_machine()
        self._triggers: dict[str, Any] = {event: self._machine.events[event].trigger for event in self.events}

    def fire(self, subject: S, event: str, payload: E, out: O) -> Row[S, E, O]:
        """Run one event through `transitions` and return the row taken. The table is total: there always is one."""
        taken: Row[S, E, O] = self._triggers[event](subject, payload, out)
        return taken

    def rows_for(self, state: str, event: str) -> tuple[Row[S, E, O], ...]:
        """Return the rows of one pair in the order they are tried."""
        return tuple(row for row in self.rows if row.event == event and state in row.sources)

    def _build_machine(self) -> Machine:
        # initial=None: no extra state "initial". auto_transitions=False: no way around the table.
        machine = _RowMachine(
            model=None,
            states=[{"name": state, "final": state in self.final} for state in self.states],
            initial=None,
            auto_transitions=False,
        )
        for row in self.rows:
            dest = None if row.dest in KINDS else row.dest
            machine.add_transition(row.event, list(row.sources), dest, row=row)
        return machine


AnyTable = Table[Any, Any, Any]
AnyRow = Row[Any, Any, Any]


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
