"""I18: an emergency flatten was sent for 0.06 when 0.02 was open.
I54: an unwind for 231 flattened 603, the hedged carry included.

Wanted: an unwind is what remains of its ticket and nothing else, and reduce-only wherever it reduces the position.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.values import OrderStatus, Outcome, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import PERP, SPOT

D = Decimal


def _carrying(side: Side, rounds: int) -> Scene:
    """A pair is held: the perp side bought or sold in so many hedged rounds of 0.02."""
    scene = opened(max_position=D("0.2"))
    for number in range(rounds):
        scene.trade(scene.quote(side), f"c{number}")
        scene.hedged(scene.hedge)
        scene.wait(3_000)
    return scene


def test_i18_i54_only_the_tickets_remainder_is_unwound_and_the_carry_stays() -> None:
    """Long 0.06 and hedged; a bid of 0.02 cannot be: 0.02 is sold reduce-only, the pair of 0.06 stays as it was."""
    scene = _carrying(Side.BUY, 3)
    scene.trade(scene.quote(Side.BUY), "p1")
    unwind = scene.until_unwinding()
    assert (unwind.inst, unwind.side, unwind.qty, unwind.reduce_only) == (PERP, Side.SELL, D("0.02"), True)
    scene.hedged(unwind)
    scene.wait(20_000, 1_000)
    assert (scene.perp, scene.spot_change) == (D("0.06"), D("-0.06"))
    assert scene.desk.state.tickets == {} and scene.hedge == unwind
    scene.assert_true()


def test_i18_what_a_hedge_has_filled_is_not_unwound() -> None:
    """0.02, of which 0.0055 was hedged: 0.01 is unwound, and what the perp's step leaves goes back to spot."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "s1", qty="0.0055")
    scene.end(scene.hedge, "0.0055")
    scene.wait(300, 100)
    unwind = scene.until_unwinding()
    assert (unwind.qty, unwind.reduce_only) == (D("0.01"), True)
    scene.hedged(unwind)
    scene.wait(400, 100)
    assert (scene.hedge.inst, scene.hedge.qty) == (SPOT, D("0.0045"))
    scene.hedged(scene.hedge)
    assert scene.desk.state.ledger.delta == 0
    scene.assert_true()


def test_i18_an_unwind_partly_filled_asks_for_the_rest_alone() -> None:
    """0.01 of 0.02 came back: the next unwind is 0.01."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    unwind = scene.until_unwinding()
    scene.accept(unwind)
    scene.trade(unwind, "u1", qty="0.01")
    scene.end(unwind, "0.01", OrderStatus.CANCELED)
    scene.wait(400, 100)
    assert scene.hedge != unwind and (scene.hedge.qty, scene.hedge.reduce_only) == (D("0.01"), True)


def test_i18_an_unwind_that_opens_is_plain_and_no_larger_than_the_remainder() -> None:
    """Short 0.04, a bid bought 0.02 of it back, spot refuses the sale: selling again is no reduction."""
    scene = _carrying(Side.SELL, 2)
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.refuse(scene.hedge, Outcome.REFUSED_LEG, "43012")
    unwind = scene.hedge
    assert (unwind.inst, unwind.side, unwind.qty, unwind.reduce_only) == (PERP, Side.SELL, D("0.02"), False)
    scene.hedged(unwind)
    assert scene.perp == D("-0.04") and scene.desk.state.tickets == {}
