"""Fills over sockets, and how long each bot takes to hedge one: the stand-in exchange here, the wire and every bot a
process of its own.

    async with Stand(("runner", "aiohttp")) as stand:
        waits = await stand.fills(100)       # bot → milliseconds from its fill's push to its hedge's first byte

The bots share one exchange, each with an account of its own, and take turns fill by fill: what else the machine does
falls on all alike. Both books move twenty times a second and are pushed at the exchange's own pace. The bots have one
core and the rest has another, where there are two: else a bot that goes on working after its request would keep the
wire from taking its time.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import attrs

from runner.paper import Account, Credentials, PaperExchange, PaperOptions, Request
from runner.paper.auth import sign
from runner.paper.clock import now_ms
from runner.paper.matching import Match
from runner.settings import from_texts, setting_names, to_texts
from tests.support.bot import FAST

ROOT = Path(__file__).resolve().parents[2]
OURS = "runner"
PLACE_PERP = "/api/v2/mix/order/place-order"
SIZE, TICK, TOUCH = Decimal("0.01"), Decimal("0.01"), Decimal(3500)
MOVE_S, SWAY, SWAY_S = 0.05, 1.2, 7.0  # the mid sways by three basis points: now and then a quote is replaced
LEAD_S = (0.03, 0.06)
SETTLE_S = 2.0  # what starts with a bot (its guardian's imports) is over by then
BOUND_S, END_S = 20.0, 10.0

QUIET = FAST | {
    "BASE_HALF_SPREAD_BPS": "4",
    "REPLACE_THRESHOLD_BPS": "2",
    "QUOTE_SIZE": str(SIZE),
    "MAX_POSITION": "0.05",
    "TICK_SEC": "1",
    "COOLDOWN_MS": "0",
    "REQUOTE_MIN_MS": "100",
    "GUARDIAN": "1",
    "LOG_LEVEL": "INFO",
    "WS_BACKOFF_MIN_MS": "500",
    "WS_BACKOFF_MAX_MS": "10000",
    "DRY_RUN": "0",
}
"""The runner as it trades live, journal, log and guardian included, on a market that fills it often."""

STORM = {"REQUOTE_MIN_MS": "0", "REPLACE_THRESHOLD_BPS": "0", "BACKOFF_MS": "1", "LOG_ROTATE_MB": "1"}
"""Every book moves both quotes, as often as the exchange takes requests; the log begins a new file every megabyte."""


@attrs.define
class Bot:
    """A bot at its seat, and where its account's quotes come from."""

    name: str
    account: str
    key: Credentials
    settings: dict[str, str] | None = None
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    began_s: float = 0.0

    @property
    def is_ours(self) -> bool:
        return self.settings is not None


@attrs.define
class Tls:
    """A certificate of this machine's own, that the bots are told to trust."""

    cert: Path
    key: Path

    @classmethod
    def made(cls, folder: Path) -> Tls:
        cert, key = folder / "cert.pem", folder / "key.pem"
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
        more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
        subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)
        return cls(cert, key)


