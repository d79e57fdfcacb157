"""The way out of a pair on a market with faults: pairs that are left at every turn break no rule."""

from __future__ import annotations

import attrs

from mmfsm.events import PlaceAnswered
from runner.simulator.run import Plan, run_seed
from runner.simulator.swarm import draw

MINUTES = 0.6
HASTY = {
    "EXIT_POLICY": "cross",
    "PAIR_MAX_AGE_SEC": "8",
    "LOSS_CUT_BPS": "3",
    "TAKE_PROFIT_BPS": "1",
    "EXIT_CROSS_AFTER_SEC": "0",
    "EXIT_GRACE_SEC": "0",
}
"""Left for a few bps or after seconds, and crossed soon."""


def test_pairs_left_under_faults_break_no_rule() -> None:
    """Eight seeds with their faults: exposure never passes two quotes, and each ends flat or has said why not."""
    outcomes, crossed = [], 0
    for seed in range(1, 9):
        profile = draw(seed, MINUTES * 60)
        profile = attrs.evolve(profile, settings={**profile.settings, **HASTY})
        outcomes.append(run_seed(Plan(seed, MINUTES, profile)))
        answered = [event for event in outcomes[-1].events if isinstance(event, PlaceAnswered)]
        crossed += sum("-F" in event.client_oid for event in answered)

    assert [(one.seed, one.rule, one.found) for one in outcomes if not one.ok] == []
    assert crossed > 8
