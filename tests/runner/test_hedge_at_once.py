"""A hedge's request leaves within the turn that was told of its fill."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mmfsm import events as ev
from mmfsm.values import InstType
from runner.app import Runner
from tests.support import bot as support
from tests.support.bot import trading


async def test_the_hedge_is_written_before_the_turn_of_its_fill_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No turn of the loop lies between: a line is taken when `handle` returns that was free when it was called."""
    taken: list[tuple[int, int]] = []

    class Watched(Runner):
        def handle(self, event: ev.Event) -> None:
            before = self.taken()
            super().handle(event)
            if isinstance(event, ev.FillEvent) and event.fill.inst is InstType.PERP:
                taken.append((before, self.taken()))

        def taken(self) -> int:
            return sum(line._taken for line in self.gateway._rest._lines)

    monkeypatch.setattr(support, "Runner", Watched)
    async with trading(tmp_path) as bot:
        await bot.quoting()
        await bot.until(lambda: all(line.is_free for line in bot.runner.gateway._rest._lines))
        bot.fill_bid()
        await bot.hedged()
    assert taken == [(0, 1)]


async def test_what_goes_wrong_in_writing_a_hedge_halts_and_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was sent is not known: the desk halts, and asks for the order like for any without an answer."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    short = {"ANSWER_BOUND_MS": "400", "REQUEST_TIMEOUT_MS": "300", "QUERY_PERIOD_MS": "100", "NOT_FOUND_MS": "500"}
    async with trading(tmp_path, **short) as bot:
        await bot.quoting()
        with monkeypatch.context() as patch:
            patch.setattr(bot.runner.gateway, "begin", broken)
            bot.fill_bid()
            await bot.until(lambda: "breach:request:PlaceOrder" in bot.halts)
        await bot.hedged()  # by a second order, once the first is known not to exist
        assert bot.truth.position + bot.truth.spot["ETH"].total == pytest.approx(bot.runner.desk.state.ledger.start)


async def test_a_burst_of_records_lets_the_loop_look_at_its_sockets_in_between(tmp_path: Path) -> None:
    """Never more than two are written in one turn of the loop."""
    seen: list[str] = []
    async with trading(tmp_path) as bot:
        await bot.quoting()
        loop = asyncio.get_running_loop()

        def turn(left: int) -> None:
            seen.append("turn")
            if left:
                loop.call_soon(turn, left - 1)

        bot.runner.observers.append(lambda record: seen.append(record.event) if record.event == "burst" else None)
        for _ in range(7):
            bot.runner.note("burst", "test", {})
        turn(10)
        await bot.until(lambda: seen.count("burst") == 7)
    told = " ".join(seen)
    assert "burst burst" in told and "burst burst burst" not in told
