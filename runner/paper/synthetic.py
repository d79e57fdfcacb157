"""A seeded market that needs no file, shaped after the recorded tape.

Figures it aims at (tape of 2024-08-08): perp spread mean 1.25 ticks and p99 9; 40.9 perp and 22.4 spot trades a
second; mid over 1 s sd 1.2 bps; perp below spot by 4.4 ± 0.6 bps; start 2681; level and trade sizes like the tape's.
It is made for mechanics. It has no memory beyond that and is no ground for a claim about profit.

Everything is integers (ticks of 0.01 USDT; perp lots of 0.01 ETH, spot lots of 0.0001 ETH) until an event is made.
"""

import math
import random
from collections.abc import Iterator
from decimal import Decimal

import attrs

from runner.paper.values import BookEvent, Level, MarketEvent, Product, Side, TradeEvent

STEP_MS = 50
START_TICKS = 268_100.0
MID_SD_BPS = 1.2
# A little less than the target: moves between two books of the legs add the rest.
BASIS_BPS, BASIS_SD_BPS = -4.4, 0.5
# How fast the basis forgets: per step, the share of its deviation that is lost (about 2 s to forget half).
BASIS_PULL = 0.02
# The spread is one tick, or, this often, 2..11 ticks: mean 1.22, p99 9.
WIDE_SHARE, WIDE_MIN, WIDE_MAX = 0.04, 2, 11
# How likely the spread is drawn anew at a step in which the mid did not move.
SPREAD_CHANGE = 0.3


@attrs.frozen
class Shape:
    """One product's grid and sizes. Sizes are log-normal in lots: median, spread of the logarithm."""

    lot_places: int
    # Trades at the touch; with those that move it, the rates named above.
    trades_per_s: float
    trade_lots: float
    trade_sigma: float
    top_lots: float
    top_sigma: float
    deep_lots: float
    deep_sigma: float


SHAPES: dict[Product, Shape] = {
    "perp": Shape(2, 22.2, 8, 2.0, 1200, 1.2, 60, 2.0),
    "spot": Shape(4, 12.9, 100, 2.6, 80_000, 1.1, 12_000, 2.4),
}
_LOTS_MAX = {"perp": 20_000, "spot": 500_000}


@attrs.define
class _Leg:
    product: Product
    bid: int
    ask: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class SyntheticMarket:
    """An endless market; the same seed gives the same events."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def events(self) -> Iterator[MarketEvent]:
        """Yield books every 50 ms (perp) and 100 ms (spot) and trades in between."""
        rng = random.Random(f"market {self._seed}")
        fair, basis = START_TICKS, BASIS_BPS
        legs: dict[Product, _Leg] = {}
        step = 0
        while True:
            at_ms = step * STEP_MS
            for product in ("perp", "spot"):
                if product == "spot" and step % 2:
                    continue
                target = fair if product == "perp" else fair / (1 + basis * 1e-4)
                leg = _moved(rng, product, target, legs.get(product))
                yield from _sweep(rng, at_ms, legs.get(product), leg)
                legs[product] = leg
                yield _book(at_ms, leg)
            yield from _trades(rng, at_ms, legs)
            fair *= 1 + rng.gauss(0, MID_SD_BPS * 1e-4 * math.sqrt(STEP_MS / 1000))
            noise = BASIS_SD_BPS * math.sqrt(2 * BASIS_PULL)
            basis += BASIS_PULL * (BASIS_BPS - basis) + rng.gauss(0, noise)
            step += 1


def _moved(rng: random.Random, product: Product, fair: float, old: _Leg | None) -> _Leg:
    # A touch moves only when the fair price has left it: prices stand still between moves, as they do.
    if old is not None and old.bid <= fair <= old.ask and rng.random() >= SPREAD_CHANGE:
        bid, ask = old.bid, old.ask
    else:
        spread = rng.randint(WIDE_MIN, WIDE_MAX) if rng.random() < WIDE_SHARE else 1
        bid = round(fair - spread / 2)
        ask = bid + spread
    return _Leg(product, bid, ask, _side(rng, product, bid, -1), _side(rng, product, ask, 1))


def _side(rng: random.Random, product: Product, best: int, direction: int) -> list[tuple[int, int]]:
    shape, levels, price = SHAPES[product], [], best
    for n in range(5):
        median, sigma = (shape.top_lots, shape.top_sigma) if n == 0 else (shape.deep_lots, shape.deep_sigma)
        levels.append((price, lots_of(rng, product, median, sigma)))
        price += direction * rng.choice((1, 1, 2, 3, 4, 8))
    return levels


def lots_of(rng: random.Random, product: Product, median: float, sigma: float) -> int:
    """Draw a size in lots: log-normal, at least one lot, bounded."""
    return min(max(1, round(rng.lognormvariate(math.log(median), sigma))), _LOTS_MAX[product])


def _sweep(rng: random.Random, at_ms: int, old: _Leg | None, new: _Leg) -> Iterator[TradeEvent]:
    # A touch that moved past old levels was pushed there by a trade at the furthest of them.
    if old is None:
        return
    passed: list[tuple[Side, list[tuple[int, int]]]] = [
        ("buy", [level for level in old.asks if level[0] <= new.bid]),
        ("sell", [level for level in old.bids if level[0] >= new.ask]),
    ]
    shape = SHAPES[old.product]
    for side, levels in passed:
        if levels:
            price, displayed = levels[-1]
            lots = lots_of(rng, old.product, shape.trade_lots, shape.trade_sigma)
            yield _trade(at_ms, old.product, price, min(lots, displayed), side)


def _trades(rng: random.Random, at_ms: int, legs: dict[Product, _Leg]) -> Iterator[TradeEvent]:
    found = []
    for product, leg in legs.items():
        shape = SHAPES[product]
        wait = rng.expovariate(shape.trades_per_s)
        while wait < STEP_MS / 1000:
            is_buy = rng.random() < 0.5
            price, displayed = leg.asks[0] if is_buy else leg.bids[0]
            lots = min(lots_of(rng, product, shape.trade_lots, shape.trade_sigma), displayed)
            found.append(_trade(at_ms + int(wait * 1000), product, price, lots, "buy" if is_buy else "sell"))
            wait += rng.expovariate(shape.trades_per_s)
    found.sort(key=lambda one: one.at_ms)
    yield from found


def _book(at_ms: int, leg: _Leg) -> BookEvent:
    places = SHAPES[leg.product].lot_places
    return BookEvent(at_ms, leg.product, _decimals(leg.bids, places), _decimals(leg.asks, places))


def _decimals(levels: list[tuple[int, int]], places: int) -> tuple[Level, ...]:
    return tuple((Decimal(ticks).scaleb(-2), Decimal(lots).scaleb(-places)) for ticks, lots in levels)


def _trade(at_ms: int, product: Product, ticks: int, lots: int, side: Side) -> TradeEvent:
    places = SHAPES[product].lot_places
    return TradeEvent(at_ms, product, Decimal(ticks).scaleb(-2), Decimal(lots).scaleb(-places), side)
