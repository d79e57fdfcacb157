"""Virtual time: an asyncio loop that never waits, and `mmfsm.clock` reading it.

The loop is asyncio's own but for three things that cost it half its time here: its handles copy no context, its timers
are compared by their times alone, in C, and where it would wait for files it moves the clock. Timers of the same moment
run in the order the heap gives them, which depends on nothing but the order they were set in.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import mmfsm.clock as clock_of_all

_SLACK_S = 1e-6  # a time computed from whole milliseconds may lie a hair below its millisecond
_RESOLUTION_S = 1e-9
_KEPT_CANCELLED = 100  # with more timers than this, most of them cancelled, those are thrown out


class Stuck(RuntimeError):
    """Nothing is left to happen, and the run has not ended."""


class _Soon(asyncio.Handle):
    # What `call_soon` returns, without asyncio's copy of the caller's context: nothing here has variables in it.

    __slots__ = ()

    def __init__(self, callback: Callable[..., object], args: Any, loop: VirtualLoop, context: Context | None) -> None:
        self._context, self._loop = context, loop
        self._callback, self._args = callback, args
        self._cancelled, self._repr, self._source_traceback = False, None, None


class _Timer(asyncio.TimerHandle):
    # What `call_at` returns, likewise.

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], args: Any, loop: VirtualLoop, context: Context | None
    ) -> None:
        self._context, self._loop = context, loop
        self._callback, self._args = callback, args
        self._cancelled, self._repr, self._source_traceback = False, None, None
        self._when, self._scheduled = when, True

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._callback = self._args = None  # type: ignore[assignment]
            self._loop._timer_handle_cancelled(self)


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop under virtual time. `start_ms` is Unix milliseconds; `now_s` seconds since then.

    `true_ms` is Unix milliseconds, whatever our own clock says; `offset_ms` is how far the bot's clock is off it, for
    faults of our own clock.
    """

    _ready: deque[Any]
    _stopping: bool

    def __init__(self, start_ms: int) -> None:
        super().__init__()
        self.start_ms = self.true_ms = start_ms
        self.now_s = 0.0
        self.offset_ms = 0
        self._timers: list[tuple[float, _Timer]] = []
        self._cancelled = 0

    def time(self) -> float:
        """Seconds since the start."""
        return self.now_s

    def at_ms(self, at_ms: int, call: Any, *args: Any) -> asyncio.TimerHandle:
        """Call at a true time."""
        return self.call_at((at_ms - self.start_ms) / 1000, call, *args)

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's."""
        handle = _Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        when = self.now_s + delay
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, timer))
        return timer

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, timer))
        return timer

    def _timer_handle_cancelled(self, timer: Any) -> None:
        if timer._scheduled:
            self._cancelled += 1

    def _run_once(self) -> None:
        # One pass of asyncio's: what is ready when it begins, and the timers due by then. Passes follow each other here
        # until the loop is to stop: nothing else has a turn in between.
        timers, ready = self._timers, self._ready
        while True:
            if timers and (timers[0][1]._cancelled or 2 * self._cancelled > len(timers) > _KEPT_CANCELLED):
                self._drop_cancelled()
            if not (ready or self._stopping):
                if not timers:
                    raise Stuck("no timer is set and nobody runs")
                self._move_on(timers[0][0])
            end_s = self.now_s + _RESOLUTION_S
            while timers and timers[0][0] < end_s:
                _, timer = heapq.heappop(timers)
                timer._scheduled = False
                ready.append(timer)
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle._cancelled:
                    continue
                try:
                    if handle._context is None:
                        handle._callback(*handle._args)
                    else:
                        handle._context.run(handle._callback, *handle._args)
                except Exception as error:
                    self.call_exception_handler({"message": "a callback raised", "exception": error, "handle": handle})
            if self._stopping:
                return

    def _drop_cancelled(self) -> None:
        timers = self._timers
        if 2 * self._cancelled > len(timers) > _KEPT_CANCELLED:
            timers[:] = [one for one in timers if not one[1]._cancelled]
            heapq.heapify(timers)
            self._cancelled = 0
        while timers and timers[0][1]._cancelled:
            heapq.heappop(timers)[1]._scheduled = False
            self._cancelled -= 1

    def _move_on(self, to_s: float) -> None:
        if to_s > self.now_s:
            self.now_s += to_s - self.now_s
            self.true_ms = self.start_ms + int((self.now_s + _SLACK_S) * 1000)


class _Datetime:
    # What `mmfsm.clock` takes for `datetime`: it tells whole milliseconds, counted from 0 by 1.

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self, _zone: object) -> int:
        return self._loop.true_ms + self._loop.offset_ms


@contextmanager
def virtual_time(start_ms: int) -> Iterator[VirtualLoop]:
    """Make a loop, and let `mmfsm.clock.now_ms` follow it for a while."""
    loop = VirtualLoop(start_ms)
    clock = vars(clock_of_all)
    virtual = {"datetime": _Datetime(loop), "_EPOCH": 0, "_MS": 1}
    real = {name: clock[name] for name in virtual}
    clock.update(virtual)
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        clock.update(real)
        asyncio.set_event_loop(None)
        loop.close()
