"""Studies: seeds kept apart, killed and resumed, shared by processes; and the report."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import optuna
import pytest
from optuna.trial import TrialState

from runner.__main__ import main
from runner.tune import job_of, parser
from runner.tuning.setup import Setup
from runner.tuning.study import Job, StudyError, finished, open_study, work
from tests.support.busy import QUOTING, QUOTING_WORDS
from tests.support.html import Page

ROOT = Path(__file__).parents[2]
SPACE = """
[base_half_spread_bps]
low = 0.5
high = 3
[cooldown_ms]
low = 100
high = 2000
log = true
"""
SMALL = [
    *("--minutes", "0.2", "--fit-seeds", "2", "--judge-seeds", "2", "--judge-move-bps", "0.5", "--heartbeat", "1"),
    *QUOTING_WORDS,
]


class Place:
    """A folder with a space file and a storage, and the command on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "space.toml").write_text(SPACE)
        self.storage = f"sqlite:///{folder}/tune.db"

    def words(self, trials: int, *more: str) -> list[str]:
        html = str(self.folder / "report.html")
        told = [str(self.folder / "space.toml"), "--storage", self.storage, "--trials", str(trials), "--html", html]
        return [*told, *SMALL, "--jobs", "1", *more]

    def start(self, trials: int, *more: str) -> subprocess.Popen[str]:
        """The command in a process of its own."""
        command = [sys.executable, "-m", "runner", "tune", *self.words(trials, *more)]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def job(self, trials: int, *more: str) -> Job:
        return job_of(parser().parse_args(self.words(trials, *more)))

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        return open_study(self.job(1)).get_trials()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of its own."""
    return Place(tmp_path)


def points(trials: list[optuna.trial.FrozenTrial]) -> list[str]:
    """What the trials tried."""
    return [json.dumps(trial.user_attrs["settings"], sort_keys=True) for trial in trials]


def test_a_killed_search_goes_on_to_the_full_count(place: Place) -> None:
    """Killed in its fourth trial, started again: the trial that was cut off is failed and its point run again."""
    longer = ("--minutes", "0.7")
    search = place.start(400, *longer)
    assert search.stderr is not None
    for line in search.stderr:
        if line.startswith("3/400 trials"):
            break
    study = open_study(place.job(1, *longer))
    while not any(len(trial.params) == 2 for trial in study.get_trials(states=(TrialState.RUNNING,))):
        pass
    os.kill(search.pid, signal.SIGKILL)
    search.communicate()
    (left,) = study.get_trials(states=(TrialState.RUNNING,))
    done = len(finished(study))

    work(place.job(done + 3, *longer))
    trials = study.get_trials()
    assert len(finished(study)) == done + 3 and trials[left.number].state == TrialState.FAIL
    assert [trial.state for trial in trials].count(TrialState.RUNNING) == 0
    assert [trial.number > left.number for trial in finished(study) if trial.params == left.params] == [True]


def test_two_processes_on_one_storage_share_the_work(place: Place) -> None:
    """Both begin on a storage that is not there yet; each does some, no point is run twice, and the count is exact."""
    running = [place.start(12) for _ in range(2)]
    errors = [one.communicate()[1] for one in running]
    trials = [trial for trial in place.trials() if trial.state == TrialState.COMPLETE]

    assert [one.returncode for one in running] == [0, 0], errors
    assert len(trials) == 12 and len(set(points(trials))) == 12
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2


def test_a_trial_taken_by_a_process_that_died_at_once_is_run_by_another(place: Place) -> None:
    """It never said that it lived, so no silence is noticed: its age tells."""
    job = place.job(2)
    with pytest.warns(UserWarning, match="Heartbeat"):
        open_study(job).ask()

    work(job)
    states = [trial.state for trial in place.trials()]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


def test_seeds_that_judge_are_never_fitted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What trials ran and what the report was judged on have no seed in common; best and baseline share theirs."""
    assert main(["tune", *place.words(4, "--json", "--seed", "7")]) == 0
    told = json.loads(capsys.readouterr().out)
    fitted = {run["seed"] for trial in place_trials(place, "--seed", "7") for run in trial.user_attrs["runs"]}

    assert fitted == set(told["fitting_seeds"]) == {7, 8}
    assert told["judging_seeds"] == [9, 10] and not fitted & set(told["judging_seeds"])
    assert told["trials"] == 4 and told["best"]["settings"].items() >= QUOTING.items()
    value, low, high = told["best"]["judged"]["net_bps"]
    assert low <= value <= high
    assert told["baseline"]["settings"] == QUOTING


def place_trials(place: Place, *more: str) -> list[optuna.trial.FrozenTrial]:
    """The finished trials."""
    return finished(open_study(place.job(1, *more)))


