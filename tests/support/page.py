"""The page of a bot, asked as any program on this machine can."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from runner.page.guard import TOKEN_FILE
from tests.support.bot import Bot, trading

QUIET = {"BOOK_STALE_MS": "60000"}
"""A market set by hand says nothing for long."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def paged(tmp_path: Path, **overrides: str) -> AsyncIterator[Bot]:
    """Run a bot with a page, and wait until it quotes."""
    async with trading(tmp_path, STATUS_PORT=str(free_port()), **(QUIET | overrides)) as bot:
        await bot.quoting()
        yield bot


def url_of(bot: Bot, path: str = "/") -> str:
    """Where a path of a bot's page is."""
    return f"http://127.0.0.1:{bot.settings.status_port}{path}"


def token_of(bot: Bot) -> str:
    """The token, as a person reads it from the state folder."""
    return (bot.runner.folder / TOKEN_FILE).read_text(encoding="ascii").strip()


class Asker:
    """Asks a page, and reads what it answers."""

    def __init__(self, bot: Bot, session: aiohttp.ClientSession) -> None:
        self._bot = bot
        self._session = session

    async def ask(self, method: str, path: str, data: bytes | None = None, **headers: str) -> tuple[int, str]:
        """Send one request; names of headers have _ for -. Returns the status and the body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, url_of(self._bot, path), data=data, headers=named) as answer:
            return answer.status, await answer.text()

    async def act(self, name: str, token: str | None = None, **headers: str) -> tuple[int, list[dict[str, Any]]]:
        """Ask for an action with the right token, or another. Returns the status and the answers."""
        told = {"Authorization": f"Bearer {token_of(self._bot) if token is None else token}"}
        told |= {"Content_Type": "application/json"} | headers
        status, text = await self.ask("POST", f"/act/{name}", b"{}", **told)
        return status, [json.loads(line) for line in text.splitlines()]


@asynccontextmanager
async def asking(bot: Bot) -> AsyncIterator[Asker]:
    """Ask a bot's page."""
    async with aiohttp.ClientSession() as session:
        yield Asker(bot, session)
