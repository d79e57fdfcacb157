"""Exposure finds its owner: perp fills open, grow or net tickets; tickets ask for orders; what is left is dust.

ledger.delta = Σ ticket.exposure + dust        exactly, after every event
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import modes, placing, pnl
from mmfsm.machines import ticket as machine
from mmfsm.machines.order import Order
from mmfsm.machines.ticket import (
    DONE,
    CloseTicket,
    HedgeTicket,
    SendChild,
    SkipHedge,
    TicketInput,
    TicketOut,
    open_ticket,
)
from mmfsm.machines.ticket_parts import spot_tradable
from mmfsm.orders import make_client_oid
from mmfsm.rounding import tradable_qty
from mmfsm.state import Turn
from mmfsm.values import ZERO, InstType, Leg, OrderIntent, Outcome, Side, Tif, plain


def expose(turn: Turn, change: Decimal, reason: str) -> None:
    """Give a signed change of delta an owner: net it, grow a ticket, or open one. At once, in the fill's own turn."""
    side, qty = (Side.BUY, change) if change > 0 else (Side.SELL, -change)
    if not turn.s.tickets:
        if qty > 0:
            _open(turn, side, qty, reason)
        return
    other = _open_of(turn, side.opposite)
    if other is not None and (unsent := _unsent(turn, other)) > 0:
        netted = min(qty, unsent)
        qty -= netted
        pnl.ticket_joined(turn, other)
        tell(turn, other, "net", netted)
    same = _open_of(turn, side)
    if qty <= 0:
        return
    if same is not None:
        pnl.ticket_joined(turn, same)
        tell(turn, same, "grow", qty)
    else:
        _open(turn, side, qty, reason)


def _unsent(turn: Turn, ticket: HedgeTicket) -> Decimal:
    """What no order works on. By the orders themselves: one may be out beside the child, and a late fill of an older
    one leaves the child as large as it was."""
    left = (order.left for order in turn.s.orders.open.values() if order.owner == ticket.hedge_id)
    return max(ticket.remain - sum(left, ZERO), ZERO)


def _open(turn: Turn, side: Side, qty: Decimal, reason: str) -> None:
    """Open a ticket for an exposure and for the dust that lay about; dust of the other sign may swallow it whole."""
    want = qty + side.sign * turn.s.dust
    if want <= 0:
        turn.s.dust += side.sign * qty
        return
    turn.s.dust = ZERO
    cycle = turn.next_cycle()
    prefix = turn.p.client_oid_prefix
    hedge_id = make_client_oid(prefix, OrderIntent.HEDGE, Leg.SPOT_IOC, cycle, turn.s.run, 1)
    ticket, out = open_ticket(hedge_id, cycle, side, want, TicketInput(turn.at_ms, turn.hedge_view()))
    ticket.reason = reason
    if ticket.state != DONE:
        turn.s.tickets[hedge_id] = ticket
    turn.later(pnl.ticket_opened, turn, ticket)
    turn.later(record, turn, ticket, "opened", _end_of(out))
    _run(turn, ticket, out)
    if ticket.state != DONE:
        turn.later(modes.tell, turn, "ticket_opened")


def _open_of(turn: Turn, side: Side) -> HedgeTicket | None:
    return next((ticket for ticket in turn.s.tickets.values() if ticket.side is side), None)


def open_from_dust(turn: Turn) -> None:
    """Dust that has grown to something spot can trade is exposure like any other: it gets a ticket."""
    s = turn.s
    if s.tickets or not s.dust or s.constraints is None or (spot := s.books.get(InstType.SPOT)) is None:
        return
    side, levels = (Side.BUY, spot.bids) if s.dust > ZERO else (Side.SELL, spot.asks)
    if tradable_qty(qty := abs(s.dust), levels[0].price, s.constraints.spot) == ZERO:
        return  # the rule, at every event; what may be worth a ticket is asked the ticket's own way
    if spot_tradable(qty, side.opposite, turn.hedge_view()) > ZERO:
        _open(turn, side, ZERO, "dust")


def tell(turn: Turn, ticket: HedgeTicket, event: str, qty: Decimal = ZERO, inst: InstType = InstType.SPOT) -> None:
    """Tell a ticket what happened, let its clock decide what to send, and do it."""
    before = (ticket.state, ticket.remain, ticket.tries)
    what = TicketInput(turn.at_ms, turn.hedge_view(), qty, inst)
    out: TicketOut = []
    turn.fire(machine.TABLE, ticket, event, what, out)
    if event != "timer" and ticket.state != DONE:
        turn.fire(machine.TABLE, ticket, "timer", what, out)
    if (ticket.state, ticket.remain, ticket.tries) != before:
        record(turn, ticket, event, _end_of(out))
    _run(turn, ticket, out)


def _run(turn: Turn, ticket: HedgeTicket, out: TicketOut) -> None:
    for command in out:
        if isinstance(command, SendChild):
            _send(turn, ticket, command)
        elif isinstance(command, SkipHedge):
            turn.later(_skip, turn, ticket, command)
        else:
            turn.later(_close, turn, ticket, command)


def _skip(turn: Turn, ticket: HedgeTicket, skipped: SkipHedge) -> None:
    turn.record(
        "order_skip",
        "oms",
        skipped.reason,
        intent=OrderIntent.HEDGE.value,
        leg=Leg.SPOT_IOC.value,
        cycle_id=ticket.cycle_id,
        data={"hedge_id": ticket.hedge_id, "qty": plain(skipped.qty)},
    )


