"""`python -m runner backtest`: one set of parameters over simulated markets, seed by seed.

The real desk and runner trade at the stand-in exchange under virtual time. What is printed is what the exchange's
account says, over all seeds together, with the interval a seeded bootstrap over seeds gives (95 %).

    python -m runner backtest --set BASE_HALF_SPREAD_BPS=6 --set EDGE_FLOOR=0 --seeds 20 --minutes 15
    python -m runner backtest --tape DIR --funding FILE.csv.gz --set ...    recorded blocks, recorded funding
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmfsm.errors import ParamError
from runner.tuning.figures import UNITS, Figures
from runner.tuning.judge import intervals, plain, progress, quiet, runs_over, shown, table
from runner.tuning.options import add_conditions, setup_of, texts_of, whole
from runner.tuning.run import settings_of
from runner.tuning.setup import Setup

SEEDS = 20
"""Of few seeds the 95 % interval is too narrow: measured, it held the true value in 80 % of tries with 4 of them, in
89 % with 10, and in 97 % with 20."""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m runner backtest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--seeds", type=whole(1, 100_000), default=SEEDS, metavar="N", help=f"how many (default {SEEDS})")
    add_conditions(made)
    return made


def report(setup: Setup, texts: dict[str, str], runs: Sequence[Figures], wall_s: float) -> dict[str, Any]:
    """Return all that is told, as JSON values."""
    return {
        "conditions": dict(setup.words()),
        "settings": texts,
        "seeds": [one.seed for one in runs],
        "hours": sum(one.hours for one in runs),
        "wall_s": round(wall_s, 1),
        "statistics": plain(intervals(runs)),
        "units": UNITS,
        "totals": totals(runs),
        "runs": [one.plain() for one in runs],
    }


def totals(runs: Sequence[Figures]) -> dict[str, Any]:
    """The sums over all runs."""
    names = (
        "trips", "unwinds", "quotes", "quotes_filled", "fills", "turnover", "net", "fees", "funding",
        "funding_settled", "unhedged_notional_s",
    )  # fmt: skip
    halted = Counter(reason.split(":")[0] for one in runs for reason in one.latched)
    failed = [f"seed {one.seed}: {one.failure}" for one in runs if one.failure]
    sums = {name: round(sum(getattr(one, name) for one in runs), 6) for name in names}
    return sums | {"halted_at_the_end": dict(halted), "failed": failed}


def text(setup: Setup, texts: dict[str, str], runs: Sequence[Figures]) -> str:
    """The report for a person."""
    rows = [(name, shown(one), UNITS[name]) for name, one in intervals(runs).items()]
    lines = [*conditions(setup, texts, runs), "", table([("figure", "value [95 % interval]", "unit"), *rows]), ""]
    sums = totals(runs)
    lines += [
        f"  {name:<20} {value if not isinstance(value, float) else f'{value:,.2f}'}" for name, value in sums.items()
    ]
    return "\n".join(lines)


def conditions(setup: Setup, texts: dict[str, str], runs: Sequence[Figures]) -> list[str]:
    """The lines that say what was run, and how."""
    hours = sum(one.hours for one in runs)
    settings = " ".join(f"{name}={value}" for name, value in texts.items()) or "defaults"
    first, last = runs[0].seed, runs[-1].seed
    return [
        f"{len(runs)} runs of {setup.minutes:g} minutes (seeds {first} to {last}, {hours:g} h)",
        f"  {'settings':<18} {settings}",
        *(f"  {name:<18} {what}" for name, what in setup.words()),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0; 1 when a run failed, 2 when an option is not usable."""
    args = parser().parse_args(argv)
    quiet()
    try:
        setup, texts = setup_of(args), texts_of(args)
        settings_of(texts)
    except (ParamError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    began_s = time.monotonic()
    tasks = [(texts, seed) for seed in range(args.seed, args.seed + args.seeds)]
    runs = runs_over(setup, tasks, min(args.jobs, args.seeds), progress)
    if args.json:
        print(json.dumps(report(setup, texts, runs, time.monotonic() - began_s)))
    else:
        print(text(setup, texts, runs))
    return 1 if any(one.failure for one in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
