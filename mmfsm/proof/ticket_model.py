"""The model of tickets: its invariants, what must be reached, and what it leaves out. See `tickets` for its world."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal

from mmfsm.machines import order as orders
from mmfsm.machines import ticket as tickets
from mmfsm.proof import canonical, model, venue
from mmfsm.proof.model import Model, fires
from mmfsm.proof.search import Choice, Sometimes, Step
from mmfsm.proof.tickets import ORDER_LIMITS, SMALLEST, World, alphabet, fire, slack_of
from mmfsm.proof.venue import ENDED, OPEN, WIRE
from mmfsm.values import ZERO, InstType, Side

LEAVES_OUT = (
    "prices: one book a leg that never moves; slips and limits are not looked at, and every limit trades",
    "quotes, feeds, modes and the session: a perp fill comes from nowhere, at any moment",
    "sizes: a fill of the perp is 4 lots, of a child all, none or one step; a step is 1 lot on spot, 4 on the perp",
    "base-coin fees (dust comes from odd remainders) and duplicate fills (the ledger drops them before any table)",
    "clocks run in one unit, each bound one to three of it; what is under way waits less than two, but for faults",
    "buy and sell are mirror images: the first fill of a path is a buy",
)

COARSE_LEAVES_OUT = (
    "children fill whole or not at all: no dust, no rounding up",
    "all that waits to be told of an order is told at once, in its order, or lost at once; nothing is told twice",
    "the clock passes only when nothing is under way: what is late is a fault's",
)


def model_of_tickets(
    exposures: int = 1,
    faults: int = 1,
    held: tuple[int, ...] = (0, -4, 4),
    *,
    prompt: bool = True,
    coarse: bool = False,
) -> Model[World]:
    """Return the model with so many perp fills and faults a path, starting from each of these perp positions.

    `prompt`: without a fault nothing waits for two whole steps of the clock; else delays have no bound. `coarse`:
    what else is left out so that more fills and faults can be visited whole.
    """
    blind = (False, True) if len(held) > 1 else (False,)
    return Model(
        name="tickets, coarsely" if coarse else "tickets",
        leaves_out=LEAVES_OUT + (COARSE_LEAVES_OUT if coarse else ()),
        init=lambda: [
            World(exposures, faults, blind=unseen, prompt=prompt, coarse=coarse, perp_pos=Decimal(lots))
            for unseen in blind
            for lots in held
        ],
        alphabet=alphabet,
        fire=fire,
        canonical=key,
        invariants=INVARIANTS,
        sometimes=sometimes(exposures, faults, coarse=coarse),
        goal=goal,
        tables=(tickets.TABLE, orders.TABLE),
    )


def key(world: World) -> Hashable:
    """What makes two worlds the same: see `canonical`. Whatever an invariant reads is in it."""
    now, known = world.now, world.tickets
    sides = {name: ticket.side is Side.BUY for name, ticket in known.items()}
    return (
        world.exposures,
        world.faults,
        world.blind,
        world.perp_pos,
        world.delta,
        world.dust,
        world.opened > 0,
        world.alerted,
        tuple(
            (
                canonical.ticket_key(ticket, now),
                ticket.filled > 0,
                name in world.lied,
                name in world.refused,
                name in world.denied,
            )
            for name, ticket in known.items()
        ),
        tuple(
            (sides.get(order.owner), order.request.inst is InstType.SPOT, canonical.order_key(order, now, ORDER_LIMITS))
            for order in world.orders.values()
        ),
        tuple(venue.slip_key(slip, now, ORDER_LIMITS.not_found_ms) for slip in world.slips.values()),
        world.broken,
    )


# --- invariants -------------------------------------------------------------------------------------------------------


def one_owner(world: World) -> str:
    owned = sum((ticket.exposure for ticket in world.tickets.values()), ZERO) + world.dust
    return "" if owned == world.delta else f"delta {world.delta} is owned as {owned}"


def adds_up(world: World) -> str:
    for ticket in world.tickets.values():
        if ticket.state == tickets.DONE or ticket.want <= 0 or min(ticket.filled, ticket.unwound, ticket.netted) < 0:
            return f"{ticket}"
    return ""


def one_child(world: World) -> str:
    for name, ticket in world.tickets.items():
        out = [oid for oid, order in world.orders.items() if order.owner == name and order.state != orders.SETTLED]
        if len(out) > 1 or (ticket.child is not None) != bool(out):
            return f"{name} has {out} out and believes {ticket.child}"
    return ""


def state_is_true(world: World) -> str:
    """PENDING has no hedge fill and PARTIAL has; CHASING is past its deadline; UNWINDING had its time, or a refusal."""
    for ticket in world.tickets.values():
        holds = {
            tickets.PENDING: not ticket.filled and not ticket.unwound,
            tickets.PARTIAL: ticket.filled > 0 and not ticket.unwound,
            tickets.CHASING: world.now >= ticket.deadline_ms and not ticket.unwound,
            tickets.UNWINDING: world.now >= ticket.unhedged_until_ms or ticket.hedge_id in world.denied,
        }
        if not holds[ticket.state]:
            return f"{ticket.state}: {ticket}"
    return ""


def true_books(world: World) -> str:
    """An order has booked what was told of it, each fill once."""
    for oid, order in world.orders.items():
        slip = world.slips[oid]
        told = slip.filled - sum(slip.fills[number] for number in slip.untold)
        if order.booked != told:
            return f"{oid} has booked {order.booked} of {told} told"
    return ""


def not_too_much(world: World) -> str:
    """What the exchange has filled untold, and may still fill, is within what remains, where it has not lied."""
    for name, ticket in world.tickets.items():
        coming = ZERO
        for oid, order in world.orders.items():
            slip = world.slips[oid]
            if order.owner != name or name in world.lied:
                continue
            untold = sum(slip.fills[number] for number in slip.untold)
            coming += untold + (slip.qty - slip.filled if slip.stage in (WIRE, OPEN) else 0)
        slack = slack_of(refused=ticket.spot_refused)
        if coming > max(ticket.remain, ZERO) + slack:
            return f"{coming} may still fill, {ticket.remain} remain of {ticket.want}"
    return ""


def sent_right(name: str) -> Callable[[World], str]:
    """What was sent was right to send, as far as this invariant goes."""

    def holds(world: World) -> str:
        return world.broken[1] if world.broken is not None and world.broken[0] == name else ""

    return holds


INVARIANTS: Mapping[str, Callable[[World], str]] = {
    model.ONE_OWNER: one_owner,
    model.ADDS_UP: adds_up,
    model.ONE_CHILD: one_child,
    model.STATE_IS_TRUE: state_is_true,
    model.NO_HEDGE_ALONE: sent_right(model.NO_HEDGE_ALONE),
    model.NOT_TOO_MUCH + ", as sent": sent_right(model.NOT_TOO_MUCH),
    model.NOT_TOO_MUCH: not_too_much,
    model.REDUCES: sent_right(model.REDUCES),
    model.TRUE_BOOKS: true_books,
    model.NOT_AGAIN: sent_right(model.NOT_AGAIN),
}


def goal(world: World) -> bool:
    """Nothing open, nothing untold, no dust that could be traded; or a person was called."""
    if world.alerted:
        return True
    quiet = all(order.state == orders.SETTLED for order in world.orders.values())
    told = not any(slip.untold for slip in world.slips.values())
    return quiet and told and not world.tickets and abs(world.dust) < SMALLEST


# --- what must be reached ---------------------------------------------------------------------------------------------


def dust_kept(_before: World, _choice: Choice, taken: Step[World]) -> bool:
    return taken.world.dust != 0 and not taken.world.tickets


def late_after_done(before: World, choice: Choice, taken: Step[World]) -> bool:
    """A fill of a child whose ticket is done already."""
    if choice[1] not in ("tells", "rereads", "answers") or taken.world.delta == before.delta:
        return False
    order = before.orders[str(choice[2])]
    return order.owner not in before.tickets


def resolved(_before: World, _choice: Choice, taken: Step[World]) -> bool:
    """An UNKNOWN order became something known."""
    return any(
        name == "Order" and "UNKNOWN" in row.sources and row.dest in (orders.SETTLED, orders.UNSETTLED, orders.LIVE)
        for name, row in taken.fired
    )


def alarmed(_before: World, _choice: Choice, taken: Step[World]) -> bool:
    return taken.world.alerted


def ended_untold(_before: World, choice: Choice, taken: Step[World]) -> bool:
    return choice[1] == "takes" and any(slip.stage == ENDED for slip in taken.world.slips.values())


def sometimes(exposures: int, faults: int, *, coarse: bool) -> dict[str, Sometimes[World]]:
    """What the model must reach within its bounds: without faults nothing is refused, unknown or alarming."""
    always: dict[str, Sometimes[World]] = {
        "an order ends before it is told": ended_untold,
        "an unwind": fires("HedgeTicket", "timer", effect="unwind_if_free"),
    }
    waiting: dict[str, Sometimes[World]] = {
        "a chase": fires("HedgeTicket", "timer", effect="send_chase"),
        "a rest goes back to spot": fires("HedgeTicket", "timer", effect="send_spot_rest"),
        "an UNKNOWN is resolved": resolved,
    }
    parts: dict[str, Sometimes[World]] = {"dust is kept": dust_kept}
    several: dict[str, Sometimes[World]] = {
        "a netting": fires("HedgeTicket", "net"),
        "a ticket grows": fires("HedgeTicket", "grow"),
    }
    stormy: dict[str, Sometimes[World]] = {
        "a person is called": alarmed,
        "spot refuses for good": fires("HedgeTicket", "spot_refused"),
        "a late hedge fill shrinks an unwind": fires("HedgeTicket", "hedge_filled", source="UNWINDING"),
    }
    stormy_parts: dict[str, Sometimes[World]] = {
        "a late fill after DONE": late_after_done,
        "an unwind is rounded up": fires("HedgeTicket", "timer", effect="send_unwind_up"),
    }
    twice: dict[str, Sometimes[World]] = {
        "both legs refuse": fires("HedgeTicket", "timer", effect="forget_refusals"),
    }
    groups = (
        (always, True),
        (waiting, faults or not coarse),
        (parts, not coarse),
        (several, exposures > 1),
        (stormy, faults),
        (stormy_parts, faults and not coarse),
        (twice, faults > 1),
    )
    return {name: holds for group, meant in groups if meant for name, holds in group.items()}
