"""Replay of a recording: both legs' top-5 books and trades, merged by the recorder's own clock.

The tape is Binance's; to look like Bitget's grid, perp sizes are rounded to 0.01 and spot sizes to 0.0001, and what
rounds to zero is dropped. Prices and the trades' order are as recorded. `thin` multiplies every size, of books and of
trades, before that: the recorded market is a good deal thicker than Bitget's.
"""

import csv
import gzip
import heapq
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from runner.paper.numbers import ZERO
from runner.paper.values import BookEvent, Level, MarketEvent, Product, TradeEvent

_LEG: dict[Product, str] = {"perp": "usdm", "spot": "spot"}
_GRID: dict[Product, Decimal] = {"perp": Decimal("0.01"), "spot": Decimal("0.0001")}
# Columns: local_ns, event_ms, tx_ms, update_id, then five bids and five asks as price, quantity.
_FIRST_BID, _FIRST_ASK, _END = 4, 14, 24
_LOOP_GAP_MS = 100


class TapeMarket:
    """The recording in a directory, from the first moment both legs run to the end of the shorter leg.

    Args:
        directory: Holds `*_<leg>_*.book5.csv.gz` and `*_<leg>_*.trades.csv.gz` for the legs usdm and spot.
        loop: Start again at the end (prices jump back), or stop.
        thin: Share of the recorded sizes that is shown and traded, above 0 and at most 1.

    Raises:
        FileNotFoundError: A leg's file is missing.
    """

    def __init__(self, directory: Path, loop: bool = True, thin: Decimal = Decimal(1)) -> None:
        self._loop = loop
        self._thin = thin
        self._files = {
            (product, kind): _find(directory, leg, kind)
            for product, leg in _LEG.items()
            for kind in ("book5", "trades")
        }

    def events(self) -> Iterator[MarketEvent]:
        """Yield the tape's events; offsets keep rising over the loops."""
        base_ms = 0
        while True:
            last_ms = 0
            for event in self._once(base_ms):
                last_ms = event.at_ms
                yield event
            if not self._loop or last_ms == 0:
                return
            base_ms = last_ms + _LOOP_GAP_MS

    def _once(self, base_ms: int) -> Iterator[MarketEvent]:
        streams = [_tagged(self._rows(product, "book5"), product, is_trade=False) for product in _LEG]
        streams += [_tagged(self._rows(product, "trades"), product, is_trade=True) for product in _LEG]
        seen: set[Product] = set()
        start_ns: int | None = None
        for local_ns, product, is_trade, row in heapq.merge(*streams, key=lambda one: one[0]):
            if not row:
                # One leg's stream has ended: so has the tape, for a market with one leg is none.
                return
            if not is_trade:
                seen.add(product)
            if len(seen) < len(_LEG):
                continue
            start_ns = local_ns if start_ns is None else start_ns
            at_ms = base_ms + (local_ns - start_ns) // 1_000_000
            event = self._trade(at_ms, product, row) if is_trade else self._book(at_ms, product, row)
            if event is not None:
                yield event

    def _rows(self, product: Product, kind: str) -> Iterator[list[str]]:
        with gzip.open(self._files[product, kind], "rt", newline="") as lines:
            reader = csv.reader(lines)
            next(reader)
            yield from reader

    def _book(self, at_ms: int, product: Product, row: list[str]) -> BookEvent | None:
        bids, asks = self._side(row[_FIRST_BID:_FIRST_ASK], product), self._side(row[_FIRST_ASK:_END], product)
        return BookEvent(at_ms, product, bids, asks) if bids and asks else None

    def _side(self, cells: list[str], product: Product) -> tuple[Level, ...]:
        levels = ((Decimal(cells[n]), self._rounded(cells[n + 1], product)) for n in range(0, len(cells), 2))
        return tuple((price, qty) for price, qty in levels if qty > ZERO)

    def _trade(self, at_ms: int, product: Product, row: list[str]) -> TradeEvent | None:
        qty = self._rounded(row[5], product)
        if qty <= ZERO:
            return None
        return TradeEvent(at_ms, product, Decimal(row[4]), qty, "buy" if row[6] == "buy" else "sell")

    def _rounded(self, text: str, product: Product) -> Decimal:
        return (Decimal(text) * self._thin).quantize(_GRID[product], rounding=ROUND_HALF_EVEN)


def _find(directory: Path, leg: str, kind: str) -> Path:
    found = sorted(directory.glob(f"*_{leg}_*.{kind}.csv.gz"))
    if not found:
        raise FileNotFoundError(f"no *_{leg}_*.{kind}.csv.gz in {directory}")
    return found[0]


def _tagged(
    rows: Iterator[list[str]], product: Product, is_trade: bool
) -> Iterator[tuple[int, Product, bool, list[str]]]:
    last_ns = 0
    for row in rows:
        last_ns = int(row[0])
        yield last_ns, product, is_trade, row
    if not is_trade:
        yield last_ns, product, is_trade, []
