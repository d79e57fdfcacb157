"""Taking our own orders out of the market, by their own ids, until readings show that none is left.

What an outsider does: it knows no order from before, reads what is open, and never uses a cancel-all, which would hit
other symbols and other people's orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import InstType, OrderResult, Outcome

if TYPE_CHECKING:  # it costs half a second, and the guardian imports it when it has to act
    from runner.bitget.gateway import Gateway

EMPTY_READS = 2
"""So many readings in a row without an order of ours: one alone may be older than a request under way."""

PAUSE_S = 0.3
"""Between two readings: the list of open orders may be read ten times a second, and a reading is two questions."""

FAILED_PAUSE_S = 1.0
AGAIN_S = 1.1
"""One order may be cancelled once a second (45129)."""


class Ours(NamedTuple):
    """One open order of ours, as it is cancelled."""

    inst: InstType
    client_oid: str
    order_id: str | None


@attrs.define
class Cleared:
    """What came of it. `gone`: nothing of ours is open, read twice. `hopeless`: a leg refuses to be read for good, and
    what could be read is empty. `why`: the last answer that was no success."""

    cancelled: list[str] = attrs.field(factory=list)
    readings: int = 0
    gone: bool = False
    hopeless: bool = False
    why: str = ""


async def clear_ours(gateway: Gateway, cleared: Cleared, go_on: Callable[[], bool]) -> None:
    """Cancel every open order of ours on both legs, until nothing of ours is open or `go_on` says no.

    Args:
        gateway: carries out readings and cancels; it never raises for the network.
        cleared: filled in as it goes, so that whoever sets a bound still knows what was done.
        go_on: asked before every request; False ends the work at once.
    """
    asked_at, empty = dict[str, float](), 0
    while go_on():
        ours, failed = await _open_orders(gateway, cleared)
        is_open = ours or any(outcome is not Outcome.FATAL for outcome in failed)  # or may be, for all that is known
        empty = 0 if is_open else empty + 1
        if empty == EMPTY_READS:
            cleared.gone, cleared.hopeless = not failed, bool(failed)
            return
        await _cancel(gateway, ours, cleared, asked_at, go_on)
        await asyncio.sleep(FAILED_PAUSE_S if failed else PAUSE_S)


async def _open_orders(gateway: Gateway, cleared: Cleared) -> tuple[list[Ours], list[Outcome]]:
    """Read both legs: what is ours of what could be read, and how reading failed. A leg, or a row, that cannot be read
    keeps no other order in the market."""
    answers = await asyncio.gather(*(gateway.read_open_ids(inst) for inst in InstType))
    cleared.readings += 1
    found = [Ours(inst, *ids) for inst, told in zip(InstType, answers, strict=True) for ids in told.ours]
    failed = [told.reply.result() for told in answers if not told.reply.ok]
    for result in failed:
        cleared.why = _words(result)
    return found, [result.outcome for result in failed]


async def _cancel(
    gateway: Gateway,
    orders: list[Ours],
    cleared: Cleared,
    asked_at: dict[str, float],
    go_on: Callable[[], bool],
) -> None:
    now = asyncio.get_running_loop().time()

    async def cancel(order: Ours) -> None:
        if not go_on():
            return
        (answer,) = await gateway.execute(do.CancelOrder(order.inst, order.client_oid, order.order_id))
        assert isinstance(answer, ev.CancelAnswered)
        if answer.result.outcome in (Outcome.ACCEPTED, Outcome.GONE):
            if order.client_oid not in cleared.cancelled:
                cleared.cancelled.append(order.client_oid)
        else:
            cleared.why = _words(answer.result)

    due = [order for order in orders if now - asked_at.get(order.client_oid, -AGAIN_S) >= AGAIN_S]
    asked_at.update((order.client_oid, now) for order in due)
    await asyncio.gather(*(cancel(order) for order in due))


def _words(result: OrderResult) -> str:
    return " ".join(str(word) for word in (result.outcome, result.code, result.msg) if word)
