"""I49: machines without a row for a pair that happened: an error for ever, or a fill dropped in silence.

Wanted: every pair of state and event goes, is ignored with a reason, or is impossible and halts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mmfsm.errors import TableError
from mmfsm.events import CancelAnswered, OrderEvent
from mmfsm.machines import ALL
from mmfsm.table import Table
from mmfsm.values import OrderReport, OrderStatus, Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import ACCEPTED, PERP

D = Decimal
NAMES = [table.name for table in ALL]


def _again(table: Table[Any, Any, Any], rows: tuple[Any, ...]) -> Table[Any, Any, Any]:
    """The same table with other rows, declared anew."""
    return Table(
        table.name, states=table.states, final=table.final, events=table.events, timeouts=table.timeouts, rows=rows
    )


@pytest.mark.parametrize("table", ALL, ids=NAMES)
def test_i49_every_pair_is_decided_and_what_does_not_go_says_why(table: Table[Any, Any, Any]) -> None:
    """By a last row without a guard; a row that ignores or is impossible has its reason."""
    for state in table.states:
        for event in table.events:
            rows = [row for row in table.rows if row.source == state and row.event == event]
            assert rows and rows[-1].guards == (), f"{table.name}: {state} × {event} is not decided"
    silent = [row for row in table.rows if row.dest in ("IGNORE", "NEVER") and not row.why]
    assert silent == []


@pytest.mark.parametrize("table", ALL, ids=NAMES)
def test_i49_a_table_with_a_pair_left_out_is_refused(table: Table[Any, Any, Any]) -> None:
    """At import: no process runs on it."""
    for row in [row for row in table.rows if row.guards == ()][::7]:
        rows = tuple(it for it in table.rows if it is not row)
        with pytest.raises(TableError, match=f"{row.source}.*{row.event}"):
            _again(table, rows)


def test_i49_what_the_table_calls_impossible_halts_with_both_named() -> None:
    """A cancel is confirmed that nobody sent: HALTED, latched, the pair in the record, and a fill is still hedged."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene(CancelAnswered(scene.now, bid.client_oid, ACCEPTED))
    reason = "impossible:Order:LIVE:cancel_ok"
    assert scene.mode == "HALTED" and scene.reasons == {reason: True} and scene.alerts == [reason]
    scene.trade(bid, "p1")
    assert scene.hedge.qty == D("0.02")
    scene.hedged(scene.hedge)
    scene.assert_true()


def test_i49_what_is_ignored_changes_nothing() -> None:
    """An order is told live after its end: known, older than the end, no halt."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.end(bid, "0")
    scene(OrderEvent(scene.now, OrderReport(PERP, scene.id_of(bid), OrderStatus.LIVE, D(0), bid.client_oid)))
    assert not scene.reasons and not scene.is_open(bid)
