"""From a perp fill on the wire to its hedge on the wire, the runner whole beside bots that do nothing else.

fill → hedge        all bots in turn on one exchange; times are the wire's (see `relay`): from just before the fill's
                    push is written to a bot until the first byte of its hedge's request is read from it
idle, TLS           the runner alone over TLS, each fill after a silence, beside fills without one in the same run.
                    Shortened: a silence is 3 s instead of ten minutes, and everything that counts in it is shortened
                    alike: the wire closes what asked nothing for 1 s, the hedges' connection is used every 0.5 s
storm               two runners on one exchange, one as above, one whose quotes follow every book at the rate limit
                    and whose log begins a new file every megabyte
"""

from __future__ import annotations

import asyncio
import statistics

from tests.bench.figures import Bench, How, Row, Taken, all_of, within, within_plus
from tests.bench.live import OURS, STORM, Stand

FILLS, FILLS_QUICK, WARM_UP = 150, 30, 5
IDLE_FILLS, IDLE_S = 12, 3.0
SHORT = {"HEDGE_IDLE_MS": "500"}
CUT_IDLE_S = 1.0
IN_STORM = f"{OURS} 2"

P50, P99, P50_B, P50_C = "fill → hedge p50", "fill → hedge p99", "… p50 beside pybotters", "… p50 beside ccxt.pro"
IDLE, STORM_P99, STORM_P50 = "after idle, TLS, p50", "in a quote storm p99", "… p50"
ROWS = (
    Row(P50, "ms", "bare aiohttp", within_plus(0.15)),
    Row(P99, "ms", "bare aiohttp", within(1.5)),
    Row(P50_B, "ms", "pybotters watch()", within(1.0)),
    Row(P50_C, "ms", "ccxt.pro", within(1.0)),
    Row(IDLE, "ms", "the same, warm", within(1.1)),
    Row(STORM_P99, "ms", "the same, quiet", within(2.0)),
    Row(STORM_P50, "ms", "the same, quiet", all_of(within(2.0))),
)


def p99(waits: list[float]) -> float:
    """The 99th percentile; of fewer than a hundred, the largest."""
    return sorted(waits)[min(len(waits) - 1, int(len(waits) * 0.99))]


async def beside_others(count: int) -> Taken:
    """The runner and the bots, fill by fill in turn."""
    async with Stand((OURS, "aiohttp", "pybotters", "ccxt_pro")) as stand:
        await stand.fills(WARM_UP)
        waits = await stand.fills(count)
    middle = {name: statistics.median(told) for name, told in waits.items()}
    return {
        P50: (middle[OURS], middle["aiohttp"]),
        P99: (p99(waits[OURS]), p99(waits["aiohttp"])),
        P50_B: (middle[OURS], middle["pybotters"]),
        P50_C: (middle[OURS], middle["ccxt_pro"]),
    }


async def after_idle(count: int) -> Taken:
    """Fills after a silence, and fills without one, in turn."""
    async with Stand((OURS,), {OURS: SHORT}, tls=True, idle_s=CUT_IDLE_S) as stand:
        await stand.fills(WARM_UP)
        idle: list[float] = []
        warm: list[float] = []
        for _ in range(count):
            idle += (await stand.fills(1, IDLE_S))[OURS]
            warm += (await stand.fills(2))[OURS]
    return {IDLE: (statistics.median(idle), statistics.median(warm))}


async def in_storm(count: int) -> Taken:
    """A quiet runner and one in a storm, in turn."""
    async with Stand((OURS, IN_STORM), {IN_STORM: STORM}) as stand:
        await stand.fills(WARM_UP)
        waits = await stand.fills(count)
    quiet, storm = waits[OURS], waits[IN_STORM]
    return {
        STORM_P99: (p99(storm), p99(quiet)),
        STORM_P50: (statistics.median(storm), statistics.median(quiet)),
    }


def take(how: How) -> Taken:
    """One run of all three."""
    count, idle = (FILLS_QUICK, 3) if how.quick else (FILLS, IDLE_FILLS)
    told: dict[str, tuple[float, float | None]] = {}
    for scene in (beside_others(count), after_idle(idle), in_storm(count)):
        told |= asyncio.run(scene)
    return told


BENCH = Bench("live", ROWS, take)
