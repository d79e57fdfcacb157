"""I29: a place request timed out; the order may or may not exist.

Wanted: the slot does not know; it asks by clientOid, and nothing new goes out on it until it is answered.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.bot import Bot, trading

PLACE, CANCEL, DETAIL = "/mix/order/place-order", "/mix/order/cancel-order", "/mix/order/detail"
SHORT = {"REQUEST_TIMEOUT_MS": "150", "QUERY_PERIOD_MS": "100", "NOT_FOUND_MS": "400", "CANCEL_SETTLE_MS": "200"}


def _asked_by_name(bot: Bot) -> list[str]:
    """The clientOids that were asked for at the exchange."""
    return [it.query["clientOid"] for it in bot.exchange.requests if DETAIL in it.path and "clientOid" in it.query]


@pytest.mark.parametrize("fault", ["lost_after", "hang_after", "http500_after", "45001_after"])
async def test_i29_an_order_that_exists_is_found_and_never_doubled(tmp_path: Path, fault: str) -> None:
    """Both first quotes are taken and their answers lost: they are found, and a side is quoted anew only after its
    first order has been cancelled."""
    async with trading(tmp_path, before=lambda exchange: exchange.next_answer(PLACE, fault, times=2), **SHORT) as bot:
        await bot.until(lambda: len(bot.find("order_unknown")) == 2)
        await bot.quoting()
        assert len(bot.open_orders) == 2
        for side in ("buy", "sell"):
            placed = [order for order in bot.truth.orders if order.side == side]
            assert [order.status for order in placed[:-1]] == ["canceled"] * (len(placed) - 1)
            assert placed[-1].status == "live" and len(placed) <= 2
        cancelled = [it.at_ms for it in bot.exchange.requests if CANCEL in it.path]
        again = [it.at_ms for it in bot.exchange.requests if PLACE in it.path][2:]
        assert len(again) == len(cancelled) and all(one >= other for one, other in zip(again, cancelled, strict=True))


@pytest.mark.parametrize("fault", ["lost_before", "hang_before", "45001"])
async def test_i29_nothing_new_goes_out_until_it_is_known_not_to_exist(tmp_path: Path, fault: str) -> None:
    """Neither quote was taken: both are asked for by clientOid, more than once, and only then placed by new names."""
    async with trading(tmp_path, before=lambda exchange: exchange.next_answer(PLACE, fault, times=2), **SHORT) as bot:
        await bot.until(lambda: len(bot.find("order_unknown")) == 2)
        names = {body["clientOid"] for body in bot.requests(PLACE)}
        assert len(names) == 2
        await bot.quoting()
        asked = Counter(_asked_by_name(bot))
        placed = [it.at_ms for it in bot.exchange.requests if PLACE in it.path]
        assert set(asked) == names and all(count >= 2 for count in asked.values())
        assert len(placed) == 4 and min(placed[2:]) - max(placed[:2]) >= 250
