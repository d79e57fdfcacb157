"""P0-4: the position mode is a condition of trading at any time, not only at start. See also P0-0b."""

from pathlib import Path

from tests.support.bot import touch, trading


async def test_a_resume_into_the_wrong_mode_halts_again(tmp_path: Path) -> None:
    """A person resumes, the mode is still wrong: the next refusal latches again, and nothing rests."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.set_position_mode("hedge_mode")
        touch(bot.exchange, perp="3501.00")
        await bot.until(lambda: bot.find("order_reject") and not bot.open_orders)
        refused = len(bot.find("order_reject"))

        bot.resume()
        await bot.until(lambda: len(bot.find("order_reject")) > refused and bot.mode == "HALTED")

        assert bot.halts["refused_for_good:40774"] and bot.open_orders == () and bot.truth.position == 0
