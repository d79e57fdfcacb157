"""What is read of the market: the rules, prices, funding and books of any symbol, and what the account is charged.

With `gateway.py` the only file with Bitget's paths. Everything here is a GET: nothing can be placed or changed by it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import attrs

from mmfsm.clock import now_ms
from mmfsm.errors import MmfsmError
from mmfsm.events import FeesRead
from mmfsm.values import FeeRate, Funding, InstrumentRules, InstType
from runner.bitget import wire, wire_lists, wire_market
from runner.bitget.members import WireError
from runner.bitget.rest import Reply, Rest
from runner.bitget.wire_lists import Book, Listed, Ticker
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
TIME = "/api/v2/public/time"
RULES = {PERP: "/api/v2/mix/market/contracts", SPOT: "/api/v2/spot/public/symbols"}
TICKERS = {PERP: "/api/v2/mix/market/tickers", SPOT: "/api/v2/spot/market/tickers"}
BOOK = {PERP: "/api/v2/mix/market/merge-depth", SPOT: "/api/v2/spot/market/orderbook"}
FUNDING = "/api/v2/mix/market/current-fund-rate"
TRADE_RATE = "/api/v2/common/trade-rate"

T = TypeVar("T")


class Unread(MmfsmError):
    """A reading failed; the words say which and why."""


async def trade_rates(rest: Rest, terms: wire.Terms) -> FeesRead:
    """What the account is charged on each leg of a symbol; what cannot be read is None, and `why` says why."""
    if not rest.has_keys:
        return FeesRead(now_ms(), None, None, "no API key")
    (perp, no_perp), (spot, no_spot) = await asyncio.gather(
        _trade_rate(rest, PERP, terms), _trade_rate(rest, SPOT, terms)
    )
    return FeesRead(now_ms(), perp, spot, no_perp or no_spot)


async def _trade_rate(rest: Rest, inst: InstType, terms: wire.Terms) -> tuple[FeeRate | None, str | None]:
    reply = await rest.read(TRADE_RATE, wire.trade_rate_params(inst, terms))
    try:
        return (wire_market.read_trade_rate(reply.data), None) if reply.ok else (None, f"{reply.code} {reply.msg}")
    except WireError as error:
        return None, str(error)


class Market:
    """Every symbol's market, read at the pace Bitget allows. `requests` counts what was asked, by path.

    Public reads count against the address, so they are paced here: a run of the bot beside it reads little in public.
    """

    def __init__(self, settings: Settings) -> None:
        # Nothing here posts; with a dry run's settings nothing could.
        self._rest = Rest(attrs.evolve(settings, dry_run=True), _no_task_fails, TIME)
        self._terms = wire.Terms.of(settings)
        self.has_keys = settings.has_keys
        self.requests: Counter[str] = Counter()

    async def open(self) -> None:
        await self._rest.open(hedges=False)

    async def close(self) -> None:
        await self._rest.close()

    @property
    def exch_now_ms(self) -> int:
        """Bitget's clock, as far as its answers told it."""
        return now_ms() + self._rest.ahead_ms

    async def tickers(self, inst: InstType) -> Listed[Ticker]:
        """All symbols of a leg, in one request. Raises `Unread`, as all below."""
        return await self._list(TICKERS[inst], inst, wire_lists.read_tickers)

    async def rules(self, inst: InstType) -> Listed[InstrumentRules]:
        """All symbols of a leg, in one request."""
        return await self._list(RULES[inst], inst, lambda data: wire_lists.read_rules(inst, data))

    async def fundings(self) -> Listed[Funding]:
        """All perps, in one request."""
        return await self._list(FUNDING, PERP, wire_lists.read_fundings)

    async def book(self, inst: InstType, symbol: str) -> Book:
        """One leg's book of one symbol."""
        return await self._read(BOOK[inst], wire_lists.book_params(inst, symbol), wire_lists.read_book)

    async def fees(self, symbol: str) -> FeesRead:
        """What the account is charged for a symbol: two signed requests with a key, none without."""
        if self.has_keys:
            self.requests[TRADE_RATE] += 2
        return await trade_rates(self._rest, attrs.evolve(self._terms, symbol=symbol))

    async def _list(self, path: str, inst: InstType, read: Callable[[object], Listed[T]]) -> Listed[T]:
        return await self._read(path, wire_lists.list_params(inst), read)

    async def _read(self, path: str, params: dict[str, str], read: Callable[[object], T]) -> T:
        await self._rest.budget.take(path)
        self.requests[path] += 1
        reply: Reply = await self._rest.public(path, params)
        name = path.rsplit("/", 1)[-1]
        if not reply.ok:
            raise Unread(f"{name}: {reply.code or reply.outcome.value} {reply.msg}")
        try:
            return read(reply.data)
        except WireError as error:
            raise Unread(f"{name}: {error}") from None


def _no_task_fails(name: str, error: BaseException | None) -> None:
    raise AssertionError(f"{name}: no task is started without the hedges' connection ({error})")
