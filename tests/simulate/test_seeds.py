"""Seeds: the runner and the stand-in under virtual time, faults on, then off, and flat at the end.

A failure names its seed: `python -m runner simulate --seed S --seeds 1 --minutes M` shows it again, exactly.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmfsm.coverage import from_json
from runner.simulate import main
from runner.simulator.run import Outcome, Plan, run_seed
from runner.simulator.swarm import CALM, Profile, draw
from tests.support.stock import stock_tables

ROOT = Path(__file__).parents[2]
SHORT_MIN = 0.4


def _wrong(outcome: Outcome) -> str:
    return "" if outcome.ok else f"seed {outcome.seed} at {outcome.at_s} s: {outcome.rule}: {outcome.found}"


@pytest.mark.parametrize("block", range(5))
def test_after_any_faults_it_ends_flat_or_says_why_not(block: int) -> None:
    """Ten seeds a block, 24 s of faults each: no rule is broken, and a halt for a person was alerted. `make prove` runs
    two thousand of ten minutes each."""
    outcomes = [run_seed(Plan(seed, SHORT_MIN)) for seed in range(10 * block + 1, 10 * block + 11)]

    assert [_wrong(one) for one in outcomes if not one.ok] == []
    assert sum(one.counts["hedges"] for one in outcomes) > 0


def test_without_faults_every_fill_is_hedged_and_nobody_is_alerted() -> None:
    """A calm minute trades on both sides, unwinds nothing, halts for nothing, and books what the exchange holds."""
    outcome = run_seed(Plan(1, 1, CALM))

    assert _wrong(outcome) == "" and outcome.kind == "clean" and outcome.exit_status == 0
    assert outcome.counts["hedges"] > 2 and outcome.counts["unwinds"] == 0 and outcome.alerts == []
    assert outcome.counts["books"] >= 60 * 20


def test_books_over_the_wire_trade_as_well() -> None:
    """With a fault of books in the profile they come as text through the socket, and hedging goes on."""
    profile = Profile(({"name": "books_gap", "probability": 0.02},))
    outcome = run_seed(Plan(2, 0.5, profile))

    assert profile.needs_wire and not CALM.needs_wire
    assert _wrong(outcome) == "" and outcome.kind == "clean" and outcome.counts["hedges"] > 0


def test_the_stock_classes_of_transitions_decide_the_same() -> None:
    """A seed on our event and transition classes and on the stock ones: the same events and actions, literally."""
    plan = Plan(4, 0.3, digest=True)
    one = run_seed(plan)
    with stock_tables():
        two = run_seed(plan)

    assert one.digest == two.digest and len(one.digest) == 64


def test_a_seed_is_the_same_under_any_hash_seed() -> None:
    """Digests of all events and actions of two seeds, run by processes with different hash seeds."""
    command = [sys.executable, "-m", "runner.simulate", "--seed", "3", "--seeds", "2", "--minutes", "0.3", "--digest"]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("0", "1", "42")
    ]
    said = [one.communicate()[0] for one in running]
    digests = [[line for line in text.splitlines() if line.startswith("seed ")] for text in said]

    assert len(digests[0]) == 2 and digests == [digests[0]] * 3


def test_profiles_are_drawn_from_the_seed() -> None:
    """The same seed gives the same faults; a hundred seeds meet every fault of the catalogue."""
    names = {words.split()[0] for seed in range(100) for words in draw(seed, 600).words()}

    assert draw(7, 600) == draw(7, 600) != draw(8, 600)
    assert len(names) == 36, sorted(names)
    assert all(rule.to_ms is not None and rule.to_ms <= 60_000 for rule in draw(7, 600).rules(60))


def test_a_simulation_tells_which_rows_it_has_fired(tmp_path: Path) -> None:
    """`--rows FILE`: counts that the drawing command reads; over two processes they add up as over one."""
    files = [tmp_path / f"{jobs}.json" for jobs in (1, 2)]
    for jobs, file in enumerate(files, 1):
        assert main(["--seeds", "2", "--minutes", "0.2", "--jobs", str(jobs), "--rows", str(file), "--json"]) == 0
    one, two = (from_json(file.read_text(), file.name) for file in files)

    assert one == two and one["HedgeTicket", "PENDING", "opened", "may_hedge"] > 0
