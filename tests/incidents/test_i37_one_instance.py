"""I37: two instances ran at once on one account.

Wanted: one lock per account and symbol; the second run refuses to start, sends nothing, and says who holds it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from runner.app import Runner
from runner.lock import LockedError
from tests.support.bot import bot_on, exchange_with, settings_on, trading


async def test_i37_the_second_run_refuses_and_names_the_first(tmp_path: Path) -> None:
    """Same account, same symbol: an error with pid and run, not one request; the first trades on."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        requests = len(bot.exchange.requests)
        second = Runner(settings_on(bot.exchange, tmp_path / "second.jsonl"))
        with pytest.raises(LockedError, match=rf"\"pid\": {os.getpid()}.*{bot.runner.run_id}.*stop that one first"):
            async with asyncio.timeout(5):
                await second.run(signals=False)
        assert len(bot.exchange.requests) == requests and not (tmp_path / "second.jsonl").exists()
        assert bot.mode == "QUOTING"


async def test_i37_the_lock_goes_with_the_run(tmp_path: Path) -> None:
    """After the first has ended, on whatever terms, the next one starts."""
    async with exchange_with() as exchange, bot_on(exchange, tmp_path) as first:
        await first.ready()
        await first.kill()
        async with bot_on(exchange, tmp_path) as second:
            await second.ready()
        first.runner.exit_status = 0
