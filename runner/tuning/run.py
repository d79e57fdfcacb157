"""The one door to the simulator: `run(setup, params, seed)` runs a seed and returns its figures."""

from __future__ import annotations

import gc
import random
from collections.abc import Mapping
from pathlib import Path

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.errors import ParamError
from runner.paper.options import Credentials
from runner.settings import Settings, load_settings
from runner.simulator.bot import SimulatedRunner, loopback_keys
from runner.simulator.clock import VirtualLoop, virtual_time
from runner.simulator.network import Line
from runner.simulator.run import START_MS
from runner.tuning.coarse import AGE_MS
from runner.tuning.figures import Figures
from runner.tuning.funding import INTERVAL_MS
from runner.tuning.setup import Setup, funding_events
from runner.tuning.world import CoarseWorld

BOOK_STALE_MIN_MS = AGE_MS + 1_000

FIXED = {"PERP_TIF": "both", "LOG_PATH": "/dev/null", "LOG_LEVEL": "ERROR"}
"""Spelling of time in force and the log: no matter of a parameter set."""


def settings_of(params: Mapping[str, str]) -> Settings:
    """Return the bot's settings: `params` by name in capitals, everything else its default.

    Raises:
        ParamError: a name or a value is not usable.
    """
    keys = loopback_keys(Credentials())
    settings = load_settings({**params, **FIXED, **keys}, Path("/nonexistent/.env"))[0]
    if settings.book_stale_ms < BOOK_STALE_MIN_MS:
        takes = f"{BOOK_STALE_MIN_MS} ms or more in a simulated run, where books may be {AGE_MS} ms apart"
        raise ParamError("BOOK_STALE_MS", settings.book_stale_ms, takes)
    return settings


def run(setup: Setup, params: Mapping[str, str], seed: int) -> Figures:
    """Run one seed. The same arguments give the same figures.

    Raises:
        ParamError: a parameter is not usable.
        ValueError, OSError: tape or funding cannot be used.
    """
    settings, rates = settings_of(params), setup.rates(seed)
    # Any moment of a funding interval may be the run's start.
    start_ms = START_MS - START_MS % INTERVAL_MS + random.Random(f"start {seed}").randrange(INTERVAL_MS // 1000) * 1000
    funding = funding_events(rates, start_ms - start_ms % INTERVAL_MS + INTERVAL_MS)
    with virtual_time(start_ms) as loop:
        world = CoarseWorld(
            loop, setup.options(seed, rates[0]), setup.steps(seed), funding,
            Line(str(seed), setup.latency_ms, setup.jitter_ms),
        )  # fmt: skip
        gc.freeze()  # what is there now is not looked at again and again
        try:
            return loop.run_until_complete(_live(world, settings, setup, seed, loop))
        finally:
            gc.unfreeze()


async def _live(world: CoarseWorld, settings: Settings, setup: Setup, seed: int, loop: VirtualLoop) -> Figures:
    meter = world.meter

    def look(event: ev.Event, actions: tuple[do.Action, ...]) -> None:
        if actions:
            meter.watch(event, actions)

    bot = SimulatedRunner(settings, world, seed, look, keeps=False)
    world.start()
    await bot.open()
    await bot.over_within(setup.minutes * 60 - loop.now_s)
    meter.sample(world.now_ms)
    await bot.close()
    latched = tuple(sorted(name for name, is_latched in bot.desk.state.mode.reasons.items() if is_latched))
    failure = bot.exit_reason if bot.is_over else ""
    return meter.figures(seed, loop.now_s / 60 if failure else setup.minutes, latched, failure)
