"""A host on loopback that alerts are sent to, with the words it was told; it can refuse, or never answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

BOUND_S = 30.0


class Host:
    """`told` holds (title, body) of each message. `status` is what it answers; `silent` keeps every answer back."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.tries = 0
        self.status = 200
        self.silent = False
        self.url = ""
        self._news = asyncio.Event()
        self._over = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        if self.silent:
            self._news.set()
            await self._over.wait()
        text = json.loads(await request.text())
        if self.status == 200:
            self.told.append((text["title"], text["message"]))
        self._news.set()
        return web.Response(status=self.status)

    def about(self, name: str) -> list[tuple[str, str]]:
        """The messages in whose title a word is."""
        return [(title, body) for title, body in self.told if name in title]

    async def until(self, condition: Callable[[], object], bound_s: float = BOUND_S) -> None:
        """Wait until a condition holds, looked at after every request."""
        async with asyncio.timeout(bound_s):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def close(self) -> None:
        self._over.set()


@asynccontextmanager
async def host() -> AsyncIterator[Host]:
    """Serve one, in this loop; it is sent to from threads and other processes."""
    one = Host()
    app = web.Application()
    app.router.add_post("/{secret}", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    one.url = f"json://127.0.0.1:{port}/a-token-nobody-may-see"
    try:
        yield one
    finally:
        one.close()
        await runner.cleanup()
