"""The desk: every machine in one value. Events in, actions out; the same events give the same actions.

desk = Desk(params, run=1)
actions = desk.handle(event)
desk.urgent(event), desk.rest()  the same in two steps: a fill's first hedge, then all that is left
desk.next_due_ms                 when to send the next Tick at the latest
desk.snapshot(), Desk.restore()  the whole state as plain JSON
"""

from __future__ import annotations

from decimal import getcontext, setcontext
from typing import Any

from mmfsm import (
    booking,
    exits,
    feeding,
    flattening,
    hedging,
    modes,
    placing,
    pnl,
    quoting,
    reconciling,
    sessions,
    settlements,
    valuation,
)
from mmfsm.actions import Action
from mmfsm.arithmetic import CONTEXT
from mmfsm.checking import check
from mmfsm.codec import converter
from mmfsm.deadlines import next_due_ms
from mmfsm.events import BookEvent, Event, FillEvent, Tick
from mmfsm.params import Params
from mmfsm.placing import FLATTEN, PROBE, STRAY
from mmfsm.reporting import tick_record
from mmfsm.restart import restarted
from mmfsm.routing import ROUTES
from mmfsm.state import SNAPSHOT_READS, SNAPSHOT_VERSION, DeskState, Limits, Turn
from mmfsm.strategy import ObiFundingStrategy, Strategy
from mmfsm.values import QuotePlan

CLOCK_BACK_MAX_MS = 1_000
"""A step backwards below this is jitter between event sources; above it the clock was set."""

SETTLE_ROUNDS_MAX = 20
"""Settled orders beget orders that may settle at once (a refusal); more rounds than this would be a loop."""


