"""Virtual time: an asyncio loop that never waits, and `mmfsm.clock` reading it.

The loop is asyncio's own, with a selector that has nothing to select: asked to wait, it moves the clock instead. Timers
of the same moment run in the order asyncio's heap gives them, which depends on nothing but the order they were set in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import mmfsm.clock as clock_of_all

_SLACK_S = 1e-6  # a time computed from whole milliseconds may lie a hair below its millisecond


class Stuck(RuntimeError):
    """Nothing is left to happen, and the run has not ended."""


class _Jump:
    """A selector without files: waiting is moving on."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("no timer is set and nobody runs")
        if timeout > 0:
            self._loop.now_s += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop under virtual time. `start_ms` is Unix milliseconds; `now_s` seconds since then.

    `offset_ms` is how far the bot's clock is off the truth, for faults of our own clock.
    """

    def __init__(self, start_ms: int) -> None:
        super().__init__()
        self.start_ms = start_ms
        self.now_s = 0.0
        self.offset_ms = 0
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds since the start."""
        return self.now_s

    @property
    def true_ms(self) -> int:
        """Unix milliseconds, whatever our own clock says."""
        return self.start_ms + int((self.now_s + _SLACK_S) * 1000)

    def at_ms(self, at_ms: int, call: Any, *args: Any) -> asyncio.TimerHandle:
        """Call at a true time."""
        return self.call_at((at_ms - self.start_ms) / 1000, call, *args)

    def _process_events(self, _events: list[Any]) -> None:
        """There are none: no file is watched."""

    def _write_to_self(self) -> None:
        """Nobody else wakes this loop."""


class _Datetime:
    # What `mmfsm.clock` takes for `datetime`: the loop's time.
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self, _zone: object) -> datetime:
        return clock_of_all._EPOCH + timedelta(milliseconds=self._loop.true_ms + self._loop.offset_ms)


@contextmanager
def virtual_time(start_ms: int) -> Iterator[VirtualLoop]:
    """Make a loop, and let `mmfsm.clock.now_ms` follow it for a while."""
    loop = VirtualLoop(start_ms)
    real = vars(clock_of_all)["datetime"]
    vars(clock_of_all)["datetime"] = _Datetime(loop)
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        vars(clock_of_all)["datetime"] = real
        asyncio.set_event_loop(None)
        loop.close()
