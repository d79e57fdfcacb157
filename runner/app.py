"""The runner: one loop that feeds a desk and carries out what it asks. It translates, and decides nothing.

Private messages go from the socket's handler through the desk to the request, with no queue between. A fill's hedge is
written when the desk has decided on it (`desk.urgent`), before the same turn's accounts and records are made; records
reach the log after every request of the turn has been started: it never stands between a fill and its hedge.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from loguru import logger

from mmfsm import Desk, Strategy
from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.errors import IllegalEvent
from mmfsm.values import OrderIntent
from runner.bitget.gateway import Gateway
from runner.bitget.sockets import Sockets
from runner.bitget.tasks import Tasks
from runner.disk import Disk
from runner.dryrun import DryRun, SimulatedSpot
from runner.log import Log, open_log, version_of_mmfsm
from runner.memory import Memory
from runner.onlooker import Onlooker
from runner.sending import Executor, Sending
from runner.settings import Settings
from runner.state_folder import JOURNAL, state_folder
from runner.surroundings import Surroundings

STATUS_CHECK_FAILED, STATUS_CRASHED, STATUS_KILLED = 2, 3, 4
"""Exit statuses beside the desk's own: 0 clean, 1 stopped unclean, 2 a start-up check failed."""

CRASH_CANCEL_S = 5.0
WAKE_MIN_S = 0.001
RECORDS_AT_ONCE = 2


