"""The exchange's side: the stand-in's pure venue, its sockets, and the moments at which something happens there.

Public books take one of two ways. Without faults of books they become the desk's events directly, at the market's pace:
neither text nor parser is between (`direct`). With such faults in the profile they go through the venue's feed at the
channels' own pace, as JSON text, through the real socket, tap and parsers, like everything else always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import starmap

import aiohttp

from mmfsm.events import BookEvent
from mmfsm.values import InstType, Level
from runner.paper.api import Answer, Request
from runner.paper.fault_rules import FaultRule, Window
from runner.paper.feed import Key
from runner.paper.options import PaperOptions
from runner.paper.session import Session, Stream, Subscription, encode
from runner.paper.values import BookEvent as VenueBook
from runner.paper.values import Level as VenueLevel
from runner.paper.values import MarketEvent, Push
from runner.paper.venue import Venue
from runner.paper.views import AccountView, account_view
from runner.simulator.clock import VirtualLoop
from runner.simulator.network import Line, Socket

STREAMS: tuple[Stream, ...] = ("private", "public")
IDLE_MS = 1_000
NEVER_MS = 2**62
_INST = {"perp": InstType.PERP, "spot": InstType.SPOT}
_BOOKS5: dict[str, Key] = {"perp": ("perp", "books5"), "spot": ("spot", "books5")}
_DIRECT = set(_BOOKS5.values())
Listeners = dict[Key, list[tuple[Socket, str]]]


class World:
    """One exchange and one line to it.

    Args:
        loop: whose time it is.
        options: the exchange's, its faults among them; its own market is not used.
        market: the market's events, times counted from the start.
        line: how long a message takes, one way.
        direct: books become events without the wire (see the module's docstring).
    """

    def __init__(
        self, loop: VirtualLoop, options: PaperOptions, market: Iterator[MarketEvent], line: Line, *, direct: bool
    ) -> None:
        self.loop, self.line = loop, line
        self.venue = Venue(options, loop.start_ms)
        self.sockets: list[Socket] = []
        self.on_book: Callable[[BookEvent], None] | None = None
        self._direct = direct
        self._market = market
        self._next = next(market, None)
        self._wanted: Listeners | None = None
        self._fed_of: Listeners | None = None
        self._fed: set[Key] = set()
        self._venue_due_ms = self._socket_due_ms = 0
        self._opened = 0
        self._refused_until_ms: dict[Stream, int] = {}

    @property
    def now_ms(self) -> int:
        """The true time."""
        return self.loop.true_ms

    @property
    def truth(self) -> AccountView:
        """What the account really holds."""
        return account_view(self.venue.exchange)

    def start(self) -> None:
        """Let the market run."""
        self._pump()

    def calm(self) -> None:
        """End every fault: what was held back is delivered, sockets may be opened again."""
        self._refused_until_ms.clear()
        for push in self.venue.faults.clear():
            self._send(push)

    # Requests

    def answer(self, asked: Request) -> Answer:
        """Carry out a request; the pushes it causes leave with it."""
        answer = self.venue.answer(asked, self.now_ms)
        self._venue_due_ms = 0  # it may have begun what ends later
        self._push_out()
        return answer

    # Sockets

    def connect(self, stream: Stream) -> Socket:
        """Open a socket.

        Raises:
            aiohttp.ClientConnectionError: none opens now.
        """
        now = self.now_ms
        if self.venue.faults.is_down(now) or now < self._refused_until_ms.get(stream, 0):
            raise aiohttp.ClientConnectionError("refused")
        self._opened += 1
        session = Session(stream, self.venue.options, f"{self._opened:016x}", now, now)
        session.is_refused = self._is_refused
        socket = Socket(self, stream, session)
        self.sockets.append(socket)
        self._socket_due_ms = 0
        return socket

    def closed(self, socket: Socket) -> None:
        """Forget a socket."""
        self.sockets.remove(socket)
        self._wanted = None

    def received(self, socket: Socket, text: str) -> None:
        """Take a message of the bot's."""
        now, session = self.now_ms, socket.session
        if socket not in self.sockets or socket.is_half_open:
            return
        if self.venue.faults.is_frozen(session.stream, now, session.account or None) and text != "ping":
            return
        for reply in session.receive(text, now, self.venue.clock_ms(now)):
            socket.deliver(reply)
            session.left(reply)
        for one in session.fresh:
            self._send_first(socket, one)
        self._wanted = None
        if session.must_close:
            socket.end()

    def _is_refused(self, product: object, channel: str) -> bool:
        return self.venue.faults.active("books_refused", self.now_ms, product=str(product), channel=channel) is not None

    def _send_first(self, socket: Socket, one: Subscription) -> None:
        if one.is_silent or one.channel in ("orders", "fill"):
            return
        now = self.now_ms
        if socket.stream == "private":
            account = self.venue.accounts[socket.session.account]
            first = account.first_push(one.product, one.channel, self.venue.clock_ms(now))
            if not self.venue.faults.swallows(first, now):
                socket.deliver(encode(first, one.arg))
            return
        found = self.venue.feed.first((one.product, one.channel), now, False, self.venue.clock_ms(now))
        if found is not None and not (self._direct and one.channel == "books5"):
            socket.deliver(encode(found, one.arg))

    def cut(self, stream: Stream, seconds: float) -> None:
        """Close a stream's sockets and refuse new ones for a while."""
        self._refused_until_ms[stream] = self.now_ms + int(seconds * 1000)
        for one in [one for one in self.sockets if one.stream == stream]:
            one.end()

    def wanted(self) -> Listeners:
        """The channels somebody listens to: by which sockets, and under which of their args."""
        if self._wanted is None:
            self._wanted = {}
            for one in self.sockets:
                if not one.is_half_open:
                    for key, arg in one.session.listens():
                        self._wanted.setdefault(key, []).append((one, arg))
        return self._wanted

    # Time

    def _pump(self) -> None:
        now, venue = self.loop.true_ms, self.venue
        for rule, window in venue.take_strikes(now):
            self._strike(rule, window)
        while self._next is not None and self.loop.start_ms + self._next.at_ms <= now:
            event = self._next
            venue.market(event, now)
            if self._direct and isinstance(event, VenueBook):
                self._tell_book(event, now)
            self._next = next(self._market, None)
        wanted = self.wanted()
        if now >= self._venue_due_ms or wanted is not self._fed_of:
            self._run_venue(wanted, now)
        self._push_out()
        if now > self._socket_due_ms:
            self._end_overdue(now)
        due = min(self._venue_due_ms, now + IDLE_MS)
        if self._next is not None:
            due = min(due, self.loop.start_ms + self._next.at_ms)
        self.loop.at_ms(max(due, now + 1), self._pump)

    def _end_overdue(self, now: int) -> None:
        for one in [one for one in self.sockets if one.session.is_overdue(now) and not one.is_half_open]:
            one.end()
        # A deadline only ever moves away; a new socket's is further off than this look.
        self._socket_due_ms = min([one.session.deadline_ms for one in self.sockets], default=now + IDLE_MS)

    def _run_venue(self, wanted: Listeners, now: int) -> None:
        if wanted is not self._fed_of:
            self._fed_of, self._fed = wanted, wanted.keys() - _DIRECT if self._direct else set(wanted)
        self.venue.run(now, self._fed)
        due = self.venue.next_due_ms(now, self._fed)
        self._venue_due_ms = now + IDLE_MS if due is None else min(due, now + IDLE_MS)

    def _strike(self, rule: FaultRule, window: Window) -> None:
        seconds = 0.0 if window.end_ms is None else (window.end_ms - window.start_ms) / 1000
        meant = rule.parameters.get("stream", "any")
        for stream in STREAMS if meant == "any" else (meant,):
            if rule.name == "stream_half_open":
                for one in self.sockets:
                    one.is_half_open = one.is_half_open or one.stream == stream
                self._wanted = None
            else:
                self.cut(stream, 0.0 if rule.name == "exchange_down" else seconds)

    def _tell_book(self, event: VenueBook, now: int) -> None:
        if self.on_book is None or _BOOKS5[event.product] not in self.wanted():
            return
        matcher, faults = self.venue.exchange.matchers[event.product], self.venue.faults
        if not (event.bids and event.asks) or faults.is_frozen("public", now) or faults.is_down(now):
            return
        if event.product in self.venue.exchange.floor.halted:
            return
        bids, asks = _levels(matcher.levels("buy")), _levels(matcher.levels("sell"))
        if bids and asks and bids[0].price < asks[0].price:
            self.on_book(BookEvent(now + self.loop.offset_ms, _INST[event.product], bids, asks, now))

    def _push_out(self) -> None:
        if not (self.venue.exchange.floor.outbox or self.venue.faults.is_holding):
            return
        pushes = self.venue.deliver(self.now_ms)
        for push in pushes:
            self._send(push)
        if pushes:
            self._venue_due_ms = min(self._venue_due_ms, self.venue.faults.next_due_ms(self.now_ms) or NEVER_MS)

    def _send(self, push: Push) -> None:
        for one, arg in self.wanted().get((push.product, push.channel), ()):
            if one.session.account == push.account:
                one.deliver(encode(push, arg))


def _levels(levels: list[VenueLevel]) -> tuple[Level, ...]:
    return tuple(starmap(Level, levels))
