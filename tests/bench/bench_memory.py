"""What a day leaves behind: resident memory of the desk and its simulated runner after an hour, and after a day.

Virtual time, no faults, books at ten a second and leg, fills every few seconds. Exchange and simulator are in the same
process, and no part of a bot that trades: the exchange keeps so few orders and fills here that it is full before the
first reading, and what grows afterwards is the bot's. Of the desk's memories, that of settled orders is full within
the first hour, those of fills within five. A live runner's sockets, files and views are not here: the views are bounded
by `FILLS_MAX` and by pybotters' own bounds.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from runner.paper.options import PaperOptions
from runner.simulator.bot import SimulatedRunner
from runner.simulator.clock import virtual_time
from runner.simulator.market import SweptMarket
from runner.simulator.network import Line
from runner.simulator.run import START_MS, Plan, Watch, settings_of
from runner.simulator.swarm import CALM
from runner.simulator.world import World
from tests.bench.figures import Bench, How, Row, Taken, below
from tests.bench.live import ROOT

HOURS, HOURS_QUICK = 24, 2
EXCHANGE = PaperOptions(seed=1, market="scripted", orders_kept_max=1_000, fills_kept_max=500)
GROWTH = "resident memory, hour 1 → 24"
ROWS = (Row(GROWTH, "MB", "hour 1", below(2.0)),)


def resident_mb() -> float:
    """This process's resident memory, after a collection."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def live(hours: int) -> tuple[float, float]:
    """Run so many virtual hours; return resident MB after the first and after the last."""
    with virtual_time(START_MS) as loop:
        settings = settings_of(CALM, EXCHANGE)
        world = World(loop, EXCHANGE, SweptMarket(1).events(), Line("1", 8, 6), direct=True)
        bot = SimulatedRunner(settings, world, 1, Watch(Plan(1), world, settings).look, keeps=False)

        async def run() -> tuple[float, float]:
            world.start()
            await bot.open()
            await bot.over_within(3600.0)
            first = resident_mb()
            await bot.over_within(3600.0 * (hours - 1))
            last = resident_mb()
            await bot.close()
            return first, last

        return loop.run_until_complete(run())


def take(how: How) -> Taken:
    """One run, in a process of its own."""
    hours = HOURS_QUICK if how.quick else HOURS
    words = ["-m", "tests.bench.bench_memory", str(hours)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    first, last = map(float, done.stdout.split())
    return {GROWTH: (last - first, first)}


BENCH = Bench("memory", ROWS, take, runs_max=1)

if __name__ == "__main__":
    from loguru import logger

    logger.remove()
    print(*live(int(sys.argv[1])))
