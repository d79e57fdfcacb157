"""The aiohttp shell: REST, WebSocket and the hand of tests on one loopback port."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

import attrs
from aiohttp import web

from runner.paper.api import Answer, Request, envelope
from runner.paper.clock import now_ms
from runner.paper.control import control_routes
from runner.paper.faults import AnswerFault, Faults, PushFault
from runner.paper.feed import Key
from runner.paper.market import ScriptedMarket
from runner.paper.numbers import decimal
from runner.paper.options import Credentials, PaperOptions
from runner.paper.session import Session, Stream, Subscription, encode
from runner.paper.sockets import Connection, Line
from runner.paper.values import MarketEvent, Product, Push
from runner.paper.venue import Venue
from runner.paper.views import AccountView, account_view

REQUESTS_KEPT_MAX = 10_000
HANG_S_MAX = 60.0
# Trades and books closer together than this leave in one go: fewer wake-ups, and no client can tell.
_PACE_S_MIN = 0.004
_IDLE_S_MAX = 1.0


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
        self.faults = Faults()
        self.venue = Venue(self.options, now_ms())
        self.market = ScriptedMarket(self.inject)
        self._connections: list[Connection] = []
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
        app.router.add_route("*", "/{path:.*}", self._serve_rest)
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
        """The key the exchange knows."""
        return self.options.credentials

    # The truth

    def account_view(self) -> AccountView:
        """What the account really holds, as plain Decimals."""
        return account_view(self.venue.exchange)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
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

    # The hand of tests

    def inject(self, event: MarketEvent) -> None:
        """Let a market event happen now."""
        self.venue.market(event, now_ms())
        self._fan_out()

    async def cut(self, stream: Stream, seconds: float = 0.0, clean: bool = True) -> None:
        """Close a stream's sockets (with a close frame, or reset them) and refuse new ones for `seconds`."""
        self._refused_until_ms[stream] = now_ms() + int(seconds * 1000)
        for one in [one for one in self._connections if one.session.stream == stream]:
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
            self._deliver(push)

    def clear_faults(self) -> None:
        """Disarm every fault and deliver the held pushes."""
        for push in self.faults.clear():
            self._deliver(push)

    def silence(self, product: Product, channel: str, is_silent: bool = True) -> None:
        """Keep a public book or ticker channel silent although it is subscribed, or let it speak again."""
        keys = self.venue.feed.silent
        (keys.add if is_silent else keys.discard)((product, channel))
        self._wake.set()

    def set_position_mode(self, mode: Literal["one_way_mode", "hedge_mode"]) -> None:
        """Switch the position mode behind the client's back.

        Raises:
            ValueError: The mode is unknown, or a position is open.
        """
        perp = self.venue.exchange.perp
        if mode not in ("one_way_mode", "hedge_mode") or perp.positions:
            raise ValueError(f"position mode cannot become {mode!r} with {len(perp.positions)} positions open")
        perp.position_mode = mode

    def set_balance(self, coin: str, amount: Any) -> None:
        """Deposit or withdraw so that `amount` of a spot coin is available."""
        self.venue.exchange.set_balance(coin, decimal(amount), now_ms())
        self._fan_out()

    # Sockets

    async def _serve_public(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_socket(request, "public")

    async def _serve_private(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_socket(request, "private")

    async def _serve_socket(self, request: web.Request, stream: Stream) -> web.StreamResponse:
        at_ms = now_ms()
        if at_ms < self._refused_until_ms.get(stream, 0):
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=0.5, compress=False)
        await socket.prepare(request)
        self._connected += 1
        session = Session(stream, self.options, f"{self._connected:016x}", at_ms, at_ms)
        connection = Connection(socket, request, session, self._line)
        self._connections.append(connection)
        self._changed.set()
        try:
            await connection.serve(self._received)
        finally:
            self._connections.remove(connection)
            self._changed.set()
        return socket

    def _received(self, connection: Connection, text: str) -> None:
        at_ms = now_ms()
        for reply in connection.session.receive(text, at_ms):
            connection.send(reply)
        for one in connection.session.fresh:
            self._send_first(connection, one, at_ms)
        if connection.session.fresh:
            self._wake.set()
            self._changed.set()

    def _send_first(self, connection: Connection, one: Subscription, at_ms: int) -> None:
        if one.is_silent or one.channel in ("orders", "fill"):
            return
        if connection.session.stream == "private":
            connection.send(encode(self.venue.exchange.first_push(one.product, one.channel, at_ms), one.arg))
            return
        key = (one.product, one.channel)
        is_shared = any(key in other.session.wanted() for other in self._connections if other is not connection)
        first = self.venue.feed.first(key, at_ms, is_shared)
        if first is not None:
            connection.send(encode(first, one.arg))

    # REST

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, request.raw_path, headers, body)
        self.requests.append(_received_request(asked, now_ms()))
        self._changed.set()
        await self._line.travel()
        fault = self.faults.for_answer(asked.path)
        if fault is not None and fault.fault == "delay_before_ms":
            await asyncio.sleep(fault.ms / 1000)
        answer = self._answer(asked) if fault is None or fault.is_executed else None
        await self._line.travel()
        if fault is not None:
            return await self._spoiled(request, fault, answer)
        assert answer is not None
        return _response(answer)

    def _answer(self, asked: Request) -> Answer:
        answer = self.venue.answer(asked, now_ms())
        self._fan_out()
        return answer

    async def _spoiled(self, request: web.Request, fault: AnswerFault, answer: Answer | None) -> web.StreamResponse:
        if fault.fault.startswith(("lost", "hang")):
            if fault.fault.startswith("hang"):
                await asyncio.sleep(HANG_S_MAX)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=499)
        if fault.fault.startswith("http500"):
            return web.Response(status=500, text="Internal Server Error")
        if fault.code is not None:
            status = 429 if fault.code == "429" else 400
            return _response(Answer(status, envelope(fault.code, fault.message, None, now_ms())))
        if fault.fault == "delay_ms":
            await asyncio.sleep(fault.ms / 1000)
        assert answer is not None
        return _response(answer)

    # The market's task

    async def _run(self) -> None:
        while True:
            at_ms = now_ms()
            wanted: set[Key] = set().union(*(one.session.wanted() for one in self._connections))
            self.venue.run(at_ms, wanted)
            self._fan_out()
            for one in [one for one in self._connections if one.session.is_overdue(at_ms)]:
                one.abort()
            due_ms = [one.session.deadline_ms for one in self._connections]
            due_ms += [one for one in [self.venue.next_due_ms(at_ms, wanted)] if one is not None]
            wait_s = (min(due_ms, default=at_ms + 1_000) - now_ms()) / 1000
            await self._pause(min(max(wait_s, _PACE_S_MIN), _IDLE_S_MAX))

    async def _pause(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _fan_out(self) -> None:
        self._changed.set()
        for push in self.venue.drain():
            if not push.is_private:
                self._deliver(push)
                continue
            for one in [push] * self.options.private_pushes:
                for survivor in self.faults.apply(one):
                    self._deliver(survivor)

    def _deliver(self, push: Push) -> None:
        stream = "private" if push.is_private else "public"
        for one in self._connections:
            if one.session.stream == stream:
                one.push(push)


def _received_request(asked: Request, at_ms: int) -> ReceivedRequest:
    try:
        body = json.loads(asked.body) if asked.body else None
    except ValueError:
        body = None
    return ReceivedRequest(asked.method, asked.path, asked.query, body if isinstance(body, dict) else None, at_ms)


def _response(answer: Answer) -> web.Response:
    text = json.dumps(answer.body, separators=(",", ":"))
    return web.Response(status=answer.status, text=text, content_type="application/json")
