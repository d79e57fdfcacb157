"""I58: after `kill -9` quotes stay in the market with nobody to hedge them, and Bitget V2 has no dead-man switch.

Wanted: a guardian process cancels them within seconds, and nothing else.
"""

from __future__ import annotations

import signal
import time
from decimal import Decimal
from pathlib import Path

from tests.runner.processes import gone, open_oids, rest, running
from tests.support.bot import exchange_with

D = Decimal


async def test_i58_quotes_are_gone_within_seconds_of_the_kill(tmp_path: Path) -> None:
    """Both quotes and nothing of a stranger's; the position is left as it is; the guardian ends."""
    async with exchange_with() as exchange:
        rest(exchange, "somebody-else-1")
        async with running(exchange, tmp_path, REQUEST_TIMEOUT_MS="500") as run:
            await run.until_open(3)
            guardian = run.guardian()
            killed_at = time.monotonic()
            assert await run.end(signal.SIGKILL) == -signal.SIGKILL
            await run.until_open(1, 3.0)
            assert time.monotonic() - killed_at < 3.0
            await gone(guardian)
        assert open_oids(exchange) == {"somebody-else-1"}
        assert exchange.account_view().position == D(0) and exchange.account_view().fills == ()


async def test_i58_it_does_nothing_while_the_runner_lives_and_leaves_with_it(tmp_path: Path) -> None:
    """Every cancel is the runner's own, sent at its clean end; then the guardian is gone."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN_BEAT_MS="50") as run:
        await run.quoting()
        guardian = run.guardian()
        quoted = open_oids(exchange)
        for _ in range(4):
            ticks = len(run.lines("tick"))
            await exchange.until(lambda seen=ticks: len(run.lines("tick")) > seen, 10)  # type: ignore[misc]
        assert open_oids(exchange) == quoted and not [it for it in exchange.requests if "cancel" in it.path]
        assert await run.end(signal.SIGTERM) == 0, run.story()
        await gone(guardian)
        assert open_oids(exchange) == set() and run.lines("guardian") == []
