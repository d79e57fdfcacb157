"""Closing the held pair on a person's word, or as the last resort of an exit: the perp leg is closed reduce-only, its
fills open ordinary tickets.

There is no second way to close. One closing order at a time, owned by `closing`.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import feeding, placing
from mmfsm.guards import quote_size, smallest_tradable
from mmfsm.machines.order import Order
from mmfsm.rounding import taking_price, tradable_qty
from mmfsm.state import Turn
from mmfsm.values import InstType, Leg, OrderIntent, Side, Tif, plain

CLOSING_TRIES_MAX = 10
"""Closing orders that close nothing are an answer: after so many in a row a person decides."""


def flatten_step(turn: Turn) -> None:
    """Send the next closing order, if closing is wanted and the last one is settled; stop when nothing is left."""
    s = turn.s
    if (
        not (s.flattening and s.books_open)
        or s.constraints is None
        or s.closing is not None
        or s.tickets
        or s.orders.early
    ):
        return
    if s.econ.exiting and not (s.ready and feeding.books_fresh(turn)):
        return  # an exit is no emergency: it waits for the checks, which may end it, and for prices
    if any(slot.state != "EMPTY" for slot in s.slots) or turn.at_ms - s.closing_ms < turn.p.unwind_retry_ms:
        return
    if new_latches(turn) or s.closing_tries >= CLOSING_TRIES_MAX:
        _give_up(turn)
        return
    side = Side.SELL if s.ledger.perp > 0 else Side.BUY
    touch = turn.touch(InstType.PERP, side)
    qty = s.constraints and touch and tradable_qty(_slice(turn, touch), touch, s.constraints.perp)
    if not touch or not qty:
        if touch:
            # After a person's wish there are no quotes until that person resumes; an exit is the desk's own affair.
            s.flattening, s.flattened, s.closing_tries = False, not s.econ.exiting, 0
            turn.record("flattened", "oms", s.econ.pair.why or None, intent=OrderIntent.FLATTEN.value)
            s.econ.exiting = False
        return
    s.closing_ms, s.closing_tries = turn.at_ms, s.closing_tries + 1
    request = placing.place(
        turn,
        owner=placing.FLATTEN,
        inst=InstType.PERP,
        side=side,
        qty=qty,
        price=taking_price(touch, side, turn.p.unwind_slip_bps, s.constraints.perp),
        tif=Tif.IOC,
        intent=OrderIntent.FLATTEN,
        leg=Leg.PERP_FLATTEN,
        cycle=turn.next_cycle(),
        attempt=1,
        reason=s.econ.pair.why if s.econ.exiting else "flatten",
        reduce_only=True,
    )
    s.closing = request.client_oid


def settled(turn: Turn, order: Order) -> None:
    """A closing order is over: the next may go, unless this is an older one, taken up again, and that one is out."""
    if turn.s.closing == order.request.client_oid:
        turn.s.closing = None
    if order.booked:
        turn.s.closing_tries = 0


def _slice(turn: Turn, price: Decimal) -> Decimal:
    """A person's wish is closed at once. An exit takes a quote's size at a time: no more is ever unhedged than a quote
    may leave unhedged, and what would remain too small to trade goes with the last."""
    s, held = turn.s, abs(turn.s.ledger.perp)
    if not s.econ.exiting or s.constraints is None:
        return held
    size = max(quote_size(turn.p, s.constraints, price), smallest_tradable(s.constraints, price))
    return size if tradable_qty(held - size, price, s.constraints.perp) else held


def new_latches(turn: Turn) -> list[str]:
    """The latched halts that came after the wish to close: those before it were known to who asked."""
    reasons = turn.s.mode.reasons
    return sorted(reason for reason, latched in reasons.items() if latched and reason not in turn.s.flatten_despite)


def _give_up(turn: Turn) -> None:
    """What could not be closed stays a hedged pair; nothing of it is naked, and a person is told."""
    s = turn.s
    latches = new_latches(turn)
    why = f"halted: {', '.join(latches)}" if latches else f"{s.closing_tries} orders did not close it"
    s.flattening, s.flattened, s.closing_tries, s.econ.exiting = False, True, 0, False
    turn.record("flatten_failed", "oms", why, intent=OrderIntent.FLATTEN.value, data={"perp": plain(s.ledger.perp)})
    turn.alert(
        "flatten_failed", f"{plain(s.ledger.perp)} is still on the perp: {why}", "Look at the account, resume, flatten."
    )
