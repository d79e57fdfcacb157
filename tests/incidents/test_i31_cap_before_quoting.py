"""I31: quotes kept stacking the same side after a fill until the position limit forced a flatten at a loss.

Wanted: the cap is applied before quoting: no side rests more than position, open quotes and tickets leave room for.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.values import OrderIntent, Side
from tests.incidents.scene import opened

D = Decimal


@pytest.mark.parametrize("side", list(Side))
def test_i31_the_side_shrinks_and_goes_before_the_cap_is_passed(side: Side) -> None:
    """One-way flow against a cap of 0.05 and quotes of 0.02: 0.02, 0.02, 0.01, nothing. No flatten, ever."""
    scene = opened(max_position=D("0.05"))
    sizes = []
    for number in range(6):
        if not scene.rests(side):
            break
        quote = scene.quote(side)
        sizes.append(quote.qty)
        assert abs(scene.perp) + quote.qty <= D("0.05")
        scene.trade(quote, f"p{number}")
        scene.hedged(scene.hedge)
        scene.wait(3_000)
    assert sizes == [D("0.02"), D("0.02"), D("0.01")]
    assert scene.perp == side.sign * D("0.05") and scene.rests(side.opposite) and not scene.rests(side)
    assert len(scene.records("order_skip", "max_position")) == 1
    assert {it.intent for it in scene.closing} == {OrderIntent.HEDGE} and not scene.alerts
    scene.wait(30_000, 1_000)
    assert not scene.rests(side)


def test_i31_what_a_cancelled_quote_may_still_fill_is_not_quoted_again() -> None:
    """The cancel is not confirmed: that side rests nothing new, so position and quotes never pass the cap."""
    scene = opened(max_position=D("0.02"))
    bid = scene.quote(Side.BUY)
    scene.perp_bid += 5
    for _ in range(40):
        scene.now += 100
        scene.pulse()
        assert [it for it in scene.orders(OrderIntent.QUOTE) if it.side is Side.BUY] == [bid]
    scene.trade(bid, "p1")
    scene.hedged(scene.hedge)
    scene.wait(5_000)
    assert scene.perp == D("0.02") and not scene.rests(Side.BUY)
    scene.assert_true()
