"""Seeded weather: a venue that delays, repeats, loses and refuses; then it calms down and the desk must be flat.

A failure prints its seed: `weather(seed, FAULTS)` replays it exactly.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from desk_driver import CALM, Faults, Venue, live_params
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.actions import Alert
from mmfsm.events import FillEvent, Halt, Stop
from mmfsm.params import Params

FAULTS = Faults(
    lost_push=0.05,
    twice=0.1,
    unknown_placed=0.05,
    unknown_lost=0.05,
    refused=0.03,
    refused_leg=0.05,
    busy=0.05,
    partial=0.3,
    empty=0.1,
    lost_answer=0.03,
    no_order_id=0.2,
    silent_book=0.05,
    cut=0.02,
    quote_fill=0.5,
    slow_ms=60,
)
STORM = Faults(
    lost_push=0.3,
    twice=0.2,
    unknown_placed=0.15,
    unknown_lost=0.1,
    refused=0.05,
    refused_leg=0.1,
    busy=0.05,
    partial=0.5,
    empty=0.3,
    lost_answer=0.15,
    no_order_id=0.5,
    silent_book=0.3,
    cut=0.03,
    quote_fill=0.7,
    slow_ms=200,
)


def weather(seed: int, faults: Faults, params: Params | None = None, *, restore: bool = False) -> Venue:
    """Twenty seconds of faults, forty of calm, a halt; the invariants are checked after every event."""
    venue = Venue(seed, faults, params)
    venue.start()
    venue.run(12)
    if restore:
        venue.restore()
    venue.run(8)
    venue.faults = CALM
    venue.run(40)
    venue.tell(Halt(venue.now, "the end"))
    venue.run(10)
    return venue


def assert_survived(venue: Venue) -> None:
    """Flat, nothing unsettled, every trade booked once; a latched halt has been alerted by name."""
    venue.assert_books_are_true()
    venue.assert_flat()
    told = {alert.reason for alert in venue.alerts}
    unsaid = {reason for reason, latched in venue.desk.state.mode.reasons.items() if latched} - told
    assert not unsaid, f"seed {venue.seed}: halted without a word: {unsaid}"


@pytest.mark.parametrize("block", range(10))
def test_after_any_weather_the_desk_is_flat(block: int) -> None:
    """Fifteen seeds a block: invariants throughout, then flat within dust, books equal to the venue's truth."""
    for seed in range(15 * block, 15 * block + 15):
        assert_survived(weather(seed, FAULTS))


@pytest.mark.parametrize("block", range(4))
def test_after_a_storm_the_desk_is_flat(block: int) -> None:
    """The same with half the hedges partial, a third empty, a third of the pushes and many answers lost."""
    for seed in range(1_000 + 8 * block, 1_000 + 8 * block + 8):
        assert_survived(weather(seed, STORM))


def test_a_desk_restored_in_the_middle_does_exactly_the_same() -> None:
    """From a JSON snapshot at second 12 on, every action of the copy equals the original's."""
    for seed in range(2_000, 2_012):
        assert_survived(weather(seed, FAULTS, restore=True))


@pytest.mark.parametrize("block", range(3))
def test_killed_twice_and_started_again_nothing_is_lost_or_doubled(block: int) -> None:
    """Quotes fill while nobody looks: every trade is booked once, every exposure hedged, no clientOid used twice."""
    for seed in range(6_000 + 8 * block, 6_000 + 8 * block + 8):
        venue = Venue(seed, FAULTS)
        venue.start()
        for downtime in (1 + seed % 5, 40):
            venue.run(5 + seed % 7)
            venue.kill(downtime)
        venue.run(8)
        venue.faults = CALM
        venue.run(40)
        venue.tell(Halt(venue.now, "the end"))
        venue.run(10)
        assert_survived(venue)


@pytest.mark.parametrize("block", range(3))
def test_a_stop_in_any_weather_leaves_nothing_behind(block: int) -> None:
    """One Exit; with status 0 no order of ours is open at the venue and the true delta is dust."""
    for seed in range(7_000 + 8 * block, 7_000 + 8 * block + 8):
        venue = Venue(seed, FAULTS)
        venue.start()
        venue.run(5 + seed % 11)
        venue.faults = FAULTS if seed % 2 else CALM
        venue.tell(Stop(venue.now, "SIGTERM"))
        venue.run(25)

        (end,) = venue.exits
        assert end.status == 0 or seed % 2, f"seed {seed}: {end}"
        if end.status == 0:
            assert all(order.ended for order in venue.orders.values()), f"seed {seed}: an order was left behind"
            venue.assert_flat()
            venue.assert_books_are_true()


def test_the_same_seed_gives_the_same_run() -> None:
    """Events, actions and books repeat exactly."""
    one, two = weather(7, FAULTS), weather(7, FAULTS)

    assert one.desk.snapshot() == two.desk.snapshot() and one.fills == two.fills


def test_a_calm_venue_trades_and_raises_no_alarm() -> None:
    """Without faults every fill is hedged, nothing is unwound, nobody is alerted."""
    for seed in range(3_000, 3_006):
        venue = weather(seed, Faults(quote_fill=0.6))
        assert_survived(venue)
        assert venue.fills and not venue.desk.state.cooldown_unwind
        assert not [alert for alert in venue.alerts if alert.reason != "the end"]
        assert not [o for o in venue.orders.values() if o.request.intent.value == "unwind"]


def test_the_true_exposure_never_exceeds_one_quote() -> None:
    """Nothing is hedged twice: at no trade is the true delta beyond the quote size and its dust."""
    for seed in range(4_000, 4_020):
        venue = Venue(seed, FAULTS)
        trade, worst = venue._fill, [Decimal(0)]

        def fill(*args: object, venue: Venue = venue, trade: object = trade, worst: list[Decimal] = worst) -> None:
            trade(*args)  # type: ignore[operator]
            worst[0] = max(worst[0], abs(venue.delta))

        venue._fill = fill  # type: ignore[method-assign,assignment]
        venue.start()
        venue.run(25)
        assert worst[0] <= Decimal("0.032"), f"seed {seed}: true delta was {worst[0]}"


def test_in_hedge_mode_every_order_says_what_it_does() -> None:
    """Perp orders carry open or close, spot orders neither, and the desk ends as flat as in one-way mode."""
    params = live_params(quote_size=Decimal("0.03"), target_pos_mode="hedge_mode")
    for seed in range(5_000, 5_008):
        venue = weather(seed, FAULTS, params)
        assert_survived(venue)
        for order in venue.orders.values():
            assert (order.request.position_effect is None) == (order.request.inst.value == "SPOT")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9), again=st.integers(1, 3))
def test_every_fill_told_again_at_the_end_changes_nothing(seed: int, again: int) -> None:
    """A replayed page of fills, any number of times, moves no book and sends nothing."""
    venue = Venue(seed, Faults(quote_fill=0.6, partial=0.3, twice=0.3))
    venue.start()
    venue.run(10)
    venue.tell(Halt(venue.now, "the end"))
    venue.run(12)
    before = venue.desk.state.ledger.delta

    for _ in range(again):
        for fill in venue.fills:
            actions = venue.desk.handle(FillEvent(venue.now, fill))
            assert not [action for action in actions if type(action).__name__ == "PlaceOrder"]
            assert not [action for action in actions if isinstance(action, Alert)]
    assert venue.desk.state.ledger.delta == before