class Stand:
    """The exchange, the wire and the bots.

    Args:
        bots: their names: `runner`, or those of `contenders`; a name may carry a number ("runner 2").
        settings: overrides for each runner, by its name.
        tls: the bots speak TLS.
        idle_s: the wire closes connections that asked nothing for so long.
    """

    command: tuple[str, ...] = ("-m", "runner")

    def __init__(
        self,
        bots: Iterable[str],
        settings: dict[str, dict[str, str]] | None = None,
        *,
        tls: bool = False,
        idle_s: float | None = None,
    ) -> None:
        self._tls, self._idle_s = tls, idle_s
        told = settings or {}
        self.bots = []
        accounts = []
        for number, name in enumerate(bots):
            account = Account.named(f"seat-{number}", spot_eth=Decimal(5), spot_usdt=Decimal(50_000))
            accounts.append(account)
            mine = QUIET | told.get(name, {}) if name.startswith(OURS) else None
            self.bots.append(Bot(name, account.name, account.credentials, mine))
        options = {"market": "scripted", "queue_ahead": Decimal(0), "show_own_orders": False}
        self._cores = sorted(os.sched_getaffinity(0))
        self.exchange = PaperExchange(PaperOptions(accounts=tuple(accounts), rate_limits=False, **options))  # type: ignore[arg-type]
        self._stack = AsyncExitStack()
        self._relay: asyncio.subprocess.Process | None = None
        self._numbers = itertools.count(1)
        self._rng = random.Random(1)
        self.bid = TOUCH

    # --- life ---------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Stand:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        stack = self._stack
        os.sched_setaffinity(0, self._cores[1:] or self._cores)
        stack.callback(os.sched_setaffinity, 0, self._cores)
        self.folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="mmfsm-bench-", ignore_cleanup_errors=True))
        )
        await stack.enter_async_context(self.exchange)
        self._touch(0.0)
        tls = Tls.made(self.folder) if self._tls else None
        await self._start_relay(tls)
        moving = asyncio.create_task(self._move())
        stack.callback(moving.cancel)
        for number, bot in enumerate(self.bots):
            await self._start(bot, tls)
            stack.push_async_callback(_end, bot)
            wanted = number + 1
            try:
                await self.exchange.until(lambda n=wanted: self.exchange.listeners("perp", "fill") >= n, BOUND_S)  # type: ignore[misc]
            except TimeoutError:
                raise RuntimeError(f"{bot.name} does not listen:\n{self.story(bot)}") from None
        await asyncio.sleep(SETTLE_S)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start_relay(self, tls: Tls | None) -> None:
        words = [
            sys.executable,
            "-m",
            "tests.bench.relay",
            self.exchange.rest_url.rsplit(":", 1)[1],
            str(len(self.bots)),
        ]
        words += ["--tls", str(tls.cert), str(tls.key)] if tls else []
        words += ["--idle-s", str(self._idle_s)] if self._idle_s else []
        pipe = asyncio.subprocess.PIPE
        relay = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 24)
        self._relay = relay
        assert relay.stdout is not None and relay.stdin is not None
        self._stack.push_async_callback(relay.wait)
        self._stack.callback(relay.stdin.close)
        for bot, port in zip(self.bots, json.loads(await relay.stdout.readline()), strict=True):
            bot.port = port

    async def _start(self, bot: Bot, tls: Tls | None) -> None:
        rest = f"http{'s' if tls else ''}://127.0.0.1:{bot.port}"
        key = bot.key
        env = {name: value for name, value in os.environ.items() if name not in setting_names()}
        env |= {"PYTHONPATH": str(ROOT)} | ({"SSL_CERT_FILE": str(tls.cert)} if tls else {})
        if bot.settings is None:
            name = bot.name.split()[0]
            words = ["-m", "tests.bench.contenders", name, rest, key.api_key, key.secret, key.passphrase]
        else:
            words, env = list(self.command), env | self._texts(bot, rest)
        with (self.folder / f"{bot.account}.err").open("wb") as errors:
            bot.began_s = time.time()
            bot.process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, env=env, stderr=errors)
        os.sched_setaffinity(bot.process.pid, self._cores[:1])

    def _texts(self, bot: Bot, rest: str) -> dict[str, str]:
        assert bot.settings is not None
        ws, key = rest.replace("http", "ws", 1) + "/v2/ws/", bot.key
        texts = bot.settings | {
            "BITGET_REST_URL": rest, "BITGET_WS_PUBLIC_URL": ws + "public", "BITGET_WS_PRIVATE_URL": ws + "private",
            "BITGET_API_KEY": key.api_key, "BITGET_API_SECRET": key.secret, "BITGET_API_PASSPHRASE": key.passphrase,
            "LOG_PATH": str(self.log_of(bot)), "STATE_DIR": str(self.folder / f"{bot.account}.state"),
        }  # fmt: skip
        return to_texts(from_texts(texts))

    def log_of(self, bot: Bot) -> Path:
        """Where a runner's log is."""
        return self.folder / f"{bot.account}.jsonl"

    def story(self, bot: Bot) -> str:
        """The end of what a bot said on standard error."""
        return (self.folder / f"{bot.account}.err").read_text(errors="replace")[-3000:]

    # --- the market ---------------------------------------------------------------------------------------------------

    async def _move(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._touch(SWAY * math.sin(loop.time() * 2 * math.pi / SWAY_S))
            await asyncio.sleep(MOVE_S)

    def _touch(self, away: float) -> None:
        self.bid = TOUCH + Decimal(round(away * 10)) / 10
        for product in ("perp", "spot"):
            self.exchange.market.set_touch(product, self.bid, self.bid + Decimal("0.1"), 50)  # type: ignore[arg-type]

    # --- fills --------------------------------------------------------------------------------------------------------

    async def fills(self, count: int, pause_s: float = 0.0) -> dict[str, list[float]]:
        """Fill each bot `count` times, in turn, with `pause_s` of nothing before each. Returns waits in ms by bot."""
        await self._taken()
        for _ in range(count):
            for bot in self.bots:
                await self._fill(bot, pause_s + self._rng.uniform(*LEAD_S))
        waits: dict[str, list[float]] = {bot.name: [] for bot in self.bots}
        filled: dict[int, int] = {}
        for seat, what, at_ns in await self._taken():
            if what == "fill":
                filled.setdefault(seat, at_ns)
            elif seat in filled:
                waits[self.bots[seat].name].append((at_ns - filled.pop(seat)) / 1e6)
        return waits

    async def _taken(self) -> list[tuple[int, str, int]]:
        relay = self._relay
        assert relay is not None and relay.stdin is not None and relay.stdout is not None
        relay.stdin.write(b"\n")
        told: list[tuple[int, str, int]] = json.loads(await relay.stdout.readline())
        return told

    async def _fill(self, bot: Bot, lead_s: float) -> None:
        """Let somebody take one of the bot's quotes, and wait until spot has filled its hedge.

        `lead_s`: what passes before it, so that nothing else is under way, whatever the books' own beat."""
        hedged = self._fills(bot) + 2
        side = self._side(bot)
        if bot.is_ours:
            await self._quote(bot, side)
        await asyncio.sleep(lead_s)
        if bot.is_ours:
            await self._quote(bot, side)
        else:
            self._rest(bot, side, self.bid + TICK * (5 if side == "buy" else 6))
        self._take(bot, side)
        try:
            await self.exchange.until(lambda: self._fills(bot) >= hedged, BOUND_S)
        except TimeoutError:
            raise RuntimeError(f"{bot.name} does not hedge:\n{self.story(bot)}") from None

    def _side(self, bot: Bot) -> str:
        """The side that leads back to nothing."""
        return "sell" if self.exchange.account_view(bot.account).position > 0 else "buy"

    def _take(self, bot: Bot, side: str) -> None:
        """Let somebody take all of one bot's order and of nobody else's, as no trade at a price could."""
        account, at_ms = self.exchange.venue.accounts[bot.account], now_ms()
        order = next(it for it in account.store.open.values() if it.product == "perp" and it.direction == side)
        assert order.request.price is not None, "a quote has one"
        account.floor.run([Match(order, order.request.price, order.left, is_maker=True)], at_ms)
        account.floor.settle(at_ms)
        self.exchange.fan_out()

    def _fills(self, bot: Bot) -> int:
        return len(self.exchange.venue.accounts[bot.account].store.fills)

    async def _quote(self, bot: Bot, side: str) -> None:
        """Wait until that quote of a runner rests."""
        opened = self.exchange.venue.accounts[bot.account].store.open
        try:
            await self.exchange.until(
                lambda: any(it.product == "perp" and it.direction == side for it in opened.values()), BOUND_S
            )
        except TimeoutError:
            raise RuntimeError(f"{bot.name} does not quote:\n{self.story(bot)}") from None

    def _rest(self, bot: Bot, side: str, price: Decimal) -> None:
        body = {
            "symbol": "ETHUSDT", "productType": "USDT-FUTURES", "marginMode": "isolated", "marginCoin": "USDT",
            "side": side, "orderType": "limit", "force": "post_only", "price": str(price), "size": str(SIZE),
            "clientOid": f"{bot.account}-{next(self._numbers)}",
        }  # fmt: skip
        text, at = json.dumps(body).encode(), str(now_ms())
        headers = {
            "access-key": bot.key.api_key, "access-passphrase": bot.key.passphrase, "access-timestamp": at,
            "access-sign": sign(bot.key.secret, f"{at}POST{PLACE_PERP}".encode() + text),
        }  # fmt: skip
        answer = self.exchange.answer(Request("POST", PLACE_PERP, headers, text))
        assert answer.status == 200, answer.body


async def _end(bot: Bot) -> None:
    process = bot.process
    assert process is not None
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
