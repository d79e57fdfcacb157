"""C3: events in, actions out; the runner only translates. Shown over a whole run with fills, a cut and a stop."""

import itertools
import json
from collections import Counter
from pathlib import Path

from mmfsm import actions as do
from mmfsm.journal import rebuild
from runner.journal import read_segment, segments
from runner.state_folder import state_folder
from tests.support.bot import touch, trading


async def test_the_runner_asks_the_exchange_for_what_the_desk_asked_and_nothing_else(tmp_path: Path) -> None:
    """Every request that changes anything is one action of the desk: the same counts, the same clientOids."""
    async with trading(tmp_path, PERP_TIF="auto") as bot:
        asked: list[do.Action] = []
        desk = bot.runner.desk
        urgent, rest = desk.urgent, desk.rest
        desk.urgent = lambda event: _kept(asked, urgent(event))  # type: ignore[method-assign]
        desk.rest = lambda: _kept(asked, rest())  # type: ignore[method-assign]
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()
        await bot.exchange.cut("private", 0.05)
        await bot.until(lambda: bot.mode == "HALTED" and not bot.open_orders)
        touch(bot.exchange, perp="3501.00", spot="3501.00")
        await bot.stop()

        placed = [action.request.client_oid for action in asked if isinstance(action, do.PlaceOrder)]
        cancelled = [action for action in asked if isinstance(action, do.CancelOrder)]
        assert Counter(body["clientOid"] for body in bot.requests("place-order")) == Counter(placed)
        assert len(bot.posts) == len(placed) + len(cancelled)


def _kept(asked: list[do.Action], actions: tuple[do.Action, ...]) -> tuple[do.Action, ...]:
    asked.extend(actions)
    return actions


async def test_the_same_events_give_the_same_desk_without_a_runner(tmp_path: Path) -> None:
    """The events of a run, told to a fresh desk from the journal, leave it exactly where the run's desk ended."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_ask()
        await bot.hedged()
        await bot.stop()

        told = [read_segment(path) for path in segments(state_folder(bot.settings) / "journal")]
        assert len(told[0].events) > 50
        for before, after in itertools.pairwise(told):
            assert json.loads(json.dumps(rebuild(before).snapshot())) == after.snapshot
        assert rebuild(told[-1]).snapshot() == bot.runner.desk.snapshot()
