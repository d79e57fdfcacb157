"""Where the perp's mid went after our quotes were filled: what the flow that meets them knows.

    markout = side × (mid after the fill − fill price) / fill price        in our favour above zero

It is taken 1, 3, 5 and 30 s after each fill, from the first book at or past that moment; one that comes too late says
nothing and is counted as missed. It counts from when the fill was traded, however late it was told. Sums by side and
horizon, weighted by notional; fills under way are bounded.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.values import BPS, ZERO, JsonObject, Side, plain

HORIZONS_MS = (1_000, 3_000, 5_000, 30_000)
LATE_MAX_MS = 1_000
PENDING_MAX = 64
NEVER_MS = 2**62


@attrs.define
class Filled:
    """A quote's fill under way: `step` counts the horizons it has passed."""

    at_ms: int
    side: Side
    price: Decimal
    qty: Decimal
    step: int = 0

    @property
    def due_ms(self) -> int:
        return self.at_ms + HORIZONS_MS[self.step]


@attrs.define
class Tally:
    """Markouts of one side at one horizon. `value` and `notional` in quote coin."""

    count: int = 0
    value: Decimal = ZERO
    notional: Decimal = ZERO

    @property
    def bps(self) -> Decimal:
        """The mean, weighted by notional."""
        return self.value / self.notional / BPS if self.notional else ZERO


@attrs.define
class Markouts:
    """See the module's docstring. `due_ms`: when `look` next has something to do."""

    pending: list[Filled] = attrs.field(factory=list)
    tallies: dict[str, Tally] = attrs.field(factory=dict)
    missed: int = 0
    due_ms: int = NEVER_MS

    def note(self, at_ms: int, side: Side, price: Decimal, qty: Decimal) -> None:
        """Follow a fill of a quote. The oldest under way gives way when there are too many."""
        self.pending.append(Filled(at_ms, side, price, qty))
        self.due_ms = min(self.due_ms, self.pending[-1].due_ms)
        if len(self.pending) > PENDING_MAX:
            self.missed += len(HORIZONS_MS) - self.pending.pop(0).step

    def look(self, at_ms: int, mid: Decimal) -> None:
        """Take every markout that is due at this book."""
        for filled in self.pending:
            while filled.step < len(HORIZONS_MS) and at_ms >= filled.due_ms:
                self._take(filled, at_ms, mid)
                filled.step += 1
        self.pending = [filled for filled in self.pending if filled.step < len(HORIZONS_MS)]
        self.due_ms = min((filled.due_ms for filled in self.pending), default=NEVER_MS)

    def _take(self, filled: Filled, at_ms: int, mid: Decimal) -> None:
        if at_ms - filled.due_ms > LATE_MAX_MS:
            self.missed += 1
            return
        key = f"{filled.side}:{HORIZONS_MS[filled.step] // 1000}"
        tally = self.tallies.setdefault(key, Tally())
        tally.count += 1
        tally.value += filled.side.sign * (mid - filled.price) * filled.qty
        tally.notional += filled.price * filled.qty

    def take_row(self) -> JsonObject:
        """Return the sums since the last row, by side (`bid`: what bids were filled by) and seconds, and begin anew."""
        row: JsonObject = {"missed": self.missed}
        for name, side in (("bid", Side.BUY), ("ask", Side.SELL)):
            told = {ms // 1000: self.tallies.get(f"{side}:{ms // 1000}", Tally()) for ms in HORIZONS_MS}
            row[name] = {
                str(seconds): {
                    "count": tally.count,
                    "bps": plain(round(tally.bps, 3)),
                    "value": plain(tally.value),
                    "notional": plain(tally.notional),
                }
                for seconds, tally in told.items()
            }
        self.tallies, self.missed = {}, 0
        return row
