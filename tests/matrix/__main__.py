"""`python -m tests.matrix`: run the fault matrix and print it. Exit status 1 when any cell of ours is bad.

--only FAULT and --at MOMENT pick rows and columns (both may be given more than once), --pair plays every cell once more
with a pair held, which the fill reduces, --bots runs the comparison bots through the cells that exist for them,
--json FILE writes every cell, --logs DIR keeps every cell's log.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

from tests.matrix import faults, moments
from tests.matrix.report import legend, table
from tests.matrix.running import JOBS, OURS, WITH_PAIR, cells_of, run_all
from tests.matrix.strangers import STRANGERS


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(faults.BY_NAME), metavar="FAULT")
    parser.add_argument("--at", action="append", choices=list(moments.BY_NAME), metavar="MOMENT")
    parser.add_argument("--pair", action="store_true", help="also with a pair held, which the fill reduces")
    parser.add_argument("--bots", action="store_true", help="also the comparison bots")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every cell's result")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the logs of every cell here")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"processes (default {JOBS})")
    args = parser.parse_args(argv)
    who = [OURS, *([WITH_PAIR] if args.pair else []), *(STRANGERS if args.bots else [])]
    cells = [cell for one in who for cell in cells_of(one, args.only, args.at)]
    with tempfile.TemporaryDirectory(prefix="matrix-") as scratch:
        folder = args.logs or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        results = run_all(cells, folder, args.jobs)
    if args.json is not None:
        rows = [{"who": cell[0], **attrs.asdict(result)} for cell, result in sorted(results.items())]
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(legend())
    for one in who:
        print(table(one, {cell[1:]: result for cell, result in results.items() if cell[0] == one}))
    bad = [cell for cell in cells if cell[0] not in STRANGERS and not (cell in results and results[cell].is_good)]
    for cell in bad:
        result = results.get(cell)
        why = (
            f"{result.verdict} {result.why} {result.alerts}, longest stall {result.stall_ms} ms"
            if result
            else "no result"
        )
        print(f"BAD {' at '.join(cell[1:])} ({cell[0]}): {why}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
