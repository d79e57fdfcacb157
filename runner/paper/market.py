"""Where market data comes from: one interface, and the market that tests set by hand."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Protocol

from runner.paper.numbers import decimal
from runner.paper.values import BookEvent, FundingEvent, Level, MarketEvent, Product, Side, TradeEvent

Figure = Decimal | str | int | float


class MarketSource(Protocol):
    """Time-ordered market events; `at_ms` counts from the market's start."""

    def events(self) -> Iterator[MarketEvent]:
        """Yield events, never going back in time; endless or not."""
        ...


class NoMarket:
    """A market in which nothing happens by itself."""

    def events(self) -> Iterator[MarketEvent]:
        """Yield nothing."""
        return iter(())


class ScriptedMarket:
    """Books, trades and funding set by calls, effective at once, on top of whatever market is running."""

    def __init__(self, sink: Callable[[MarketEvent], None]) -> None:
        self._sink = sink

    def set_book(
        self,
        product: Product,
        bids: Iterable[tuple[Figure, Figure]],
        asks: Iterable[tuple[Figure, Figure]],
    ) -> None:
        """Show these levels (price, quantity), best first.

        Raises:
            ValueError: A side is not sorted, a quantity is not positive, or the book is crossed.
        """
        bid_levels, ask_levels = _levels(bids), _levels(asks)
        prices = [price for price, _ in reversed(bid_levels)] + [price for price, _ in ask_levels]
        if any(one >= other for one, other in itertools.pairwise(prices)):
            raise ValueError(f"prices must rise from the last bid to the last ask (got {prices})")
        if any(qty <= 0 for _, qty in bid_levels + ask_levels):
            raise ValueError("quantities must be positive")
        self._sink(BookEvent(0, product, bid_levels, ask_levels))

    def set_touch(self, product: Product, bid: Figure, ask: Figure, qty: Figure = 5, step: Figure = "0.01") -> None:
        """Show five levels of `qty` a side, `step` apart, from this touch."""
        best_bid, best_ask, size, gap = decimal(bid), decimal(ask), decimal(qty), decimal(step)
        self.set_book(
            product,
            [(best_bid - n * gap, size) for n in range(5)],
            [(best_ask + n * gap, size) for n in range(5)],
        )

    def clear_book(self, product: Product) -> None:
        """Show no levels at all."""
        self._sink(BookEvent(0, product, (), ()))

    def trade(self, product: Product, price: Figure, qty: Figure, taker_side: Side) -> None:
        """Let somebody take `qty` at `price`; the displayed book stays as it is."""
        self._sink(TradeEvent(0, product, decimal(price), decimal(qty), taker_side))

    def funding(self, rate: Figure) -> None:
        """Set the funding rate of the running interval."""
        self._sink(FundingEvent(0, decimal(rate)))


def _levels(levels: Iterable[tuple[Figure, Figure]]) -> tuple[Level, ...]:
    return tuple((decimal(price), decimal(qty)) for price, qty in levels)
