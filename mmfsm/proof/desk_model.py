"""The models of the real desk: quotes × orders × feeds with tickets, and session × restart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import attrs

from mmfsm import machines
from mmfsm.desk import Desk
from mmfsm.events import Start
from mmfsm.proof import canonical, model, reading, venue
from mmfsm.proof.desks import FEEDS, PARAMS, T0, feed, fire
from mmfsm.proof.model import Model, fires
from mmfsm.proof.running import running
from mmfsm.proof.search import Choice, Sometimes, Step
from mmfsm.proof.venue import OPEN, WIRE
from mmfsm.proof.world import LOT, World
from mmfsm.values import ZERO, InstType

QUOTES_LEAVE_OUT = (
    "prices: both books stand still, so no quote is moved, no guard of cost or liquidation is met; fees are none",
    "the edge's floor, the basis filter, funding's hysteresis, and the policy for leaving a pair: all are off",
    "sizes: quotes of two lots, filled by one lot or whole; children fill all, none or one lot; no dust",
    "readings of everything are answered at once and truthfully; questions about one order are not",
    "start-up, stop and restart: the session's model; the desk begins QUOTING, both quotes resting",
    "a feed comes back whole, with its first data; books5 falling back and silent feeds are the feed's own tests'",
    "clocks run in one unit of a second, each bound one to three of it; reconciliation and drift are out of reach",
    "an order that is refused and trades all the same (`denials`): on spot it is a stranger's fill, for drift to find",
)
SESSION_LEAVES_OUT = (
    "the time-in-force proof (perp_tif is set) and position modes that do not fit",
    "feeds come up at once at start and stay; an answer to a reading tells the truth of its moment or fails",
    "fills while nobody looks are told by the exchange afterwards, at any moment, not by the reading of fills",
    "prices, sizes and clocks as in the model of quotes",
)


def _opened(exposures: int, faults: int, words: int, sides: int) -> World:
    """A desk that quotes one side or both, its orders acknowledged."""
    world = _cold(exposures, faults, words, sides)
    world.patient = False
    feed(world, [Start(T0), *reading.feeds_up(T0)])
    for _ in range(4):
        for oid in list(world.slips):
            choice = venue.benign([world.slips[oid]])
            if choice is not None:
                world = fire(world, choice)
    assert world.state.mode.state == "QUOTING" and len(world.slips) == sides, "the model does not start as it says"
    return world


def _cold(exposures: int, faults: int, words: int, sides: int) -> World:
    desk = Desk(PARAMS, run=1)
    desk.state.now_ms = T0
    return World(desk.state, exposures, faults, words, patient=True, cash=5_000 if sides == 2 else 0)


def model_of_quotes(
    exposures: int = 1,
    faults: int = 0,
    words: int = 0,
    *,
    sides: int = 1,
    denials: bool = False,
    closing: bool = False,
) -> Model[World]:
    """Return the model of a desk that quotes so many sides, with so many fills, faults and operator's words a path.

    `denials`: a refused order may trade, as a fault; `closing`: an operator may also say flatten.
    """

    def init() -> list[World]:
        with running():  # as declared, whatever is explored
            return [attrs.evolve(_opened(exposures, faults, words, sides), denials=denials, closing=closing)]

    return Model(
        name="quotes",
        leaves_out=QUOTES_LEAVE_OUT,
        init=init,
        alphabet=alphabet,
        fire=fire,
        canonical=key,
        invariants=INVARIANTS,
        sometimes=_sometimes_quotes(exposures, faults, words, closing=closing),
        goal=goal,
        tables=tuple(machines.ALL),
    )


def model_of_session(exposures: int = 1, faults: int = 0, words: int = 1, *, sides: int = 1) -> Model[World]:
    """Return the model of a run from its start, with stops and kills as an operator's words."""
    return Model(
        name="session",
        leaves_out=SESSION_LEAVES_OUT,
        init=lambda: [_cold(exposures, faults, words, sides)],
        alphabet=alphabet_of_session,
        fire=fire,
        canonical=key,
        invariants=INVARIANTS,
        sometimes=_sometimes_session(faults, words),
        goal=goal_of_session,
        tables=tuple(machines.ALL),
    )


# --- choices ----------------------------------------------------------------------------------------------------------


def _called(world: World) -> bool:
    """Something else than an operator's own word has latched a halt."""
    return any(latched and reason != "operator" for reason, latched in world.state.mode.reasons.items())


def _clock(world: World) -> list[Choice]:
    return [("clock", "passes")] if venue.may_wait(world.slips.values()) else []


