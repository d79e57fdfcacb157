"""The declared machines, one a file: the rules, then the table. `mmfsm.diagrams` draws them; `ALL` lists them."""

from typing import Any

from mmfsm.machines import feed, mode, order, pair, session, slot, ticket
from mmfsm.table import Table

ALL: tuple[Table[Any, Any, Any], ...] = (
    mode.TABLE,
    ticket.TABLE,
    order.TABLE,
    slot.TABLE,
    pair.TABLE,
    feed.TABLE,
    session.TABLE,
)
"""Every table, the two a reviewer reads first in front."""
