"""What is open on one leg, row by row: whose order a row is can be told by its ids alone, whatever else it holds.

Get Orders Pending and Get Unfilled Orders. Without a status the futures list may leave partly filled orders out; live
ones are asked for first: an order that begins to fill between the two questions is then in the second.
"""

from __future__ import annotations

from typing import Any

import attrs
from loguru import logger

from mmfsm.orders import is_ours
from mmfsm.values import InstType, OrderReport, Outcome
from runner.bitget import wire, wire_account
from runner.bitget.members import WireError, as_row, optional_text, text
from runner.bitget.rest import Reply, Rest

PAGES_MAX = 20
"""Of 100 rows: more than this in one question is no answer."""


@attrs.frozen
class OpenIds:
    """Ids of our open orders on a leg, (clientOid, orderId), and `reply`: how reading ended. Where that is no success
    there may be more of them."""

    ours: tuple[tuple[str, str | None], ...]
    reply: Reply


async def read_rows(rest: Rest, path: str, inst: InstType, terms: wire.Terms) -> tuple[list[Any], Reply]:
    """Read every row of a leg from its path, as far as it goes; the reply says how it ended."""
    found: list[Any] = []
    for status in ("live", "partially_filled") if inst is InstType.PERP else (None,):
        before: str | None = None
        for _page in range(PAGES_MAX):
            reply = await rest.read(path, wire.open_orders_params(inst, terms, status, before))
            if not reply.ok:
                return found, reply
            try:
                rows = wire_account.open_rows(inst, reply.data)
                found += rows
                if len(rows) < wire.PAGE:
                    break
                before = text(as_row(rows[-1], "order"), "orderId")
            except WireError as error:
                return found, reply.unreadable(error)
        else:
            return found, attrs.evolve(
                reply, outcome=Outcome.UNKNOWN, msg=f"more than {PAGES_MAX} pages of open orders"
            )
    return found, reply


def open_orders(inst: InstType, rows: list[Any], prefix: str) -> tuple[OrderReport, ...]:
    """Read them all. One that cannot be read and is a stranger's by its clientOid is passed over.

    Raises:
        WireError: one cannot be read that may be ours.
    """
    found: dict[str, OrderReport] = {}
    for row in rows:
        try:
            order = wire_account.read_open_order(inst, as_row(row, "order"))
        except WireError as error:
            oid = row.get("clientOid") if isinstance(row, dict) else None
            if not isinstance(oid, str) or not oid or is_ours(oid, prefix):
                raise
            logger.warning("a stranger's open order that cannot be read was passed over: {} ({})", oid, error)
        else:
            found[order.order_id] = order
    return tuple(found.values())


def open_ids(rows: list[Any], reply: Reply, prefix: str) -> OpenIds:
    """Tell which of them are ours. A row that is no object keeps the others from nothing, and is not forgotten."""
    ours: dict[str, str | None] = {}
    for row in rows:
        try:
            oid = optional_text(as_row(row, "order"), "clientOid")
        except WireError as error:
            reply = reply.unreadable(error) if reply.ok else reply
        else:
            if oid is not None and is_ours(oid, prefix):
                ours[oid] = optional_text(row, "orderId")
    return OpenIds(tuple(ours.items()), reply)
