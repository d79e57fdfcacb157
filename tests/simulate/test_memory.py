"""What a run keeps: as much after a month as after an hour, because every collection it holds has a bound."""

from __future__ import annotations

import gc
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from mmfsm.forgetting import SHARE
from mmfsm.ledger import SEEN_MAX, SHADOWS_MAX
from runner.bitget import wire
from runner.bitget.gateway import PAGES_MAX
from runner.paper.options import PaperOptions
from runner.simulator import market
from runner.simulator.bot import SimulatedRunner
from runner.simulator.clock import virtual_time
from runner.simulator.market import SweptMarket, Weather
from runner.simulator.network import Line
from runner.simulator.run import START_MS, Plan, Watch, settings_of
from runner.simulator.swarm import CALM
from runner.simulator.world import World

SMALL = 40
LONGEST = 256
"""The longest of the collections whose bounds the run below leaves alone (`guards.SIZES_MAX`)."""

LIVELY = Weather(sd_bps=0.5, sweeps_per_s=3.0, sweep_bps=3.0)
_CODE = (types.ModuleType, type, types.FunctionType, types.CodeType)


def collections(root: object, beyond: tuple[object, ...]) -> Iterator[Any]:
    """Yield every collection that is reached from `root`, but not by way of code, or of what lies beyond."""
    seen, todo = {id(one) for one in beyond}, [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, _CODE):
            continue
        seen.add(id(one))
        if isinstance(one, dict | list | set | deque | tuple):
            yield one
        todo += gc.get_referents(one)


def test_no_collection_of_a_run_grows_past_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of orders and fills after the start, nothing in the desk or the runner around it is longer than its
    bound; with the bounds of orders and keys made small, that is seen in minutes. The exchange's is the options'."""
    for bound in ("orders.SETTLED_MAX", "ledger.SEEN_MAX", "ledger.SHADOWS_MAX"):
        monkeypatch.setattr(f"mmfsm.{bound}", SMALL)
    with virtual_time(START_MS) as loop:
        options = PaperOptions(seed=1, market="scripted", orders_kept_max=SMALL, fills_kept_max=SMALL)
        settings = settings_of(CALM, options)
        world = World(loop, options, SweptMarket(1, LIVELY).events(), Line("1", 8, 6), direct=True)
        watch = Watch(Plan(1), world, settings)
        bot = SimulatedRunner(settings, world, 1, watch.look, keeps=False)

        async def run() -> tuple[list[int], list[int]]:
            world.start()
            await bot.open()
            await bot.over_within(150.0)
            beyond = (world, world.venue, loop, watch)
            lengths = [[len(one) for one in collections(root, beyond)] for root in (bot, world.venue.exchange.store)]
            await bot.close()
            return lengths[0], lengths[1]

        of_bot, of_exchange = loop.run_until_complete(run())

    s = bot.desk.state
    assert bot.failure is None and min(watch.counts["orders"], watch.counts["fills"]) > LONGEST
    assert max(of_bot) <= LONGEST and max(of_exchange) <= SMALL
    stores = (s.orders.settled, s.ledger.shadows, *s.ledger.seen.values())
    assert all(SMALL * (1 - 1 / SHARE) <= len(store) <= SMALL for store in stores)
    assert len(s.orders.oid_of) <= SMALL + len(s.orders.open)


def test_a_market_remembers_a_bounded_number_of_prices() -> None:
    """A walk over ten thousand ticks, and back to where it was: no more prices are kept than the bound, each right."""
    for tick in (*range(260_000, 270_000), 260_000):
        assert market._DOWN[tick][1] * 100 == tick - 1

    assert max(map(len, (market._PRICE, market._DOWN))) <= market.PRICES_KEPT_MAX


def test_what_a_reading_can_tell_again_is_remembered() -> None:
    """A question for fills is answered with the newest of one leg, page by page, and no further back than all pages go:
    every one of them is still known, and so are those told while it is read."""
    assert SEEN_MAX >= PAGES_MAX * wire.PAGE * 1.2
    assert SHADOWS_MAX >= 2 * wire.PAGE * 1.2
