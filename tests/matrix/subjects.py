"""The bots that are tried. Each is started on an exchange, asked to stop, and never asked what it believes.

`knows_its_quotes` and `until_line` are for reaching a moment; the judge reads alerts, and everything else from the
exchange.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from runner.paper import Credentials, PaperExchange
from runner.settings import Settings, to_texts
from tests.support.bot import Bot, settings_on

Line = dict[str, Any]
STOP_BOUND_S = 6
POLL_S = 0.01

FAST = {
    "TICK_SEC": "0.1",
    "HEDGE_DEADLINE_MS": "300",
    "MAX_UNHEDGED_SEC": "1.5",
    "HEDGE_RETRY_MS": "100",
    "UNWIND_RETRY_MS": "100",
    "RECONCILE_SEC": "1",
    "FUNDING_POLL_SEC": "1",
    "REQUEST_TIMEOUT_MS": "700",
    "ANSWER_BOUND_MS": "1000",
    "NOT_FOUND_MS": "1500",
    "SPOT_RECEIVE_WINDOW_MS": "1200",
    "CHILD_SETTLE_MS": "200",
    "CANCEL_SETTLE_MS": "300",
    "QUERY_PERIOD_MS": "150",
    "UNKNOWN_BOUND_MS": "4000",
    "COOLDOWN_UNWIND_MS": "100",
    "BACKOFF_MS": "200",
    "PAUSE_MS": "300",
    "BOOK_STALE_MS": "1200",
    "BOOKS5_SILENT_MS": "1000",
    "PRIVATE_SILENT_MS": "2000",
    "WS_PING_MS": "300",
    "WS_PONG_TIMEOUT_MS": "900",
    "WS_CONNECT_TIMEOUT_MS": "1500",
    "WS_LOGIN_TIMEOUT_MS": "1500",
    "WS_ACK_TIMEOUT_MS": "1500",
    "DRIFT_QUIET_MS": "300",
    "STOP_BOUND_SEC": str(STOP_BOUND_S),
}
"""Clocks so short that every deadline of a ticket passes within a cell."""


class Subject(Protocol):
    """A bot in a cell."""

    async def knows_its_quotes(self) -> None: ...

    async def until_line(self, condition: Callable[[Line], bool]) -> None: ...

    async def stop(self) -> int | None: ...

    async def close(self) -> None: ...

    def disturb(self, how: str) -> None: ...

    async def heal(self) -> None: ...

    @property
    def lines(self) -> list[Line]: ...

    @property
    def has_ended(self) -> bool: ...


class Ours:
    """The runner of this project in the exchange's own loop, by `tests.support.bot`."""

    def __init__(self, exchange: PaperExchange, folder: Path) -> None:
        self._bot = Bot(exchange, settings_on(exchange, folder / "bot.jsonl", **FAST, GUARDIAN="0"))

    async def knows_its_quotes(self) -> None:
        """Until both quotes are acknowledged."""
        await self._bot.quoting()

    async def until_line(self, condition: Callable[[Line], bool]) -> None:
        await self._bot.until(lambda: any(condition(line) for line in self._bot.lines))

    async def stop(self) -> int | None:
        """Ask it to stop, as SIGTERM does. Returns the exit status; None when it does not end."""
        self._bot.runner.stop("matrix")
        with suppress(TimeoutError):
            return await self._bot.ended(STOP_BOUND_S + 3.0)
        return None

    async def close(self) -> None:
        await self._bot.kill()

    def disturb(self, how: str) -> None:
        raise NotImplementedError(f"{how}: only a process of its own can be disturbed")

    async def heal(self) -> None:
        """Nothing: its process was not touched."""

    @property
    def lines(self) -> list[Line]:
        return self._bot.read_log()

    @property
    def has_ended(self) -> bool:
        return self._bot.runner.exit_status is not None


class OursAsProcess:
    """The runner as a process of its own, guardian included: `python -m runner` with nothing but its environment."""

    def __init__(self, exchange: PaperExchange, folder: Path) -> None:
        self._folder = folder
        more = FAST | {"GUARDIAN_BEAT_MS": "200", "GUARDIAN_SILENT_MS": "1200", "CHECK_BOUND_SEC": "20"}
        self._settings: Settings = settings_on(exchange, folder / "bot.jsonl", **more)
        self._lines: list[Line] = []
        self._read_to = 0
        self._process = self._start()
        self._how = ""

    def _start(self) -> subprocess.Popen[bytes]:
        texts = to_texts(self._settings)
        environment = {name: value for name, value in os.environ.items() if name not in texts} | texts
        with (self._folder / "stderr.txt").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "runner"], env=environment, stdin=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip

    def _ready(self) -> int:
        return sum(line["event"] == "session" and line["data"]["to"] == "READY" for line in self.lines)

    async def knows_its_quotes(self) -> None:
        """Until both acknowledgements are in the log."""
        await self._until(lambda: sum(line["event"] == "order_ack" for line in self.lines) >= 2)

    async def until_line(self, condition: Callable[[Line], bool]) -> None:
        await self._until(lambda: any(condition(line) for line in self.lines))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30.0):
            while not condition():  # noqa: ASYNC110 - another process writes the file
                await asyncio.sleep(POLL_S)

    async def stop(self) -> int | None:
        """Send SIGTERM. Returns the exit status; None when it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await self._until(lambda: self._process.poll() is not None)
        return self._process.poll()

    async def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def disturb(self, how: str) -> None:
        """Kill it with signal 9, or freeze it."""
        self._how = how
        self._process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGSTOP)

    async def heal(self) -> None:
        """Start it again and wait until its start-up checks are over, or let it go on."""
        if self._how == "kill":
            self._process.wait()
            before = self._ready()
            self._process = self._start()
            await self._until(lambda: self._ready() > before or self._process.poll() is not None)
        elif self._how:
            self._process.send_signal(signal.SIGCONT)

    @property
    def lines(self) -> list[Line]:
        path = Path(self._settings.log_path)
        if path.exists():
            with path.open(encoding="utf-8") as file:
                file.seek(self._read_to)
                whole, _, _ = file.read().rpartition("\n")
            if whole:
                self._read_to += len(whole.encode()) + 1
                self._lines += [json.loads(line) for line in whole.splitlines()]
        return self._lines

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None


Script = Callable[[str, str, str, Credentials, asyncio.Event], Awaitable[None]]
"""A comparison bot: REST, public and private address, key, and the event that tells it to stop."""


class Stranger:
    """A bot of `tests/bench` in the exchange's own loop. It keeps no log and raises no alert."""

    def __init__(self, exchange: PaperExchange, script: Script) -> None:
        self._stop = asyncio.Event()
        where = (exchange.rest_url, exchange.ws_public_url, exchange.ws_private_url)
        self._exchange = exchange
        self._task: asyncio.Task[None] = asyncio.ensure_future(script(*where, exchange.credentials, self._stop))

    async def knows_its_quotes(self) -> None:
        """Its quotes rest; it has nothing to tell."""
        await asyncio.sleep(0.1)

    async def until_line(self, condition: Callable[[Line], bool]) -> None:
        raise NotImplementedError("it keeps no log")

    async def stop(self) -> int | None:
        self._stop.set()
        done, _ = await asyncio.wait([self._task], timeout=STOP_BOUND_S + 3.0)
        return None if not done or self._task.cancelled() or self._task.exception() else 0

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def disturb(self, how: str) -> None:
        raise NotImplementedError(how)

    async def heal(self) -> None:
        """Nothing: its process was not touched."""

    @property
    def lines(self) -> list[Line]:
        return []

    @property
    def has_ended(self) -> bool:
        return self._task.done()
