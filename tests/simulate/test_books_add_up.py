"""Money: the columns of a run equal what the account gained by the exchange's own truth, to 1e-8 USDT.

Every simulated run is held to that (`checks.money_faults`); here runs cross settlements of funding.
"""

from decimal import Decimal

import attrs
import pytest

from runner.simulator.market import Weather
from runner.simulator.run import Plan, run_seed
from runner.simulator.swarm import Profile, draw

D = Decimal
HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_795_046_400_000
DAYS = 10
SLOW = Profile(
    (),
    weather=Weather(sd_bps=0.2, sweeps_per_s=0.004, sweep_bps=4.0, book_ms=5_000),
    settings={
        "TICK_SEC": "5", "BOOK_STALE_MS": "20000", "BOOKS5_SILENT_MS": "30000", "RECONCILE_SEC": "600",
        "FUNDING_POLL_SEC": "300", "FUNDING_STALE_SEC": "900", "K_OBI": "0",
    },
    venue={"funding_interval_h": 1, "funding_rate": D("0.0003"), "ticker_slower": 100},
)  # fmt: skip
"""A book of each leg every five seconds and a sweep every four minutes: a day takes seconds."""


def test_a_day_with_settlements_adds_up() -> None:
    """Two slow hours across midnight, funding settled twice: fills on both sides, and not a unit is lost."""
    outcome = run_seed(Plan(3, 120, SLOW, start_ms=MIDNIGHT_MS - HOUR_MS // 2))

    assert (outcome.kind, outcome.found) == ("clean", "")
    assert outcome.counts["hedges"] > 5 and outcome.counts["settlements"] >= 2


def test_faults_on_across_a_settlement_it_adds_up() -> None:
    """Eight seeds of drawn faults, and funding settled in their middle, on a position in most of them."""
    outcomes = []
    for seed in range(1, 9):
        profile = attrs.evolve(draw(seed, 40), venue={"funding_rate": D("0.0007")})
        outcomes.append(run_seed(Plan(seed, 40 / 60, profile, keeps=False, start_ms=MIDNIGHT_MS - 30_000)))

    assert [f"{one.seed}: {one.rule}: {one.found}" for one in outcomes if not one.ok] == []
    assert sum(one.counts["settlements"] for one in outcomes) >= 3


@pytest.mark.prove
@pytest.mark.parametrize("seed", (1, 2))
def test_ten_days_add_up(seed: int) -> None:
    """Hundreds of settlements, thousands of fills: what ten days' columns say is what the account gained."""
    outcome = run_seed(Plan(seed, DAYS * 24 * 60, SLOW, keeps=False, start_ms=MIDNIGHT_MS + 60_000))

    assert (outcome.kind, outcome.found) == ("clean", "")
    assert outcome.counts["settlements"] > 20 * DAYS and outcome.counts["hedges"] > 50 * DAYS


@pytest.mark.prove
@pytest.mark.parametrize("seed", (3, 5))
def test_ten_days_of_faults_add_up(seed: int) -> None:
    """The same with requests lost, refused and late, pushes late and out of order, all ten days. Refusals in a row
    do not halt here: in ten days there are some, and a person would look."""
    settings = SLOW.settings | {"REJECT_STREAK_MAX": "1000"}
    profile = attrs.evolve(SLOW, faults=draw(seed, DAYS * 86_400).faults, settings=settings)
    outcome = run_seed(Plan(seed, DAYS * 24 * 60, profile, keeps=False, start_ms=MIDNIGHT_MS + 60_000))

    assert (outcome.kind, outcome.found) == ("clean", "")
    assert outcome.counts["settlements"] > 20 * DAYS and outcome.counts["hedges"] > 50 * DAYS
