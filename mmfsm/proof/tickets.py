"""Tickets and their child orders, on their two tables alone: every order of what a venue and a clock can do to them.

What stands between the tables here is what `hedging` and `placing` do in the desk, without prices, records and fees.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.machines import order as orders
from mmfsm.machines import ticket as tickets
from mmfsm.machines.order import Order, OrderInput, OrderLimits, OrderOut
from mmfsm.machines.ticket import (
    CloseTicket,
    HedgeLimits,
    HedgeTicket,
    HedgeView,
    SendChild,
    TicketInput,
    TicketOut,
)
from mmfsm.proof import venue
from mmfsm.proof.copying import twin
from mmfsm.proof.model import NO_HEDGE_ALONE, NOT_AGAIN, NOT_TOO_MUCH, REDUCES
from mmfsm.proof.search import Choice
from mmfsm.proof.venue import Message, Slip
from mmfsm.values import (
    ZERO,
    Constraints,
    InstrumentRules,
    InstType,
    OrderRequest,
    Outcome,
    Side,
    Tif,
)

START = 100
UNIT = {InstType.SPOT: 1, InstType.PERP: 4}
"""Lots per step of each leg: a part of four is nothing the perp can trade, one lot nothing spot can."""

SMALLEST = 2
"""The least that spot trades, in lots."""

ORDER_LIMITS = OrderLimits(
    answer_bound_ms=1, child_settle_ms=1, cancel_settle_ms=1, query_period_ms=1, not_found_ms=2, unknown_bound_ms=3
)
HEDGE_LIMITS = HedgeLimits(
    hedge_deadline_ms=1,
    max_unhedged_ms=2,
    hedge_retry_ms=1,
    unwind_retry_ms=1,
    hedge_slip_bps=Decimal(5),
    chase_step_bps=Decimal(10),
    hedge_slip_max_bps=Decimal(100),
    unwind_slip_bps=Decimal(50),
)


def _rules(inst: InstType) -> InstrumentRules:
    least = Decimal(150)
    step, band = Decimal(UNIT[inst]), Decimal("0.05")
    return InstrumentRules(inst, "ABC", "A", "C", Decimal(1), step, step, least, band, band, ZERO, ZERO)


BID, ASK = Decimal(99), Decimal(101)
RULES = Constraints(perp=_rules(InstType.PERP), spot=_rules(InstType.SPOT))
REFUSALS = {"leg": Outcome.REFUSED_LEG, "busy": Outcome.BUSY, "flat": Outcome.FLAT}


@attrs.define
class World:
    """Tickets, orders and the exchange. `exposures` and `faults` are what the path may still spend; `broken` says what
    was wrong with something that was sent, as (invariant's name, detail); `lied`: tickets the exchange has misled;
    `refused`: tickets that spot has refused and the perp has not since; `denied`: those it has ever refused."""

    exposures: int
    faults: int
    blind: bool = False
    prompt: bool = False
    coarse: bool = False
    now: int = START
    perp_pos: Decimal = ZERO
    delta: Decimal = ZERO
    dust: Decimal = ZERO
    opened: int = 0
    sent: int = 0
    alerted: bool = False
    tickets: dict[str, HedgeTicket] = attrs.field(factory=dict)
    orders: dict[str, Order] = attrs.field(factory=dict)
    slips: dict[str, Slip] = attrs.field(factory=dict)
    settled: list[str] = attrs.field(factory=list)
    lied: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    broken: tuple[str, str] | None = None

    def copy(self) -> World:
        """Return a world of its own. Tickets and orders are shared: whoever is told something is copied then."""
        copy = twin(self)
        copy.tickets, copy.orders, copy.slips = self.tickets.copy(), self.orders.copy(), self.slips.copy()
        copy.settled = []
        return copy

    def view(self) -> HedgeView:
        spot_bid, spot_ask = (None, None) if self.blind else (BID, ASK)
        return HedgeView(RULES, HEDGE_LIMITS, spot_bid, spot_ask, BID, ASK, self.perp_pos)


# --- choices ----------------------------------------------------------------------------------------------------------


def alphabet(world: World) -> list[Choice]:
    """What may happen next, the benign choice first."""
    if world.alerted:
        return []  # a person decides
    slips = world.slips.values()
    first = ("venue", "book") if world.blind else _benign(world)
    choices: list[Choice] = [first] if first else []
    if _may_wait(world):
        choices.append(("clock", "passes"))
    if world.coarse:
        choices += [choice for slip in slips for choice in venue.coarse(slip, may_fail=world.faults > 0)]
    else:
        choices += [choice for slip in slips for choice in venue.honest(slip)]
    if world.exposures:
        sides = tuple(Side) if world.opened else (Side.BUY,)  # what holds of the one holds of the other
        choices += [("venue", "perp_fill", side.value, UNIT[InstType.PERP]) for side in sides]
    if world.faults:
        choices += [] if world.coarse else [choice for slip in slips for choice in venue.faults(slip)]
        if any(ticket.state in (tickets.PENDING, tickets.PARTIAL) for ticket in world.tickets.values()):
            choices.append(("fault", "breach"))
    return list(dict.fromkeys(choices))


def _benign(world: World) -> Choice | None:
    choice = venue.benign(world.slips.values())
    is_told = choice is not None and choice[1] == "tells"
    return (*choice[:1], "tells_all", choice[2]) if world.coarse and choice is not None and is_told else choice


def _may_wait(world: World) -> bool:
    """The clock may pass. Coarsely seen, nothing is under way then but what a fault keeps back."""
    if world.coarse:
        return all(slip.late or not slip.pending for slip in world.slips.values())
    return not world.prompt or venue.may_wait(world.slips.values())


def fire(before: World, choice: Choice) -> World:
    """Take a choice; the world before is kept."""
    world = before.copy()
    if choice[0] == "fault":
        world.faults -= 1
    what = choice[1]
    if what == "passes":
        world.now += 1
        world.slips = venue.expired(world.slips, world.now, ORDER_LIMITS.not_found_ms)
        _tick(world)
    elif what == "book":
        world.blind = False
        _tick(world)
    elif what == "perp_fill":
        world.exposures -= 1
        side = Side(str(choice[2]))
        world.perp_pos += side.sign * int(choice[3])
        _book(world, side.sign * Decimal(choice[3]))
    elif what == "breach":
        for ticket in list(world.tickets.values()):
            if ticket.state in (tickets.PENDING, tickets.PARTIAL):
                _tell(world, ticket, "breach")
    else:
        oid = str(choice[2])
        world.slips[oid], messages = venue.act(world.slips[oid], choice)
        if world.slips[oid].lied:
            world.lied |= {world.orders[oid].owner}
        for message in messages:
            _hear(world, oid, message)
            _settle(world)
    _open_from_dust(world)
    over = [oid for oid, order in world.orders.items() if order.state == orders.SETTLED]
    if over:
        world.slips = venue.swept(world.slips, over)
        world.orders = {oid: order for oid, order in world.orders.items() if oid in world.slips or oid not in over}
    return world


def _tick(world: World) -> None:
    for oid in list(world.orders):
        _tell_order(world, oid, "timer")
    _settle(world)
    for ticket in list(world.tickets.values()):
        if ticket.child is not None and world.now >= ticket.deadline_ms:
            for oid in [oid for oid, order in world.orders.items() if order.owner == ticket.hedge_id]:
                if world.orders[oid].state != orders.SETTLED:
                    _tell_order(world, oid, "hurry")
        _tell(world, ticket, "timer")


# --- what the desk does between the tables ----------------------------------------------------------------------------


def _hear(world: World, oid: str, message: Message) -> None:
    kind, number, word = message
    order = world.orders[oid]
    if kind == "fill":
        lots = Decimal(world.slips[oid].fills[number])
        change = order.request.side.sign * lots
        if order.request.inst is InstType.PERP:
            world.perp_pos += change
        world.delta += change
        _tell_order(world, oid, "fill", qty=lots, order_id=oid)
        ticket = world.tickets.get(order.owner)
        if ticket is None:
            _expose(world, change)
        else:
            name = "hedge_filled" if order.request.inst is InstType.SPOT else "unwind_filled"
            _tell(world, ticket, name, -ticket.side.sign * change)
    elif kind == "refused":
        _tell_order(world, oid, "refused", outcome=REFUSALS[word], reason=word)
    elif kind in ("end", "live"):
        event = "told_end" if kind == "end" else "told_live"
        _tell_order(world, oid, event, order_id=oid, filled=Decimal(number), asked=True)
    else:
        named = {"order_id": oid} if kind == "ack" else {}
        _tell_order(world, oid, kind, **named)


def _tell_order(world: World, oid: str, event: str, **facts: object) -> None:
    order = world.orders[oid] = twin(world.orders[oid])
    commands: OrderOut = []
    was = order.state
    what = OrderInput(world.now, ORDER_LIMITS, **facts)  # type: ignore[arg-type]
    orders.TABLE.fire(order, event, what, commands)
    for command in commands:
        if command == "alarm":
            world.alerted = True
        elif command in ("ask", "ask_fills"):
            asked = "fills" if command == "ask_fills" or world.slips[oid].asked == "fills" else "order"
            world.slips[oid] = attrs.evolve(world.slips[oid], asked=asked)
    if order.state == orders.SETTLED and was != orders.SETTLED:
        world.settled.append(oid)


def _settle(world: World) -> None:
    """Tell the tickets of orders that have just settled."""
    while world.settled:
        order = world.orders[world.settled.pop(0)]
        ticket = world.tickets.get(order.owner)
        event = "child_settled"
        if order.request.inst is InstType.PERP and order.refusal not in (None, Outcome.BUSY, Outcome.PAUSED):
            event = "perp_refused"
        elif order.refusal in (Outcome.REFUSED_LEG, Outcome.FATAL):
            event = "spot_refused"
        if event == "spot_refused":
            world.refused |= {order.owner}
            world.denied |= {order.owner}
        elif event == "perp_refused":
            world.refused -= {order.owner}
        if ticket is not None:
            _tell(world, ticket, event)


def _book(world: World, change: Decimal) -> None:
    world.delta += change
    _expose(world, change)


def _expose(world: World, change: Decimal) -> None:
    """As `hedging.expose`: net, grow or open."""
    side, qty = (Side.BUY, change) if change > 0 else (Side.SELL, -change)
    other = next((ticket for ticket in world.tickets.values() if ticket.side is side.opposite), None)
    if other is not None and (unsent := _unsent(world, other)) > 0:
        netted = min(qty, unsent)
        qty -= netted
        _tell(world, other, "net", netted)
    same = next((ticket for ticket in world.tickets.values() if ticket.side is side), None)
    if qty > 0 and same is not None:
        _tell(world, same, "grow", qty)
    elif qty > 0:
        _open(world, side, qty)


def _unsent(world: World, ticket: HedgeTicket) -> Decimal:
    """As the desk's: what no order works on."""
    left = (order.left for order in world.orders.values() if order.owner == ticket.hedge_id)
    return max(ticket.remain - sum(left, ZERO), ZERO)


def _open(world: World, side: Side, qty: Decimal) -> None:
    want = qty + side.sign * world.dust
    if want <= 0:
        world.dust += side.sign * qty
        return
    world.dust, world.opened = ZERO, world.opened + 1
    what = TicketInput(world.now, world.view())
    ticket, out = tickets.open_ticket(f"{side.value}-{world.opened}", 1, side, want, what)
    if ticket.state != tickets.DONE:
        world.tickets[ticket.hedge_id] = ticket
    _run(world, ticket, out)


def _open_from_dust(world: World) -> None:
    if not world.tickets and abs(world.dust) >= SMALLEST and not world.blind:
        _open(world, Side.BUY if world.dust > 0 else Side.SELL, ZERO)


def _tell(world: World, ticket: HedgeTicket, event: str, qty: Decimal = ZERO) -> None:
    if ticket.state == tickets.DONE:
        return
    ticket = world.tickets[ticket.hedge_id] = twin(ticket)
    out: TicketOut = []
    what = TicketInput(world.now, world.view(), qty)
    tickets.TABLE.fire(ticket, event, what, out)
    if event != "timer" and ticket.state != tickets.DONE:
        tickets.TABLE.fire(ticket, "timer", what, out)
    _run(world, ticket, out)


def _run(world: World, ticket: HedgeTicket, out: TicketOut) -> None:
    for command in out:
        if isinstance(command, SendChild):
            _send(world, ticket, command)
        elif isinstance(command, CloseTicket):
            world.dust += command.dust
            world.tickets.pop(ticket.hedge_id, None)
        else:
            world.refused -= {ticket.hedge_id}  # both were tried


def _send(world: World, ticket: HedgeTicket, order: SendChild) -> None:
    world.sent += 1
    oid = f"{ticket.hedge_id}.{world.sent}"
    world.broken = world.broken or wrong_to_send(ticket, order, world.perp_pos)
    if order.inst is InstType.SPOT and ticket.hedge_id in world.refused:
        world.broken = world.broken or (NOT_AGAIN, f"{order.side} {order.qty} on {order.inst}")
    request = OrderRequest(
        oid, order.inst, order.side, order.qty, order.price, Tif.IOC, order.intent, order.leg, 1, order.reduce_only
    )
    world.orders[oid] = Order(request, ticket.hedge_id, world.now, since_ms=world.now, asked_ms=world.now)
    inst = "spot" if order.inst is InstType.SPOT else "perp"
    world.slips[oid] = Slip(oid, inst, int(order.qty), UNIT[order.inst], sent=world.now)


def slack_of(*, refused: bool) -> int:
    """How much more than remains the perp may be asked for: dust on spot; less than a step if spot refuses."""
    return (UNIT[InstType.PERP] if refused else SMALLEST) - 1


def wrong_to_send(ticket: HedgeTicket, order: SendChild, perp_pos: Decimal) -> tuple[str, str] | None:
    """Say what is wrong with an order at the moment it is sent, as (invariant's name, detail)."""
    what = f"{order.side} {order.qty} on {order.inst}, {ticket.remain} remain of {ticket.want}, perp {perp_pos}"
    if ticket.want <= 0 or order.side is ticket.side:
        return NO_HEDGE_ALONE, what
    slack = slack_of(refused=ticket.spot_refused and order.reduce_only) if order.inst is InstType.PERP else 0
    if order.qty > ticket.remain + slack:
        return NOT_TOO_MUCH, what
    reducible = max(-order.side.sign * perp_pos, ZERO)
    if order.reduce_only and order.qty > reducible:
        return REDUCES, what
    if order.inst is InstType.PERP and not order.reduce_only and reducible:
        return REDUCES, f"plain, where it could reduce: {what}"
    return None
