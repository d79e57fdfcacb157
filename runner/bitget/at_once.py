"""A spot hedge's request, written within the turn that decided on it.

A task of its own would be started in the loop's next turn, behind whatever else this one has to do: the messages that
came with the fill (its order's end, the position, the margin: some 0.3 ms each), and the records of the turn before.
"""

from __future__ import annotations

from collections.abc import Awaitable

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import InstType, OrderIntent, OrderRequest
from runner.bitget import wire
from runner.bitget.codes import Kind
from runner.bitget.rest import Reply, Rest


def begin_hedge(action: do.Action, rest: Rest, terms: wire.Terms, path: str) -> Awaitable[tuple[ev.Event, ...]] | None:
    """Write the request of a spot hedge, if it can be written now.

    Returns:
        What waits for the answering event, and must be awaited. None, and nothing is written, for every other action,
        and where no line is free or the endpoint's budget is used up.
    """
    if not isinstance(action, do.PlaceOrder) or action.request.intent is not OrderIntent.HEDGE:
        return None
    request = action.request
    if request.inst is not InstType.SPOT or not rest.budget.left(path):
        return None
    try:
        body = wire.place_body(request, terms, now_ms() + rest.ahead_ms)
    except ValueError:  # the common way says why
        return None
    reply = rest.begin_post(path, body, Kind.PLACE)
    if reply is None:
        return None
    rest.budget.took(path)
    return _answered(request, reply)


async def _answered(request: OrderRequest, reply: Awaitable[Reply]) -> tuple[ev.Event, ...]:
    return (place_answered(request, await reply),)


def place_answered(request: OrderRequest, reply: Reply) -> ev.PlaceAnswered:
    """Return the event that answers a place request."""
    order_id = wire.placed_order_id(reply.data) if reply.ok else None
    return ev.PlaceAnswered(reply.got_ms, request.client_oid, reply.result(order_id))
