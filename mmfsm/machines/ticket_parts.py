"""What the HedgeTicket's table is made of: the ticket, what it sees, and each guard and effect by name.

Guards read, effects write the ticket and append commands; which of them runs when is the table's affair
(`mmfsm/machines/ticket.py`).
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.rounding import ceil_to, taking_price, tradable_qty
from mmfsm.values import ZERO, Constraints, InstType, Leg, OrderIntent, Side

PENDING, PARTIAL, CHASING, UNWINDING, DONE = "PENDING", "PARTIAL", "CHASING", "UNWINDING", "DONE"


@attrs.frozen
class HedgeLimits:
    """The clocks and prices of a ticket; see the parameters of the same names."""

    hedge_deadline_ms: int
    max_unhedged_ms: int
    hedge_retry_ms: int
    unwind_retry_ms: int
    hedge_slip_bps: Decimal
    chase_step_bps: Decimal
    hedge_slip_max_bps: Decimal
    unwind_slip_bps: Decimal


@attrs.frozen
class HedgeView:
    """What a ticket sees of the world. Prices are None while a leg has no book; `perp_pos` is signed, in base coin."""

    constraints: Constraints
    limits: HedgeLimits
    spot_bid: Decimal | None = None
    spot_ask: Decimal | None = None
    perp_bid: Decimal | None = None
    perp_ask: Decimal | None = None
    perp_pos: Decimal = ZERO

    def touch(self, inst: InstType, side: Side) -> Decimal | None:
        """Return the price a taker on `side` meets, or None without a book."""
        if inst is InstType.SPOT:
            return self.spot_ask if side is Side.BUY else self.spot_bid
        return self.perp_ask if side is Side.BUY else self.perp_bid


@attrs.frozen
class Child:
    """The order a ticket has out; `qty` is what it has not yet filled."""

    inst: InstType
    side: Side
    qty: Decimal


@attrs.define
class HedgeTicket:
    """One exposure. `side` is the side of the perp fill; quantities are base coin, at or above zero unless said.

    `filled` is what spot undid, net of base-coin fees; `unwound` what the perp undid; `netted` what opposite perp
    fills cancelled before it was sent; `dust` (signed as `remain`) what was left at the end.
    """

    hedge_id: str
    cycle_id: int
    side: Side
    opened_ms: int
    deadline_ms: int
    unhedged_until_ms: int
    want: Decimal
    filled: Decimal = ZERO
    unwound: Decimal = ZERO
    netted: Decimal = ZERO
    dust: Decimal = ZERO
    tries: int = 0
    chases: int = 0
    state: str = PENDING
    child: Child | None = None
    next_try_ms: int = 0
    spot_refused: bool = False
    perp_refused: bool = False
    reason: str = "perp_fill"
    first_hedge_ms: int | None = None

    @property
    def remain(self) -> Decimal:
        """What is still open; below zero when more came back than was wanted."""
        return self.want - self.filled - self.unwound - self.netted - self.dust

    @property
    def exposure(self) -> Decimal:
        """The signed delta this ticket owns: positive is long."""
        return self.side.sign * self.remain

    @property
    def unsent(self) -> Decimal:
        """What may still be netted against: the remainder no child order is working on."""
        return max(self.remain - (self.child.qty if self.child else ZERO), ZERO)


@attrs.frozen
class TicketInput:
    """What happened to a ticket: `qty` in base coin where the event has one, `inst` the leg of an order taken up."""

    at_ms: int
    view: HedgeView
    qty: Decimal = ZERO
    inst: InstType = InstType.SPOT


@attrs.frozen
class SendChild:
    """Send this order for the ticket: immediate-or-cancel, at this limit."""

    inst: InstType
    side: Side
    qty: Decimal
    price: Decimal
    intent: OrderIntent
    leg: Leg
    reduce_only: bool = False


@attrs.frozen
class SkipHedge:
    """No order is sent for this quantity, and why."""

    qty: Decimal
    reason: str


@attrs.frozen
class CloseTicket:
    """The ticket is DONE; its dust, signed as a delta, is the desk's again."""

    dust: Decimal
    reason: str


