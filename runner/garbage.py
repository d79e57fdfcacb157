"""Garbage is collected when nothing is under way, instead of whenever enough has been allocated.

Python's collector runs inside whatever happens to allocate: within a fill's turn as likely as anywhere. Measured in a
run that trades: 0.2 to 0.4 ms for the youngest objects, every second or two; 0.7 ms for those that are a little older;
36 ms for all of them, most of which are modules that never go. So what is there when the run has begun is frozen: no
collection looks at it again. From then on young objects are collected every few seconds and all of them every minute
(0.5 ms for a day's worth), right after a look that finds no ticket open and no order under way. Should there never be
such a moment, it happens all the same, later; and a process that allocates without end is collected by Python itself.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

LOOK_S = 1.0
YOUNG_S, FULL_S = 5.0, 60.0
OVERDUE = 5
"""So many times the period a collection may wait for a quiet moment."""

OWN_PACE = (50_000, 20, 1_000)
"""Thresholds at which Python would still collect by itself."""


class Garbage:
    """The collector, from `begin` to `end`. `is_quiet` says whether a millisecond matters to nobody now."""

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        self._is_quiet = is_quiet
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Collect once, put aside what is there, and take over."""
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*OWN_PACE)

    def end(self) -> None:
        """Leave the collector as it was found."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None

    async def look(self) -> None:
        """Collect whenever it is time and quiet, until cancelled."""
        loop = asyncio.get_running_loop()
        young_s = full_s = loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            now_s, is_quiet = loop.time(), self._is_quiet()
            if now_s - full_s >= FULL_S * (1 if is_quiet else OVERDUE):
                gc.collect()
                young_s = full_s = now_s
            elif now_s - young_s >= YOUNG_S * (1 if is_quiet else OVERDUE):
                gc.collect(1)
                young_s = now_s
