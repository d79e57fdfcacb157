"""Where to quote: order-book imbalance bends the reservation price, inventory and funding bend the two half spreads.

    r   = mid · (1 + k_obi · obi)
    bid = r · (1 − h_bid)        ask = r · (1 + h_ask)
    h   = base half spread ± inventory skew ± funding skew, each side its own

Both prices are rounded to the tick away from the touch, and never reach the opposite best price.

A strategy of one's own is any object with `quote(view) -> QuotePlan`; this one is the example to copy.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import attrs

from mmfsm.params import Params
from mmfsm.rounding import passive_price
from mmfsm.values import BPS, ZERO, Constraints, Funding, MarketSnapshot, QuotePlan, QuoteSide, Side


@attrs.frozen
class SideLimit:
    """How much one side may be quoted now: zero with the reason, or a size both legs can trade."""

    qty: Decimal
    reason: str


@attrs.frozen
class QuoteView:
    """What a strategy may look at. `perp_pos` is signed base coin."""

    params: Params
    constraints: Constraints
    market: MarketSnapshot
    funding: Funding
    perp_pos: Decimal
    bid_limit: SideLimit
    ask_limit: SideLimit


class Strategy(Protocol):
    """Anything that can plan quotes. It is asked after every book; it keeps no time and sends nothing."""

    def quote(self, view: QuoteView) -> QuotePlan: ...


def reservation_price(mid: Decimal, obi: Decimal, k_obi: Decimal) -> Decimal:
    """Return r = mid · (1 + k_obi · obi): buying pressure lifts it.

    >>> reservation_price(Decimal(2000), Decimal("0.5"), Decimal("0.0002"))
    Decimal('2000.20000')
    """
    return mid * (1 + k_obi * obi)


def inventory_skew_bps(perp_pos: Decimal, max_position: Decimal, skew_bps: Decimal) -> Decimal:
    """Return what is added to the bid's half spread and taken from the ask's: a long position buys less eagerly.

    >>> inventory_skew_bps(Decimal("0.05"), Decimal("0.1"), Decimal(2))
    Decimal('1.0')
    """
    if max_position <= 0:
        return ZERO
    ratio = max(min(perp_pos / max_position, Decimal(1)), Decimal(-1))
    return ratio * skew_bps


def funding_skew_bps(rate: Decimal, skew_bps: Decimal) -> Decimal:
    """Return what is added to the bid's half spread and taken from the ask's: paid to be short, sell more eagerly.

    >>> funding_skew_bps(Decimal("0.0001"), Decimal(1)), funding_skew_bps(Decimal("-0.0001"), Decimal(1))
    (Decimal('1'), Decimal('-1'))
    """
    return skew_bps if rate > 0 else -skew_bps if rate < 0 else ZERO


@attrs.frozen
class ObiFundingStrategy:
    """The design's market maker. Stateless: the same view gives the same plan."""

    def quote(self, view: QuoteView) -> QuotePlan:
        """Plan both sides; a side whose limit is zero is left out with that limit's reason."""
        params, perp = view.params, view.market.perp
        mid = perp.bbo.mid
        r = reservation_price(mid, perp.obi, params.k_obi)
        inventory = inventory_skew_bps(view.perp_pos, params.max_position, params.inventory_skew_bps)
        funding = funding_skew_bps(view.funding.rate, params.funding_skew_bps)
        return QuotePlan(
            bid=self._side(view, Side.BUY, r, inventory, funding, view.bid_limit),
            ask=self._side(view, Side.SELL, r, -inventory, -funding, view.ask_limit),
            reason="set_quote",
            mid=mid,
            reservation=r,
        )

    def _side(
        self, view: QuoteView, side: Side, r: Decimal, inventory: Decimal, funding: Decimal, limit: SideLimit
    ) -> QuoteSide:
        base, rules, touch = view.params.base_half_spread_bps, view.constraints.perp, view.market.perp.bbo
        terms = {"base": base, "inventory": inventory, "funding": funding}
        if limit.qty <= 0:
            return QuoteSide(None, ZERO, limit.reason, terms)
        half = max(base + inventory + funding, ZERO) * BPS
        price = passive_price(r * (1 - side.sign * half), side, rules)
        if side is Side.BUY:
            price = min(price, touch.ask - rules.price_tick)
        else:
            price = max(price, touch.bid + rules.price_tick)
        return QuoteSide(price, limit.qty, limit.reason, terms)
