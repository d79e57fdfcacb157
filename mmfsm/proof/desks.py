"""The real desk against the exchange of `venue`: what a choice means as events, and what the desk's actions start.

Everything the desk asks to read is answered at once and truthfully, unless a model says that readings wait
(`World.patient`). The desk is copied before every choice.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.actions import (
    Action,
    Alert,
    CancelOrder,
    Exit,
    PlaceOrder,
    QueryAccount,
    QueryBalance,
    QueryConstraints,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryOrder,
    QueryPosition,
    QueryServerTime,
    Reconnect,
)
from mmfsm.desk import Desk
from mmfsm.events import (
    CancelAnswered,
    CheckFailed,
    Event,
    FeedDown,
    FeedName,
    FillEvent,
    FillsRead,
    Flatten,
    Halt,
    OrderEvent,
    OrderQueried,
    PlaceAnswered,
    Resume,
    Start,
    Stop,
    Tick,
)
from mmfsm.params import Params
from mmfsm.proof import reading, venue
from mmfsm.proof.search import Choice
from mmfsm.proof.sending import wrong_to_send
from mmfsm.proof.venue import Message, Slip
from mmfsm.proof.world import LOT, World
from mmfsm.values import (
    InstType,
    NormalizedFill,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    Tif,
)

T0 = 1_800_000_000_000
UNIT_MS = 1_000
ACCEPTED = OrderResult(Outcome.ACCEPTED)
REFUSALS = {
    "leg": OrderResult(Outcome.REFUSED_LEG, code="43012"),
    "busy": OrderResult(Outcome.BUSY, code="429"),
    "flat": OrderResult(Outcome.FLAT, code="22002"),
}
FEEDS = (FeedName.PERP_BOOK, FeedName.SPOT_BOOK, FeedName.PRIVATE)

WORDS: dict[str, type[Halt | Resume | Flatten | Stop]] = {
    "halt": Halt,
    "resume": Resume,
    "flatten": Flatten,
    "stop": Stop,
}
"""What an operator may say."""

PARAMS = Params(
    perp_tif="both",
    quote_size=2 * LOT,
    max_position=8 * LOT,
    base_half_spread_bps=Decimal(2),
    requote_min_ms=0,
    hedge_deadline_ms=UNIT_MS,
    max_unhedged_sec=Decimal(2),
    max_unhedged_notional=Decimal(1_000_000),
    hedge_retry_ms=UNIT_MS,
    unwind_retry_ms=UNIT_MS,
    child_settle_ms=UNIT_MS,
    cancel_settle_ms=UNIT_MS,
    answer_bound_ms=UNIT_MS,
    query_period_ms=UNIT_MS,
    not_found_ms=2 * UNIT_MS,
    unknown_bound_ms=3 * UNIT_MS,
    cooldown_ms=UNIT_MS,
    cooldown_unwind_ms=UNIT_MS,
    backoff_ms=UNIT_MS,
    tick_sec=Decimal(60),
    stop_bound_sec=3,
    check_bound_sec=3,
    reject_streak_max=3,
    book_stale_ms=600_000,
    books5_silent_ms=600_000,
    private_silent_ms=600_000,
    clock_jump_max_ms=3_600_000,
    reconcile_sec=3600,
    funding_poll_sec=3600,
    funding_stale_sec=7200,
    drift_quiet_ms=600_000,
    max_daily_loss=Decimal(0),
    min_liquidation_bps=Decimal(0),
    edge_floor=False,
    basis_filter="none",
    funding_hysteresis=Decimal(0),
    funding_cooldown_sec=0,
    settlement_pause_sec=0,
)
"""One clock, every bound one to three of its steps; guards that need moving prices are off."""


def fire(before: World, choice: Choice) -> World:
    """Take a choice; the world before is kept."""
    world = before.copy()
    if choice[0] == "fault":
        world.faults -= 1
    if choice[0] == "operator" and choice[1] != "starts":
        world.words -= 1
    if choice[1] in ("kills", "starts"):
        if choice[1] == "kills":
            _kill(world)
        events: list[Event] = [Start(world.now), *reading.feeds_up(world.now)]
    else:
        events = _events(world, choice)
    feed(world, events)
    settled = [oid for oid in world.slips if oid not in world.state.orders.open]
    world.slips = venue.swept(world.slips, settled)
    return world


def feed(world: World, events: list[Event]) -> None:
    """Give the desk events and carry out what it asks for, until it asks for nothing that is answered at once."""
    desk = Desk(PARAMS, run=world.state.run, state=world.state)
    while events:
        event = events.pop(0)
        actions = desk.handle(event)
        for action in actions:
            events += _carry_out(world, action)


def _events(world: World, choice: Choice) -> list[Event]:
    what, now = choice[1], world.now
    if what == "passes":
        world.slips = venue.expired(world.slips, now + UNIT_MS, PARAMS.not_found_ms)
        return [Tick(now + UNIT_MS)]
    if what == "reads":
        world.reads = tuple(each for each in world.reads if each != choice[2])
        return reading.answer(world, str(choice[2]))
    if what in ("fails", "refuses_for_good"):
        world.reads = tuple(each for each in world.reads if each != choice[2])
        outcome = Outcome.UNKNOWN if what == "fails" else Outcome.FATAL
        return [CheckFailed(now, str(choice[2]), OrderResult(outcome))]
    if what == "feed_down":
        world.down = (*world.down, FeedName(str(choice[2])))
        return [FeedDown(now, FeedName(str(choice[2])), "cut")]
    if what == "feed_up":
        world.down = tuple(feed for feed in world.down if feed != choice[2])
        return reading.feed_up(now, FeedName(str(choice[2])))
    if what in WORDS:
        return [WORDS[str(what)](now)]
    return _venue_events(world, choice)


def _venue_events(world: World, choice: Choice) -> list[Event]:
    oid, now = str(choice[2]), world.now
    was = world.slips[oid]
    if choice[1] == "hits":
        world.exposures -= 1
        messages: list[Message] = []
        slip = venue.execute(was, (int(choice[3]),), ends=False)
    else:
        slip, messages = venue.act(was, choice)
    world.slips[oid] = slip
    traded = (slip.filled - was.filled) * world.orders[oid].side.sign
    if slip.inst == "perp":
        world.perp += traded
    else:
        world.spot += traded
    return [_event(world, slip, message, str(choice[1])) for message in messages] + (
        [FillsRead(now, world.orders[oid].inst, oid, ACCEPTED)]
        if choice[1] == "answers" and was.asked == "fills"
        else []
    )


def _event(world: World, slip: Slip, message: Message, how: str) -> Event:
    """What the desk hears of a message."""
    kind, number, word = message
    request, now, oid = world.orders[slip.oid], world.now, slip.oid
    if kind == "fill":
        return FillEvent(now, _fill(request, number, slip.fills[number], now, "ws" if how == "tells" else "rest"))
    if kind == "ack":
        return PlaceAnswered(now, oid, OrderResult(Outcome.ACCEPTED, f"x{oid}"))
    if kind == "refused":
        return PlaceAnswered(now, oid, REFUSALS[word])
    if kind == "unknown":
        return PlaceAnswered(now, oid, OrderResult(Outcome.UNKNOWN))
    if kind == "not_found":
        return OrderQueried(now, oid, OrderResult(Outcome.GONE))
    if kind.startswith("cancel"):
        outcomes = {"cancel_ok": Outcome.ACCEPTED, "cancel_gone": Outcome.GONE, "cancel_failed": Outcome.UNKNOWN}
        return CancelAnswered(now, oid, OrderResult(outcomes[kind]))
    full = number >= slip.qty
    status = OrderStatus.LIVE if kind == "live" else OrderStatus.FILLED if full else OrderStatus.CANCELED
    report = OrderReport(request.inst, f"x{oid}", status, number * LOT, oid, request.side, request.price, request.qty)
    return OrderEvent(now, report) if how in ("tells", "repeats") else OrderQueried(now, oid, ACCEPTED, report)


def _fill(request: OrderRequest, number: int, lots: int, now: int, source: str) -> NormalizedFill:
    spot = request.inst is InstType.SPOT
    return NormalizedFill(
        inst=request.inst,
        order_id=f"x{request.client_oid}",
        side=request.side,
        price=request.price,
        qty=lots * LOT,
        exch_ms=now,
        trade_id=f"{request.client_oid}/{number}",
        client_oid=None if spot else request.client_oid,
        source=source,
    )


def _carry_out(world: World, action: Action) -> list[Event]:
    """Start what an action asks for; return what it is answered with at once."""
    if isinstance(action, PlaceOrder):
        request = action.request
        world.broken = world.broken or wrong_to_send(world.state, request)
        inst = "spot" if request.inst is InstType.SPOT else "perp"
        oid = request.client_oid
        world.orders[oid] = request
        world.slips[oid] = Slip(oid, inst, int(request.qty / LOT), 1, rests=request.tif is not Tif.IOC, sent=world.now)
    elif isinstance(action, CancelOrder) and action.client_oid in world.slips:
        world.slips[action.client_oid] = attrs.evolve(world.slips[action.client_oid], cancel=True)
    elif isinstance(action, QueryOrder) and action.client_oid in world.slips:
        slip = world.slips[action.client_oid]
        world.slips[action.client_oid] = attrs.evolve(slip, asked=slip.asked or "order")
    elif isinstance(action, QueryFills) and action.order_id is not None:
        oid = action.order_id[1:]
        if oid in world.slips:
            world.slips[oid] = attrs.evolve(world.slips[oid], asked="fills")
    elif isinstance(action, Alert):
        world.alerts = 1
    elif isinstance(action, Exit):
        world.exits = (*world.exits, action.status)
    elif isinstance(action, Reconnect):
        world.down = (*world.down, action.feed)
        return [FeedDown(world.now, action.feed, "distrusted")]
    return _read(world, action)


READS = (
    QueryServerTime, QueryAccount, QueryConstraints, QueryFees, QueryOpenOrders, QueryPosition, QueryBalance,
    QueryFunding, QueryFills,
)  # fmt: skip


def _read(world: World, action: Action) -> list[Event]:
    if not isinstance(action, READS) or (isinstance(action, QueryFills) and action.order_id is not None):
        return []
    name = reading.name_of(action)
    if world.patient and not world.state.ready:
        world.reads = tuple(sorted({*world.reads, name}))
        return []
    return reading.answer(world, name)


def _kill(world: World) -> None:
    """The process dies: what was on its way to it is lost, and the next run knows what the journal told."""
    old = Desk(PARAMS, run=world.state.run, state=world.state)
    world.state = old.restarted(PARAMS, run=world.state.run + 1).state
    world.reads, world.down = (), ()
    world.slips = {
        oid: attrs.evolve(slip, inbox=(), asked="", cancel=False, answered=True) for oid, slip in world.slips.items()
    }