class Desk:
    """See the module's docstring. One desk trades one symbol on one account."""

    def __init__(
        self, params: Params, *, run: int, strategy: Strategy | None = None, state: DeskState | None = None
    ) -> None:
        """Make a desk.

        Args:
            params: what it is told before it starts.
            run: the run's sequence number, larger than any before it; it becomes part of every clientOid.
            strategy: who plans the quotes; the design's own if not given.
            state: of an earlier desk, for `restore`.
        """
        self.params = params
        self.strategy = strategy or ObiFundingStrategy()
        self.state = state or DeskState(run=run)
        self._limits = Limits.of(params)
        self._open: tuple[Turn, Event] | None = None

    def handle(self, event: Event) -> tuple[Action, ...]:
        """Take one event and return what to do, in order: hedges first.

        Raises:
            IllegalEvent: it is no event of `mmfsm.events`, or a field is out of range; nothing has changed.
        """
        return self.urgent(event) + self.rest()

    def urgent(self, event: Event) -> tuple[Action, ...]:
        """Take one event and return the hedges it asks for by itself; `rest` must be called next, whatever comes.

        The first hedge of a quote's fill so leaves before quotes, mode, accounts and records are brought up to date:
        half of its turn's work. Every other hedge and unwind comes first in what `rest` returns. Nothing later in the
        turn takes one back, and what both return is what `handle` returns.

        Raises:
            IllegalEvent: it is no event of `mmfsm.events`, or a field is out of range; nothing has changed.
            RuntimeError: the event before this one still waits for its `rest`.
        """
        callers = getcontext()
        setcontext(CONTEXT)
        try:
            self._closed("another event")
            check(event)
            turn = _begin(self.state, self.params, self._limits, event)
            ROUTES[type(event)][0](turn, event)
            self._open = turn, event
            return turn.urgent()
        finally:
            setcontext(callers)

    def rest(self) -> tuple[Action, ...]:
        """Return what else is to be done for the event `urgent` was given; hedges that only the upkeep found first.

        Raises:
            RuntimeError: no event waits for it.
        """
        callers = getcontext()
        setcontext(CONTEXT)
        try:
            if self._open is None:
                raise RuntimeError("expected urgent(event) before rest(), and each once")
            (turn, event), self._open = self._open, None
            turn.catch_up()
            for handler in ROUTES[type(event)][1:]:
                handler(turn, event)
            _settle(turn)
            self._upkeep(turn, event)
            return turn.urgent() + turn.others()
        finally:
            setcontext(callers)

    def _closed(self, asked: str) -> None:
        if self._open is not None:
            raise RuntimeError(f"expected rest() of the {type(self._open[1]).__name__} before, got {asked}")

    def _upkeep(self, turn: Turn, event: Event) -> None:
        """After the event itself: clocks, exposure, mode, quotes. Each is idle unless something is due."""
        s, is_tick, is_book = turn.s, isinstance(event, Tick), isinstance(event, BookEvent)
        if is_tick:
            for order in list(s.orders.open.values()):
                placing.tell(turn, order, "timer")
            _settle(turn)
            booking.ask_unparsable(turn)
            booking.ask_parked(turn)
            booking.judge_untold(turn)
        if s.tickets and (is_tick or is_book):
            hedging.tick(turn)
        for change in turn.exposed:
            if change:
                hedging.expose(turn, change, "stray_fill")
        if s.tickets:
            hedging.watch(turn)
        if s.dust and s.books_open:
            hedging.open_from_dust(turn)
        if is_tick:
            feeding.tick(turn)
            reconciling.tick(turn)
            exits.review(turn)
        sessions.tick(turn, is_tick=is_tick)
        if s.flattening:
            flattening.flatten_step(turn)
        if is_tick or is_book:
            valuation.watch_basis(turn)
        if is_tick and s.books_open:
            settlements.tick(turn)  # before the day is judged: one at midnight is of the day that ends, as in its row
        if is_tick or isinstance(event, FillEvent):
            modes.watch_day(turn)
        modes.review(turn)
        wanted = quoting.review(turn, self.strategy, is_told=is_tick)
        _settle(turn)
        if turn.halts:
            modes.review(turn)  # asked for while the quotes were brought up to date
        pnl.tend(turn, event)
        if is_tick:
            self._report(turn, wanted)

    def _report(self, turn: Turn, wanted: QuotePlan | None) -> None:
        period_ms = int(turn.p.tick_sec * 1000)
        if turn.at_ms - turn.s.tick_logged_ms >= period_ms * 9 // 10:
            turn.s.tick_logged_ms = turn.at_ms
            tick_record(turn, wanted)

    @property
    def next_due_ms(self) -> int | None:
        """When the next clock of a ticket, an order, a book or the cool-down falls due; a Tick then lets it act.

        Slower clocks (checks, readings, back-off) are served by a Tick every second or so, which is to be sent anyway.
        """
        due = next_due_ms(self.state, self.params)
        return None if due is None else due - self.state.clock_offset_ms

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON values, with its version.

        Raises:
            RuntimeError: an event still waits for its `rest`: half of a turn is no state.
        """
        self._closed("snapshot()")
        data: dict[str, Any] = converter.unstructure(self.state)
        return data

    @classmethod
    def restore(cls, params: Params, snapshot: dict[str, Any], *, strategy: Strategy | None = None) -> Desk:
        """Return the desk that `snapshot` was taken of. Raises ValueError where it is of another version."""
        if snapshot.get("version") not in SNAPSHOT_READS:
            known = " or ".join(map(str, SNAPSHOT_READS))
            raise ValueError(f"snapshot version {snapshot.get('version')!r}: this mmfsm reads version {known}")
        state = converter.structure(snapshot, DeskState)
        state.version = SNAPSHOT_VERSION
        return cls(params, run=state.run, strategy=strategy, state=state)

    def restarted(self, params: Params, *, run: int, strategy: Strategy | None = None) -> Desk:
        """Return the desk a new run begins with, knowing what this one knew. It is started with `Start` like any other.

        `params` and `strategy` are those of the new run, `run` is its number, larger than this one's.
        """
        state = converter.structure(self.snapshot(), DeskState)
        return type(self)(params, run=run, strategy=strategy, state=restarted(state, run))


def _begin(state: DeskState, params: Params, limits: Limits, event: Event) -> Turn:
    """Begin an event's turn at the desk's own time, which never goes back.

    A clock that was set is an event: deadlines are differences of it, so everything is read back before new risk. Set
    back, the desk's own time runs on from where it was, and no clock inside waits for the past to return.
    """
    step = event.at_ms + state.clock_offset_ms - state.now_ms
    jumped = state.now_ms > 0 and (step < -CLOCK_BACK_MAX_MS or step > params.clock_jump_max_ms)
    if jumped and step < 0:
        state.clock_offset_ms -= step
    turn = Turn(state, params, limits, max(event.at_ms + state.clock_offset_ms, state.now_ms), event.at_ms)
    state.now_ms = turn.at_ms
    if jumped and state.ready:
        turn.record("risk", "risk", "clock_jump", data={"step_ms": step})
        state.recover_since_ms = turn.at_ms + 1  # what was asked before the jump does not count
    return turn


def _settle(turn: Turn) -> None:
    """Tell the owners of orders that settled in this turn, until no more settle."""
    for _ in range(SETTLE_ROUNDS_MAX):
        if turn.s.orders.early:
            booking.release_early(turn)
        while turn.taken_up:
            hedging.taken_up(turn, turn.taken_up.pop(0))
        if not turn.settled:
            return
        orders, turn.settled = turn.settled, []
        for order in orders:
            if order.owner in (placing.BID, placing.ASK):
                quoting.settled(turn, order)
            elif order.owner == PROBE:
                sessions.probe_settled(turn, order)
            elif order.owner == FLATTEN:
                flattening.settled(turn, order)
            elif order.owner != STRAY:
                hedging.child_settled(turn, order)
            if order.owner in placing.OURS:
                sessions.orders_clear(turn)
    raise AssertionError("orders settle without end")
