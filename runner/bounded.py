"""What a long log is counted in: memory that does not grow with it, and answers that are the same every time."""

from __future__ import annotations

from collections import Counter, OrderedDict
from decimal import Decimal

import attrs

EXACT_BITS = 10
"""A sketch keeps whole numbers below 2^10 as they are; a larger one by its 10 leading bits, at most 0.1 % off."""

RECENT_MAX = 4_096


FIGURE_MAX = 10**15
"""No amount, price, quantity or length of time of a log is larger; what claims to be is a fault."""

PLACES_MAX = 40
"""Nor has one more decimal places: two of the exchange's figures multiplied have less."""


def figure_of(value: object) -> Decimal:
    """Return a figure of a record.

    Raises:
        ValueError, ArithmeticError: it is none, or one that nothing in a market has.
    """
    if isinstance(value, str | int) and not isinstance(value, bool):
        number = Decimal(value)
        exponent = number.as_tuple().exponent
        if abs(number) < FIGURE_MAX and isinstance(exponent, int) and exponent > -PLACES_MAX:
            return number
    raise ValueError(f"expected a figure, got {str(value)[:20]!r}")


def bucket(value: int) -> int:
    """Return the number that stands for a value: itself below 1024, else the middle of its bucket.

    >>> [bucket(it) for it in (7, -1023, 1025, 100_001)]
    [7, -1023, 1025, 100032]
    """
    size = abs(value)
    shift = size.bit_length() - EXACT_BITS
    if shift > 0:
        size = (size >> shift << shift) + (1 << shift >> 1)
    return size if value >= 0 else -size


@attrs.define
class Sketch:
    """How many there were of each size: quantiles of any number of whole numbers, in some thousand buckets at most.

    Nothing is drawn by lot. A quantile is exact below 1024 and within 1/1024 of itself above; `low` and `high` are
    exact.
    """

    counts: Counter[int] = attrs.field(factory=Counter)
    count: int = 0
    low: int | None = None
    high: int | None = None

    def add(self, value: int) -> None:
        """Count one value."""
        self.counts[bucket(value)] += 1
        self.count += 1
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)

    def quantile(self, share: float) -> int | None:
        """Return the smallest value that `share` (0 to 1) of the values did not exceed; None without values."""
        if self.low is None or self.high is None:
            return None
        left = min(int(share * self.count), self.count - 1)
        for value in sorted(self.counts):
            left -= self.counts[value]
            if left < 0:
                return min(max(value, self.low), self.high)
        raise AssertionError("the counts add up to `count`")


@attrs.define
class Recent:
    """Names that were seen not long ago. `count`: how many different ones.

    Exact as long as a name comes again before `RECENT_MAX` others have come: orders of which two rest at a time do.
    """

    count: int = 0
    _names: OrderedDict[str, None] = attrs.field(factory=OrderedDict)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> bool:
        """Take a name; say whether it is a new one."""
        is_new = name not in self._names
        self._names[name] = None
        self._names.move_to_end(name)
        self.count += is_new
        if len(self._names) > RECENT_MAX:
            self._names.popitem(last=False)
        return is_new
