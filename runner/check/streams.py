"""Both sockets, looked at as a run opens them: connected, logged in, subscribed, and whether data comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import attrs

from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.events import FeedName
from mmfsm.values import InstType
from runner.bitget.sockets import Sockets
from runner.settings import Settings

BOOKS = {FeedName.PERP_BOOK: InstType.PERP, FeedName.SPOT_BOOK: InstType.SPOT}
FIRST, SECOND, PRIVATE = "books5", "books", "private"
TRIES = 3
"""So many attempts to connect are enough to call a socket dead: the first may meet a hiccup."""

BOUND_S = 15.0
"""The longest look: books5 silent, then books silent, and a little more. CHECK_BOUND_SEC may make it shorter."""


@attrs.define
class Stream:
    """One feed, so far. Times in ms; `skew_ms` is the exchange's time of the newest push minus ours."""

    connected_ms: int | None = None
    channel: str = FIRST
    accepted: bool = False
    data_ms: int | None = None
    skew_ms: int | None = None
    refused: list[str] = attrs.field(factory=list)
    down: str = ""
    downs: int = 0
    book: ev.BookEvent | None = None

    @property
    def is_over(self) -> bool:
        """There is nothing left to wait for: data came, or the socket ends each time."""
        return self.data_ms is not None or self.downs >= TRIES


class Streams:
    """One look at both sockets; `feeds` holds what was seen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sockets = Sockets(settings, self._on_event, lambda _name, _error: None)
        names = (*BOOKS, FeedName.PRIVATE) if settings.has_keys else tuple(BOOKS)
        self.feeds = {name: Stream() for name in names}
        self._began_ms = 0
        self._news = asyncio.Event()
        self._silences: list[asyncio.TimerHandle] = []

    async def look(self) -> None:
        """Open both, wait until every feed has told something or is dead, within a bound, and close."""
        self._began_ms = now_ms()
        await self._sockets.open()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._settings.check_bound_sec, BOUND_S)):
                    while not all(feed.is_over for feed in self.feeds.values()):
                        self._news.clear()
                        await self._news.wait()
        finally:
            for handle in self._silences:
                handle.cancel()
            await self._sockets.close()

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.FeedUp):
            self._up(event.feed)
        elif isinstance(event, ev.FeedDown) and event.feed in self.feeds:
            feed = self.feeds[event.feed]
            feed.down, feed.downs = event.why, feed.downs + 1
        elif isinstance(event, ev.SubscribeAnswered):
            self._answered(event)
        elif isinstance(event, ev.BookEvent):
            name = next(name for name, inst in BOOKS.items() if inst is event.inst)
            self.feeds[name].book = event
            self._data(name, event.at_ms, event.exch_ms)
        elif isinstance(event, (ev.BalanceEvent, ev.PositionEvent)):
            self._data(FeedName.PRIVATE, event.at_ms, event.exch_ms)
        self._news.set()

    def _up(self, name: FeedName) -> None:
        feed = self.feeds[name]
        feed.connected_ms = now_ms() - self._began_ms
        if name is FeedName.PRIVATE:
            feed.channel = PRIVATE
        else:
            wait_s = self._settings.books5_silent_ms / 1000
            self._silences.append(asyncio.get_running_loop().call_later(wait_s, self._silent, name))
        self._sockets.subscribe(name, feed.channel)

    def _answered(self, event: ev.SubscribeAnswered) -> None:
        feed = self.feeds[event.feed]
        if event.channel == feed.channel and event.accepted:
            feed.accepted = True
        elif event.channel == feed.channel:
            feed.refused.append(f"{event.channel} {event.code or ''} {event.msg or ''}".strip())
            self._second(event.feed)

    def _silent(self, name: FeedName) -> None:
        feed = self.feeds[name]
        if feed.channel == FIRST and feed.data_ms is None:
            feed.refused.append(f"{FIRST} silent for {self._settings.books5_silent_ms} ms")
            self._second(name)

    def _second(self, name: FeedName) -> None:
        # As a run does: books5 first, books where it is refused or silent.
        feed = self.feeds[name]
        if feed.channel == FIRST:
            self._sockets.unsubscribe(name, FIRST)
            feed.channel, feed.accepted = SECOND, False
            self._sockets.subscribe(name, SECOND)

    def _data(self, name: FeedName, at_ms: int, exch_ms: int) -> None:
        feed = self.feeds[name]
        feed.skew_ms = exch_ms - at_ms
        if feed.data_ms is None:
            feed.data_ms = now_ms() - self._began_ms
