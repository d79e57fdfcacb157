"""The order registry: which orders are ours, by which names, and which fills still look for their order.

    clientOid = prefix - intent leg - cycle - run - attempt        at most 32 of [0-9A-Za-z_-]

The short unique part is no random number: `run` is the run's sequence number and `attempt` the try within the cycle, so
a resend or a restart is recognised. Spot fills carry no clientOid: the orderId of the place answer is kept both ways,
and a fill that is faster than the answer waits here for it.
"""

from __future__ import annotations

from functools import lru_cache

import attrs

from mmfsm.forgetting import forget_oldest
from mmfsm.machines.order import Order
from mmfsm.values import InstType, Leg, NormalizedFill, OrderIntent, OrderReport

SETTLED_MAX = 2_000
"""How many settled orders are remembered, for fills and reports that come late: an hour of lively quoting, and more
than the exchange takes in a minute and a half (ten a second on each leg)."""

EARLY_MAX = 1_000
"""How many fills may wait for the answer that names their order."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_INTENT = {
    OrderIntent.QUOTE: "Q",
    OrderIntent.HEDGE: "H",
    OrderIntent.UNWIND: "U",
    OrderIntent.FLATTEN: "F",
}
_LEG = {
    Leg.PERP_BID: "pb",
    Leg.PERP_ASK: "pa",
    Leg.PERP_PROBE: "pp",
    Leg.SPOT_IOC: "si",
    Leg.PERP_UNWIND: "pu",
    Leg.SPOT_UNWIND: "su",
    Leg.PERP_FLATTEN: "pf",
}


@lru_cache(maxsize=64)  # a run's number stands in every name, and so does 1: 0.5 µs become 0.06
def base36(number: int) -> str:
    """Write a number, zero or above, in digits and lower-case letters.

    >>> base36(1_795_536_000)
    'tp0kg0'
    """
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def make_client_oid(prefix: str, intent: OrderIntent, leg: Leg, cycle: int, run: int, attempt: int) -> str:
    """Name an order: a function of what it is for, the same whenever it is asked.

    >>> make_client_oid("mm", OrderIntent.HEDGE, Leg.SPOT_IOC, cycle=46, run=1_795_536_000, attempt=1)
    'mm-Hsi-1a-tp0kg0-1'
    """
    oid = f"{prefix}-{_INTENT[intent]}{_LEG[leg]}-{base36(cycle)}-{base36(run)}-{base36(attempt)}"
    assert len(oid) <= 32, f"clientOid {oid} is longer than the exchange takes"
    return oid


def is_ours(client_oid: str | None, prefix: str) -> bool:
    """Tell whether a clientOid was made by this rule with this prefix, by this run or an earlier one."""
    parts = (client_oid or "").split("-")
    if len(parts) != 5 or parts[0] != prefix:
        return False
    return parts[1][:1] in _INTENT.values() and parts[1][1:] in _LEG.values()


def may_be_of(fill: NormalizedFill, order: Order) -> bool:
    """Tell whether a fill of an unknown orderId fits an order whose orderId is not known. One that carries another name
    is another order's."""
    request = order.request
    if fill.client_oid not in (None, request.client_oid):
        return False
    fits = request.inst is fill.inst and request.side is fill.side and fill.qty <= request.qty
    return order.order_id is None and fits


@attrs.define
class Orders:
    """Open orders by clientOid, the recently settled ones, both ids, and fills that wait for their order."""

    open: dict[str, Order] = attrs.field(factory=dict)
    settled: dict[str, Order] = attrs.field(factory=dict)
    oid_of: dict[str, str] = attrs.field(factory=dict)
    early: dict[str, NormalizedFill] = attrs.field(factory=dict)

    def add(self, order: Order) -> None:
        """Register an order before its request leaves."""
        oid = order.request.client_oid
        assert oid not in self.open and oid not in self.settled, f"clientOid {oid} was used before"
        self.open[oid] = order

    def link(self, order: Order) -> None:
        """Keep the orderId both ways, once it is known."""
        if order.order_id:
            self.oid_of[f"{order.request.inst}:{order.order_id}"] = order.request.client_oid

    def find(self, inst: InstType, order_id: str | None, client_oid: str | None) -> Order | None:
        """Return our order of that clientOid, or of that orderId, open or recently settled."""
        oid = client_oid if client_oid in self.open or client_oid in self.settled else None
        oid = oid or self.oid_of.get(f"{inst}:{order_id}")
        return None if oid is None else self.open.get(oid) or self.settled.get(oid)

    def of_report(self, report: OrderReport) -> Order | None:
        return self.find(report.inst, report.order_id, report.client_oid)

    def settle(self, order: Order) -> None:
        """Move an order from open to settled, and forget the oldest settled ones past the bound."""
        oid = order.request.client_oid
        if self.open.pop(oid, None) is not None:
            self.settled[oid] = order
        for old in forget_oldest(self.settled, SETTLED_MAX):
            self.oid_of.pop(f"{old.request.inst}:{old.order_id}", None)

    def awaits_answer(self, fill: NormalizedFill) -> bool:
        """Tell whether a fill of an unknown orderId may belong to an order whose orderId is not known yet."""
        return any(may_be_of(fill, order) for order in self.open.values())

    def unnamed_for(self, fill: NormalizedFill) -> list[Order]:
        """Return the open orders a fill of an unknown orderId may belong to."""
        return [order for order in self.open.values() if may_be_of(fill, order)]

    def may_be_told(self, order: Order) -> bool:
        """Tell whether a parked fill may be this order's: then nobody may say that it never arrived."""
        return any(may_be_of(fill, order) for fill in self.early.values())

    def given_up_for(self, fill: NormalizedFill, filled_ms: int) -> Order | None:
        """Return the newest order given up (refused, never found, by hand) that a fill of an unknown orderId fits; none
        that was sent after `filled_ms`, the fill's own moment in the desk's time."""
        for order in reversed(self.settled.values()):
            is_older = order.sent_ms <= filled_ms
            if is_older and order.given_up and may_be_of(fill, order) and not order.reopened:
                return order
        return None

    def park(self, fill: NormalizedFill) -> bool:
        """Keep a fill until its order is known. It is not booked yet; telling it again changes nothing. False: full."""
        if len(self.early) >= EARLY_MAX:
            return False
        self.early[fill.dedupe_key] = fill
        return True

    def named_or_orphaned(self) -> list[NormalizedFill]:
        """Take the parked fills whose order is known by now, and those that no unnamed order can explain any more."""
        if not self.early:
            return []
        keys = [
            key
            for key, fill in self.early.items()
            if self.find(fill.inst, fill.order_id, fill.client_oid) or not self.awaits_answer(fill)
        ]
        return [self.early.pop(key) for key in keys]

    def parked_of(self, inst: InstType, order_id: str) -> list[NormalizedFill]:
        """Take the parked fills of an orderId."""
        keys = [key for key, fill in self.early.items() if (fill.inst, fill.order_id) == (inst, order_id)]
        return [self.early.pop(key) for key in keys]

    def reopen(self, order: Order) -> None:
        """Take a settled order back among the open ones under a new object: the exchange shows it alive after all."""
        self.settled.pop(order.request.client_oid, None)
        self.open[order.request.client_oid] = order

    def open_on(self, inst: InstType) -> list[Order]:
        return [order for order in self.open.values() if order.request.inst is inst]

    @property
    def in_flight(self) -> bool:
        """Some order is neither resting nor settled, or some fill looks for its order."""
        return bool(self.early) or any(not order.resting for order in self.open.values())
