"""The incremental book of the `books` channel: one snapshot, then changes, each naming the one before it.

Order Book Channel: `seq` numbers the messages of a book and `pseq` names the predecessor; a level of quantity zero is
gone. The checksum of older days is no longer sent.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from operator import attrgetter

from mmfsm.values import ZERO, Level
from runner.bitget.members import Row, WireError
from runner.bitget.wire_market import book_numbers, read_levels

TOP = 5  # levels a side that are told; the strategy reads no more


_PRICE = attrgetter("price")


class _Side:
    # Prices ascending in a list beside their quantities: the top is a slice of one end.
    def __init__(self) -> None:
        self.prices: list[Decimal] = []
        self.qty: dict[Decimal, Decimal] = {}

    def put(self, level: Level) -> None:
        known = level.price in self.qty
        if level.qty > 0:
            self.qty[level.price] = level.qty
            if not known:
                insort(self.prices, level.price)
        elif known:
            del self.qty[level.price]
            del self.prices[bisect_left(self.prices, level.price)]


class DepthBook:
    """One instrument's book, kept from the messages of `books`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything and wait for a snapshot."""
        self._bids, self._asks = _Side(), _Side()
        self._seq: int | None = None
        self._whole = False

    def apply(self, row: Row, snapshot: bool) -> bool:
        """Take one message in.

        Returns:
            False when it does not follow the one before, cannot be read, or leaves the book crossed: the book is then
            empty, and only a new snapshot mends it. A change before the first snapshot is passed over.
        """
        try:
            follows = self._take(row, snapshot)
        except (WireError, ArithmeticError):  # a change that is not known, or only half
            follows = False
        if not follows:
            self.reset()
        return follows

    def _take(self, row: Row, snapshot: bool) -> bool:
        if snapshot:
            self.reset()
            self._whole = True
        elif not self._whole:
            return True
        seq, pseq = book_numbers(row)
        if not snapshot and pseq and self._seq is not None and pseq != self._seq:  # absent before 2026, 0 on snapshots
            return False
        self._seq = seq
        for side, levels in ((self._bids, read_levels(row, "bids")), (self._asks, read_levels(row, "asks"))):
            for level in levels:
                side.put(level)
        bids, asks = self._bids.prices, self._asks.prices
        return not (bids and asks and bids[-1] >= asks[0])

    def top(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best bids and asks, best first; empty before a snapshot."""
        bids, asks = self._bids, self._asks
        return (
            tuple(Level(price, bids.qty[price]) for price in bids.prices[: -TOP - 1 : -1]),
            tuple(Level(price, asks.qty[price]) for price in asks.prices[:TOP]),
        )


def read_top(row: Row) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Read a whole-book push (`books5` and the like): best bids and asks, best first, empty levels left out.

    Raises:
        WireError: its levels cannot be read.
    """
    bids = sorted([it for it in read_levels(row, "bids") if it.qty > ZERO], key=_PRICE, reverse=True)
    asks = sorted([it for it in read_levels(row, "asks") if it.qty > ZERO], key=_PRICE)
    return tuple(bids[:TOP]), tuple(asks[:TOP])


def is_usable(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> bool:
    """True for a book that may be told: both sides there, above zero and not crossed."""
    return bool(bids and asks) and bids[-1].price > ZERO and bids[0].price < asks[0].price
