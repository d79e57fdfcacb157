"""I40: a task that synchronised positions ended after one pass, and nobody noticed for days.
I55: an exception inside the fill monitor ended hedging without a word.

Wanted: every long-lived task is supervised: one that ends or raises takes the bot to HALTED, latched, and hedging goes
on. A desk that itself raises takes its quotes out and ends the run with a status that says so.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm import QuotePlan
from mmfsm.strategy import ObiFundingStrategy, QuoteView
from runner.app import STATUS_CRASHED
from runner.bitget.tasks import Tasks
from tests.support.bot import trading

D = Decimal


async def _returns() -> None:
    """A pass, and it is over."""


async def _raises() -> None:
    raise KeyError("fills")


@pytest.mark.parametrize("work", [_returns, _raises])
async def test_i40_a_task_that_ends_or_raises_is_reported(work: object) -> None:
    """By name, with its error, or without one where it simply ended."""
    told: asyncio.Queue[tuple[str, BaseException | None]] = asyncio.Queue()
    tasks = Tasks(lambda name, error: told.put_nowait((name, error)))
    tasks.start("positions", work())  # type: ignore[operator]
    async with asyncio.timeout(1):
        name, error = await told.get()
    assert name == "positions" and isinstance(error, KeyError) is (work is _raises)
    await tasks.close()


async def test_i40_a_task_that_was_cancelled_by_another_is_reported() -> None:
    """Its inner task is cancelled by a library; the outer one ends with it."""
    told: list[str] = []
    tasks = Tasks(lambda name, _error: told.append(name))
    begun = asyncio.Event()

    async def outer() -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(inner.cancel)
        begun.set()
        await inner

    tasks.start("reader", outer())
    await begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert told == ["reader"]
    await tasks.close()
    assert told == ["reader"]


async def test_i40_i55_a_handler_that_raises_halts_latched_and_hedging_goes_on(tmp_path: Path) -> None:
    """An event handler fails on a message: HALTED for a person, quotes out, and a fill that still comes is hedged."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/mix/order/cancel-order", "delay_before_ms", times=2, ms=300)
        tell, once = bot.runner.sockets._on_event, [True]

        def broken(event: object) -> None:
            if once and once.pop():
                raise KeyError("fills")
            tell(event)  # type: ignore[arg-type]

        bot.runner.sockets._on_event = broken
        bot.exchange.market.set_touch("perp", "3500.10", "3500.20", "50")
        await bot.until(lambda: bot.mode == "HALTED")
        assert bot.halts == {"breach:event-handler": True}
        bot.fill_bid()
        await bot.hedged()
        await bot.until(lambda: not bot.open_orders)
        assert bot.truth.position == D("0.02") and bot.truth.spot["ETH"].total == D("0.48")
        assert bot.find("alert", reason="breach:event-handler")


class _Raises:
    """A strategy that fails at its third plan."""

    def __init__(self) -> None:
        self.left = 3

    def quote(self, view: QuoteView) -> QuotePlan:
        self.left -= 1
        if self.left <= 0:
            raise ZeroDivisionError("a mistake in the strategy")
        return ObiFundingStrategy().quote(view)


async def test_i55_a_desk_that_raises_takes_its_quotes_out_and_ends_with_a_status(tmp_path: Path) -> None:
    """Not a word less than: the error in the log, both quotes cancelled, status 3."""
    async with trading(tmp_path, strategy=_Raises()) as bot:
        await bot.until(lambda: len(bot.requests("/mix/order/place-order")) == 2)
        bot.exchange.market.set_touch("perp", "3500.10", "3500.20", "50")
        bot.exchange.market.set_touch("perp", "3500.20", "3500.30", "50")
        assert await bot.ended() == STATUS_CRASHED
        assert "ZeroDivisionError" in bot.runner.exit_reason and not bot.open_orders
        assert bot.find("log", lambda line: "the desk failed on" in line["data"]["text"])
