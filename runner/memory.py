"""What a run knows beyond its own life: the journal it writes, and the desk it takes up from the one before."""

from __future__ import annotations

from collections.abc import Callable
from errno import ENOENT
from pathlib import Path
from typing import Any

from mmfsm import Desk, Strategy
from mmfsm import events as ev
from mmfsm.codec import prepare
from mmfsm.errors import ParamError
from mmfsm.journal import played, restore
from runner.journal import Journal, read_segment, segments
from runner.settings import Settings
from runner.state_folder import LOCK


class Memory:
    """The journal of one run, and whether it can still be written.

    Args:
        folder: the journal's.
        version: of this package, for the journal's first line.
        on_failure: called when the journal cannot be written any longer: new risk stops, hedging goes on.
        max_mb: what the journal's full files may take together.
    """

    def __init__(self, folder: Path, version: str, on_failure: Callable[[OSError], None], max_mb: int = 1_000) -> None:
        self._journal = Journal(folder, version, max_mb)
        self._on_failure = on_failure
        self._broken = False
        self._packing_told = False

    def restore(self, desk: Desk, settings: Settings, strategy: Strategy | None) -> tuple[Desk, dict[str, Any]]:
        """Return the desk an earlier run of this account and symbol left, from its last segment, and what it holds.

        Returns:
            `desk` itself and {} when there is nothing to take up.

        Raises:
            JournalError: there is one and it cannot be read: going on would forget open tickets.
        """
        found = segments(self._journal.folder)
        if not found or settings.dry_run or settings.fresh_start:
            return desk, {}
        segment = read_segment(found[-1])
        earlier = restore(segment)
        earlier.strategy = strategy or earlier.strategy  # the plans are part of what happened
        for _ in played(segment, earlier):
            pass
        run = max(desk.state.run, earlier.state.run + 1)
        restored = earlier.restarted(settings, run=run, strategy=strategy)
        s = restored.state
        return restored, {
            "from": found[-1].name,
            "events": len(segment.events),
            "torn": segment.torn,
            "tickets": sorted(s.tickets),
            "orders": sorted(s.orders.open),
            "latched": sorted(s.mode.reasons),
        }

    def begin(self, desk: Desk) -> None:
        """Begin the run's first segment.

        Raises:
            ParamError: the folder cannot be written.
        """
        prepare()
        try:
            self._journal.begin(desk)
        except OSError as error:
            takes = f"a folder that can be written ({error.strerror})"
            raise ParamError("STATE_DIR", str(self._journal.folder), takes) from None

    def keep(self, event: ev.Event, desk: Desk) -> None:
        """Write the event down before anything follows from it. Never raises for the disk."""
        if self._broken:
            return
        try:
            if self._journal.is_full and self._may_begin_anew(event, desk):
                self._journal.begin(desk)
            self._journal.write(event)
        except OSError as error:
            self._broken = True
            self._on_failure(error)

    def look(self, *, lock_is_lost: bool) -> None:
        """See that what is written can be found again, and that no other run is let to it. Fails as `keep` does."""
        if not self._broken and (lock_is_lost or self._journal.is_gone):
            self._broken = True
            what = self._journal.folder.parent / LOCK if lock_is_lost else self._journal.folder
            self._on_failure(FileNotFoundError(ENOENT, "removed or moved while the run goes on", str(what)))

    def _may_begin_anew(self, event: ev.Event, desk: Desk) -> bool:
        """A snapshot of a desk that has traded for hours takes the loop a tenth of a second: no moment for a fill. So a
        new segment waits until nothing of ours is open (a cool-down will do), or is far overdue and only a tick has
        come. With a hedge or an answer under way it waits in any case."""
        s = desk.state
        if s.tickets or s.orders.in_flight:
            return False
        return not s.orders.open or (self._journal.is_overdue and isinstance(event, ev.Tick))

    def packing_failure(self) -> OSError | None:
        """Return, once, why full segments cannot be put away. Nothing is lost by it, but the folder grows."""
        error = None if self._packing_told else self._journal.packing_error
        self._packing_told = self._packing_told or error is not None
        return error

    def mend(self, desk: Desk) -> bool:
        """After a failure: begin a new segment with the desk as it is. Fails as `keep` does. Returns whether what comes
        next can be written down."""
        if self._broken:
            try:
                self._journal.begin(desk)
                self._broken = False
            except OSError as error:
                self._on_failure(error)
        return not self._broken

    def close(self, desk: Desk | None) -> None:
        """Close the file. What could not be written is known by now.

        Args:
            desk: as it was when the run ended clean, for a last snapshot: the next run then replays nothing, whatever
                strategy it has. None when what happened is told better by the events.
        """
        try:
            if desk is not None and not self._broken:
                self._journal.begin(desk)
            self._journal.close()
        except OSError:
            return
