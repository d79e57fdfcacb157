"""A fake venue for one desk: it answers actions late, twice, out of order or not at all, and it keeps the truth.

Everything is drawn from one seeded `random.Random`, time is virtual, and only the public API is used: `Desk.handle`,
actions and events. `check` runs after every event and raises `AssertionError` naming the seed.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

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
    Record,
    Subscribe,
)
from mmfsm.desk import Desk
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    CancelAnswered,
    ConstraintsRead,
    Event,
    FeedAlive,
    FeedDown,
    FeedName,
    FeedUp,
    FeesRead,
    FillEvent,
    FillsRead,
    FundingEvent,
    OpenOrdersRead,
    OrderEvent,
    OrderQueried,
    PlaceAnswered,
    PositionEvent,
    ServerTimeRead,
    Start,
    SubscribeAnswered,
    Tick,
)
from mmfsm.params import Params
from mmfsm.rounding import floor_to
from mmfsm.testing import constraints, opening, placed
from mmfsm.values import (
    ZERO,
    FeeRate,
    Funding,
    InstType,
    Level,
    NormalizedFill,
    OrderIntent,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    PosMode,
    Side,
    Tif,
)

PERP, SPOT = InstType.PERP, InstType.SPOT
T0 = 1_800_000_000_000
ACCEPTED = OrderResult(Outcome.ACCEPTED)
RULES = constraints()


def live_params(**changes: Any) -> Params:
    """Params without the time-in-force proof, quoting close to the touch, whatever that earns, at once."""
    close = {"base_half_spread_bps": Decimal(2), "edge_floor": False, "basis_filter": "none"}
    at_once = {"funding_hysteresis": ZERO, "funding_cooldown_sec": 0, "settlement_pause_sec": 0}
    return Params(**{"perp_tif": "both", **close, **at_once, **changes})


# --- the invariants ---------------------------------------------------------------------------------------------------


@attrs.define
class Watch:
    """What must hold after every event of a desk, whatever happened. `oids` are all clientOids ever placed."""

    oids: set[str] = attrs.field(factory=set)

    def check(self, desk: Desk, actions: Iterable[Action]) -> None:
        """Raise AssertionError if any invariant is broken by the state or by what was just asked for."""
        self._exposure(desk)
        self._accounts(desk)
        self._tickets(desk)
        self._quotes(desk)
        for request in placed(actions):
            self._request(desk, request)

    def _exposure(self, desk: Desk) -> None:
        s = desk.state
        if not s.books_open:
            return
        owned = sum((ticket.exposure for ticket in s.tickets.values()), ZERO) + s.dust
        assert s.ledger.delta == owned, f"delta {s.ledger.delta} is owned as {owned}"

    def _accounts(self, desk: Desk) -> None:
        """The columns are the ledger's cash and what is held, to the last digit."""
        ledger, a = desk.state.ledger, desk.state.accounts
        if (a.perp.qty, a.spot.qty) != (ledger.perp, ledger.spot_change):
            return  # found at start, and taken over with the first price
        banked = a.total.realised - a.total.fees - a.perp.cost - a.spot.cost + a.taken_over
        assert ledger.cash == banked, f"cash {ledger.cash}, by the columns {banked}"
        assert set(a.tickets) == set(desk.state.tickets)

    def _tickets(self, desk: Desk) -> None:
        s = desk.state
        for ticket in s.tickets.values():
            parts = ticket.filled + ticket.unwound + ticket.netted + ticket.dust + ticket.remain
            assert ticket.want == parts and ticket.want > 0
            assert ticket.state != "DONE", "a ticket that is done is still open"
            children = [order for order in s.orders.open.values() if order.owner == ticket.hedge_id]
            assert len(children) <= 1, f"{ticket.hedge_id} has {len(children)} orders out"
            assert (ticket.child is not None) == bool(children), f"{ticket.hedge_id}: child {ticket.child}, {children}"

    def _quotes(self, desk: Desk) -> None:
        open_orders = desk.state.orders.open.values()
        for owner in ("bid", "ask"):
            assert sum(order.owner == owner for order in open_orders) <= 1, f"two orders on the {owner}"

    def _request(self, desk: Desk, request: OrderRequest) -> None:
        s = desk.state
        assert request.client_oid not in self.oids, f"{request.client_oid} was used before"
        self.oids.add(request.client_oid)
        on_grid(request)
        order = s.orders.open[request.client_oid]
        if order.owner in ("bid", "ask"):
            assert s.mode.state == "QUOTING" and not s.tickets, (
                f"a quote in {s.mode.state} with {len(s.tickets)} tickets"
            )
            assert request.tif is Tif.POST_ONLY
        elif request.intent in (OrderIntent.HEDGE, OrderIntent.UNWIND):
            ticket = s.tickets[order.owner]
            step = RULES.of(request.inst).qty_step
            assert any(s.ledger.seen.values()), "a hedge without any fill"
            assert request.tif is Tif.IOC and request.side is ticket.side.opposite
            assert request.qty < ticket.remain + (step if request.inst is PERP else Decimal("1e-12"))
        if request.reduce_only:
            assert request.side.sign * s.ledger.perp < 0, "reduce-only, but it would not reduce"
            assert request.qty <= abs(s.ledger.perp)


