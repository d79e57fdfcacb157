"""P0-0b: the position mode is read, logged, and changed only when asked; else nothing is traded."""

from decimal import Decimal
from pathlib import Path

from tests.support.bot import Bot, touch, trading

HEDGE = {"position_mode": "hedge_mode"}
PLACE = "/mix/order/place-order"


async def test_it_is_logged_with_what_was_wanted(tmp_path: Path) -> None:
    """One record, before READY, with the account's mode and the target's."""
    async with trading(tmp_path) as bot:
        await bot.ready()

        (account,) = bot.find("account", reason="pos_mode")
        assert account["data"]["posMode"] == "one_way_mode"
        assert account["data"]["wanted"] == ["one_way_mode", "isolated"]


async def test_a_different_mode_ends_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    """AUTO_SET_POS_MODE is 0 by default: the mode is the person's to change."""
    async with trading(tmp_path, HEDGE) as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "position_mode"
        assert bot.find("check", reason="account_read", data_passed=False)
        assert bot.posts == [] and bot.truth.position_mode == "hedge_mode"


async def test_it_is_changed_when_asked_and_read_again(tmp_path: Path) -> None:
    """AUTO_SET_POS_MODE=1: set, read back, READY."""
    async with trading(tmp_path, HEDGE, AUTO_SET_POS_MODE="1") as bot:
        await bot.ready()

        assert bot.truth.position_mode == "one_way_mode"
        assert [line["data"]["posMode"] for line in bot.find("account")] == ["hedge_mode", "one_way_mode"]
        assert bot.requests("set-position-mode") == [{"productType": "USDT-FUTURES", "posMode": "one_way_mode"}]


async def test_a_refused_change_ends_the_run(tmp_path: Path) -> None:
    """45109 (a position is open): exit status not zero, nothing placed, the exchange's code in the record."""
    async with trading(
        tmp_path,
        HEDGE,
        before=lambda exchange: exchange.next_answer("set-position-mode", "45109"),
        AUTO_SET_POS_MODE="1",
    ) as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "position_mode"
        assert "45109" in bot.find("check", reason="mode_set", data_passed=False)[0]["data"]["detail"]
        assert bot.requests("place-order") == []


async def test_a_change_that_did_not_take_ends_the_run(tmp_path: Path) -> None:
    """Accepted is not changed: the mode is read again, and asked for once only."""
    async with trading(tmp_path, HEDGE, AUTO_SET_POS_MODE="1") as bot:
        await bot.until(lambda: bot.requests("set-position-mode"))
        bot.exchange.set_position_mode("hedge_mode")
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "position_mode"
        assert len(bot.requests("set-position-mode")) == 1 and bot.requests("place-order") == []


async def _meet_40774(bot: Bot) -> None:
    await bot.quoting()
    bot.exchange.set_position_mode("hedge_mode")
    touch(bot.exchange, perp="3501.00")
    await bot.until(lambda: bot.find("order_reject"))


async def test_40774_while_trading_halts_for_a_person_with_a_clear_record(tmp_path: Path) -> None:
    """The mode flips behind our back: the exchange refuses, both modes are read into the log, HALTED, latched."""
    async with trading(tmp_path) as bot:
        await _meet_40774(bot)
        await bot.until(lambda: bot.find("account", data_posMode="hedge_mode") and not bot.open_orders)

        assert bot.mode == "HALTED" and bot.halts["position_mode"] and bot.halts["refused_for_good:40774"]
        refused = bot.find("order_reject")[0]
        assert refused["res"]["code"] == "40774" and refused["leg"] in ("perp_bid", "perp_ask")
        assert bot.find("risk", reason="position_mode")[0]["data"]["latched"] is True
        placed = len(bot.requests(PLACE))
        touch(bot.exchange, perp="3502.00")
        await bot.ticked(2)
        assert len(bot.requests(PLACE)) == placed, "a latched halt places nothing"


async def test_only_a_person_ends_that_halt(tmp_path: Path) -> None:
    """The mode back as it was changes nothing by itself; a resume does."""
    async with trading(tmp_path) as bot:
        await _meet_40774(bot)
        await bot.until(lambda: not bot.open_orders and bot.halts.get("position_mode"))
        bot.exchange.set_position_mode("one_way_mode")
        await bot.ticked(2)
        assert bot.mode == "HALTED"

        bot.resume()
        await bot.quoting()


async def test_hedge_mode_says_open_or_close_by_what_the_order_does(tmp_path: Path) -> None:
    """Long 0.02: bids open on, the ask closes (as a buy of the long position, in Bitget's words); no reduceOnly."""
    async with trading(tmp_path, HEDGE, TARGET_POS_MODE="hedge_mode") as bot:
        await bot.quoting()
        assert {body["tradeSide"] for body in bot.requests(PLACE)} == {"open"}
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()
        ask = bot.requests(PLACE)[-1] if bot.requests(PLACE)[-1]["tradeSide"] == "close" else bot.requests(PLACE)[-2]
        assert (ask["side"], ask["tradeSide"]) == ("buy", "close")
        assert bot.truth.position == Decimal("0.02")

        bot.fill_ask()
        await bot.hedged(2)
        assert bot.truth.position == 0 and bot.truth.positions == ()
        assert not any("reduceOnly" in body for body in bot.requests(PLACE))


async def test_hedge_mode_cuts_an_order_at_zero(tmp_path: Path) -> None:
    """Long 0.01 and quoting 0.02: the ask is 0.01, so no order both closes and opens."""
    async with trading(tmp_path, HEDGE, TARGET_POS_MODE="hedge_mode") as bot:
        await bot.quoting()
        bot.fill_bid("0.01")
        await bot.hedged()
        await bot.quoting()

        bid, ask = bot.quote("buy"), bot.quote("sell")
        assert bid is not None and ask is not None
        assert (bid.size, ask.size) == (Decimal("0.02"), Decimal("0.01"))
