"""The disk under a run: how much is free where log and journal lie, and what they take."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs

from runner.logfiles import full_files
from runner.settings import Settings
from runner.state_folder import JOURNAL

PERIOD_S = 15.0
MB = 1_000_000
ENOUGH_PERCENT = 110
"""So much of the limit must be free before it counts as enough again: files that come and go are no news."""


@attrs.frozen
class Disk:
    """One look. `free_bytes`: what this user may still write, by folder; `log_bytes`, `journal_bytes`: what each takes,
    all its files together."""

    free_bytes: dict[str, int]
    log_bytes: int
    journal_bytes: int


class DiskWatch:
    """Looks now and then, in a thread: a disk that hangs holds nothing up.

    Args:
        settings: where the log lies, and what is too little.
        folder: the state folder.
        note: called with an event, a reason and data for the log.
    """

    def __init__(self, settings: Settings, folder: Path, note: Callable[[str, str, dict[str, Any]], None]) -> None:
        self._log = settings.log_file
        self._folder = folder
        self._min_bytes = settings.disk_free_min_mb * MB
        self._note = note
        self._is_low = False
        self.last: Disk | None = None

    async def look(self) -> None:
        """Look for ever."""
        while True:
            self.last = await asyncio.to_thread(disk_of, self._log, self._folder)
            self.judge(self.last)
            await asyncio.sleep(PERIOD_S)

    def judge(self, disk: Disk) -> None:
        """Record when room gets short, and when there is enough again."""
        if not disk.free_bytes:
            return
        path, free = min(disk.free_bytes.items(), key=lambda item: item[1])
        data = {"path": path, "free_mb": free // MB, "limit_mb": self._min_bytes // MB}
        if not self._is_low and free < self._min_bytes:
            self._is_low = True
            self._note("risk", "disk_low", data)
        elif self._is_low and free * 100 >= self._min_bytes * ENOUGH_PERCENT:
            self._is_low = False
            self._note("risk", "disk_enough", data)


def disk_of(log: Path, folder: Path) -> Disk:
    """Look at the disk. What is not there takes nothing; a folder that is not there has no figure."""
    free = {str(place): _free(place) for place in (log.parent, folder)}
    return Disk(
        {place: room for place, room in free.items() if room is not None},
        _size([log, *full_files(log)]),
        _size((folder / JOURNAL).glob("*")),
    )


def _free(place: Path) -> int | None:
    try:
        told = os.statvfs(place)
    except OSError:
        return None
    return told.f_bavail * told.f_frsize


def _size(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:  # gone since it was listed
            continue
    return total
