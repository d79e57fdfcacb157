"""A market for simulating: a book of five levels on each leg, and trades that sweep through quotes.

It is drawn to be cheap and to make things happen, not to look like a market: ten books a second unless the weather says
otherwise, the mid is a random walk, sizes come from a few ladders, and every few seconds somebody sweeps the perp deep
enough to reach quotes a few basis points away.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

import attrs

from runner.paper.values import BookEvent, Level, MarketEvent, Product, Side, TradeEvent

BOOK_MS = 100
START_TICKS = 268_100
TICKS_PER_BPS = 26.81
LEVELS = 5
LADDERS = 16
PRICES_KEPT_MAX = 1_000
"""A walk stays for a while among prices it has had; those of hours ago are made anew."""

_LOT_PLACES: dict[Product, int] = {"perp": 2, "spot": 4}


@attrs.frozen
class Weather:
    """How lively it is. `sd_bps`: of the mid over a second; `sweeps_per_s`, `sweep_bps`: their rate and mean depth.
    `book_ms`: from one book of a leg to the next."""

    sd_bps: float = 0.5
    sweeps_per_s: float = 0.4
    sweep_bps: float = 2.0
    basis_bps: float = 4.4
    book_ms: int = BOOK_MS


class SweptMarket:
    """Endless; the same seed and weather give the same events. `at_ms` counts from the start."""

    def __init__(self, seed: int, weather: Weather | None = None) -> None:
        self._rng = random.Random(f"swept market {seed}")
        self._weather = weather or Weather()
        self._ladders = {product: self._drawn(product) for product in ("perp", "spot")}

    def _drawn(self, product: Product) -> list[tuple[Decimal, ...]]:
        low, high = (5, 3_000) if product == "perp" else (200, 80_000)
        return [
            tuple(Decimal(self._rng.randint(low, high)).scaleb(-_LOT_PLACES[product]) for _ in range(LEVELS))
            for _ in range(LADDERS)
        ]

    def events(self) -> Iterator[MarketEvent]:
        """Yield perp books on whole periods, spot books in between, and sweeps before the perp's."""
        rng, weather = self._rng, self._weather
        mid = float(START_TICKS)
        book_ms = weather.book_ms
        step_sd = weather.sd_bps * TICKS_PER_BPS * (book_ms / 1000) ** 0.5
        sweep_chance = weather.sweeps_per_s * book_ms / 1000
        at_ms = 0
        while True:
            bid = int(mid)
            if at_ms and rng.random() < sweep_chance:
                yield self._sweep(at_ms, bid)
            yield self._book(at_ms, "perp", bid)
            yield self._book(at_ms + book_ms // 2, "spot", int(mid * (1 + weather.basis_bps * 1e-4)))
            mid = max(mid + rng.gauss(0, step_sd), START_TICKS / 2)
            at_ms += book_ms

    def _book(self, at_ms: int, product: Product, bid: int) -> BookEvent:
        ladders, rng = self._ladders[product], self._rng
        down, up = ladders[rng.getrandbits(4)], ladders[rng.getrandbits(4)]
        return BookEvent(at_ms, product, _side(_DOWN[bid], down), _side(_UP[bid + 1], up))

    def _sweep(self, at_ms: int, bid: int) -> TradeEvent:
        rng = self._rng
        depth = int(rng.expovariate(1 / (self._weather.sweep_bps * TICKS_PER_BPS)))
        side: Side = "sell" if rng.random() < 0.5 else "buy"
        price = bid - depth if side == "sell" else bid + 1 + depth
        return TradeEvent(at_ms, "perp", _PRICE[price], Decimal(rng.randint(1, 400)).scaleb(-2), side)


class _Prices(dict[int, Decimal]):
    # Prices by their ticks of 0.01, mostly the same object each time.

    def __missing__(self, ticks: int) -> Decimal:
        if len(self) >= PRICES_KEPT_MAX:
            self.clear()
        self[ticks] = price = Decimal(ticks).scaleb(-2)
        return price


_PRICE = _Prices()


class _Steps(dict[int, tuple[Decimal, ...]]):
    # The prices of one side by its best one in ticks, going down or up from there: a walk comes back to most of them.

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    def __missing__(self, best: int) -> tuple[Decimal, ...]:
        if len(self) >= PRICES_KEPT_MAX:
            self.clear()
        self[best] = prices = tuple(_PRICE[best + self._step * n] for n in range(LEVELS))
        return prices


_DOWN, _UP = _Steps(-1), _Steps(1)


def _side(prices: tuple[Decimal, ...], ladder: tuple[Decimal, ...]) -> tuple[Level, ...]:
    return tuple(zip(prices, ladder, strict=False))
