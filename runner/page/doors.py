"""The listening socket: loopback alone, so many connections, and none that does not ask for anything."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from aiohttp import web

HOST = "127.0.0.1"
CONNECTIONS_MAX = 32
SILENT_S = 5.0
"""A connection that has sent no whole request for this long is closed: it would keep others out."""

KEEPALIVE_S = 15.0
BUFFER_MAX = 64 * 1024
"""What is kept, here and in the kernel, for a connection that does not take it."""


class Doors:
    """Lets connections in to an application, and counts them."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self._port = port
        self._listening: asyncio.Server | None = None
        self._silent: set[asyncio.BaseProtocol] = set()

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is in use, or may not be used.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._let_in, HOST, self._port, backlog=CONNECTIONS_MAX)
        for listener in self._listening.sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_MAX)  # what is accepted inherits it

    @property
    def port(self) -> int:
        """The port that is listened on; 0 while none is."""
        sockets = self._listening.sockets if self._listening else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    def shut(self) -> None:
        """Let nobody in any more; who is in may finish."""
        if self._listening is not None:
            self._listening.close()

    def heard(self, request: web.Request) -> None:
        """Note that a connection has asked for something."""
        self._silent.discard(request.protocol)

    def _let_in(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None or len(server.connections) >= CONNECTIONS_MAX:
            return _Full()
        handler = server()
        self._silent.add(handler)
        asyncio.get_running_loop().call_later(SILENT_S, self._drop_silent, handler)
        return handler

    def _drop_silent(self, handler: web.RequestHandler) -> None:
        if handler in self._silent:
            self._silent.discard(handler)
            hang_up(handler.transport)


class _Full(asyncio.Protocol):
    """Nobody more is let in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        hang_up(transport)


def hang_up(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection at once. What was sent and not taken is thrown away, in the kernel too."""
    if transport is not None:
        end = transport.get_extra_info("socket")
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        cast(asyncio.WriteTransport, transport).abort()


_AT_ONCE = struct.pack("ii", 1, 0)
