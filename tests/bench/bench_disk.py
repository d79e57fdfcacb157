"""What a day takes on disk: `python -m tests.bench.bench_disk`, with `--json` for one line of JSON.

The unchanged runner trades at the stand-in under virtual time and writes its real log and its real journal, into files
that are compressed as a run does it; what they take is multiplied up to a day. Both legs' books come at a steady pace,
from the recorded market if it is here (`tests/support/tape.py`), else from the synthetic one.

    --minutes 10    virtual time; a day is extrapolated from it, without the first snapshot
    --books 10      books a second, each leg
    --busy          settings under which it is filled every few seconds; the defaults, when left out
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from runner.app import Runner
from runner.log import open_log
from runner.memory import Memory
from runner.packing import pack
from runner.paper.options import Credentials, PaperOptions
from runner.paper.resampled import ResampledMarket
from runner.paper.synthetic import SyntheticMarket
from runner.paper.values import BookEvent, MarketEvent
from runner.settings import Settings, load_settings
from runner.simulator.bot import SimulatedRunner, loopback_keys
from runner.simulator.clock import VirtualLoop, virtual_time
from runner.simulator.network import Line
from runner.simulator.run import SETTINGS, START_MS
from runner.simulator.world import World
from tests.bench import figures
from tests.bench.figures import Bench, How, Row, below
from tests.support.tape import tape_dir

DAY_MIN = 24 * 60
LOG_MAX_MB, JOURNAL_MAX_MB = 50.0, 150.0
"""What a day may take, compressed."""

MB = 1_000_000


@attrs.define
class Taken:
    """What was written: bytes as written and compressed, lines, and bytes by kind of line."""

    raw: int = 0
    packed: int = 0
    lines: int = 0
    by_kind: Counter[str] = attrs.field(factory=Counter)

    def a_day(self, minutes: float) -> dict[str, Any]:
        """Extrapolate to a day."""
        times = DAY_MIN / minutes
        shares = {name: round(100 * count / max(self.raw, 1), 1) for name, count in self.by_kind.most_common(8)}
        return {
            "raw_mb": round(self.raw * times / MB, 1),
            "packed_mb": round(self.packed * times / MB, 1),
            "lines": round(self.lines * times),
            "bytes_per_line": round(self.raw / max(self.lines, 1)),
            "share_percent": shares,
        }


def paced(events: Iterator[MarketEvent], a_second: float) -> Iterator[MarketEvent]:
    """Thin out books to so many a second and leg, as a channel that pushes at a pace does; trades stay."""
    due_ms: dict[str, float] = {}
    for event in events:
        if isinstance(event, BookEvent):
            if event.at_ms < due_ms.get(event.product, 0):
                continue
            due_ms[event.product] = max(due_ms.get(event.product, 0), event.at_ms - 50) + 1_000 / a_second
        yield event


class WritingRunner(SimulatedRunner):
    """Writes its log and its journal into real files."""

    def __init__(self, settings: Settings, world: World, folder: Path) -> None:
        super().__init__(settings, world, 1, lambda event, actions: None, keeps=False)
        self._memory = Memory(folder / "journal", "bench", lambda error: None)
        self._log = open_log(settings, self.run_id, lambda: self.gateway.terms)

    def _write_records(self) -> None:
        Runner._write_records(self)

    def write_to_the_end(self) -> None:
        """Close both; the files stay."""
        self._memory.close(None)
        assert self._log is not None
        self._log.close()


def measure(minutes: float, a_second: float, busy: bool) -> dict[str, Any]:
    """Run, and return what a day takes."""
    with tempfile.TemporaryDirectory(prefix="mmfsm-disk-") as scratch:
        folder = Path(scratch)
        texts = {**(SETTINGS if busy else {"PERP_TIF": "both"}), **loopback_keys(Credentials())}
        texts |= {"LOG_PATH": str(folder / "logs" / "run.jsonl"), "LOG_LEVEL": "ERROR", "STATE_DIR": scratch}
        settings = load_settings(texts, Path("/nonexistent/.env"))[0]
        tape = tape_dir()
        market = SyntheticMarket(1) if tape is None else ResampledMarket(tape, 1)
        with virtual_time(START_MS) as loop:
            counts = loop.run_until_complete(_live(loop, settings, folder, paced(market.events(), a_second), minutes))
        log = taken(sorted((folder / "logs").iterdir()), "event")
        journal = taken(sorted((folder / "journal").iterdir()), "type")
    return {
        "minutes": minutes,
        "market": "synthetic" if tape is None else "tape",
        "counts": dict(counts),
        "log": log.a_day(minutes),
        "journal": journal.a_day(minutes),
    }


async def _live(
    loop: VirtualLoop, settings: Settings, folder: Path, market: Iterator[MarketEvent], minutes: float
) -> Counter[str]:
    world = World(loop, PaperOptions(seed=1, market="scripted"), market, Line("1", 5.0, 20.0), direct=True)
    bot = WritingRunner(settings, world, folder)
    counts: Counter[str] = Counter()
    bot.observers.append(lambda record: counts.update([record.event]))
    bot._memory.begin(bot.desk)
    world.start()
    await bot.open()
    await bot.over_within(minutes * 60 - loop.now_s)
    await bot.close()
    bot.write_to_the_end()
    return counts


def taken(files: list[Path], kind: str) -> Taken:
    """Add up what files take, as they are and compressed as a run compresses them; first lines are left out."""
    total = Taken()
    for path in files:
        if path.suffix == ".gz":
            raise AssertionError("compressed already: fewer minutes, or a bench that reads both")
        lines = path.read_bytes().splitlines(keepends=True)[1:]
        path.write_bytes(b"".join(lines))
        total.raw += path.stat().st_size
        total.lines += len(lines)
        for line in lines:
            told = json.loads(line)
            total.by_kind[str(told.get(kind))] += len(line)
        assert pack(path) is None
        total.packed += path.with_name(path.name + ".gz").stat().st_size
    return total


LOG, JOURNAL = "log, compressed", "journal, compressed"
ROWS = (Row(LOG, "MB/day", "-", below(LOG_MAX_MB)), Row(JOURNAL, "MB/day", "-", below(JOURNAL_MAX_MB)))


def take(how: How) -> figures.Taken:
    """One run for the table of every bench."""
    found = measure(2.0 if how.quick else 10.0, 10.0, busy=False)
    return {LOG: (found["log"]["packed_mb"], None), JOURNAL: (found["journal"]["packed_mb"], None)}


BENCH = Bench("disk", ROWS, take, runs_max=1)


def main() -> int:
    """Print the figures. Returns 1 when a day takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_disk", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--books", type=float, default=10.0)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.minutes, args.books, args.busy)
    print(json.dumps(found, indent=None if args.json else 2))
    fits = found["log"]["packed_mb"] <= LOG_MAX_MB and found["journal"]["packed_mb"] <= JOURNAL_MAX_MB
    return 0 if fits else 1


if __name__ == "__main__":
    raise SystemExit(main())
