"""A market made coarse enough to run an hour in seconds: every trade is met, a book is told when it matters.

    Step   what happens at one moment: trades since the last step, then a book of each leg that has moved

What is coarser than a recording: events of 150 ms come together at their end, trades of one side and price as one; and
of the books of a leg only those are told, to exchange and bot alike, whose mid has moved by so many bps since the last
one, or that are two seconds younger. Spot trades are left out: nothing of ours ever rests there. Without a tape, `walk`
draws steps shaped after the figures of `runner.paper.synthetic`.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import attrs

from runner.paper import synthetic as shape
from runner.paper.resampled import ResampledMarket, read_tape
from runner.paper.values import BookEvent, Level, MarketEvent, Product, Side, TradeEvent

STEP_MS = 150  # the pace of Bitget's books5 on the perp
AGE_MS = 2_000
LEVELS = 5
LADDERS = 64
LOT_PLACES: dict[Product, int] = {"perp": 2, "spot": 4}
PULL = 0.05  # of the basis' deviation, lost in a step: half of it in two seconds
QUIET_SD_BPS, LIVELY_SD_BPS = 0.6, 3.34
"""Over a second. A tenth of the time is lively, in bursts of a second: 0.9 · 0.6² + 0.1 · 3.34² = 1.2²."""

LIVELY_STAYS, LIVELY_BEGINS = 0.85, 0.15 / 9


@attrs.frozen(eq=False)
class Step:
    """One moment of a coarse market, `at_ms` after its start. `books`: at most one a leg."""

    at_ms: int
    trades: tuple[TradeEvent, ...]
    books: tuple[BookEvent, ...]


class Thinner:
    """Says which books are told: those of a leg that has moved by `move_bps`, or whose last one is too old."""

    def __init__(self, move_bps: float) -> None:
        self._share = move_bps * 1e-4
        self._last: dict[Product, tuple[float, int]] = {}

    def tells(self, leg: Product, mid: float, at_ms: int) -> bool:
        """Whether a leg's book with this mid is told now; if so, it is the one to move from."""
        last = self._last.get(leg)
        if last is not None and abs(mid - last[0]) < last[0] * self._share and at_ms - last[1] < AGE_MS:
            return False
        self._last[leg] = (mid, at_ms)
        return True


def steps_of_tape(
    directory: Path, seed: int, move_bps: float, block_s: tuple[int, int], thin: Decimal
) -> Iterator[Step]:
    """Yield blocks of the recording for ever, made coarse; see `ResampledMarket` for what a block is.

    Raises:
        FileNotFoundError: a leg's file is missing.
        ValueError: the tape is not longer than the longest block.
    """
    market = ResampledMarket(directory, seed, block_s, thin, read=lambda where, share: _coarse(where, share, move_bps))
    return _steps(market.events())


def _steps(events: Iterable[MarketEvent]) -> Iterator[Step]:
    for at_ms, group in itertools.groupby(events, key=lambda event: event.at_ms):
        trades: list[TradeEvent] = []
        books: dict[Product, BookEvent] = {}
        for event in group:
            if isinstance(event, BookEvent):
                books[event.product] = event
            elif isinstance(event, TradeEvent):
                trades.append(event)
        yield Step(at_ms, tuple(trades), tuple(books.values()))


@lru_cache(maxsize=4)
def _coarse(directory: Path, thin: Decimal, move_bps: float) -> Sequence[MarketEvent]:
    return tuple(conflated(read_tape(directory, thin), move_bps))


