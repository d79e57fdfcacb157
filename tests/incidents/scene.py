"""A desk in a scene: a hand that plays the exchange, a clock, and an oracle that adds up what was traded.

    scene = opened(quote_size=Decimal("0.02"))
    scene.trade(scene.quote(Side.BUY), "p1")          # somebody sells into our bid
    hedge = scene.hedge                               # what went out for it
    scene.hedged(hedge)                               # accepted, filled, ended
    scene.wait(2_000)                                 # two seconds in which nothing else happens

Only events go in and only actions come out; the invariants of `Watch` are checked after every event.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs

from mmfsm.actions import (
    Action,
    Alert,
    CancelOrder,
    Exit,
    PlaceOrder,
    QueryBalance,
    QueryFills,
    QueryOpenOrders,
    QueryPosition,
    Record,
)
from mmfsm.desk import Desk
from mmfsm.events import (
    BalanceEvent,
    BookEvent,
    ConstraintsRead,
    Event,
    FeedAlive,
    FeedName,
    FillEvent,
    FundingEvent,
    PositionEvent,
    Tick,
)
from mmfsm.ledger import signed_change
from mmfsm.params import Params
from mmfsm.testing import constraints, ended, fill_of, opening
from mmfsm.values import (
    ZERO,
    Constraints,
    Funding,
    Level,
    OrderIntent,
    OrderRequest,
    OrderStatus,
    Outcome,
    Side,
)
from tests.mmfsm.desk_driver import PERP, SPOT, T0, Hand, Watch, accept, live_params, refuse

D = Decimal
RATE = D("0.0001")


@attrs.define
class Oracle:
    """What the exchange's own books would say: each trade once, from the moment it happened."""

    perp: Decimal = ZERO
    spot: Decimal = ZERO
    trades: set[str] = attrs.field(factory=set)

    def take(self, event: FillEvent, base: str) -> None:
        fill = event.fill
        if fill.dedupe_key in self.trades:
            return
        self.trades.add(fill.dedupe_key)
        change = signed_change(fill, base)
        if fill.inst is PERP:
            self.perp += change
        else:
            self.spot += change


class AnyRules(Watch):
    """The invariants that hold on every symbol; the grid of the orders is the scenario's to check."""

    def _request(self, desk: Desk, request: OrderRequest) -> None:
        assert request.client_oid not in self.oids
        self.oids.add(request.client_oid)


