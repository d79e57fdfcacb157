"""A WebSocket server on loopback that does exactly what a test says: for behaviour no sane exchange shows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class BareServer:
    """`async with BareServer(script) as server: ... server.url`. Each connection runs `script` and is then closed."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connected_at: list[float] = []
        self.received: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v2/ws/{side}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def public(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v2/ws/public"

    @property
    def private(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v2/ws/private"

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connected_at.append(asyncio.get_running_loop().time())
        await self._script(socket)
        await socket.close()
        return socket
