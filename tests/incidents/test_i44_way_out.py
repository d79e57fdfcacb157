"""I44: exits right after funding, at a bad basis, gave back what the funding had paid.

Wanted: the way out is declared: a profit that is left after every exit cost, a loss of the basis, an age; none of it in
the grace after a settlement; and only the closing side is quoted before anything is paid to cross.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.events import FeedAlive, FeedName, Flatten, FundingEvent, Resume, Stop, Tick
from mmfsm.values import Funding, Leg, OrderIntent, Side
from tests.incidents.scene import RATE, Scene, opened

D = Decimal
POLICY: dict[str, Any] = {"exit_policy": "quote", "take_profit_bps": D(10), "loss_cut_bps": D(30), "cooldown_ms": 100}


def holding(**changes: Any) -> Scene:
    """Short 0.02 against as much spot, sold at about 2500.51 and bought at 2501.01."""
    scene = opened(**{**POLICY, **changes})
    scene.trade(scene.quote(Side.SELL), "p1")
    hedge = scene.hedge
    scene.accept(hedge)
    scene.trade(hedge, "s1", price=scene.spot_bid + D("0.01"))
    scene.end(hedge, str(hedge.qty))
    scene.wait(3_000)
    assert scene.perp == D("-0.02") and scene.mode == "QUOTING"
    assert scene.desk.state.econ.pair.state == "HELD"
    return scene


def move_basis(scene: Scene, bps: int) -> None:
    """The perp moves against spot, and two ticks pass."""
    scene.perp_bid += D(bps) * D("0.25")
    scene.wait(2_500)


def leaving(scene: Scene) -> bool:
    return scene.desk.state.econ.pair.state == "LEAVING"


def only_the_closing_side_rests(scene: Scene) -> bool:
    """The bid of a short pair, at the touch."""
    return scene.rests(Side.BUY) and not scene.rests(Side.SELL) and scene.quote(Side.BUY).price == scene.perp_bid


def test_i44_a_profit_counts_after_all_costs_of_the_exit() -> None:
    """Fees are 12 for the way in, 16 for the way out, slip 1: 38 bps of basis leave 9 and are no reason, 40 are."""
    scene = holding()
    move_basis(scene, -36)
    assert not leaving(scene) and scene.rests(Side.SELL)
    move_basis(scene, -6)
    assert leaving(scene) and only_the_closing_side_rests(scene)
    (record,) = scene.records("pair", "take_profit")
    assert record.data is not None and D(record.data["net_bps"]) >= 10
    move_basis(scene, 6)  # the profit is gone, and the wish with it
    assert not leaving(scene) and scene.rests(Side.SELL)


def test_i44_a_loss_of_the_basis_is_cut_by_quoting_first() -> None:
    """30 bps against the pair: the closing side alone, at the touch; nothing is crossed; filled, it is over."""
    scene = holding()
    move_basis(scene, 28)
    assert not leaving(scene)
    move_basis(scene, 4)
    assert leaving(scene) and only_the_closing_side_rests(scene)
    scene.wait(600_000, 1_000)
    assert not [it for it in scene.closing if it.intent is OrderIntent.FLATTEN]
    scene.trade(scene.quote(Side.BUY), "p2")
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert scene.perp == 0 and scene.desk.state.econ.pair.state == "FLAT"
    assert scene.mode == "QUOTING" and scene.rests(Side.SELL)


@pytest.mark.parametrize("why", ["loss_cut", "max_age", "take_profit"])
def test_i44_a_floor_above_the_saving_holds_back_a_profit_alone(why: str) -> None:
    """Quoting saves 4 bps over crossing and the floor asks for 10: a loss or an age still rests at the touch."""
    scene = holding(pair_max_age_sec=60 if why == "max_age" else 0, exit_grace_sec=0)
    scene.desk.params = attrs.evolve(scene.desk.params, edge_floor=True, min_edge_bps=D(10))
    move_basis(scene, {"loss_cut": 40, "max_age": 0, "take_profit": -60}[why])
    scene.wait(60_000 if why == "max_age" else 3_000, 1_000)

    assert scene.desk.state.econ.pair.why == why and leaving(scene) and not scene.rests(Side.SELL)
    away = scene.perp_bid - scene.quote(Side.BUY).price
    assert away > 1 if why == "take_profit" else away == 0


def test_i44_an_age_is_a_reason() -> None:
    """Held for PAIR_MAX_AGE_SEC and not a second less."""
    scene = holding(pair_max_age_sec=60)
    held_ms = scene.now - scene.desk.state.econ.pair.since_ms
    scene.wait(59_000 - held_ms, 1_000)
    assert not leaving(scene)
    scene.wait(2_000, 1_000)
    assert leaving(scene) and scene.records("pair", "max_age")


@pytest.mark.parametrize("bps", [-50, 40])
def test_i44_in_the_grace_after_a_settlement_no_exit_begins(bps: int) -> None:
    """The basis jumps at the settlement, for or against the pair: nothing for EXIT_GRACE_SEC, then the exit."""
    scene = holding(exit_grace_sec=120)
    scene(FundingEvent(scene.now, Funding(RATE, next_ms=scene.now + 500)))
    scene.now += 1_000
    scene.pulse()
    scene.wait(1_000)
    move_basis(scene, bps)
    scene.wait(110_000, 1_000)
    assert not leaving(scene) and scene.rests(Side.SELL)
    scene.wait(10_000, 1_000)
    assert leaving(scene)


def test_i44_crossing_comes_last_and_goes_the_flattens_way() -> None:
    """Quoted for 30 s first; then the perp is bought reduce-only, its fill hedged by a ticket, and quoting goes on."""
    scene = holding(exit_policy="cross", exit_cross_after_sec=30)
    move_basis(scene, 40)
    scene.wait(26_000, 1_000)
    assert leaving(scene) and only_the_closing_side_rests(scene)
    scene.wait(6_000, 1_000)
    close = scene.closing[-1]
    assert (close.intent, close.leg, close.side, close.reduce_only) == (
        OrderIntent.FLATTEN, Leg.PERP_FLATTEN, Side.BUY, True,
    )  # fmt: skip
    assert scene.desk.state.econ.pair.state == "CROSSING" and not scene.rests(Side.BUY)
    scene.hedged(close)
    scene.hedged(scene.hedge)
    assert scene.hedge.intent is OrderIntent.HEDGE
    scene.wait(5_000)
    assert scene.perp == 0 and scene.desk.state.econ.pair.state == "FLAT"
    assert scene.mode == "QUOTING" and not scene.alerts
    scene.assert_true()


def test_i44_in_the_grace_nothing_is_crossed() -> None:
    """An exit that has begun goes on quoting over a settlement, and crosses only after the grace."""
    scene = holding(exit_policy="cross", exit_cross_after_sec=30, exit_grace_sec=120)
    move_basis(scene, 40)
    assert leaving(scene)
    scene(FundingEvent(scene.now, Funding(RATE, next_ms=scene.now + 500)))
    scene.wait(100_000, 1_000)
    assert leaving(scene) and not [it for it in scene.closing if it.intent is OrderIntent.FLATTEN]
    scene.wait(25_000, 1_000)
    assert scene.closing[-1].intent is OrderIntent.FLATTEN


def perp_alone(scene: Scene, seconds: int) -> None:
    """Spot's book is silent; everything else goes on."""
    for _ in range(seconds):
        scene.now += 1_000
        funding = FundingEvent(scene.now, Funding(scene.rate))
        scene(scene.books()[0], FeedAlive(scene.now, FeedName.PRIVATE), funding, Tick(scene.now))
        scene.settle()


