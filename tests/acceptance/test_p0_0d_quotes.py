"""P0-0d: one bid and one ask on the perp, limit, post-only, of the smallest or the configured size."""

from decimal import Decimal
from pathlib import Path

from tests.support.bot import touch, trading

PLACE = "/mix/order/place-order"


async def test_one_bid_and_one_ask_rest_post_only(tmp_path: Path) -> None:
    """Exactly two orders, around the touch, both held by the exchange as post_only limit orders."""
    async with trading(tmp_path) as bot:
        await bot.quoting()

        bid, ask = bot.quote("buy"), bot.quote("sell")
        assert bid is not None and ask is not None and len(bot.open_orders) == 2
        assert {(it.product, it.order_type, it.force, it.size) for it in bot.open_orders} == {
            ("perp", "limit", "post_only", Decimal("0.02"))
        }
        assert bid.price is not None and ask.price is not None
        assert bid.price < Decimal("3500.00") and Decimal("3500.10") < ask.price


async def test_each_request_says_margin_mode_coin_and_limit(tmp_path: Path) -> None:
    """`marginMode` isolated unless told otherwise, `marginCoin` USDT, `orderType` limit, post_only."""
    async with trading(tmp_path) as bot:
        await bot.quoting()

        for body in bot.requests(PLACE):
            said = {name: body[name] for name in ("marginMode", "marginCoin", "orderType", "timeInForceValue")}
            assert said == {
                "marginMode": "isolated",
                "marginCoin": "USDT",
                "orderType": "limit",
                "timeInForceValue": "post_only",
            }


async def test_the_smallest_size_that_both_legs_trade_is_the_default(tmp_path: Path) -> None:
    """QUOTE_SIZE=0: 0.01 here."""
    async with trading(tmp_path, QUOTE_SIZE="0") as bot:
        await bot.quoting()

        assert {order.size for order in bot.open_orders} == {Decimal("0.01")}


async def test_a_crossed_margin_account_needs_the_setting(tmp_path: Path) -> None:
    """MARGIN_MODE=crossed trades a crossed account, and every order says so."""
    async with trading(tmp_path, {"margin_mode": "crossed"}, MARGIN_MODE="crossed") as bot:
        await bot.quoting()

        assert {body["marginMode"] for body in bot.requests(PLACE)} == {"crossed"}


async def test_another_margin_mode_than_the_accounts_ends_the_run(tmp_path: Path) -> None:
    """Checked against the account: differs, exit not zero, nothing sent; AUTO_SET_POS_MODE does not touch it."""
    async with trading(tmp_path, {"margin_mode": "crossed"}, AUTO_SET_POS_MODE="1") as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "margin_mode" and bot.posts == []


async def test_a_replaced_quote_never_stands_beside_its_successor(tmp_path: Path) -> None:
    """Over five moves of the book there is never more than one bid and one ask on the exchange."""
    async with trading(tmp_path, {"rate_limits": False}) as bot:
        await bot.quoting()
        most = 0

        def seen(price: Decimal) -> bool:
            nonlocal most
            sides = [order.side for order in bot.open_orders]
            most = max(most, sides.count("buy"), sides.count("sell"))
            bid = bot.quote("buy")
            return bid is not None and bid.price == price

        for step in range(1, 6):
            touch(bot.exchange, perp=f"{3500 + step}.00", spot=f"{3500 + step}.00")
            mid = Decimal(3500 + step) + Decimal("0.05")
            wanted = (mid * (1 - Decimal("0.0004"))).quantize(Decimal("0.01"), rounding="ROUND_FLOOR")
            await bot.until(lambda wanted=wanted: seen(wanted))

        assert most == 1