def _of_venue(world: World) -> list[Choice]:
    slips = world.slips.values()
    choices = [choice for slip in slips for choice in venue.honest(slip)]
    if world.exposures:
        for slip in slips:
            if slip.rests and slip.stage == OPEN:
                left = slip.qty - slip.filled
                choices += [("market", "hits", slip.oid, lots) for lots in dict.fromkeys((left, 1))]
    if world.faults:
        choices += [choice for slip in slips for choice in venue.faults(slip, repeats=True, denials=world.denials)]
    return choices


def alphabet(world: World) -> list[Choice]:
    """What may happen next to a quoting desk, the benign choice first."""
    if _called(world):
        return []  # a person decides
    first: list[Choice] = [("venue", "feed_up", name.value) for name in world.down]
    benign = venue.benign(world.slips.values())
    choices = first + ([benign] if benign else []) + _clock(world)
    choices += _of_venue(world)
    if world.faults and not world.down:
        choices += [("fault", "feed_down", name.value) for name in FEEDS]
    if world.words:
        held = world.state.mode.latched or world.state.flattened
        words = ("halt", *(["resume"] if held else []), *(["flatten"] if world.closing else []))
        choices += [("operator", word) for word in words]
    return list(dict.fromkeys(choices))


def alphabet_of_session(world: World) -> list[Choice]:
    """What may happen next to a run, the benign choice first."""
    at_rest = world.state.ready and not (world.words or world.state.tickets)
    if world.exits or _called(world) or at_rest:
        return []
    if world.state.session.state == "COLD":
        return [("operator", "starts")]
    first: list[Choice] = [("venue", "reads", name) for name in world.reads]
    benign = venue.benign(world.slips.values())
    choices = ([benign] if benign else []) + first + _clock(world)
    choices += _of_venue(world)
    if world.faults:
        choices += [("fault", what, name) for name in world.reads for what in ("fails", "refuses_for_good")]
    if world.words:
        choices += [("operator", "stop"), ("operator", "kills")]
    return list(dict.fromkeys(choices))


def key(world: World) -> Hashable:
    """What makes two worlds the same: see `canonical`. Whatever an invariant reads is in it."""
    bound, known = PARAMS.not_found_ms, world.state.orders
    return (
        canonical.desk_key(world.state, PARAMS),
        tuple(
            (
                world.orders[oid].leg.value,
                world.orders[oid].side.value,
                venue.slip_key(slip, world.now, bound),
                (known.open.get(oid) or known.settled[oid]).booked,
            )
            for oid, slip in world.slips.items()
        ),
        (world.exposures, world.faults, world.words, world.perp, world.spot, world.reads, world.down),
        (world.alerts, world.exits, world.broken),
    )


# --- invariants -------------------------------------------------------------------------------------------------------


def one_owner(world: World) -> str:
    s = world.state
    owned = sum((ticket.exposure for ticket in s.tickets.values()), ZERO) + s.dust
    return "" if not s.books_open or owned == s.ledger.delta else f"delta {s.ledger.delta} is owned as {owned}"


def adds_up(world: World) -> str:
    wrong = [ticket for ticket in world.state.tickets.values() if ticket.state == "DONE" or ticket.want <= 0]
    return str(wrong[0]) if wrong else ""


def one_child(world: World) -> str:
    for name, ticket in world.state.tickets.items():
        out = [oid for oid, order in world.state.orders.open.items() if order.owner == name]
        if len(out) > 1 or (ticket.child is not None) != bool(out):
            return f"{name} has {out} out and believes {ticket.child}"
    return ""


def no_new_risk(world: World) -> str:
    """Outside QUOTING nothing rests that is not being cancelled, asked for, or waiting for its answer to be."""
    s = world.state
    if s.mode.state == "QUOTING":
        return ""
    left = [
        oid for oid, order in s.orders.open.items()
        if order.owner in ("bid", "ask") and not (order.cancel_wanted or order.state in ("CANCELLING", "UNSETTLED"))
    ]  # fmt: skip
    return f"{left} in {s.mode.state}" if left else ""


def one_quote(world: World) -> str:
    legs = [world.orders[oid].leg for oid, slip in world.slips.items() if slip.rests and slip.stage in (WIRE, OPEN)]
    return f"{legs} at the exchange" if len(set(legs)) < len(legs) else ""


def true_books(world: World) -> str:
    """The ledger is the exchange's position, less what was not told yet."""
    s = world.state
    if not s.books_open:
        return ""
    untold = {InstType.PERP: ZERO, InstType.SPOT: ZERO}
    for oid, slip in world.slips.items():
        side = world.orders[oid].side.sign
        untold[world.orders[oid].inst] += side * sum(slip.fills[number] for number in slip.untold) * LOT
    for fill in s.orders.early.values():
        untold[fill.inst] += fill.side.sign * fill.qty
    for oid, slip in world.slips.items():
        order = s.orders.open.get(oid) or s.orders.settled[oid]
        early = any(fill.order_id == f"x{oid}" for fill in s.orders.early.values())
        told = (slip.filled - sum(slip.fills[number] for number in slip.untold)) * LOT
        if order.booked != told and not early:
            return f"{oid} has booked {order.booked} of {told} told"
    perp, spot = world.perp * LOT - untold[InstType.PERP], world.spot * LOT - untold[InstType.SPOT]
    booked = (s.ledger.perp, s.ledger.spot - reading.COIN)
    return "" if booked == (perp, spot) else f"booked {booked}, told {(perp, spot)}"


