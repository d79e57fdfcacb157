"""A minute and a half of the recorded market with VIP0 fees, the runner unchanged, time virtual: no quote below the
floor."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.desk import Desk
from mmfsm.values import InstType, OrderIntent, OrderRequest, Side
from runner.paper import TapeMarket
from runner.paper.options import PaperOptions
from runner.paper.values import MarketEvent
from runner.settings import load_settings
from runner.simulator.bot import SimulatedRunner, loopback_keys
from runner.simulator.clock import virtual_time
from runner.simulator.market import SweptMarket
from runner.simulator.network import Line
from runner.simulator.run import START_MS
from runner.simulator.world import World
from tests.support.tape import tape_dir

D = Decimal
SECONDS = 90.0
PERP_MAKER, SPOT_TAKER, BUFFER, LEAST = D(2), D(10), D(1), D(1)
LIVE = {
    "MIN_ABS_FUNDING": "0",
    "QUOTE_SIZE": "0.02",
    "PERP_TIF": "both",
    "LOG_PATH": "/dev/null",
    "LOG_LEVEL": "ERROR",
}
"""The live defaults, but for a time-in-force proof and a funding rate that the stand-in may not have."""


def recorded() -> Iterator[MarketEvent]:
    """The tape, or where there is none a synthetic market whose sweeps reach quotes that far out."""
    folder = tape_dir()
    return SweptMarket(1).events() if folder is None else TapeMarket(folder).events()


class Floor:
    """Reckons the edge of everything that rests, after every event, from the books the desk has."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.placed: list[tuple[OrderRequest, Decimal]] = []
        self.lowest: Decimal | None = None
        self.watched = 0

    def look(self, _event: ev.Event, actions: tuple[do.Action, ...]) -> None:
        assert self.desk is not None
        for action in actions:
            if isinstance(action, do.PlaceOrder) and action.request.intent is OrderIntent.QUOTE:
                self.placed.append((action.request, self._edge(action.request)))
        for slot in self.desk.state.slots:
            order = self.desk.state.orders.open.get(slot.client_oid or "")
            if order is None or self.desk.state.mode.state != "QUOTING":
                continue
            self.watched += 1
            if not order.cancel_wanted:
                edge = self._edge(order.request)
                self.lowest = edge if self.lowest is None else min(edge, self.lowest)

    def _edge(self, request: OrderRequest) -> Decimal:
        """What spot's five levels give for the size, less the price, both fees, slip and buffer, in bps of the mid."""
        assert self.desk is not None
        s = self.desk.state
        perp, spot = s.books[InstType.PERP], s.books[InstType.SPOT]
        left, paid = request.qty, D(0)
        for level in spot.bids if request.side is Side.BUY else spot.asks:
            paid += min(left, level.qty) * level.price
            left -= min(left, level.qty)
        mid = (perp.bids[0].price + perp.asks[0].price) / 2
        closes = request.side.sign * s.ledger.perp < 0 and request.qty <= abs(s.ledger.perp)
        gross = request.side.sign * (paid / request.qty - request.price) / mid * 10_000
        slip = max(s.econ.slip.mean_bps, D(0)) if s.econ.slip.mean_bps is not None else D(1)
        return gross - PERP_MAKER - SPOT_TAKER - slip - (0 if closes else BUFFER)


def trade(**overrides: str) -> tuple[Floor, Any]:
    """Run the bot on the tape; return what was seen and the bot."""
    floor = Floor()
    with virtual_time(START_MS) as loop:
        options = PaperOptions(seed=1, market="scripted", perp_maker_fee=D("0.0002"), spot_taker_fee=D("0.001"))
        texts = {**LIVE, **loopback_keys(options.credentials), **overrides}
        world = World(loop, options, recorded(), Line("1", 8, 6), direct=True)
        bot = SimulatedRunner(load_settings(texts, Path("/nonexistent/.env"))[0], world, 1, floor.look, keeps=False)
        floor.desk = bot.desk

        async def live() -> None:
            world.start()
            await bot.open()
            await bot.over_within(SECONDS)
            await bot.close()

        loop.run_until_complete(live())
    assert bot.failure is None, bot.failure
    return floor, bot


def test_not_one_quote_is_placed_or_rests_below_the_floor() -> None:
    """Every quote as it is placed, and every resting one after every event: the least edge, or its cancel is out."""
    floor, bot = trade()

    assert bot.desk.state.econ.fees.round_bps == 12
    assert len(floor.placed) > 9 and floor.watched > 1_000
    assert min(edge for _, edge in floor.placed) >= LEAST
    assert floor.lowest is not None and floor.lowest >= LEAST
    assert {request.side for request, _ in floor.placed} == set(Side)


def test_the_same_spread_without_the_floor_would_lose() -> None:
    """It rests where a fill costs more than it brings: what the first test shows is the floor's doing."""
    floor, _ = trade(EDGE_FLOOR="0")

    assert floor.lowest is not None and floor.lowest < 0
