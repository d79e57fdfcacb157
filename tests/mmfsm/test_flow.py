"""Trade flow: two fading volumes, worked out by hand; what holds for every history; and what a desk makes of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.desk import Desk
from mmfsm.events import Tick, TradesEvent
from mmfsm.flow import VOLUME_MAX, WINDOWS_MAX, Flow
from mmfsm.quoting import plan
from mmfsm.testing import opening
from mmfsm.values import ZERO, InstType
from tests.mmfsm.desk_driver import T0, live_params
from tests.mmfsm.test_valuation import turn_of

D = Decimal
FAST = settings(max_examples=80, deadline=None)
WINDOW_MS, FLOOR = 1_000, D(4)
Told = tuple[int, Decimal, Decimal]

volumes = st.decimals(D(0), D(500), places=3)
histories = st.lists(st.tuples(st.integers(0, 5_000), volumes, volumes), min_size=1, max_size=8)


def flow_after(history: list[Told], then_ms: int = 0) -> Decimal:
    """Flow so long after trades that each came so long after the ones before."""
    flow, at_ms = Flow(), 0
    for passed_ms, bought, sold in history:
        at_ms += passed_ms
        flow.take(bought, sold, WINDOW_MS, at_ms)
    return flow.at(WINDOW_MS, FLOOR, at_ms + then_ms)


@pytest.mark.parametrize(
    ("history", "then_ms", "told"),
    [
        ([(0, "8", "4")], 0, "0.25"),  # 4 / (12 + 4)
        ([(0, "8", "4")], 1_000, "0.2"),  # each counts half: 2 / (6 + 4)
        ([(0, "8", "4")], 2_000, "0.142857"),  # a quarter: 1 / (3 + 4)
        ([(0, "8", "4"), (1_000, "0", "6")], 0, "-0.25"),  # bought 4, sold 2 + 6
        ([(0, "4", "0")], 0, "0.5"),  # as much as the floor counts half
        ([(0, "8", "0"), (500, "0", "0")], 500, "0.5"),  # nothing traded is no news
        ([(0, "0", "0")], 0, "0"),
    ],
)
def test_flow_worked_out_by_hand(history: list[tuple[int, str, str]], then_ms: int, told: str) -> None:
    """A window of 1 s, a floor of 4."""
    read = [(passed_ms, D(bought), D(sold)) for passed_ms, bought, sold in history]

    assert round(flow_after(read, then_ms), 6) == D(told)


@FAST
@given(histories, st.integers(0, 100_000))
def test_flow_is_bounded_and_mirrored(history: list[Told], then_ms: int) -> None:
    """Between −1 and 1; with the sides exchanged, its negative."""
    mirrored = [(passed_ms, sold, bought) for passed_ms, bought, sold in history]
    told = flow_after(history, then_ms)

    assert -1 < told < 1
    assert flow_after(mirrored, then_ms) == -told


@FAST
@given(histories, st.data(), st.decimals(D("0.001"), D(500), places=3), st.integers(0, 20_000))
def test_more_buying_at_any_time_never_lowers_flow(
    history: list[Told], data: st.DataObject, more: Decimal, then_ms: int
) -> None:
    """Whenever it was, and whatever came after; more selling never lifts it."""
    index = data.draw(st.integers(0, len(history) - 1))
    passed_ms, bought, sold = history[index]
    told = flow_after(history, then_ms)

    assert flow_after([*history[:index], (passed_ms, bought + more, sold), *history[index + 1 :]], then_ms) >= told
    assert flow_after([*history[:index], (passed_ms, bought, sold + more), *history[index + 1 :]], then_ms) <= told


@FAST
@given(histories, st.integers(0, 20_000), st.integers(0, 20_000))
def test_without_trades_flow_goes_to_zero(history: list[Told], one: int, other: int) -> None:
    """The later, the nearer to zero; ten windows leave little of ordinary volumes, and in the end nothing is left."""
    sooner, later = sorted((one, other))

    assert abs(flow_after(history, later)) <= abs(flow_after(history, sooner))
    assert abs(flow_after([(0, D(50), D(10))], 10 * WINDOW_MS)) < D("0.01")
    assert flow_after(history, WINDOWS_MAX * WINDOW_MS) == 0


def test_a_wrong_volume_counts_for_no_more_than_the_largest() -> None:
    """No number grows without end, and it fades like any other."""
    flow = Flow()
    for at_ms in range(3):
        flow.take(D("1e30"), ZERO, WINDOW_MS, at_ms)

    assert flow.bought == VOLUME_MAX and flow.at(WINDOW_MS, FLOOR, 2) < 1


# --- in the desk ------------------------------------------------------------------------------------------------------


def quoting_desk(*told: Told, **params: Decimal | int) -> Desk:
    """A desk that was told such trades once it quoted."""
    desk = Desk(live_params(edge_floor=False, max_position=D("0.5"), **params), run=1)
    for event in opening(T0, desk.params):
        desk.handle(event)
    at_ms = T0 + 1_000
    for passed_ms, bought, sold in told:
        at_ms += passed_ms
        desk.handle(TradesEvent(at_ms, InstType.PERP, bought, sold))
    return desk


def prices(desk: Desk) -> tuple[Decimal, Decimal]:
    """The bid and the ask that it plans now."""
    wanted = plan(turn_of(desk, desk.state.now_ms), desk.strategy)
    assert wanted is not None and wanted.bid.price is not None and wanted.ask.price is not None
    return wanted.bid.price, wanted.ask.price


@settings(max_examples=25, deadline=None)
@given(volumes, volumes, volumes)
def test_more_buying_never_lowers_the_plan(bought: Decimal, sold: Decimal, more: Decimal) -> None:
    """Neither its bid nor its ask."""
    low, high = (prices(quoting_desk((0, qty, sold), k_flow=D("0.001"))) for qty in (bought, bought + more))

    assert low[0] <= high[0] and low[1] <= high[1]


def test_trades_move_the_plan_and_it_comes_back_as_they_fade() -> None:
    """No book need come: 30 bought over a floor of 10 are a flow of 0.75, at 2 bps 1.5 bps of the mid; then silence."""
    told = {"k_flow": D("0.0002"), "base_half_spread_bps": D(10), "flow_window_ms": 1_000, "flow_floor_qty": D(10)}
    plain, moved = quoting_desk(**told), quoting_desk((0, D(30), ZERO), **told)
    lifted = [after - before for before, after in zip(prices(plain), prices(moved), strict=True)]

    assert all(abs(it - D(2500) * D("0.00015")) < D("0.02") for it in lifted)
    moved.handle(Tick(T0 + 1_000 + 20_000))
    assert prices(moved) == prices(plain)


def test_without_k_flow_trades_change_nothing() -> None:
    """Off by default: not even a number is kept."""
    desk = quoting_desk()
    before = desk.snapshot() | {"now_ms": 0}
    assert desk.params.k_flow == 0

    assert desk.handle(TradesEvent(desk.state.now_ms, InstType.PERP, D(30), ZERO)) == ()
    assert desk.snapshot() | {"now_ms": 0} == before


def test_flow_survives_a_snapshot_and_not_a_restart() -> None:
    """A journal's desk decides as the one that wrote it; a new run begins without the trades of the last."""
    desk = quoting_desk((0, D(30), ZERO), k_flow=D("0.001"))
    again = Desk.restore(desk.params, desk.snapshot())

    assert again.state.econ.flow == desk.state.econ.flow and prices(again) == prices(desk)
    assert desk.restarted(desk.params, run=2).state.econ.flow == Flow()
