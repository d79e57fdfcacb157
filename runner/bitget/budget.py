"""The request budget: how many requests an endpoint takes a second, and who goes first when that is too few.

Bitget counts requests per endpoint and account (the "Rate limit" line of each page). Quotes may use a share of it only,
so that an unwind on the same endpoint never finds it used up; a quote over its share is not sent at all, since a late
quote is a wrong one. Everything else waits for its turn, at most a second.

And hedges go first: while one is about to leave, no quote is begun.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

PER_SECOND = {
    "/api/v2/mix/order/place-order": 10,
    "/api/v2/mix/order/cancel-order": 10,
    "/api/v2/mix/order/detail": 10,
    "/api/v2/mix/order/orders-pending": 10,
    "/api/v2/mix/order/fills": 10,
    "/api/v2/mix/account/account": 10,
    "/api/v2/mix/position/single-position": 10,
    "/api/v2/mix/account/bill": 10,
    "/api/v2/mix/account/set-position-mode": 5,
    "/api/v2/spot/trade/place-order": 10,
    "/api/v2/spot/trade/cancel-order": 10,
    "/api/v2/spot/trade/orderInfo": 20,
    "/api/v2/spot/trade/unfilled-orders": 20,
    "/api/v2/spot/trade/fills": 10,
    "/api/v2/spot/account/assets": 10,
    "/api/v2/common/trade-rate": 10,
    "/api/v2/spot/account/info": 1,
    # Bitget's limit of these two is 20; half is left to whoever else reads books from this address.
    "/api/v2/mix/market/merge-depth": 10,
    "/api/v2/spot/market/orderbook": 10,
}
PER_SECOND_ELSE = 20
QUOTE_SHARE = 0.6
WINDOW_S = 1.05  # a little more than their second: their clock decides where it begins


class Budget:
    """Counts what was sent in the last second on each endpoint. `clock` is the loop's, in seconds.

    `on_hedge_sent`, if set, is told how long each hedge took from the event that asked for it to its request, in
    seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}
        self._hedges_starting: deque[float] = deque()
        self.on_hedge_sent: Callable[[float], None] | None = None
        self._none_starting = asyncio.Event()
        self._none_starting.set()

    def left(self, path: str) -> int:
        """How many more requests the endpoint takes now."""
        sent, now = self._sent.setdefault(path, deque()), self._clock()
        while sent and now - sent[0] >= WINDOW_S:
            sent.popleft()
        return PER_SECOND.get(path, PER_SECOND_ELSE) - len(sent)

    def all_left(self) -> dict[str, tuple[int, int]]:
        """Return, for each endpoint used so far, how many more requests it takes now, and how many a second."""
        return {path: (self.left(path), PER_SECOND.get(path, PER_SECOND_ELSE)) for path in list(self._sent)}

    def take_quote(self, path: str) -> bool:
        """Take a request of the quotes' share; False if that is used up."""
        reserved = PER_SECOND.get(path, PER_SECOND_ELSE) * (1 - QUOTE_SHARE)
        if self.left(path) <= reserved:
            return False
        self.took(path)
        return True

    async def take(self, path: str) -> None:
        """Take a request, waiting until the endpoint has one left."""
        while self.left(path) <= 0:  # noqa: ASYNC110 - it is the clock that is waited for
            await asyncio.sleep(max(self._sent[path][0] + WINDOW_S - self._clock(), 0.001))
        self.took(path)

    def took(self, path: str) -> None:
        """Count a request whose turn needed no waiting: `left` has just said so."""
        self._sent[path].append(self._clock())

    def hedge_coming(self, since_s: float) -> None:
        """A hedge or an unwind has been decided on: its request starts before any quote's.

        Args:
            since_s: when the event came that asked for it, by the clock.
        """
        self._hedges_starting.append(since_s)
        self._none_starting.clear()

    def hedge_started(self) -> None:
        """Its request is on its way."""
        since_s = self._hedges_starting.popleft()
        if not self._hedges_starting:
            self._none_starting.set()
        if self.on_hedge_sent is not None:
            self.on_hedge_sent(self._clock() - since_s)

    async def let_hedges_start(self) -> None:
        """Wait until no hedge is about to leave; at once if none is."""
        if self._hedges_starting:
            await self._none_starting.wait()
