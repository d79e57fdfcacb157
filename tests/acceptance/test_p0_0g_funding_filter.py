"""P0-0g: too little funding or the wrong sign turns quotes off; the favoured side is quoted closer."""

from decimal import Decimal
from pathlib import Path

import pytest

from runner.settings import Settings
from tests.support.bot import Bot, trading


async def test_funding_near_zero_is_not_quoted_for(tmp_path: Path) -> None:
    """|rate| below MIN_ABS_FUNDING: IDLE, the tick says why, and no order is sent."""
    async with trading(tmp_path, {"funding_rate": Decimal("0.00005")}, MIN_ABS_FUNDING="0.0001") as bot:
        await bot.until(lambda: bot.find("tick", data_why_not="funding_small"))

        assert bot.mode == "IDLE" and bot.posts == []


async def test_quotes_go_and_come_with_the_rate(tmp_path: Path) -> None:
    """Rising past the threshold starts them; falling below pulls both, on either sign."""
    async with trading(tmp_path, {"funding_rate": Decimal("0")}, MIN_ABS_FUNDING="0.0001") as bot:
        await bot.ready()
        for rate in ("0.0001", "-0.0001"):
            bot.exchange.market.funding(rate)
            await bot.quoting()
            bot.exchange.market.funding("0.00009")
            await bot.until(lambda: bot.mode == "IDLE" and not bot.open_orders)

        assert [line["reason"] for line in bot.find("state", mode="IDLE")] == ["funding_small"] * 2


@pytest.mark.parametrize(("direction", "rate"), [("short", "-0.0005"), ("long", "0.0005")])
async def test_the_wrong_direction_is_not_quoted_for(tmp_path: Path, direction: str, rate: str) -> None:
    """A positive rate pays shorts: FUNDING_DIRECTION=long has no use for it, and the other way round."""
    async with trading(tmp_path, {"funding_rate": Decimal(rate)}, FUNDING_DIRECTION=direction) as bot:
        await bot.until(lambda: bot.find("tick", data_why_not="funding_direction"))

        assert bot.mode == "IDLE" and bot.posts == []


@pytest.mark.parametrize(("direction", "rate"), [("short", "0.0005"), ("long", "-0.0005"), ("either", "-0.0005")])
async def test_the_right_direction_is_quoted_for(tmp_path: Path, direction: str, rate: str) -> None:
    """Both sides rest."""
    async with trading(tmp_path, {"funding_rate": Decimal(rate)}, FUNDING_DIRECTION=direction) as bot:
        await bot.quoting()


def _distances(bot: Bot) -> tuple[Decimal, Decimal]:
    bid, ask = bot.quote("buy"), bot.quote("sell")
    assert bid is not None and ask is not None and bid.price is not None and ask.price is not None
    mid = Decimal("3500.05")
    return (mid - bid.price) / mid * 10_000, (ask.price - mid) / mid * 10_000


@pytest.mark.parametrize(("rate", "bid_bps", "ask_bps"), [("0.0005", 6, 4), ("-0.0005", 4, 6)])
async def test_the_favoured_side_is_closer_and_the_other_further(
    tmp_path: Path, rate: str, bid_bps: int, ask_bps: int
) -> None:
    """Paid to be short, the ask stands 4 bps from the middle and the bid 6; paid to be long, the reverse."""
    async with trading(
        tmp_path, {"funding_rate": Decimal(rate)}, BASE_HALF_SPREAD_BPS="5", FUNDING_SKEW_BPS="1"
    ) as bot:
        await bot.quoting()

        bid, ask = _distances(bot)
        assert abs(bid - bid_bps) < Decimal("0.05") and abs(ask - ask_bps) < Decimal("0.05")


def test_both_are_on_by_default() -> None:
    """The live defaults filter and lean; only a setting turns that off."""
    assert Settings().min_abs_funding > 0 and Settings().funding_skew_bps > 0
