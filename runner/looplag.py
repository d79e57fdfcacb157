"""How late the loop is: a timer that comes every 50 ms, and by how much it comes too late.

What the loop does between two looks (a slow handler, a page being served, the garbage collector) shows as lateness: a
fill that arrives in that time waits as long. A look costs some microseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque

PERIOD_S = 0.05
WINDOW_S = 60


class LoopLag:
    """Measures while it runs. `last_ms` is the newest lateness; `max_ms` the largest of the last minute."""

    def __init__(self) -> None:
        self.last_ms = 0.0
        # One maximum a second: a minute of them, however often it looks.
        self._maxima: deque[tuple[int, float]] = deque(maxlen=WINDOW_S)
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look, in the running loop."""
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + PERIOD_S
        self._timer = loop.call_at(self._due_s, self._look, loop)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def max_ms(self) -> float:
        """The largest lateness of the last minute, in ms; 0 before the first look."""
        return max((late_ms for _, late_ms in self._maxima), default=0.0)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self.take((now_s - self._due_s) * 1000, now_s)
        self._due_s = now_s + PERIOD_S
        self._timer = loop.call_at(self._due_s, self._look, loop)

    def take(self, late_ms: float, now_s: float) -> None:
        """Note one lateness.

        Args:
            late_ms: by how much the timer came too late.
            now_s: when it came, by the loop's clock.
        """
        self.last_ms = late_ms = max(late_ms, 0.0)
        second, maxima = int(now_s), self._maxima
        if maxima and maxima[-1][0] == second:
            maxima[-1] = (second, max(maxima[-1][1], late_ms))
        else:
            maxima.append((second, late_ms))
        while maxima[0][0] <= second - WINDOW_S:
            maxima.popleft()
