"""An endless market made of blocks of the recorded tape: for runs longer than the recording.

How it is made, so that nobody takes it for more than it is:

- A block is a stretch of both legs together, `block_s` seconds long (drawn), from a moment drawn from the seed. Within
  it spreads, depths, trades, their clustering and the lead of one leg over the other stay as recorded. Nothing that
  lasts longer than a block survives, and nothing that the recording does not contain ever happens.
- Prices are re-based: a block is shifted, both legs by the same whole number of ticks, so that the perp's mid goes on
  where the last block left it, to half a tick. The spot leg then jumps by the difference of the two basis values; of
  several moments drawn the one with the nearest basis is taken, which keeps the jump at about a tick.
- A block runs mirrored (bids become asks, buys become sells) every other time on average: otherwise the few minutes'
  drift of the recording would be repeated for ever. Further than a fifth from the first price, the way home is chosen.
"""

import bisect
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import attrs

from runner.paper.tape import TapeMarket
from runner.paper.values import BookEvent, Level, MarketEvent, Product, TradeEvent, opposite

TICK = Decimal("0.01")
CANDIDATES = 16
HOME_RATIO = Decimal("0.2")
_LEGS: tuple[Product, Product] = ("perp", "spot")


@attrs.frozen
class _Shift:
    # What happens to a leg's prices in a block: p → sign · p + offset.
    sign: int
    offset: Decimal

    def price(self, price: Decimal) -> Decimal:
        return price + self.offset if self.sign > 0 else self.offset - price

    def levels(self, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        offset = self.offset
        if self.sign > 0:
            return tuple([(price + offset, qty) for price, qty in levels])
        return tuple([(offset - price, qty) for price, qty in levels])

    def book(self, at_ms: int, event: BookEvent) -> BookEvent:
        bids, asks = self.levels(event.bids), self.levels(event.asks)
        return BookEvent(at_ms, event.product, *((bids, asks) if self.sign > 0 else (asks, bids)))

    def trade(self, at_ms: int, event: TradeEvent) -> TradeEvent:
        side = event.taker_side if self.sign > 0 else opposite(event.taker_side)
        return TradeEvent(at_ms, event.product, self.price(event.price), event.qty, side)


def read_tape(directory: Path, thin: Decimal) -> Iterable[MarketEvent]:
    """Return the recorded events, once through."""
    return TapeMarket(directory, loop=False, thin=thin).events()


class ResampledMarket:
    """Blocks of the tape in a directory, for ever; the same seed gives the same events.

    Args:
        directory: As of `TapeMarket`.
        seed: What blocks and mirrors are drawn from.
        block_s: Shortest and longest block, in whole seconds.
        thin: As of `TapeMarket`.
        read: How the tape is read, from directory and thin: as recorded, or made coarser.

    Raises:
        FileNotFoundError: A leg's file is missing.
        ValueError: The tape is not longer than the longest block.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        block_s: tuple[int, int] = (10, 30),
        thin: Decimal = Decimal(1),
        read: Callable[[Path, Decimal], Iterable[MarketEvent]] = read_tape,
    ) -> None:
        self._seed = seed
        self._block_s = block_s
        self._events = [event for event in read(directory, thin) if isinstance(event, BookEvent | TradeEvent)]
        self._times = [event.at_ms for event in self._events]
        self._books = {
            leg: [event for event in self._events if isinstance(event, BookEvent) and event.product == leg]
            for leg in _LEGS
        }
        self._book_times = {leg: [book.at_ms for book in books] for leg, books in self._books.items()}
        # From here on both legs have a book.
        self._first_ms = max((times[0] for times in self._book_times.values() if times), default=0)
        self._span_ms = (self._times[-1] if self._times else 0) - self._first_ms
        if not 1 <= block_s[0] <= block_s[1] or self._span_ms <= block_s[1] * 1000:
            raise ValueError(f"'block_s' must be two rising lengths shorter than the tape (got {block_s})")

    def events(self) -> Iterator[MarketEvent]:
        """Yield the blocks' events; each block opens with both legs' books."""
        rng = random.Random(f"blocks {self._seed}")
        mids: dict[Product, Decimal] | None = None
        home, base_ms = Decimal(0), 0
        while True:
            length_ms = rng.randint(*self._block_s) * 1000
            start_ms = self._start(rng, length_ms, mids)
            found = {leg: _mid(self._book_at(leg, start_ms)) for leg in _LEGS}
            mids = found if mids is None else mids
            home = home or mids["perp"]
            end = _mid(self._book_at("perp", start_ms + length_ms))
            sign = self._sign(rng, mids["perp"] - home, end - found["perp"], home)
            shifts = _shifts(found, mids["perp"], sign)
            yield from self._block(base_ms, start_ms, length_ms, shifts)
            ends = {leg: _mid(self._book_at(leg, start_ms + length_ms)) for leg in _LEGS}
            mids = {leg: shifts[leg].price(ends[leg]) for leg in _LEGS}
            base_ms += length_ms

    def _start(self, rng: random.Random, length_ms: int, mids: dict[Product, Decimal] | None) -> int:
        drawn = [self._first_ms + rng.randint(0, self._span_ms - length_ms) for _ in range(CANDIDATES)]
        if mids is None:
            return drawn[0]
        basis = mids["spot"] - mids["perp"]
        return min(drawn, key=lambda at_ms: abs(self._basis(at_ms) - basis))

    def _basis(self, at_ms: int) -> Decimal:
        return _mid(self._book_at("spot", at_ms)) - _mid(self._book_at("perp", at_ms))

    @staticmethod
    def _sign(rng: random.Random, away: Decimal, move: Decimal, home: Decimal) -> int:
        sign = 1 if rng.random() < 0.5 else -1
        if abs(away) > home * HOME_RATIO and move:
            return -1 if (away > 0) == (move > 0) else 1
        return sign

    def _block(
        self, base_ms: int, start_ms: int, length_ms: int, shifts: dict[Product, _Shift]
    ) -> Iterator[MarketEvent]:
        for leg in _LEGS:
            yield shifts[leg].book(base_ms, self._book_at(leg, start_ms))
        first, last = (bisect.bisect_right(self._times, at) for at in (start_ms, start_ms + length_ms - 1))
        ahead_ms = base_ms - start_ms
        for event in itertools.islice(self._events, first, last):
            shift = shifts[event.product]
            if isinstance(event, BookEvent):
                yield shift.book(event.at_ms + ahead_ms, event)
            else:
                yield shift.trade(event.at_ms + ahead_ms, event)

    def _book_at(self, leg: Product, at_ms: int) -> BookEvent:
        # The last book not after a moment.
        return self._books[leg][max(0, bisect.bisect_right(self._book_times[leg], at_ms) - 1)]


def _mid(book: BookEvent) -> Decimal:
    return (book.bids[0][0] + book.asks[0][0]) / 2


def _shifts(found: dict[Product, Decimal], perp_mid: Decimal, sign: int) -> dict[Product, _Shift]:
    # Twice a mid is a whole number of ticks, so a mirrored price is one too.
    by = (perp_mid - found["perp"]).quantize(TICK, rounding=ROUND_HALF_EVEN)
    return {leg: _Shift(sign, by if sign > 0 else 2 * mid + by) for leg, mid in found.items()}