def _send(turn: Turn, ticket: HedgeTicket, order: SendChild) -> None:
    request = placing.place(
        turn,
        owner=ticket.hedge_id,
        inst=order.inst,
        side=order.side,
        qty=order.qty,
        price=order.price,
        tif=Tif.IOC,
        intent=order.intent,
        leg=order.leg,
        cycle=ticket.cycle_id,
        attempt=ticket.tries,
        reason=ticket.reason,
        reduce_only=order.reduce_only,
    )
    if order.inst is InstType.SPOT:
        spot = turn.s.books[InstType.SPOT]
        turn.s.econ.slip.sent(request.client_oid, (spot.asks if order.side is Side.BUY else spot.bids)[0].price)


def _close(turn: Turn, ticket: HedgeTicket, closing: CloseTicket) -> None:
    turn.s.dust += closing.dust
    turn.s.closed_tickets += 1
    turn.s.cooldown_unwind = turn.s.cooldown_unwind or ticket.unwound > 0
    turn.s.tickets.pop(ticket.hedge_id, None)
    pnl.ticket_closed(turn, ticket)
    if not turn.s.tickets and turn.s.mode.state in ("HEDGING", "HALTED"):
        modes.tell(turn, "tickets_done")
        turn.s.cooldown_unwind = False


def child_filled(turn: Turn, order: Order, change: Decimal) -> None:
    """A fill of a ticket's order moved delta by `change`: the ticket's if it is open, else it finds an owner anew."""
    ticket = turn.s.tickets.get(order.owner)
    if ticket is None:
        expose(turn, change, "late_fill")
        return
    event = "hedge_filled" if order.request.inst is InstType.SPOT else "unwind_filled"
    tell(turn, ticket, event, -ticket.side.sign * change)


def child_settled(turn: Turn, order: Order) -> None:
    """A ticket's order is over: the ticket may send its next, or learns that a leg has refused it for good."""
    ticket = turn.s.tickets.get(order.owner)
    if ticket is None:
        return
    if any(other.owner == order.owner for other in turn.s.orders.open.values()):
        return  # an order taken up again has ended while the ticket's next one is out: that one is its child
    event = "child_settled"
    if order.request.inst is InstType.PERP and order.refusal not in (None, Outcome.BUSY, Outcome.PAUSED):
        event = "perp_refused"
    elif order.refusal in (Outcome.REFUSED_LEG, Outcome.FATAL):
        event = "spot_refused"
    elif order.refusal in (Outcome.REFUSED, Outcome.REFUSED_GRID) and ticket.state == machine.UNWINDING:
        event = "spot_refused"  # whatever the reason, here the perp must be asked again
    tell(turn, ticket, event)


def taken_up(turn: Turn, order: Order) -> None:
    """An order that was given up may have traded after all: its ticket, if open, sends nothing until that is known."""
    ticket = turn.s.tickets.get(order.owner)
    if ticket is not None:
        tell(turn, ticket, "taken_up", order.left, order.request.inst)


def watch(turn: Turn) -> None:
    """Watch open exposure, in every mode: past the notional limit every ticket is told to hurry."""
    price = turn.mid(InstType.PERP) if turn.s.tickets else None
    if price is None:
        return
    notional = abs(sum((ticket.exposure for ticket in turn.s.tickets.values()), ZERO)) * price
    if notional <= turn.p.max_unhedged_notional:
        return
    for ticket in list(turn.s.tickets.values()):
        if ticket.state in (machine.PENDING, machine.PARTIAL):
            data = {"unhedged_notional": plain(notional), "limit": plain(turn.p.max_unhedged_notional)}
            turn.record("risk", "risk", "unhedged_exposure", cycle_id=ticket.cycle_id, data=data)
            tell(turn, ticket, "breach")


def tick(turn: Turn) -> None:
    """Let the clock of every open ticket decide."""
    for ticket in list(turn.s.tickets.values()):
        if ticket.child is not None and turn.at_ms >= ticket.deadline_ms:
            orders = [order for order in turn.s.orders.open.values() if order.owner == ticket.hedge_id]
            for order in orders:
                placing.tell(turn, order, "hurry")
            if orders and all(order.reopened and order.alarmed for order in orders):
                tell(turn, ticket, "child_settled")  # given up once, and a person has been called: it waits no longer
        tell(turn, ticket, "timer")
        overdue = turn.at_ms - ticket.unhedged_until_ms >= turn.p.max_unhedged_ms
        if ticket.state == machine.UNWINDING and overdue:
            detail = f"{ticket.hedge_id} still has {plain(ticket.exposure)} open"
            turn.halt_soon(f"unwind_overdue:{ticket.hedge_id}", latched=True, detail=detail)


def _end_of(out: TicketOut) -> str | None:
    return next((command.reason for command in out if isinstance(command, CloseTicket)), None)


def record(turn: Turn, ticket: HedgeTicket, what: str, end: str | None = None) -> None:
    """One line a change: the ticket's whole story is in the log."""
    turn.record(
        "ticket",
        "oms",
        what,
        intent=OrderIntent.HEDGE.value,
        leg=Leg.SPOT_IOC.value,
        cycle_id=ticket.cycle_id,
        client_oid=ticket.hedge_id,
        simulated=turn.s.pretend or None,
        data={
            "hedge_id": ticket.hedge_id,
            "status": ticket.state,
            "end": end,
            "side": ticket.side.value,
            "want_qty": plain(ticket.want),
            "filled_qty": plain(ticket.filled),
            "unwound_qty": plain(ticket.unwound),
            "netted_qty": plain(ticket.netted),
            "dust_qty": plain(ticket.dust),
            "remain": plain(ticket.remain),
            "deadline_ms": ticket.deadline_ms,
            "tries": ticket.tries,
            "reason": ticket.reason,
            "opened_ms": ticket.opened_ms,
            "hedge_latency_ms": None if ticket.first_hedge_ms is None else ticket.first_hedge_ms - ticket.opened_ms,
        },
    )
