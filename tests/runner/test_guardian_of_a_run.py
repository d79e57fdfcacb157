"""A run and its guardian, both as processes: killed, frozen, stopped; and a guardian that is lost (I34, I58)."""

import os
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.runner.processes import eventually, gone, open_oids, running
from tests.support.bot import exchange_with, touch, trading

KILL_TO_GONE_S = 3.0
QUICK = {"REQUEST_TIMEOUT_MS": "500"}


async def test_quotes_are_gone_soon_after_kill_9(tmp_path: Path) -> None:
    """The runner is killed with both quotes resting; its guardian clears them, and ends."""
    async with exchange_with() as exchange, running(exchange, tmp_path, **QUICK) as run:
        await run.quoting()
        guardian, killed_at = run.guardian(), time.monotonic()
        assert await run.end(signal.SIGKILL) == -signal.SIGKILL
        await run.until_open(0, KILL_TO_GONE_S)

        assert time.monotonic() - killed_at < KILL_TO_GONE_S
        await gone(guardian)


async def test_a_frozen_loop_loses_its_quotes_and_trades_on_when_it_turns_again(tmp_path: Path) -> None:
    """SIGSTOP, then SIGCONT: the guardian cancels in between, nothing after, and stays with the run."""
    told = {"GUARDIAN_BEAT_MS": "50", "GUARDIAN_SILENT_MS": "500"} | QUICK
    async with exchange_with() as exchange, running(exchange, tmp_path, **told) as run:
        await run.quoting()
        guardian, before = run.guardian(), open_oids(exchange)
        os.kill(run.pid, signal.SIGSTOP)
        await run.until_open(0)
        os.kill(run.pid, signal.SIGCONT)
        await run.quoting()
        await eventually(lambda: run.lines("guardian", reason="heard_again"))

        assert not open_oids(exchange) & before and run.guardian() == guardian
        assert await run.end(signal.SIGTERM) == 0, run.story()
        assert run.lines("guardian")[0]["reason"] == "silent"
        await gone(guardian)


async def test_a_clean_stop_leaves_no_guardian_and_nothing_to_tell(tmp_path: Path) -> None:
    async with exchange_with() as exchange, running(exchange, tmp_path) as run:
        await run.quoting()
        guardian = run.guardian()
        assert await run.end(signal.SIGTERM) == 0, run.story()

        assert not is_alive(guardian)
        assert run.lines("guardian") == [] and open_oids(exchange) == set()


async def test_a_guardian_that_is_lost_is_started_again(tmp_path: Path) -> None:
    """Killed behind the run's back: a record says so, a new one watches, and does its work."""
    told = {"GUARDIAN_BEAT_MS": "50"} | QUICK
    async with exchange_with() as exchange, running(exchange, tmp_path, **told) as run:
        await run.quoting()
        lost = run.guardian()
        os.kill(lost, signal.SIGKILL)
        await eventually(lambda: run.lines("guardian", reason="guardian_lost"))
        await eventually(lambda: children(run.pid) - {lost})
        (second,) = children(run.pid)
        await run.end(signal.SIGKILL)
        await run.until_open(0, KILL_TO_GONE_S)
        await gone(second)

        assert "-9" in run.lines("guardian")[0]["data"]["how"]


async def test_without_a_guardian_that_lives_there_is_no_new_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter is gone (an upgrade): tried again and again, and after three times HALTED, for a person."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    async with trading(tmp_path, GUARDIAN="1", GUARDIAN_BEAT_MS="20", BOOK_STALE_MS="60000") as bot:
        await bot.until(lambda: bot.halts.get("breach:guardian"))

        assert [line["data"]["restarts"] for line in bot.find("guardian", reason="guardian_lost")] == [1, 2, 3]
        assert "not started" in bot.find("guardian")[0]["data"]["how"]
        await bot.until(lambda: not bot.open_orders)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


def children(pid: int) -> set[int]:
    """The process ids of its children."""
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


async def test_a_guardian_told_to_flattens_by_the_ordinary_path(tmp_path: Path) -> None:
    """GUARDIAN_FLATTEN=1: after the death the quotes go, then the held pair, and both legs are flat."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN_FLATTEN="1", **QUICK) as run:
        await run.quoting()
        order = next(it for it in exchange.account_view().open_orders if it.side == "buy")
        assert order.price is not None
        exchange.market.trade("perp", order.price, order.size, "sell")
        await exchange.until(lambda: exchange.account_view().spot["ETH"].total == Decimal("0.48"), 10)
        await run.quoting()
        guardian = run.guardian()
        await run.end(signal.SIGKILL)
        await run.until_open(0, KILL_TO_GONE_S)
        touch(exchange)
        await gone(guardian)

        truth = exchange.account_view()
        assert truth.position == 0 and truth.open_orders == ()
        assert abs(truth.spot["ETH"].total - Decimal("0.5")) < Decimal("0.0004")
        assert "flattened, as read back" in run.story() and "flattened status=0" in run.story()


async def test_a_restart_during_the_guardians_work_waits_for_it_and_tells_of_it(tmp_path: Path) -> None:
    """The guardian holds the lock for as long as a cancel takes: the next run does not fail, it waits, and says so."""
    async with exchange_with() as exchange:
        async with running(exchange, tmp_path, **QUICK) as first:
            await first.quoting()
            left = open_oids(exchange)
            exchange.next_answer("cancel-order", "delay_before_ms", times=2, ms=450)
            await first.end(signal.SIGKILL)
            await exchange.until(lambda: any("cancel-order" in it.path for it in exchange.requests), 10)
            async with running(exchange, tmp_path, **QUICK) as second:
                await exchange.until(lambda: len(open_oids(exchange) - left) == 2, 15)
                assert await second.end(signal.SIGTERM) == 0, second.story()

        assert all(line["data"]["ms"] > 0 for line in second.lines("guardian", reason="waited_for"))
        (line,) = second.lines("guardian", reason="quotes_gone")
        assert line["data"]["run"] == first.lines("run")[0]["data"]["run_id"] and set(line["data"]["cancelled"]) == left