TicketCommand = SendChild | SkipHedge | CloseTicket
TicketOut = list[TicketCommand]

# --- arithmetic -------------------------------------------------------------------------------------------------------


def spot_qty(ticket: HedgeTicket, view: HedgeView) -> Decimal:
    """What spot could trade of the remainder now; zero without a book or below its minimum."""
    return spot_tradable(ticket.remain, ticket.side.opposite, view)


def spot_tradable(qty: Decimal, side: Side, view: HedgeView) -> Decimal:
    """What spot could trade of `qty` now. Its least value is judged at an order's limit: a sale just above it at the
    touch is refused at every slip."""
    touch, rules = view.touch(InstType.SPOT, side), view.constraints.spot
    if touch is None:
        return ZERO
    tradable = tradable_qty(qty, touch, rules)
    if side is Side.BUY or tradable * touch >= 2 * rules.notional_min:
        return tradable
    return tradable_qty(qty, taking_price(touch, side, view.limits.hedge_slip_max_bps, rules), rules)


def perp_order(ticket: HedgeTicket, view: HedgeView) -> tuple[Decimal, bool]:
    """Return (quantity, reduce_only) of the unwind the perp could take now; the quantity is zero if none."""
    side, rules = ticket.side.opposite, view.constraints.perp
    price = view.touch(InstType.PERP, side)
    if price is None:
        return ZERO, False
    reducible = max(-side.sign * view.perp_pos, ZERO)
    wanted = _up_to_dust(ticket.remain, view, side)
    reducing = tradable_qty(min(wanted, reducible), price, rules)
    if reducing:
        return reducing, True
    return tradable_qty(wanted, price, rules) if not reducible else ZERO, False


def _up_to_dust(qty: Decimal, view: HedgeView, side: Side) -> Decimal:
    """Return `qty`, or the perp step above it where what that is too much is dust on spot: a base-coin fee of some
    hundred-thousandths may not leave a whole step open."""
    up = ceil_to(qty, view.constraints.perp.qty_step)
    spot = view.touch(InstType.SPOT, side.opposite)
    is_dust = spot is not None and tradable_qty(up - qty, spot, view.constraints.spot) == 0
    return up if qty > 0 and is_dust else qty


def perp_round_up(ticket: HedgeTicket, view: HedgeView) -> Decimal:
    """Return the remainder rounded up to what the perp trades, where the position can take it reduce-only, or zero."""
    side, rules = ticket.side.opposite, view.constraints.perp
    price = view.touch(InstType.PERP, side)
    if price is None or ticket.remain <= 0:
        return ZERO
    qty = max(ceil_to(ticket.remain, rules.qty_step), rules.qty_min)
    fits = -side.sign * view.perp_pos >= qty and qty * price >= rules.notional_min
    return qty if fits else ZERO


def is_dust(ticket: HedgeTicket, view: HedgeView) -> bool:
    """Neither leg can trade what remains. Without both legs' prices nothing is called dust but exactly nothing."""
    if ticket.remain <= 0:
        return True
    side = ticket.side.opposite
    if view.touch(InstType.SPOT, side) is None or view.touch(InstType.PERP, side) is None:
        return False
    return spot_qty(ticket, view) == 0 and perp_order(ticket, view)[0] == 0


# --- guards: read only ------------------------------------------------------------------------------------------------


def busy(ticket: HedgeTicket, _what: TicketInput) -> bool:
    """A child order is out and not settled."""
    return ticket.child is not None


def over(ticket: HedgeTicket, what: TicketInput) -> bool:
    """Nothing is out and nothing tradable remains."""
    return ticket.child is None and is_dust(ticket, what.view)


def below_min(ticket: HedgeTicket, what: TicketInput) -> bool:
    """The fill is too small for spot, the leg that would have to trade it."""
    known = what.view.touch(InstType.SPOT, ticket.side.opposite) is not None
    return known and spot_qty(ticket, what.view) == 0