def on_grid(request: OrderRequest) -> None:
    """The exchange would take it: tick, step, minimum size and value."""
    rules = RULES.of(request.inst)
    assert request.price % rules.price_tick == 0 and request.price > 0, request
    assert request.qty % rules.qty_step == 0 and request.qty >= rules.qty_min, request
    assert request.qty * request.price >= rules.notional_min * Decimal("0.95"), request


# --- a desk by hand ---------------------------------------------------------------------------------------------------


@attrs.define
class Hand:
    """A desk that has passed its checks, driven event by event; the invariants are checked after each."""

    desk: Desk
    watch: Watch = attrs.field(factory=Watch)
    log: list[Action] = attrs.field(factory=list)

    def __call__(self, *events: Event) -> list[Action]:
        """Feed events in order and return what they asked for."""
        out: list[Action] = []
        for event in events:
            actions = self.desk.handle(event)
            self.watch.check(self.desk, actions)
            out += actions
        self.log += out
        return out

    @property
    def mode(self) -> str:
        return self.desk.state.mode.state

    @property
    def delta(self) -> Decimal:
        return self.desk.state.ledger.delta

    @property
    def ticket(self) -> Any:
        """The one open ticket."""
        (ticket,) = self.desk.state.tickets.values()
        return ticket

    def beat(self, at_ms: int) -> list[Action]:
        """Both books, a pong, a funding rate and a tick: a second in which nothing happens."""
        return self(
            level1(PERP, at_ms),
            level1(SPOT, at_ms),
            FeedAlive(at_ms, FeedName.PRIVATE),
            FundingEvent(at_ms, Funding(Decimal("0.0001"))),
            Tick(at_ms),
        )

    def answer_reads(self, actions: Iterable[Action], at_ms: int, perp: str | None = None) -> list[Action]:
        """Answer every reading among the actions as an exchange where nothing is missing would."""
        out: list[Action] = []
        s = self.desk.state
        for action in actions:
            if isinstance(action, QueryPosition):
                out += self(PositionEvent(at_ms, Decimal(perp) if perp else s.ledger.perp, at_ms, "rest"))
            elif isinstance(action, QueryBalance):
                out += self(
                    BalanceEvent(at_ms, SPOT, "ETH", s.ledger.spot, s.ledger.spot, at_ms, "rest"),
                    BalanceEvent(at_ms, PERP, "USDT", Decimal(5000), Decimal(5000), at_ms, "rest"),
                )
            elif isinstance(action, QueryOpenOrders):
                shown = tuple(
                    OrderReport(action.inst, order.order_id or "?", OrderStatus.LIVE, order.booked, oid)
                    for oid, order in s.orders.open.items()
                    if order.request.inst is action.inst and order.order_id
                )
                out += self(OpenOrdersRead(at_ms, action.inst, shown))
            elif isinstance(action, QueryFills):
                out += self(FillsRead(at_ms, action.inst, action.order_id, ACCEPTED))
        return out


def level1(inst: InstType, at_ms: int, bid: str | None = None, ask: str | None = None) -> BookEvent:
    """One deep level a side; spot a dollar above the perp."""
    base = Decimal(2500 if inst is PERP else 2501)
    low = Decimal(bid) if bid else base
    high = Decimal(ask) if ask else low + Decimal("0.01")
    return BookEvent(at_ms, inst, (Level(low, Decimal(50)),), (Level(high, Decimal(50)),), at_ms)


