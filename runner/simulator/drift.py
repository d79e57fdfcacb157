"""One long run without faults: what memory, the desk's own state and the records grow by, hour by hour."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from typing import Any

from runner.paper.options import PaperOptions
from runner.simulator.bot import SimulatedRunner
from runner.simulator.clock import virtual_time
from runner.simulator.market import SweptMarket
from runner.simulator.network import Line
from runner.simulator.run import START_MS, Plan, Watch, settings_of
from runner.simulator.swarm import CALM
from runner.simulator.world import World

READINGS = 6


def drift(seed: int, minutes: float) -> dict[str, Any]:
    """Run that long without faults; return readings at even distances. `heap_kb` is what Python's heap holds in all,
    the stand-in exchange among it, which keeps a bounded number of orders and fills."""
    began_s = time.process_time()
    with virtual_time(START_MS) as loop:
        options = PaperOptions(seed=seed, market="scripted")
        settings = settings_of(CALM, options)
        world = World(loop, options, SweptMarket(seed).events(), Line(str(seed), 8, 6), direct=True)
        watch = Watch(Plan(seed), world, settings)
        bot = SimulatedRunner(settings, world, seed, watch.look, keeps=False)
        readings: list[dict[str, Any]] = []

        async def live() -> None:
            world.start()
            await bot.open()
            for _ in range(READINGS):
                await bot.over_within(minutes * 60 / READINGS)
                readings.append(_read(bot, watch, loop.now_s))
            await bot.close()

        tracemalloc.start()
        try:
            loop.run_until_complete(live())
        finally:
            tracemalloc.stop()
        virtual_s = loop.now_s
    cpu_s = time.process_time() - began_s
    return {
        "seed": seed,
        "virtual_h": round(virtual_s / 3600, 2),
        "cpu_s": round(cpu_s, 1),
        "failure": None if bot.failure is None else str(bot.failure),
        "readings": readings,
    }


def _read(bot: SimulatedRunner, watch: Watch, at_s: float) -> dict[str, Any]:
    gc.collect()
    s = bot.desk.state
    return {
        "at_h": round(at_s / 3600, 2),
        "heap_kb": tracemalloc.get_traced_memory()[0] // 1024,
        "snapshot_kb": len(json.dumps(bot.desk.snapshot())) // 1024,
        "settled_orders": len(s.orders.settled),
        "dedupe_keys": sum(map(len, s.ledger.seen.values())),
        "records": bot.records,
        "requests_waiting": len(bot._requests),
        **watch.counts,
    }
