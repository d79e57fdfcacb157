"""P2-1: from the log alone: hedge_latency_ms, the largest unhedged notional, quote_replace_count, reject streaks."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.__main__ import main
from runner.statistics import read_lines, statistics_of
from tests.support.bot import Bot, touch, trading

PERP_PLACE = "/mix/order/place-order"


def figures_of(bot: Bot) -> dict[str, Any]:
    """What the finished log says, read by whoever has the file and nothing else."""
    return statistics_of(read_lines(Path(bot.settings.log_path)))


async def test_latency_and_exposure_of_hedges_are_in_the_log(tmp_path: Path) -> None:
    """A fill of half a quote and one of a whole: two latencies, by their lines, and at most 0.02 at 3500.05."""
    async with trading(tmp_path) as bot:
        for number, qty in enumerate(("0.01", None), 1):
            await bot.quoting()
            bot.fill_bid(qty)
            await bot.hedged(number)
        await bot.stop()
        figures = figures_of(bot)

        cycles = [line["cycle_id"] for line in bot.find("ticket", reason="opened")]
        perp = [line["ts"] for line in bot.find("fill", inst_type="USDT-FUTURES")]
        spot = [bot.find("fill", inst_type="SPOT", cycle_id=cycle)[0]["ts"] for cycle in cycles]
        waited = sorted(late - early for early, late in zip(perp, spot, strict=True))
        assert figures["hedges"] == 2
        assert [figures["hedge_latency_ms"][name] for name in ("p50", "max")] == [waited[1], waited[1]]
        assert Decimal(figures["unhedged_notional_max"]) == Decimal("0.02") * Decimal("3500.05")


async def test_replaced_quotes_are_told_from_withdrawn_ones(tmp_path: Path) -> None:
    """The market moves up by 2 bps, twice: four quotes replaced. The two that a halt withdraws are none."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        for count, bid in ((2, "3500.70"), (4, "3501.40")):
            touch(bot.exchange, bid, bid)
            await bot.until(lambda count=count: len(bot.find("order_cancel", data_why="replace")) == count)
            await bot.quoting()
        bot.halt()
        await bot.until(lambda: not bot.open_orders)
        await bot.stop()
        figures = figures_of(bot)

        assert (figures["quotes_placed"], figures["quote_replace_count"]) == (6, 4)
        assert len(bot.find("order_cancel", data_why="withdrawn")) == 2


async def test_streaks_of_refusals_are_counted_as_the_guard_counts_them(tmp_path: Path) -> None:
    """Five refusals, an accepted order between some: the streaks are those that reading answer by answer finds."""
    async with trading(tmp_path, REJECT_STREAK_MAX="10") as bot:
        await bot.quoting()
        for times, refused, bid in ((3, 3, "3500.70"), (2, 5, "3501.40")):
            bot.exchange.next_answer(PERP_PLACE, "45110", times=times)
            touch(bot.exchange, bid, bid)
            await bot.until(lambda refused=refused: _refused(bot) == refused)
            await bot.quoting()
        await bot.stop()
        figures = figures_of(bot)

        streaks = _streaks(bot)
        assert len(streaks) >= 2 and sum(streaks) == 5
        told = figures["reject_streaks"]
        assert told["by_length"] == {str(it): streaks.count(it) for it in sorted(set(streaks))}
        assert (told["count"], told["longest"]) == (len(streaks), max(streaks))
        assert figures["refusals_by_code"]["45110"] == _refused(bot) == 5


def _streaks(bot: Bot) -> list[int]:
    lengths, length = [], 0
    for line in bot.lines:
        if line["event"] == "order_reject" and line["res"]["code"] == "45110":
            length += 1
        elif line["event"] == "order_ack":
            lengths, length = lengths + [length] * bool(length), 0
    return lengths


def _refused(bot: Bot) -> int:
    return sum((line["res"] or {}).get("code") == "45110" for line in bot.find("order_reject"))


async def test_the_result_of_the_run_is_in_the_log_and_what_the_account_gained(tmp_path: Path, capsys: Any) -> None:
    """After a fill and its hedge the last row's net is the account's own gain, and the command prints it."""
    async with trading(tmp_path) as bot:
        before = bot.truth
        await bot.quoting()
        bot.fill_ask()
        await bot.hedged()
        await bot.stop()
        truth, mid = bot.truth, Decimal("3500.05")

        assert main(["statistics", str(bot.settings.log_path)]) == 0
        row = json.loads(capsys.readouterr().out)["result"]
        gained = truth.perp_equity - before.perp_equity
        gained += truth.spot["USDT"].total - before.spot["USDT"].total
        gained += (truth.spot["ETH"].total - before.spot["ETH"].total) * mid
        assert Decimal(row["net"]) == gained
        assert row["perp_fills"] == row["spot_fills"] == row["quotes_filled"] == 1
