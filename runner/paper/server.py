"""The aiohttp shell: sockets, the market's task and the hand of tests on one loopback port."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Literal

import attrs
from aiohttp import web

from runner.paper.api import Answer, Request
from runner.paper.clock import now_ms
from runner.paper.control import control_routes
from runner.paper.fault_rules import FaultRule, Window
from runner.paper.faults import AnswerFault, PushFault
from runner.paper.limits import ConnectLimits
from runner.paper.market import ScriptedMarket
from runner.paper.numbers import decimal
from runner.paper.options import DEFAULT_ACCOUNT, Credentials, PaperOptions
from runner.paper.rest_shell import RestShell, reset
from runner.paper.session import Session, Stream, Subscription, encode
from runner.paper.sockets import Connection, Line, Listeners
from runner.paper.values import MarketEvent, Product
from runner.paper.venue import Venue
from runner.paper.views import AccountView, account_view
from runner.paper.ws_trade import trade

REQUESTS_KEPT_MAX = 10_000
# Trades and books closer together than this leave in one go: fewer wake-ups, and no client can tell.
_PACE_S_MIN = 0.004
_IDLE_S_MAX = 1.0
STREAMS: tuple[Stream, ...] = ("private", "public")


@attrs.frozen
class ReceivedRequest:
    """A REST request as it arrived; `body` is None when there was none or it was not an object."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None
    at_ms: int


