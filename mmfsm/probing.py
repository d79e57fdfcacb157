"""The time-in-force proof: one order that cannot be filled, sent with `timeInForceValue` alone, and what it tells.

Bitget's documents name the member that makes a perp order post-only in two ways, and ignore the one they do not know.
So it is tried: an order of the smallest size, half a price band below the touch, read back before it is cancelled.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mmfsm.rounding import passive_price, smallest_qty
from mmfsm.values import InstrumentRules, Side, Tif

SHARE_OF_BAND = 2
"""The order rests half a price band from the touch: inside what the exchange takes, far from being filled."""


class Proof(NamedTuple):
    """What was read back, and the policy that follows: `timeInForceValue` alone, or both members."""

    honoured: bool
    policy: str
    why: str


def probe_order(best_bid: Decimal, rules: InstrumentRules) -> tuple[Decimal, Decimal]:
    """Return price and size of the proof's bid.

    >>> from mmfsm.testing import rules_perp
    >>> probe_order(Decimal("2500.00"), rules_perp())
    (Decimal('2437.50'), Decimal('0.01'))
    """
    price = passive_price(best_bid * (1 - rules.buy_band_ratio / SHARE_OF_BAND), Side.BUY, rules)
    return price, smallest_qty(price, rules)


def judge(told: str) -> Proof:
    """Say what the time in force that the exchange gave the order means.

    >>> judge("post_only").policy, judge("gtc").policy
    ('timeInForceValue', 'both')
    """
    honoured = told == Tif.POST_ONLY.value
    return Proof(honoured, "timeInForceValue" if honoured else "both", f"the exchange made it {told}")
