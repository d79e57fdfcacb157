"""What a day writes: the rows of `bench_disk`, where it is."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from tests.bench.figures import Bench, How, NotHere, Row, Taken, below

LOG, JOURNAL = "log, compressed", "journal, compressed"
ROWS = (Row(LOG, "MB/day", "-", below(50)), Row(JOURNAL, "MB/day", "-", below(150)))


def take(how: How) -> Taken:
    """One run of `bench_disk.take`."""
    try:
        module = import_module("tests.bench.bench_disk")
    except ModuleNotFoundError:
        raise NotHere("tests/bench/bench_disk.py is not there") from None
    return cast(Taken, module.take(how))


BENCH = Bench("disk", ROWS, take, runs_max=1)
