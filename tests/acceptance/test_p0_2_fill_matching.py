"""P0-2: a spot fill without clientOid is matched by orderId, even when it is faster than the place answer."""

from decimal import Decimal
from pathlib import Path

from tests.support.bot import Bot, trading

SPOT_PLACE = "/spot/trade/place-order"


def _assert_restored(bot: Bot) -> None:
    (fill,) = bot.find("fill", inst_type="SPOT")
    truth = next(it for it in bot.truth.fills if it.product == "spot")
    assert fill["client_oid"] == truth.client_oid == bot.requests(SPOT_PLACE)[0]["clientOid"]
    assert fill["exch_order_id"] == truth.order_id and fill["exch_trade_id"] == truth.trade_id


async def test_the_spot_push_names_no_client_oid_and_the_log_does(tmp_path: Path) -> None:
    """pybotters' store holds the push as it came; the log's record has the clientOid the hedge was sent with."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        store = bot.runner.sockets.store
        await bot.until(lambda: store.fill.find({"instType": "SPOT"}))

        assert "clientOid" not in store.fill.find({"instType": "SPOT"})[0]
        _assert_restored(bot)


async def test_a_fill_that_comes_before_the_place_answer_is_matched_when_it_comes(tmp_path: Path) -> None:
    """The answer is 400 ms late, and the orders stream says nothing: the fill waits, then is booked as the hedge's."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.push_fault("hold", times=100, channel="orders")
        bot.exchange.next_answer(SPOT_PLACE, "delay_ms", ms=400)
        bot.fill_bid()
        await bot.until(lambda: bot.runner.desk.state.orders.early)
        assert bot.find("fill", inst_type="SPOT") == [] and bot.find("order_ack", intent="hedge") == []
        await bot.until(lambda: bot.find("fill", inst_type="SPOT"))
        bot.exchange.clear_faults()
        await bot.hedged()

        _assert_restored(bot)
        (ack,), (fill,) = bot.find("order_ack", intent="hedge"), bot.find("fill", inst_type="SPOT")
        assert ack["ts"] - fill["data"]["exch_ms"] > 300, "it was told long before the answer"
        assert len(bot.requests(SPOT_PLACE)) == 1 and bot.truth.spot["ETH"].total == Decimal("0.48")


async def test_the_orders_stream_may_name_it_first(tmp_path: Path) -> None:
    """With the answer late and the orders stream on time the fill does not wait for the answer."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer(SPOT_PLACE, "delay_ms", ms=400)
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type="SPOT"))

        assert bot.find("order_ack", intent="hedge") == []
        await bot.hedged()
        await bot.until(lambda: bot.find("order_ack", intent="hedge"))
        _assert_restored(bot)


async def test_a_fill_whose_place_answer_is_lost_is_matched_too(tmp_path: Path) -> None:
    """The connection dies after the order was taken: it is asked for, never sent again, and the fill finds it."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.push_fault("hold", times=100, channel="orders")
        bot.exchange.next_answer(SPOT_PLACE, "lost_after")
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type="SPOT"))
        bot.exchange.clear_faults()
        await bot.hedged()

        _assert_restored(bot)
        assert len(bot.requests(SPOT_PLACE)) == 1 and bot.truth.spot["ETH"].total == Decimal("0.48")
