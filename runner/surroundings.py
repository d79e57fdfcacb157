"""What surrounds a run: the lock that makes it the only one, the guardian behind it, the operator's control and page,
the alerts, and who looks on."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from mmfsm.clock import now_ms
from mmfsm.errors import ParamError
from runner.alerting.run import Alerting
from runner.bitget.tasks import Tasks
from runner.commands import Commands
from runner.control import Control
from runner.disk import Disk, DiskWatch
from runner.garbage import Garbage
from runner.guardian import ACT_BOUND_S, LOCK_NAME
from runner.guarding import Guarding
from runner.lock import Lock, LockedError
from runner.metrics import Metrics
from runner.onlooker import Onlooker
from runner.page.guard import TOKEN_FILE
from runner.page.server import Page
from runner.saying import say
from runner.state_folder import LOCK, SOCKET, holder_of

if TYPE_CHECKING:
    from runner.app import Runner

RETRY_S = 0.05
MARGIN_S = 5.0
NAMELESS_S = 1.0
"""A holder that has the lock and has not written its name yet is given this long."""


class Surroundings:
    """Taken before a run begins, left after it has ended."""

    def __init__(self, runner: Runner, tasks: Tasks) -> None:
        self._runner = runner
        self._tasks = tasks
        self._lock = Lock(runner.folder / LOCK)
        self._commands = Commands(runner)
        self._control = Control(self._commands, runner.folder / SOCKET)
        self._guarding: Guarding | None = None
        self._alerting: Alerting | None = None
        self._disk = DiskWatch(runner.settings, runner.folder, runner.note)
        self._garbage = Garbage(lambda: not (runner.desk.state.tickets or runner.desk.state.orders.in_flight))
        self._page: Page | None = None
        self.onlooker = Onlooker(now_ms())
        runner.observers.append(self.onlooker.take)

    @property
    def guardian_pid(self) -> int | None:
        """The guardian's process id; None where there is none."""
        return None if self._guarding is None else self._guarding.pid

    @property
    def lock_is_lost(self) -> bool:
        """Somebody removed the lock's file: a second run of this account and symbol would not be kept out."""
        return self._lock.is_lost()

    def hold_lock(self) -> bool:
        """Take a lost lock again. False: another run has it by now, or it cannot be written."""
        if self._lock.is_lost():
            try:
                self._lock.take_again(self._runner.run_id)
            except (LockedError, OSError):
                return False
        return True

    @property
    def disk(self) -> Disk | None:
        """The last look at the disk; None before the first."""
        return self._disk.last

    async def take(self) -> None:
        """See that alerts can be sent, and take the lock.

        Raises:
            LockedError: a run has it, or a guardian beyond its bound.
            ParamError: the state folder cannot be written, or ALERT_URLS cannot be used.
        """
        self._alerting = Alerting(self._runner)
        folder = self._runner.folder
        try:
            waited_ms = await take_lock(self._lock, self._runner.run_id)
        except OSError as error:
            takes = f"a folder that can be written ({error.strerror})"
            raise ParamError("STATE_DIR", str(folder), takes) from None
        if waited_ms:
            self._tell("waited_for", {"ms": waited_ms})

    async def open(self, *, own_process: bool) -> None:
        """Start the guardian, where orders are sent; watch the disk and what to alert of; listen for the operator, and
        serve the page if it is wanted. With `own_process` nothing else runs in this one: its collector is the run's."""
        settings = self._runner.settings
        if settings.guardian and not settings.dry_run:
            runner = self._runner
            self._guarding = Guarding(settings, runner.folder, runner.run_id, self._tell, runner.breach)
            self._guarding.start()
            self._tasks.start("guardian", self._guarding.beat())
        self._tasks.start("disk", self._disk.look())
        if self._alerting is not None and self._alerting.is_on:
            self._tasks.start("alerts", self._alerting.look())
        try:
            await self._control.open()
        except OSError as error:  # trading goes on: signals still stop it
            data = {"why": str(error), "what_to_do": "Set STATE_DIR to a shorter path on a local disk."}
            self._runner.note("risk", "no_control", data)
        self.onlooker.lag.start()
        if settings.status_port:
            await self._open_page()
        if own_process:
            self._garbage.begin()
            self._tasks.start("garbage", self._garbage.look())

    async def _open_page(self) -> None:
        runner = self._runner
        figures = Metrics(runner, lambda: self.onlooker.lag.max_ms / 1000)
        page = Page(runner, self._commands, runner.folder, {"/metrics": figures.render})
        try:
            await page.open()
        except OSError as error:  # trading goes on, and the control socket is there
            port = runner.settings.status_port
            data = {"why": str(error), "what_to_do": f"Free port {port} or set STATUS_PORT to another, and restart."}
            runner.note("risk", "no_page", data)
            say(f"no page: {error}. Trading goes on without it.\n")
            await page.close()
            return
        self._page = page
        self.onlooker.count_edges()
        # A terminal is read by whoever started this; what is not one may be kept by anybody.
        kept = runner.folder / TOKEN_FILE
        told = page.url if sys.stderr.isatty() else f"{page.url.split('#')[0]} (its token is in {kept})"
        say(f"page: {told}\n")  # to a person, not to the log; and the loop waits for nobody who reads it

    async def leave(self, *, clean: bool) -> None:
        """Let go of everything, in this order: socket and page, lock, guardian.

        Args:
            clean: nothing of ours is open. Otherwise the guardian clears the market, and ends by itself.
        """
        self._control.hide()
        if self._page is not None:
            self._page.shut()
        self._lock.release()
        self._garbage.end()
        if self._guarding is not None:
            await self._guarding.end(bye=clean)

    async def say_goodbye(self) -> None:
        """Give those who wait for the end, on the control socket or the page, their answer; let the last alerts out."""
        await self._control.close()
        if self._page is not None:
            await self._page.close()
        self.onlooker.close()
        if self._alerting is not None:
            await self._alerting.close()

    def _tell(self, reason: str, data: dict[str, Any]) -> None:
        self._runner.note("guardian", reason, data)


async def take_lock(lock: Lock, run_id: str) -> int:
    """Take the lock; wait for a guardian, which lets go of it within `ACT_BOUND_S`. Returns the wait in ms.

    Raises:
        LockedError: a run has it, or a guardian beyond its bound.
        OSError: the folder cannot be written.
    """
    loop = asyncio.get_running_loop()
    began_at, waited_s = loop.time(), 0.0
    while True:
        try:
            lock.take(run_id)
            return round(waited_s * 1000)
        except LockedError:
            holder = str(holder_of(lock.path).get("run", ""))
            bound_s = ACT_BOUND_S + MARGIN_S if holder.startswith(LOCK_NAME) else 0.0 if holder else NAMELESS_S
            if waited_s >= bound_s:
                raise
        await asyncio.sleep(RETRY_S)
        waited_s = loop.time() - began_at
