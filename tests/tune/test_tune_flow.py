"""K_FLOW in a simulated run: the bot hears the market's trades, all of them, and by its own sockets."""

import asyncio
import itertools
from collections.abc import Iterator
from decimal import Decimal

from mmfsm import events as ev
from runner.simulator.bot import SimulatedRunner
from runner.simulator.clock import virtual_time
from runner.simulator.network import Line
from runner.simulator.run import START_MS
from runner.tuning.coarse import Step
from runner.tuning.run import run, settings_of
from runner.tuning.setup import Setup
from runner.tuning.world import CoarseWorld
from tests.support.busy import BUSY, QUOTING

FAR = {**QUOTING, "BASE_HALF_SPREAD_BPS": "50", "MAX_HALF_SPREAD_BPS": "100"}
"""No trade of the market reaches quotes this far out."""

SECONDS, SHORT = 20, Setup(minutes=0.5)


def heard(**params: str) -> tuple[list[ev.TradesEvent], Decimal]:
    """What a bot is told of trades in so many seconds, and the volume that is traded from the second second on."""
    settings, traded, told = settings_of({**FAR, **params}), [Decimal(0)], list[ev.TradesEvent]()

    def counted() -> Iterator[Step]:
        for step in SHORT.steps(1):
            if 2_000 <= step.at_ms < SECONDS * 1_000:
                traded[0] += sum(trade.qty for trade in step.trades)
            yield step

    def look(event: ev.Event, _actions: object) -> None:
        if isinstance(event, ev.TradesEvent):
            told.append(event)

    async def live() -> None:
        bot = SimulatedRunner(settings, world, 1, look)
        world.start()
        await bot.open()
        await asyncio.sleep(SECONDS + 0.5)
        await bot.close()

    with virtual_time(START_MS) as loop:
        options = SHORT.options(1, Decimal("0.0001"))
        world = CoarseWorld(loop, options, counted(), iter(()), Line("1", 5, 0))
        loop.run_until_complete(live())
    return told, traded[0]


def test_every_trade_is_heard_when_it_is_listened_to() -> None:
    """Those that reach no order of ours too, at most one event in 100 ms; without K_FLOW none."""
    told, traded = heard(K_FLOW="0.0001")
    volume = sum(event.bought + event.sold for event in told)

    assert traded > 50 and abs(volume - traded) < traded / 4  # the first second, and the last half
    assert min(after.at_ms - before.at_ms for before, after in itertools.pairwise(told)) >= 99
    assert heard()[0] == []


def test_a_run_with_trade_flow_is_reproducible_and_another() -> None:
    """The same seed twice gives the same figures; and other ones than without K_FLOW."""
    moved, again, still = (run(SHORT, {**BUSY, "K_FLOW": share}, 1) for share in ("0.001", "0.001", "0"))

    assert moved == again != still and moved.failure == "" and moved.latched == ()
