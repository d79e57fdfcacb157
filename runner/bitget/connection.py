"""One socket to Bitget that is kept: connect, log in, read, ping; after its end a pause, and again.

Why not pybotters' `WebSocketApp`: tried with 1.11.2, its login answer reaches no handler and an unanswered login waits
for ever; a clean close makes it connect again at once, without a pause and without telling anybody (57 connects in
three seconds; Bitget allows 300 in five minutes); and from outside there is no way to stop either. So the loop is ours,
on pybotters' own session and socket class, with pybotters' login signature.

Websocket Intro: text "ping" at least every 30 s, answered by text "pong"; two minutes without one and Bitget closes; it
closes every 24 hours in any case; at most 10 messages a second from us; a subscription sent before the login's answer
is refused.

Fills go first: of messages that are waiting together, because they came together or the process was busy, those with
fills are read at once and in front, the others right after, in their order. A fill and its order's report arrive
together as often as not, the report first; its hedge need not wait until that is read (0.2 to 0.4 ms), and the machines
take the two in either order.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

import aiohttp
import attrs
import pybotters
from loguru import logger

from runner.bitget import seam, wire
from runner.bitget.members import parse_json
from runner.bitget.tasks import OnFailure
from runner.settings import Settings

_CLOSE_S = 1.0  # how long a closing handshake may take
_SEND_GAP_S = 0.11  # Bitget: at most 10 messages a second
_STABLE_S = 30.0  # a socket that lived this long starts the pauses over


@attrs.frozen
class Callbacks:
    """What a connection tells, each called synchronously. `down` comes once for every attempt that ended."""

    up: Callable[[], None]
    down: Callable[[str], None]
    message: Callable[[Any], None]
    pong: Callable[[], None]
    failure: OnFailure


class Connection:
    """A socket by name. `run` is its whole life; end it by cancelling."""

    def __init__(
        self,
        name: str,
        url: str,
        settings: Settings,
        callbacks: Callbacks,
        rng: random.Random,
        login: bool = False,
    ) -> None:
        self.name = name
        self._url = url
        self._settings = settings
        self._tell = callbacks
        self._rng = rng
        self._login = login
        self._outbox: asyncio.Queue[str | dict[str, Any]] | None = None
        self._pong = asyncio.Event()
        self._waiting: deque[str] = deque()
        self._dropped: asyncio.Future[str] | None = None

    @property
    def is_up(self) -> bool:
        """True while messages can be sent: connected and, for the private socket, logged in."""
        return self._outbox is not None

    def send(self, message: dict[str, Any]) -> None:
        """Put a message in line; dropped when the socket is down, whose end has been told by `down`."""
        if self._outbox is not None:
            self._outbox.put_nowait(message)

    def drop(self, why: str) -> None:
        """End the socket that is up, if one is; the loop connects again after its pause."""
        if self._dropped is not None and not self._dropped.done():
            self._dropped.set_result(why)

    async def run(self, client: pybotters.Client) -> None:
        """Keep the socket until cancelled. An error that is not the network's is reported, and the socket kept on."""
        loop = asyncio.get_running_loop()
        first = self._settings.ws_backoff_min_ms / 1000
        last = self._settings.ws_backoff_max_ms / 1000
        pause = first
        while True:
            began = loop.time()
            try:
                why = await self._live(client)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                self._tell.failure(self.name, error)
            if loop.time() - began >= _STABLE_S:
                pause = first
            logger.warning("{} socket is down: {}", self.name, why)
            self._tell.down(why)
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.0))
            pause = min(pause * 2, last)

    async def _live(self, client: pybotters.Client) -> str:
        """One socket from its first byte to its last; returns why it ended."""
        bound_ms = self._settings.ws_connect_timeout_ms
        try:
            async with asyncio.timeout(bound_ms / 1000):
                ws = await seam.connect(client, self._url, _CLOSE_S)
        except TimeoutError:
            return f"no connection within {bound_ms} ms"
        except (aiohttp.ClientError, OSError) as error:
            return f"no connection: {type(error).__name__}: {error}"
        try:
            seam.end_own_ping(ws)
            refusal = await self._log_in(ws) if self._login else None
            return refusal or await self._talk(ws)
        except (aiohttp.ClientError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            self._outbox = None
            await ws.close()

    async def _log_in(self, ws: aiohttp.ClientWebSocketResponse) -> str | None:
        bound_ms = self._settings.ws_login_timeout_ms
        try:
            async with asyncio.timeout(bound_ms / 1000):
                return wire.login_refusal(await seam.log_in(ws))
        except TimeoutError:
            return f"no answer to the login within {bound_ms} ms"

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        outbox: asyncio.Queue[str | dict[str, Any]] = asyncio.Queue()
        self._outbox = outbox
        self._waiting.clear()  # what a mistake of ours left unread would hold up all that follows
        self._tell.up()
        self._dropped = asyncio.get_running_loop().create_future()
        parts: list[asyncio.Future[str]] = [
            asyncio.create_task(part, name=f"{self.name}-{what}")
            for what, part in (
                ("reader", self._read(ws)),
                ("writer", self._write(ws, outbox)),
                ("pinger", self._ping(outbox)),
            )
        ]
        parts.append(self._dropped)
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return next(part for part in parts if part.done()).result()  # the reader knows best why
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        loop = asyncio.get_running_loop()
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.ERROR:
                    return f"broken: {ws.exception()}"
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                if message.data == "pong":
                    self._pong.set()
                    self._tell.pong()
                elif wire.is_urgent(message.data):
                    self._take(message.data)
                else:
                    if not self._waiting:
                        loop.call_soon(self._take_waiting)
                    self._waiting.append(message.data)
        finally:
            self._take_waiting()
        return f"closed by the exchange (code {ws.close_code})"

    def _take_waiting(self) -> None:
        try:
            while self._waiting:
                self._take(self._waiting.popleft())
        except Exception as error:  # a mistake of ours: reported, and the socket begun anew
            if self._dropped is not None and not self._dropped.done():
                self._dropped.set_exception(error)

    def _take(self, text: str) -> None:
        try:
            told = parse_json(text)
        except ValueError:
            logger.warning("{} socket: a message that is no JSON: {:.80}", self.name, text)
        else:
            self._tell.message(told)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse, outbox: asyncio.Queue[str | dict[str, Any]]) -> str:
        while True:
            message = await outbox.get()
            await (ws.send_str(message) if isinstance(message, str) else ws.send_json(message))
            await asyncio.sleep(_SEND_GAP_S)

    async def _ping(self, outbox: asyncio.Queue[str | dict[str, Any]]) -> str:
        period_s, bound_ms = self._settings.ws_ping_ms / 1000, self._settings.ws_pong_timeout_ms
        while True:
            await asyncio.sleep(period_s)
            self._pong.clear()
            outbox.put_nowait("ping")
            try:
                async with asyncio.timeout(bound_ms / 1000):
                    await self._pong.wait()
            except TimeoutError:
                return f"no pong within {bound_ms} ms"
