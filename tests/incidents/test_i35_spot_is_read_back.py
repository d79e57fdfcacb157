"""I35: the end of a run reads open orders and the perp position back, but not the spot coin: the leg that stayed (102 WLD)."""

from decimal import Decimal

from mmfsm.actions import QueryBalance
from mmfsm.events import OpenOrdersRead, Stop
from mmfsm.values import Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import PERP, SPOT

D = Decimal


def test_i35_a_run_is_not_clean_while_the_spot_coin_differs() -> None:
    """The exchange holds 0.04 ETH more than the books say: not clean, status 1 at the bound."""
    scene = opened(stop_bound_sec=5)
    scene.wait(1_000)
    scene(Stop(scene.now, "operator"))
    for side in (Side.BUY, Side.SELL):
        scene.end(scene.quote(side), "0")
    begin = len(scene.log)
    for _ in range(12):
        scene.now += 500
        scene(OpenOrdersRead(scene.now, PERP, ()), OpenOrdersRead(scene.now, SPOT, ()))
        scene.reread(position="0", coin="0.54")
        scene.pulse()
    assert any(isinstance(it, QueryBalance) for it in scene.log[begin:])
    assert [it.status for it in scene.exits] == [1]
