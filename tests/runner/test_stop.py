"""Stop means stopped: over real processes where the process is the point (I34, I35, I36)."""

import signal
import time
from decimal import Decimal
from pathlib import Path

from tests.runner.processes import Process, gone, open_oids, running
from tests.support.bot import exchange_with, trading


def fill_bid(run: Process) -> None:
    """Somebody sells into our bid, all of it."""
    order = next(it for it in run.exchange.account_view().open_orders if it.side == "buy")
    assert order.price is not None
    run.exchange.market.trade("perp", order.price - Decimal("0.01"), order.size, "sell")


async def test_sigint_while_quoting_ends_clean_and_is_recorded_as_a_stop(tmp_path: Path) -> None:
    """Nothing of ours is left, status 0; the last session record names the signal, and nothing says HALTED."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN="0") as run:
        await run.quoting()
        assert await run.end(signal.SIGINT) == 0, run.story()

        assert open_oids(exchange) == set()
        sessions = [line["data"]["to"] for line in run.lines("session")]
        assert sessions == ["CHECKING", "READY", "STOPPING", "STOPPED"]
        assert run.lines("session")[-1]["reason"] == "SIGINT" and "ended: SIGINT, status 0" in run.story()
        assert not [line for line in run.lines() if line["mode"] == "HALTED"] and run.lines("alert") == []


async def test_sigterm_with_a_hedge_under_way_waits_for_it(tmp_path: Path) -> None:
    """The stop is not over before the ticket is: hedged once, flat, status 0."""
    async with exchange_with() as exchange, running(exchange, tmp_path, GUARDIAN="0") as run:
        await run.quoting()
        exchange.next_answer("/spot/trade/place-order", "delay_before_ms", ms=700)
        fill_bid(run)
        await exchange.until(lambda: any("/spot/trade/place-order" in it.path for it in exchange.requests), 10)
        assert await run.end(signal.SIGTERM) == 0, run.story()

        truth = exchange.account_view()
        assert truth.position == Decimal("0.02") and truth.spot["ETH"].total == Decimal("0.48")
        assert truth.open_orders == () and run.lines("ticket")[-1]["data"]["status"] == "DONE"


async def test_a_stop_the_exchange_refuses_ends_unclean_within_its_bound_and_the_guardian_goes_on(
    tmp_path: Path,
) -> None:
    """No cancel is taken: status 1 soon after STOP_BOUND_SEC. The guardian goes on, and clears when it can."""
    told = {"STOP_BOUND_SEC": "1", "REQUEST_TIMEOUT_MS": "500"}
    async with exchange_with() as exchange, running(exchange, tmp_path, **told) as run:
        await run.quoting()
        guardian = run.guardian()
        exchange.next_answer("cancel-order", "http500", times=1000)
        asked_at = time.monotonic()
        status = await run.end(signal.SIGTERM)

        assert status == 1 and time.monotonic() - asked_at < 3, run.story()
        assert len(open_oids(exchange)) == 2 and "ended: stop_bound, status 1" in run.story()
        exchange.clear_faults()
        await run.until_open(0)
        await gone(guardian)


async def test_a_stop_with_spot_dead_ends_unclean_and_names_the_exposure(tmp_path: Path) -> None:
    """The hedge's outcome stays unknown: the run ends within its bound, unclean, with the ticket in its journal."""
    async with trading(tmp_path, GUARDIAN="0", STOP_BOUND_SEC="1") as bot:
        await bot.quoting()
        for path in ("/spot/trade/place-order", "/spot/trade/orderInfo"):
            bot.exchange.next_answer(path, "http500", times=1000)
        bot.fill_bid()
        await bot.until(lambda: bot.requests("/spot/trade/place-order"))
        began_at = time.monotonic()
        status = await bot.stop()

        assert status == 1 and time.monotonic() - began_at < 3
        assert bot.runner.desk.state.tickets and bot.truth.position == Decimal("0.02")


async def test_a_halted_run_stops_clean(tmp_path: Path) -> None:
    """HALTED is no obstacle: what is open is settled and read back, status 0."""
    async with trading(tmp_path, GUARDIAN="0") as bot:
        await bot.quoting()
        bot.halt()
        await bot.until(lambda: not bot.open_orders)

        assert await bot.stop() == 0 and bot.runner.exit_reason == "test"
