"""Supervision: what breaks in the runner stops new risk, for a person to see; hedging goes on (I40, I55)."""

import asyncio
import json
import resource
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from mmfsm.actions import Record
from runner.app import Runner
from runner.client import command
from runner.journal import segments
from runner.lock import Lock, LockedError
from runner.paper import PaperExchange
from runner.state_folder import LOCK
from tests.runner.processes import running
from tests.support.bot import Bot, exchange_with, settings_on, trading


class StoppedClock(Runner):
    """A runner whose ticks die once, at the word."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.die = asyncio.Event()

    async def _tick(self) -> None:
        if self.die.is_set():
            return await super()._tick()
        ticking = asyncio.create_task(super()._tick())
        try:
            await self.die.wait()
        finally:
            ticking.cancel()
        raise RuntimeError("the clock stopped")


async def test_ticks_that_die_halt_for_a_person_and_go_on(tmp_path: Path) -> None:
    """HALTED, latched, by name; the next fill is hedged, and ticks are there again."""
    async with exchange_with() as exchange:
        records: list[Record] = []
        run = StoppedClock(
            settings_on(exchange, tmp_path / "run.jsonl", GUARDIAN="0", BOOK_STALE_MS="60000"), on_record=records.append
        )
        task = asyncio.create_task(run.run(signals=False))
        await exchange.until(lambda: len(exchange.account_view().open_orders) == 2, 10)
        bid = next(it for it in exchange.account_view().open_orders if it.side == "buy")
        assert bid.price is not None
        exchange.market.trade("perp", bid.price, bid.size, "sell")
        run.die.set()
        assert await run.until(lambda: "breach:ticks" in run.desk.state.mode.reasons, 5)
        ticked = sum(record.event == "tick" for record in records)

        assert await run.until(lambda: sum(record.event == "tick" for record in records) > ticked + 1, 5)
        assert run.desk.state.mode.latched and exchange.account_view().open_orders == ()
        assert exchange.account_view().spot["ETH"].total == Decimal("0.48")
        run.stop()
        assert await task == 0


@asynccontextmanager
async def without_its_log(tmp_path: Path) -> AsyncIterator[tuple[PaperExchange, Runner]]:
    """A run whose log's folder `logs` was removed, HALTED for it, latched, and its quotes gone; it ends clean."""
    logs = tmp_path / "logs"
    logs.mkdir()
    async with exchange_with() as exchange:
        settings = settings_on(exchange, logs / "run.jsonl", GUARDIAN="0", STATE_DIR=str(tmp_path / "state"))
        run = Runner(settings)
        task = asyncio.create_task(run.run(signals=False))
        await exchange.until(lambda: len(exchange.account_view().open_orders) == 2, 10)
        shutil.rmtree(logs)
        assert await run.until(lambda: run.desk.state.mode.reasons.get("breach:log"), 5)
        await exchange.until(lambda: not exchange.account_view().open_orders, 5)
        yield exchange, run
        run.stop()

        assert await task == 0


async def test_a_log_that_was_removed_stops_new_risk(tmp_path: Path) -> None:
    """Its folder is gone: HALTED, latched, and a stop still ends clean."""
    async with without_its_log(tmp_path) as (_exchange, run):
        assert run.desk.state.mode.latched


@pytest.mark.parametrize("moved", [False, True], ids=["removed", "moved"])
async def test_a_state_folder_that_is_gone_stops_new_risk(tmp_path: Path, moved: bool) -> None:
    """A restart would find no journal, and a second run no lock: HALTED, latched; `resume` makes both anew."""
    async with trading(tmp_path, GUARDIAN="0") as bot:
        await bot.quoting()
        if moved:
            bot.runner.folder.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(bot.runner.folder)
        await bot.until(lambda: "breach:journal" in bot.halts)
        await bot.until(lambda: not bot.exchange.account_view().open_orders)
        bot.runner.resume()
        await bot.quoting()

        assert list((bot.runner.folder / "journal").glob("*.jsonl"))
        with pytest.raises(LockedError, match=bot.runner.run_id):
            Lock(bot.runner.folder / LOCK).take("another")


