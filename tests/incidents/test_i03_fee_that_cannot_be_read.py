"""I03: a spot fill whose fee cannot be read is booked as if it had cost nothing, without a word."""

from decimal import Decimal

from mmfsm.values import Side
from tests.incidents.scene import opened

D = Decimal


def test_i03_a_fee_that_is_not_known_is_a_risk_record() -> None:
    """A buy without fee and coin: the position may be smaller than it looks, and the log says so."""
    scene = opened()
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", fee="0", fee_coin=None)
    assert scene.records("risk", "fee_coin_unknown")
