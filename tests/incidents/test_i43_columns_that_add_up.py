"""I43: PnL rows repeated an unrealised figure every minute, and were summed.

Wanted: realised cash flow, fees by coin, funding and unrealised basis in columns of their own, totals computed from
fills: whoever adds up the days has what the account gained, however often a row was written in between.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mmfsm.events import SettlementsRead
from mmfsm.values import OrderStatus, Settlement, Side
from tests.incidents.scene import Scene, opened, wld
from tests.mmfsm.desk_driver import ACCEPTED, T0

D = Decimal
HOUR_MS = 3_600_000
MIDNIGHT_MS = (T0 // 86_400_000 + 1) * 86_400_000


def hold_a_pair(scene: Scene) -> None:
    """The ask of 0.02 is filled and hedged: short perp, long spot."""
    scene.trade(scene.quote(Side.SELL), f"p{scene.now}", fee="0.01")
    scene.hedged(scene.hedge)


def rows(scene: Scene, reason: str) -> list[dict[str, Any]]:
    return [record.data or {} for record in scene.records("pnl", reason)]


def total(found: list[dict[str, Any]], column: str) -> Decimal:
    return sum((D(row[column]) for row in found), D(0))


def test_i43_days_add_up_to_what_was_gained_however_often_rows_are_written() -> None:
    """A pair held over two midnights with the basis half a dollar narrower each day: the days' sums are the gain."""
    scene = opened()
    hold_a_pair(scene)
    scene.now = MIDNIGHT_MS - HOUR_MS
    for _ in range(3):
        scene.wait(24 * HOUR_MS, 120_000)
        scene.perp_bid -= D("0.50")
    days, a = rows(scene, "day"), scene.desk.state.accounts

    gained = a.total.realised + a.day.unrealised - a.total.fees
    assert len(days) == 3 and len(rows(scene, "day_so_far")) > 40
    assert total(days, "net") == gained and total(days, "realised") == 0
    assert total(days, "unrealised") != total(days, "unrealised_change") == a.day.unrealised


def test_i43_realised_and_unrealised_are_never_mixed() -> None:
    """What is held moves one column and what is closed the other: after the round trip unrealised is nothing."""
    scene = opened()
    hold_a_pair(scene)
    scene.wait(HOUR_MS + 60_000, 60_000)
    held = rows(scene, "day_so_far")[-1]
    assert held["realised"] == "0" and held["unrealised"] == held["unrealised_change"] != "0"

    scene.wait(2_000)
    scene.trade(scene.quote(Side.BUY), "back", fee="0.01")
    scene.hedged(scene.hedge)
    scene.wait(HOUR_MS + 60_000, 60_000)
    closed = rows(scene, "day_so_far")[-1]
    assert D(closed["unrealised"]) == 0 != D(closed["realised"])
    parts = D(closed["realised"]) + D(closed["unrealised_change"]) + D(closed["funding"]) - D(closed["fees"])
    assert parts == D(closed["net"])


def test_i43_fees_are_told_by_coin_and_cost_what_the_coin_did_at_the_fill() -> None:
    """144 WLD bought at 0.4167 cost 0.144 WLD, which is 0.0600048 USDT; with 0.0084 USDT on the perp 0.0684048."""
    scene = opened(
        rules=wld(), coin="1000", perp_bid="0.4167", spot_bid="0.4167", quote_size=D(144), max_position=D(1000),
        max_unhedged_notional=D(5000),
    )  # fmt: skip
    scene.trade(scene.quote(Side.SELL), "p1", fee="0.0084")
    scene.accept(scene.hedge)
    scene.trade(scene.hedge, "h1", fee="0.144", price=D("0.4167"))
    scene.end(scene.hedge, "144", OrderStatus.FILLED)
    row = rows(scene, "ticket")[0]

    assert row["fees_by_coin"] == {"USDT": "0.0084", "WLD": "0.144"}
    assert row["fees"] == "0.0684048"


def test_i43_funding_has_a_column_of_its_own() -> None:
    """A bill of 0.25 is in funding and in the sum, and in no price result."""
    scene = opened()
    hold_a_pair(scene)
    scene.wait(HOUR_MS + 60_000, 60_000)
    before = rows(scene, "day_so_far")[-1]
    scene(SettlementsRead(scene.now, ACCEPTED, (Settlement("b1", D("0.25"), scene.now),)))
    scene.wait(HOUR_MS + 60_000, 60_000)
    after = rows(scene, "day_so_far")[-1]

    assert (before["funding"], after["funding"]) == ("0", "0.25")
    assert (before["realised"], before["unrealised"]) == (after["realised"], after["unrealised"])
    assert D(after["net"]) - D(before["net"]) == D("0.25")
