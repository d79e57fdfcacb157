"""What was earned, told: fills into the accounts, tickets' and days' results out of them as records.

pnl       reason ticket       once a ticket has ended: what its fills came to
          reason day_so_far   every hour; a running total, to be replaced by the next and never added to it
          reason day          the UTC day that has ended
          reason run          at the end of the run
markout   reason day, run     markouts since the last such record
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mmfsm import feeding
from mmfsm.accounting import Result, Span, TicketAccount, gain
from mmfsm.events import BookEvent, Event, Tick
from mmfsm.machines.order import Order
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.market import bbo_of
from mmfsm.state import DeskState, Turn
from mmfsm.values import InstType, JsonObject, NormalizedFill, OrderIntent, plain

DAY_MS = 86_400_000
ROW_MS = 3_600_000
PERP, SPOT = InstType.PERP, InstType.SPOT


# --- fills ------------------------------------------------------------------------------------------------------------


def on_fill(turn: Turn, fill: NormalizedFill, order: Order | None, is_first: bool) -> JsonObject:
    """Book a fill; before the ledger moved by it, `take_over` was called. Returns what its record says of it.

    A quote's fill is measured by the perp's mid as it is told; a ticket's fills by the mids when its perp fill was.
    `is_first`: its order had none before.
    """
    s, a = turn.s, turn.s.accounts
    assert s.constraints is not None
    account = a.tickets.get(order.owner) if order else None
    mid = turn.mid(fill.inst)
    if account is not None:
        mid = account.spot_mid if fill.inst is SPOT else account.perp_mid
    is_quote = order is not None and order.request.intent is OrderIntent.QUOTE and fill.inst is PERP
    column = "spread" if is_quote else "hedge_slip" if fill.inst is SPOT else "unwind_slip"
    part = a.take(fill, s.constraints.perp.base_coin, s.constraints.perp.quote_coin)
    part.quotes_filled = int(is_quote and is_first)
    if mid is not None:
        setattr(part, column, gain(fill.side, fill.price, fill.qty, mid))
    a.add(part, account)
    if is_quote:
        a.markouts.note(min(fill.exch_ms - s.skew_ms, turn.at_ms), fill.side, fill.price, fill.qty)
    worth = None if mid is None else plain(getattr(part, column))
    return {"mid": None if mid is None else plain(mid), column: worth, "fee_value": plain(part.fees)}


def take_over(turn: Turn, fill: NormalizedFill | None = None) -> None:
    """Take up what the books hold and no fill has brought (adopted at start, or booked before there were accounts)."""
    s, a = turn.s, turn.s.accounts
    for inst, holding, qty in ((PERP, a.perp, s.ledger.perp), (SPOT, a.spot, s.ledger.spot_change)):
        if qty != holding.qty:
            price = turn.mid(inst) or (fill.price if fill is not None and fill.inst is inst else None)
            if price is not None:
                a.take_over(holding, qty - holding.qty, price)


def count_quote(turn: Turn) -> None:
    """A quote was placed."""
    turn.s.accounts.total.quotes += 1


# --- tickets ----------------------------------------------------------------------------------------------------------


def ticket_opened(turn: Turn, ticket: HedgeTicket) -> None:
    """Open a ticket's account with the fills that made it."""
    a = turn.s.accounts
    a.tickets[ticket.hedge_id] = TicketAccount(turn.mid(PERP), turn.mid(SPOT), a.loose)
    a.loose = Result()


def ticket_joined(turn: Turn, ticket: HedgeTicket) -> None:
    """A further fill grew a ticket, or netted it, and is its own. One that nets and opens belongs to the netted."""
    a = turn.s.accounts
    account = a.tickets.get(ticket.hedge_id)
    if account is not None:
        account.result.add(a.loose)
        a.loose = Result()


def ticket_closed(turn: Turn, ticket: HedgeTicket) -> None:
    """Close a ticket's account and tell its result."""
    a = turn.s.accounts
    became = Result(hedged=ticket.filled, unwound=ticket.unwound, netted=ticket.netted, dust=ticket.dust)
    a.total.add(became)
    account = a.tickets.pop(ticket.hedge_id, None) or TicketAccount(None, None)
    account.result.add(became)
    r = account.result
    data = {
        "hedge_id": ticket.hedge_id,
        "side": ticket.side.value,
        "want_qty": plain(ticket.want),
        **columns(r),
        "edge": plain(r.spread + r.hedge_slip + r.unwind_slip - r.fees),
    }
    _record(turn, "ticket", data, cycle_id=ticket.cycle_id, client_oid=ticket.hedge_id)


# --- days and runs ----------------------------------------------------------------------------------------------------


