"""C6: the unhedged deadlines, to the millisecond on both sides, on the library's own clock under freezegun."""

from decimal import Decimal

import pytest
from freezegun import freeze_time

from mmfsm import Desk, Params
from mmfsm.clock import now_ms
from mmfsm.events import FillEvent, Tick
from mmfsm.testing import ack, ended, fill_of, placed, ready_desk
from mmfsm.values import InstType, OrderStatus

START = "2026-09-25 08:00:00.123"
DEADLINE_MS, UNHEDGED_MS = 1_500, 5_000


def _unhedged_since_now() -> Desk:
    """A desk whose bid has just filled and whose first hedge has ended without a fill."""
    params = Params(
        perp_tif="both", base_half_spread_bps=Decimal(2), hedge_deadline_ms=DEADLINE_MS, hedge_retry_ms=DEADLINE_MS,
        max_unhedged_sec=Decimal(UNHEDGED_MS) / 1000,
    )  # fmt: skip
    desk = ready_desk(params, now_ms())
    bid = next(order.request for order in desk.state.orders.open.values() if order.request.side == "buy")
    ack(desk, bid, now_ms(), "o1")
    (hedge,) = placed(desk.handle(FillEvent(now_ms(), fill_of(bid, "o1", "t1", now_ms()).fill)))
    ack(desk, hedge, now_ms(), "o2")
    desk.handle(ended(hedge, "o2", now_ms(), "0", OrderStatus.CANCELED))
    return desk


def _state(desk: Desk) -> str:
    (ticket,) = desk.state.tickets.values()
    return ticket.state


@pytest.mark.parametrize(("late_ms", "state"), [(-1, "PENDING"), (0, "CHASING"), (1, "CHASING")])
def test_past_the_hedge_deadline_it_chases(late_ms: int, state: str) -> None:
    """One millisecond before HEDGE_DEADLINE_MS it waits; at it and after it, it chases."""
    with freeze_time(START) as clock:
        desk = _unhedged_since_now()
        clock.tick((DEADLINE_MS + late_ms) / 1000)
        desk.handle(Tick(now_ms()))

        assert _state(desk) == state


@pytest.mark.parametrize(("late_ms", "unwound"), [(-1, False), (0, True), (1, True)])
def test_past_max_unhedged_it_unwinds(late_ms: int, unwound: bool) -> None:
    """After a chase that found nothing: not before MAX_UNHEDGED_SEC, and then at once, reduce-only on the perp."""
    with freeze_time(START) as clock:
        desk = _unhedged_since_now()
        clock.tick(DEADLINE_MS / 1000)
        (chase,) = placed(desk.handle(Tick(now_ms())))
        ack(desk, chase, now_ms(), "o3")
        desk.handle(ended(chase, "o3", now_ms(), "0", OrderStatus.CANCELED))
        clock.tick((UNHEDGED_MS - DEADLINE_MS + late_ms) / 1000)
        sent = placed(desk.handle(Tick(now_ms())))

        assert (_state(desk) == "UNWINDING") is unwound
        on_perp = [it.reduce_only for it in sent if it.inst is InstType.PERP]
        assert on_perp == ([True] if unwound else [])
