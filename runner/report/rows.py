"""Which rows of the tables the newest run fired that no earlier one had, by journals or by counts of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmfsm import coverage
from mmfsm.diagrams import read_counts
from runner.journal import segments


def compare(paths: Sequence[Path]) -> dict[str, Any]:
    """Return what the last of some sources fired that none before it had.

    Args:
        paths: oldest first. A folder of a journal counts as one source for each run in it; a segment, or a JSON of
            counts (`simulate --rows`), as one.

    Raises:
        ValueError: a file is neither; names the file and what was expected.
        OSError: a file cannot be read.
    """
    parts = [(name, read_counts(files)) for path in paths for name, files in _sources(path)]
    newest_name, newest = parts[-1]
    earlier: coverage.Counts = Counter()
    for _name, counts in parts[:-1]:
        earlier += counts
    return {
        "newest": newest_name,
        "earlier": [name for name, _counts in parts[:-1]],
        "new": [[*row, times] for row, times in sorted(newest.items()) if row not in earlier],
        "fired": len(coverage.every_row()) - len(coverage.never(newest + earlier)),
        "rows": len(coverage.every_row()),
    }


def _sources(path: Path) -> Iterator[tuple[str, list[Path]]]:
    if not path.is_dir():
        yield path.name, [path]
        return
    runs: dict[str, list[Path]] = {}
    for segment in segments(path):
        runs.setdefault(segment.name.split("-")[0], []).append(segment)
    if not runs:
        raise ValueError(f"{path}: expected a folder of journal segments (*.jsonl, *.jsonl.gz), found none")
    yield from runs.items()
