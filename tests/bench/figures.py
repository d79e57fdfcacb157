"""What a figure is. A bench that takes some is a module `tests/bench/bench_*.py` with a `BENCH`; no list names it.

    BENCH = Bench("start", (Row("import", "s", "python -c pass", below(0.25)),), take)

    def take(how: How) -> Taken:
        return {"import": (0.21, 0.02)}          # ours, and the baseline in the same run; None where there is none

`take` is called once a run. A module whose BENCH needs what is not installed may raise
`NotHere` from `take`: the table says so, and why.
"""

from __future__ import annotations

import importlib
import pkgutil
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import attrs

import tests.bench


class NotHere(Exception):
    """This figure cannot be taken here; the words say why."""


@attrs.frozen
class How:
    """One run: its number from 0; `quick` asks for a look rather than for a measurement."""

    run: int = 0
    quick: bool = False


@attrs.frozen
class Reach:
    """What a figure is to reach: in words, and as a test of medians (ours, the baseline's)."""

    words: str
    holds: Callable[[float, float | None], bool] = attrs.field(repr=False)


def below(most: float) -> Reach:
    """At most so much, in the row's own unit."""
    return Reach(f"≤ {most:g}", lambda ours, _base: ours <= most)


def above(least: float) -> Reach:
    """At least so much, in the row's own unit."""
    return Reach(f"≥ {least:g}", lambda ours, _base: ours >= least)


def within(times: float) -> Reach:
    """At most so many times the baseline."""
    return Reach(f"≤ {times:g} ×", lambda ours, base: base is not None and ours <= times * base)


def least_share(times: float) -> Reach:
    """At least so many times the baseline."""
    return Reach(f"≥ {times:g} ×", lambda ours, base: base is not None and ours >= times * base)


def within_plus(more: float) -> Reach:
    """At most so much more than the baseline, in the row's own unit."""
    return Reach(f"≤ base + {more:g}", lambda ours, base: base is not None and ours <= base + more)


def all_of(*parts: Reach) -> Reach:
    """Every one of these."""
    return Reach(", ".join(part.words for part in parts), lambda o, b: all(part.holds(o, b) for part in parts))


@attrs.frozen
class Row:
    """One line of the table: a figure, its unit, the baseline's name, what it is to reach."""

    name: str
    unit: str
    baseline: str
    reach: Reach


Taken = Mapping[str, tuple[float, float | None]]
"""What one run gave: by a row's name, ours and the baseline's."""


@attrs.frozen
class Bench:
    """Rows that are taken together. `runs_max` bounds the runs of what is long and does not vary."""

    name: str
    rows: tuple[Row, ...]
    take: Callable[[How], Taken] = attrs.field(repr=False)
    runs_max: int = 1_000


@attrs.frozen
class Figure:
    """A row and what its runs gave. `why`: it could not be taken, and this is why."""

    row: Row
    ours: tuple[float, ...] = ()
    base: tuple[float, ...] = ()
    why: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.ours) if self.ours else None

    @property
    def base_median(self) -> float | None:
        return statistics.median(self.base) if self.base else None

    @property
    def ratio(self) -> float | None:
        """The median of each run's own ratio: both sides of it were taken side by side."""
        pairs = [ours / base for ours, base in zip(self.ours, self.base, strict=False) if base]
        return statistics.median(pairs) if pairs else None

    @property
    def is_reached(self) -> bool | None:
        return None if self.median is None else self.row.reach.holds(self.median, self.base_median)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as plain JSON values."""
        row = self.row
        said: dict[str, Any] = {"name": row.name, "unit": row.unit, "baseline": row.baseline, "reach": row.reach.words}
        said |= {"median": self.median, "baseline_median": self.base_median, "ratio": self.ratio}
        return said | {"reached": self.is_reached, "runs": self.ours, "baseline_runs": self.base, "why": self.why}


def benches() -> list[Bench]:
    """Every bench of this package that has a `BENCH`, by name."""
    names = sorted(it.name for it in pkgutil.iter_modules(tests.bench.__path__) if it.name.startswith("bench_"))
    modules = [importlib.import_module(f"tests.bench.{name}") for name in names]
    return [module.BENCH for module in modules if hasattr(module, "BENCH")]
