"""Taking our own orders out of the market, by their own ids, until readings show that none is left.

What an outsider does: it knows no order from before, reads what is open, and never uses a cancel-all, which would hit
other symbols and other people's orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.orders import is_ours
from mmfsm.values import InstType, OrderReport, OrderResult, Outcome

EMPTY_READS = 2
"""So many readings in a row without an order of ours: one alone may be older than a request under way."""

PAUSE_S = 0.3
"""Between two readings: the list of open orders may be read ten times a second, and a reading is two questions."""

FAILED_PAUSE_S = 1.0
AGAIN_S = 1.1
"""One order may be cancelled once a second (45129)."""


class Executor(Protocol):
    """Whoever carries out actions: the gateway."""

    def execute(self, action: do.Action) -> Awaitable[tuple[ev.Event, ...]]: ...


@attrs.define
class Cleared:
    """What came of it. `gone`: nothing of ours is open, read twice. `hopeless`: a leg refuses to be read for good, and
    what could be read is empty. `why`: the last answer that was no success."""

    cancelled: list[str] = attrs.field(factory=list)
    readings: int = 0
    gone: bool = False
    hopeless: bool = False
    why: str = ""


async def clear_ours(executor: Executor, prefix: str, cleared: Cleared, go_on: Callable[[], bool]) -> None:
    """Cancel every open order of ours on both legs, until nothing of ours is open or `go_on` says no.

    Args:
        executor: carries out readings and cancels; it never raises for the network.
        prefix: of our clientOids.
        cleared: filled in as it goes, so that whoever sets a bound still knows what was done.
        go_on: asked before every request; False ends the work at once.
    """
    asked_at, empty = dict[str, float](), 0
    while go_on():
        ours, failed = await _open_orders(executor, prefix, cleared)
        is_open = ours or any(outcome is not Outcome.FATAL for outcome in failed)  # or may be, for all that is known
        empty = 0 if is_open else empty + 1
        if empty == EMPTY_READS:
            cleared.gone, cleared.hopeless = not failed, bool(failed)
            return
        await _cancel(executor, ours, cleared, asked_at, go_on)
        await asyncio.sleep(FAILED_PAUSE_S if failed else PAUSE_S)


async def _open_orders(executor: Executor, prefix: str, cleared: Cleared) -> tuple[list[OrderReport], list[Outcome]]:
    """Read both legs: what is ours on those that answered, and how the others' readings failed. A leg that cannot be
    read keeps no order of the other in the market."""
    answers = await asyncio.gather(*(executor.execute(do.QueryOpenOrders(inst)) for inst in InstType))
    cleared.readings += 1
    found: list[OrderReport] = []
    failed: list[Outcome] = []
    for (told,) in answers:
        if isinstance(told, ev.OpenOrdersRead):
            found += [order for order in told.orders if is_ours(order.client_oid, prefix)]
        elif isinstance(told, ev.CheckFailed):
            cleared.why = _words(told.result)
            failed.append(told.result.outcome)
    return found, failed


async def _cancel(
    executor: Executor,
    orders: list[OrderReport],
    cleared: Cleared,
    asked_at: dict[str, float],
    go_on: Callable[[], bool],
) -> None:
    now = asyncio.get_running_loop().time()

    async def cancel(order: OrderReport, oid: str) -> None:
        if not go_on():
            return
        (answer,) = await executor.execute(do.CancelOrder(order.inst, oid, order.order_id))
        assert isinstance(answer, ev.CancelAnswered)
        if answer.result.outcome in (Outcome.ACCEPTED, Outcome.GONE):
            if oid not in cleared.cancelled:
                cleared.cancelled.append(oid)
        else:
            cleared.why = _words(answer.result)

    due = [order for order in orders if now - asked_at.get(order.order_id, -AGAIN_S) >= AGAIN_S]
    asked_at.update((order.order_id, now) for order in due)
    await asyncio.gather(*(cancel(order, order.client_oid) for order in due if order.client_oid))


def _words(result: OrderResult) -> str:
    return " ".join(str(word) for word in (result.outcome, result.code, result.msg) if word)
