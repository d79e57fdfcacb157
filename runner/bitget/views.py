"""pybotters' `BitgetV2DataStore`, kept for whoever looks at market and account through it, off the path of a fill.

It takes every message, but not while the message is read: a book costs the store as much again as reading it (50 µs),
and nothing that trades waits for the store. It is brought up to date a quarter of a second after the first message it
has not taken, and whenever somebody asks for it. Of whole books and tickers that came meanwhile it takes the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from loguru import logger
from pybotters import BitgetV2DataStore

from runner.bitget import wire

PERIOD_S = 0.25
WAITING_MAX = 200
"""So many messages are not left waiting, however fast they come."""

FILLS_MAX = 1_000
"""How many fills can be viewed. The store itself would keep a hundred thousand, 3 kB each."""


class Views:
    """The store and what it has not taken yet."""

    def __init__(self) -> None:
        self._store = BitgetV2DataStore()
        self._store.fill._MAXLEN = FILLS_MAX
        self._waiting: dict[object, Mapping[str, Any]] = {}
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def store(self) -> BitgetV2DataStore:
        """The store, with every message in it that has been read."""
        self._catch_up()
        return self._store

    def take(self, message: Mapping[str, Any], frame: wire.Frame) -> None:
        """Take a message that has been read."""
        if frame.channel == wire.TRADES:
            return  # nobody views them, and the store would keep a hundred thousand
        self._number += 1
        key = wire.replaced_by_next(frame) or self._number
        self._waiting.pop(key, None)  # the newest goes to the end: in the order in which they came
        self._waiting[key] = _for_store(message, frame)
        if len(self._waiting) >= WAITING_MAX:
            self._catch_up()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self._catch_up)

    def close(self) -> None:
        """Take nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _catch_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for message in waiting.values():
            try:
                self._store.onmessage(message)
            except Exception as error:  # its views may miss a message; the events did not
                logger.warning("BitgetV2DataStore did not take a message: {}: {}", type(error).__name__, error)


def _for_store(message: Mapping[str, Any], frame: wire.Frame) -> Mapping[str, Any]:
    # The store drops "canceled" orders alone; spot's "cancelled" ones would stay in it for ever.
    if frame.channel != "orders" or not any(row.get("status") == "cancelled" for row in frame.rows):
        return message
    rows = [{**row, "status": "canceled"} if row.get("status") == "cancelled" else row for row in frame.rows]
    return {**message, "data": rows}
