"""Alerts of a run: its records are looked at when the requests of their turn are under way, its desk once a second."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from mmfsm import actions as do
from mmfsm.clock import now_ms
from runner.alerting.message import Note
from runner.alerting.teller import Teller
from runner.alerting.watch import Watch

if TYPE_CHECKING:
    from runner.app import Runner

LOOK_S = 1.0
CHECK_FAILED = 2
"""The exit status of a start-up check that failed: the desk has told that already, and better."""


class Alerting:
    """One run's alerts. Without ALERT_URLS it does nothing, and has no thread.

    Raises:
        ParamError: ALERT_URLS cannot be used.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._teller: Teller | None = None
        self._watch: Watch | None = None
        self._loop = asyncio.get_running_loop()
        settings = runner.settings
        if settings.alert_urls:
            self._teller = Teller(settings, runner.folder, runner.run_id, self._unsent)
            self._watch = Watch(settings.alert_after_sec * 1000, self._teller.tell)
            runner.observers.append(self._take)

    @property
    def is_on(self) -> bool:
        return self._teller is not None

    async def look(self) -> None:
        """Look at the desk for ever. An error of its own is a line of the log, and no reason to stop looking."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self._look()
            except Exception as error:
                logger.opt(exception=error).error("alerts failed; looking goes on")

    def _look(self) -> None:
        if self._teller is not None and self._watch is not None:
            at_ms = now_ms()
            self._watch.look(self._runner.desk.state, at_ms)
            self._teller.tell_owed(at_ms)

    def _take(self, record: do.Record) -> None:
        assert self._watch is not None
        try:
            self._watch.take(record)
        except Exception as error:  # the log's other readers go on
            logger.opt(exception=error).error("alerts failed on {}", record.event)

    async def close(self) -> None:
        """Tell of an end that was not clean, and let the last messages out, within a bound."""
        if self._teller is None:
            return
        status = self._runner.exit_status
        if status not in (0, CHECK_FAILED):
            word = "crashed" if status is None else str(status)
            self._teller.tell([Note(now_ms(), f"run_ended:{word}", self._runner.exit_reason, urgent=True)])
        await self._teller.close()

    # --- what could not be sent ---------------------------------------------------------------------------------------

    def _unsent(self, address: str, why: str) -> None:
        """In a sending thread: hand it to the loop, or, when the run is over, to whoever watches."""
        with suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._note_unsent, address, why)

    def _note_unsent(self, address: str, why: str) -> None:
        if self._runner.ended.is_set() or self._runner.exit_status is not None:
            with suppress(OSError):
                print(f"alert not sent to {address}: {why}", file=sys.stderr)
        else:
            self._runner.note("risk", "alert_unsent", {"address": address, "why": why})
