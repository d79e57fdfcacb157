"""One look at every symbol: whole lists first, books of the best candidates only, then a ranking.

Five requests tell the touch, the turnover, the rules and the funding of all symbols; that is enough to rank them
roughly, as if the best prices held any size. The two books of a symbol are then read for twice as many candidates as
are shown, at a pace that leaves room for others at this address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from typing import TypeVar

import attrs

from mmfsm.clock import now_ms
from mmfsm.fees import Fees, resolve
from mmfsm.guards import funding_off
from mmfsm.params import Params
from mmfsm.values import Constraints, Funding, InstrumentRules, InstType, Level, Side
from runner.bitget.market import Market, Unread
from runner.bitget.wire_lists import Book, Listed, Ticker
from runner.scan.worth import SideWorth, funding_bps, side_worth

T = TypeVar("T")
PERP, SPOT = InstType.PERP, InstType.SPOT
CANDIDATES = 2
"""Books are read for this many times the rows that are shown: the rough ranking does not know how deep they are."""

AT_ONCE = 4
ANY_SIZE = Decimal("Infinity")

NO_LEG = {PERP: "no perp contract of that name", SPOT: "no spot pair of that name"}
LOW_TURNOVER = "turnover below the least"


@attrs.frozen(kw_only=True)
class Wanted:
    """What is asked for: how many rows, which symbols (none named: all), and the least turnover of either leg, in 24 h
    and quote coin."""

    top: int = 15
    symbols: tuple[str, ...] = ()
    min_turnover: Decimal = Decimal(0)


@attrs.frozen
class Row:
    """One symbol. `sides` is empty where a book is missing; `missing` says what could not be read, and why."""

    symbol: str
    rules: Constraints
    fees: Fees
    funding: Funding
    turnover_perp: Decimal
    turnover_spot: Decimal
    sides: tuple[SideWorth, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def best(self) -> SideWorth | None:
        """The side with the largest total; None where neither has one."""
        known = [side for side in self.sides if side.total_bps is not None]
        return max(known, key=_total, default=None)


@attrs.frozen
class Scanned:
    """What one look found: rows, best first, what was left out and why, and what it took."""

    at_ms: int
    took_ms: int
    rows: tuple[Row, ...]
    left_out: dict[str, str]
    symbols: int
    requests: dict[str, int]
    missing: tuple[str, ...]


@attrs.frozen
class _Lists:
    """The lists of one look; `missing` says what of them did not come."""

    tickers: dict[InstType, Listed[Ticker]]
    rules: dict[InstType, Listed[InstrumentRules]]
    fundings: Listed[Funding]
    missing: tuple[str, ...]

    def why_not(self, symbol: str) -> str:
        """Say why a symbol cannot be valued, or nothing."""
        for inst, absent in NO_LEG.items():
            for listed, what in ((self.rules[inst], "rules"), (self.tickers[inst], "ticker")):
                if symbol in listed.unread:
                    return f"unusable {inst} {what}: {listed.unread[symbol]}"
                if symbol not in listed.found:
                    return absent if what == "rules" else f"no {inst} ticker"
        return ""


class Scan:
    """Looks at the market as often as it is told to. Rules and fees are kept as long as a run keeps them."""

    def __init__(self, market: Market, params: Params, wanted: Wanted) -> None:
        self._market = market
        self._params = params
        self._wanted = wanted
        self._rules: dict[InstType, Listed[InstrumentRules]] = {}
        self._rules_until_ms = 0
        self._fees: dict[str, tuple[int, Fees, str]] = {}

    async def look(self) -> Scanned:
        """Read the market and rank it.

        Raises:
            Unread: a list without which nothing can be valued did not come.
        """
        begun, before = now_ms(), dict(self._market.requests)
        lists = await self._lists()
        rough, left_out = self._rough(lists)
        count = len(rough) if self._wanted.symbols else self._wanted.top * CANDIDATES
        gate = asyncio.Semaphore(AT_ONCE)
        rows = await asyncio.gather(*(self._row(row, gate) for row in rough[:count]))
        asked = {path: n - before.get(path, 0) for path, n in sorted(self._market.requests.items())}
        return Scanned(
            at_ms=begun,
            took_ms=now_ms() - begun,
            rows=tuple(_ranked(rows)[: self._wanted.top]),
            left_out=left_out,
            symbols=len(rough),
            requests={path: n for path, n in asked.items() if n},
            missing=lists.missing,
        )

    async def _lists(self) -> _Lists:
        market, now = self._market, now_ms()
        if now >= self._rules_until_ms:
            perp, spot = await asyncio.gather(market.rules(PERP), market.rules(SPOT))
            self._rules = {PERP: perp, SPOT: spot}
            self._rules_until_ms = now + self._params.constraints_poll_sec * 1000
        perp_tickers, spot_tickers, told = await asyncio.gather(
            market.tickers(PERP), market.tickers(SPOT), _tried(market.fundings())
        )
        missing = (f"next settlements: {told}",) if isinstance(told, Unread) else ()
        fundings = Listed[Funding]({}, {}) if isinstance(told, Unread) else told
        return _Lists({PERP: perp_tickers, SPOT: spot_tickers}, self._rules, fundings, missing)

    def _rough(self, lists: _Lists) -> tuple[list[Row], dict[str, str]]:
        """Value every symbol by its best prices, and say which are left out, and why. Best first."""
        rows, left_out = [], {}
        perps = lists.rules[PERP]
        for symbol in self._wanted.symbols or sorted({*perps.found, *perps.unread}):
            why = lists.why_not(symbol)
            perp, spot = (lists.tickers[inst].found.get(symbol) for inst in (PERP, SPOT))
            if why or perp is None or spot is None:
                left_out[symbol] = why
            elif min(perp.turnover, spot.turnover) < self._wanted.min_turnover:
                left_out[symbol] = LOW_TURNOVER
            else:
                rows.append(self._by_touch(symbol, lists, perp, spot))
        return _ranked(rows), left_out

    def _by_touch(self, symbol: str, lists: _Lists, perp: Ticker, spot: Ticker) -> Row:
        rules = Constraints(lists.rules[PERP].found[symbol], lists.rules[SPOT].found[symbol])
        funding, missing = _funding_of(symbol, lists, perp)
        fees = resolve(self._params, rules, None, None)
        row = Row(symbol, rules, fees, funding, perp.turnover, spot.turnover, (), (), missing)
        return self._valued(row, _touch_alone(perp), _touch_alone(spot))

    async def _row(self, row: Row, gate: asyncio.Semaphore) -> Row:
        """Value a candidate by its books and by what the account is charged."""
        async with gate:
            fees, why = await self._fees_of(row)
            row = attrs.evolve(row, fees=fees, missing=row.missing + ((why,) if why else ()))
            perp, spot = await asyncio.gather(
                _tried(self._market.book(PERP, row.symbol)), _tried(self._market.book(SPOT, row.symbol))
            )
        if isinstance(perp, Book) and isinstance(spot, Book):
            return self._valued(row, perp, spot)
        lost = [f"{inst} book: {book}" for inst, book in ((PERP, perp), (SPOT, spot)) if isinstance(book, Unread)]
        return attrs.evolve(row, sides=(), notes=(), missing=(*row.missing, *lost))

    async def _fees_of(self, row: Row) -> tuple[Fees, str]:
        kept = self._fees.get(row.symbol)
        if not self._market.has_keys:
            return row.fees, ""
        if kept is None or now_ms() >= kept[0]:
            told = await self._market.fees(row.symbol)
            fees = resolve(self._params, row.rules, told.perp, told.spot)
            why = f"account fees: {told.why}" if told.why else ""
            kept = (now_ms() + self._params.fees_poll_sec * 1000, fees, why)
            self._fees[row.symbol] = kept
        return kept[1], kept[2]

    def _valued(self, row: Row, perp: Book, spot: Book) -> Row:
        p, at_ms = self._params, self._market.exch_now_ms
        try:
            sides = tuple(
                side_worth(side, p, row.rules, row.fees, perp, spot, funding_bps(row.funding, side, p, at_ms))
                for side in (Side.BUY, Side.SELL)
            )
        except ArithmeticError as error:  # a price and a grid so far apart that no decimal holds both
            why = f"figures that cannot be reckoned with: {type(error).__name__}"
            return attrs.evolve(row, sides=(), notes=(), missing=tuple(dict.fromkeys((*row.missing, why))))
        notes = [off] if (off := funding_off(row.funding, p)) else []
        if p.max_position < max(side.smallest for side in sides):
            notes.append("max_position_below_min")
        return attrs.evolve(row, sides=sides, notes=tuple(notes))


async def _tried(reading: Awaitable[T]) -> T | Unread:
    """What was read, or why it was not: one symbol's trouble is no reason to end."""
    try:
        return await reading
    except Unread as error:
        return error


def _touch_alone(ticker: Ticker) -> Book:
    return Book((Level(ticker.bid, ANY_SIZE),), (Level(ticker.ask, ANY_SIZE),))


def _funding_of(symbol: str, lists: _Lists, ticker: Ticker) -> tuple[Funding, tuple[str, ...]]:
    """The rate with its next settlement; the ticker's rate alone where the list did not tell it."""
    told = lists.fundings.found.get(symbol)
    if told is not None:
        return told, ()
    if symbol in lists.fundings.unread:
        missing = (f"next settlement: {lists.fundings.unread[symbol]}",)
    else:
        missing = ("next settlement: none is told",)
    if ticker.funding_rate is None:
        return Funding(Decimal(0)), (*missing, "funding: the ticker tells none, counted as 0")
    return Funding(ticker.funding_rate), missing


def _total(side: SideWorth) -> Decimal:
    assert side.total_bps is not None
    return side.total_bps


def _ranked(rows: list[Row]) -> list[Row]:
    """Best side's total first; what has none comes last; by name where equal."""

    def key(row: Row) -> tuple[bool, Decimal, str]:
        best = row.best
        return best is None, Decimal(0) if best is None else -_total(best), row.symbol

    return sorted(rows, key=key)