def tend(turn: Turn, event: Event) -> None:
    """After an event: markouts that are due, and rows. Idle unless something is due."""
    s, a = turn.s, turn.s.accounts
    if s.session.state == "STOPPED" and s.books_open and not a.is_told:
        _tell_run(turn)
    if isinstance(event, BookEvent):
        if turn.at_ms >= a.markouts.due_ms and event is s.books.get(PERP):  # an older one was dropped
            bids, asks = event.bids, event.asks
            a.markouts.look(turn.at_ms, (bids[0].price + asks[0].price) / 2)
    elif isinstance(event, Tick) and s.books_open:
        take_over(turn)
        _tell_time(turn)


def _tell_time(turn: Turn) -> None:
    """Tell the day that has ended, or every hour the one that goes on. Waits while a leg has no price of now: beside
    an old one of the other it would be a result that is none, taken back on the day after."""
    a, unrealised = turn.s.accounts, unrealised_now(turn.s)
    if unrealised is None or not feeding.books_fresh(turn):
        return
    a.last_unrealised = unrealised
    a.run.since_ms = a.run.since_ms or turn.told_ms
    day = turn.told_ms // DAY_MS
    if not a.day.number:
        a.day.number, a.day.since_ms, a.row_ms = day, turn.told_ms, turn.at_ms
    elif day != a.day.number:
        _record(turn, "day", row(turn.s, a.day))
        turn.record("markout", "accounts", "day", data=a.markouts.take_row())
        a.day = Span(day, turn.told_ms, a.total.copy(), unrealised, a.settlements.estimate)
        a.row_ms = turn.at_ms
    elif turn.at_ms - a.row_ms >= ROW_MS:
        a.row_ms = turn.at_ms
        _record(turn, "day_so_far", row(turn.s, a.day))


def _tell_run(turn: Turn) -> None:
    a, unrealised = turn.s.accounts, unrealised_now(turn.s)
    a.is_told = True
    if unrealised is not None:  # the next run begins at the level this row ends with, not at the last tick's
        a.last_unrealised = unrealised
    _record(turn, "run", row(turn.s, a.run))
    turn.record("markout", "accounts", "run", data=a.markouts.take_row())


def _record(turn: Turn, reason: str, data: JsonObject, **fields: Any) -> None:
    """One result. Once hedges have been pretended no result is real, and each says so."""
    turn.record("pnl", "accounts", reason, data=data, simulated=turn.s.pretend or None, **fields)


def unrealised_now(s: DeskState) -> Decimal | None:
    """Return what is held, at both mids, beyond its cost. None while a leg has no price."""
    perp, spot = s.books.get(PERP), s.books.get(SPOT)
    return None if perp is None or spot is None else s.accounts.unrealised(bbo_of(perp).mid, bbo_of(spot).mid)


def row(s: DeskState, span: Span) -> JsonObject:
    """Return what has come since a span began, each column by itself, and their sum.

    net = realised + unrealised_change + funding − fees. `unrealised` is the level now; `funding_estimated` is the part
    of `funding` that has fallen due and is not read back. Without prices, what needs them is None.
    """
    a, unrealised = s.accounts, unrealised_now(s)
    told, estimated = a.total.since(span.start), a.settlements.estimate
    funding = told.funding + estimated - span.estimated
    change = None if unrealised is None else unrealised - span.unrealised
    return {
        "since_ms": span.since_ms,
        **columns(told),
        "funding": plain(funding),
        "funding_estimated": plain(estimated),
        "unrealised": None if unrealised is None else plain(unrealised),
        "unrealised_change": None if change is None else plain(change),
        "net": None if change is None else plain(told.realised + change + funding - told.fees),
        "quotes": told.quotes,
        "quotes_filled": told.quotes_filled,
        "quotes_per_fill": None
        if not told.quotes_filled
        else plain(round(Decimal(told.quotes) / told.quotes_filled, 1)),
    }


def columns(r: Result) -> JsonObject:
    """Return what tickets and days have in common."""
    return {
        "realised": plain(r.realised),
        "fees": plain(r.fees),
        "fees_by_coin": {coin: plain(fee) for coin, fee in sorted(r.fee_coins.items())},
        "spread": plain(r.spread),
        "hedge_slip": plain(r.hedge_slip),
        "unwind_slip": plain(r.unwind_slip),
        "perp_fills": r.perp_fills,
        "spot_fills": r.spot_fills,
        "perp_qty": plain(r.perp_qty),
        "hedged_qty": plain(r.hedged),
        "unwound_qty": plain(r.unwound),
        "netted_qty": plain(r.netted),
        "dust_qty": plain(r.dust),
    }
