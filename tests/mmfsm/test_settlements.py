"""Funding: estimated when it falls due, booked as the exchange's bill says, each bill once."""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.actions import QuerySettlements
from mmfsm.events import FundingEvent, SettlementsRead, Tick
from mmfsm.values import Funding, OrderResult, Outcome, Settlement, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import ACCEPTED, T0

D = Decimal
RATE = D("0.001")


@attrs.define
class Funded(Scene):
    """A scene in which funding falls due at `due_ms`, and the rate is told by the exchange as it does."""

    due_ms: int = 0

    def __call__(self, *events: object) -> list[object]:  # type: ignore[override]
        told = Funding(RATE, self.due_ms if self.now < self.due_ms else self.due_ms + 28_800_000)
        return super().__call__(*(attrs.evolve(e, funding=told) if isinstance(e, FundingEvent) else e for e in events))

    @property
    def asked_at(self) -> int:
        return len(self.asked(QuerySettlements))


def short_before_a_settlement(due_ms: int | None = None) -> Funded:
    """Short 0.02 at 2500 (mid 2500.005), hedged, a second before funding of 0.001 falls due; later if that is said."""
    scene = opened(min_abs_funding=D(0))
    funded = Funded(**{field.name: getattr(scene, field.name) for field in attrs.fields(Scene)})
    funded.trade(funded.quote(Side.SELL), "p1")
    funded.hedged(funded.hedge)
    funded.due_ms = due_ms or funded.now + 15_000
    funded.wait(14_000)
    return funded


def read(scene: Scene, *bills: Settlement) -> None:
    scene(SettlementsRead(scene.now, ACCEPTED, bills))


def test_it_is_estimated_when_due_asked_for_and_replaced_by_the_bill() -> None:
    """0.02 short × 2500.005 × 0.001 = 0.0500001 expected; the bill says 0.05, and that is what is booked."""
    scene = short_before_a_settlement()
    st = scene.desk.state.accounts.settlements
    scene.wait(2_000)
    assert st.estimate == D("0.0500001") and scene.asked(QuerySettlements) == []
    scene.wait(3_000)
    assert scene.asked_at == 1

    read(scene, Settlement("b1", D("0.05"), scene.due_ms + 40))
    assert scene.desk.state.accounts.funding == scene.desk.state.accounts.total.funding == D("0.05")
    (record,) = scene.records("funding_paid")
    assert record.data == {"amount": "0.05", "estimate": "0.0500001", "bill_id": "b1", "exch_ms": scene.due_ms + 40}


def test_a_settlement_is_expected_when_the_exchanges_clock_is_ahead_of_ours() -> None:
    """The next one is named, and a tick passes, half a second before this one is due by our clock."""
    scene = short_before_a_settlement()
    due_ms, scene.due_ms = scene.due_ms, scene.due_ms + 28_800_000
    scene.wait(500)
    told_late = Funding(RATE, due_ms)
    Scene.__call__(scene, FundingEvent(scene.now, told_late), Tick(scene.now))  # read before, told after
    assert scene.now < due_ms
    assert [one.due_ms for one in scene.desk.state.accounts.settlements.expected] == [due_ms]
    scene.wait(5_000)
    assert scene.asked_at == 1 and len(scene.desk.state.accounts.settlements.expected) == 1


def test_a_bill_told_twice_is_booked_once_and_one_from_before_the_run_never() -> None:
    """The same id again, and a settlement of an hour before the books opened, move nothing."""
    scene = short_before_a_settlement()
    scene.wait(2_000)
    bill = Settlement("b1", D("0.05"), scene.due_ms)
    read(scene, bill, bill)
    read(scene, bill, Settlement("b0", D(7), scene.due_ms - 3_600_000))
    assert scene.desk.state.accounts.total.funding == D("0.05")


def test_it_is_asked_for_until_it_is_read_and_a_failure_is_said_once() -> None:
    """Every ten seconds for a minute; refused each time: one record, and the estimate stands, marked."""
    scene = short_before_a_settlement()
    for _ in range(6):
        scene.wait(10_000, 1_000)
        scene(SettlementsRead(scene.now, OrderResult(Outcome.REFUSED, code="40404")))
    assert scene.asked_at == 6
    assert len(scene.records("risk", "funding_unread")) == 1
    a = scene.desk.state.accounts
    assert (a.total.funding, a.settlements.estimate) == (0, D("0.0500001"))


def test_what_no_reading_shows_within_an_hour_was_not_settled() -> None:
    """The position had gone a moment before: a whole reading an hour later drops the estimate, and says so."""
    scene = short_before_a_settlement()
    scene.wait(3_599_000, 20_000)
    read(scene)
    assert scene.desk.state.accounts.settlements.estimate == D("0.0500001")
    scene.wait(3_000, 1_000)
    read(scene)
    assert scene.desk.state.accounts.funding == 0
    assert scene.records("funding_paid", "not_settled")[0].data == {"due_ms": scene.due_ms, "estimate": "0.0500001"}


def test_what_was_not_expected_is_booked_as_well() -> None:
    """In hedge mode each side has its bill; a settlement while we believed to be flat has one too."""
    scene = short_before_a_settlement()
    scene.wait(2_000)
    read(scene, Settlement("b1", D("0.05"), scene.due_ms), Settlement("b2", D("-0.02"), scene.due_ms))
    a = scene.desk.state.accounts
    assert (a.funding, a.settlements.expected) == (D("0.03"), [])


def test_the_days_loss_counts_what_funding_cost() -> None:
    """A limit of 1.5: a bill of −2 halts the run, though no price has moved."""
    scene = opened(min_abs_funding=D(0), max_daily_loss=D("1.5"))
    scene.pulse()
    read(scene, Settlement("b1", D(-2), scene.now))
    scene.wait(1_000)
    assert scene.reasons == {"daily_loss": True}


def test_a_settlement_at_midnight_is_of_the_day_that_ends() -> None:
    """The ended day's row has it, and the loss that is judged from midnight on begins after it."""
    scene = short_before_a_settlement((T0 // 86_400_000 + 1) * 86_400_000)
    scene.now = scene.due_ms - 1_000
    scene.wait(1_500)
    (day,) = [record.data or {} for record in scene.records("pnl", "day")]
    assert day["funding"] == "0.0500001"
    s, mids = scene.desk.state, [scene.perp_bid + D("0.005"), scene.spot_bid + D("0.005")]
    assert s.day_start_value == s.ledger.value(*mids) + D("0.0500001")
