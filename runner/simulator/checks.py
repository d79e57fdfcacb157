"""What must hold: after every event of the desk's own knowledge, after every trade of the exchange's, and at the end.

Each rule has a name. A `Broken` says which, and what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mmfsm import Desk
from mmfsm import actions as do
from mmfsm.rounding import tradable_qty
from mmfsm.values import ZERO, InstType, OrderIntent, plain
from runner.paper.views import AccountView


class Broken(AssertionError):
    """A rule does not hold: its name, and what was found."""

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule = rule


# --- of the desk alone: true of any list of events --------------------------------------------------------------------


class DeskRules:
    """The desk's invariants. Call `look` after each `handle`, with what it returned."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mode = desk.state.mode.state

    def look(self, actions: tuple[do.Action, ...]) -> None:
        """Check everything.

        Raises:
            Broken: a rule does not hold.
        """
        s = self._desk.state
        self._exposure_is_owned()
        if (s.mode.state == "HEDGING") != bool(s.tickets) and s.mode.state != "HALTED":
            raise Broken("hedging means open tickets", f"mode {s.mode.state}, tickets {list(s.tickets)}")
        for action in actions:
            if isinstance(action, do.PlaceOrder):
                self._may_be_sent(action)
                self._one_order_an_owner()
        self._mode = s.mode.state

    def _exposure_is_owned(self) -> None:
        s = self._desk.state
        owned = s.dust
        for ticket in s.tickets.values():
            owned += ticket.exposure
        if s.ledger.delta != owned and s.books_open:
            raise Broken("delta = tickets + dust", f"delta {s.ledger.delta}, tickets and dust {owned}")

    def _one_order_an_owner(self) -> None:
        seen: dict[str, str] = {}
        for oid, order in self._desk.state.orders.open.items():
            if order.owner != "stray" and order.owner in seen:
                raise Broken("one order an owner", f"{order.owner} has {seen[order.owner]} and {oid}")
            seen[order.owner] = oid

    def _may_be_sent(self, action: do.PlaceOrder) -> None:
        s, request = self._desk.state, action.request
        if request.intent is OrderIntent.QUOTE:
            if self._mode == s.mode.state == "HALTED":
                raise Broken("no new risk in HALTED", request.client_oid)
            return
        order = s.orders.open.get(request.client_oid)
        if request.reduce_only and request.qty > abs(s.ledger.perp):
            raise Broken("unwind ≤ position", f"{request.qty} of {s.ledger.perp}")
        ticket = None if order is None else s.tickets.get(order.owner)
        if ticket is None:
            if request.intent in (OrderIntent.HEDGE, OrderIntent.UNWIND) and order is not None:
                raise Broken("no hedge without a ticket", request.client_oid)
        elif request.qty > ticket.remain and request.inst is InstType.SPOT:
            raise Broken("in flight + filled ≤ want", f"{request.qty} sent, {ticket.remain} open")


# --- of the account, by the exchange's word ---------------------------------------------------------------------------


def true_delta(truth: AccountView, start: Decimal) -> Decimal:
    """What the account is long, both legs together, in base coin."""
    coin = truth.spot.get("ETH")
    return truth.position + (coin.total if coin else ZERO) - start


UNIT = Decimal("1e-8")
"""The exchange's smallest unit of money: what the books may be off by."""


def account_change(truth: AccountView, before: AccountView, spot_price: Decimal) -> Decimal:
    """What the account has gained, in USDT: margin equity, spot cash, and the change of its coin at a price."""
    gained = truth.perp_equity - before.perp_equity
    for coin, price in (("USDT", Decimal(1)), ("ETH", spot_price)):
        gained += (truth.spot[coin].total - before.spot[coin].total) * price
    return gained


def money_faults(
    desk: Desk, truth: AccountView, before: AccountView, mark: Decimal, spot_price: Decimal
) -> Iterator[str]:
    """Yield what does not add up: columns against the account, funding against the bills.

    Funding that fell due and is not read back yet is taken from the truth: its bill may still be on its way.
    """
    a = desk.state.accounts
    if not desk.state.books_open:
        return
    waits = bool(a.settlements.expected)
    funding = truth.funding if waits else a.total.funding
    columns = a.total.realised + a.unrealised(mark, spot_price) + funding - a.total.fees
    gained = account_change(truth, before, spot_price)
    if abs(columns - gained) > UNIT:
        yield f"columns come to {plain(columns)}, the account gained {plain(gained)}"
    if not waits and abs(funding - truth.funding) > UNIT:
        yield f"funding booked {plain(funding)}, settled {plain(truth.funding)}"


def end_faults(desk: Desk, truth: AccountView, start: Decimal) -> Iterator[str]:
    """Yield what is wrong at the end: exposure, orders left, books that differ from the truth."""
    s = desk.state
    delta = true_delta(truth, start)
    book = s.books.get(InstType.SPOT)
    price = None if book is None else book.bids[0].price
    if s.constraints is None or price is None:
        is_dust = delta == 0
    else:
        is_dust = tradable_qty(abs(delta), price, s.constraints.spot) == 0
    if not is_dust:
        yield f"exposure {plain(delta)}"
    left = [order.client_oid for order in truth.open_orders]
    if left:
        yield f"orders left {left}"
    if s.tickets:
        yield f"open tickets {list(s.tickets)}"
    if s.books_open and s.ledger.perp != truth.position:
        yield f"perp booked {plain(s.ledger.perp)}, true {plain(truth.position)}"
    if s.books_open and s.ledger.delta != delta:
        yield f"delta booked {plain(s.ledger.delta)}, true {plain(delta)}"
