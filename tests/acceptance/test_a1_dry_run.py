"""A1: DRY_RUN=1 decides and logs everything, and sends nothing."""

from pathlib import Path
from typing import Any

import pytest

from runner.settings import Settings
from tests.support.bot import Bot, nowhere_to_sign, touch, trading

WITH_KEY = {"DRY_RUN": "1"}
EITHER = pytest.mark.parametrize("told", [WITH_KEY, nowhere_to_sign()], ids=["with a key", "without a key"])


def _assert_nothing_sent(bot: Bot) -> None:
    assert bot.posts == [], "a dry run has asked the exchange to change something"
    assert bot.truth.orders == () and bot.truth.position == 0


def test_it_is_the_default() -> None:
    """Nobody trades by starting the program."""
    assert Settings().dry_run is True


@EITHER
async def test_quotes_are_decided_and_logged_as_dry(tmp_path: Path, told: dict[str, str]) -> None:
    """`order_new(intent=quote, dry_run=true)` of both sides, with the body it would have sent."""
    async with trading(tmp_path, **told) as bot:
        await bot.until(lambda: len(bot.find("order_new", intent="quote", leg="perp_ask", dry_run=True)) >= 1)
        await bot.until(lambda: len(bot.find("order_new", intent="quote", leg="perp_bid", dry_run=True)) >= 1)

        assert bot.find("order_new", dry_run=False) == [] and bot.find("order_new", dry_run=None) == []
        assert bot.find("order_new")[0]["data"]["request"]["timeInForceValue"] == "post_only"
        _assert_nothing_sent(bot)


@EITHER
async def test_ticks_come_in_a_row_and_nothing_is_missing(tmp_path: Path, told: dict[str, str]) -> None:
    """Ten ticks, QUOTING in each once ready, and never `order_skip reason=constraints_missing`."""
    async with trading(tmp_path, TICK_SEC="0.1", **told) as bot:
        await bot.until(lambda: len(bot.find("tick", mode="QUOTING")) >= 10)

        assert bot.find("order_skip", reason="constraints_missing") == []
        modes = [line["mode"] for line in bot.find("tick")]
        assert "HALTED" not in modes and modes[modes.index("QUOTING") :] == ["QUOTING"] * (
            len(modes) - modes.index("QUOTING")
        )
        _assert_nothing_sent(bot)


@EITHER
async def test_the_quotes_follow_the_market(tmp_path: Path, told: dict[str, str]) -> None:
    """Cancel and replace are decided as in earnest, each marked dry."""
    async with trading(tmp_path, **told) as bot:
        await bot.until(lambda: len(bot.find("order_ack", intent="quote")) >= 2)
        touch(bot.exchange, perp="3510.00", spot="3510.00")
        await bot.until(lambda: len(bot.find("order_new", leg="perp_bid")) >= 2)

        assert bot.find("order_cancel", intent="quote")
        _assert_nothing_sent(bot)


async def test_every_dry_order_record_is_marked(tmp_path: Path) -> None:
    """Whatever is said of an order in a dry run says so: nobody may take it for a real one."""
    async with trading(tmp_path, **WITH_KEY) as bot:
        await bot.until(lambda: len(bot.find("order_ack", intent="quote")) >= 2)
        touch(bot.exchange, perp="3510.00", spot="3510.00")
        await bot.until(lambda: len(bot.find("order_new", leg="perp_bid")) >= 2)

        unmarked = [
            line["event"] for line in bot.lines if line["event"].startswith("order_") and line["dry_run"] is not True
        ]
        assert unmarked == []


async def test_no_key_is_needed_and_no_private_request_is_made(tmp_path: Path) -> None:
    """Without a key every request is a public reading, and no private socket is opened."""
    async with trading(tmp_path, **nowhere_to_sign()) as bot:
        await bot.until(lambda: bot.find("tick", mode="QUOTING"))

        assert all("/market/" in it.path or "/public/" in it.path for it in bot.exchange.requests)
        assert bot.exchange.sockets("private") == 0 and bot.find("account")[0]["dry_run"] is True


async def test_the_proof_of_time_in_force_is_not_made_on_the_exchange(tmp_path: Path) -> None:
    """PERP_TIF=auto: the tiny order is a pretence too."""
    async with trading(tmp_path, PERP_TIF="auto", **WITH_KEY) as bot:
        await bot.until(lambda: bot.find("tick", mode="QUOTING"))

        _assert_nothing_sent(bot)


async def test_the_position_mode_is_never_changed(tmp_path: Path) -> None:
    """A mode that differs, AUTO_SET_POS_MODE=1: even so nothing is sent, and the run ends saying so."""
    options: dict[str, Any] = {"position_mode": "hedge_mode"}
    async with trading(tmp_path, options, AUTO_SET_POS_MODE="1", **WITH_KEY) as bot:
        status = await bot.ended()

        assert status != 0 and bot.posts == [] and bot.truth.position_mode == "hedge_mode"


async def test_a_stop_ends_it_clean(tmp_path: Path) -> None:
    """Its pretended quotes are cancelled in its own books, and the status is 0."""
    async with trading(tmp_path, **WITH_KEY) as bot:
        await bot.until(lambda: len(bot.find("order_ack", intent="quote")) >= 2)

        assert await bot.stop() == 0
        _assert_nothing_sent(bot)
