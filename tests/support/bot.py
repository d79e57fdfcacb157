"""A bot trading on the stand-in exchange, in one loop, over real sockets, and a way to wait for what it says.

    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type="SPOT"))

Everything the bot says is read from its log file, as a person would. Nothing sleeps: a wait is woken by every line of
the log and by everything that reaches the exchange.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from mmfsm import Strategy
from mmfsm import actions as do
from mmfsm.clock import now_ms
from mmfsm.events import Halt, Resume
from runner.app import Runner
from runner.demo import PaperRun, settings_for
from runner.paper import PaperExchange, PaperOptions
from runner.paper.views import AccountView, OrderView
from runner.settings import Settings

BOUND_S = 30.0
"""How long a wait lasts before it fails: far above what anything takes, far below the suite's own bound."""

FAST = {
    "BASE_HALF_SPREAD_BPS": "4",
    "EDGE_FLOOR": "0",
    "BASIS_FILTER": "none",
    "FUNDING_HYSTERESIS": "0",
    "FUNDING_COOLDOWN_SEC": "0",
    "SETTLEMENT_PAUSE_SEC": "0",
    "INVENTORY_SKEW_BPS": "0",
    "FUNDING_SKEW_BPS": "0",
    "K_OBI": "0",
    "REPLACE_THRESHOLD_BPS": "1",
    "QUOTE_SIZE": "0.02",
    "COOLDOWN_MS": "20",
    "REQUOTE_MIN_MS": "0",
    "TICK_SEC": "0.2",
    "PERP_TIF": "both",
    "WS_BACKOFF_MIN_MS": "10",
    "WS_BACKOFF_MAX_MS": "50",
    "LOG_LEVEL": "ERROR",
    "GUARDIAN": "0",
}
"""Settings under which everything a test waits for comes within milliseconds, in this one process."""

Line = dict[str, Any]
_NUMBERS = itertools.count()


class Bot:
    """One run against one exchange. `lines` is its log so far, each line a dict."""

    def __init__(self, exchange: PaperExchange, settings: Settings, strategy: Strategy | None = None) -> None:
        self.exchange = exchange
        self.settings = settings
        self.lines: list[Line] = []
        self.told: list[do.Record] = []
        self._news = asyncio.Event()
        self._read_to = 0
        self.runner = Runner(settings, strategy=strategy, on_record=self._on_record)
        self._run = asyncio.create_task(self.runner.run(signals=False))

    def _on_record(self, record: do.Record) -> None:
        self.told.append(record)
        self.read_log()
        self._news.set()

    def read_log(self) -> list[Line]:
        """Read what the log file has gained, and return all of it."""
        with Path(self.settings.log_path).open(encoding="utf-8") as file:
            file.seek(self._read_to)
            text = file.read()
            self._read_to = file.tell()
        self.lines += [json.loads(line) for line in text.splitlines()]
        return self.lines

    # --- what it said -------------------------------------------------------------------------------------------------

    def find(self, event: str, where: Callable[[Line], bool] | None = None, **fields: Any) -> list[Line]:
        """Lines of an event whose fields are these, in order; a name with `data_` before it is looked up in `data`."""

        def fits(line: Line) -> bool:
            for name, value in fields.items():
                key = name.removeprefix("data_")
                holder = (line["data"] or {}) if name != key else line
                if holder.get(key) != value:
                    return False
            return where is None or where(line)

        return [line for line in self.lines if line["event"] == event and fits(line)]

    @property
    def mode(self) -> str:
        return self.runner.desk.state.mode.state

    @property
    def halts(self) -> dict[str, bool]:
        """Why it is halted: reason → latched."""
        return self.runner.desk.state.mode.reasons

    # --- what the exchange knows --------------------------------------------------------------------------------------

    @property
    def truth(self) -> AccountView:
        return self.exchange.account_view()

    @property
    def open_orders(self) -> tuple[OrderView, ...]:
        return self.truth.open_orders

    def quote(self, side: str) -> OrderView | None:
        """The bid ("buy") or ask ("sell") of ours that rests."""
        return next((order for order in self.open_orders if order.product == "perp" and order.side == side), None)

    def requests(self, path: str, method: str = "POST") -> list[dict[str, Any]]:
        """Bodies of the requests whose path contains `path`, oldest first."""
        return [
            it.body or {} for it in self.exchange.requests if it.method == method and path in it.path
        ]  # fmt: skip

    @property
    def posts(self) -> list[str]:
        """Paths of everything that asked the exchange to change something."""
        return [it.path for it in self.exchange.requests if it.method == "POST"]

    # --- what happens to it -------------------------------------------------------------------------------------------

    def fill_bid(self, qty: str | None = None) -> None:
        """Somebody sells into our bid: all of it, or `qty` of it."""
        self._fill("buy", qty)

    def fill_ask(self, qty: str | None = None) -> None:
        """Somebody buys from our ask: all of it, or `qty` of it."""
        self._fill("sell", qty)

    def _fill(self, side: str, qty: str | None) -> None:
        order = self.quote(side)
        assert order is not None and order.price is not None, f"no {side} quote rests"
        taker = "sell" if side == "buy" else "buy"
        through = Decimal(0) if qty else Decimal("-0.01") if side == "buy" else Decimal("0.01")
        self.exchange.market.trade("perp", order.price + through, qty or order.size, taker)  # type: ignore[arg-type]

    def halt(self) -> None:
        """A person wants no new risk."""
        self.runner.handle(Halt(now_ms()))

    def resume(self) -> None:
        """A person has looked."""
        self.runner.handle(Resume(now_ms()))

    # --- waiting ------------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], bound_s: float = BOUND_S) -> None:
        """Wait until a condition holds; looked at after every line of the log and everything the exchange sees.

        Raises:
            AssertionError: It did not in time, or the run ended before it did.
        """
        seen = asyncio.create_task(self.exchange.until(lambda: bool(condition()), bound_s))
        told = asyncio.create_task(self._told(condition))
        try:
            done, _ = await asyncio.wait((seen, told, self._run), return_when=asyncio.FIRST_COMPLETED)
            for task in done & {seen, told}:
                if not isinstance(task.exception(), TimeoutError):
                    task.result()
                    return
        finally:
            seen.cancel()
            told.cancel()
            await asyncio.gather(seen, told, return_exceptions=True)
        assert condition(), self._story(f"within {bound_s} s")

    async def _told(self, condition: Callable[[], object]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    def _story(self, what: str) -> str:
        ended = f"ended: {self.runner.exit_reason!r}, status {self.runner.exit_status}" if self._run.done() else "runs"
        last = [
            f"{line['ts']} {line['mode']} {line['event']} {line['leg']} {line['reason']} {line['data']} {line['res']}"
            for line in self.lines[-15:]
        ]
        return "\n".join([f"not {what}; the bot {ended}; mode {self.mode}, halts {self.halts}; its last lines:", *last])

    async def ready(self) -> None:
        """Wait for the end of the start-up checks."""
        await self.until(lambda: self.find("session", data_to="READY"))

    async def quoting(self) -> None:
        """Wait until both quotes rest on the exchange, acknowledged."""
        await self.until(lambda: self.mode == "QUOTING" and self.quote("buy") and self.quote("sell") and self._acked())

    def _acked(self) -> bool:
        return all(order.state == "LIVE" for order in self.runner.desk.state.orders.open.values())

    async def hedged(self, count: int = 1) -> None:
        """Wait until this many tickets are done."""
        await self.until(lambda: len(self.find("ticket", data_status="DONE")) >= count)

    async def ticked(self, times: int = 1) -> None:
        """Wait for so many more ticks: everything said before is then in the ticks' own figures."""
        before = len(self.find("tick"))
        await self.until(lambda: len(self.find("tick")) >= before + times)

    async def ended(self, bound_s: float = BOUND_S) -> int:
        """Wait for the end of the run and return its exit status."""
        async with asyncio.timeout(bound_s):
            status = await asyncio.shield(self._run)
        self.read_log()
        return status

    async def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        self.runner.stop("test")
        return await self.ended()

    async def kill(self) -> None:
        """End the run without asking it."""
        if not self._run.done():
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)


