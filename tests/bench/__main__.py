"""One table of every figure beside its baseline: `make bench`, or `python -m tests.bench`.

    --runs N       runs of each bench (default 5); a figure is the median, its spread stands beside it
    --only NAME    one bench alone (its name is the first column); repeatable
    --quick        a look: one short run
    --json [FILE]  machine, versions and every run of every figure as JSON: into a file, beside the table; or printed
                   instead of it

Ratios count, not figures: both sides of one were taken in the same run on the same machine. The exit status is 0
whether a figure is reached or not; the table says which are.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Bench, Figure, How, NotHere, Taken, benches
from tests.bench.machine import machine
from tests.bench.shown import table

PRINTED = Path("-")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benches and print the table."""
    found = {bench.name: bench for bench in benches()}
    args = _parser(list(found)).parse_args(argv)
    chosen = [found[name] for name in args.only or found]
    figures = [(bench, figure) for bench in chosen for figure in taken(bench, args.runs, args.quick)]
    rows = [{"bench": bench.name} | figure.as_json() for bench, figure in figures]
    text = json.dumps({"machine": machine(), "quick": args.quick, "figures": rows}, ensure_ascii=False)
    if args.json == PRINTED:
        print(text)
        return 0
    print(table(machine(), figures, quick=args.quick))
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text + "\n")
    return 0


def taken(bench: Bench, runs: int, quick: bool) -> list[Figure]:
    """Run a bench so many times. One that cannot be taken here, or fails, says why in each of its rows."""
    told: list[Taken] = []
    for run in range(1 if quick else min(runs, bench.runs_max)):
        print(f"{bench.name}: run {run + 1}", file=sys.stderr, flush=True)
        try:
            told.append(bench.take(How(run, quick)))
        except NotHere as why:
            return [Figure(row, why=str(why)) for row in bench.rows]
        except Exception as error:  # half an hour of other benches is not lost with it
            traceback.print_exc()
            why = f"failed in run {run + 1}: {type(error).__name__}: {error}".splitlines()[0]
            return [Figure(row, why=why) for row in bench.rows]
    return [_figure(bench, number, told) for number in range(len(bench.rows))]


def _figure(bench: Bench, number: int, told: list[Taken]) -> Figure:
    row = bench.rows[number]
    pairs = [one[row.name] for one in told if row.name in one]
    base = [base for _, base in pairs if base is not None]
    return Figure(row, tuple(ours for ours, _ in pairs), tuple(base), "" if pairs else "nothing was told")


def _parser(names: list[str]) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=raw)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each bench (default 5)")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--json", nargs="?", type=Path, const=PRINTED, metavar="FILE", help="as JSON too, into a file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
