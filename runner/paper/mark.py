"""Mark price of the perp: what profit, margin and liquidation are judged by.

`mid` is the middle of the perp's book (the last trade while the book has one side only). `median` is Bitget's own rule
(support page "Mark price calculation", perpetual futures): the median of

1. the last price;
2. index × (1 + latest funding rate × time until the next settlement / settlement interval);
3. index + the average over five minutes of the order book basis (middle of the perp's book − index), taken every 5 s.

The index is the middle of the spot book. Bitget renews the mark every second; here it moves with every event.
"""

from collections import deque
from decimal import Decimal
from typing import Literal

from runner.paper.numbers import ZERO

SAMPLE_MS = 5_000
SAMPLES = 60


class MarkPrice:
    """The mark price and the memory it needs. Prices in USDT, times in milliseconds."""

    def __init__(self, rule: Literal["mid", "median"]) -> None:
        self._rule = rule
        self._basis: deque[Decimal] = deque(maxlen=SAMPLES)
        self._sampled_ms: int | None = None

    def price(
        self, mid: Decimal, last: Decimal | None, index: Decimal | None, funding: Decimal, now_ms: int
    ) -> Decimal:
        """Return the mark price.

        Args:
            mid: Middle of the perp's book.
            last: Price of the perp's last trade; None before the first.
            index: Middle of the spot book; None before there is one.
            funding: Funding rate times the share of its interval that is still to come.
            now_ms: The time.
        """
        if self._rule == "mid" or index is None:
            return mid
        self._sample(mid - index, now_ms)
        average = sum(self._basis, ZERO) / len(self._basis)
        return sorted((last or mid, index * (1 + funding), index + average))[1]

    def _sample(self, basis: Decimal, now_ms: int) -> None:
        # A clock that was set back takes a sample at once rather than none for as long.
        if self._sampled_ms is None or not 0 <= now_ms - self._sampled_ms < SAMPLE_MS:
            self._basis.append(basis)
            self._sampled_ms = now_ms
