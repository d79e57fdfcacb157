"""K_FLOW in a whole bot, over real sockets: trades lift or lower both quotes, and trading goes on without them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from runner.replay import main
from runner.state_folder import JOURNAL, state_folder
from tests.support.bot import Bot, nowhere_to_sign, touch, trading

ON = {"K_FLOW": "0.002", "FLOW_FLOOR_QTY": "1", "FLOW_WINDOW_MS": "3600000", "BASE_HALF_SPREAD_BPS": "30"}
"""A window so long that nothing fades within a test: at a flow of 0.9 both quotes move by 18 bps."""


def has_moved(bot: Bot, by: str) -> bool:
    """The newest price that was decided on each side is 30 bps from the mid 3500.05, moved by this, to a few ticks."""
    bids, asks = (bot.find("order_new", intent="quote", leg=leg) for leg in ("perp_bid", "perp_ask"))
    told = [Decimal(lines[-1]["data"]["request"]["price"]) - Decimal(by) for lines in (bids, asks)]
    return all(
        abs(px - meant) < Decimal("0.05")
        for px, meant in zip(told, (Decimal("3489.55"), Decimal("3510.55")), strict=True)
    )


@pytest.mark.parametrize("account", [{}, nowhere_to_sign()], ids=["live", "dry run without a key"])
async def test_takers_who_buy_lift_both_quotes_and_sellers_lower_them(tmp_path: Path, account: dict[str, str]) -> None:
    """Mid 3500.05: 9 bought over a floor of 1 are 0.9, 18 bps and 6.30; then 20 sold as well, 11 / 30 the other way."""
    async with trading(tmp_path, **ON, **account) as bot:
        await bot.until(lambda: len(bot.find("order_ack", intent="quote")) >= 2)
        await bot.until(lambda: bot.exchange.listeners("perp", "trade"))
        assert has_moved(bot, "0")
        bot.exchange.market.trade("perp", "3500", "9", "buy")
        await bot.until(lambda: has_moved(bot, "6.30"))
        await bot.ticked(2)
        lifted = bot.find("tick")[-1]["data"]["plan"]
        bot.exchange.market.trade("perp", "3500", "20", "sell")
        await bot.until(lambda: has_moved(bot, "-2.57"))

        terms = {name: Decimal(bps) for name, bps in lifted["bid"]["terms_bps"].items()}
        assert abs(terms["flow"] + 18) < Decimal("0.02")
        assert sum(terms.values()) == round(
            (Decimal("3500.05") - Decimal(lifted["bid"]["px"])) / Decimal("0.350005"), 6
        )
        told = bot.find("subscribe", data_channel="trade")
        assert [(line["reason"], line["data"]["accepted"]) for line in told] == [("perp_book", True)]
        assert bot.find("feed", data_feed="perp_book", data_to="STALE") == []


async def test_a_run_with_trades_replays_without_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trades are in the journal: the quote they moved is decided again, to the digit."""
    async with trading(tmp_path, **ON) as bot:
        await bot.quoting()
        await bot.until(lambda: bot.exchange.listeners("perp", "trade"))
        bot.exchange.market.trade("perp", "3500", "9", "buy")
        await bot.until(lambda: has_moved(bot, "6.30"))
        assert await bot.stop() == 0
    capsys.readouterr()

    assert main([str(state_folder(bot.settings) / JOURNAL), "--log", bot.settings.log_path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["difference"] is None and told["agreed"] == told["lines"] > 10


async def test_a_refused_subscription_of_trades_is_recorded_and_trading_goes_on(tmp_path: Path) -> None:
    """One record with the exchange's words; quotes follow the book and are hedged; the book's channel stays books5."""

    def refuse(exchange: object) -> None:
        exchange.fault("books_refused", product="perp", channel="trade")  # type: ignore[attr-defined]

    async with trading(tmp_path, before=refuse, **ON) as bot:
        await bot.quoting()
        await bot.until(lambda: bot.find("subscribe", data_channel="trade"))
        touch(bot.exchange, perp="3600.00", spot="3600.00")
        await bot.until(lambda: (bid := bot.quote("buy")) and bid.price and bid.price > 3580)
        bot.fill_bid()
        await bot.hedged()

        (told,) = bot.find("subscribe", data_channel="trade")
        assert (told["data"]["accepted"], told["data"]["code"]) == (False, "30001")
        assert {line["data"]["channel"] for line in bot.find("feed", data_feed="perp_book")} == {"books5"}
        assert bot.find("tick", mode="HALTED") == []


async def test_without_k_flow_nobody_listens_to_trades(tmp_path: Path) -> None:
    """The default: no subscription, no event, no term."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.market.trade("perp", "3500", "9", "buy")
        await bot.ticked(2)

        assert bot.exchange.listeners("perp", "trade") == 0
        assert bot.find("subscribe", data_channel="trade") == []
        assert "flow" not in bot.find("tick")[-1]["data"]["plan"]["bid"]["terms_bps"]
