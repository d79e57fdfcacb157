"""I34: a stop by process id killed the bot before it had cancelled; two quotes stayed in the market.

Wanted: SIGINT and SIGTERM cancel all, wait for the exchange's word, settle tickets within a bound and exit with a
status that tells clean from not. On the next start orders with our prefix are found and cancelled before anything else
is sent.
"""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.runner.processes import open_oids, rest, running
from tests.support.bot import bot_on, exchange_with, trading

D = Decimal
PLACE, CANCEL = "/mix/order/place-order", "/mix/order/cancel-order"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_i34_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """A process, signalled with both quotes resting and a hedge on its way: hedged, no order left, status 0."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN="0") as run:
        await run.quoting()
        exchange.next_answer("/spot/trade/place-order", "delay_before_ms", ms=200)
        exchange.market.trade("perp", "3490", "1", "sell")
        await exchange.until(lambda: any("/spot/trade/place-order" in it.path for it in exchange.requests))
        assert await run.end(number) == 0, run.story()
        truth = exchange.account_view()
        assert truth.open_orders == () and truth.position == D("0.02") and truth.spot["ETH"].total == D("0.48")


async def test_i34_a_stop_that_cannot_be_confirmed_says_so(tmp_path: Path) -> None:
    """The cancels fail until the bound: status 1, not 0, and not a word of clean."""
    async with trading(tmp_path, STOP_BOUND_SEC="1", CANCEL_SETTLE_MS="100", QUERY_PERIOD_MS="100") as bot:
        await bot.quoting()
        bot.exchange.next_answer(CANCEL, "http500", times=1_000)
        assert await bot.stop() == 1
        assert bot.runner.exit_reason == "stop_bound" and len(bot.open_orders) == 2


@pytest.mark.parametrize("memory", ["journal", "elsewhere", "prefix alone"])
async def test_i34_the_next_run_cancels_what_is_left_before_it_places_anything(tmp_path: Path, memory: str) -> None:
    """Orders of a dead run and one of a stranger's: ours go first, known from the journal or by their names alone, also
    when the dead run began within this second; the stranger's stays."""
    async with exchange_with() as exchange:
        rest(exchange, "somebody-else-1")
        if memory != "prefix alone":
            async with bot_on(exchange, tmp_path) as first:
                await first.until(lambda: first.quote("buy") and first.quote("sell") and len(first.open_orders) == 3)
                await first.kill()
                first.runner.exit_status = 1
        else:
            rest(exchange, "mm-Qpb-4-tp0kg0-1")
            rest(exchange, "mm-Qpb-5-tp0kg0-1")
        left = open_oids(exchange) - {"somebody-else-1"}
        assert len(left) == 2
        begin = len(exchange.requests)
        folder = tmp_path if memory == "journal" else tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        async with bot_on(exchange, folder) as second:
            await second.until(lambda: second.mode == "QUOTING" and len(open_oids(exchange) - left) == 3)
            posts = [it.path for it in list(exchange.requests)[begin:] if it.method == "POST"]
            assert [CANCEL in it for it in posts[:2]] == [True, True] and any(PLACE in it for it in posts[2:])
            assert not open_oids(exchange) & left and "somebody-else-1" in open_oids(exchange)
            await second.stop()
        assert open_oids(exchange) == {"somebody-else-1"}
