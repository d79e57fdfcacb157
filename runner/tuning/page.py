"""The report as one HTML file: text, tables and inline SVG. It loads nothing, from nowhere."""

from __future__ import annotations

from html import escape

from optuna.trial import FrozenTrial

from runner.drawing.html import table
from runner.drawing.plot import Point, scatter, whiskers
from runner.tuning import verdict as v
from runner.tuning.figures import per_hour
from runner.tuning.judge import intervals, number
from runner.tuning.space import Dimension
from runner.tuning.study import is_within, runs_of
from runner.tuning.verdict import Verdict

LISTED = 15
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
svg { width: 420px; max-width: 100%; font: 11px system-ui, sans-serif } .verdict { font-size: 1.1rem }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto } .plots { display: flex; flex-wrap: wrap; gap: 1rem }
"""
KEY = "Red: the best trial. Blue: within the bounds. Grey: not. Point at a dot to see its trial."


def page(verdict: Verdict) -> str:
    """Return the report's HTML."""
    judged = [("judged", "best [95 % interval]", "baseline", "difference", "unit"), *v.rows(verdict)]
    settings = "\n".join(f"{name}={value}" for name, value in verdict.settings.items())
    slices = "".join(_slice(verdict, one) for one in verdict.job.space.dimensions)
    body = [
        f"<h1>Search {escape(verdict.job.study)}</h1>",
        f'<p class="verdict">{escape(v.says(verdict))}</p>',
        table(judged),
        f'<div class="plots">{_judged(verdict)}</div>',
        f"<h2>Best settings</h2><pre>{escape(settings)}</pre>" if settings else "",
        "<h2>How it was found</h2>",
        table([("", ""), *v.headings(verdict)]),
        f"<h2>Trials</h2><p>{KEY}</p>",
        f'<div class="plots">{_history(verdict)}{_risk(verdict)}</div>',
        f'<h2>Parameters</h2><div class="plots">{slices}</div>',
        f"<h2>The best {min(LISTED, len(verdict.trials))} on the fitting seeds</h2>",
        _best(verdict),
        *(f"<p>{escape(line)}</p>" for line in v.LIMITS),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Search {escape(verdict.job.study)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _judged(verdict: Verdict) -> str:
    rows = []
    for name, runs in (("best", verdict.ours), ("baseline", verdict.theirs)):
        one = intervals(runs)["net_bps"] if runs else None
        if one is not None and one.value is not None and one.low is not None and one.high is not None:
            rows.append((name, one.value, one.low, one.high))
    return whiskers(rows, "net bps")


def _kind(verdict: Verdict, trial: FrozenTrial) -> str:
    if verdict.best is not None and trial.number == verdict.best.number:
        return "best"
    return "within" if is_within(trial) else "outside"


def _traded(verdict: Verdict) -> list[FrozenTrial]:
    # Those with a value of their own, the best last: it is drawn on top.
    found = [one for one in verdict.trials if any(run.turnover for run in runs_of(one))]
    return sorted(found, key=lambda one: (_kind(verdict, one) == "best", one.number))


def _words(trial: FrozenTrial) -> str:
    settings = " ".join(f"{name}={value}" for name, value in trial.user_attrs["settings"].items())
    return f"trial {trial.number}: {number(trial.value or 0.0)} bps; {settings}"


def _points(verdict: Verdict, xs: dict[int, float]) -> list[Point]:
    return [
        Point(xs[one.number], one.value or 0.0, _kind(verdict, one), _words(one))
        for one in _traded(verdict)
        if one.number in xs
    ]


def _history(verdict: Verdict) -> str:
    line: list[tuple[float, float]] = []
    for trial in verdict.trials:
        if is_within(trial):
            best = trial.value or 0.0
            if line:
                best = max(best, line[-1][1])
                line.append((trial.number, line[-1][1]))
            line.append((trial.number, best))
    points = _points(verdict, {one.number: float(one.number) for one in verdict.trials})
    return scatter(points, "trial", "net bps", line=line)


def _risk(verdict: Verdict) -> str:
    unhedged = per_hour("unhedged_notional_s")
    xs = {one.number: unhedged(runs_of(one)) or 0.0 for one in _traded(verdict)}
    bound = verdict.job.goal.unhedged_max
    shown = bound if xs and bound <= 2 * max(xs.values()) else None
    return scatter(_points(verdict, xs), "unhedged, USDT·s per hour", "net bps", upright=shown)


def _slice(verdict: Verdict, one: Dimension) -> str:
    if one.choices:
        xs = {t.number: float(one.choices.index(t.params[one.name])) for t in verdict.trials}
        name = f"{one.name}: " + ", ".join(f"{n} = {choice}" for n, choice in enumerate(one.choices))
    else:
        xs, name = {t.number: float(t.params[one.name]) for t in verdict.trials}, one.name
    return scatter(_points(verdict, xs), name, "net bps", log_x=one.log)


def _best(verdict: Verdict) -> str:
    names = [one.name for one in verdict.job.space.dimensions]
    figures = ("net_bps", "turnover_per_hour", "unhedged_per_hour", "drawdown")
    rows = [("trial", "bounds", *figures, *names)]
    for trial in v.by_value(verdict.trials, LISTED):
        found, settings = v.fitted(trial), trial.user_attrs["settings"]
        cells = ["-" if found[name] is None else number(found[name] or 0.0) for name in figures]
        kept = "kept" if is_within(trial) else "missed"
        rows.append((str(trial.number), kept, *cells, *(settings[name.upper()] for name in names)))
    return table(rows)
