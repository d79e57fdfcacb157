"""`python -m runner report LOG…`: what happened, what it earned, what to look at, as one HTML file that loads nothing.

    python -m runner report logs/mmfsm.jsonl                    with its rotated files; writes logs/mmfsm.report.html
    python -m runner report logs/*.jsonl* --out week.html       every file, by the time of its first record
    python -m runner report logs/mmfsm.jsonl --json             the figures, on standard output

A LOG is the current file, which brings its full ones (`.gz` too) with it; full ones may be named alone. Lines that were
cut off are counted and told. The newest run is compared with those before it: give earlier logs too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.logfiles import Tally, files_of, records
from runner.report.page import page
from runner.report.progress import Progress
from runner.report.rows import compare
from runner.report.story import Story
from runner.report.words import LANGUAGES

NO_INPUT, NO_JOURNAL, NO_OUTPUT = 66, 65, 73
"""Exit statuses: no log that can be read, a journal that cannot be read, a page that cannot be written."""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report. Returns 0, or one of the statuses above."""
    args = _parser().parse_args(argv)
    try:
        files = files_of(args.log)
    except OSError as error:
        return _fail(NO_INPUT, f"{error}: expected a log of the runner's (LOG_PATH, or a rotated file of it)")
    try:
        rows = compare(args.rows) if args.rows else None
    except (OSError, EOFError, ValueError) as error:
        return _fail(NO_JOURNAL, f"--rows: {error}")
    told = figures_of(files, Progress(sum(_size(path) for path in files), shown=args.progress or sys.stderr.isatty()))
    if told["from_ms"] is None:
        why = "; ".join(told["log"]["unread"]) or "no line in it is a record"
        return _fail(NO_INPUT, f"{', '.join(map(str, args.log))}: expected a log of the runner's ({why})")
    told["rows"] = rows
    if args.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    out = args.out or (
        None if args.json else args.log[0].with_name(f"{args.log[0].name.partition('.')[0]}.report.html")
    )
    if out is not None:
        try:
            out.write_text(page(told, args.lang), encoding="utf-8", newline="\n")
        except OSError as error:
            return _fail(NO_OUTPUT, f"{error}: expected a place that can be written; --out FILE.html names another")
        print(out, file=sys.stderr if args.json else sys.stdout)
    return 0


def figures_of(files: Sequence[Path], progress: Progress | None = None) -> dict[str, Any]:
    """Return what some files tell, read in this order, as plain JSON values. A file that cannot be read is told."""
    story, tally, unread = Story(), Tally(), []
    for path in files:
        tally.on_bytes = None if progress is None else progress.within_file
        try:
            for line in records(path, tally):
                story.take(line)
        except OSError as error:
            unread.append(str(error))
        if progress is not None:
            progress.file_done(_size(path))
    if progress is not None:
        progress.close()
    log = {
        "files": [path.name for path in files],
        "bytes": sum(_size(path) for path in files),
        "lines": tally.lines,
        "broken": tally.broken,
        "strange": story.strange,
        "backward": story.backward,
        "unread": unread,
    }
    return {"log": log, **story.as_dict(), "rows": None}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m runner report", description=__doc__, formatter_class=raw)
    parser.add_argument("log", type=Path, nargs="+", metavar="LOG", help="logs, or full files of them")
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="the page (default: beside the first log)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON; the page only with --out")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="the language the page opens in (default en)")
    parser.add_argument(
        "--rows", type=Path, action="append", metavar="FILE",
        help="a journal, a segment of one, or a JSON of counts: which rows of the tables the last fired for the first "
        "time; may be given more than once, oldest first",
    )  # fmt: skip
    parser.add_argument("--progress", action="store_true", help="show how far reading is, also without a terminal")
    return parser


def _fail(status: int, text: str) -> int:
    print(text, file=sys.stderr)
    return status
