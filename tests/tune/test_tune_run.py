"""Runs of seeds: the same arguments give the same figures, whatever runs them; and the command that prints them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from mmfsm.errors import ParamError
from runner.__main__ import main
from runner.tuning.figures import Figures
from runner.tuning.judge import runs_over
from runner.tuning.run import run
from runner.tuning.setup import Setup
from runner.tuning.world import CoarseWorld
from tests.support.busy import BUSY, BUSY_WORDS
from tests.support.tape import small_tape

ROOT = Path(__file__).parents[2]
SHORT = Setup(minutes=1)
SAMPLED = ("net", "drawdown", "funding", "funding_settled", "unhedged_notional_s")
"""Sums over samples, which come at other moments where more happens: equal but for that."""


@pytest.fixture(scope="module")
def busy() -> Figures:
    """A minute and a half of quotes close to the touch."""
    return run(SHORT, BUSY, 1)


def test_a_run_trades_hedges_and_is_counted(busy: Figures) -> None:
    """Trips on both legs, their fees at the stated rates, exposure for as long as a hedge takes, nothing halted."""
    assert busy.trips > 5 and busy.fills >= 2 * busy.trips and busy.unwinds == 0
    assert busy.quotes >= busy.quotes_filled >= busy.trips
    # Half of the turnover pays 2 bps, half 10.
    assert busy.fees / busy.turnover * 1e4 == pytest.approx(6.0, abs=0.2)
    assert busy.unhedged_notional_s / (busy.turnover / 2) < 0.2
    assert busy.latched == () and busy.failure == "" and busy.drawdown >= -busy.net - 1e-9


def test_a_run_that_ends_early_counts_the_time_it_ran() -> None:
    """It is refused at its start: a minute without a trade would make every figure per hour smaller."""
    refused = run(SHORT, {"TARGET_POS_MODE": "hedge_mode"}, 1)
    assert refused.failure and refused.hours < 10 / 3600


def test_the_same_seed_gives_the_same_figures(busy: Figures) -> None:
    """In this process again, and other figures for another seed."""
    again, other = run(SHORT, BUSY, 1), run(SHORT, BUSY, 2)

    assert again == busy and attrs.evolve(other, seed=1) != busy


def test_figures_do_not_depend_on_who_runs_them() -> None:
    """Two processes with other hash seeds, one of them with a pool of two, print the same runs to the last digit."""
    command = [sys.executable, "-m", "runner", "backtest", "--seeds", "2", "--minutes", "0.3", "--json", *BUSY_WORDS]
    running = [
        subprocess.Popen(
            [*command, "--jobs", jobs], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": jobs}
        )
        for jobs in ("1", "2")
    ]
    told = [json.loads(one.communicate()[0]) for one in running]

    assert told[0]["runs"] == told[1]["runs"] and told[0]["totals"]["fills"] > 0


def test_a_trade_that_reaches_no_order_changes_nothing(busy: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling the exchange of every trade, not of those alone that reach an order of ours, gives the same figures."""
    monkeypatch.setattr(CoarseWorld, "_is_met", lambda _world, _trade: True)

    told = run(SHORT, BUSY, 1).plain()
    assert told == {
        name: pytest.approx(value, rel=1e-4) if name in SAMPLED else value for name, value in busy.plain().items()
    }


def test_blocks_of_a_recording_trade_too(tmp_path: Path) -> None:
    """The same door, another market."""
    figures = run(
        Setup(minutes=1, tape=small_tape(tmp_path), block_s=(5, 10)), {**BUSY, "BASE_HALF_SPREAD_BPS": "0"}, 1
    )

    assert figures.fills > 0 and figures.failure == ""


def test_runs_come_back_in_the_order_they_were_asked_for() -> None:
    """Whatever ends first."""
    tasks = [(BUSY, 3), ({}, 1), (BUSY, 2)]

    assert [one.seed for one in runs_over(Setup(minutes=0.1), tasks, 1)] == [3, 1, 2]


def test_a_setting_that_is_none_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, with what it takes; the command ends with 2, as it does for conditions that cannot be."""
    with pytest.raises(ParamError, match="no such setting"):
        run(SHORT, {"BASE_HALF_SPRED_BPS": "1"}, 1)
    for words, says in (
        (["--set", "BASE_HALF_SPREAD_BPS=-1"], "from 0 to 500"),
        (["--tape", "/nowhere"], "no *_usdm_*.book5.csv.gz in /nowhere"),
        (["--funding", "/nowhere.csv"], "/nowhere.csv: cannot be read"),
        (["--move-bps", "20"], "move_bps: expected 0 to 10, got 20"),
        (["--set", "BOOK_STALE_MS=2500"], "3000 ms or more in a simulated run"),
    ):
        assert main(["backtest", *words]) == 2
        assert says in capsys.readouterr().err


def test_the_report_names_conditions_and_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """Fees, market, funding and line; each figure with its unit; sums below."""
    assert main(["backtest", "--seeds", "2", "--minutes", "0.5", "--jobs", "1", *BUSY_WORDS]) == 0
    told = capsys.readouterr().out

    for part in (
        "net_bps", "bps of turnover", "trips", "turnover", "fills", "fees", "funding", "unhedged_per_hour", "USDT·s/h",
        "drawdown", "quotes_per_fill", "2/6 bps", "random walk", "moved by 0.5 bps", "seeds 1 to 2",
    ):  # fmt: skip
        assert part in told
