"""A start that cannot succeed: a clear record, an exit status that is not zero, and nothing sent (Session, P0-0)."""

from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import pytest

from runner.check import run_check
from tests.support.bot import Bot, bot_on, exchange_with, settings_on, touch, trading

WRONG = [
    pytest.param({}, {"BITGET_API_KEY": "bg_wrong"}, "40006", id="unknown key"),
    pytest.param({}, {"BITGET_API_SECRET": "wrong"}, "40009", id="wrong secret"),
    pytest.param({}, {"BITGET_API_PASSPHRASE": "wrong"}, "40012", id="wrong passphrase"),
    pytest.param({"unified_account": True}, {}, "40085", id="unified account"),
]


def _assert_refused(bot: Bot, status: int, reason: str) -> None:
    assert status != 0 and reason in bot.runner.exit_reason
    (risk,) = [line for line in bot.find("risk", source="session")]
    assert reason in risk["reason"] and risk["data"]["detail"]
    assert [line for line in bot.find("alert") if reason in line["reason"]]
    assert bot.posts == [] and bot.find("order_new") == [] and bot.truth.orders == ()


@pytest.mark.parametrize(("options", "told", "code"), WRONG)
async def test_an_account_that_refuses_us_ends_the_run_at_once(
    tmp_path: Path, options: dict[str, Any], told: dict[str, str], code: str
) -> None:
    """The exchange's code is in the record, and the run does not try until its bound."""
    async with trading(tmp_path, options, **told) as bot:
        status = await bot.ended(5)

        _assert_refused(bot, status, code)


@pytest.mark.parametrize(("options", "told", "code"), WRONG)
async def test_check_says_what_to_do_about_it(
    tmp_path: Path, options: dict[str, Any], told: dict[str, str], code: str
) -> None:
    """`runner check`: FAIL with the code, a sentence of advice, the same status, nothing sent."""
    advice = {"40006": "BITGET_API_KEY", "40009": "BITGET_API_SECRET", "40012": "BITGET_API_PASSPHRASE"}
    out = StringIO()
    async with exchange_with(**options) as exchange:
        status = await run_check(settings_on(exchange, tmp_path / "check.jsonl", **told), out)

        assert status != 0 and code in out.getvalue() and "FAIL" in out.getvalue()
        assert advice.get(code, "classic") in out.getvalue()
        assert not [it for it in exchange.requests if it.method == "POST"]


@pytest.mark.parametrize("ms", [5_000, -5_000])
async def test_a_clock_that_is_off_ends_the_run(tmp_path: Path, ms: int) -> None:
    """The exchange's clock is five seconds from ours, two allowed: `clock_skew`, nothing sent."""
    async with trading(
        tmp_path, before=lambda exchange: exchange.fault("clock_skewed", ms=ms), CLOCK_SKEW_MAX_MS="2000"
    ) as bot:
        status = await bot.ended()

        _assert_refused(bot, status, "clock_skew")
        assert "at most 2000 ms" in bot.find("check", reason="time_read")[0]["data"]["detail"]


async def test_a_slow_answer_is_no_clock_that_is_off(tmp_path: Path) -> None:
    """300 ms for its time, 100 ms of difference allowed: the answer leaves room for none, and trading begins."""
    async with trading(
        tmp_path,
        before=lambda exchange: exchange.next_answer("/public/time", "delay_ms", times=2, ms=300),
        CLOCK_SKEW_MAX_MS="100",
    ) as bot:
        await bot.quoting()


async def test_a_position_nobody_knows_ends_the_run(tmp_path: Path) -> None:
    """A perp position without a journal that explains it: exit not zero, unless ADOPT_POSITION=1."""
    async with exchange_with() as exchange:
        async with bot_on(exchange, tmp_path) as first:
            await first.quoting()
            first.fill_bid()
            await first.hedged()
        (tmp_path / "other").mkdir()
        sent = len(first.posts)
        async with bot_on(exchange, tmp_path / "other") as second:
            assert await second.ended() != 0
            assert second.runner.exit_reason == "position_found" and len(second.posts) == sent


async def test_an_exchange_that_is_silent_ends_the_run(tmp_path: Path) -> None:
    """No private socket: not READY within the bound, exit not zero, nothing sent."""
    async with exchange_with() as exchange:
        await exchange.cut("private", 60)
        async with bot_on(exchange, tmp_path, CHECK_BOUND_SEC="1") as bot:
            status = await bot.ended()

            assert status != 0 and bot.runner.exit_reason == "no_answer:feeds" and bot.posts == []


async def test_check_passes_and_places_nothing_when_all_is_well(tmp_path: Path) -> None:
    """Every check on a line of its own, the time-in-force proof left for the start of trading, status 0."""
    out = StringIO()
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "check.jsonl", PERP_TIF="auto")
        status = await run_check(settings, out)

        assert status == 0 and "all checks passed" in out.getvalue() and "FAIL" not in out.getvalue()
        for word in ("clock", "position mode", "margin mode", "rules of both legs", "hedges of bids", "funding"):
            assert word in out.getvalue()
        assert "spot taker 10 bps (account)" in out.getvalue() and "half spread 14 bps" in out.getvalue()
        assert not [it for it in exchange.requests if it.method == "POST"]


async def test_check_leaves_an_open_ticket_to_the_bot(tmp_path: Path) -> None:
    """A bot died with a fill unhedged: looking at the account sends no hedge."""
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "bot.jsonl", HEDGE_DEADLINE_MS="300", HEDGE_RETRY_MS="300")
        bot = Bot(exchange, settings)
        await bot.quoting()
        exchange.market.set_book("spot", [("3400.00", "50")], [("3500.10", "50")])  # nobody buys near the last price
        bot.fill_bid()
        await bot.until(lambda: bot.find("order_new", intent="hedge"))
        await bot.until(lambda: not bot.open_orders and not bot.runner.desk.state.orders.in_flight)
        await bot.kill()
        assert bot.runner.desk.state.tickets
        touch(exchange)
        sent = len(bot.posts)
        out = StringIO()
        await run_check(attrs.evolve(settings, stop_bound_sec=2), out)

        assert len(bot.posts) == sent, (bot.posts[sent:], out.getvalue())


async def test_check_leaves_the_orders_of_a_bot_elsewhere_alone(tmp_path: Path) -> None:
    """Another machine trades this account: looking at it from here cancels none of its quotes."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        sent, resting = len(bot.posts), {order.order_id for order in bot.open_orders}
        (tmp_path / "here").mkdir()
        await run_check(settings_on(bot.exchange, tmp_path / "here" / "check.jsonl", STOP_BOUND_SEC="2"), StringIO())

        assert {order.order_id for order in bot.open_orders} == resting and len(bot.posts) == sent


async def test_check_never_changes_the_position_mode(tmp_path: Path) -> None:
    """AUTO_SET_POS_MODE=1 is a permission to trade with, not to look with: FAIL, what to do, nothing changed."""
    out = StringIO()
    async with exchange_with(position_mode="hedge_mode") as exchange:
        status = await run_check(settings_on(exchange, tmp_path / "check.jsonl", AUTO_SET_POS_MODE="1"), out)

        assert exchange.account_view().position_mode == "hedge_mode"
        assert not [it for it in exchange.requests if it.method == "POST"], out.getvalue()
        assert status != 0