def conflated(events: Iterable[MarketEvent], move_bps: float) -> Iterator[MarketEvent]:
    """Yield, at the end of each step, its perp trades (one a side and price, in order) and the books that are told.

    >>> told = ((10, 5), (20, 6), (30, 5))
    >>> trades = [TradeEvent(at_ms, "perp", Decimal(price), Decimal(1), "buy") for at_ms, price in told]
    >>> [(one.at_ms, int(one.price), int(one.qty)) for one in conflated(trades, 0.5)]
    [(150, 5, 2), (150, 6, 1)]
    """
    thinner = Thinner(move_bps)
    for number, group in itertools.groupby(events, key=lambda event: event.at_ms // STEP_MS):
        at_ms = (number + 1) * STEP_MS
        trades: dict[tuple[Side, Decimal], Decimal] = {}
        books: dict[Product, BookEvent] = {}
        for event in group:
            if isinstance(event, BookEvent):
                books[event.product] = event
            elif isinstance(event, TradeEvent) and event.product == "perp":
                key = (event.taker_side, event.price)
                trades[key] = trades.get(key, Decimal(0)) + event.qty
        for (side, price), qty in trades.items():
            yield TradeEvent(at_ms, "perp", price, qty, side)
        for leg, book in books.items():
            if thinner.tells(leg, float(book.bids[0][0] + book.asks[0][0]) / 2, at_ms):
                yield attrs.evolve(book, at_ms=at_ms)


def walk(seed: int, move_bps: float) -> Iterator[Step]:
    """Yield an endless drawn market; the same seed and threshold give the same steps.

    The mid is a random walk whose spread comes in bursts (1.2 bps over a second on average), the basis −4.4 bps with a
    pull home. In each step somebody sells at the lowest and buys at the highest point of the path, drawn as the
    extremes of a Brownian bridge: with a and b its ends and s its spread, max = (a + b + √((b − a)² − 2 s² ln u)) / 2,
    u uniform (Karatzas and Shreve, Brownian Motion and Stochastic Calculus, 1991, 4.3.40).
    """
    rng, thinner = random.Random(f"coarse market {seed}"), Thinner(move_bps)
    ladders: dict[Product, list[tuple[Decimal, ...]]] = {leg: _ladders(rng, leg) for leg in ("perp", "spot")}
    fair, basis, is_lively = shape.START_TICKS, shape.BASIS_BPS, False
    noise = shape.BASIS_SD_BPS * math.sqrt(PULL * (2 - PULL))
    trades: tuple[TradeEvent, ...] = ()
    for at_ms in itertools.count(0, STEP_MS):
        mids: tuple[tuple[Product, float], ...] = (("perp", fair), ("spot", fair / (1 + basis * 1e-4)))
        books = [_book(rng, at_ms, leg, int(mid), ladders) for leg, mid in mids if thinner.tells(leg, mid, at_ms)]
        if trades or books:
            yield Step(at_ms, trades, tuple(books))
        is_lively = rng.random() < (LIVELY_STAYS if is_lively else LIVELY_BEGINS)
        sd = fair * (LIVELY_SD_BPS if is_lively else QUIET_SD_BPS) * 1e-4 * math.sqrt(STEP_MS / 1000)
        past, fair = fair, max(fair + rng.gauss(0, sd), shape.START_TICKS / 2)
        trades = _extremes(rng, at_ms + STEP_MS, past, fair, sd)
        basis += PULL * (shape.BASIS_BPS - basis) + rng.gauss(0, noise)


def _extremes(rng: random.Random, at_ms: int, a: float, b: float, sd: float) -> tuple[TradeEvent, ...]:
    low, high = (
        (a + b + sign * math.sqrt((b - a) ** 2 - 2 * sd * sd * math.log(1 - rng.random()))) / 2 for sign in (-1, 1)
    )
    one, other = (Decimal(shape.lots_of(rng, "perp", 8, 2.0)).scaleb(-LOT_PLACES["perp"]) for _ in range(2))
    return (
        TradeEvent(at_ms, "perp", _price(int(low)), one, "sell"),
        TradeEvent(at_ms, "perp", _price(int(high) + 1), other, "buy"),
    )


def _ladders(rng: random.Random, leg: Product) -> list[tuple[Decimal, ...]]:
    # Sizes of five levels, best first, drawn once: a side of a book takes one of them.
    one = shape.SHAPES[leg]
    medians = [(one.top_lots, one.top_sigma)] + [(one.deep_lots, one.deep_sigma)] * (LEVELS - 1)
    return [
        tuple(Decimal(shape.lots_of(rng, leg, *median)).scaleb(-LOT_PLACES[leg]) for median in medians)
        for _ in range(LADDERS)
    ]


def _book(
    rng: random.Random, at_ms: int, leg: Product, bid: int, ladders: dict[Product, list[tuple[Decimal, ...]]]
) -> BookEvent:
    wide = rng.random() < shape.WIDE_SHARE
    ask = bid + (rng.randint(shape.WIDE_MIN, shape.WIDE_MAX) if wide else 1)
    down, up = (ladders[leg][int(rng.random() * LADDERS)] for _ in range(2))
    return BookEvent(at_ms, leg, _side(bid, -1, down), _side(ask, 1, up))


@lru_cache(maxsize=100_000)
def _price(ticks: int) -> Decimal:
    return Decimal(ticks).scaleb(-2)


def _side(best: int, step: int, ladder: tuple[Decimal, ...]) -> tuple[Level, ...]:
    return tuple([(_price(best + step * n), qty) for n, qty in enumerate(ladder)])
