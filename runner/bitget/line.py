"""A connection that is held open for hedges, and on which a request leaves within the call that asks for it.

Why not aiohttp's client: a request of its needs a task, and with it a turn of the loop in which whatever waits goes
first; and that a pooled connection was closed by the exchange is found out by the hedge that needs it. So the
connection is ours, opened beforehand and again when it is lost, and what is the same in every request is made
beforehand too. Answers are read by aiohttp's own protocol and parser.

For the same reason the loop is Python's own: uvloop's transports write when the turn is over (a hedge was on the wire
0.3 ms later with it, 1.3 ms against 1.0).

One request at a time, no pipelining: an order behind another's answer would be late without anybody knowing. Whoever
finds the line taken or down sends another way. A request whose answer does not come whole takes the connection with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from functools import cache
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from runner.bitget.signing import header_lines

Answer = tuple[int, str]
"""HTTP status, and the body as text."""


class Line:
    """One connection to the host of a base address.

    Args:
        base: scheme, host and perhaps a port.
        headers: what every request carries.

    Raises:
        ValueError: a header holds a line break.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base)
        assert parts.hostname is not None, "the settings have seen to it"
        self._host, self._tls = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._fixed = header_lines({"Host": parts.netloc} | dict(headers))
        self._protocol: ResponseHandler | None = None
        self._taken = False

    @property
    def is_open(self) -> bool:
        """A request written now would go out."""
        protocol = self._protocol
        return protocol is not None and protocol.is_connected() and not protocol.should_close

    @property
    def is_free(self) -> bool:
        """It is open, and no answer is waited for."""
        return not self._taken and self.is_open

    async def open(self) -> None:
        """Connect, in place of whatever was there. It waits without a bound; the caller sets one.

        Raises:
            OSError: there is no connection to be had (ssl.SSLError among it).
        """
        self.close()
        loop = asyncio.get_running_loop()
        tls = _trusted() if self._tls else None
        _, protocol = await loop.create_connection(lambda: ResponseHandler(loop), self._host, self._port, ssl=tls)
        protocol.set_response_params(read_until_eof=True)
        assert protocol.closed is not None
        protocol.closed.add_done_callback(_look_at)
        self._protocol, self._taken = protocol, False

    async def lost(self) -> None:
        """Wait for the end of the connection; at once where there is none."""
        closed = None if self._protocol is None else self._protocol.closed
        if closed is not None:
            await asyncio.wait([closed])

    def begin(self, method: str, path: str, headers: str = "", body: bytes = b"") -> Awaitable[Answer]:
        """Write a request; it is the kernel's when this returns. Asked of a free line only.

        Args:
            method: GET or POST.
            path: with its query.
            headers: its own, as they are written.
            body: of a POST.

        Returns:
            What waits for the answer. It must be awaited, and raises aiohttp.ClientError or OSError for one that did
            not come whole, UnicodeDecodeError for one that is no text.
        """
        protocol = self._protocol
        assert protocol is not None and protocol.transport is not None and self.is_free, "asked of a line that is taken"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._fixed}{headers}{length}\r\n"
        self._taken = True
        protocol.transport.write(head.encode() + body)
        return self._answer(protocol)

    async def _answer(self, protocol: ResponseHandler) -> Answer:
        try:
            message, payload = await protocol.read()
            while 100 <= message.code < 200:  # not yet the answer
                message, payload = await protocol.read()
            text = (await payload.read()).decode()
        except HttpProcessingError as error:
            protocol.abort()
            raise aiohttp.ClientError(f"no HTTP: {error}") from error
        except BaseException:  # a bound's, too: what comes later must not be taken for the next one's
            protocol.abort()
            raise
        if message.should_close or protocol.should_close:
            protocol.close()
        else:
            protocol.set_response_params(read_until_eof=True)  # the next one's parser, made while nobody waits
        if protocol is self._protocol:
            self._taken = False
        return message.code, text

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._protocol is not None:
            self._protocol.close()
            self._protocol = None


@cache
def _trusted() -> ssl.SSLContext:
    """This machine's certificate authorities. Reading them holds the loop for tens of ms: done once."""
    return ssl.create_default_context()


def _look_at(closed: asyncio.Future[None]) -> None:
    # How it ended is no matter; an error that nobody looks at would be logged as one.
    if not closed.cancelled():
        closed.exception()
