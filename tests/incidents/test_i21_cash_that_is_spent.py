"""I21: cash spent by a hedge counts as available until the next balance push; a lost push lets an ask be quoted whose
fill cannot be hedged."""

from decimal import Decimal

from mmfsm.values import Side
from tests.incidents.scene import opened

D = Decimal


def test_i21_cash_a_hedge_has_spent_is_not_available() -> None:
    """60 USDT; an ask of 0.02 is hedged for 50. No push has told it yet: the next ask may not be quoted at 0.02."""
    scene = opened(cash="60")
    scene.wait(1_000)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert scene.mode == "QUOTING" and not scene.rests(Side.SELL)
