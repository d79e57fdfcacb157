"""The guards that watch what a run costs and what the account can bear, each through the desk."""

from __future__ import annotations

from decimal import Decimal as D

import attrs
import pytest

from mmfsm import Desk, Params
from mmfsm.actions import Alert, PlaceOrder, QueryConstraints, Record
from mmfsm.events import AccountRead, BalanceEvent, FillEvent, FundingEvent, PlaceAnswered, PositionEvent, Resume, Tick
from mmfsm.testing import ack, book, ended, fill_of, opening, placed, ready_desk
from mmfsm.values import Funding, InstType, NormalizedFill, OrderResult, Outcome, PosMode, Side

T0 = 1_800_000_000_000
PERP, SPOT = InstType.PERP, InstType.SPOT


def live(**params: object) -> tuple[Desk, list[object]]:
    """A ready desk whose two quotes are out, and what it asked for on the way."""
    settings = {"perp_tif": "both", "base_half_spread_bps": D(2), **params}
    desk, asked = Desk(Params(**settings), run=1), []  # type: ignore[arg-type]
    for event in opening(T0, desk.params):
        asked += desk.handle(event)
    return desk, asked


def beat(desk: Desk, at_ms: int, perp: str = "2500.00", spot: str = "2501.00") -> list[object]:
    """Fresh books and a tick."""
    tick = D("0.01")
    events = [
        book(PERP, at_ms, perp, str(D(perp) + tick)),
        book(SPOT, at_ms, spot, str(D(spot) + tick)),
        FundingEvent(at_ms, Funding(D("0.0001"))),
        Tick(at_ms),
    ]
    return [action for event in events for action in desk.handle(event)]


def refuse(desk: Desk, at_ms: int, outcome: Outcome, code: str) -> list[object]:
    """Answer one open quote's request with a refusal."""
    order = next(iter(desk.state.orders.open.values()))
    return list(desk.handle(PlaceAnswered(at_ms, order.request.client_oid, OrderResult(outcome, code=code))))


def halts(actions: list[object]) -> list[str]:
    return [action.reason for action in actions if isinstance(action, Alert)]


def test_a_rate_refusal_backs_quotes_off_and_each_further_one_twice_as_long() -> None:
    """429: no quote for 1 s, then for 2 s; an accepted order starts it over."""
    desk, _ = live(requote_min_ms=0, reject_streak_max=50)
    refuse(desk, T0 + 10, Outcome.BUSY, "429")
    assert desk.state.backoff_until_ms == T0 + 1_010
    assert placed(beat(desk, T0 + 1_009)) == [] and desk.state.why_not == "rate_limited"
    assert placed(beat(desk, T0 + 1_010)) != []

    refuse(desk, T0 + 1_020, Outcome.BUSY, "429")
    assert desk.state.backoff_until_ms == T0 + 3_020
    quote = next(iter(desk.state.orders.open.values())).request
    ack(desk, quote, T0 + 1_030, "q9")
    assert desk.state.backoff_ms == 0


def test_a_rate_refusal_holds_back_no_hedge() -> None:
    """While quotes are backed off, a late fill of theirs is hedged in its own turn."""
    desk, asked = live()
    bid = placed(asked)[0]
    ack(desk, bid, T0 + 1, "q0")
    refuse(desk, T0 + 2, Outcome.BUSY, "429")
    hedges = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 3)))
    assert [hedge.leg.value for hedge in hedges] == ["spot_ioc"]


def test_a_quote_over_our_own_budget_is_no_refusal_of_the_exchanges() -> None:
    """It was never sent: it pauses quotes and counts toward no streak."""
    desk, _ = live(reject_streak_max=1)
    refuse(desk, T0 + 10, Outcome.BUSY, "budget")
    assert desk.state.reject_streak == 0 and desk.state.mode.state != "HALTED"


def test_maintenance_pauses_quotes_without_a_streak() -> None:
    """40844: no quotes for PAUSE_MS, a record, no halt."""
    desk, _ = live(reject_streak_max=1, pause_ms=5_000)
    told = refuse(desk, T0 + 10, Outcome.PAUSED, "40844")
    assert [r.reason for r in told if isinstance(r, Record) and r.event == "risk"] == ["maintenance"]
    assert desk.state.mode.state != "HALTED"
    assert placed(beat(desk, T0 + 5_009)) == [] and placed(beat(desk, T0 + 5_010)) != []


def test_a_refusal_off_the_grid_reads_the_rules_again() -> None:
    """45115: the tick has changed, or was never what we thought."""
    desk, _ = live()
    told = refuse(desk, T0 + 10, Outcome.REFUSED_GRID, "45115")
    assert any(isinstance(action, QueryConstraints) for action in told)


def test_the_rules_are_read_again_on_a_period() -> None:
    """CONSTRAINTS_POLL_SEC after the last reading, and not before."""
    desk, _ = live(constraints_poll_sec=10, clock_jump_max_ms=60_000)
    assert not any(isinstance(action, QueryConstraints) for action in beat(desk, T0 + 9_999))
    assert any(isinstance(action, QueryConstraints) for action in beat(desk, T0 + 10_000))


