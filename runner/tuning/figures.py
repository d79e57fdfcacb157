"""Figures of runs, pooled over seeds, with intervals from a seeded bootstrap.

They are statistics, so they are floats; the money behind them was Decimal until the end of its run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs

RESAMPLES = 2_000
COVER = 0.95
BPS = 1e4


@attrs.frozen(kw_only=True)
class Figures:
    """One run. `hours` it ran: all that were asked for, unless a failure ended it. Money in USDT; `turnover` is what
    was traded on both legs; `quotes` were sent, `quotes_filled` filled at least in part; `unhedged_notional_s` is
    USDT × seconds; `latched` are the halts left for a person at the end."""

    seed: int
    hours: float
    trips: int = 0
    unwinds: int = 0
    quotes: int = 0
    quotes_filled: int = 0
    fills: int = 0
    turnover: float = 0.0
    net: float = 0.0
    fees: float = 0.0
    funding: float = 0.0
    funding_settled: float = 0.0
    unhedged_notional_s: float = 0.0
    drawdown: float = 0.0
    latched: tuple[str, ...] = ()
    failure: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return attrs.asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Figures:
        """Return what `plain` wrote."""
        return cls(**{**plain, "latched": tuple(plain["latched"])})


Statistic = Callable[[Sequence[Figures]], float | None]
"""A figure of several runs together; None where it has no meaning, such as bps of a turnover of zero."""


def net_bps(runs: Sequence[Figures]) -> float | None:
    """Net earnings per turnover, in bps: the sums first, then their ratio.

    >>> net_bps([Figures(seed=1, hours=1, net=1.0, turnover=10_000.0), Figures(seed=2, hours=1)])
    1.0
    """
    turnover = sum(one.turnover for one in runs)
    return BPS * sum(one.net for one in runs) / turnover if turnover else None


def per_hour(name: str) -> Statistic:
    """Return the statistic "so much of a field per hour"."""

    def statistic(runs: Sequence[Figures]) -> float | None:
        hours = sum(one.hours for one in runs)
        total: float = sum(getattr(one, name) for one in runs)
        return total / hours if hours else None

    return statistic


def worst_drawdown(runs: Sequence[Figures]) -> float | None:
    """The deepest fall of the net earnings from their height within any one run, in USDT."""
    return max((one.drawdown for one in runs), default=None)


def quotes_per_fill(runs: Sequence[Figures]) -> float | None:
    """How many quotes were sent for one that filled."""
    filled = sum(one.quotes_filled for one in runs)
    return sum(one.quotes for one in runs) / filled if filled else None


STATISTICS: dict[str, Statistic] = {
    "net_bps": net_bps,
    "net_per_hour": per_hour("net"),
    "turnover_per_hour": per_hour("turnover"),
    "trips_per_hour": per_hour("trips"),
    "fills_per_hour": per_hour("fills"),
    "fees_per_hour": per_hour("fees"),
    "funding_per_hour": per_hour("funding"),
    "unhedged_per_hour": per_hour("unhedged_notional_s"),
    "drawdown": worst_drawdown,
    "quotes_per_fill": quotes_per_fill,
}
"""Every statistic a report has, by name."""

UNITS = {
    "net_bps": "bps of turnover",
    "net_per_hour": "USDT/h",
    "turnover_per_hour": "USDT/h",
    "trips_per_hour": "1/h",
    "fills_per_hour": "1/h",
    "fees_per_hour": "USDT/h",
    "funding_per_hour": "USDT/h",
    "unhedged_per_hour": "USDT·s/h",
    "drawdown": "USDT, worst run",
    "quotes_per_fill": "quotes",
}


@attrs.frozen
class Interval:
    """A statistic, and the bounds between which its resamples lie `COVER` of the time. None: nothing to say."""

    value: float | None
    low: float | None
    high: float | None

    def plain(self) -> list[float | None]:
        """As [value, low, high], to six significant digits."""
        return [None if one is None else float(f"{one:.6g}") for one in (self.value, self.low, self.high)]


def interval(statistic: Statistic, runs: Sequence[Figures], seed: int = 1) -> Interval:
    """Return a statistic with its percentile bootstrap interval over runs (Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, ch. 13): runs are drawn with replacement, as many as there are, `RESAMPLES` times.

    A resample in which the statistic has no meaning is left out. One run has no interval: nothing varies.

    >>> runs = [Figures(seed=n, hours=1.0, net=float(n), turnover=10_000.0) for n in (1, 3)]
    >>> interval(net_bps, runs)
    Interval(value=2.0, low=1.0, high=3.0)
    """
    return _interval(statistic, len(runs), lambda picked: [runs[n] for n in picked], seed)


def difference(statistic: Statistic, ours: Sequence[Figures], theirs: Sequence[Figures], seed: int = 1) -> Interval:
    """Return how much larger a statistic is in `ours` than in `theirs`, with its interval; runs at the same place have
    the same seed, and are drawn together.

    Raises:
        ValueError: the runs are not of the same seeds.
    """
    if [one.seed for one in ours] != [one.seed for one in theirs]:
        raise ValueError("a difference needs the same seeds on both sides")

    def both(pairs: Sequence[tuple[Figures, Figures]]) -> float | None:
        one, other = (statistic([pair[n] for pair in pairs]) for n in (0, 1))
        return None if one is None or other is None else one - other

    pairs = list(zip(ours, theirs, strict=True))
    return _interval(both, len(pairs), lambda picked: [pairs[n] for n in picked], seed)


def _interval(
    statistic: Callable[[Any], float | None], count: int, pick: Callable[[list[int]], Any], seed: int
) -> Interval:
    value = statistic(pick(list(range(count))))
    if value is None or count < 2:
        return Interval(value, None, None)
    rng = random.Random(f"bootstrap {seed}")
    drawn = (statistic(pick([rng.randrange(count) for _ in range(count)])) for _ in range(RESAMPLES))
    found = sorted(one for one in drawn if one is not None)
    tail = (1 - COVER) / 2
    return Interval(value, quantile(found, tail), quantile(found, 1 - tail))


def quantile(rising: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation between the two nearest of a sorted sample.

    >>> quantile([1.0, 2.0, 4.0], 0.5), quantile([1.0, 2.0, 4.0], 0.75)
    (2.0, 3.0)
    """
    place = share * (len(rising) - 1)
    below = int(place)
    above = min(below + 1, len(rising) - 1)
    return rising[below] + (rising[above] - rising[below]) * (place - below)
