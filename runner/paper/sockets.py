"""WebSocket shell: moves messages between aiohttp and the sessions, with the line's latency.

Messages of one socket leave in the order they were queued. A client that does not read fills its kernel buffers, then
its queue here; when the queue holds `outbox_max` messages the connection is reset, so that memory stays bounded and a
slow reader finds out. Nothing is dropped silently.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable

from aiohttp import WSMsgType, web

from runner.paper.clock import now_ms
from runner.paper.feed import Key
from runner.paper.options import PaperOptions
from runner.paper.session import Session, encode
from runner.paper.values import Push


class Line:
    """One way of the line: a delay drawn for each message, seeded."""

    def __init__(self, options: PaperOptions) -> None:
        self._latency_ms = options.latency_ms
        self._jitter_ms = options.jitter_ms
        self._random = random.Random(f"line {options.seed}")

    def delay_ms(self) -> int:
        """Return how long the next message takes."""
        return self._latency_ms + (self._random.randint(0, self._jitter_ms) if self._jitter_ms else 0)

    async def travel(self) -> None:
        """Wait for one message's delay; without latency, not even a turn of the loop: an answer leaves before the
        pushes its request caused, as on the exchange, where the acknowledgement precedes the matching.
        """
        delay_ms = self.delay_ms()
        if delay_ms:
            await asyncio.sleep(delay_ms / 1000)


class Connection:
    """One socket and its session. Messages leave in the order they were queued, each not before its time."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, session: Session, line: Line) -> None:
        self.session = session
        self.remote = request.remote or ""
        self.is_half_open = False
        self._socket = socket
        self._request = request
        self._line = line
        self._outbox: deque[tuple[int, str]] = deque()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._stall = asyncio.Event()
        self._gone = asyncio.Event()
        self._last_due_ms = 0

    def send(self, message: str) -> None:
        """Queue one message; too many of them reset the connection."""
        if self.is_half_open:
            return
        if len(self._outbox) >= self.session.options.outbox_max:
            self.abort()
            return
        # Never before the one queued earlier: a socket keeps its order whatever the jitter.
        self._last_due_ms = max(self._last_due_ms, now_ms() + self._line.delay_ms())
        self._outbox.append((self._last_due_ms, message))
        self._sent.clear()
        self._wake.set()

    async def flushed(self) -> None:
        """Wait until everything queued has been handed to the kernel."""
        await self._sent.wait()

    def abort(self) -> None:
        """Reset the connection: the client sees no close frame."""
        self._gone.set()
        self._outbox.clear()
        if self._request.transport is not None:
            self._request.transport.abort()

    def half_open(self) -> None:
        """Stop reading and writing for good, and leave the connection standing: the client is told nothing."""
        self.is_half_open = True
        self._outbox.clear()
        self._stall.set()

    async def close(self) -> None:
        """Close with a close frame, without waiting long for the client's."""
        self._gone.set()
        await self._socket.close(code=1001, message=b"server shutdown")

    async def serve(self, received: Callable[["Connection", str], None]) -> None:
        """Serve until either side closes; `received` gets each text of the client."""
        tasks = [asyncio.create_task(one) for one in (self._read(received), self._stall.wait(), self._write())]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            if self.is_half_open:
                await self._stand_still(tasks)
            elif not tasks[0].cancelled():
                tasks[0].result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._socket.close()

    async def _stand_still(self, tasks: Iterable["asyncio.Task[object]"]) -> None:
        for one in tasks:
            one.cancel()
        if self._request.transport is not None:
            self._request.transport.pause_reading()
        await self._gone.wait()

    async def _read(self, received: Callable[["Connection", str], None]) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                received(self, message.data)
            if self.session.must_close:
                break
        # A refused login is answered before the close. A socket that is gone has nothing left to wait for.
        if self.session.must_close and not self._socket.closed:
            await self._sent.wait()

    async def _write(self) -> None:
        try:
            await self._write_all()
        finally:
            self._sent.set()

    async def _write_all(self) -> None:
        while True:
            while self._outbox:
                wait_ms = self._outbox[0][0] - now_ms()
                if wait_ms > 0:
                    await asyncio.sleep(wait_ms / 1000)
                if self._socket.closed or not self._outbox:
                    return
                _, message = self._outbox[0]
                self.session.left(message)  # before it is: the client may answer while this waits for the kernel
                try:
                    await self._socket.send_str(message)
                except ConnectionError:
                    return
                if self._outbox:
                    self._outbox.popleft()
            self._sent.set()
            self._wake.clear()
            await self._wake.wait()


class Listeners:
    """Who listens to what: found once, until a subscription, a login or a connection changes."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self._index: dict[tuple[Key, str], list[tuple[Connection, str]]] | None = None

    def changed(self) -> None:
        """Forget what was found."""
        self._index = None

    def deliver(self, push: Push) -> None:
        """Queue a push for every subscription it concerns."""
        if self._index is None:
            self._index = self._found()
        for connection, arg in self._index.get(((push.product, push.channel), push.account), ()):
            connection.send(encode(push, arg))

    def wanted(self) -> set[Key]:
        """Return the channels somebody listens to."""
        if self._index is None:
            self._index = self._found()
        return {key for key, _ in self._index}

    def _found(self) -> dict[tuple[Key, str], list[tuple[Connection, str]]]:
        found: dict[tuple[Key, str], list[tuple[Connection, str]]] = {}
        for connection in self.connections:
            for key, arg in connection.session.listens():
                found.setdefault((key, connection.session.account), []).append((connection, arg))
        return found