def settings_on(exchange: PaperExchange, log_path: Path, **overrides: str) -> Settings:
    """Settings that reach the exchange with its key, and everything fast; anything can be overridden.

    The journal is kept beside the log: a second run of a test takes up what the first one knew.
    """
    run = PaperRun(log_path=str(log_path), state_dir=str(log_path.parent / "state"), overrides=FAST | overrides)
    return settings_for(run, exchange)


def touch(exchange: PaperExchange, perp: str = "3500.00", spot: str = "3500.00", qty: str = "50") -> None:
    """Show a book on both legs, a tick wide, from these best bids."""
    for product, bid in (("perp", perp), ("spot", spot)):
        exchange.market.set_touch(product, bid, Decimal(bid) + Decimal("0.1"), qty)  # type: ignore[arg-type]


def nowhere_to_sign(**more: str) -> dict[str, str]:
    """Overrides of a dry run without a key."""
    return {"DRY_RUN": "1", "BITGET_API_KEY": "", "BITGET_API_SECRET": "", "BITGET_API_PASSPHRASE": ""} | more


@asynccontextmanager
async def exchange_with(book: bool = True, **options: Any) -> AsyncIterator[PaperExchange]:
    """Run an exchange whose market is set by hand, our orders first in their queues."""
    told = {"market": "scripted", "queue_ahead": Decimal(0)} | options
    async with PaperExchange(PaperOptions(**told)) as exchange:
        if book:
            touch(exchange)
        yield exchange


@asynccontextmanager
async def bot_on(
    exchange: PaperExchange, tmp_path: Path, strategy: Strategy | None = None, **overrides: str
) -> AsyncIterator[Bot]:
    """Run a bot on an exchange. One that still runs at the end is stopped, and must end clean."""
    bot = Bot(exchange, settings_on(exchange, tmp_path / f"bot-{next(_NUMBERS)}.jsonl", **overrides), strategy)
    try:
        yield bot
        if bot.runner.exit_status is None:
            assert await bot.stop() == 0, bot.runner.exit_reason
            assert bot.open_orders == (), "orders of ours are left on the exchange"
    finally:
        await bot.kill()


@asynccontextmanager
async def trading(
    tmp_path: Path,
    options: dict[str, Any] | None = None,
    before: Callable[[PaperExchange], None] | None = None,
    strategy: Strategy | None = None,
    **overrides: str,
) -> AsyncIterator[Bot]:
    """Run an exchange and a bot on it.

    Args:
        tmp_path: where the log goes.
        options: of the exchange.
        before: called with the exchange before the bot starts.
        strategy: who plans the quotes.
        overrides: settings, by their names in capitals.
    """
    async with exchange_with(**(options or {})) as exchange:
        if before is not None:
            before(exchange)
        async with bot_on(exchange, tmp_path, strategy, **overrides) as bot:
            yield bot
