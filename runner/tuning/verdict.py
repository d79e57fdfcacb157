"""What came of a study: the best trial and the baseline, judged on seeds no trial has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from optuna.trial import FrozenTrial

from runner.tuning.figures import STATISTICS, UNITS, Figures
from runner.tuning.judge import Texts, differences, intervals, number, plain, runs_over, shown, table
from runner.tuning.study import Job, best_of, is_within, runs_of

LIMITS = (
    "Judging seeds draw other paths of the same market: other blocks of the recording, or other numbers. What holds "
    "for all of them may still not hold tomorrow.",
    "The best of many trials has been lucky as well: its fitted figure flatters it, the judged one does not.",
)


@attrs.frozen(eq=False)
class Verdict:
    """The best trial (None: none is within the bounds), the baseline, and their runs on the judging seeds."""

    job: Job
    trials: list[FrozenTrial]
    best: FrozenTrial | None
    ours: list[Figures]
    theirs: list[Figures]

    @property
    def settings(self) -> dict[str, str]:
        """The best trial's settings, by name in capitals."""
        return {} if self.best is None else dict(self.best.user_attrs["settings"])

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        job = self.job
        told: dict[str, Any] = {
            "study": job.study,
            "storage": job.where,
            "conditions": dict(job.setup.words()),
            "minutes_a_seed": job.setup.minutes,
            "goal": job.goal.plain(),
            "space": {one.name: one.plain() for one in job.space.dimensions},
            "trials": len(self.trials),
            "within_bounds": sum(map(is_within, self.trials)),
            "ended_early": sum(map(is_broken, self.trials)),
            "fitting_seeds": job.fitting,
            "judging_seeds": job.judging,
            "judged_in": job.judging_setup.told,
            "baseline": {"settings": dict(job.texts), "judged": plain(intervals(self.theirs))},
            "best": None,
            "units": UNITS,
            "limits": LIMITS,
        }
        if self.best is not None:
            told["best"] = {
                "trial": self.best.number,
                "settings": self.settings,
                "fitted_net_bps": self.best.value,
                "judged": plain(intervals(self.ours)),
                "keeps_bounds": keeps(job, self.ours),
                "more_than_baseline": plain(differences(self.ours, self.theirs)),
            }
        return told


def is_broken(trial: FrozenTrial) -> bool:
    """Whether one of a trial's runs ended by itself."""
    return any(run.failure for run in runs_of(trial))


def keeps(job: Job, runs: Sequence[Figures]) -> bool:
    """Whether runs keep every bound of the goal."""
    return all(miss <= 0 for miss in job.goal.misses(runs).values())


def judge(job: Job, trials: list[FrozenTrial], jobs: int, told: Callable[[int, int], None]) -> Verdict:
    """Run the best trial and the baseline on the judging seeds; `told` as of `runs_over`."""
    best = best_of(trials)
    sets: list[Texts] = [job.texts] if best is None else [job.texts, best.user_attrs["settings"]]
    runs = runs_over(job.judging_setup, [(texts, seed) for texts in sets for seed in job.judging], jobs, told)
    count = len(job.judging)
    return Verdict(job, trials, best, runs[count:], runs[:count])


def headings(verdict: Verdict) -> list[tuple[str, str]]:
    """What was done and under which conditions, as (name, what)."""
    job, trials = verdict.job, verdict.trials
    hours = len(trials) * len(job.fitting) * job.setup.minutes / 60
    within, broken = sum(map(is_within, trials)), sum(map(is_broken, trials))
    ended = f"; {broken} had a run that ended before its time, and count as missing every bound" if broken else ""
    return [
        ("study", f"{job.study} in {job.where}"),
        ("trials", f"{len(trials)}, of which {within} keep the bounds; {hours:,.0f} virtual hours{ended}"),
        ("fitted on", f"seeds {job.fitting[0]} to {job.fitting[-1]}, {job.setup.minutes:g} minutes each"),
        ("judged on", f"seeds {job.judging[0]} to {job.judging[-1]}, {job.setup.minutes:g} minutes each"),
        *job.goal.words(),
        *job.setup.words(),
        ("judged in", f"the same market, but {job.judging_setup.told}"),
    ]


def rows(verdict: Verdict) -> list[tuple[str, str, str, str, str]]:
    """The judged figures: name, best, baseline, difference, unit. Each with its 95 % interval."""
    theirs = intervals(verdict.theirs)
    if verdict.best is None:
        return [(name, "-", shown(theirs[name]), "-", UNITS[name]) for name in STATISTICS]
    ours, more = intervals(verdict.ours), differences(verdict.ours, verdict.theirs)
    return [(name, shown(ours[name]), shown(theirs[name]), shown(more[name]), UNITS[name]) for name in STATISTICS]


def says(verdict: Verdict) -> str:
    """The verdict in a sentence or two."""
    if verdict.best is None:
        least = min(verdict.trials, key=lambda one: sum(max(0.0, miss) for miss in one.constraints.values()))
        missed = ", ".join(f"{name} by {miss:.0%}" for name, miss in least.constraints.items() if miss > 0)
        return f"No trial keeps the bounds. The nearest is trial {least.number}, which misses {missed}."
    one = intervals(verdict.ours)["net_bps"]
    kept = "keeps" if keeps(verdict.job, verdict.ours) else "does NOT keep"
    sign = ""
    if one.low is not None and one.high is not None:
        sign = " It earns." if one.low > 0 else " It loses." if one.high < 0 else " Whether it earns is not shown."
    fitted_bps = number(verdict.best.value or 0.0)
    return (
        f"Trial {verdict.best.number}: {fitted_bps} bps where it was fitted, {shown(one)} bps on seeds it had not "
        f"seen, where it {kept} the bounds.{sign}"
    )


def text(verdict: Verdict) -> str:
    """The report for a person."""
    figures = [("judged", "best [95 % interval]", "baseline", "difference", "unit"), *rows(verdict)]
    lines = [f"{name:<18} {what}" for name, what in headings(verdict)]
    lines += ["", says(verdict), "", table(figures), ""]
    lines += [f"{name}={value}" for name, value in verdict.settings.items()]
    failed = [f"seed {one.seed}: {one.failure}" for one in [*verdict.ours, *verdict.theirs] if one.failure]
    return "\n".join([*lines, *failed, "", *LIMITS])


def by_value(trials: Sequence[FrozenTrial], count: int) -> list[FrozenTrial]:
    """The best trials: those within the bounds first, each by its value."""
    return sorted(trials, key=lambda one: (not is_within(one), -(one.value or 0.0), one.number))[:count]


def fitted(trial: FrozenTrial) -> dict[str, float | None]:
    """A trial's statistics over its fitting seeds; none where its parameters do not go together."""
    runs = runs_of(trial)
    return {name: statistic(runs) if runs else None for name, statistic in STATISTICS.items()}
