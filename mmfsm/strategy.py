"""Where to quote: the imbalance of book and trades bends the reservation price, inventory, funding and basis bend the
half spreads.

    r   = mid · (1 + k_obi · obi + k_flow · flow) + k_micro · (micro-price − mid)
    bid = r · (1 − h_bid)        ask = r · (1 + h_ask)
    h   = base half spread ± inventory skew ± funding skew ± basis skew, each side its own

Both prices are rounded to the tick away from the touch, and never reach the opposite best price. Whether a side is
worth its fees is not asked here: the desk moves or drops what has too little edge (`valuation.py`), whoever planned it.

A strategy of one's own is any object with `quote(view) -> QuotePlan`; this one is the example to copy. `terms_bps` is
for the log: what moved the price away from mid (outwards is positive); the record adds what is left as `rounding`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

import attrs

from mmfsm.params import Params
from mmfsm.rounding import ceil_to, floor_to
from mmfsm.values import BBO, BPS, ONE, ZERO, Constraints, Funding, MarketSnapshot, QuotePlan, QuoteSide, Side

Terms = dict[str, Decimal]


class SideLimit(NamedTuple):
    """How much one side may be quoted now: zero with the reason, or a size both legs can trade."""

    qty: Decimal
    reason: str


class QuoteView(NamedTuple):
    """What a strategy may look at. `perp_pos` is signed base coin.

    `basis_z`: standard deviations of perp mid − spot mid from its recent mean; None while unknown, or if not asked for
    (`BASIS_FILTER=skew`). `flow`: which way the perp's takers lean, from −1 to 1 (`flow.py`); None if not asked for
    (`K_FLOW=0`).
    """

    params: Params
    constraints: Constraints
    market: MarketSnapshot
    funding: Funding
    perp_pos: Decimal
    bid_limit: SideLimit
    ask_limit: SideLimit
    basis_z: Decimal | None = None
    flow: Decimal | None = None


class Strategy(Protocol):
    """Anything that can plan quotes. It is asked after every book; it keeps no time and sends nothing."""

    def quote(self, view: QuoteView) -> QuotePlan: ...


def reservation_price(mid: Decimal, obi: Decimal, k_obi: Decimal) -> Decimal:
    """Return r = mid · (1 + k_obi · obi): buying pressure lifts it.

    >>> reservation_price(Decimal(2000), Decimal("0.5"), Decimal("0.0002"))
    Decimal('2000.20000')
    """
    return mid * (ONE + k_obi * obi)


def micro_price(touch: BBO) -> Decimal:
    """Return the mid weighted by the size on the other side: the price leans to where less rests.

    >>> micro_price(BBO(Decimal(2000), Decimal(30), Decimal(2001), Decimal(10), 0))
    Decimal('2000.75')
    """
    return (touch.bid * touch.ask_qty + touch.ask * touch.bid_qty) / (touch.bid_qty + touch.ask_qty)


def inventory_skew_bps(perp_pos: Decimal, max_position: Decimal, skew_bps: Decimal, target: Decimal = ZERO) -> Decimal:
    """Return what is added to the bid's half spread and taken from the ask's: above its target one buys less eagerly.

    >>> inventory_skew_bps(Decimal("0.05"), Decimal("0.1"), Decimal(2))
    Decimal('1.0')
    >>> inventory_skew_bps(Decimal("0.05"), Decimal("0.1"), Decimal(2), target=Decimal("-0.05"))
    Decimal('2.0')
    """
    if max_position <= 0:
        return ZERO
    ratio = max(min((perp_pos - target) / max_position, ONE), -ONE)
    return ratio * skew_bps


def funding_target(rate: Decimal, share: Decimal, max_position: Decimal) -> Decimal:
    """Return the perp position that inventory is steered to, signed: on the side funding pays, a share of the cap.

    >>> funding_target(Decimal("0.0001"), Decimal("0.5"), Decimal("0.1"))
    Decimal('-0.05')
    """
    return ZERO if not share or not rate else share * max_position * (-1 if rate > 0 else 1)


def funding_skew_bps(rate: Decimal, skew_bps: Decimal) -> Decimal:
    """Return what is added to the bid's half spread and taken from the ask's: paid to be short, sell more eagerly.

    >>> funding_skew_bps(Decimal("0.0001"), Decimal(1)), funding_skew_bps(Decimal("-0.0001"), Decimal(1))
    (Decimal('1'), Decimal('-1'))
    """
    return skew_bps if rate > 0 else -skew_bps if rate < 0 else ZERO


def basis_skew_bps(z: Decimal | None, z_max: Decimal, skew_bps: Decimal) -> Decimal:
    """Return what is added to the bid's half spread and taken from the ask's: a perp far above its basis is not bought.

    >>> [basis_skew_bps(z, Decimal(3), Decimal(2)) for z in (None, Decimal(3), Decimal("3.1"), Decimal(-4))]
    [Decimal('0'), Decimal('0'), Decimal('2'), Decimal('-2')]
    """
    if z is None or abs(z) <= z_max:
        return ZERO
    return skew_bps if z > 0 else -skew_bps


@attrs.frozen
class ObiFundingStrategy:
    """The design's market maker. Stateless: the same view gives the same plan."""

    def quote(self, view: QuoteView) -> QuotePlan:
        """Plan both sides; a side whose limit is zero is left out with that limit's reason."""
        params, perp = view.params, view.market.perp
        mid = perp.bbo.mid
        r = reservation_price(mid, perp.obi, params.k_obi)
        shift = {"obi": params.k_obi * perp.obi / BPS}
        if params.k_flow and view.flow is not None:
            r += mid * params.k_flow * view.flow
            shift["flow"] = params.k_flow * view.flow / BPS
        if params.k_micro and perp.bbo.bid_qty + perp.bbo.ask_qty > 0:
            lean = params.k_micro * (micro_price(perp.bbo) - mid)
            r, shift["micro"] = r + lean, lean / mid / BPS
        target = funding_target(view.funding.rate, params.funding_target, params.max_position)
        skews = {
            "inventory": inventory_skew_bps(view.perp_pos, params.max_position, params.inventory_skew_bps, target),
            "funding": funding_skew_bps(view.funding.rate, params.funding_skew_bps),
        }
        if view.basis_z is not None:
            skews["basis"] = basis_skew_bps(view.basis_z, params.basis_z_max, params.basis_skew_bps)
        return QuotePlan(
            bid=self._side(view, Side.BUY, r, skews, shift, view.bid_limit),
            ask=self._side(view, Side.SELL, r, skews, shift, view.ask_limit),
            reason="set_quote",
            mid=mid,
            reservation=r,
        )

    def _side(self, view: QuoteView, side: Side, r: Decimal, skews: Terms, shift: Terms, limit: SideLimit) -> QuoteSide:
        base, rules, touch = view.params.base_half_spread_bps, view.constraints.perp, view.market.perp.bbo
        terms, half, is_bid = {"base": base}, base, side is Side.BUY
        for name, bps in skews.items():  # what makes one side shy makes the other eager
            terms[name] = bps if is_bid else -bps
            half += terms[name]
        for name, bps in shift.items():  # what lifts the reservation price brings the bid closer
            terms[name] = -bps if is_bid else bps
        if half < ZERO:
            half, terms["clamp"] = ZERO, -half  # skews never push a quote through the reservation price
        if limit.qty <= ZERO:
            return QuoteSide(None, ZERO, limit.reason, terms)
        if is_bid:
            price = min(floor_to(r * (ONE - half * BPS), rules.price_tick), touch.ask - rules.price_tick)
        else:
            price = max(ceil_to(r * (ONE + half * BPS), rules.price_tick), touch.bid + rules.price_tick)
        return QuoteSide(price, limit.qty, limit.reason, terms)
