"""Alerts of the guardian's, out of its own process: the runner is dead, or does not turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmfsm.clock import now_ms
from mmfsm.errors import ParamError
from runner.settings import Settings

if TYPE_CHECKING:
    from runner.alerting.teller import Teller

TOLD = ("silent", "heard_again", "clearing", "quotes_gone", "refused", "not_gone", "flattened", "not_flattened")
"""What a person is told of; the rest is in the diary."""


class GuardianAlerts:
    """Tells what the guardian does. Its work comes first: nothing here waits before `close`, and nothing raises.

    Args:
        settings: the runner's.
        folder: the state folder.
        run_id: of the run that is guarded.
        write: writes a reason and its data into the diary.
    """

    def __init__(self, settings: Settings, folder: Path, run_id: str, write: Callable[..., None]) -> None:
        self._settings = settings
        self._folder = folder
        self._run_id = run_id
        self._write = write
        self._teller: Teller | None = None

    def warm(self) -> None:
        """Do early what telling needs. Imported late: a guardian is to be there as soon as its run."""
        if self._teller is None and self._settings.alert_urls:
            from runner.alerting.teller import Teller

            try:
                self._teller = Teller(self._settings, self._folder, self._run_id, self._unsent)
            except ParamError as error:  # the runner had looked: apprise has gone since
                self._unsent("ALERT_URLS", str(error))

    def tell(self, reason: str, detail: str) -> None:
        """Tell of one thing, if it is one for people."""
        if reason in TOLD:
            self.warm()
        if reason in TOLD and self._teller is not None:
            from mmfsm.reasons import Kind
            from runner.alerting.message import Note

            self._teller.tell([Note(now_ms(), reason, detail, Kind.GUARDIAN, urgent=True)])

    async def close(self) -> None:
        """Let the last messages out, within a bound."""
        if self._teller is not None:
            await self._teller.close()

    def _unsent(self, address: str, why: str) -> None:
        self._write("unsent", address=address, why=why)