@attrs.define
class Scene(Hand):
    """A hand with a clock (`now`, Unix ms), the best bids of both legs, and an oracle."""

    now: int = T0
    perp_bid: Decimal = D("2500.00")
    spot_bid: Decimal = D("2501.00")
    rate: Decimal = RATE
    oracle: Oracle = attrs.field(factory=Oracle)
    rules: Constraints = attrs.field(factory=constraints)
    seen: int = 0

    # --- what it has asked for ----------------------------------------------------------------------------------------

    def orders(self, intent: OrderIntent | None = None) -> list[OrderRequest]:
        """Every order sent so far, of one intent or of all."""
        sent = [action.request for action in self.log if isinstance(action, PlaceOrder)]
        return [request for request in sent if intent in (None, request.intent)]

    @property
    def hedge(self) -> OrderRequest:
        """The newest order that is no quote."""
        return [request for request in self.orders() if request.intent is not OrderIntent.QUOTE][-1]

    @property
    def closing(self) -> list[OrderRequest]:
        """Every order that is no quote: hedges, unwinds, flattens."""
        return [request for request in self.orders() if request.intent is not OrderIntent.QUOTE]

    def quote(self, side: Side) -> OrderRequest:
        """The quote that rests on a side."""
        owner = "bid" if side is Side.BUY else "ask"
        (found,) = [order.request for order in self.desk.state.orders.open.values() if order.owner == owner]
        return found

    def rests(self, side: Side) -> bool:
        return any(o.owner == ("bid" if side is Side.BUY else "ask") for o in self.desk.state.orders.open.values())

    def records(self, event: str, reason: str | None = None) -> list[Record]:
        told = [action for action in self.log if isinstance(action, Record) and action.event == event]
        return [record for record in told if reason in (None, record.reason)]

    def asked(self, kind: type[Action]) -> list[Any]:
        return [action for action in self.log if isinstance(action, kind)]

    @property
    def alerts(self) -> list[str]:
        return [action.reason for action in self.log if isinstance(action, Alert)]

    @property
    def exits(self) -> list[Exit]:
        return [action for action in self.log if isinstance(action, Exit)]

    @property
    def reasons(self) -> dict[str, bool]:
        """Why it is halted: reason → latched."""
        return self.desk.state.mode.reasons

    @property
    def dust(self) -> Decimal:
        return self.desk.state.dust

    @property
    def perp(self) -> Decimal:
        return self.desk.state.ledger.perp

    @property
    def spot_change(self) -> Decimal:
        return self.desk.state.ledger.spot_change

    def assert_true(self) -> None:
        """The books are what was traded, and all of it has an owner."""
        s = self.desk.state
        assert (s.ledger.perp, s.ledger.spot_change) == (self.oracle.perp, self.oracle.spot)
        assert s.ledger.delta == sum((ticket.exposure for ticket in s.tickets.values()), ZERO) + s.dust

    # --- what the exchange does ---------------------------------------------------------------------------------------

    def id_of(self, request: OrderRequest) -> str:
        """The orderId the exchange gives an order of ours."""
        return f"x-{request.client_oid}"

    def accept(self, request: OrderRequest) -> list[Action]:
        return self(accept(request, self.now, self.id_of(request)))

    def refuse(self, request: OrderRequest, outcome: Outcome, code: str) -> list[Action]:
        return self(refuse(request, self.now, outcome, code))

    def fill_event(
        self, request: OrderRequest, trade_id: str, qty: str | None = None, fee: str = "0", **changes: Any
    ) -> FillEvent:
        """A trade of an order of ours that has happened: the oracle knows it, the desk is not told."""
        event = fill_of(request, self.id_of(request), trade_id, self.now, qty, fee)
        base = self.rules.perp.base_coin
        coin = base if event.fill.fee_coin == "ETH" else event.fill.fee_coin
        event = attrs.evolve(event, fill=attrs.evolve(event.fill, **{"fee_coin": coin, **changes}))
        self.oracle.take(event, base)
        return event

    def trade(
        self, request: OrderRequest, trade_id: str, qty: str | None = None, fee: str = "0", **changes: Any
    ) -> list[Action]:
        """A trade of an order of ours happens and is told."""
        return self(self.fill_event(request, trade_id, qty, fee, **changes))

    def read_back(self, event: FillEvent) -> list[Action]:
        """REST tells a trade, now; spot's and the perp's fills alike come without a clientOid there."""
        fill = attrs.evolve(event.fill, source="rest", client_oid=None)
        return self(attrs.evolve(event, at_ms=self.now, fill=fill))

    def end(self, request: OrderRequest, filled: str, status: OrderStatus = OrderStatus.CANCELED) -> list[Action]:
        """The orders stream tells the end of an order of ours."""
        return self(ended(request, self.id_of(request), self.now, filled, status))

    def hedged(self, request: OrderRequest, fee: str = "0") -> list[Action]:
        """The order is accepted, fills whole and ends."""
        out = self.accept(request)
        out += self.trade(request, f"t-{request.client_oid}", fee=fee)
        return out + self.end(request, str(request.qty), OrderStatus.FILLED)

    def dead_ioc(self, request: OrderRequest) -> list[Action]:
        """The order is accepted and ends with nothing filled."""
        return self.accept(request) + self.end(request, "0")

    def is_open(self, request: OrderRequest) -> bool:
        return request.client_oid in self.desk.state.orders.open

    def until_unwinding(self) -> OrderRequest:
        """Every hedge ends empty until the ticket reverses its perp fill; returns that first unwind."""
        while self.hedge.inst is SPOT:
            if self.is_open(self.hedge):
                self.dead_ioc(self.hedge)
            self.wait(100, 100)
        return self.hedge

    def settle(self) -> None:
        """Do what was asked so far, as an exchange where all is well: cancels end, quotes rest, readings agree.

        Hedges, unwinds and flattens are left to the scenario, and so are questions about one order.
        """
        while self.seen < len(self.log):
            begin, self.seen = self.seen, len(self.log)
            self._carry_out(self.log[begin : self.seen])

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, CancelOrder):
                order = self.desk.state.orders.open.get(action.client_oid)
                if order is not None:
                    self.end(order.request, str(order.booked))
            elif isinstance(action, PlaceOrder) and action.request.intent is OrderIntent.QUOTE:
                self.accept(action.request)
            elif isinstance(action, QueryFills) and action.order_id is not None:
                continue
            elif isinstance(action, (QueryPosition, QueryBalance, QueryOpenOrders, QueryFills)):
                self.answer_reads([action], self.now)

    def books(self) -> tuple[BookEvent, BookEvent]:
        """Both books as of now, a tick wide and deep."""
        made = []
        for inst, bid in ((PERP, self.perp_bid), (SPOT, self.spot_bid)):
            ask = bid + self.rules.of(inst).price_tick
            levels = (Level(bid, D(5_000)),), (Level(ask, D(5_000)),)
            made.append(BookEvent(self.now, inst, *levels, self.now))
        return made[0], made[1]

    def pulse(self) -> list[Action]:
        """Both books, a pong, the funding rate and a tick, now."""
        funding = FundingEvent(self.now, Funding(self.rate))
        return self(*self.books(), FeedAlive(self.now, FeedName.PRIVATE), funding, Tick(self.now))

    def wait(self, ms: int, step_ms: int = 250) -> list[Action]:
        """Let time pass with a pulse every `step_ms`, while the exchange does what it is asked."""
        begin, until = len(self.log), self.now + ms
        self.settle()
        while self.now < until:
            self.now = min(self.now + step_ms, until)
            self.pulse()
            self.settle()
        return self.log[begin:]

    def reread(self, position: str | None = None, coin: str | None = None) -> list[Action]:
        """REST tells the perp position, or the spot coin, as of now."""
        events: list[Event] = []
        if position is not None:
            events.append(PositionEvent(self.now, D(position), self.now, "rest"))
        if coin is not None:
            base = self.rules.spot.base_coin
            events.append(BalanceEvent(self.now, SPOT, base, D(coin), D(coin), self.now, "rest"))
        return self(*events)


