"""Bitget's two sockets and the feeds that come over them: market data on the public one, the account on the private.

Every message goes two ways: read into events without a queue, each given to `on_event` at once (books as soon as no
newer one is waiting); and a little later into pybotters' `BitgetV2DataStore`, from which views read. Events do not wait
for the store, and do not come from it: its fill store does not tell duplicates apart, its account store keeps one row
of each product.

What the sockets are told to carry is the desk's decision: after each `FeedUp` it subscribes again. Two channels come
along unasked, since no feed is judged by them: the perp's ticker, and with `K_FLOW` above 0 its public trades. What is
answered about those is told under the perp book's name, with their channel. A refusal after a refusal is not told
again; that no trade came is told once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import attrs
import pybotters
from loguru import logger
from pybotters import BitgetV2DataStore

from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.events import FeedName
from mmfsm.values import InstType
from runner.bitget import seam, wire
from runner.bitget.connection import Callbacks, Connection
from runner.bitget.members import WireError
from runner.bitget.pace import Pace
from runner.bitget.tap import Tap
from runner.bitget.tasks import OnFailure, Tasks
from runner.bitget.trades import Trades
from runner.bitget.views import Views
from runner.settings import Settings

_BOOKS = {FeedName.PERP_BOOK: InstType.PERP, FeedName.SPOT_BOOK: InstType.SPOT}


@attrs.define
class _Pending:
    # A subscription that is not answered yet, and the feed it is told as.
    feed: FeedName
    channel: str
    waiting: list[wire.Channel]
    bound: asyncio.TimerHandle


class Sockets:
    """Both sockets of one run. Feeds: PERP_BOOK and SPOT_BOOK on the public socket, PRIVATE on the private one.

    Args:
        settings: addresses, keys and bounds. Without keys there is no private socket.
        on_event: called with each event inside the handler of its message; an error in it is reported and passed over.
        on_failure: called with a name and an error for whatever should not have happened; sockets go on all the same.
        rng: source of the jitter between connection attempts.
    """

    def __init__(
        self,
        settings: Settings,
        on_event: Callable[[ev.Event], None],
        on_failure: OnFailure,
        rng: random.Random | None = None,
    ) -> None:
        self._views = Views()
        self._settings = settings
        self._on_event = on_event
        self._on_failure = on_failure
        self._rng = rng or random.Random()
        self._trades = Trades(self._tell) if settings.k_flow else None
        self._are_trades_refused = False
        self._first_trade: asyncio.TimerHandle | None = None
        self._tap = Tap(settings.symbol, self._tell, self._resubscribe_book, self._trades)
        self._tasks = Tasks(on_failure)
        self._client: pybotters.Client | None = None
        self._pending: dict[str, _Pending] = {}  # by feed; the trades' by their channel
        self._ticker_asked = False
        self._paces = {feed: Pace() for feed in _BOOKS}
        self._public = self._connection("public", settings.ws_public_url, tuple(_BOOKS))
        self._private = (
            self._connection("private", settings.ws_private_url, (FeedName.PRIVATE,)) if settings.has_keys else None
        )

    def _connection(self, name: str, url: str, feeds: tuple[FeedName, ...]) -> Connection:
        callbacks = Callbacks(
            up=lambda: self._up(feeds),
            down=lambda why: self._down(feeds, why),
            message=lambda message: self._on_message(message, feeds),
            pong=lambda: self._each(feeds, lambda feed: ev.FeedAlive(now_ms(), feed)),
            failure=self._on_failure,
        )
        return Connection(name, url, self._settings, callbacks, self._rng, login=name == wire.PRIVATE)

    @property
    def store(self) -> BitgetV2DataStore:
        """pybotters' store, with every message in it that has been read."""
        return self._views.store

    async def open(self) -> None:
        """Begin to connect, and return at once; `FeedUp` says when."""
        keys = None
        s = self._settings
        if s.has_keys:
            seam.register(s.ws_private_url)
            keys = (s.bitget_api_key, s.bitget_api_secret, s.bitget_api_passphrase)
        self._client = seam.new_client(keys)
        for connection in (self._public, self._private):
            if connection is not None:
                self._tasks.start(f"{connection.name}-socket", connection.run(self._client))

    async def close(self) -> None:
        """Close both sockets; no event is told for it."""
        await self._tasks.close()
        self._views.close()
        for key in list(self._pending):
            self._forget(key)
        if self._trades is not None:
            self._trades.close()
        if self._first_trade is not None:
            self._first_trade.cancel()
        if self._client is not None:
            await self._client.close()

    # --- what the desk asks -------------------------------------------------------------------------------------------

    def subscribe(self, feed: FeedName, channel: str) -> None:
        """Ask for a channel: "books5" or "books" for a book, "private" for the account's whole set. Answered by one
        `SubscribeAnswered`: accepted when every part was, refused when one was or no answer came in time."""
        connection = self._private if feed is FeedName.PRIVATE else self._public
        loop = asyncio.get_running_loop()
        if connection is None or not connection.is_up:
            why = "no API key is set" if connection is None else "the socket is down"
            loop.call_soon(self._tell, ev.SubscribeAnswered(now_ms(), feed, channel, False, None, why))
            return
        channels = self._channels(feed, channel)
        self._await_answer(feed, feed, channel, channels)
        if feed in _BOOKS:
            self._tap.expect_book(_BOOKS[feed], channel)
        if feed is FeedName.PERP_BOOK and not self._ticker_asked:
            self._ticker_asked = True
            channels = (*channels, wire.Channel(InstType.PERP, "ticker", self._settings.symbol))
        connection.send(wire.subscription("subscribe", channels))

    def _await_answer(self, key: str, feed: FeedName, channel: str, channels: tuple[wire.Channel, ...]) -> None:
        self._forget(key)
        late_s = self._settings.ws_ack_timeout_ms / 1000
        late = asyncio.get_running_loop().call_later(
            late_s, self._answer, key, False, None, f"no answer within {late_s:g} s"
        )
        self._pending[key] = _Pending(feed, channel, list(channels), late)

    def _ask_trades(self) -> None:
        # In a message of its own, after the books': what becomes of it is no matter of theirs.
        asked = (wire.Channel(InstType.PERP, wire.TRADES, self._settings.symbol),)
        self._await_answer(wire.TRADES, FeedName.PERP_BOOK, wire.TRADES, asked)
        self._public.send(wire.subscription("subscribe", asked))

    def unsubscribe(self, feed: FeedName, channel: str) -> None:
        """Drop a channel. What still comes of it is passed over."""
        connection = self._private if feed is FeedName.PRIVATE else self._public
        if feed in self._pending and self._pending[feed].channel == channel:
            self._forget(feed)
        if feed in _BOOKS:
            self._tap.drop_book(_BOOKS[feed], channel)
        if connection is not None:
            connection.send(wire.subscription("unsubscribe", self._channels(feed, channel)))

    def reconnect(self, feed: FeedName) -> None:
        """Close the feed's socket; it connects again by itself, as after any other end."""
        connection = self._private if feed is FeedName.PRIVATE else self._public
        if connection is not None:
            connection.drop("not trusted: it did not tell what it should have")

    def _channels(self, feed: FeedName, channel: str) -> tuple[wire.Channel, ...]:
        if feed is FeedName.PRIVATE:
            return wire.PRIVATE_CHANNELS
        if feed not in _BOOKS:
            raise ValueError(f"{feed}: expected one of {', '.join([*_BOOKS, FeedName.PRIVATE])}")
        return (wire.Channel(_BOOKS[feed], channel, self._settings.symbol),)

    def _resubscribe_book(self, inst: InstType, channel: str) -> None:
        # The book has a gap: only a new snapshot mends it, and only a new subscription brings one.
        feed = FeedName.PERP_BOOK if inst is InstType.PERP else FeedName.SPOT_BOOK
        loop = asyncio.get_running_loop()
        loop.call_later(self._paces[feed].wait_s(loop.time()), self._mend, feed, channel)

    def _mend(self, feed: FeedName, channel: str) -> None:
        if self._tap.expects_book(_BOOKS[feed], channel):
            for op in ("unsubscribe", "subscribe"):
                self._public.send(wire.subscription(op, self._channels(feed, channel)))

    # --- what the sockets tell ----------------------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        try:
            self._on_event(event)
        except Exception as error:  # the socket must outlive whatever its listener does
            self._on_failure("event-handler", error)

    def _each(self, feeds: tuple[FeedName, ...], event: Callable[[FeedName], ev.Event]) -> None:
        for feed in feeds:
            self._tell(event(feed))

    def _up(self, feeds: tuple[FeedName, ...]) -> None:
        self._each(feeds, lambda feed: ev.FeedUp(now_ms(), feed))
        if self._trades is not None and FeedName.PERP_BOOK in feeds:
            self._ask_trades()

    def _down(self, feeds: tuple[FeedName, ...], why: str) -> None:
        for key in [key for key, pending in self._pending.items() if pending.feed in feeds]:
            self._forget(key)
        for feed in feeds:
            if feed in _BOOKS:
                self._tap.drop_book(_BOOKS[feed])
                self._ticker_asked = False
        self._each(feeds, lambda feed: ev.FeedDown(now_ms(), feed, why))

    def _on_message(self, message: Any, feeds: tuple[FeedName, ...]) -> None:
        try:
            frame = wire.read_frame(message)
            if frame.kind is wire.FrameKind.DATA:
                self._tap.take(frame, now_ms())
            elif frame.kind is not wire.FrameKind.OTHER:
                self._acknowledge(frame, feeds)
        except (WireError, ArithmeticError) as error:
            logger.warning("a message that cannot be read was passed over: {}", error)
            return
        self._views.take(message, frame)

    def _acknowledge(self, frame: wire.Frame, feeds: tuple[FeedName, ...]) -> None:
        refused = frame.kind is wire.FrameKind.REFUSED
        for key, pending in [it for it in self._pending.items() if it[1].feed in feeds]:
            # An error that names no channel (not logged in, too many requests) is about all that was asked.
            told = [it for it in pending.waiting if it.is_told_by(frame.arg) or (refused and not frame.channel)]
            if told and refused:
                self._answer(key, False, frame.code, frame.msg)
            elif told:
                pending.waiting = [it for it in pending.waiting if it not in told]
                if not pending.waiting:
                    self._answer(key, True, frame.code, frame.msg)
        if refused:
            logger.warning("refused by Bitget: {} {} {}", frame.code, frame.msg, dict(frame.arg))
            if frame.code == wire.NOT_LOGGED_IN and FeedName.PRIVATE in feeds and self._private is not None:
                self._private.drop("Bitget says that it is not logged in")  # it carries nothing until it is again

    def _answer(self, key: str, accepted: bool, code: str | None, msg: str | None) -> None:
        pending = self._pending[key]
        self._forget(key)
        if key == wire.TRADES:
            is_known, self._are_trades_refused = self._are_trades_refused and not accepted, not accepted
            if is_known:
                return
            if accepted and self._first_trade is None:
                late_s = self._settings.ws_ack_timeout_ms / 1000
                self._first_trade = asyncio.get_running_loop().call_later(late_s, self._note_silence, late_s)
        self._tell(ev.SubscribeAnswered(now_ms(), pending.feed, pending.channel, accepted, code, msg))

    def _note_silence(self, late_s: float) -> None:
        # Accepted it is; but recent trades come with the answer, so that none at all is worth a record.
        if self._trades is not None and not self._trades.has_seen_any:
            msg = f"no trade within {late_s:g} s"
            self._tell(ev.SubscribeAnswered(now_ms(), FeedName.PERP_BOOK, wire.TRADES, True, None, msg))

    def _forget(self, key: str) -> None:
        pending = self._pending.pop(key, None)
        if pending is not None:
            pending.bound.cancel()
