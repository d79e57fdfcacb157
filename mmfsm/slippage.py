"""What hedges cost beyond the touch they were sent at: set before any is seen, then measured from our own.

    slip = side · (fill price − touch) / touch        in bps; a hedge that fills at the touch slips by nothing
    mean ← mean + w · q/Q · (slip − mean)             w = SLIP_WEIGHT, q/Q the share of its order that the fill is

Bounded: a fill counts for at most SLIP_MAX_BPS either way, and what is expected is never below zero.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.forgetting import forget_oldest
from mmfsm.values import BPS, ZERO, NormalizedFill, OrderRequest, Side

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


def averaged(mean_bps: Decimal, slip: Decimal, weight: Decimal) -> Decimal:
    """Return the mean after one more fill, which counts for at most SLIP_MAX_BPS.

    >>> averaged(Decimal(1), Decimal(3), Decimal("0.1"))
    Decimal('1.200000')
    """
    bounded = max(min(slip, SLIP_MAX_BPS), -SLIP_MAX_BPS)
    return (mean_bps + weight * (bounded - mean_bps)).quantize(PLACES)


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
        forget_oldest(self.touches, HEDGES_MAX)

    def filled(self, order: OrderRequest, fill: NormalizedFill, weight: Decimal, configured: Decimal) -> None:
        """A fill of an order was booked; only one that was sent as a hedge teaches anything."""
        touch = self.touches.get(order.client_oid)
        if touch is None or not weight:
            return
        share = fill.qty / order.qty
        slip = slip_bps(fill.side, fill.price, touch)
        before = configured if self.mean_bps is None else self.mean_bps
        self.mean_bps = averaged(before, slip, weight * share)
        self.fills += 1
