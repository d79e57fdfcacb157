"""Funding for simulated runs: rates drawn from recorded history, or from a stated distribution.

A run of minutes seldom meets a settlement, so what it earns by funding is also counted by the time a position was held
(see `figures`). The rate of an interval stays what it is until the interval ends; a real one moves while it runs.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

INTERVAL_H = 8
INTERVAL_MS = INTERVAL_H * 3_600_000
MEAN_BPS, SD_BPS = 0.21, 0.36
"""The stated distribution, in bps per 8 h: normal, independent from interval to interval. The spread is the one that
makes 28 % of the rates negative: P(x < 0) = Φ(−0.21 / 0.36) = 0.28."""

COLUMNS = ("venue", "settlement_ms", "rate")
RATE_MAX = Decimal("0.003")
"""What the stand-in (and Bitget, on this symbol) caps a rate at; a recorded rate beyond it is cut."""


class FundingError(ValueError):
    """A funding file cannot be used. Says which file, which line and what was expected."""


def synthetic_rates(seed: int, count: int) -> list[Decimal]:
    """Return so many rates, a fraction per interval, of the stated distribution."""
    rng = random.Random(f"funding {seed}")
    return [Decimal(round(rng.gauss(MEAN_BPS, SD_BPS), 4)).scaleb(-4).quantize(Decimal("1e-8")) for _ in range(count)]


def recorded_rates(path: Path, seed: int, count: int) -> list[Decimal]:
    """Return so many consecutive rates of one venue, from a moment drawn from the seed.

    Args:
        path: CSV, gzipped or not, with the columns of `COLUMNS` at least; each venue's rows in order of time.
        seed: what venue and moment are drawn from; a venue is drawn as often as its rows are many.
        count: how many.

    Raises:
        FundingError: the file is missing, has other columns or a rate that is no number, or no venue has `count` rows.
    """
    venues = _read(path)
    starts = {name: len(rates) - count + 1 for name, rates in venues.items() if len(rates) >= count}
    if not starts:
        longest = max(map(len, venues.values()), default=0)
        raise FundingError(f"{path}: expected a venue with {count} settlements in a row, the longest has {longest}")
    place = random.Random(f"funding {seed}").randrange(sum(starts.values()))
    for name, number in starts.items():
        if place < number:
            return list(venues[name][place : place + count])
        place -= number
    raise AssertionError("a place beyond the last venue")


@lru_cache(maxsize=4)
def _read(path: Path) -> dict[str, tuple[Decimal, ...]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", newline="", encoding="utf-8") as lines:
            return _parse(path, csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise FundingError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None


def _parse(path: Path, rows: csv.DictReader[str]) -> dict[str, tuple[Decimal, ...]]:
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise FundingError(f"{path}: expected the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing")
    found: dict[str, list[tuple[int, Decimal]]] = {}
    for line, row in enumerate(rows, start=2):
        try:
            found.setdefault(row["venue"], []).append((int(row["settlement_ms"]), Decimal(row["rate"])))
        except (ValueError, InvalidOperation, TypeError):
            raise FundingError(f"{path}, line {line}: expected a time in ms and a rate, got {row}") from None
    return {name: _in_order(rates) for name, rates in sorted(found.items())}


def _in_order(rates: Iterable[tuple[int, Decimal]]) -> tuple[Decimal, ...]:
    return tuple(max(-RATE_MAX, min(RATE_MAX, rate)) for _, rate in sorted(rates))
