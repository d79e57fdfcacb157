"""A market made coarse enough to run an hour in seconds: books a few times a second, every trade still met.

    Step   what happens at one moment: trades since the last step, then one book of each leg

What is coarser than a recording: a leg's book is the last one of each step, so the bot sees it less often, and a quote
meets a moved touch up to a step later. Trades keep price and size; those of a step are told at its end, those of one
side and price as one. Spot trades are left out: nothing of ours ever rests there. Without a tape, `walk` draws steps
shaped after the figures of `runner.paper.synthetic`.
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
from runner.simulator.market import price_of

LEVELS = 5
LADDERS = 64
TICKS_PER_UNIT = 100
LOT_PLACES: dict[Product, int] = {"perp": 2, "spot": 4}
PULL_PER_S = 0.33  # of the basis' deviation, lost in a second: half of it in two seconds


@attrs.frozen(eq=False)
class Step:
    """One moment of a coarse market, `at_ms` after its start. `books`: at most one a leg."""

    at_ms: int
    trades: tuple[TradeEvent, ...]
    books: tuple[BookEvent, ...]


def steps_of_tape(directory: Path, seed: int, step_ms: int, block_s: tuple[int, int], thin: Decimal) -> Iterator[Step]:
    """Yield blocks of the recording for ever, made coarse; see `ResampledMarket` for what a block is.

    Raises:
        FileNotFoundError: a leg's file is missing.
        ValueError: the tape is not longer than the longest block.
    """
    market = ResampledMarket(directory, seed, block_s, thin, read=lambda where, share: _coarse(where, share, step_ms))
    return _steps(market.events())


def _steps(events: Iterable[MarketEvent]) -> Iterator[Step]:
    for at_ms, group in itertools.groupby(events, key=lambda event: event.at_ms):
        found = list(group)
        books = {event.product: event for event in found if isinstance(event, BookEvent)}
        yield Step(at_ms, tuple(event for event in found if isinstance(event, TradeEvent)), tuple(books.values()))


@lru_cache(maxsize=4)
def _coarse(directory: Path, thin: Decimal, step_ms: int) -> Sequence[MarketEvent]:
    return tuple(conflated(read_tape(directory, thin), step_ms))


def conflated(events: Iterable[MarketEvent], step_ms: int) -> Iterator[MarketEvent]:
    """Yield, at the end of each step, its perp trades (one a side and price, in order) and the last book of each leg.

    >>> told = ((10, 5), (20, 6), (30, 5))
    >>> trades = [TradeEvent(at_ms, "perp", Decimal(price), Decimal(1), "buy") for at_ms, price in told]
    >>> [(one.at_ms, int(one.price), int(one.qty)) for one in conflated(trades, 100)]
    [(100, 5, 2), (100, 6, 1)]
    """
    for number, group in itertools.groupby(events, key=lambda event: event.at_ms // step_ms):
        at_ms = (number + 1) * step_ms
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
        yield from (attrs.evolve(book, at_ms=at_ms) for book in books.values())


def walk(seed: int, step_ms: int) -> Iterator[Step]:
    """Yield an endless drawn market; the same seed and step give the same steps.

    The mid is a random walk (1.2 bps over a second), the basis −4.4 bps with a pull home. Between two books somebody
    sells at the lowest and buys at the highest point of the path, drawn as the extremes of a Brownian bridge: with
    a and b its ends and s its spread, max = (a + b + √((b − a)² − 2 s² ln u)) / 2, u uniform (Karatzas and Shreve,
    Brownian Motion and Stochastic Calculus, 1991, 4.3.40).
    """
    rng = random.Random(f"coarse market {seed}")
    ladders: dict[Product, list[tuple[Decimal, ...]]] = {leg: _ladders(rng, leg) for leg in ("perp", "spot")}
    second = step_ms / 1000
    past = fair = shape.START_TICKS
    basis = shape.BASIS_BPS
    pull = min(1.0, PULL_PER_S * second)
    noise = shape.BASIS_SD_BPS * math.sqrt(pull * (2 - pull))
    for at_ms in itertools.count(0, step_ms):
        bid = int(fair)
        spot = int(fair / (1 + basis * 1e-4))
        sd = fair * shape.MID_SD_BPS * 1e-4 * math.sqrt(second)
        books = (_book(rng, at_ms, "perp", bid, ladders), _book(rng, at_ms, "spot", spot, ladders))
        yield Step(at_ms, _extremes(rng, at_ms, past, fair, sd) if at_ms else (), books)
        past = fair
        fair = max(fair + rng.gauss(0, sd), shape.START_TICKS / 2)
        basis += pull * (shape.BASIS_BPS - basis) + rng.gauss(0, noise)


def _extremes(rng: random.Random, at_ms: int, a: float, b: float, sd: float) -> tuple[TradeEvent, ...]:
    low, high = (
        (a + b + sign * math.sqrt((b - a) ** 2 - 2 * sd * sd * math.log(1 - rng.random()))) / 2 for sign in (-1, 1)
    )
    one, other = (Decimal(shape.lots_of(rng, "perp", 8, 2.0)).scaleb(-LOT_PLACES["perp"]) for _ in range(2))
    return (
        TradeEvent(at_ms, "perp", price_of(int(low)), one, "sell"),
        TradeEvent(at_ms, "perp", price_of(int(high) + 1), other, "buy"),
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


def _side(best: int, step: int, ladder: tuple[Decimal, ...]) -> tuple[Level, ...]:
    return tuple([(price_of(best + step * n), qty) for n, qty in enumerate(ladder)])