def ready_hand(at_ms: int = T0, **changes: Any) -> tuple[Hand, OrderRequest, OrderRequest]:
    """A desk that quotes both sides, its two orders acknowledged as "q0" (bid) and "q1" (ask)."""
    params = live_params(**changes)
    hand = Hand(Desk(params, run=1))
    bid, ask = placed(hand(*opening(at_ms, params)))
    hand.answer_reads(hand.log[-12:], at_ms)
    hand(accept(bid, at_ms, "q0"), accept(ask, at_ms, "q1"))
    return hand, bid, ask


def accept(request: OrderRequest, at_ms: int, order_id: str | None) -> PlaceAnswered:
    return PlaceAnswered(at_ms, request.client_oid, OrderResult(Outcome.ACCEPTED, order_id))


def refuse(request: OrderRequest, at_ms: int, outcome: Outcome = Outcome.REFUSED, code: str = "45110") -> PlaceAnswered:
    return PlaceAnswered(at_ms, request.client_oid, OrderResult(outcome, code=code))


# --- the fake venue ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Faults:
    """How likely each fault is, per order or per message."""

    lost_push: float = 0.0
    twice: float = 0.0
    unknown_placed: float = 0.0
    unknown_lost: float = 0.0
    refused: float = 0.0
    refused_leg: float = 0.0
    busy: float = 0.0
    partial: float = 0.0
    empty: float = 0.0
    lost_answer: float = 0.0
    no_order_id: float = 0.0
    silent_book: float = 0.0
    cut: float = 0.0
    quote_fill: float = 0.0
    slow_ms: int = 30


CALM = Faults()


@attrs.define
class Placed:
    """An order as the venue knows it."""

    request: OrderRequest
    order_id: str
    filled: Decimal = ZERO
    ended: bool = False
    fills: list[NormalizedFill] = attrs.field(factory=list)

    def report(self) -> OrderReport:
        r = self.request
        full = self.filled >= r.qty
        status = OrderStatus.FILLED if full else OrderStatus.CANCELED if self.ended else OrderStatus.LIVE
        return OrderReport(r.inst, self.order_id, status, self.filled, r.client_oid, r.side, r.price, r.qty)


