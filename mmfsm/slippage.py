"""What hedges cost beyond the touch they were sent at: set before any is seen, then measured from our own.

    slip = side · (fill price − touch) / touch        in bps; a hedge that fills at the touch slips by nothing
    mean ← mean + w · q/Q · (slip − mean)             w = SLIP_WEIGHT, q/Q the share of the order that this fill is

Bounded: a fill counts for at most SLIP_MAX_BPS either way, and what is expected is never below zero.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.values import BPS, ZERO, Side

SLIP_MAX_BPS = Decimal(100)
HEDGES_MAX = 64
"""How many hedges under way are remembered; there is one to a ticket."""

PLACES = Decimal("1e-6")


def slip_bps(side: Side, price: Decimal, touch: Decimal) -> Decimal:
    """Return what a fill cost beyond the touch.

    >>> slip_bps(Side.SELL, Decimal("2499.5"), Decimal(2500))
    Decimal('2')
    """
    return side.sign * (price - touch) / touch / BPS


@attrs.define
class Slippage:
    """The measured mean (None before the first hedge), how many fills it holds, and the touch of hedges under way."""

    mean_bps: Decimal | None = None
    fills: int = 0
    touches: dict[str, Decimal] = attrs.field(factory=dict)

    def expected_bps(self, configured: Decimal) -> Decimal:
        """Return what the next hedge is expected to cost: measured, or as configured; never below zero."""
        return configured if self.mean_bps is None else max(self.mean_bps, ZERO)

    def sent(self, client_oid: str, touch: Decimal) -> None:
        """A hedge was sent while the opposite best price was `touch`."""
        self.touches[client_oid] = touch
        if len(self.touches) > HEDGES_MAX:
            del self.touches[next(iter(self.touches))]

    def filled(
        self, client_oid: str, side: Side, price: Decimal, share: Decimal, weight: Decimal, configured: Decimal
    ) -> None:
        """A fill of a hedge was booked; `share` is how much of its order it is.

        >>> seen = Slippage()
        >>> seen.sent("h1", Decimal(2500))
        >>> seen.filled("h1", Side.SELL, Decimal("2499.25"), Decimal(1), Decimal("0.1"), Decimal(1))
        >>> seen.expected_bps(Decimal(1))
        Decimal('1.200000')
        """
        touch = self.touches.get(client_oid)
        if touch is None or not weight:
            return
        slip = max(min(slip_bps(side, price, touch), SLIP_MAX_BPS), -SLIP_MAX_BPS)
        before = configured if self.mean_bps is None else self.mean_bps
        self.mean_bps = (before + weight * share * (slip - before)).quantize(PLACES)
        self.fills += 1
