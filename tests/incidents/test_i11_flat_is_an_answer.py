"""I11: reduce-only orders on a flat account were refused with 22002, five of them counted as a streak and halted.

Wanted: 22002 says "already flat" and proves nothing: the position is read again, what the ticket still owes goes back
to spot, and no streak is counted.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.actions import QueryPosition
from mmfsm.events import Flatten
from mmfsm.values import Leg, OrderIntent, Outcome, Side
from runner.bitget.codes import Kind, judge
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import PERP, SPOT

D = Decimal


def test_i11_what_the_ticket_owes_goes_back_to_spot() -> None:
    """Refused as flat: position read again, then the same remainder is sold on spot, plain and whole."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    unwind = scene.until_unwinding()
    assert unwind.inst is PERP and unwind.reduce_only
    out = scene.refuse(unwind, Outcome.FLAT, "22002")
    assert [it for it in out if isinstance(it, QueryPosition)]
    scene.wait(1_000)
    assert (scene.hedge.inst, scene.hedge.leg, scene.hedge.qty) == (SPOT, Leg.SPOT_UNWIND, D("0.02"))
    scene.hedged(scene.hedge)
    scene.wait(1_000)
    assert scene.desk.state.tickets == {} and scene.desk.state.ledger.delta == 0
    scene.assert_true()


def test_i11_any_number_of_them_is_no_streak() -> None:
    """More than the streak's limit, in a row: not one is counted and nothing halts."""
    scene = opened()
    limit = scene.desk.params.reject_streak_max
    for number in range(limit + 1):
        scene.trade(scene.quote(Side.BUY), f"p{number}", qty="0.01")
        scene.refuse(scene.until_unwinding(), Outcome.FLAT, "22002")
        scene.wait(1_000)
        scene.hedged(scene.hedge)
        scene.settle()
        assert scene.desk.state.reject_streak == 0 and "reject_streak" not in scene.reasons
        if not scene.desk.state.tickets and number % 2:
            scene.wait(16_000, 1_000)
            ask = scene.quote(Side.SELL)
            scene.trade(ask, f"a{number}")
            scene.hedged(scene.hedge)
        scene.wait(16_000, 1_000)
    scene.assert_true()


def test_i10_i11_a_flatten_of_what_is_gone_ends_by_itself() -> None:
    """0.02 in the books, flat on the exchange: some refused closes, then a person is told, and no order follows."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    scene.wait(6_000)
    scene(Flatten(scene.now))
    scene.settle()
    for _ in range(600):
        for request in [it for it in scene.closing if scene.is_open(it)]:
            scene.refuse(request, Outcome.FLAT, "22002")
        scene.now += 100
        scene.pulse()
    closes = scene.orders(OrderIntent.FLATTEN)
    assert 1 <= len(closes) <= 10 and all(it.reduce_only for it in closes)
    assert scene.alerts == ["flatten_failed"] and scene.records("flatten_failed")
    assert scene.desk.state.reject_streak == 0 and scene.mode == "IDLE" and not scene.rests(Side.BUY)


def test_i11_the_code_table_says_so() -> None:
    """22002 of a place request is no refusal, and neither are its relatives."""
    for code in ("22002", "40757", "40804", "45003"):
        assert judge(Kind.PLACE, 400, code)[0] is Outcome.FLAT
