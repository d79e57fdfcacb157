"""I19: the first hedge was sent post-only and never filled.

Wanted: every hedge, chase and unwind is limit, immediate-or-cancel, from the first try.
"""

from __future__ import annotations

from pathlib import Path

from mmfsm.values import OrderIntent, Side, Tif
from tests.incidents.scene import opened
from tests.support.bot import trading


def test_i19_every_try_is_immediate_or_cancel() -> None:
    """From the first hedge to the unwind; quotes alone are post-only."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    assert scene.hedge.tif is Tif.IOC
    scene.until_unwinding()
    assert {it.tif for it in scene.closing} == {Tif.IOC} and len(scene.closing) > 5
    assert {it.tif for it in scene.orders(OrderIntent.QUOTE)} == {Tif.POST_ONLY}


async def test_i19_the_exchange_is_told_so(tmp_path: Path) -> None:
    """Over the wire: `orderType` limit and `force` ioc."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        (body,) = bot.requests("/spot/trade/place-order")
        assert (body["orderType"], body["force"]) == ("limit", "ioc")
