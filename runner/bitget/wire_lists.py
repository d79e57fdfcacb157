"""Bitget's lists of all symbols at once, and REST books, read into mmfsm's values.

One row that cannot be read is its symbol's affair: it is told beside the others, with what is wrong with it.
Pages of Bitget's V2 documents: Get All Symbol Ticker and Get Ticker Information (spot), Get Contract Config, Get Symbol
Info, Get Current Funding Rate, Get Merge Depth, Get OrderBook Depth. Field names as ccxt's recorded answers have them.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from mmfsm.values import ZERO, Funding, InstrumentRules, InstType, Level
from runner.bitget.members import Row, WireError, as_row, as_rows, optional_number, positive, text
from runner.bitget.wire_market import read_funding, read_levels, read_perp_rules, read_spot_rules

T = TypeVar("T")

BOOK_LEVELS = 50
"""Levels asked for on each side; a futures book comes with 1, 5, 15, 50 or 100 of them."""


class Listed(NamedTuple, Generic[T]):
    """What a list said: a value by symbol, and what is wrong with those symbols whose row cannot be read."""

    found: dict[str, T]
    unread: dict[str, str]


class Ticker(NamedTuple):
    """Best prices, the turnover of 24 h in quote coin, and on the perp the funding rate."""

    bid: Decimal
    ask: Decimal
    turnover: Decimal
    funding_rate: Decimal | None


class Book(NamedTuple):
    """Both sides of a book, best first, neither empty."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def list_params(inst: InstType) -> dict[str, str]:
    """All symbols of a leg: tickers, rules, funding."""
    return {"productType": inst.value} if inst is InstType.PERP else {}


def book_params(inst: InstType, symbol: str) -> dict[str, str]:
    """One book, as deep as `BOOK_LEVELS`, not merged."""
    return list_params(inst) | {"symbol": symbol, "limit": str(BOOK_LEVELS)}


def read_tickers(data: object) -> Listed[Ticker]:
    """Read the tickers of a leg. A symbol without a best price on either side has none that can be used.

    Raises:
        WireError: it is no list of objects.
    """
    return _each(data, "tickers", lambda row, _symbol: _ticker(row))


def read_rules(inst: InstType, data: object) -> Listed[InstrumentRules]:
    """Read the rules of every symbol of a leg; one that is not open for trading is among the unread.

    Raises:
        WireError: as `read_tickers`.
    """
    read = read_perp_rules if inst is InstType.PERP else read_spot_rules
    return _each(data, "rules", lambda row, symbol: read([row], symbol))


def read_fundings(data: object) -> Listed[Funding]:
    """Read the current funding of every perp.

    Raises:
        WireError: as `read_tickers`.
    """
    return _each(data, "current-fund-rate", lambda row, symbol: read_funding([row], symbol))


def read_book(data: object) -> Book:
    """Read a book of REST; its levels are numbers on futures and text on spot.

    Raises:
        WireError: a side is missing, empty or unreadable.
    """
    row = as_row(data, "book")
    return Book(_side(row, "bids"), _side(row, "asks"))


def _side(row: Row, side: str) -> tuple[Level, ...]:
    levels = [level for level in read_levels(row, side) if level.qty > 0 and level.price > 0]
    if not levels:
        raise WireError(side, row.get(side), "at least one level")
    return tuple(sorted(levels, key=lambda level: level.price, reverse=side == "bids"))


def _ticker(row: Row) -> Ticker:
    turnover = optional_number(row, "quoteVolume")
    return Ticker(positive(row, "bidPr"), positive(row, "askPr"), turnover or ZERO, optional_number(row, "fundingRate"))


def _each(data: object, what: str, read: Callable[[Row, str], T]) -> Listed[T]:
    told: Listed[T] = Listed({}, {})
    for row in as_rows(data, what):
        symbol = text(row, "symbol").upper()
        try:
            told.found[symbol] = read(row, symbol)
        except WireError as error:
            told.unread[symbol] = str(error)
    return told
