"""What was earned: rows of results put together, the curve of it, markouts, and the slip of hedges and unwinds."""

from __future__ import annotations

from collections import OrderedDict, deque
from decimal import Decimal
from typing import Any

import attrs

from mmfsm.markouts import HORIZONS_MS
from mmfsm.values import BPS, ZERO, plain
from runner.bounded import Sketch, figure_of
from runner.report.spans import Cells

COLUMNS = ("spread", "hedge_slip", "unwind_slip", "realised", "unrealised_change", "funding", "fees", "net")
SLIPS = ("hedge_slip", "unwind_slip")
SIDES = ("bid", "ask")
MILLI = 1_000
"""Slip is counted in thousandths of a bps."""

DAYS_MAX = 16
"""How many days a later row may still go on with: one of each kind of run there is, and some to spare."""

LOOSE_MAX = 1_000
"""How many runs in a row may end before any of them tells a row of its day."""

Sums = dict[str, Decimal]


def _later(_one: Decimal, other: Decimal) -> Decimal:
    return other


@attrs.define
class Earned:
    """Rows of days and runs, put together to what came to pass from the log's first row on.

    A row tells what came since the beginning of its day or run. Of a day, known by that beginning, only what an earlier
    row or run has not told is added: runs of one day go on with it, others (dry runs) may stand between them. A run
    that is killed tells no row at its end: until the day's next row, what it earned since the last one is in no sum;
    where none follows, `untold_ends` counts it.
    """

    level: Sums = attrs.field(factory=lambda: dict.fromkeys(COLUMNS, ZERO))
    curve: Cells[Decimal] = attrs.field(factory=lambda: Cells(_later))
    tickets: Decimal = ZERO
    tickets_curve: Cells[Decimal] = attrs.field(factory=lambda: Cells(_later))
    rows: int = 0
    since_ms: int | None = None
    untold_ends: int = 0
    _days: OrderedDict[int, Sums] = attrs.field(factory=OrderedDict)
    _day: int | None = None
    _loose: deque[tuple[int, Sums]] = attrs.field(factory=lambda: deque(maxlen=LOOSE_MAX))
    _run: Sums = attrs.field(factory=dict)
    _is_running: bool = False
    _is_whole: bool = True

    def begin_run(self) -> None:
        """A run begins where the last one ended, or where it was killed."""
        self._is_whole = not self._is_running
        self.untold_ends += self._is_running
        self._is_running, self._day, self._run = True, None, dict(self.level)

    def ticket(self, at_ms: int, data: dict[str, Any]) -> None:
        """A ticket's result: spread and slip, less fees."""
        self.tickets += figure_of(data["edge"])
        self.tickets_curve.put(at_ms, self.tickets)

    def row(self, at_ms: int, reason: str, data: dict[str, Any]) -> None:
        """A row of a day (so far) or of a run. One without a price on both legs has no net, and says nothing here."""
        for fee in data["fees_by_coin"].values():
            figure_of(fee)
        if data["net"] is None:
            return
        row = {name: figure_of(data[name]) for name in COLUMNS}
        since_ms = int(figure_of(data["since_ms"]))
        self.rows += 1
        if reason == "run":
            self._is_running = False
            if self._is_whole or not self._days:
                self._take_run(since_ms, row)
        else:
            self.since_ms = since_ms if self.since_ms is None else min(since_ms, self.since_ms)
            self._take_day(since_ms, row)
        if reason == "day":
            self._day = at_ms
            self._keep(at_ms, dict.fromkeys(COLUMNS, ZERO))
        self.curve.put(at_ms, self.level["net"])

    def _take_day(self, since_ms: int, row: Sums) -> None:
        """Add what of a day is new: short runs may have told of it in rows of their own."""
        told = self._days.get(since_ms, {})
        within = [one for one in self._loose if one[0] >= since_ms]
        for one in within:
            self._loose.remove(one)
        for name in COLUMNS:
            known = sum((sums[name] for _since, sums in within), told.get(name, ZERO))
            self.level[name] += row[name] - known
        self._day = since_ms
        self._keep(since_ms, row)

    def _take_run(self, since_ms: int, row: Sums) -> None:
        """Bring the level to the run's beginning and its row; what that adds is the day's, once it is known which."""
        base = self._run or dict.fromkeys(COLUMNS, ZERO)
        more = {name: base[name] + row[name] - self.level[name] for name in COLUMNS}
        self.level = {name: self.level[name] + more[name] for name in COLUMNS}
        if self._day is None:
            self._loose.append((since_ms, more))
        else:
            self._keep(self._day, {name: value + more[name] for name, value in self._days[self._day].items()})

    def _keep(self, since_ms: int, told: Sums) -> None:
        self._days[since_ms] = told
        self._days.move_to_end(since_ms)
        if len(self._days) > DAYS_MAX:
            self._days.popitem(last=False)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values. `columns` are those of README's table, of all rows together."""
        curves = {"net": self.curve, "tickets": self.tickets_curve}
        return {
            "rows": self.rows,
            "columns": {name: plain(self.level[name]) for name in COLUMNS},
            "tickets": plain(self.tickets),
            "untold_ends": self.untold_ends,
            "curves": {name: [[at, plain(value)] for at, value in it.told()] for name, it in curves.items()},
        }


@attrs.define
class Markouts:
    """Markouts of all rows together: by side and seconds, weighted by notional."""

    sums: dict[tuple[str, int], tuple[int, Decimal, Decimal]] = attrs.field(factory=dict)
    missed: int = 0

    def take(self, data: dict[str, Any]) -> None:
        """Take one `markout` record's data."""
        self.missed += int(figure_of(data["missed"]))
        for side in SIDES:
            for ms in HORIZONS_MS:
                told, key = data[side][str(ms // 1_000)], (side, ms // 1_000)
                count, value, notional = self.sums.get(key, (0, ZERO, ZERO))
                value, notional = value + figure_of(told["value"]), notional + figure_of(told["notional"])
                self.sums[key] = (count + int(figure_of(told["count"])), value, notional)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as a row has them."""
        told: dict[str, Any] = {"missed": self.missed}
        for (side, seconds), (count, value, notional) in sorted(self.sums.items()):
            bps = plain(round(value / notional / BPS, 3)) if notional else "0"
            row = {"count": count, "bps": bps, "value": plain(value), "notional": plain(notional)}
            told.setdefault(side, {})[str(seconds)] = row
        return told


@attrs.define
class Slip:
    """Slip of fills of one kind, in bps of what they cost; above zero in our favour."""

    thousandths: Sketch = attrs.field(factory=Sketch)
    value: Decimal = ZERO
    notional: Decimal = ZERO

    def take(self, data: dict[str, Any], column: str) -> None:
        """Take a fill whose price was held against a mid."""
        worth, notional = figure_of(data[column]), figure_of(data["price"]) * figure_of(data["qty"])
        self.value += worth
        self.notional += notional
        self.thousandths.add(int((worth / notional / BPS * MILLI).to_integral_value()))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values. Quantiles are of fills, each as much as any other; the mean is by notional."""

        def bps(share: float) -> str | None:
            found = self.thousandths.quantile(share)
            return None if found is None else plain(Decimal(found) / MILLI)

        mean = plain(round(self.value / self.notional / BPS, 3)) if self.notional else None
        return {
            "fills": self.thousandths.count,
            "value": plain(self.value),
            "mean_bps": mean,
            "worst_bps": bps(0.0),
            "p5_bps": bps(0.05),
            "p50_bps": bps(0.5),
            "p95_bps": bps(0.95),
        }