async def test_a_lock_that_was_removed_and_is_somebody_elses_now_keeps_new_risk_stopped(tmp_path: Path) -> None:
    """Two runs on one account must not quote both: `resume` clears nothing until the other has gone."""
    async with trading(tmp_path, GUARDIAN="0") as bot:
        await bot.quoting()
        (bot.runner.folder / LOCK).unlink()
        other = Lock(bot.runner.folder / LOCK)
        other.take("another")
        await bot.until(lambda: "breach:journal" in bot.halts)
        bot.runner.resume()
        assert "breach:journal" in bot.halts
        other.release()
        bot.runner.resume()
        await bot.quoting()


async def test_a_full_disk_stops_new_risk_and_a_fill_is_hedged_all_the_same(tmp_path: Path) -> None:
    """Neither log nor journal can grow: quotes go, HALTED; a fill that was under way is hedged, and the stop ends."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN="0") as run:
        await run.quoting()
        bid = next(it for it in exchange.account_view().open_orders if it.side == "buy")
        assert bid.price is not None
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (1, 1))
        exchange.market.trade("perp", bid.price, bid.size, "sell")
        await exchange.until(lambda: exchange.account_view().spot["ETH"].total == Decimal("0.48"), 10)
        await run.until_open(0)
        out = StringIO()
        assert await command("status", run.settings, None, True, out) == 0
        assert await run.end(signal.SIGTERM) == 0, run.story()

        assert json.loads(out.getvalue())["halted_by"]["breach:journal"] == "latched"
        assert exchange.account_view().position == Decimal("0.02")


async def test_resume_clears_nothing_while_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """The disk is still full: `resume` says what holds, with status 1, and no quote leaves meanwhile."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN="0") as run:
        await run.quoting()
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (1, 1))
        await run.until_open(0)
        placed = len(exchange.account_view().orders)
        out = StringIO()

        assert await command("resume", run.settings, None, False, out) == 1
        assert "cleared nothing. Still halted by breach:journal" in out.getvalue()
        assert len(exchange.account_view().orders) == placed
        assert await run.end(signal.SIGTERM) == 0, run.story()


async def test_resume_clears_nothing_while_the_log_cannot_be_written(tmp_path: Path) -> None:
    """Its folder cannot be made again: `resume` says what holds, with status 1, and no quote leaves; when it can be,
    one `resume` makes it, and quotes are back."""
    async with without_its_log(tmp_path) as (exchange, run):
        logs = tmp_path / "logs"
        logs.write_text("no folder")
        placed, out = len(exchange.account_view().orders), StringIO()

        assert await command("resume", run.settings, None, False, out) == 1
        assert "cleared nothing. Still halted by breach:log" in out.getvalue()
        assert len(exchange.account_view().orders) == placed
        logs.unlink()
        assert await command("resume", run.settings, None, False, out) == 0
        await exchange.until(lambda: len(exchange.account_view().open_orders) == 2, 10)
        assert "order_new" in (logs / "run.jsonl").read_text()


async def test_a_journal_that_has_room_again_is_begun_anew_by_resume(tmp_path: Path) -> None:
    """Full, HALTED; room again and resumed: the next run takes up what happened since."""
    async with trading(tmp_path, GUARDIAN="0") as bot:
        await bot.quoting()
        journal = bot.runner.folder / "journal"
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
        await bot.until(lambda: "breach:journal" in bot.halts)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        before = len(segments(journal))
        bot.runner.resume()
        await bot.quoting()

        assert len(segments(journal)) == before + 1
        bot.fill_bid()
        await bot.hedged()
        await bot.kill()
        second = Bot(bot.exchange, bot.settings)
        await second.quoting()
        assert second.runner.desk.state.ledger.perp == Decimal("0.02")
        assert await second.stop() == 0
        bot.runner.exit_status = 0
