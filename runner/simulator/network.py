"""HTTP and sockets without sockets: the exchange's ends are `World`'s, the bot's ends look like aiohttp's.

A request travels there and back, each way as long as the line draws, and meets the stand-in's faults where a real one
would (`rest_shell` is the same over aiohttp). Messages of one socket keep their order. Signatures are real.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from mmfsm.clock import now_ms
from runner.paper.api import Answer, Request, envelope
from runner.paper.auth import LOGIN_PATH, sign
from runner.paper.faults import AnswerFault
from runner.paper.session import Session, Stream

if TYPE_CHECKING:
    from runner.simulator.world import World

HANG_S = 60.0
_ORDER_S = 1e-7  # timers of one moment have no order among them; messages of one socket do
_DUMP = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Line:
    """One way of the line: `floor_ms` and on top of it a share drawn anew for each message, at times a long one."""

    def __init__(self, seed: str, floor_ms: float, mean_ms: float) -> None:
        self._rng = random.Random(f"line {seed}")
        self._floor_s, self._mean_s = floor_ms / 1000, mean_ms / 1000

    def delay_s(self) -> float:
        """How long the next message takes, in whole milliseconds."""
        more_s = self._rng.expovariate(1 / self._mean_s) if self._mean_s else 0.0
        return round(self._floor_s + more_s, 3)


class Client:
    """Stands in for a pybotters client: signs like one, and sends over the world's line."""

    def __init__(self, world: World, keys: tuple[str, str, str] | None) -> None:
        self._world, self._keys = world, keys

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Exchanged:
        """Begin a request; `auth=None` leaves it unsigned."""
        path = urlsplit(url).path + (f"?{urlencode(params)}" if params else "")
        body = _DUMP(data).encode() if data is not None else b""
        headers = dict(options.get("headers", {}))
        if self._keys is not None and "auth" not in options:
            headers |= _signed(self._keys, method, path, body)
        return Exchanged(self._world, Request(method, path, headers, body))

    async def close(self) -> None:
        """Nothing is open."""


def _signed(keys: tuple[str, str, str], method: str, path: str, body: bytes) -> dict[str, str]:
    key, secret, passphrase = keys
    stamp = str(now_ms())
    return {
        "access-key": key,
        "access-sign": sign(secret, f"{stamp}{method}{path}".encode() + body),
        "access-timestamp": stamp,
        "access-passphrase": passphrase,
    }


class Exchanged:
    """One request and its response, as an asynchronous context, like aiohttp's."""

    def __init__(self, world: World, asked: Request) -> None:
        self._world, self._asked = world, asked
        self.status, self._text = 0, ""

    async def __aenter__(self) -> Exchanged:
        self.status, self._text = await carry(self._world, self._asked)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    async def text(self, encoding: str | None = None) -> str:
        """The body."""
        return self._text


async def carry(world: World, asked: Request) -> tuple[int, str]:
    """Carry a request there and its answer back; return HTTP status and body.

    Raises:
        ConnectionResetError: it was lost on the way, or the exchange is down.
    """
    if world.venue.faults.is_down(world.now_ms):
        raise ConnectionResetError("the exchange is down")
    await asyncio.sleep(world.line.delay_s())
    fault = world.venue.faults.for_answer(asked.path, world.now_ms, _account(world, asked))
    if fault is not None and fault.fault == "delay_before_ms":
        await asyncio.sleep(fault.ms / 1000)
    answer = world.answer(asked) if fault is None or fault.is_executed else None
    back_s = world.line.delay_s()
    if fault is not None:
        return await _spoiled(world, fault, answer, back_s)
    await asyncio.sleep(back_s)
    assert answer is not None
    return answer.status, _DUMP(answer.body)


def _account(world: World, asked: Request) -> str | None:
    key = asked.headers.get("access-key")
    return None if key is None else world.venue.options.account_of(key).name


async def _spoiled(world: World, fault: AnswerFault, answer: Answer | None, back_s: float) -> tuple[int, str]:
    if fault.fault.startswith("hang"):
        await asyncio.sleep(HANG_S)
    await asyncio.sleep(back_s + (fault.ms / 1000 if fault.fault in ("delay_ms", "after_pushes") else 0))
    if fault.fault.startswith(("lost", "hang")):
        raise ConnectionResetError("lost")
    if fault.fault.startswith("http500"):
        return fault.status, "Bad Gateway"
    if fault.code is not None:
        status = 429 if fault.code == "429" else 400
        return status, _DUMP(envelope(fault.code, fault.message, None, world.venue.clock_ms(world.now_ms)))
    assert answer is not None
    return answer.status, _DUMP(answer.body)


class Socket:
    """One socket, both ends. The bot's end is read and written as aiohttp's is."""

    close_code = 1006

    def __init__(self, world: World, stream: Stream, session: Session) -> None:
        self.stream, self.session = stream, session
        self.is_half_open = False
        self._world = world
        self._inbox: deque[str | None] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._there_s = self._back_s = 0.0
        self._is_closed = False

    # The bot's end

    async def send_str(self, text: str) -> None:
        """Send one message."""
        if self._is_closed:
            raise ConnectionResetError("the socket is closed")
        loop = self._world.loop
        self._there_s = max(self._there_s + _ORDER_S, loop.time() + self._world.line.delay_s())
        if not self.is_half_open:
            loop.call_at(self._there_s, self._world.received, self, text)

    async def send_json(self, message: object) -> None:
        """Send one object."""
        await self.send_str(_DUMP(message))

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> aiohttp.WSMessage:
        while not self._inbox:
            self._reader = self._world.loop.create_future()
            await self._reader
        text = self._inbox.popleft()
        if text is None:
            raise StopAsyncIteration
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, "")

    def exception(self) -> BaseException | None:
        """None: a broken socket just ends."""
        return None

    async def close(self) -> None:
        """Close from the bot's end."""
        self.end()

    # The exchange's end

    def deliver(self, text: str) -> None:
        """Send a message to the bot."""
        if self.is_half_open or self._is_closed:
            return
        loop = self._world.loop
        self._back_s = max(self._back_s + _ORDER_S, loop.time() + self._world.line.delay_s())
        loop.call_at(self._back_s, self._arrive, text)

    def _arrive(self, text: str | None) -> None:
        self._inbox.append(text)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def end(self) -> None:
        """Close from the exchange's end: the bot reads what has arrived, then the end."""
        if not self._is_closed:
            self._is_closed = True
            self._world.closed(self)
            self._arrive(None)


def login_of(keys: tuple[str, str, str]) -> dict[str, Any]:
    """The login message of the private socket."""
    key, secret, passphrase = keys
    stamp = str(now_ms() // 1000)
    args = {
        "apiKey": key,
        "passphrase": passphrase,
        "timestamp": stamp,
        "sign": sign(secret, f"{stamp}{LOGIN_PATH}".encode()),
    }
    return {"op": "login", "args": [args]}
