"""What may be wrong with an order of the desk at the moment it is sent."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.proof.model import CHECKED_FIRST, HEDGEABLE, NO_HEDGE_ALONE, NO_NEW_RISK, NOT_TOO_MUCH, REDUCES
from mmfsm.rounding import tradable_qty
from mmfsm.state import DeskState
from mmfsm.values import ZERO, InstType, Leg, OrderIntent, OrderRequest, Side


def wrong_to_send(s: DeskState, request: OrderRequest) -> tuple[str, str] | None:
    """Return (invariant's name, detail) of the first thing that is wrong, or None."""
    order = s.orders.open.get(request.client_oid) or s.orders.settled[request.client_oid]
    if not s.ready and request.leg is not Leg.PERP_PROBE and not (s.is_restored or s.session.state == "STOPPING"):
        return CHECKED_FIRST, f"{request.client_oid} in {s.session.state}"
    if request.intent is OrderIntent.QUOTE and request.leg is not Leg.PERP_PROBE:
        return _wrong_quote(s, request)
    if request.intent in (OrderIntent.HEDGE, OrderIntent.UNWIND):
        ticket = s.tickets.get(order.owner)
        if ticket is None or ticket.want <= 0 or request.side is ticket.side or not any(s.ledger.seen.values()):
            return NO_HEDGE_ALONE, request.client_oid
        step = s.constraints.perp.qty_step if s.constraints and request.inst is InstType.PERP else ZERO
        if request.qty > ticket.remain + step:
            return NOT_TOO_MUCH, f"{request.client_oid}: {request.qty} sent, {ticket.remain} remain"
    reducible = max(-request.side.sign * s.ledger.perp, ZERO)
    if request.reduce_only and request.qty > reducible:
        return REDUCES, f"{request.client_oid}: {request.qty}, position {s.ledger.perp}"
    return None


def _wrong_quote(s: DeskState, request: OrderRequest) -> tuple[str, str] | None:
    if s.mode.state != "QUOTING" or s.mode.reasons or s.tickets or not s.ready:
        return NO_NEW_RISK, f"{request.client_oid} in {s.mode.state} with {len(s.tickets)} tickets"
    assert s.constraints is not None
    book = s.books[InstType.SPOT]
    price = book.bids[0].price if request.side is Side.BUY else book.asks[0].price
    cash = s.balances[s.constraints.spot.quote_coin].available
    enough: Decimal = s.ledger.spot if request.side is Side.BUY else cash / price
    if tradable_qty(request.qty, price, s.constraints.spot) < request.qty or request.qty > enough:
        return HEDGEABLE, f"{request.client_oid}: {request.qty}, spot has {enough}"
    return None
