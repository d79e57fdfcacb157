"""P2-3: the funding bias: threshold with hysteresis and cool-down, and the interval as the exchange states it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.bot import trading

THRESHOLD = {"MIN_ABS_FUNDING": "0.0001", "FUNDING_HYSTERESIS": "0.00002"}


async def test_quotes_come_on_above_the_hysteresis_and_stay_down_to_the_threshold(tmp_path: Path) -> None:
    """1.1 bps is not enough to begin at a threshold of 1 with a hysteresis of 0.2, but enough to go on."""
    async with trading(tmp_path, {"funding_rate": Decimal("0.00011")}, **THRESHOLD) as bot:
        await bot.until(lambda: bot.find("tick", data_why_not="funding_small"))
        assert bot.posts == []
        bot.exchange.market.funding("0.00012")
        await bot.quoting()
        bot.exchange.market.funding("0.00011")
        await bot.until(lambda: bot.find("tick", lambda line: line["data"]["funding"] == "0.00011", mode="QUOTING"))
        bot.exchange.market.funding("0.00009")
        await bot.until(lambda: bot.mode == "IDLE" and not bot.open_orders)

        assert [line["reason"] for line in bot.find("state", mode="IDLE")] == ["funding_small"]


async def test_a_rate_that_turns_round_cools_down_before_it_is_quoted_for(tmp_path: Path) -> None:
    """Both quotes go with the sign; they come back on the other side's terms after FUNDING_COOLDOWN_SEC."""
    async with trading(tmp_path, {"funding_rate": Decimal("0.0005")}, FUNDING_COOLDOWN_SEC="1") as bot:
        await bot.quoting()
        bot.exchange.market.funding("-0.0005")
        await bot.until(lambda: bot.mode == "IDLE" and not bot.open_orders)
        await bot.quoting()

        (off,) = bot.find("state", reason="funding_cooling")
        on = bot.find("state", lambda line: line["ts"] > off["ts"], mode="QUOTING")
        assert on and on[0]["ts"] - off["ts"] >= 1_000


async def test_funding_of_the_settlements_ahead_counts_into_the_edge(tmp_path: Path) -> None:
    """5 bps every 4 hours, 12 hours ahead: three settlements are 15 bps for the ask and against the bid."""

    async def edges(**settings: str) -> dict[str, Decimal]:
        options: dict[str, Any] = {"funding_rate": Decimal("0.0005"), "funding_interval_h": 4}
        async with trading(tmp_path, options, FRESH_START="1", **settings) as bot:
            await bot.quoting()
            await bot.ticked()
            plan = bot.find("tick", reason="set_quote")[-1]["data"]["plan"]
            return {side: Decimal(plan[side]["edge_bps"]) for side in ("bid", "ask")}

    without, counted = await edges(), await edges(FUNDING_HORIZON_H="12")

    assert counted["ask"] - without["ask"] == 15 and counted["bid"] - without["bid"] == -15