class PaperExchange:
    """A running exchange: `async with PaperExchange(options) as exchange: ...`.

    `market` sets books and trades by hand, on top of the market the options name. `requests` holds the last requests.
    """

    def __init__(self, options: PaperOptions | None = None) -> None:
        self.options = options or PaperOptions()
        self.requests: deque[ReceivedRequest] = deque(maxlen=REQUESTS_KEPT_MAX)
        self.venue = Venue(self.options, now_ms())
        self.faults = self.venue.faults
        self.market = ScriptedMarket(self.inject)
        self._listeners = Listeners()
        self._connections = self._listeners.connections
        self._connects = ConnectLimits()
        self._connected = 0
        self._refused_until_ms: dict[str, int] = {}
        self._line = Line(self.options)
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0

    # Life

    async def start(self) -> None:
        """Listen and let the market run."""
        app = web.Application()
        app.router.add_get("/v2/ws/public", self._serve_public)
        app.router.add_get("/v2/ws/private", self._serve_private)
        app.add_routes(control_routes(self))
        app.router.add_route("*", "/{path:.*}", RestShell(self, self._line).serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.options.host, self.options.port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._run(), name="paper market")

    async def stop(self) -> None:
        """Close every socket and stop listening; an error of the market's task surfaces here."""
        if self._pump is not None:
            self._pump.cancel()
        for one in self._connections:
            one.abort()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pump is not None:
            results = await asyncio.gather(self._pump, return_exceptions=True)
            if isinstance(results[0], Exception):
                raise results[0]

    async def __aenter__(self) -> "PaperExchange":
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    # Where and who

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return f"http://{self.options.host}:{self._port}"

    @property
    def ws_public_url(self) -> str:
        """URL of the public socket."""
        return f"ws://{self.options.host}:{self._port}/v2/ws/public"

    @property
    def ws_private_url(self) -> str:
        """URL of the private socket."""
        return f"ws://{self.options.host}:{self._port}/v2/ws/private"

    @property
    def credentials(self) -> Credentials:
        """The default account's key."""
        return self.options.credentials

    def credentials_of(self, account: str) -> Credentials:
        """An account's key."""
        return self.venue.accounts[account].credentials

    # The truth

    def account_view(self, account: str = DEFAULT_ACCOUNT) -> AccountView:
        """What an account really holds, as plain Decimals."""
        return account_view(self.venue.accounts[account])

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait until `condition` holds; it is looked at after every request, push and connection.

        Raises:
            TimeoutError: It did not in `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def sockets(self, stream: Stream) -> int:
        """How many sockets are open on a stream."""
        return sum(one.session.stream == stream for one in self._connections)

    def listeners(self, product: Product, channel: str) -> int:
        """How many sockets are subscribed to a channel."""
        return sum((product, channel) in one.session.wanted() for one in self._connections)

    # The hand of tests

    def inject(self, event: MarketEvent) -> None:
        """Let a market event happen now."""
        self.venue.market(event, now_ms())
        self.fan_out()

    def fault(self, name: str, **parameters: Any) -> None:
        """Let a fault of the catalogue begin now (see `faults.CATALOGUE`).

        Raises:
            ValueError: There is no such fault or parameter.
        """
        self.faults.inject({"name": name, **parameters}, now_ms())
        self._wake.set()

    async def cut(self, stream: Stream, seconds: float = 0.0, clean: bool = True, account: str | None = None) -> None:
        """Close a stream's sockets (with a close frame, or reset them) and refuse new ones for `seconds`.

        With an account, its sockets alone; a new socket has no account yet, so none is refused then.
        """
        if account is None:
            self._refused_until_ms[stream] = now_ms() + int(seconds * 1000)
        for one in self._of(stream, account):
            if clean:
                await one.close()
            else:
                one.abort()

    def next_answer(self, path: str, fault: str, times: int = 1, ms: int = 0) -> None:
        """Arm a fault for the next requests whose path contains `path` (kinds: see `faults`)."""
        self.faults.arm_answer(AnswerFault(path, fault, times, ms))

    def push_fault(self, kind: Literal["drop", "double", "hold"], times: int = 1, channel: str | None = None) -> None:
        """Arm a fault for the next private pushes."""
        self.faults.arm_push(PushFault(kind, times, channel))

    def release(self) -> None:
        """Deliver the held pushes."""
        for push in self.faults.release():
            self._listeners.deliver(push)

    def clear_faults(self) -> None:
        """Disarm every fault, those of the profile included, and deliver the pushes that were held back."""
        for push in self.faults.clear():
            self._listeners.deliver(push)
        self._wake.set()

    def silence(self, product: Product, channel: str, is_silent: bool = True) -> None:
        """Keep a public book or ticker channel silent although it is subscribed, or let it speak again."""
        keys = self.venue.feed.silent
        (keys.add if is_silent else keys.discard)((product, channel))
        self._wake.set()

    def set_position_mode(self, mode: Literal["one_way_mode", "hedge_mode"], account: str = DEFAULT_ACCOUNT) -> None:
        """Switch the position mode behind the client's back.

        Raises:
            ValueError: The mode is unknown, or a position is open.
        """
        perp = self.venue.accounts[account].perp
        if mode not in ("one_way_mode", "hedge_mode") or perp.positions:
            raise ValueError(f"position mode cannot become {mode!r} with {len(perp.positions)} positions open")
        perp.position_mode = mode

    def set_balance(self, coin: str, amount: Any, account: str = DEFAULT_ACCOUNT) -> None:
        """Deposit or withdraw so that `amount` of a spot coin is available."""
        self.venue.accounts[account].set_balance(coin, decimal(amount), now_ms())
        self.fan_out()

    # What the REST shell asks for

    def note(self, request: Request) -> None:
        """Keep a request on record."""
        self.requests.append(_received_request(request, now_ms()))
        self._changed.set()

    def answer(self, request: Request) -> Answer:
        """Carry out a request and queue the pushes it caused."""
        answer = self.venue.answer(request, now_ms())
        if self.venue.api.later.next_due_ms is not None:
            self._wake.set()
        self.fan_out()
        return answer

    async def flushed(self) -> None:
        """Wait until every private push queued so far has left."""
        for one in self._of("private"):
            await one.flushed()

    # Sockets

    async def _serve_public(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_socket(request, "public")

    async def _serve_private(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_socket(request, "private")

    async def _serve_socket(self, request: web.Request, stream: Stream) -> web.StreamResponse:
        at_ms, remote = now_ms(), request.remote or ""
        if self.faults.is_down(at_ms):
            return reset(request)
        if at_ms < self._refused_until_ms.get(stream, 0):
            return web.Response(status=503)
        open_count = sum(one.remote == remote for one in self._connections)
        if self.options.rate_limits and not self._connects.allow(remote, open_count, at_ms):
            return web.Response(status=429)
        socket = web.WebSocketResponse(timeout=0.5, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request, self._session(stream, at_ms), self._line)
        self._connections.append(connection)
        self._listeners.changed()
        self._changed.set()
        try:
            await connection.serve(self._received)
        finally:
            self._connections.remove(connection)
            self._listeners.changed()
            self._changed.set()
        return socket

    def _session(self, stream: Stream, at_ms: int) -> Session:
        self._connected += 1
        session = Session(stream, self.options, f"{self._connected:016x}", at_ms, at_ms)
        session.trade = partial(self._trade, session) if self.options.ws_orders else None
        session.is_refused = self._is_refused
        return session

    def _received(self, connection: Connection, text: str) -> None:
        at_ms, session = now_ms(), connection.session
        if self.faults.is_frozen(session.stream, at_ms, session.account or None) and text != "ping":
            return
        for reply in session.receive(text, at_ms, self.venue.clock_ms(at_ms)):
            connection.send(reply)
        for one in session.fresh:
            self._send_first(connection, one, at_ms)
        self._listeners.changed()
        if session.fresh:
            self._wake.set()
            self._changed.set()
        if self.options.ws_orders:
            self.fan_out()

    def _is_refused(self, product: Product, channel: str) -> bool:
        return self.faults.active("books_refused", now_ms(), product=product, channel=channel) is not None

    def _trade(self, session: Session, arg: dict[str, Any], at_ms: int) -> dict[str, Any]:
        self.venue.sync(now_ms())
        return trade(self.venue.api, arg, at_ms, self.venue.accounts[session.account])

    def _send_first(self, connection: Connection, one: Subscription, at_ms: int) -> None:
        if one.is_silent or one.channel in ("orders", "fill"):
            return
        if connection.session.stream == "private":
            account = self.venue.accounts[connection.session.account]
            first = account.first_push(one.product, one.channel, self.venue.clock_ms(at_ms))
            if not self.faults.swallows(first, at_ms):
                connection.send(encode(first, one.arg))
            return
        key = (one.product, one.channel)
        others = (other for other in self._connections if other is not connection)
        is_shared = any(key in other.session.wanted() for other in others)
        found = self.venue.feed.first(key, at_ms, is_shared, self.venue.clock_ms(at_ms))
        if found is not None:
            connection.send(encode(found, one.arg))

    def _of(self, stream: Stream, account: str | None = None) -> list[Connection]:
        found = [one for one in self._connections if one.session.stream == stream]
        return [one for one in found if account in (None, one.session.account)]

    def _overdue(self, at_ms: int) -> list[Connection]:
        found = [one for one in self._connections if not one.is_half_open]
        return [one for one in found if one.session.is_overdue(at_ms)]

    # The market's task

    async def _run(self) -> None:
        while True:
            at_ms = now_ms()
            for rule, window in self.venue.take_strikes(at_ms):
                await self._strike(rule, window)
            wanted = self._listeners.wanted()
            self.venue.run(at_ms, wanted)
            self._push_out()
            for one in self._overdue(at_ms):
                one.abort()
            due_ms = [one.session.deadline_ms for one in self._connections if not one.is_half_open]
            due_ms += [one for one in [self.venue.next_due_ms(at_ms, wanted)] if one is not None]
            wait_s = (min(due_ms, default=at_ms + 1_000) - now_ms()) / 1000
            await self._pause(min(max(wait_s, _PACE_S_MIN), _IDLE_S_MAX))

    async def _strike(self, rule: FaultRule, window: Window) -> None:
        seconds = 0.0 if window.end_ms is None else (window.end_ms - window.start_ms) / 1000
        meant = rule.parameters.get("stream", "any")
        for stream in STREAMS if meant == "any" else (meant,):
            if rule.name == "stream_half_open":
                for one in self._of(stream, rule.account):
                    one.half_open()
            elif rule.name == "exchange_down":
                await self.cut(stream, clean=False)
            else:
                await self.cut(stream, seconds, rule.parameters["clean"], rule.account)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    def fan_out(self) -> None:
        """Queue everything that has to be pushed."""
        self._push_out()
        if self.faults.is_holding:
            # What a fault holds back leaves by the market's task, which may be asleep for longer.
            self._wake.set()

    def _push_out(self) -> None:
        self._changed.set()
        for push in self.venue.deliver(now_ms()):
            self._listeners.deliver(push)


def _received_request(asked: Request, at_ms: int) -> ReceivedRequest:
    try:
        body = json.loads(asked.body) if asked.body else None
    except ValueError:
        body = None
    return ReceivedRequest(asked.method, asked.path, asked.query, body if isinstance(body, dict) else None, at_ms)