def crossing_half() -> Scene:
    """Short 0.04; the first 0.02 of it is being crossed out."""
    scene = holding(exit_policy="cross", exit_cross_after_sec=5)
    scene.trade(scene.quote(Side.SELL), "p2")
    scene.hedged(scene.hedge)
    scene.wait(2_000)
    move_basis(scene, 40)
    scene.wait(6_000)
    return scene


def test_i44_an_old_price_is_no_loss() -> None:
    """The market moves by 50 bps while spot's book is silent: the pair has lost nothing, and nothing is sold for it."""
    scene = holding(exit_policy="cross", exit_cross_after_sec=5)
    perp_alone(scene, 4)
    scene.perp_bid += D("12.5")
    perp_alone(scene, 20)
    assert "book_stale:spot_book" in scene.reasons
    scene.spot_bid += D("12.5")
    scene.wait(5_000)
    assert not leaving(scene) and scene.mode == "QUOTING"
    assert not [it for it in scene.closing if it.intent is OrderIntent.FLATTEN]


def test_i44_crossing_waits_for_prices() -> None:
    """Half of the pair is closed when spot's book falls silent: the other half waits until it is back."""
    scene = crossing_half()
    scene.hedged(scene.closing[-1])
    perp_alone(scene, 4)
    scene.hedged(scene.hedge)
    perp_alone(scene, 5)
    assert scene.perp == D("-0.02") and not scene.is_open(scene.closing[-1])
    scene.wait(2_000)
    assert scene.closing[-1].intent is OrderIntent.FLATTEN and scene.is_open(scene.closing[-1])


