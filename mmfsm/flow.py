"""Trade flow: whether the perp's takers have bought or sold of late, in (−1, +1); positive leans to buying.

    bought ← bought · 2^(−Δ / window) + what takers bought        sold ← the same of what they sold
    flow   = (bought − sold) / (bought + sold + floor)

Δ is the time since the last trades, in ms, and the window a half-life: a trade counts half after one, a quarter after
two. `floor` is a volume in base coin: where no more than that was traded, flow counts half or less, so that a lone
small trade says little; and as both sums fade and it does not, flow goes to zero without trades. What is bought,
whenever it is, never lowers flow, and what is sold never lifts it.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.values import ZERO

VOLUME_MAX = Decimal(10) ** 12
"""A volume beyond this, in base coin, is a wrong number: it counts for no more."""

WINDOWS_MAX = 64
"""After this many windows nothing is left: 2^−64 of the largest volume is below a millionth of a coin."""

PLACES = Decimal("1e-9")


@attrs.define
class Flow:
    """Both volumes in base coin, as they counted at `at_ms`."""

    bought: Decimal = ZERO
    sold: Decimal = ZERO
    at_ms: int = 0

    def take(self, bought: Decimal, sold: Decimal, window_ms: int, at_ms: int) -> None:
        """Add what takers bought and sold since the last time, in base coin."""
        left = self._left(window_ms, at_ms)
        self.bought = min(self.bought * left + bought, VOLUME_MAX).quantize(PLACES)
        self.sold = min(self.sold * left + sold, VOLUME_MAX).quantize(PLACES)
        self.at_ms = at_ms

    def at(self, window_ms: int, floor_qty: Decimal, at_ms: int) -> Decimal:
        """Return flow at a time not before the last trades.

        Bought 8 and sold 4 over a floor of 4: 4/16. A window of 1 s later both count half: 2/10. Then 6 are sold:
        bought 4, sold 2 + 6, so −4/16. With twenty windows more there is next to nothing left.

        >>> flow = Flow()
        >>> flow.take(Decimal(8), Decimal(4), 1_000, at_ms=0)
        >>> flow.at(1_000, Decimal(4), at_ms=0), flow.at(1_000, Decimal(4), at_ms=1_000)
        (Decimal('0.25'), Decimal('0.2'))
        >>> flow.take(Decimal(0), Decimal(6), 1_000, at_ms=1_000)
        >>> flow.at(1_000, Decimal(4), at_ms=1_000), round(flow.at(1_000, Decimal(4), at_ms=21_000), 5)
        (Decimal('-0.25'), Decimal('-0.00000'))
        """
        left = self._left(window_ms, at_ms)
        bought, sold = self.bought * left, self.sold * left
        return (bought - sold) / (bought + sold + floor_qty)

    def _left(self, window_ms: int, at_ms: int) -> Decimal:
        # The share of both volumes that still counts.
        passed_ms = at_ms - self.at_ms
        return ZERO if passed_ms >= WINDOWS_MAX * window_ms else Decimal(2) ** (Decimal(-passed_ms) / window_ms)
