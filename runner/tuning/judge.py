"""Runs over seeds, on as many processes as asked for, and what they say together."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from loguru import logger

from runner.tuning.figures import STATISTICS, Figures, Interval, difference, interval
from runner.tuning.run import run
from runner.tuning.setup import Setup

Texts = Mapping[str, str]


def runs_over(
    setup: Setup,
    tasks: Sequence[tuple[Texts, int]],
    jobs: int,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Figures]:
    """Run every (settings, seed), and return the figures in the same order.

    Args:
        setup: the conditions.
        tasks: what to run.
        jobs: processes.
        told: called with how many are done, and of how many, after each.

    Raises:
        ParamError, ValueError, OSError: as `run`.
    """
    found: dict[int, Figures] = {}
    if jobs == 1:
        for number, (texts, seed) in enumerate(tasks):
            found[number] = run(setup, texts, seed)
            told(len(found), len(tasks))
        return list(found.values())
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), quiet) as pool:
        waiting = {pool.submit(run, setup, dict(texts), seed): n for n, (texts, seed) in enumerate(tasks)}
        for one in as_completed(waiting):
            found[waiting[one]] = one.result()
            told(len(found), len(tasks))
    return [found[number] for number in range(len(tasks))]


def quiet() -> None:
    """Keep the runner's own log from a worker's terminal."""
    logger.remove()


def progress(done: int, of: int) -> None:
    """Tell a terminal how far it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done}/{of} runs " + ("\n" if done == of else ""))
        sys.stderr.flush()


def intervals(runs: Sequence[Figures]) -> dict[str, Interval]:
    """Return every statistic of some runs, by name."""
    return {name: _bare(name, interval(statistic, runs)) for name, statistic in STATISTICS.items()}


def differences(ours: Sequence[Figures], theirs: Sequence[Figures]) -> dict[str, Interval]:
    """Return every statistic's difference between runs on the same seeds, by name."""
    return {name: _bare(name, difference(statistic, ours, theirs)) for name, statistic in STATISTICS.items()}


def _bare(name: str, one: Interval) -> Interval:
    # A resample never holds a run worse than the worst: an interval of it would say nothing.
    return Interval(one.value, None, None) if name == "drawdown" else one


def plain(found: Mapping[str, Interval]) -> dict[str, Any]:
    """As JSON values: name → [value, low, high]."""
    return {name: one.plain() for name, one in found.items()}


def shown(one: Interval) -> str:
    """For a reader: value [low, high]; "-" where there is nothing to say.

    >>> shown(Interval(-0.51234, -1.0, 0.25)), shown(Interval(12345.6, None, None)), shown(Interval(None, None, None))
    ('-0.512 [-1, 0.25]', '12,346', '-')
    """
    if one.value is None:
        return "-"
    bounds = "" if one.low is None or one.high is None else f" [{number(one.low)}, {number(one.high)}]"
    return number(one.value) + bounds


def number(value: float) -> str:
    """A figure with three significant digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
