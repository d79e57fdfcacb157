"""Runners and guardians in processes of their own, against an exchange in the test's process, whose truth is visible.

Nothing sleeps: the exchange wakes whoever waits for it, and the end of a process is waited for by its descriptor.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mmfsm.clock import now_ms
from mmfsm.values import InstType
from runner.bitget.gateway import PLACE
from runner.diary import Diary
from runner.paper import PaperExchange, Request
from runner.paper.auth import sign
from runner.settings import Settings, setting_names, to_texts
from runner.state_folder import DIARY, state_folder
from tests.support.bot import settings_on

BOUND_S = 30.0
_NUMBERS = itertools.count()
ROOT = Path(__file__).resolve().parents[2]
PATIENT = {"BOOK_STALE_MS": "60000", "GUARDIAN": "1"}
"""A market set by hand says nothing for long, and these tests are about processes."""


def environment() -> dict[str, str]:
    """This process's environment without any setting of ours, and with this checkout first."""
    bare = {name: value for name, value in os.environ.items() if name not in setting_names()}
    return bare | {"PYTHONPATH": str(ROOT)}


class Process:
    """`python -m runner` against an exchange. `pid` names it; its log and its standard error are files."""

    def __init__(self, exchange: PaperExchange, settings: Settings, words: tuple[str, ...] = ()) -> None:
        self.exchange = exchange
        self.settings = settings
        self.words = words
        self.errors = Path(settings.log_path).with_suffix(".err")
        self.out = Path(settings.log_path).with_suffix(".out")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Process:
        with self.errors.open("ab") as errors, self.out.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runner", *self.words,
                env=environment() | to_texts(self.settings), cwd=self.errors.parent, stdout=out, stderr=errors,
            )  # fmt: skip
        return self

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def guardian(self) -> int:
        """The process id of its guardian: its only child."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        assert len(children) == 1, f"expected one child, got {children}: {self.story()}"
        return int(children[0])

    async def quoting(self) -> None:
        """Wait until both quotes rest."""
        await self.until_open(2)

    async def until_open(self, count: int, bound_s: float = BOUND_S) -> None:
        """Wait until so many orders are open on the exchange."""
        try:
            await self.exchange.until(lambda: len(self.exchange.account_view().open_orders) == count, bound_s)
        except TimeoutError:
            raise AssertionError(f"not {count} open orders\n{self.story()}") from None

    async def end(self, number: signal.Signals | None = None, bound_s: float = BOUND_S) -> int:
        """Send a signal, if one is given, wait for the end and return the exit status."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(bound_s):
            return await self.process.wait()

    def lines(self, event: str = "", **fields: Any) -> list[dict[str, Any]]:
        """Lines of its log: of an event, with these fields."""
        text = Path(self.settings.log_path).read_text(encoding="utf-8")
        told = [json.loads(line) for line in text.splitlines()]
        return [it for it in told if event in ("", it["event"]) and all(it[k] == v for k, v in fields.items())]

    def story(self) -> str:
        return self.out.read_text() + self.errors.read_text()[-3000:]

    async def clean_up(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running(exchange: PaperExchange, tmp_path: Path, *words: str, **overrides: str) -> AsyncIterator[Process]:
    """Run `python -m runner` in a process; what still runs at the end is killed, and its guardian waited for."""
    settings = settings_on(exchange, tmp_path / f"process-{next(_NUMBERS)}.jsonl", **(PATIENT | overrides))
    process = await Process(exchange, settings, words).start()
    guardians: list[int] = []
    try:
        yield process
    finally:
        with suppress(OSError, AssertionError):
            guardians.append(process.guardian())
        await process.clean_up()
        for pid in guardians:
            await gone(pid)


async def eventually(condition: Callable[[], object], bound_s: float = BOUND_S) -> None:
    """Wait for something in another process that no event tells of."""
    async with asyncio.timeout(bound_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def gone(pid: int, bound_s: float = BOUND_S) -> None:
    """Wait for the end of a process that is no child of ours."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(bound_s):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class Guarded:
    """A guardian whose runner is the test: it gets what a runner would write, and finds orders a runner left."""

    def __init__(self, exchange: PaperExchange, tmp_path: Path, **overrides: str) -> None:
        self.exchange = exchange
        self.settings = settings_on(exchange, tmp_path / "unused.jsonl", **(PATIENT | overrides))
        self.folder = state_folder(self.settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self, stderr: int = asyncio.subprocess.PIPE) -> Guarded:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner.guardian", env=environment(), stdin=asyncio.subprocess.PIPE,
            stderr=stderr, start_new_session=True,
        )  # fmt: skip
        told = {"settings": to_texts(self.settings), "folder": str(self.folder), "run": "run-1"}
        self.write(json.dumps(told))
        return self

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def die(self) -> None:
        """End its input, as the kernel does for a runner that is killed."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def ended(self, bound_s: float = BOUND_S) -> int:
        async with asyncio.timeout(bound_s):
            return await self.process.wait()

    async def said(self, word: str | None = None) -> str:
        """Read what it says on standard error up to the line with a word, or to its end. Returns what was read."""
        assert self.process.stderr is not None
        text = ""
        async with asyncio.timeout(BOUND_S):
            while line := await self.process.stderr.readline():
                text += line.decode()
                if word is not None and word in text:
                    return text
        assert word is None, f"it ended without {word}: {text}"
        return text

    def diary(self) -> list[dict[str, Any]]:
        """What it wrote down that nobody has read yet."""
        return Diary(self.folder / DIARY).news()

    def cancels(self) -> list[dict[str, Any]]:
        """Bodies of the cancels the exchange has seen."""
        return [it.body or {} for it in self.exchange.requests if "cancel" in it.path and it.method == "POST"]


@asynccontextmanager
async def guarded(
    exchange: PaperExchange, tmp_path: Path, stderr: int = asyncio.subprocess.PIPE, **overrides: str
) -> AsyncIterator[Guarded]:
    """Run a guardian; one that still runs at the end is killed."""
    it = await Guarded(exchange, tmp_path, **overrides).start(stderr)
    try:
        yield it
    finally:
        if it.process.returncode is None:
            it.process.kill()
            await it.process.wait()


def rest(exchange: PaperExchange, client_oid: str, inst: InstType = InstType.PERP) -> None:
    """Rest an order of the account's far from the market, as any program could have."""
    body = {
        "symbol": "ETHUSDT", "side": "buy", "orderType": "limit", "force": "gtc", "price": "3440", "size": "0.02",
        "clientOid": client_oid,
    }  # fmt: skip
    if inst is InstType.PERP:
        body |= {"productType": "USDT-FUTURES", "marginMode": "isolated", "marginCoin": "USDT"}
    text, key, stamp = json.dumps(body).encode(), exchange.credentials, str(now_ms())
    headers = {
        "access-key": key.api_key, "access-passphrase": key.passphrase, "access-timestamp": stamp,
        "access-sign": sign(key.secret, f"{stamp}POST{PLACE[inst]}".encode() + text),
    }  # fmt: skip
    answer = exchange.answer(Request("POST", PLACE[inst], headers, text))
    assert answer.status == 200, answer.body


def open_oids(exchange: PaperExchange) -> set[str]:
    """The clientOids of what is open."""
    return {order.client_oid for order in exchange.account_view().open_orders}
