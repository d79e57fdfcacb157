"""WebSocket shell: moves texts between aiohttp and the sessions, with the line's latency."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

from runner.paper.clock import now_ms
from runner.paper.options import PaperOptions
from runner.paper.session import Session
from runner.paper.values import Push

# A client that does not read is cut rather than remembered for ever.
OUTBOX_MAX = 20_000


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
    """One socket and its session. Texts leave in the order they were queued, each not before its time."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, session: Session, line: Line) -> None:
        self.session = session
        self._socket = socket
        self._request = request
        self._line = line
        self._outbox: deque[tuple[int, str]] = deque()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._last_due_ms = 0

    def send(self, text: str) -> None:
        """Queue one text."""
        if len(self._outbox) >= OUTBOX_MAX:
            self.abort()
            return
        # Never before the one queued earlier: a socket keeps its order whatever the jitter.
        self._last_due_ms = max(self._last_due_ms, now_ms() + self._line.delay_ms())
        self._outbox.append((self._last_due_ms, text))
        self._sent.clear()
        self._wake.set()

    def push(self, push: Push) -> None:
        """Queue a push for each subscription it concerns."""
        for text in self.session.texts_for(push):
            self.send(text)

    def abort(self) -> None:
        """Reset the connection: the client sees no close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """Close with a close frame, without waiting long for the client's."""
        await self._socket.close(code=1001, message=b"server shutdown")

    async def serve(self, received: Callable[["Connection", str], None]) -> None:
        """Serve until either side closes; `received` gets each text of the client."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    received(self, message.data)
                if self.session.must_close:
                    break
            # A refused login is answered before the close. A socket that is gone has nothing left to wait for.
            if self.session.must_close and not self._socket.closed:
                await self._sent.wait()
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await self._socket.close()

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
                _, text = self._outbox[0]
                if self._socket.closed:
                    return
                try:
                    await self._socket.send_str(text)
                except ConnectionError:
                    return
                self._outbox.popleft()
            self._sent.set()
            self._wake.clear()
            await self._wake.wait()