class Venue:
    """The exchange, the wire and the clock around one desk. `perp` and `spot` are the true positions."""

    def __init__(self, seed: int, faults: Faults, params: Params | None = None, coin: str = "0.5") -> None:
        self.seed, self.rng, self.faults = seed, random.Random(seed), faults
        self.params = params or live_params(quote_size=Decimal("0.03"))
        self.now = T0
        self.desk = Desk(self.params, run=1)
        self.twin: Desk | None = None
        self.watch = Watch()
        self.perp, self.coin0 = ZERO, Decimal(coin)
        self.spot, self.cash = self.coin0, Decimal(50_000)
        self.mid = Decimal("2500.00")
        self.orders: dict[str, Placed] = {}
        self.fills: list[NormalizedFill] = []
        self.alerts: list[Alert] = []
        self.exits: list[Exit] = []
        self.private_up = self.dead = False
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._seq = 0

    # --- time ---------------------------------------------------------------------------------------------------------

    def later(self, delay_ms: int, what: Callable[[], None]) -> None:
        self._seq += 1
        heapq.heappush(self._queue, (self.now + delay_ms, self._seq, what))

    def lag(self) -> int:
        """One way over the wire; now and then very slow, so that messages overtake each other."""
        return self.rng.randint(1, self.faults.slow_ms) * (10 if self.chance(0.05) else 1)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def run(self, seconds: int) -> None:
        """Let virtual time pass: books, ticks, pongs, and everything that is on its way."""
        until = self.now + seconds * 1000
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = until

    def tell(self, event: Event) -> None:
        """Give the desk an event, check the invariants, and carry out what it asks."""
        if self.dead:
            return
        actions = self.desk.handle(event)
        if self.twin is not None:
            assert self.twin.handle(event) == actions, f"seed {self.seed}: the restored desk does otherwise"
        try:
            self.watch.check(self.desk, actions)
        except AssertionError as broken:
            raise AssertionError(f"seed {self.seed} at {self.now - T0} ms after {event}: {broken}") from broken
        for action in actions:
            self._carry_out(action)

    def restore(self) -> None:
        """From here on a desk restored from a snapshot must do exactly the same."""
        text = json.dumps(self.desk.snapshot())
        self.twin = Desk.restore(self.params, json.loads(text))

    def kill(self, seconds: int) -> None:
        """The process dies and is started again later: what it knew is kept, what was on its way to it is not."""
        text = json.dumps(self.desk.snapshot())
        self.dead, self.twin, self.private_up = True, None, False
        if self.chance(0.5):  # nor did its last requests leave
            self._queue.clear()
            self._pulse()
        self.run(seconds)
        self._queue.clear()
        self.dead = False
        earlier = Desk.restore(self.params, json.loads(text))
        self.desk = earlier.restarted(self.params, run=earlier.state.run + 1)
        self.start()

    def start(self) -> None:
        self.tell(Start(self.now))
        for feed in (FeedName.PERP_BOOK, FeedName.SPOT_BOOK, FeedName.PRIVATE):
            self.tell(FeedUp(self.now, feed))
        self._pulse()

    def _pulse(self) -> None:
        """A second of the market: books, a pong, perhaps a trade against a quote or a cut, and a tick."""
        self.mid += Decimal(self.rng.randint(-20, 20)) / 100
        for inst, shift in ((PERP, ZERO), (SPOT, Decimal(1))):
            bid = self.mid + shift
            level = Decimal(50)
            if self.chance(self.faults.silent_book):
                continue
            self.tell(BookEvent(self.now, inst, (Level(bid, level),), (Level(bid + Decimal("0.01"), level),), self.now))
        if self.private_up:
            self.tell(FeedAlive(self.now, FeedName.PRIVATE))
        if self.chance(self.faults.quote_fill):
            self.later(self.rng.randint(0, 900), self._hit_a_quote)
        if self.private_up and self.chance(self.faults.cut):
            self._cut()
        self.tell(Tick(self.now))
        due = self.desk.next_due_ms
        if due is not None and due - self.now < 1000 and not self.dead:
            self.later(max(due - self.now, 1), lambda: self.tell(Tick(self.now)))
        self.later(1000, self._pulse)

    def _cut(self) -> None:
        if not self.private_up:
            return
        self.private_up = False
        self.tell(FeedDown(self.now, FeedName.PRIVATE, "cut"))
        self.later(self.rng.randint(200, 3000), lambda: self.tell(FeedUp(self.now, FeedName.PRIVATE)))

    def push(self, event: Callable[[], Event]) -> None:
        """Send a message on the private stream: perhaps lost, perhaps twice, always late."""
        if not self.private_up or self.chance(self.faults.lost_push):
            return
        for _ in range(2 if self.chance(self.faults.twice) else 1):
            self.later(self.lag(), lambda: self.tell(event()) if self.private_up else None)

    # --- the exchange -------------------------------------------------------------------------------------------------

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Record):
            return
        if isinstance(action, Alert):
            self.alerts.append(action)
        elif isinstance(action, Exit):
            self.exits.append(action)
        else:
            self.later(self.lag(), lambda: self._arrive(action))

    def _arrive(self, action: Action) -> None:
        back = self.lag()
        if isinstance(action, PlaceOrder):
            self._place(action.request, back)
        elif isinstance(action, CancelOrder):
            self._cancel(action.client_oid, back)
        elif isinstance(action, QueryOrder):
            self._query(action, back)
        elif isinstance(action, QueryFills):
            found = [
                fill
                for fill in self.fills
                if fill.inst is action.inst
                and (fill.order_id == action.order_id if action.order_id else fill.exch_ms >= action.since_ms)
            ]
            self.later(back, lambda: self._tell_fills(action, found))
        elif isinstance(action, Reconnect):
            self._cut()
        elif isinstance(action, Subscribe):
            self.later(back, lambda: self._subscribed(action))
        else:
            for event in self._read(action):
                self.later(back, lambda event=event: self.tell(attrs.evolve(event, at_ms=self.now)))

    def _answer(self, request: OrderRequest, result: OrderResult, back: int) -> None:
        if self.chance(self.faults.lost_answer):
            result, back = OrderResult(Outcome.UNKNOWN, code="timeout"), back + 3000
        self.later(back, lambda: self.tell(PlaceAnswered(self.now, request.client_oid, result)))

    def _place(self, request: OrderRequest, back: int) -> None:
        faults, roll = self.faults, self.rng.random()
        kinds = (
            (faults.unknown_lost, OrderResult(Outcome.UNKNOWN, code="40010"), False),
            (faults.unknown_placed, OrderResult(Outcome.UNKNOWN, code="45001"), True),
            (faults.refused, OrderResult(Outcome.REFUSED, code="43008"), False),
            (faults.refused_leg, OrderResult(Outcome.REFUSED_LEG, code="43012"), False),
            (faults.busy, OrderResult(Outcome.BUSY, code="429"), False),
        )
        result, exists = ACCEPTED, True
        for share, other, arrives in kinds:
            if roll < share:
                result, exists = other, arrives
                break
            roll -= share
        if exists and request.reduce_only and request.side.sign * self.perp >= 0:
            result, exists = OrderResult(Outcome.FLAT, code="22002"), False
        if exists:
            order = Placed(request, f"x{len(self.orders)}")
            self.orders[request.client_oid] = order
            if result.outcome is Outcome.ACCEPTED:
                named = not (request.reduce_only and self.chance(faults.no_order_id))
                result = OrderResult(Outcome.ACCEPTED, order.order_id if named else None)
            self._match(order)
        if result.outcome is Outcome.ACCEPTED:
            self._answer(request, result, back)
        else:
            self.later(back, lambda: self.tell(PlaceAnswered(self.now, request.client_oid, result)))

    def _match(self, order: Placed) -> None:
        request = order.request
        bid = self.mid + (Decimal(1) if request.inst is SPOT else ZERO)
        touch = bid + Decimal("0.01") if request.side is Side.BUY else bid
        crosses = request.side.sign * (request.price - touch) >= 0
        if request.tif is Tif.POST_ONLY:
            if crosses:
                self._end(order)
            else:
                self._tell_of(order)
            return
        take = request.qty if crosses and not self.chance(self.faults.empty) else ZERO
        if take and self.chance(self.faults.partial):
            take = floor_to(take * Decimal(self.rng.randint(1, 9)) / 10, RULES.of(request.inst).qty_step)
        if request.reduce_only:
            take = min(take, abs(self.perp))
        if take:
            half = floor_to(take / 2, RULES.of(request.inst).qty_step)
            for part in (half, take - half) if half and self.chance(0.3) else (take,):
                self._fill(order, part, touch)
        self._end(order)

    def _fill(self, order: Placed, qty: Decimal, price: Decimal) -> None:
        request, rules = order.request, RULES.of(order.request.inst)
        spot = request.inst is SPOT
        fee = qty * rules.taker_fee if spot and request.side is Side.BUY else qty * price * rules.taker_fee
        fill = NormalizedFill(
            inst=request.inst,
            order_id=order.order_id,
            side=request.side,
            price=price,
            qty=qty,
            exch_ms=self.now,
            trade_id=f"t{len(self.fills)}",
            client_oid=None if spot else request.client_oid,
            fee=fee,
            fee_coin="ETH" if spot and request.side is Side.BUY else "USDT",
        )
        order.filled += qty
        order.fills.append(fill)
        self.fills.append(fill)
        if spot:
            self.spot += request.side.sign * qty - (fee if request.side is Side.BUY else ZERO)
            self.cash -= request.side.sign * qty * price + (ZERO if request.side is Side.BUY else fee)
        else:
            self.perp += request.side.sign * qty
        self.push(lambda: FillEvent(self.now, fill))
        if not spot:
            told = self.perp
            at = self.now
            self.push(lambda: PositionEvent(self.now, told, at))
        if order.filled >= request.qty:
            self._end(order)

    def _end(self, order: Placed) -> None:
        if not order.ended:
            order.ended = True
            self._tell_of(order)

    def _tell_of(self, order: Placed) -> None:
        report = order.report()
        self.push(lambda: OrderEvent(self.now, report))

    def _hit_a_quote(self) -> None:
        resting = [order for order in self.orders.values() if not order.ended]
        if resting:
            order = self.rng.choice(resting)
            left = order.request.qty - order.filled
            step = RULES.perp.qty_step
            qty = step * self.rng.randint(1, int(left / step)) if self.chance(0.5) else left
            self._fill(order, qty, order.request.price)

    def _cancel(self, client_oid: str, back: int) -> None:
        order = self.orders.get(client_oid)
        if order is None or order.ended:
            result = OrderResult(Outcome.GONE, code="43001")
        else:
            self._end(order)
            result = ACCEPTED
        if self.chance(self.faults.lost_answer):
            result = OrderResult(Outcome.UNKNOWN, code="timeout")
        self.later(back, lambda: self.tell(CancelAnswered(self.now, client_oid, result)))

    def _query(self, action: QueryOrder, back: int) -> None:
        order = self.orders.get(action.client_oid)
        if self.chance(self.faults.lost_answer):
            result, report = OrderResult(Outcome.UNKNOWN, code="timeout"), None
        elif order is None:
            result, report = OrderResult(Outcome.GONE, code="40109"), None
        else:
            result, report = ACCEPTED, order.report()
        self.later(back, lambda: self.tell(OrderQueried(self.now, action.client_oid, result, report)))

    def _tell_fills(self, action: QueryFills, found: list[NormalizedFill]) -> None:
        for fill in found:
            self.tell(FillEvent(self.now, attrs.evolve(fill, client_oid=None, source="rest")))
        self.tell(FillsRead(self.now, action.inst, action.order_id, ACCEPTED, len(found)))

    def _subscribed(self, action: Subscribe) -> None:
        self.tell(SubscribeAnswered(self.now, action.feed, action.channel, True))
        if action.feed is FeedName.PRIVATE:
            self.private_up = True
            self.tell(PositionEvent(self.now, self.perp, self.now))

    def _read(self, action: Action) -> list[Event]:
        """What a reading says, as of its arrival at the exchange."""
        now = self.now
        if isinstance(action, QueryOpenOrders):
            shown = tuple(o.report() for o in self.orders.values() if not o.ended and o.request.inst is action.inst)
            return [OpenOrdersRead(now, action.inst, shown)]
        if isinstance(action, QueryPosition):
            return [PositionEvent(now, self.perp, now, "rest")]
        if isinstance(action, QueryBalance):
            return [
                BalanceEvent(now, SPOT, "ETH", self.spot, self.spot, now, "rest"),
                BalanceEvent(now, SPOT, "USDT", self.cash, self.cash, now, "rest"),
                BalanceEvent(now, PERP, "USDT", Decimal(5000), Decimal(5000), now, "rest"),
            ]
        if isinstance(action, QueryServerTime):
            return [ServerTimeRead(now, now)]
        if isinstance(action, QueryAccount):
            return [AccountRead(now, PosMode(self.params.target_pos_mode), self.params.margin_mode)]
        if isinstance(action, QueryConstraints):
            return [ConstraintsRead(now, RULES)]
        if isinstance(action, QueryFees):
            return [FeesRead(now, FeeRate(Decimal(2), Decimal(6)), FeeRate(Decimal(10), Decimal(10)))]
        if isinstance(action, QueryFunding):
            return [FundingEvent(now, Funding(Decimal("0.0001")))]
        return []

    # --- the end ------------------------------------------------------------------------------------------------------

    @property
    def delta(self) -> Decimal:
        """The true exposure."""
        return self.perp + self.spot - self.coin0

    def assert_books_are_true(self) -> None:
        """What was booked is what was traded, each trade once."""
        s, where = self.desk.state, f"seed {self.seed}"
        assert s.ledger.perp == self.perp, f"{where}: perp booked {s.ledger.perp}, true {self.perp}"
        assert s.ledger.spot == self.spot, f"{where}: spot booked {s.ledger.spot}, true {self.spot}"

    def assert_flat(self) -> None:
        """Nothing open, nothing owed beyond dust that spot cannot trade."""
        s, where = self.desk.state, f"seed {self.seed}"
        assert not s.tickets, f"{where}: tickets {list(s.tickets.values())}"
        unsettled = [order for order in s.orders.open.values() if not order.resting]
        assert not unsettled, f"{where}: unsettled {unsettled}"
        assert abs(self.delta) * self.mid < 2 * RULES.spot.notional_min, f"{where}: true delta {self.delta}"
