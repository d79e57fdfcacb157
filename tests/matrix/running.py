"""Many cells in a few processes, several at once in each."""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from tests.matrix import faults, moments
from tests.matrix.cell import Result, ours, run_cell
from tests.matrix.faults import FAULTS
from tests.matrix.moments import MOMENTS
from tests.matrix.strangers import STRANGERS

Cell = tuple[str, str, str]
"""Who, the fault, the moment. Who is "ours", "ours_with_pair" (ours with a pair held, which the fill reduces), or a
comparison bot."""

OURS, WITH_PAIR = "ours", "ours_with_pair"

JOBS = 2
AT_ONCE = (6, 1)
"""Cells at once in a job: those in its own loop, and those with processes of their own."""

TRIES, STALL_MS, STALL_CLEAN_MS = 3, 120, 400
"""A cell during which the machine itself stood still for so long is played again: sooner if it did not end clean."""

NEVER_EXCUSED = "DNO"
"""Doubled, naked, left behind: a machine that stood still is no excuse."""

START_GAP_S = 0.15
"""Between two starts in one process: a run's name is its symbol and its millisecond."""


def cells_of(who: str, only: Sequence[str] | None, at: Sequence[str] | None) -> list[Cell]:
    """The cells of a bot: all faults at all moments for ours, those that exist for it for another."""
    rows = [fault for fault in FAULTS if (not only or fault.name in only) and (who == OURS or not fault.process)]
    columns = [one for one in MOMENTS if (not at or one.name in at) and (who not in STRANGERS or one.for_any)]
    return [(who, fault.name, moment.name) for fault in rows for moment in columns]


async def run_one(cell: Cell, folder: Path) -> Result:
    """Run one cell in a folder of its own."""
    who, fault_name, moment_name = cell
    fault, moment = faults.BY_NAME[fault_name], moments.BY_NAME[moment_name]
    for attempt in range(1, TRIES + 1):
        own = folder / f"{who}-{fault_name}-{moment_name}-{attempt}"
        own.mkdir(parents=True)
        result = await run_cell(fault, moment, own, STRANGERS.get(who) or ours(fault), who == WITH_PAIR)
        if result.verdict in NEVER_EXCUSED or result.stall_ms < (STALL_CLEAN_MS if result.verdict == "." else STALL_MS):
            break
    return result


async def _drain(lanes: Any, results: Any, folder: Path) -> None:
    starting = asyncio.Lock()

    async def pull(cells: Any) -> None:
        while True:
            async with starting:
                cell = cells.get()  # never waits long: as many ends as pullers are in the queue
                if cell is None:
                    return
                await asyncio.sleep(START_GAP_S)
            results.put((cell, attrs.asdict(await run_one(cell, folder))))

    await asyncio.gather(*(pull(cells) for cells, count in zip(lanes, AT_ONCE, strict=True) for _ in range(count)))


def _work(lanes: Any, results: Any, folder: Path, errors: Path) -> None:
    # What libraries and lost connections write goes to a file: the terminal shows the table.
    sys.stderr = errors.open("a", encoding="utf-8")
    asyncio.run(_drain(lanes, results, folder))


def run_all(cells: Iterable[Cell], folder: Path, jobs: int = JOBS) -> dict[Cell, Result]:
    """Run cells in `jobs` processes, several at once in each, and show the progress on stderr.

    Interrupted, it returns what is done.
    """
    wanted = list(cells)
    context = multiprocessing.get_context("spawn")
    lanes, done = (context.Queue(), context.Queue()), context.Queue()
    for cell in wanted:
        lanes[bool(faults.BY_NAME[cell[1]].process)].put(cell)
    for lane, count in zip(lanes, AT_ONCE, strict=True):
        for _ in range(jobs * count):
            lane.put(None)
    workers = [
        context.Process(target=_work, args=(lanes, done, folder, folder / f"stderr-{number}.txt"))
        for number in range(jobs)
    ]
    for worker in workers:
        worker.start()
    results: dict[Cell, Result] = {}
    began = time.monotonic()
    try:
        while len(results) < len(wanted):
            try:
                cell, told = done.get(timeout=1.0)
            except queue.Empty:
                if not any(worker.is_alive() for worker in workers):
                    break
                continue
            results[tuple(cell)] = Result(**told)
            bad = sum(not result.is_good for result in results.values())
            spent = time.monotonic() - began
            sys.stderr.write(f"\r{len(results)}/{len(wanted)} cells, {bad} bad, {spent:.0f} s ")
            sys.stderr.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: what is done is shown")
        for worker in workers:
            worker.terminate()
    sys.stderr.write("\n")
    for worker in workers:
        worker.join(10.0)
    return results