def test_the_same_seed_gives_the_same_study(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two storages, one process each: the same points, the same figures; interrupted or not."""
    other = Place(tmp_path_factory.mktemp("other"))
    work(place.job(11))
    for trials in (3, 11):
        work(other.job(trials))
    told = [[(trial.params, trial.value, trial.user_attrs["runs"]) for trial in one.trials()] for one in (place, other)]

    assert told[0] == told[1] and len(told[0]) == 11


def test_the_first_trial_is_the_baseline_where_it_is_in_the_space(place: Place) -> None:
    """COOLDOWN_MS 500 is on the range and tried first; a half spread of 14 is not, and is drawn."""
    job = place.job(1, "--set", "COOLDOWN_MS=500")
    work(job)
    first = finished(open_study(job))[0]

    assert first.user_attrs["settings"]["COOLDOWN_MS"] == "500"
    assert 0.5 <= float(first.user_attrs["settings"]["BASE_HALF_SPREAD_BPS"]) <= 3


def test_parameters_that_do_not_go_together_miss_every_bound(place: Place) -> None:
    """Each is within its bounds, together they are refused: the trial is told so, and never the best."""
    (place.folder / "space.toml").write_text("[hedge_slip_bps]\nlow = 50\nhigh = 60\n")
    job = place.job(2, "--set", "HEDGE_SLIP_MAX_BPS=40", "--set", "HEDGE_SLIP_BPS=40")
    work(job)
    trials = finished(open_study(job))

    assert all("HEDGE_SLIP_MAX_BPS" in trial.user_attrs["refused"] for trial in trials)
    assert all(min(trial.constraints.values()) > 0 for trial in trials)


def test_a_study_made_for_something_else_is_not_gone_on_with(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Other fees, another goal, other seeds: what differs is named, and what to do."""
    open_study(place.job(1))

    for more, what in (
        (["--perp-fee", "1/4"], "conditions"),
        (["--drawdown-max", "3"], "goal"),
        (["--seed", "5"], "fitting seeds"),
        (["--set", "COOLDOWN_MS=5"], "settings"),
    ):
        assert main(["tune", *place.words(1, *more)]) == 2
        assert f"was made with other {what}: go on" in (said := capsys.readouterr().err) and "--study" in said


def test_a_storage_that_cannot_be_opened_is_told_without_its_password(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is shown with stars where the password was; what is no address is told what one looks like."""
    monkeypatch.setattr("runner.tuning.study.OPEN_TRIES", 1)
    assert main(["tune", *place.words(1, "--storage", "nosuchdb://me:secret@127.0.0.1/x")]) == 2
    said = capsys.readouterr().err

    assert "nosuchdb://me:***@127.0.0.1/x" in said and "secret" not in said
    assert main(["tune", *place.words(1, "--storage", "my file.db")]) == 2
    assert "the storage is an address such as sqlite:///logs/tune.db" in capsys.readouterr().err


def test_a_search_whose_trials_raise_gives_up(place: Place) -> None:
    """A recording that is taken away in mid-search: after a few trials, with the error, not for ever."""
    job = attrs.evolve(place.job(3), setup=Setup(minutes=0.2, tape=place.folder / "gone"))

    with pytest.raises(StudyError, match=r"5 trials failed; the last with FileNotFoundError: no \*_usdm"):
        work(job)


def test_the_report_is_one_file_that_loads_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """No script, no link, no address of any host; plots are in it, conditions and the verdict too."""
    assert main(["tune", *place.words(4)]) == 0
    said = capsys.readouterr().out
    html = (place.folder / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)

    assert page.loads == [] and "script" not in page.tags and page.tags.count("svg") >= 4
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html.replace(f"{place.storage}", ""))
    for part in ("random walk", "2/6 bps", "judged", "seeds it had not seen", "BASE_HALF_SPREAD_BPS="):
        assert part in html and part in said


def test_without_a_trial_within_the_bounds_it_says_so(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, the nearest trial and by how much it misses; the baseline is judged all the same."""
    assert main(["tune", *place.words(2, "--turnover-min", "1e9")]) == 1
    said = capsys.readouterr().out

    assert "No trial keeps the bounds. The nearest is trial" in said and "turnover by 100%" in said


def test_without_optuna_a_search_says_what_to_install_and_a_backtest_runs() -> None:
    """Live trading and backtests do not need it; the command names the extra that does."""
    code = "import sys; sys.modules['optuna'] = None; from runner.__main__ import main; sys.exit(main(sys.argv[1:]))"
    backtest = ["backtest", "--seeds", "1", "--minutes", "0.1", "--jobs", "1"]
    for words, status, says in ((["tune", "x.toml"], 64, "pip install '.[tune]'"), (backtest, 0, "")):
        done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, says in done.stderr) == (status, True)
