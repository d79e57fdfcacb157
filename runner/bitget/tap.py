"""From a socket's data message to events: which channel it is, whose rows are ours, and what each says.

What the account tells is told on at once. Books are conflated: messages that are waiting together, because the process
was busy, become one event with the newest book, told as soon as the last of them has been read. So a burst of books
never stands between a fill and its hedge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs
from loguru import logger

from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import Funding, InstType, Level
from runner.bitget import wire, wire_account
from runner.bitget.book import DepthBook, is_usable, read_top
from runner.bitget.members import Row, WireError, is_near
from runner.bitget.trades import Trades
from runner.bitget.wire_market import book_ms, read_ticker_funding

_FUNDING_REPEAT_MS = 5_000  # a ticker comes three times a second; the same funding is told this often


@attrs.define
class _Book:
    # What a leg's book is expected on (None: nothing asked for), and its newest top that is not told yet.
    channel: str | None = None
    depth: DepthBook = attrs.field(factory=DepthBook)
    untold: tuple[tuple[Level, ...], tuple[Level, ...], int] | None = None


class Tap:
    """Reads data messages of one symbol.

    Args:
        symbol: rows of others are passed over.
        on_event: called with each event, synchronously; with a book, right after the messages that are waiting.
        on_gap: called with leg and channel when an incremental book lost its thread.
        trades: who takes the perp's public trades; None: they are passed over.
    """

    def __init__(
        self,
        symbol: str,
        on_event: Callable[[ev.Event], None],
        on_gap: Callable[[InstType, str], None],
        trades: Trades | None = None,
    ) -> None:
        self._symbol = symbol
        self._on_event = on_event
        self._on_gap = on_gap
        self._trades = trades
        self._books = {inst: _Book() for inst in InstType}
        self._coins = (symbol.removesuffix("USDT"), "USDT")
        self._funding: tuple[Funding, int] | None = None
        self._readers = {"fill": self._fill, "orders": self._order, "ticker": self._ticker}

    def expect_book(self, inst: InstType, channel: str) -> None:
        """Tell this leg's book from `channel` from here on."""
        self._books[inst] = _Book(channel)

    def expects_book(self, inst: InstType, channel: str) -> bool:
        return self._books[inst].channel == channel

    def drop_book(self, inst: InstType, channel: str | None = None) -> None:
        """Tell this leg's book no more, if it comes from `channel` (None: whatever it comes from)."""
        if channel is None or self.expects_book(inst, channel):
            self._books[inst] = _Book()

    def take(self, frame: wire.Frame, at_ms: int) -> None:
        """Read one data message and tell its events. A row that cannot be read does not keep the others back.

        Raises:
            WireError: the product is not ours, or a whole list (positions) cannot be read.
        """
        try:
            inst = frame.inst
        except ValueError:
            raise WireError("instType", frame.arg.get("instType"), "USDT-FUTURES or SPOT") from None
        channel = frame.channel
        exch_ms = frame.ts_ms if is_near(frame.ts_ms, at_ms) else at_ms  # by a time years away all later ones were old
        if channel == "positions":
            told = wire_account.read_position(frame.rows, self._symbol, at_ms, exch_ms, "ws")
            self._on_event(told)
        elif channel == "account":
            self._each(frame.rows, lambda row: self._balance(inst, row, at_ms, exch_ms))
        elif channel == wire.TRADES:
            self._public_trades(inst, frame)
        elif channel in ("fill", "orders", "ticker") or channel.startswith("books"):
            rows = [row for row in frame.rows if self._is_ours(row, frame.arg)]
            read = self._readers.get(channel)
            if read is not None:
                self._each(rows, lambda row: read(inst, row, at_ms))
            elif self.expects_book(inst, channel):
                self._each(rows, lambda row: self._book(inst, row, frame, at_ms))

    def _public_trades(self, inst: InstType, frame: wire.Frame) -> None:
        trades = self._trades
        if trades is not None and inst is InstType.PERP:
            oldest_first = [row for row in reversed(frame.rows) if self._is_ours(row, frame.arg)]
            self._each(oldest_first, lambda row: trades.take(row, frame.snapshot))

    def _each(self, rows: list[Row], read: Callable[[Row], None]) -> None:
        for row in rows:
            try:
                read(row)
            except WireError as error:
                logger.warning("a row that cannot be read was passed over: {}", error)

    def _is_ours(self, row: Row, arg: Row) -> bool:
        # Books carry no symbol in the row; a row that names none at all is taken for ours: better asked than lost.
        named = row.get("instId") or row.get("symbol") or arg.get("instId")
        return named in (None, "default") or str(named).upper() == self._symbol

    def _fill(self, inst: InstType, row: Row, at_ms: int) -> None:
        self._on_event(wire_account.read_ws_fill(inst, row, at_ms))

    def _order(self, inst: InstType, row: Row, at_ms: int) -> None:
        self._on_event(ev.OrderEvent(at_ms, wire_account.read_ws_order(inst, row)))

    def _balance(self, inst: InstType, row: Row, at_ms: int, exch_ms: int) -> None:
        if inst is InstType.SPOT:
            for told in wire_account.read_spot_balances([row], self._coins, at_ms, exch_ms, "ws"):
                self._on_event(told)
        elif str(row.get("marginCoin") or "").upper() == "USDT":
            self._on_event(wire_account.read_margin(row, at_ms, exch_ms, "ws"))

    def _ticker(self, inst: InstType, row: Row, at_ms: int) -> None:
        told = read_ticker_funding(row, at_ms) if inst is InstType.PERP else None
        if told is None:
            return
        if self._funding is None or self._funding[0] != told.funding or at_ms - self._funding[1] >= _FUNDING_REPEAT_MS:
            self._funding = (told.funding, at_ms)
            self._on_event(told)

    def _book(self, inst: InstType, row: Row, frame: wire.Frame, at_ms: int) -> None:
        book = self._books[inst]
        if book.channel != "books":
            bids, asks = read_top(row)
        elif book.depth.apply(row, frame.snapshot):
            bids, asks = book.depth.top()
        else:
            logger.warning("{} book: a message is missing or cannot be read, subscribing again", inst)
            book.untold = None
            self._on_gap(inst, "books")
            return
        if is_usable(bids, asks):
            if book.untold is None:
                asyncio.get_running_loop().call_soon(self._tell_book, inst, book)
            book.untold = (bids, asks, book_ms(row, frame.ts_ms) or at_ms)

    def _tell_book(self, inst: InstType, book: _Book) -> None:
        if book is self._books[inst] and book.untold is not None:
            bids, asks, exch_ms = book.untold
            book.untold = None
            self._on_event(ev.BookEvent(now_ms(), inst, bids, asks, exch_ms))