def test_i44_a_stop_keeps_what_an_exit_has_not_closed() -> None:
    """`stop` keeps the position: what is under way is hedged, and no further part of the pair is crossed out."""
    scene = crossing_half()
    scene(Stop(scene.now, "operator"))
    scene.hedged(scene.closing[-1])
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    assert [exit_.status for exit_ in scene.exits] == [0] and scene.perp == D("-0.02")
    assert scene.desk.restarted(scene.desk.params, run=2).state.flattening is False


def test_i44_a_pair_is_left_whatever_funding_says() -> None:
    """Funding too small turns quotes off, but not the closing side of a pair that is to be left."""
    scene = holding()
    scene.rate = D(0)
    scene.wait(2_000)
    assert scene.mode == "IDLE"
    move_basis(scene, 40)
    assert scene.mode == "QUOTING" and only_the_closing_side_rests(scene)


def test_i44_once_the_pair_is_closed_funding_counts_again() -> None:
    """The closing side fills: from that very fill on a funding that is too small keeps both sides off."""
    scene = holding(cooldown_ms=0)
    scene.rate = D(0)
    scene.wait(2_000)
    move_basis(scene, 40)
    quotes = len(scene.orders(OrderIntent.QUOTE))
    scene.trade(scene.quote(Side.BUY), "p2")
    scene.hedged(scene.hedge)
    scene.settle()
    scene.now += 100
    scene(*scene.books())  # no tick yet
    assert scene.perp == 0 and scene.desk.state.why_not == "funding_small"
    scene.wait(3_000)
    assert len(scene.orders(OrderIntent.QUOTE)) == quotes


def test_i44_a_persons_flatten_takes_an_exit_over() -> None:
    """Then the word of the person counts: closed, and no quotes until resumed."""
    scene = holding(exit_policy="cross", exit_cross_after_sec=5)
    move_basis(scene, 40)
    scene.wait(6_000)
    close = scene.closing[-1]
    scene(Flatten(scene.now))
    scene.hedged(close)
    scene.hedged(scene.hedge)
    scene.wait(5_000)
    assert scene.perp == 0 and scene.mode == "IDLE" and scene.desk.state.why_not == "flattened"
    scene(Resume(scene.now))
    scene.wait(1_000)
    assert scene.mode == "QUOTING"


def test_i44_without_a_policy_nothing_is_left() -> None:
    """EXIT_POLICY=off, the default: both sides go on resting, whatever the basis does."""
    scene = holding(exit_policy="off")
    for bps in (-60, 120):
        move_basis(scene, bps)
        assert not leaving(scene) and scene.rests(Side.BUY) and scene.rests(Side.SELL)