def opened(
    *,
    coin: str = "0.5",
    cash: str = "5000",
    rules: Constraints | None = None,
    perp_bid: str = "2500.00",
    spot_bid: str = "2501.00",
    quoting: bool = True,
    **changes: Any,
) -> Scene:
    """A desk that has passed its checks on an account with this much coin and cash, and quotes.

    Args:
        rules: of another symbol than ETHUSDT.
        quoting: leave False when no side is expected to be quoted.
        changes: parameters by name; the quote size is 0.02 unless given.
    """
    rules = rules or constraints()
    params = live_params(**{"quote_size": D("0.02"), "symbol": rules.perp.symbol, **changes})
    watch = Watch() if rules == constraints() else AnyRules()
    scene = Scene(Desk(params, run=1), watch, rules=rules, perp_bid=D(perp_bid), spot_bid=D(spot_bid))
    scene(*_start(scene, params, coin, cash))
    scene.settle()
    assert not quoting or scene.mode == "QUOTING", (scene.mode, scene.desk.state.why_not)
    return scene


def _start(scene: Scene, params: Params, coin: str, cash: str) -> list[Event]:
    """The library's own opening, on this scene's symbol and prices."""
    made: list[Event] = []
    books = {book.inst: book for book in scene.books()}
    for event in opening(scene.now, params, coin=coin, cash=cash):
        if isinstance(event, ConstraintsRead):
            event = ConstraintsRead(event.at_ms, scene.rules)
        elif isinstance(event, BookEvent):
            event = books[event.inst]
        elif isinstance(event, BalanceEvent) and event.coin == "ETH":
            event = attrs.evolve(event, coin=scene.rules.spot.base_coin)
        made.append(event)
    return made


def wld() -> Constraints:
    """WLDUSDT, another symbol: whole coins on the perp, hundredths on spot, prices of four places."""
    eth = constraints()
    same = {"symbol": "WLDUSDT", "base_coin": "WLD", "price_tick": D("0.0001")}
    return Constraints(
        perp=attrs.evolve(eth.perp, **same, qty_step=D(1), qty_min=D(1)),
        spot=attrs.evolve(eth.spot, **same, qty_step=D("0.01"), qty_min=D("0.01")),
    )