def one_end(world: World) -> str:
    if len(world.exits) > 1:
        return f"exits {world.exits}"
    open_there = [oid for oid, slip in world.slips.items() if slip.stage in (WIRE, OPEN)]
    return f"clean, and {open_there} are open" if world.exits == (0,) and open_there else ""


def sent_right(name: str) -> Callable[[World], str]:
    def holds(world: World) -> str:
        return world.broken[1] if world.broken is not None and world.broken[0] == name else ""

    return holds


INVARIANTS: Mapping[str, Callable[[World], str]] = {
    model.ONE_OWNER: one_owner,
    model.ADDS_UP: adds_up,
    model.ONE_CHILD: one_child,
    model.NO_HEDGE_ALONE: sent_right(model.NO_HEDGE_ALONE),
    model.NOT_TOO_MUCH: sent_right(model.NOT_TOO_MUCH),
    model.NO_NEW_RISK + ", as sent": sent_right(model.NO_NEW_RISK),
    model.NO_NEW_RISK: no_new_risk,
    model.ONE_QUOTE: one_quote,
    model.HEDGEABLE: sent_right(model.HEDGEABLE),
    model.REDUCES: sent_right(model.REDUCES),
    model.TRUE_BOOKS: true_books,
    model.CHECKED_FIRST: sent_right(model.CHECKED_FIRST),
    model.ONE_END: one_end,
}


def _flat(world: World) -> bool:
    s = world.state
    told = not any(slip.untold for slip in world.slips.values())
    busy = any(order.owner not in ("bid", "ask") for order in s.orders.open.values())
    return told and not busy and not s.tickets and s.ledger.delta == s.dust and abs(s.dust) < LOT


def goal(world: World) -> bool:
    """Flat and quoting, or as quiet as a halt can be, or a person was called."""
    s = world.state
    waits = s.mode.latched or (s.flattened and not s.ledger.perp)  # for an operator's word
    resting = s.mode.state == "QUOTING" or (waits and not s.orders.open)
    return bool(_called(world) and world.alerts) or (_flat(world) and resting)


def goal_of_session(world: World) -> bool:
    """The run has ended, or it quotes, or a person was called."""
    return bool(world.exits) or goal(world)


# --- what must be reached ---------------------------------------------------------------------------------------------


def _sometimes_quotes(exposures: int, faults: int, words: int, *, closing: bool) -> dict[str, Sometimes[World]]:
    wanted: dict[str, Sometimes[World]] = {
        "quotes are pulled": fires("QuoteSlot", "unwant", to="CLOSING"),
        "a hedge is sent at once": fires("HedgeTicket", "opened", effect="send_hedge"),
        "a chase": fires("HedgeTicket", "timer", effect="send_chase"),
        "a cool-down ends in quoting": fires("Mode", "review", to="QUOTING", source="COOLDOWN"),
        "a fill waits for its order": lambda _b, _c, taken: bool(taken.world.state.orders.early),
    }
    if exposures > 1 or words:
        wanted["a fill races its cancel"] = fires("Order", "fill", source="CANCELLING")
    if faults:
        wanted["a feed is lost and halts"] = fires("Mode", "halt", to="HALTED")
        wanted["a halt clears by itself"] = fires("Mode", "clear", to="IDLE")
        wanted["spot refuses for good"] = fires("HedgeTicket", "spot_refused")
    if words:
        wanted["a person halts"] = fires("Mode", "halt", to="HALTED")
    if words and closing:
        wanted["the pair is closed on a word"] = lambda _b, _c, taken: taken.world.state.flattened
    if words > 1:
        wanted["a person resumes"] = fires("Mode", "resume")
    return wanted if exposures else {}


def _ends_with(status: int) -> Sometimes[World]:
    def holds(_before: World, _choice: Choice, taken: Step[World]) -> bool:
        return taken.world.exits == (status,)

    return holds


def _sometimes_session(faults: int, words: int) -> dict[str, Sometimes[World]]:
    wanted: dict[str, Sometimes[World]] = {"a run is ready": fires("Session", "timer", to="READY")}
    if words:
        wanted["a run ends clean"] = _ends_with(0)
        wanted["a killed run goes on"] = lambda _b, _c, taken: taken.world.state.run > 1 and taken.world.state.ready
    if faults:
        wanted["a failed check ends the run"] = _ends_with(2)
    return wanted
