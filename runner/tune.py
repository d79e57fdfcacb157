"""`python -m runner tune SPACE.toml`: search the parameters in a file for the most net bps per turnover, within bounds.

Each trial runs its parameters over the fitting seeds; at the end the best trial and the baseline (the defaults and
`--set`) are run over judging seeds that no trial has seen, and that is the result. A study that was interrupted goes on
where it was, under the same name; the same command on the same storage, on one machine or many, shares the work.

    python -m runner tune examples/tune_space.toml --trials 200
    python -m runner tune SPACE.toml --storage postgresql://... --study eth     the same on every machine
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import optuna

from mmfsm.errors import ParamError
from runner.tuning.goal import Goal
from runner.tuning.judge import number, progress, quiet
from runner.tuning.options import add_conditions, setup_of, texts_of, whole
from runner.tuning.page import page
from runner.tuning.run import settings_of
from runner.tuning.space import read_space
from runner.tuning.study import Job, StudyError, best_of, finished, open_study, work
from runner.tuning.verdict import judge, text

STORAGE = "sqlite:///logs/tune.db"


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m runner tune", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("space", type=Path, metavar="SPACE.toml", help="what is searched")
    made.add_argument("--study", type=_name, default="tune", metavar="NAME", help="the study's name (default tune)")
    made.add_argument("--storage", default=STORAGE, metavar="URL", help=f"where it is kept (default {STORAGE})")
    made.add_argument("--trials", type=whole(1, 100_000), default=200, metavar="N", help="in all (default 200)")
    made.add_argument("--fit-seeds", type=whole(1, 1000), default=4, metavar="N", help="a trial's (default 4)")
    made.add_argument("--judge-seeds", type=whole(2, 10_000), default=20, metavar="N", help="(default 20)")
    made.add_argument(
        "--judge-move-bps", type=float, default=0.0, metavar="X", help="as --move-bps, for the verdict (default 0)"
    )
    goal = Goal()
    bound = made.add_argument_group("bounds").add_argument
    bound("--unhedged-max", type=float, default=goal.unhedged_max, metavar="X", help="USDT·s per hour (20000)")
    bound("--drawdown-max", type=float, default=goal.drawdown_max, metavar="X", help="USDT, any run (50)")
    bound("--turnover-min", type=float, default=goal.turnover_min, metavar="X", help="USDT per hour (500)")
    add_conditions(made)
    made.add_argument("--html", type=Path, metavar="FILE", help="the report (default logs/tune-NAME.html)")
    made.add_argument(
        "--heartbeat", type=whole(1, 3600), default=10, metavar="SEC",
        help="a worker silent for twice as long has lost its trial (default 10)",
    )  # fmt: skip
    return made


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"expected letters, digits, '.', '_' and '-', got {text!r}")
    return text


def job_of(args: argparse.Namespace) -> Job:
    """Return what is to be done.

    Raises:
        ParamError, ValueError, OSError: something asked for is not usable; nothing has run.
    """
    setup, texts = setup_of(args), texts_of(args)
    settings_of(texts)
    goal = Goal(unhedged_max=args.unhedged_max, drawdown_max=args.drawdown_max, turnover_min=args.turnover_min)
    return Job(
        storage=args.storage, study=args.study, setup=setup, space=read_space(args.space), goal=goal, texts=texts,
        judging_setup=attrs.evolve(setup, move_bps=args.judge_move_bps), trials=args.trials, seed=args.seed,
        fit_seeds=args.fit_seeds, judge_seeds=args.judge_seeds, heartbeat_s=args.heartbeat,
    )  # fmt: skip


def search(job: Job, jobs: int) -> None:
    """Run the study to its number of trials, with so many processes, this one among them.

    Raises:
        StudyError: see `work`.
    """
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_help, args=(job, os.getpid()), daemon=True) for _ in range(jobs - 1)]
    for one in others:
        one.start()
    try:
        work(job, Progress(job))
    finally:
        for one in others:
            one.join(None if sys.exc_info()[0] is None else 0)


def _help(job: Job, parent: int) -> None:
    quiet()
    try:
        work(job, parent=parent)
    except (KeyboardInterrupt, StudyError) as error:
        if isinstance(error, StudyError):
            print(error, file=sys.stderr)


class Progress:
    """Tells standard error how far the study is, after each trial of this process."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._began_s = time.monotonic()
        self._first: int | None = None

    def __call__(self, study: optuna.Study) -> None:
        done = finished(study)
        self._first = len(done) - 1 if self._first is None else self._first
        best = best_of(done)
        told = "none within the bounds yet" if best is None else f"best {number(best.value or 0.0)} bps"
        each_s = (time.monotonic() - self._began_s) / max(1, len(done) - self._first)
        left_s = each_s * max(0, self._job.trials - len(done))
        line = f"{len(done)}/{self._job.trials} trials, {told}, {each_s:.1f} s a trial, {left_s / 60:.0f} min left"
        end, start = ("", "\r") if sys.stderr.isatty() else ("\n", "")
        print(f"{start}{line}   ", end=end, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0; 1 when no trial keeps the bounds, 2 when something asked for is not usable, 3 when
    trials fail, 130 when interrupted (the same command goes on)."""
    args = parser().parse_args(argv)
    quiet()
    try:
        job = job_of(args)
        open_study(job)
    except (ParamError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        search(job, min(args.jobs, job.trials))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print(f"\ninterrupted; the same command goes on with study {job.study!r}", file=sys.stderr)
        return 130
    verdict = judge(job, finished(open_study(job)), args.jobs, progress)
    where = args.html or Path("logs") / f"tune-{job.study}.html"
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(page(verdict), encoding="utf-8")
    print(json.dumps(verdict.plain() | {"html": str(where)}) if args.json else f"\n{text(verdict)}\n\nreport: {where}")
    return 0 if verdict.best is not None else 1


if __name__ == "__main__":
    sys.exit(main())
