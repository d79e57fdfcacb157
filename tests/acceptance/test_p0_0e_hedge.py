"""P0-0e: a perp fill always yields a spot order, limit and IOC, on the opposite side, at once; dust is carried."""

from decimal import Decimal
from pathlib import Path

from tests.support.bot import touch, trading

SPOT_PLACE = "/spot/trade/place-order"
SMALL = {"QUOTE_SIZE": "0.12", "MAX_POSITION": "10"}
"""At 50 USDT the perp takes 0.12 (6 USDT of at least 5), and a fill of 0.01 is less than spot's 1 USDT."""


async def test_a_bid_that_fills_is_hedged_by_a_sale(tmp_path: Path) -> None:
    """Limit, IOC, sell, the fill's quantity, at most the slip below spot's bid."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()

        (body,) = bot.requests(SPOT_PLACE)
        assert (body["side"], body["orderType"], body["force"], body["size"]) == ("sell", "limit", "ioc", "0.02")
        assert Decimal("3500") * (1 - Decimal("0.0005")) <= Decimal(body["price"]) <= Decimal("3500")
        assert bot.truth.position == Decimal("0.02") and bot.truth.spot["ETH"].total == Decimal("0.48")


async def test_an_ask_that_fills_is_hedged_by_a_purchase(tmp_path: Path) -> None:
    """Limit, IOC, buy, at most the slip (to the next tick) above spot's ask; the fee in coin is no missing hedge."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_ask()
        await bot.hedged()

        (body,) = bot.requests(SPOT_PLACE)
        assert (body["side"], body["orderType"], body["force"], body["size"]) == ("buy", "limit", "ioc", "0.02")
        assert Decimal("3500.1") <= Decimal(body["price"]) <= Decimal("3501.86")
        assert bot.truth.position == Decimal("-0.02") and bot.truth.spot["ETH"].total == Decimal("0.51998")


async def test_the_hedge_leaves_before_the_other_quote_is_cancelled(tmp_path: Path) -> None:
    """Nothing stands between a fill and its hedge: when both are asked in one turn the hedge is asked first."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.push_fault("drop", channel="orders")  # the fill itself is then the first word of it
        bot.fill_bid()
        await bot.hedged()

        paths = [path for path in bot.posts if "spot/trade/place-order" in path or "mix/order/cancel-order" in path]
        assert "place-order" in paths[0] and "cancel-order" in paths[1]


async def test_a_partial_fill_is_hedged_for_what_it_is(tmp_path: Path) -> None:
    """0.01 of 0.02 filled: 0.01 hedged, and the rest of the quote is pulled."""
    async with trading(tmp_path, COOLDOWN_MS="60000") as bot:
        await bot.quoting()
        bot.fill_bid("0.01")
        await bot.hedged()
        await bot.until(lambda: not bot.open_orders)

        assert [body["size"] for body in bot.requests(SPOT_PLACE)] == ["0.01"]
        assert bot.truth.position == Decimal("0.01")


async def test_below_the_spot_minimum_it_is_skipped_and_carried_as_dust(tmp_path: Path) -> None:
    """`order_skip intent=hedge reason=below_min`, no order, and the quantity shows as dust with its sign."""
    async with trading(
        tmp_path, {"spot_eth": Decimal(5)}, before=lambda exchange: touch(exchange, "50.00", "50.00", "500"), **SMALL
    ) as bot:
        await bot.quoting()
        bot.fill_bid("0.01")
        await bot.until(lambda: bot.find("tick", data_dust="0.01"))

        (skipped,) = bot.find("order_skip", intent="hedge")
        assert (skipped["reason"], skipped["leg"], skipped["data"]["qty"]) == ("below_min", "spot_ioc", "0.01")
        assert bot.requests(SPOT_PLACE) == [] and bot.find("tick")[-1]["data"]["delta"] == "0.01"


async def test_dust_joins_the_next_hedge(tmp_path: Path) -> None:
    """0.01 carried, then 0.12 filled on the same side: one hedge of 0.13."""
    async with trading(
        tmp_path, {"spot_eth": Decimal(5)}, before=lambda exchange: touch(exchange, "50.00", "50.00", "500"), **SMALL
    ) as bot:
        await bot.quoting()
        bot.fill_bid("0.01")
        await bot.until(lambda: bot.find("order_skip", intent="hedge"))
        await bot.quoting()
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type="SPOT"))
        await bot.until(lambda: bot.runner.desk.state.dust == 0)

        sizes = [Decimal(body["size"]) for body in bot.requests(SPOT_PLACE)]
        assert sum(sizes) == bot.truth.position and len(sizes) == 1


async def test_a_fill_while_halted_is_hedged_all_the_same(tmp_path: Path) -> None:
    """A halt stops new risk, never a hedge: the quote fills while its cancel is under way."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/mix/order/cancel-order", "delay_before_ms", times=2, ms=300)
        bot.halt()
        await bot.until(lambda: bot.requests("/mix/order/cancel-order"))
        bot.fill_bid()
        await bot.hedged()

        assert bot.mode == "HALTED" and bot.truth.spot["ETH"].total == Decimal("0.48")
