"""The ledger: positions, moved by deduplicated fills alone.

    delta = perp + (spot − start)            signed base coin; zero is hedged

`perp` is the signed perp position. `spot` is the base coin we hold beyond the baseline, net of base-coin fees; `start`
is what it was when the books were opened, the working stock that hedges of bids may sell. `cash` is the quote coin that
fills have brought in (or cost), fees included. Position and balance reports
never move any of them: they are witnesses, compared elsewhere.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.forgetting import forget_oldest
from mmfsm.values import ZERO, InstType, NormalizedFill

SEEN_MAX = 2_500
"""How many fills of each leg are remembered: all that a reading can tell once more, the newest 2,000 of one leg, and
those that come while it is read. By leg, because one sweep of the spot book may be many fills, and a perp quote one."""

SHADOWS_MAX = 1_000
"""The same for tellings without a trade id, of both legs: a list without ids has one page, of 100."""

Seen = dict[InstType, dict[str, str]]


@attrs.define
class Ledger:
    """See the module's docstring. `seen` holds the dedupe keys of each leg's booked fills, oldest first, and whose they
    were."""

    perp: Decimal = ZERO
    spot: Decimal = ZERO
    start: Decimal = ZERO
    cash: Decimal = ZERO
    seen: Seen = attrs.field(factory=lambda: {inst: {} for inst in InstType})
    shadows: dict[str, None] = attrs.field(factory=dict)
    last_fill_ms: dict[InstType, int] = attrs.field(factory=dict)
    fees: dict[str, Decimal] = attrs.field(factory=dict)

    @property
    def spot_change(self) -> Decimal:
        return self.spot - self.start

    @property
    def delta(self) -> Decimal:
        return self.perp + self.spot_change

    def is_seen(self, fill: NormalizedFill) -> bool:
        """Tell whether this trade is known, also when only one of the two tellings named its trade id."""
        seen = self.seen[fill.inst]
        if seen.get(fill.dedupe_key) == fill.order_id or _own_key(fill) in seen:
            return True
        if not fill.trade_id:
            return fill.fallback_key in self.shadows
        if fill.fallback_key not in seen:
            return False
        del seen[fill.fallback_key]  # the one telling without an id is this trade; the next alike is another
        self.mark_seen(fill)
        return True

    def mark_seen(self, fill: NormalizedFill) -> None:
        """Remember a fill: it is a duplicate from here on."""
        self.mark_told(fill)
        self.mark_alike(fill)

    def mark_told(self, fill: NormalizedFill) -> None:
        """The part of `mark_seen` that the same telling meets. A hedge waits for this alone."""
        # Two orders of ours that met may share a trade id: the second is kept under its own order's name.
        seen = self.seen[fill.inst]
        known = seen.setdefault(fill.dedupe_key, fill.order_id)
        if known != fill.order_id:
            seen[_own_key(fill)] = fill.order_id
        forget_oldest(seen, SEEN_MAX)

    def mark_alike(self, fill: NormalizedFill) -> None:
        """The part that a telling without its trade id meets: in a later turn at the earliest."""
        if fill.trade_id:
            self.shadows[fill.fallback_key] = None
        forget_oldest(self.shadows, SHADOWS_MAX)

    def book(self, fill: NormalizedFill, base_coin: str, quote_coin: str = "USDT") -> Decimal:
        """Move the books by one fill and return the signed change of delta.

        A fee in the base coin is taken from what was bought; a fee in any other coin leaves the position alone.

        >>> from mmfsm.values import Side
        >>> fill = NormalizedFill(InstType.SPOT, "1", Side.BUY, Decimal(2500), Decimal("0.02"), 0, "t",
        ...                       fee=Decimal("0.00002"), fee_coin="ETH")
        >>> Ledger().book(fill, "ETH")
        Decimal('0.01998')
        """
        change = signed_change(fill, base_coin)
        if fill.inst is InstType.PERP:
            self.perp += change
        else:
            self.spot += change
        self.cash -= fill.side.sign * fill.price * fill.qty
        self.cash -= paid_in(fill, quote_coin)
        if fill.fee_coin:
            self.fees[fill.fee_coin] = self.fees.get(fill.fee_coin, ZERO) + fill.fee
        for part in fill.more_fees:
            self.fees[part.coin] = self.fees.get(part.coin, ZERO) + part.fee
        self.last_fill_ms[fill.inst] = max(self.last_fill_ms.get(fill.inst, 0), fill.exch_ms)
        return change

    def value(self, perp_price: Decimal, spot_price: Decimal) -> Decimal:
        """Return what everything since the books opened is worth in quote coin: cash, and both legs at these prices."""
        return self.cash + self.perp * perp_price + self.spot_change * spot_price


def _own_key(fill: NormalizedFill) -> str:
    return f"{fill.dedupe_key}:{fill.order_id}"


def paid_in(fill: NormalizedFill, coin: str) -> Decimal:
    """Return what was paid of a fill's fee in one coin. Asked five times a fill, before its hedge leaves too."""
    paid = fill.fee if fill.fee_coin == coin else ZERO
    for part in fill.more_fees:
        if part.coin == coin:
            paid += part.fee
    return paid


def signed_change(fill: NormalizedFill, base_coin: str) -> Decimal:
    """Return what a fill does to the position of its leg: signed quantity, less a fee taken in the base coin."""
    change = fill.side.sign * fill.qty
    if fill.inst is InstType.SPOT:
        change -= paid_in(fill, base_coin)
    return change