def past_deadline(ticket: HedgeTicket, what: TicketInput) -> bool:
    return what.at_ms >= ticket.deadline_ms


def past_unhedged(ticket: HedgeTicket, what: TicketInput) -> bool:
    """The time is over, a chase has been tried (or cannot be, for want of a spot price), and nothing is out."""
    tried = ticket.chases > 0 or spot_qty(ticket, what.view) == 0
    return what.at_ms >= ticket.unhedged_until_ms and ticket.child is None and tried


def may_hedge(ticket: HedgeTicket, what: TicketInput) -> bool:
    """Nothing is out, the pace allows it, and spot can trade what remains."""
    return ticket.child is None and what.at_ms >= ticket.next_try_ms and spot_qty(ticket, what.view) > 0


def may_unwind(ticket: HedgeTicket, what: TicketInput) -> bool:
    """Nothing is out, the pace allows it, and the perp has not refused and can trade what remains."""
    free = ticket.child is None and what.at_ms >= ticket.next_try_ms and not ticket.perp_refused
    return free and perp_order(ticket, what.view)[0] > 0


def may_rest_on_spot(ticket: HedgeTicket, what: TicketInput) -> bool:
    """What the perp cannot take goes back to spot, unless spot has refused for good."""
    return may_hedge(ticket, what) and not ticket.spot_refused


def may_round_up(ticket: HedgeTicket, what: TicketInput) -> bool:
    """Spot has refused, less than a perp step is left, and the position can give a whole step."""
    free = ticket.child is None and what.at_ms >= ticket.next_try_ms and not ticket.perp_refused
    return free and ticket.spot_refused and perp_round_up(ticket, what.view) > 0


def both_refused(ticket: HedgeTicket, what: TicketInput) -> bool:
    """Spot has refused for good, and the perp has refused or cannot trade what remains in any form."""
    perp_cannot = perp_order(ticket, what.view)[0] == 0 and perp_round_up(ticket, what.view) == 0
    free = ticket.child is None and what.at_ms >= ticket.next_try_ms
    return free and ticket.spot_refused and (ticket.perp_refused or perp_cannot)


# --- effects ----------------------------------------------------------------------------------------------------------


