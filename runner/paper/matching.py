"""Matching of our orders against one product's market: displayed levels, market trades, and each other.

Rules, in the order they are applied:

1. A marketable order takes the displayed levels (and resting orders of ours) by price; at one price the displayed
   quantity is ahead. What it took stays taken until the market's next book.
2. A resting order has a queue ahead of it: the quantity displayed at its price when it arrived. Trades at the price
   shorten it, and so does a book that displays less than the queue.
3. A market trade at the price fills what of its size reaches past the queue. A trade through the price means that
   everything at the price is gone: it fills the order completely.
4. A book that arrives with the other side at or through our price fills the order at its own price, by the quantity
   that is displayed there: on the exchange that quantity would have met us first.

A price beyond the displayed depth has an unknown queue until it is displayed or traded.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Literal

import attrs

from runner.paper.numbers import TWO, ZERO
from runner.paper.values import Level, Order, Side, opposite

# How much of an order may trade at a price, in base coin: what is left, cut by position for reduce-only orders.
Fillable = Callable[[Order, Decimal], Decimal]


@attrs.define(eq=False)
class Resting:
    """A resting order and the quantity ahead of it; None while its price is beyond the displayed depth."""

    order: Order
    price: Decimal
    ahead: Decimal | None


@attrs.frozen(eq=False)
class Match:
    """One execution to be booked: `order` trades `qty` at `price`."""

    order: Order
    price: Decimal
    qty: Decimal
    is_maker: bool


class Matcher:
    """The market of one product. The owner books each match before it asks for the next one."""

    def __init__(self, fillable: Fillable, queue_ahead: Decimal = Decimal(1)) -> None:
        self._fillable = fillable
        self._queue_ahead = queue_ahead
        # Price and quantity left, best first.
        self._levels: dict[Literal["bid", "ask"], list[Level]] = {"bid": [], "ask": []}
        self._resting: dict[str, Resting] = {}
        self.last_price: Decimal | None = None

    # Reading

    def resting(self, direction: Side) -> list[Resting]:
        """Our resting orders that buy (or sell), best price first, oldest first within a price."""
        own = [one for one in self._resting.values() if one.order.direction == direction]
        if len(own) < 2:
            return own
        return sorted(own, key=lambda one: one.price, reverse=direction == "buy")

    def levels(self, direction: Side) -> list[Level]:
        """The displayed levels of those who buy (or sell), best first, without ours."""
        return list(self._levels[_side_of(direction)])

    def shown(self, direction: Side) -> list[Level]:
        """The displayed levels with our resting orders added, as the public sees them."""
        if not self._resting:
            return self.levels(direction)
        total = dict(self.levels(direction))
        for one in self.resting(direction):
            total[one.price] = total.get(one.price, ZERO) + one.order.left
        return sorted(total.items(), reverse=direction == "buy")

    def best(self, direction: Side) -> Decimal | None:
        """The best price at which somebody, ours included, buys (or sells)."""
        prices = [level[0] for level in self._levels[_side_of(direction)][:1]]
        prices += [one.price for one in self.resting(direction)[:1]]
        if not prices:
            return None
        return max(prices) if direction == "buy" else min(prices)

    @property
    def mid(self) -> Decimal | None:
        """Middle of the displayed touch, or the last trade, or None before either."""
        bids, asks = self._levels["bid"], self._levels["ask"]
        if bids and asks:
            return (bids[0][0] + asks[0][0]) / TWO
        return self.last_price

    def crosses(self, order: Order) -> bool:
        """Whether a limit order would trade at once."""
        best = self.best(opposite(order.direction))
        return best is not None and _within(order.direction, order.price, best)

    def takeable(self, order: Order) -> Decimal:
        """How much a marketable order could take now, in base coin (for fill-or-kill)."""
        other = opposite(order.direction)
        found = [qty for price, qty in self.levels(other) if _within(order.direction, order.price, price)]
        found += [one.order.left for one in self.resting(other) if _within(order.direction, order.price, one.price)]
        return sum(found, ZERO)

    # Changing

    def rest(self, order: Order) -> None:
        """Let a limit order rest behind what is displayed at its price."""
        assert order.price is not None
        ahead = self._displayed(order.direction, order.price)
        self._resting[order.order_id] = Resting(
            order, order.price, None if ahead is None else ahead * self._queue_ahead
        )

    def remove(self, order: Order) -> None:
        """Forget an order that no longer rests (filled or cancelled)."""
        self._resting.pop(order.order_id, None)

    def take(self, order: Order) -> Iterator[Match]:
        """Match a marketable order until its limit, its size or the displayed depth ends."""
        other = opposite(order.direction)
        while True:
            level = next(iter(self._levels[_side_of(other)]), None)
            own = next(iter(self.resting(other)), None)
            if own is not None and (level is None or _strictly_better(other, own.price, level[0])):
                level = None
            price = level[0] if level is not None else own.price if own is not None else None
            if price is None or not _within(order.direction, order.price, price):
                return
            want = self._fillable(order, price)
            there = level[1] if level is not None else self._fillable(own.order, price) if own is not None else ZERO
            qty = min(want, there)
            if qty <= 0:
                return
            if level is not None:
                self._consume(other, level, qty)
            elif own is not None:
                yield Match(own.order, price, qty, is_maker=True)
            yield Match(order, price, qty, is_maker=False)

    def on_book(self, bids: Sequence[Level], asks: Sequence[Level]) -> Iterator[Match]:
        """Replace the displayed levels; shorten queues; fill what the new book crosses."""
        self._levels["bid"], self._levels["ask"] = list(bids), list(asks)
        return self._meet_book() if self._resting else iter(())

    def _meet_book(self) -> Iterator[Match]:
        for one in self._resting.values():
            displayed = self._displayed(one.order.direction, one.price)
            if displayed is not None:
                one.ahead = displayed * self._queue_ahead if one.ahead is None else min(one.ahead, displayed)
        for direction in ("buy", "sell"):
            for one in self.resting(direction):
                facing = self._levels[_side_of(opposite(direction))]
                if facing and _within(direction, one.price, facing[0][0]):
                    yield from self._cross(one)

    def on_trade(self, price: Decimal, qty: Decimal, taker_side: Side) -> Iterator[Match]:
        """Let a market trade of `qty` meet our resting orders."""
        self.last_price = price
        used = ZERO
        for one in self.resting(opposite(taker_side)):
            if not _within(one.order.direction, one.price, price):
                return
            if one.price != price:
                reaches = self._fillable(one.order, one.price)
            else:
                ahead = one.ahead or ZERO
                one.ahead = max(ZERO, ahead - qty)
                reaches = min(qty - ahead - used, self._fillable(one.order, price))
                used += max(ZERO, reaches)
            if reaches > 0:
                yield Match(one.order, one.price, reaches, is_maker=True)

    def _cross(self, one: Resting) -> Iterator[Match]:
        other = opposite(one.order.direction)
        for level in list(self._levels[_side_of(other)]):
            if not _within(one.order.direction, one.price, level[0]):
                return
            qty = min(self._fillable(one.order, one.price), level[1])
            if qty > 0:
                self._consume(other, level, qty)
                yield Match(one.order, one.price, qty, is_maker=True)

    def _consume(self, direction: Side, level: Level, qty: Decimal) -> None:
        levels, left = self._levels[_side_of(direction)], level[1] - qty
        levels[levels.index(level)] = level[0], left
        if left <= 0:
            levels.remove((level[0], left))

    def _displayed(self, direction: Side, price: Decimal) -> Decimal | None:
        # Quantity shown at a price: 0 inside the displayed depth where nothing is, None beyond it.
        levels = self._levels[_side_of(direction)]
        for level_price, qty in levels:
            if level_price == price:
                return qty
        if not levels or _strictly_better(direction, levels[-1][0], price):
            return None
        return ZERO


def _side_of(direction: Side) -> Literal["bid", "ask"]:
    return "bid" if direction == "buy" else "ask"


def _within(direction: Side, limit: Decimal | None, price: Decimal) -> bool:
    # Whether an order with this limit accepts this price; no limit accepts any.
    if limit is None:
        return True
    return price <= limit if direction == "buy" else price >= limit


def _strictly_better(direction: Side, one: Decimal, other: Decimal) -> bool:
    # Whether `one` is the better price among those who buy (higher) or sell (lower).
    return one > other if direction == "buy" else one < other
