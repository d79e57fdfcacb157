"""P2-2: inventory skew. What is held makes its side less eager and the other more; funding may bias where it aims."""

from decimal import Decimal
from pathlib import Path

from tests.support.bot import Bot, trading

MID = Decimal("3500.05")
SKEWED = {"INVENTORY_SKEW_BPS": "2", "MAX_POSITION": "0.04"}


def distances(bot: Bot) -> tuple[Decimal, Decimal]:
    """How far bid and ask rest from the middle, in bps, to a tenth."""
    bid, ask = bot.quote("buy"), bot.quote("sell")
    assert bid is not None and ask is not None and bid.price is not None and ask.price is not None
    return round((MID - bid.price) / MID * 10_000, 1), round((ask.price - MID) / MID * 10_000, 1)


async def test_half_a_position_moves_both_quotes_by_half_the_skew(tmp_path: Path) -> None:
    """Flat: 4 and 4 bps. Long half of the cap with a skew of 2: the bid goes out to 5, the ask comes in to 3."""
    async with trading(tmp_path, **SKEWED) as bot:
        await bot.quoting()
        assert distances(bot) == (4, 4)
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()

        assert distances(bot) == (5, 3)


async def test_the_tick_names_the_skew_and_its_terms_add_up(tmp_path: Path) -> None:
    """`inventory` is +1 on the bid and −1 on the ask, and all terms together are the distance from the middle."""
    async with trading(tmp_path, **SKEWED) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()
        await bot.ticked(2)

        plan = bot.find("tick", reason="set_quote")[-1]["data"]["plan"]
        for name, sign in (("bid", 1), ("ask", -1)):
            terms = {term: Decimal(bps) for term, bps in plan[name]["terms_bps"].items()}
            distance = sign * (Decimal(plan["mid"]) - Decimal(plan[name]["px"])) / Decimal(plan["mid"]) * 10_000
            assert terms["inventory"] == sign and sum(terms.values()) == round(distance, 6)


async def test_funding_may_bias_where_the_inventory_aims(tmp_path: Path) -> None:
    """Paid to be short, with half of the cap as target: flat counts as long by half, so the ask is the eager one."""
    async with trading(tmp_path, {"funding_rate": Decimal("0.0005")}, FUNDING_TARGET="0.5", **SKEWED) as bot:
        await bot.quoting()
        assert distances(bot) == (5, 3)
        bot.fill_ask()
        await bot.hedged()
        await bot.quoting()

        assert distances(bot) == (4, 4)  # where it aims
