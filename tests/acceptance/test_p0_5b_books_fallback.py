"""P0-5b: books5 first; refused or silent it becomes books, logged, and the switch is no staleness."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.bot import Bot, touch, trading


def _assert_switched(bot: Bot, *feeds: str) -> None:
    asked = {feed: [it["data"]["channel"] for it in bot.find("subscribe", reason=feed)] for feed in feeds}
    assert all(channels[-1] == "books" for channels in asked.values()), asked
    for feed in feeds:
        assert bot.find("risk", reason=f"fell_back:{feed}", data_channel="books")
    assert not [line for line in bot.lines if "book_stale" in str(line["reason"])]


@pytest.mark.parametrize("answer", ["refused", "silent"])
async def test_both_legs_fall_back_and_quote(tmp_path: Path, answer: str) -> None:
    """books carries both books; no `book_stale` anywhere; the quotes follow the market."""
    options: dict[str, Any] = {"books5_perp": answer, "books5_spot": answer}
    async with trading(tmp_path, options, BOOKS5_SILENT_MS="200") as bot:
        await bot.quoting()
        before = bot.quote("buy")
        touch(bot.exchange, perp="3501.00", spot="3501.00")
        await bot.until(lambda: before and (bid := bot.quote("buy")) and bid.price > before.price)

        _assert_switched(bot, "perp_book", "spot_book")


@pytest.mark.parametrize("leg", ["perp", "spot"])
async def test_each_leg_falls_back_by_itself(tmp_path: Path, leg: str) -> None:
    """The other leg stays on books5."""
    async with trading(tmp_path, {f"books5_{leg}": "refused"}) as bot:
        await bot.quoting()

        other = "spot" if leg == "perp" else "perp"
        _assert_switched(bot, f"{leg}_book")
        assert [line["data"]["channel"] for line in bot.find("subscribe", reason=f"{other}_book")] == ["books5"]


async def test_the_switch_lasts_over_a_reconnect(tmp_path: Path) -> None:
    """A socket that comes back is asked for books at once: refused once is known for the run."""
    async with trading(tmp_path, {"books5_perp": "refused"}, FUNDING_POLL_SEC="1") as bot:
        await bot.quoting()
        await bot.exchange.cut("public")
        await bot.until(lambda: bot.find("recovered"))
        await bot.quoting()

        assert [line["data"]["channel"] for line in bot.find("subscribe", reason="perp_book")] == [
            "books5", "books", "books",
        ]  # fmt: skip


async def test_books5_answers_keep_books5(tmp_path: Path) -> None:
    """Nothing falls back without a reason, however short the bound."""
    async with trading(tmp_path, BOOKS5_SILENT_MS="300", TICK_SEC="0.1") as bot:
        await bot.quoting()
        await bot.until(lambda: len(bot.find("tick")) >= 6)

        assert {line["data"]["channel"] for line in bot.find("subscribe", where=lambda it: "book" in it["reason"])} == {
            "books5"
        }