def add_want(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.want += what.qty


def add_netted(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.netted += what.qty


def book_filled(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.filled += what.qty
    _shrink_child(ticket, what.qty)
    ticket.first_hedge_ms = ticket.first_hedge_ms or what.at_ms


def book_unwound(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.unwound += what.qty
    _shrink_child(ticket, what.qty)


def _shrink_child(ticket: HedgeTicket, qty: Decimal) -> None:
    if ticket.child is not None:
        ticket.child = attrs.evolve(ticket.child, qty=max(ticket.child.qty - qty, ZERO))


def spill(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    """A fill after the end: the ticket's own sum stays true, and the other sign's delta goes back to the desk."""
    ticket.dust -= what.qty
    out.append(CloseTicket(-ticket.side.sign * what.qty, "late_fill"))


def free_child(ticket: HedgeTicket, _what: TicketInput, _out: TicketOut) -> None:
    ticket.child = None


def wait_for(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.child = Child(what.inst, ticket.side.opposite, what.qty)


def note_spot_refused(ticket: HedgeTicket, _what: TicketInput, _out: TicketOut) -> None:
    ticket.child, ticket.spot_refused, ticket.next_try_ms = None, True, 0
    ticket.reason = "spot_refused"


def note_perp_refused(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    ticket.child, ticket.perp_refused = None, True
    ticket.next_try_ms = what.at_ms + what.view.limits.unwind_retry_ms


def forget_refusals(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    out.append(SkipHedge(ticket.remain, "both_legs_refused"))
    ticket.spot_refused = ticket.perp_refused = False
    ticket.next_try_ms = what.at_ms + 10 * what.view.limits.unwind_retry_ms


def hurry(ticket: HedgeTicket, what: TicketInput, _out: TicketOut) -> None:
    """The notional limit is breached: the deadline is now."""
    ticket.deadline_ms = min(ticket.deadline_ms, what.at_ms)
    ticket.reason = "unhedged_notional"


def note_deadline(ticket: HedgeTicket, _what: TicketInput, _out: TicketOut) -> None:
    ticket.reason = "deadline"


def note_unwind(ticket: HedgeTicket, _what: TicketInput, _out: TicketOut) -> None:
    ticket.reason, ticket.next_try_ms = "max_unhedged_sec", 0


def skip_below_min(ticket: HedgeTicket, _what: TicketInput, out: TicketOut) -> None:
    out.append(SkipHedge(ticket.remain, "below_min"))


def send_hedge(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    _send_spot(ticket, what, out, what.view.limits.hedge_slip_bps, OrderIntent.HEDGE, Leg.SPOT_IOC)


def send_chase(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    limits = what.view.limits
    ticket.chases += 1
    slip = min(limits.hedge_slip_bps + ticket.chases * limits.chase_step_bps, limits.hedge_slip_max_bps)
    _send_spot(ticket, what, out, slip, OrderIntent.HEDGE, Leg.SPOT_IOC)


def send_spot_rest(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    slip = what.view.limits.hedge_slip_max_bps
    ticket.perp_refused = False  # the legs take turns: one refusal does not close the perp for ever
    _send_spot(ticket, what, out, slip, OrderIntent.UNWIND, Leg.SPOT_UNWIND)


def chase_if_free(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    if may_hedge(ticket, what):
        send_chase(ticket, what, out)


def unwind_if_free(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    if may_unwind(ticket, what):
        send_unwind(ticket, what, out)


def send_unwind(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    qty, reduce_only = perp_order(ticket, what.view)
    _send_perp(ticket, what, out, qty, reduce_only)


def send_unwind_up(ticket: HedgeTicket, what: TicketInput, out: TicketOut) -> None:
    _send_perp(ticket, what, out, perp_round_up(ticket, what.view), True)


def close(ticket: HedgeTicket, _what: TicketInput, out: TicketOut) -> None:
    """Name what remains as dust and hand it back, signed as a delta."""
    left = ticket.remain
    ticket.dust += left
    how = (
        "unwound"
        if ticket.unwound > ticket.filled
        else "hedged"
        if ticket.filled
        else "netted"
        if ticket.netted
        else "dust"
    )
    out.append(CloseTicket(ticket.side.sign * left, how))


def _send_spot(
    ticket: HedgeTicket, what: TicketInput, out: TicketOut, slip_bps: Decimal, intent: OrderIntent, leg: Leg
) -> None:
    side, rules = ticket.side.opposite, what.view.constraints.spot
    touch = what.view.touch(InstType.SPOT, side)
    assert touch is not None, "guarded by spot_qty > 0"
    qty = spot_qty(ticket, what.view)
    ticket.child, ticket.tries = Child(InstType.SPOT, side, qty), ticket.tries + 1
    ticket.next_try_ms = what.at_ms + what.view.limits.hedge_retry_ms
    out.append(SendChild(InstType.SPOT, side, qty, taking_price(touch, side, slip_bps, rules), intent, leg))


def _send_perp(ticket: HedgeTicket, what: TicketInput, out: TicketOut, qty: Decimal, reduce_only: bool) -> None:
    side, rules, limits = ticket.side.opposite, what.view.constraints.perp, what.view.limits
    touch = what.view.touch(InstType.PERP, side)
    assert touch is not None and qty > 0, "guarded by may_unwind or may_round_up"
    ticket.child, ticket.tries = Child(InstType.PERP, side, qty), ticket.tries + 1
    ticket.next_try_ms = what.at_ms + limits.unwind_retry_ms
    price = taking_price(touch, side, limits.unwind_slip_bps, rules)
    out.append(SendChild(InstType.PERP, side, qty, price, OrderIntent.UNWIND, Leg.PERP_UNWIND, reduce_only))
