"""I41, I42: with VIP0 fees an 8 to 14 bps half spread earned 0.2 bps and lost it to unwinds; a guard on each side's
edge turned the same symbol from −2.07 to +0.79.

Wanted: fees are known, and from where; a side is quoted only where a fill, hedged at what spot gives, leaves
MIN_EDGE_BPS after both fees, slip and buffer; the record of a side that is not quoted says by how much it fails.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mmfsm.actions import QueryFees
from mmfsm.desk import Desk
from mmfsm.events import FeesRead
from mmfsm.testing import opening
from mmfsm.values import FeeRate, OrderIntent, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import T0, Hand, live_params

D = Decimal
FLOOR: dict[str, Any] = {"edge_floor": True, "base_half_spread_bps": D(8)}
PERP_MAKER, SPOT_TAKER, SLIP, BUFFER, LEAST = D(2), D(10), D(1), D(1), D(1)


def earned_bps(scene: Scene, side: Side, price: Decimal) -> Decimal:
    """What a fill at a price leaves after everything, reckoned from the scene's own books."""
    mid = scene.perp_bid + D("0.005")
    hedge = scene.spot_bid if side is Side.BUY else scene.spot_bid + D("0.01")
    return side.sign * (hedge - price) / mid * 10_000 - PERP_MAKER - SPOT_TAKER - SLIP - BUFFER


@pytest.mark.parametrize(
    ("told", "settings", "spot", "even"),
    [
        (FeeRate(D(10), D(10)), {"spot_taker_bps": D(7)}, ("10", "account"), "14"),
        (None, {"spot_taker_bps": D(7)}, ("7", "configured"), "11"),
        (None, {}, ("10", "list"), "14"),
    ],
)
def test_i41_fees_are_known_at_start_and_from_where(
    told: FeeRate | None, settings: dict[str, Any], spot: tuple[str, str], even: str
) -> None:
    """The account's own, else the configured, else the list's; the log says which, and the break-even half spread."""
    params = live_params(**settings)
    hand = Hand(Desk(params, run=1))
    for event in opening(T0, params):
        hand(FeesRead(T0, FeeRate(D(2), D(6)), told, None) if isinstance(event, FeesRead) else event)
    (record,) = [it for it in hand.log if getattr(it, "event", "") == "fees"]
    assert hand.mode == "QUOTING" and record.data is not None  # type: ignore[union-attr]
    data = record.data  # type: ignore[union-attr]
    assert (data["SPOT"]["taker_bps"], data["SPOT"]["source"]) == spot
    assert data["USDT-FUTURES"] == {"maker_bps": "2", "taker_bps": "6", "source": "account"}
    assert data["break_even_half_spread_bps"] == even


def test_i41_fees_are_read_again_and_a_failed_reading_changes_nothing() -> None:
    """On the period; what was told last stays, and nothing halts."""
    scene = opened(fees_poll_sec=60)
    scene.wait(61_000, 1_000)
    assert len(scene.asked(QueryFees)) == 2
    known = scene.desk.state.econ.fees
    scene(FeesRead(scene.now, None, None, "40725 busy"))
    assert scene.desk.state.econ.fees == known and scene.mode == "QUOTING" and not scene.reasons
    scene(FeesRead(scene.now, FeeRate(D("1.4"), D("4.2")), None))
    assert scene.desk.state.econ.fees is not None and scene.desk.state.econ.fees.round_bps == D("11.4")


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("spot_bid", ["2499.00", "2500.00", "2501.00"])
def test_i41_a_quote_moves_out_to_where_its_edge_holds(side: Side, spot_bid: str) -> None:
    """At 8 bps either side would lose 7; the quotes rest where 1 is left, whatever the basis is."""
    scene = opened(spot_bid=spot_bid, **FLOOR)
    price = scene.quote(side).price
    assert LEAST <= earned_bps(scene, side, price) < LEAST + D("1.1")


def test_i41_a_side_too_far_out_is_left_out_and_the_log_says_by_how_much() -> None:
    """Spot is 20 bps below the perp: a bid with an edge would stand 35 bps out, 30 are allowed. The ask is quoted."""
    scene = opened(perp_bid="2500.00", spot_bid="2495.00", max_half_spread_bps=D(30), **FLOOR)
    assert not scene.rests(Side.BUY) and scene.rests(Side.SELL)
    (skip,) = scene.records("order_skip", "edge_below_min")
    assert skip.leg == "perp_bid" and skip.data is not None
    widest = (scene.perp_bid + D("0.005")) * (1 - D("0.0030"))
    short = LEAST - earned_bps(scene, Side.BUY, widest)
    assert abs(D(skip.data["short_bps"]) - short) < D("0.001") and short > 5
    scene.wait(10_000)
    assert len(scene.records("order_skip", "edge_below_min")) == 1  # said once
    scene.spot_bid += 4
    scene.wait(2_000)
    assert scene.rests(Side.BUY)


def test_i41_a_resting_quote_goes_at_once_when_spot_takes_its_edge() -> None:
    """Spot falls by 2 bps, less than the replace threshold, sooner than the pace: the bid is cancelled all the same."""
    scene = opened(requote_min_ms=60_000, replace_threshold_bps=D(50), **FLOOR)
    bid = scene.quote(Side.BUY)
    scene.spot_bid -= D("0.5")
    scene.now += 20
    scene(scene.books()[1])
    assert earned_bps(scene, Side.BUY, bid.price) < LEAST
    order = scene.desk.state.orders.open[bid.client_oid]
    assert order.cancel_wanted and scene.rests(Side.SELL)


def test_i41_without_the_floor_the_records_still_tell_the_edge() -> None:
    """Both sides rest at 8 bps, and the tick says that each would lose."""
    scene = opened(edge_floor=False, base_half_spread_bps=D(8), spot_bid="2500.00")
    scene.wait(2_000)
    plan = (scene.records("tick")[-1].data or {})["plan"]
    for name, side in (("bid", Side.BUY), ("ask", Side.SELL)):
        told = D(plan[name]["edge_bps"])
        assert told < -5 and abs(told - earned_bps(scene, side, scene.quote(side).price)) < D("0.0001")


def turned_round(floor: bool) -> Decimal:
    """What one bid and one ask that fill, and their hedges at the touch, leave in quote coin."""
    scene = opened(edge_floor=floor, base_half_spread_bps=D(8), spot_bid="2500.00")
    for number, side in enumerate(Side):
        quote = scene.quote(side)
        scene.trade(quote, f"p{number}", fee=str(quote.qty * quote.price * D("0.0002")))
        hedge = scene.hedge
        buys = hedge.side is Side.BUY
        touch = scene.spot_bid + D("0.01") * buys
        fee = hedge.qty * D("0.001") * (1 if buys else touch)
        scene.accept(hedge)
        scene.trade(hedge, f"s{number}", fee=str(fee), price=touch)
        scene.end(hedge, str(hedge.qty))
        scene.wait(5_000)
    ledger = scene.desk.state.ledger
    assert ledger.perp == 0 and {it.intent for it in scene.closing} == {OrderIntent.HEDGE}
    return ledger.value(scene.perp_bid, scene.spot_bid)


def test_i42_the_same_two_fills_lose_without_the_floor_and_earn_with_it() -> None:
    """0.02 ETH each way: 8 bps against 12 of fees lose, twice; with the floor each keeps at least its edge."""
    assert turned_round(floor=False) < D("-0.03")
    assert turned_round(floor=True) > 2 * D("0.02") * 2500 * LEAST / 10_000
