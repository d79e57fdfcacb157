"""What a report costs: `python -m tests.bench.bench_report`, seconds a GB of log and the most memory it took.

    --mb 1100 --out DIR     how much log is made, and where (default: a temporary folder, gone afterwards)
    --log FILE …            measure these logs instead

The log is the real one: seeds of the simulator, faults and all, each a run, their records written by the log's own
encoder; told again and again with later times and new names of orders until there is enough. The report is a process
of its own, as a person starts it, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from loguru import logger

from mmfsm.orders import base36
from runner.journal import read_segment
from runner.log import FIELDS
from runner.replay import Replay
from runner.simulator.run import Plan, run_seed
from runner.simulator.shrink import write_journal

START_MS = 1_795_000_000_000
PAUSE_MS = 30_000
_MOMENT = re.compile(rb'(?<![0-9"])(\d{13})(?![0-9"])')


def run_of(seed: int, minutes: float, start_ms: int) -> tuple[list[bytes], int, int]:
    """Return the lines of one seed's log, the number of its run, and the time of its last record."""
    outcome = run_seed(Plan(seed, minutes, start_ms=start_ms))
    assert outcome.settings is not None, f"seed {seed} came to nothing"
    with tempfile.TemporaryDirectory() as folder:
        journal = write_journal(Path(folder), outcome.settings, outcome.run, outcome.events, "bench")
        lines = [line for turn in Replay(read_segment(journal)).turns() for line in turn.lines]
    data = {"run_id": f"seed-{seed}", "version": "bench", "host": "bench", "config": outcome.settings.redacted()}
    first = dict.fromkeys(FIELDS) | {"ts": start_ms, "event": "run", "source": "runner", "data": data}
    lines.insert(0, json.dumps(first))
    return [line.encode() + b"\n" for line in lines], outcome.run, json.loads(lines[-1])["ts"]


def later(lines: Sequence[bytes], runs: Sequence[int], by_ms: int) -> Iterator[bytes]:
    """Tell lines again, later: every moment in them moved, and every order named by a later run."""
    names = {f"-{base36(run)}-".encode(): f"-{base36(run + by_ms)}-".encode() for run in runs}
    pattern = re.compile(b"|".join(map(re.escape, names)))
    for line in lines:
        moved = _MOMENT.sub(lambda at: b"%d" % (int(at[1]) + by_ms), line)
        yield pattern.sub(lambda name: names[name[0]], moved)


def make_log(path: Path, size: int, seeds: int = 8, minutes: float = 10.0) -> None:
    """Write a log of at least so many bytes."""
    lines, runs, at_ms = [], [], START_MS
    for seed in range(1, seeds + 1):
        told, run, ends_ms = run_of(seed, minutes, at_ms)
        lines += told
        runs.append(run)
        at_ms = ends_ms + PAUSE_MS
    shift_ms = 0
    with path.open("wb") as file:
        while file.tell() < size:
            file.writelines(later(lines, runs, shift_ms))
            shift_ms += at_ms - START_MS


def measure(logs: Sequence[Path]) -> dict[str, float]:
    """Return what a report of some logs takes: seconds by the clock and of a core for each GB read, and memory."""
    size = sum(path.stat().st_size for path in logs)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "runner", "report", *map(str, logs), "--out", "/dev/null"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "gb": round(size / 1e9, 3),
        "s_per_gb": round(took / size * 1e9, 1),
        "cpu_s_per_gb": round(cpu / size * 1e9, 1),
        "peak_mb": round(after.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Make a log, or take one, and print what its report takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=1_100, help="size of the log to make (default 1100)")
    parser.add_argument("--out", type=Path, help="a folder to make it in, and keep it")
    parser.add_argument("--log", type=Path, nargs="+", help="measure these instead")
    args = parser.parse_args()
    logger.remove()
    with tempfile.TemporaryDirectory() as scratch:
        logs = args.log
        if logs is None:
            logs = [(args.out or Path(scratch)) / "bench.jsonl"]
            make_log(logs[0], args.mb * 1_000_000)
        print(json.dumps(measure(logs)))


if __name__ == "__main__":
    main()