class Runner:
    """One run, from the first check to the exit status.

    Args:
        settings: everything it is told.
        strategy: who plans the quotes; the library's own if not given. What an earlier run wrote down is replayed with
            it: give the same one after a restart.
        quotes: False for a run that looks, hedges what it takes up, and closes, but quotes nothing.
        on_record: the first of `observers`, which are told of every record once the turn's requests are under way.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        strategy: Strategy | None = None,
        quotes: bool = True,
        on_record: Callable[[do.Record], None] | None = None,
    ) -> None:
        self.settings = settings
        started_ms = now_ms()
        # Milliseconds since 1970 grow from run to run by themselves: no file has to remember the last number.
        self.desk = Desk(settings, run=started_ms, strategy=strategy)
        self._strategy = strategy
        self._quotes = quotes
        self.folder = state_folder(settings)
        self._memory = Memory(self.folder / JOURNAL, version_of_mmfsm(), self._journal_failed, settings.journal_max_mb)
        self.run_id = f"{settings.symbol}-{started_ms}"
        self.gateway = Gateway(settings, self.breach)
        self.sockets = Sockets(settings, self.handle, self.breach)
        self.executor: Executor = self._make_executor()
        self.exit_status: int | None = None
        self.exit_reason = ""
        self.ended = asyncio.Event()
        self._log: Log | None = None
        self.observers: list[Callable[[do.Record], None]] = [] if on_record is None else [on_record]
        self._records: deque[do.Record] = deque()
        self._is_writing = False
        self._sending = Sending(self.gateway, lambda: self.executor, self.handle, self.breach)
        self._requests = self._sending.under_way
        self._tasks = Tasks(self._task_ended)
        self._over = asyncio.Event()
        self._turned = asyncio.Event()
        self._began_s = 0.0
        self._wake: tuple[int, asyncio.TimerHandle] | None = None
        self._crashed = False
        self._is_signalled = False
        self._surroundings = Surroundings(self, self._tasks)

    def _make_executor(self) -> Executor:
        if self.settings.dry_run:
            return DryRun(self.settings, self.gateway, self.handle)
        if self.settings.simulated_spot_fill:
            return SimulatedSpot(self.gateway)
        return self.gateway

    # --- life ---------------------------------------------------------------------------------------------------------

    async def run(self, *, signals: bool = True) -> int:
        """Run until the desk says it is over. Returns the exit status.

        Args:
            signals: the process is this run's: SIGINT and SIGTERM are the wish to stop, a second one ends it without
                waiting, and its garbage is collected when nothing is under way.

        Raises:
            LockedError: another run of this account and symbol has the lock.
            JournalError: what an earlier run knew cannot be read.
            ParamError: STATE_DIR or LOG_PATH cannot be written.
        """
        await self._surroundings.take()
        try:
            self._log = open_log(self.settings, self.run_id, lambda: self.gateway.terms)
            self._restore()
            self._memory.begin(self.desk)
            if signals:
                self._take_signals()
            await self._surroundings.open(own_process=signals)
            await self.gateway.open()
            await self.sockets.open()
            self.handle(ev.Start(now_ms()))
            if self.settings.dry_run and not self.settings.has_keys:
                self.handle(ev.FeedUp(now_ms(), ev.FeedName.PRIVATE))
            self._tasks.start("ticks", self._tick())
            await self._over.wait()
        finally:
            await self._close()
        return STATUS_CRASHED if self.exit_status is None else self.exit_status

    def _restore(self) -> None:
        self.desk, told = self._memory.restore(self.desk, self.settings, self._strategy)
        if not self._quotes:
            self.desk.state.no_quotes = True  # in the first line of its journal, too: replayed, it quotes nothing
        if told:
            self._records.append(do.Record(now_ms(), "restored", "runner", self.desk.state.mode.state, data=told))

    async def _close(self) -> None:
        try:
            await self._close_work()
        finally:  # whatever failed there: nobody is locked out, and the guardian knows
            await self._surroundings.leave(clean=self._is_clean())
            self.ended.set()
            await self._surroundings.say_goodbye()

    async def _close_work(self) -> None:
        self._over.set()  # however the end came: no event reaches the desk any more
        if self._wake is not None:
            self._wake[1].cancel()
        await self._tasks.close()
        await self.sockets.close()
        for task in list(self._requests):
            task.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        await self.gateway.close()
        while self._records:
            self._write_records()
        self._memory.close(self.desk if self.exit_status == 0 else None)
        if self._log is not None:
            with suppress(OSError):  # a full disk, known by now
                self._log.close()

    @property
    def guardian_pid(self) -> int | None:
        """The guardian's process id; None where there is none."""
        return self._surroundings.guardian_pid

    @property
    def disk(self) -> Disk | None:
        """What disk and files looked like last; None before the first look."""
        return self._surroundings.disk

    @property
    def onlooker(self) -> Onlooker:
        """What the run remembers of itself for those who look on."""
        return self._surroundings.onlooker

    def _is_clean(self) -> bool:
        never_placed = self.exit_status == STATUS_CHECK_FAILED and not self.desk.state.orders.open
        return self.exit_status == 0 or never_placed

    async def until(self, condition: Callable[[], object], bound_s: float) -> bool:
        """Wait until a condition of the desk holds, looked at after every event.

        Returns:
            True when it holds; False when it did not within `bound_s` seconds, or the run ended before.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(bound_s):
                while not condition() and not self._over.is_set():
                    self._turned.clear()
                    await self._turned.wait()
        return bool(condition())

    def stop(self, why: str = "operator") -> None:
        """Ask the desk to end the run: cancel, settle, read back, exit."""
        self.handle(ev.Stop(now_ms(), why))

    def flatten(self) -> None:
        """Ask the desk to close the held pair."""
        self.handle(ev.Flatten(now_ms()))

    def resume(self) -> None:
        """Tell the desk that a person has looked. A journal or a log that had failed is begun anew; if it cannot be,
        nothing is cleared: quotes that no file knows of would leave before the halt is back."""
        if not (self._surroundings.hold_lock() and self._memory.mend(self.desk)):
            return
        if self._log is None or self._log.mend():
            self.handle(ev.Resume(now_ms()))
        else:
            self._breach_once("log")

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if not self._is_signalled:  # a stop that came another way does not make this the second wish
            self._is_signalled = True
            self.stop(number.name)
        else:
            self._end(STATUS_KILLED, f"second {number.name}: ended without waiting")

    async def _tick(self) -> None:
        period_s = float(self.settings.tick_sec)
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s = max(due_s + period_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
            self.handle(ev.Tick(now_ms()))
            if (error := self._memory.packing_failure()) is not None:
                self.note("risk", "journal_packing", {"error": str(error)})
            self._memory.look(lock_is_lost=self._surroundings.lock_is_lost)
            if self._log is not None and self._log.is_broken():
                self._breach_once("log")
            if self.settings.dry_run and not self.settings.has_keys:
                self.handle(ev.FeedAlive(now_ms(), ev.FeedName.PRIVATE))

    # --- events in, actions out ---------------------------------------------------------------------------------------

    def handle(self, event: ev.Event) -> None:
        """Give the desk one event and start what it asks for. Never raises: a desk that raises ends the run;
        one that refuses an event halts for a person."""
        if self._over.is_set():
            return
        self._began_s = asyncio.get_running_loop().time()
        hedges: tuple[do.Action, ...] = ()
        try:
            self._memory.keep(event, self.desk)
            hedges = self.desk.urgent(event)
            for action in hedges:
                self._start(action)
            actions = self.desk.rest()
        except IllegalEvent as error:
            self._breach_once(f"illegal:{type(event).__name__}", error)
            return
        except Exception as error:
            self._crash(event, error, hedges)
            return
        for action in actions:
            self._start(action)
        self._set_wake()
        self._turned.set()
        if self._records:
            self._write_soon()

    def _start(self, action: do.Action) -> None:
        if isinstance(action, do.Record):
            self._records.append(action)
        elif isinstance(action, do.Alert):
            self._records.append(_alert_record(action, self.desk))
        elif isinstance(action, do.Subscribe):
            self._subscribe(action)
        elif isinstance(action, do.Unsubscribe):
            self.sockets.unsubscribe(action.feed, action.channel)
        elif isinstance(action, do.Reconnect):
            self.sockets.reconnect(action.feed)
        elif isinstance(action, do.SetTifPolicy):
            self.gateway.set_tif_policy(action.policy)
        elif isinstance(action, do.Exit):
            self._end(action.status, action.reason)
        elif not (self._crashed and _is_quote(action)):
            self._sending.start(action, self._began_s)

    def _subscribe(self, action: do.Subscribe) -> None:
        assumed = action.feed is ev.FeedName.PRIVATE and isinstance(self.executor, DryRun)
        if assumed and not self.settings.has_keys and isinstance(self.executor, DryRun):
            asyncio.get_running_loop().call_soon(self.executor.subscribe_private)
        else:
            self.sockets.subscribe(action.feed, action.channel)

    def _set_wake(self) -> None:
        due_ms = self.desk.next_due_ms
        if self._wake is not None:
            if self._wake[0] == due_ms:
                return
            self._wake[1].cancel()
            self._wake = None
        if due_ms is not None:
            wait_s = max((due_ms - now_ms()) / 1000, WAKE_MIN_S)
            self._wake = (due_ms, asyncio.get_running_loop().call_later(wait_s, self._woken))

    def _woken(self) -> None:
        self._wake = None
        self.handle(ev.Tick(now_ms()))

    def _write_records(self) -> None:
        """Write a few, and let the loop look at its sockets before the next few: a fill that comes meanwhile waits for
        two records (0.2 to 0.4 ms), not for all that a burst has left."""
        for _ in range(min(len(self._records), RECORDS_AT_ONCE)):
            record = self._records.popleft()
            if self._log is not None:
                self._log.write(record)
            for observer in self.observers:
                observer(record)
        if self._records:
            self._write_soon()

    def _write_soon(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            asyncio.get_running_loop().call_soon(self._write_now)

    def _write_now(self) -> None:
        self._is_writing = False
        self._write_records()

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _end(self, status: int, reason: str) -> None:
        if self.exit_status is None:
            self.exit_status, self.exit_reason = status, reason
            self._over.set()
            self._turned.set()

    def note(self, event: str, reason: str, data: dict[str, Any]) -> None:
        """Record something only the runner knows."""
        self._records.append(do.Record(now_ms(), event, "runner", self.desk.state.mode.state, reason, data=data))
        self._write_soon()

    def _journal_failed(self, error: OSError) -> None:
        asyncio.get_running_loop().call_soon(self.breach, "journal", error)  # not within the event being written

    def _task_ended(self, name: str, error: BaseException | None) -> None:
        """A task that may not end has: the desk halts, and ticks go on, because hedging needs them."""
        self.breach(name, error)
        if name == "ticks" and not self._over.is_set():
            self._tasks.start(name, self._tick())

    def breach(self, name: str, error: BaseException | None) -> None:
        """A task that ended, a request that raised: the desk halts for a person."""
        logger.opt(exception=error).error("{} failed", name)
        self.handle(ev.Breach(now_ms(), name))

    def _breach_once(self, name: str, error: BaseException | None = None) -> None:
        """Said once a halt. An event that cannot be leaves the desk as it was: a person looks at who says so."""
        if f"breach:{name}" not in self.desk.state.mode.reasons:
            self.breach(name, error)

    def _crash(self, event: ev.Event, error: Exception, hedges: tuple[do.Action, ...]) -> None:
        """The desk itself raised: nothing it says can be relied on. Take our quotes out, place no other, then end.

        `hedges`: what had left for this event. Only this tells: the turn's records are not made.
        """
        if self._crashed:
            return
        self._crashed = True
        left = " ".join(action.request.client_oid for action in hedges if isinstance(action, do.PlaceOrder))
        had_left = f" after its hedge {left} had left" if left else ""
        logger.opt(exception=error).critical(
            "the desk failed on {}{}; quotes are cancelled, the run ends", event, had_left
        )
        self._tasks.start("crash", self._cancel_and_end(f"{type(error).__name__}: {error}{had_left}"))

    async def _cancel_and_end(self, why: str) -> None:
        cancels = [
            self.executor.execute(do.CancelOrder(order.request.inst, oid, order.order_id))
            for oid, order in self.desk.state.orders.open.items()
        ]
        try:
            async with asyncio.timeout(CRASH_CANCEL_S):
                await asyncio.gather(*cancels, return_exceptions=True)
        finally:
            self._end(STATUS_CRASHED, why)


def _is_quote(action: do.Action) -> bool:
    return isinstance(action, do.PlaceOrder) and action.request.intent is OrderIntent.QUOTE


def _alert_record(alert: do.Alert, desk: Desk) -> do.Record:
    data = {"text": alert.text, "what_to_do": alert.what_to_do}
    return do.Record(alert.at_ms, "alert", "risk", desk.state.mode.state, alert.reason, data=data)
