"""I07: a spot buy that was to be filled was rounded down to the tick, fell below the ask and was not filled.

Wanted: prices of hedges and unwinds are rounded toward being filled, a buy up and a sell down.
"""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from mmfsm.testing import constraints
from mmfsm.values import BPS, Constraints, Side
from tests.incidents.scene import opened

D = Decimal


@pytest.mark.parametrize("slip", ["0", "0.3", "5"])
@pytest.mark.parametrize("spot_bid", ["2501.00", "2500.03", "2499.98"])
@pytest.mark.parametrize("side", list(Side))
def test_i07_a_hedge_reaches_at_least_the_slip_it_may_pay(side: Side, spot_bid: str, slip: str) -> None:
    """On a tick of 0.05, which the touch and the slip miss: the limit is at or through touch ± slip."""
    eth = constraints()
    rules = Constraints(eth.perp, attrs.evolve(eth.spot, price_tick=D("0.05")))
    scene = opened(rules=rules, spot_bid=spot_bid, hedge_slip_bps=D(slip))
    scene.trade(scene.quote(side), "p1")
    hedge, touch = scene.hedge, D(spot_bid) + (D("0.05") if side is Side.SELL else 0)
    meant = touch * (1 + hedge.side.sign * D(slip) * BPS)
    assert hedge.side is side.opposite and hedge.price % D("0.05") == 0
    if hedge.side is Side.BUY:
        assert touch <= meant <= hedge.price < meant + D("0.05")
    else:
        assert meant - D("0.05") < hedge.price <= meant <= touch
