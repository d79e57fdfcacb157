"""All that there is to see of a run at one moment, as plain JSON values: what the page, `top` and others show.

`view_of(runner)` reads and changes nothing. Quantities, prices and money are text (base or quote coin), never rounded
but where a name says so; times (`_ms`) are this machine's clock, in Unix milliseconds, None where there is none.

run        who: symbol, kind (live, demo, dry; paper: the exchange is on this machine), coins, version, processes
loop       how late the event loop is: the newest look and the worst of the last minute, in ms
mode       the mode, since when, `why` quotes are off (a code), the reasons of a halt with what each said
machines   for each table: who is in which state, and how often each arrow was taken ("FROM>TO")
market     both books (best five levels), basis, funding
quotes     the two slots and what rests in them
tickets    how many are open, by state, and the most urgent of them with their clocks
orders     how many are open, and the newest of them
exposure   what is held, and each limit beside the figure it bounds
feeds      each input: its state, when it last spoke, after which silence it counts as stale
pnl        the columns of the UTC day and of the run (see `mmfsm/pnl.py`)
records    the last of them, where asked for (see `records.py`)
latency    from perp fill to first hedge fill: of the last thousand p50 and p99, the largest of all, the last ones
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmfsm.basis import basis_bps
from mmfsm.clock import now_ms
from mmfsm.events import BookEvent, FeedName
from mmfsm.guards import liquidation_distance_bps
from mmfsm.machines import ALL, feed
from mmfsm.machines.slot import QuoteSlot
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.market import bbo_of
from mmfsm.pnl import row
from mmfsm.state import DeskState
from mmfsm.values import ZERO, InstType, plain
from runner.log import version_of_mmfsm
from runner.page.records import rows_of
from runner.settings import Settings
from runner.state_folder import kind_of

if TYPE_CHECKING:
    from runner.app import Runner
    from runner.onlooker import Onlooker

View = dict[str, Any]

LISTED_MAX = 40
"""How many tickets and orders are listed; the counts are of all."""

LEVELS = 5
LAST_LATENCIES = 12
PERP, SPOT = InstType.PERP, InstType.SPOT
LEGS = (("perp", PERP), ("spot", SPOT))


def view_of(runner: Runner, records: int = 0) -> View:
    """Return the view of a run. See the module's docstring for its parts.

    Args:
        runner: the run.
        records: how many of the last records are in it, at most.
    """
    s, settings, onlooker = runner.desk.state, runner.settings, runner.onlooker
    return {
        "at_ms": now_ms(),
        "run": _run(runner, s),
        "loop": {"last_ms": round(onlooker.lag.last_ms, 2), "max_ms": round(onlooker.lag.max_ms, 2)},
        "mode": _mode(s, onlooker),
        "machines": _machines(s, onlooker),
        "market": _market(s),
        "quotes": [_quote(s, slot) for slot in s.slots],
        "tickets": _tickets(s),
        "orders": _orders(s),
        "exposure": _exposure(s, settings),
        "feeds": _feeds(s, settings),
        "pnl": {"day": row(s, s.accounts.day), "run": row(s, s.accounts.run)},
        "latency": _latency(onlooker),
        **({"records": rows_of(onlooker, onlooker.told - records, records, settings.secrets)} if records else {}),
    }


def _run(runner: Runner, s: DeskState) -> View:
    rules = s.constraints
    return {
        "run": runner.run_id,
        "version": version_of_mmfsm(),
        "symbol": runner.settings.symbol,
        "kind": "paper" if runner.settings.is_loopback else kind_of(runner.settings),
        "base_coin": rules.perp.base_coin if rules else "",
        "quote_coin": rules.perp.quote_coin if rules else "",
        "pid": os.getpid(),
        "guardian_pid": runner.guardian_pid,
        "started_ms": _clock(s, s.started_ms),
    }


def _clock(s: DeskState, desk_ms: int | None) -> int | None:
    """The desk's own time never steps back; what is shown is this machine's clock."""
    return desk_ms - s.clock_offset_ms if desk_ms else None


def _mode(s: DeskState, onlooker: Onlooker) -> View:
    return {
        "state": s.mode.state,
        "since_ms": onlooker.mode_since_ms,
        "session": s.session.state,
        "why": s.why_not or None,
        "cool_until_ms": _clock(s, s.mode.cool_until_ms) if s.mode.state == "COOLDOWN" else None,
        "halted_by": [
            {"reason": reason, "latched": latched, "detail": onlooker.details.get(reason, "")}
            for reason, latched in s.mode.reasons.items()
        ],
    }


# --- machines ---------------------------------------------------------------------------------------------------------


def _machines(s: DeskState, onlooker: Onlooker) -> View:
    who = {
        "Mode": {s.mode.state: ""},
        "HedgeTicket": _counted(ticket.state for ticket in s.tickets.values()),
        "Order": _counted(order.state for order in s.orders.open.values()),
        "QuoteSlot": _named(zip(("bid", "ask"), (slot.state for slot in s.slots), strict=True)),
        "Pair": {s.econ.pair.state: ""},
        "Feed": _named((name.value.removesuffix("_book"), it.state) for name, it in s.feeds.items()),
        "Session": {s.session.state: ""},
    }
    return {table.name: {"who": who[table.name], "edges": _edges(onlooker, table.name)} for table in ALL}


def _counted(states: Iterable[str]) -> dict[str, str]:
    return {state: f"×{count}" for state, count in Counter(states).items()}


def _named(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, state in pairs:
        found[state] = f"{found[state]} {name}" if state in found else name
    return found


def _edges(onlooker: Onlooker, table: str) -> dict[str, int]:
    return {f"{source}>{dest}": times for (source, dest), times in onlooker.edges.get(table, {}).items()}


# --- market and quotes ------------------------------------------------------------------------------------------------


def _market(s: DeskState) -> View:
    mids = {inst: bbo_of(book).mid for inst, book in s.books.items()}
    both = PERP in mids and SPOT in mids
    return {
        **{name: _book(s, s.books.get(inst)) for name, inst in LEGS},
        "basis_bps": _short(basis_bps(mids[PERP], mids[SPOT])) if both else None,
        "funding": _funding(s),
        "pair": {"state": s.econ.pair.state, "why": s.econ.pair.why or None},
    }


def _book(s: DeskState, book: BookEvent | None) -> View | None:
    if book is None:
        return None
    bids, asks = ([[plain(it.price), plain(it.qty)] for it in side[:LEVELS]] for side in (book.bids, book.asks))
    mine = [slot for slot in s.slots if slot.state == "WORKING"] if book.inst is PERP else []
    ours = {slot.side.value: plain(slot.price) for slot in mine}
    return {"bids": bids, "asks": asks, "ours": ours, "mid": plain(bbo_of(book).mid)}


def _funding(s: DeskState) -> View | None:
    if s.funding is None:
        return None
    hours = s.funding.interval_h
    return {
        "rate": plain(s.funding.rate),
        "next_ms": s.funding.next_ms,
        "interval_h": None if hours is None else plain(hours),
    }


def _quote(s: DeskState, slot: QuoteSlot) -> View:
    order = s.orders.open.get(slot.client_oid or "")
    return {
        "side": "bid" if slot.side.sign > 0 else "ask",
        "state": slot.state,
        "price": plain(slot.price) if order else None,
        "qty": plain(slot.qty) if order else None,
        "left": plain(order.left) if order else None,
        "order": order.state if order else None,
        "placed_ms": _clock(s, slot.placed_ms) if order else None,
        "replaced": slot.replaced,
        "skipped": s.skips.get(slot.side.value) or None,
    }


# --- tickets and orders -----------------------------------------------------------------------------------------------


def _tickets(s: DeskState) -> View:
    urgent = nsmallest(LISTED_MAX, s.tickets.values(), key=lambda ticket: ticket.unhedged_until_ms)
    return {
        "open": len(s.tickets),
        "closed": s.closed_tickets,
        "by_state": dict(Counter(ticket.state for ticket in s.tickets.values())),
        "rows": [_ticket(s, ticket) for ticket in urgent],
    }


def _ticket(s: DeskState, ticket: HedgeTicket) -> View:
    """`chase_ms` and `unwind_ms`: when it will chase, and when it will unwind, if it is still open by then."""
    return {
        "hedge_id": ticket.hedge_id,
        "state": ticket.state,
        "side": ticket.side.value,
        "want": plain(ticket.want),
        "remain": plain(ticket.remain),
        "tries": ticket.tries,
        "reason": ticket.reason,
        "out": plain(ticket.child.qty) if ticket.child else None,
        "opened_ms": _clock(s, ticket.opened_ms),
        "chase_ms": _clock(s, ticket.deadline_ms),
        "unwind_ms": _clock(s, ticket.unhedged_until_ms),
    }


def _orders(s: DeskState) -> View:
    newest = islice(reversed(s.orders.open.items()), LISTED_MAX)
    rows = [
        {
            "client_oid": oid,
            "owner": order.owner if order.request.intent == "quote" else order.request.intent.value,
            "state": order.state,
            "leg": order.request.leg.value,
            "side": order.request.side.value,
            "price": plain(order.request.price),
            "left": plain(order.left),
            "sent_ms": _clock(s, order.sent_ms),
        }
        for oid, order in newest
    ]
    return {"open": len(s.orders.open), "rows": rows}


# --- exposure and feeds -----------------------------------------------------------------------------------------------


def _exposure(s: DeskState, p: Settings) -> View:
    mids = {inst: bbo_of(book).mid for inst, book in s.books.items()}
    mid = mids.get(PERP)
    unhedged = abs(sum((ticket.exposure for ticket in s.tickets.values()), ZERO))
    near_bps = liquidation_distance_bps(s.liquidation_price, mid)
    return {
        "perp": plain(s.ledger.perp),
        "spot_change": plain(s.ledger.spot_change),
        "delta": plain(s.ledger.delta),
        "dust": plain(s.dust),
        "margin_free": None if s.margin_free is None else plain(s.margin_free),
        "liquidation_price": None if s.liquidation_price is None else plain(s.liquidation_price),
        "limits": [
            _limit("position", abs(s.ledger.perp), p.max_position, "base"),
            _limit("unhedged", None if mid is None else unhedged * mid, p.max_unhedged_notional, "quote"),
            _limit("daily_loss", _lost(s, mids), p.max_daily_loss, "quote"),
            _limit("liquidation", near_bps, p.min_liquidation_bps, "bps", at_least=True),
            _limit("rejects", Decimal(s.reject_streak), Decimal(p.reject_streak_max), "count"),
        ],
    }


def _limit(name: str, value: Decimal | None, limit: Decimal, unit: str, at_least: bool = False) -> View:
    """One figure and what bounds it; a limit of None is off. `at_least`: it is too small rather than too large."""
    shown = None if value is None else plain(round(value, 4))
    return {"name": name, "value": shown, "limit": plain(limit) if limit else None, "unit": unit, "at_least": at_least}


def _lost(s: DeskState, mids: dict[InstType, Decimal]) -> Decimal | None:
    """What the UTC day has cost, as the daily loss limit counts it; a gain is zero."""
    if s.day_start_value is None or len(mids) < len(LEGS):
        return None
    return max(s.day_start_value - s.ledger.value(mids[PERP], mids[SPOT]) - s.accounts.funding, ZERO)


def _feeds(s: DeskState, p: Settings) -> list[View]:
    stale_ms = {FeedName.PRIVATE: p.private_silent_ms, FeedName.FUNDING: p.funding_stale_sec * 1000}
    return [
        {
            "name": name.value,
            "state": it.state,
            "channel": it.channel,
            "heard_ms": _clock(s, it.heard_ms),
            "since_ms": _clock(s, it.since_ms),
            "stale_ms": stale_ms.get(name, p.book_stale_ms),
            "fresh": it.state == feed.FRESH,
        }
        for name, it in s.feeds.items()
    ]


def _latency(onlooker: Onlooker) -> View:
    last = islice(reversed(onlooker.latencies_ms), LAST_LATENCIES)
    return {
        "hedged": onlooker.hedged,
        "p50_ms": onlooker.percentile_ms(0.5),
        "p99_ms": onlooker.percentile_ms(0.99),
        "max_ms": onlooker.latency_max_ms,
        "last_ms": list(last),
    }


def _short(value: Decimal) -> str:
    return plain(round(value, 3))