@pytest.mark.parametrize(("price", "near"), [("2630", True), ("2640", False)])
def test_liquidation_nearer_than_the_limit_halts_until_it_is_far_again(price: str, near: bool) -> None:
    """500 bps of 2500 are 125: 2630 is 519 bps away at 2500 and 478 at 2510, 2640 is far enough at both."""
    desk, _ = live()
    desk.handle(PositionEvent(T0 + 10, D("-0.01"), T0 + 10, "ws", D(price)))
    beat(desk, T0 + 100, perp="2510.00")
    assert ("liquidation_near" in desk.state.mode.reasons) is near
    beat(desk, T0 + 200, perp="2490.00")
    assert "liquidation_near" not in desk.state.mode.reasons


def test_a_daily_loss_above_the_limit_latches_and_a_new_day_forgives_it() -> None:
    """Bought at 2499.25, hedged at a loss of 30 a coin: 0.3 lost on 0.01, over a limit of 0.25."""
    desk, asked = live(max_daily_loss=D("0.25"))
    bid = placed(asked)[0]
    ack(desk, bid, T0 + 1, "q0")
    beat(desk, T0 + 2)
    hedge = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 10)))[0]
    ack(desk, hedge, T0 + 11, "h1")
    cheap = fill_of(hedge, "h1", "t2", T0 + 12)
    worse = FillEvent(T0 + 12, attrs.evolve(cheap.fill, price=D("2471.00")))
    actions = [*desk.handle(worse), *desk.handle(ended(hedge, "h1", T0 + 13, "0.01"))]
    assert halts(actions) == ["daily_loss"] and desk.state.mode.reasons == {"daily_loss": True}

    next_day = T0 + 86_400_000
    beat(desk, next_day)
    desk.handle(Resume(next_day + 1))
    beat(desk, next_day + 2)
    assert "daily_loss" not in desk.state.mode.reasons


def test_the_price_of_one_leg_beside_an_old_one_of_the_other_is_no_daily_loss() -> None:
    """Long 0.01, hedged, and spot's book falls silent while the price falls by 100: halted for the book alone, and once
    it is back nothing was lost."""
    desk, asked = live(max_daily_loss=D("0.5"), clock_jump_max_ms=60_000)
    bid = placed(asked)[0]
    ack(desk, bid, T0 + 1, "q0")
    beat(desk, T0 + 2)
    hedge = placed(desk.handle(fill_of(bid, "q0", "t1", T0 + 10)))[0]
    desk.handle(fill_of(hedge, "h1", "t2", T0 + 12))
    ack(desk, hedge, T0 + 13, "h1")
    desk.handle(Tick(T0 + 9_000))
    assert "book_stale:spot_book" in desk.state.mode.reasons and desk.state.ledger.delta == 0

    desk.handle(book(PERP, T0 + 9_001, "2400.00", "2400.01"))
    desk.handle(Tick(T0 + 9_002))
    beat(desk, T0 + 9_003, perp="2400.00", spot="2401.00")

    assert "daily_loss" not in desk.state.mode.reasons and not desk.state.mode.latched


@pytest.mark.parametrize(("free", "placed_sides"), [("2.7", []), ("2.8", ["buy", "sell"])])
def test_quotes_take_no_more_margin_than_is_free(free: str, placed_sides: list[str]) -> None:
    """0.01 at 2500 needs 2.5 of margin at leverage 10, and a tenth is kept back: 2.78 is the least."""
    params = Params(perp_tif="both", base_half_spread_bps=D(2))
    desk, asked = Desk(params, run=1), []
    for event in opening(T0, params):
        if isinstance(event, AccountRead):
            event = AccountRead(T0, PosMode.ONE_WAY, "isolated", D(10))
        if isinstance(event, BalanceEvent) and event.account is PERP:
            event = attrs.evolve(event, available=D(free))
        asked += desk.handle(event)
    assert [action.request.side.value for action in asked if isinstance(action, PlaceOrder)] == placed_sides
    if not placed_sides:
        assert set(desk.state.skips.values()) == {"no_margin"}


def test_a_fill_over_the_orders_own_quantity_is_not_booked_and_a_person_is_called() -> None:
    """A duplicate that no key has caught cannot move the books: HALTED, latched."""
    desk, asked = live()
    bid = placed(asked)[0]
    ack(desk, bid, T0 + 1, "q0")
    desk.handle(fill_of(bid, "q0", "t1", T0 + 10))
    told = list(desk.handle(fill_of(bid, "q0", "t2", T0 + 11)))
    assert desk.state.ledger.perp == D("0.01") and halts(told) == ["fill_over_order"]


def test_two_orders_of_ours_that_met_may_share_a_trade_id() -> None:
    """An unwind that meets our own quote: same trade id, two orders, both fills are booked."""
    desk = ready_desk()
    first, second = (order.request for order in desk.state.orders.open.values())
    for request, order_id in ((first, "a"), (second, "b")):
        ack(desk, request, T0 + 1, order_id)
        fill = NormalizedFill(
            PERP, order_id, request.side, request.price, request.qty, T0 + 2, "same", request.client_oid
        )
        desk.handle(FillEvent(T0 + 2, fill))
        desk.handle(FillEvent(T0 + 3, fill))
    assert {first.side, second.side} == {Side.BUY, Side.SELL}
    assert desk.state.ledger.perp == 0 and desk.state.ledger.delta == D(0)
