"""The columns of the matrix: when it goes wrong. Each moment is a name and how it is reached.

A moment is reached through the market and by waiting for what the exchange sees; then `strike` is called, in the same
turn of the loop. With the line's latency a request that the exchange has noted is still in flight when a fault
strikes: what the fault does, it does to that request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs

from tests.matrix.scene import Scene

Strike = Callable[[], None]

SPOT_PLACE, PERP_PLACE, PERP_CANCEL = "/spot/trade/place-order", "/mix/order/place-order", "/mix/order/cancel-order"
PART = 0.6
"""The share of its size that the hedge finds."""

EMPTY_S = 0.6
"""Longer than a ticket's deadline, far shorter than the time to its unwind."""


async def quote_live(scene: Scene, strike: Strike) -> None:
    """Both quotes rest. The fill comes a moment after the fault, if the bid still rests then."""
    await scene.quoting()
    strike()
    await asyncio.sleep(0.2)
    scene.fill_bid()


async def fill_seen(scene: Scene, strike: Strike) -> None:
    """The bid is filled at the exchange; the fill push is about to leave."""
    await scene.quoting()
    strike()
    scene.fill_bid()


async def hedge_sent(scene: Scene, strike: Strike) -> None:
    """The hedge's place request is in flight."""
    await scene.quoting()
    scene.fill_bid()
    await scene.requested(SPOT_PLACE)
    strike()


async def hedge_partial(scene: Scene, strike: Strike) -> None:
    """The hedge has found a part of what it wants, and nothing of it is told yet."""
    await scene.quoting()
    scene.exchange.fault("ioc_stops", product="spot", share=PART)
    scene.fill_bid()
    await scene.spot_filled()
    strike()


async def chasing(scene: Scene, strike: Strike) -> None:
    """Every hedge finds the book empty: the ticket is past its deadline. Buyers are back a moment later."""
    await scene.quoting()
    scene.exchange.fault("ioc_stops", product="spot", share=0.0, for_s=EMPTY_S)
    scene.fill_bid()
    await scene.said("ticket", "CHASING")
    strike()


async def cancelling(scene: Scene, strike: Strike) -> None:
    """The market has moved and a quote's cancel is in flight, as the bid is filled."""
    await scene.quoting()
    scene.move_perp()
    await scene.requested(PERP_CANCEL)
    strike()
    scene.fill_bid()


async def unwinding(scene: Scene, strike: Strike) -> None:
    """Spot has refused for good; the order that undoes the perp fill is in flight."""
    await scene.quoting()
    scene.exchange.next_answer(SPOT_PLACE, "43012")
    mark = scene.mark()
    scene.fill_bid()
    await scene.requested(PERP_PLACE, mark)
    strike()


async def stopping(scene: Scene, strike: Strike) -> None:
    """The run was told to stop and its cancels are in flight, as the bid is filled."""
    await scene.quoting()
    scene.ask_to_stop()
    await scene.requested(PERP_CANCEL)
    strike()
    scene.fill_bid()


@attrs.frozen
class Moment:
    """One column. `for_any` moments exist for any bot that quotes and hedges; the others are of a ticket's life."""

    name: str
    reach: Callable[[Scene, Strike], Awaitable[None]]
    for_any: bool = False


MOMENTS: tuple[Moment, ...] = (
    Moment("quote_live", quote_live, for_any=True),
    Moment("fill_seen", fill_seen, for_any=True),
    Moment("hedge_sent", hedge_sent, for_any=True),
    Moment("hedge_partial", hedge_partial),
    Moment("chasing", chasing),
    Moment("cancelling", cancelling),
    Moment("unwinding", unwinding),
    Moment("stopping", stopping, for_any=True),
)

BY_NAME = {moment.name: moment for moment in MOMENTS}
