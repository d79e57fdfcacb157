"""What a restart keeps and what it forgets.

Kept: the ledger, the dedupe keys, open tickets with their clocks, dust, every order that may still be open, latched
halts. Forgotten: feeds, the start-up checks, and every halt that clears by itself. Orders under way become questions:
one that was being sent may or may not have arrived, one that rested is cancelled before anything new is quoted.
"""

from __future__ import annotations

from mmfsm import feeding, pnl
from mmfsm.arithmetic import in_our_context
from mmfsm.machines import feed as feeds
from mmfsm.machines import mode as modes
from mmfsm.machines import order as orders
from mmfsm.machines import slot as slots
from mmfsm.machines.mode import ModeState
from mmfsm.machines.order import Order
from mmfsm.machines.session import Session
from mmfsm.state import DeskState, Reconciliation, Turn


@in_our_context
def restarted(old: DeskState, run: int) -> DeskState:
    """Return the state a new run begins with, out of the one an earlier run ended or died with.

    Args:
        old: the state as rebuilt from the journal.
        run: the new run's number; larger than the old one.
    """
    assert run > old.run, f"run {run} does not come after {old.run}"
    new = DeskState(run=run, now_ms=old.now_ms)
    # Books and funding are not kept: a price from before the restart is no price.
    for name in (
        "cycle", "constraints", "ledger", "books_open", "dust", "orders", "tickets", "balances", "pos_mode",
        "unparsable", "flattening", "closing", "closing_ms", "cooldown_unwind", "closed_tickets", "bid", "ask",
        "pretend", "flattened", "flatten_despite", "day", "day_start_value", "accounts",
    ):  # fmt: skip
        setattr(new, name, getattr(old, name))
    new.econ = old.econ.restarted()
    if not new.accounts.is_told and all(old.feeds[name].state == feeds.FRESH for name in feeding.BOOK_OF.values()):
        level = pnl.unrealised_now(old)  # what was filled after the last tick is no part of the new run
        new.accounts.last_unrealised = new.accounts.last_unrealised if level is None else level
    new.accounts.begin_run()
    new.session = Session()
    # In the exchange's time: the new run may find its clock set, and its own time then is another.
    new.recon = Reconciliation(whole_ms=(old.recon.whole_ms or old.started_ms) + old.skew_ms)
    new.is_restored = old.books_open  # else the position is read anew, with all that was filled before
    new.mode = _mode_after(old)
    for order in new.orders.open.values():
        _question(order, old.now_ms)
    for slot in new.slots:
        if slot.state in (slots.WORKING, slots.REPLACING):
            slot.state = slots.CLOSING
    return new


def _mode_after(old: DeskState) -> ModeState:
    latched = {reason: True for reason, is_latched in old.mode.reasons.items() if is_latched}
    state = modes.HALTED if latched else modes.HEDGING if old.tickets else modes.IDLE
    return ModeState(state, latched)


def _question(order: Order, at_ms: int) -> None:
    """An order whose request may have been cut off is UNKNOWN; a resting quote is wanted no longer."""
    if order.owner in ("bid", "ask", "probe"):
        order.cancel_wanted = True
    if order.state in (orders.SENT, orders.LIVE, orders.CANCELLING):
        order.state, order.since_ms, order.not_found = orders.UNKNOWN, at_ms, 0
    order.asked_ms, order.alarmed = 0, False


def wind_clocks(turn: Turn) -> None:
    """At the new run's start doubt begins: nobody could ask before. And a ticket tries spot before it unwinds."""
    for order in turn.s.orders.open.values():
        order.since_ms = order.doubt_ms = turn.at_ms
    for ticket in turn.s.tickets.values():
        ticket.unhedged_until_ms = max(ticket.unhedged_until_ms, turn.at_ms + turn.p.hedge_deadline_ms)
