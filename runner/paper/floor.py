"""The floor: what all accounts of one exchange share. No socket, no clock, no money.

Books and their matching, the source of ids, public trades, the funding schedule, the mark price, and the outbox in
which everything that must be pushed is left in order. Accounts trade against the market and against each other: an
order of one that meets a resting order of another is matched by price, then time, like any two strangers. Two orders
of one account do meet as well (Bitget's stpMode `none`, the default).
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from runner.paper import ws_rows
from runner.paper.mark import MarkPrice
from runner.paper.matching import Match, Matcher
from runner.paper.numbers import ZERO
from runner.paper.options import PaperOptions
from runner.paper.store import Ids
from runner.paper.values import BookEvent, FundingEvent, MarketEvent, Order, Product, Push, TradeEvent

if TYPE_CHECKING:
    from runner.paper.engine import Exchange

HOUR_MS = 3_600_000
RECENT_TRADES_MAX = 100
PRODUCTS: tuple[Product, ...] = ("perp", "spot")


class Disturbance(Protocol):
    """What may disturb matching: see the trading faults of the catalogue."""

    def pieces(self, order: Order, qty: Decimal) -> list[Decimal]:
        """Return the quantities one execution is reported in; they add up to `qty`."""
        ...

    def ioc_share(self, order: Order) -> Decimal | None:
        """Return the share of its size after which an IOC order stops; None for no such stop."""
        ...


class Floor:
    """The shared part of one exchange."""

    def __init__(self, options: PaperOptions, start_ms: int) -> None:
        self.options = options
        self.ids = Ids(options.seed)
        self.outbox: list[Push] = []
        self.members: dict[str, Exchange] = {}
        self.matchers = {product: Matcher(self._fillable, options.queue_ahead) for product in PRODUCTS}
        self.recent: dict[Product, deque[tuple[str, TradeEvent, int]]] = {
            product: deque(maxlen=RECENT_TRADES_MAX) for product in PRODUCTS
        }
        self.mark = ZERO
        self._mark_price = MarkPrice(options.mark_price)
        self.halted: set[Product] = set()
        self.disturbance: Disturbance | None = None
        # Told of every public trade: product, price, quantity.
        self.on_print: list[Callable[[Product, Decimal, Decimal], None]] = []
        self.funding_rate = options.funding_rate
        self.funding_history: deque[tuple[int, Decimal]] = deque(maxlen=100)
        interval_ms = options.funding_interval_h * HOUR_MS
        self.next_funding_ms = (start_ms // interval_ms + 1) * interval_ms

    # The market and time

    def on_market(self, event: MarketEvent, now_ms: int) -> None:
        """Take one market event: a book, a trade or a funding rate."""
        if isinstance(event, BookEvent):
            self.run(self.matchers[event.product].on_book(event.bids, event.asks), now_ms)
        elif isinstance(event, TradeEvent):
            self.print_trade(event, now_ms)
            self.run(self.matchers[event.product].on_trade(event.price, event.qty, event.taker_side), now_ms)
        else:
            assert isinstance(event, FundingEvent)
            self.funding_rate = event.rate
        self._remark(now_ms)
        self.settle(now_ms)

    def advance(self, now_ms: int) -> None:
        """Let time pass: settle funding that fell due, for every account that holds a position."""
        while now_ms >= self.next_funding_ms:
            self.funding_history.appendleft((self.next_funding_ms, self.funding_rate))
            for one in self.members.values():
                one.settle_funding(self.funding_rate, now_ms)
            self.next_funding_ms += self.options.funding_interval_h * HOUR_MS
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """End a call: liquidate who must be, then push every account's positions and balances that changed."""
        for one in self.members.values():
            if one.perp.positions:
                one.check_margin(now_ms)
        for one in self.members.values():
            one.flush_changes(now_ms)

    def run(self, matches: Iterable[Match], now_ms: int) -> None:
        """Book matches, each with the account its order belongs to, before the next one is asked for."""
        for match in matches:
            owner = self.members[match.order.account]
            for qty in self._pieces(match):
                owner.book(Match(match.order, match.price, qty, match.is_maker), now_ms)

    def take(self, order: Order, now_ms: int) -> None:
        """Let a marketable order trade; every execution is a public trade."""
        for match in self.matchers[order.product].take(order):
            self.run([match], now_ms)
            if not match.is_maker:
                self.print_trade(TradeEvent(0, order.product, match.price, match.qty, order.direction), now_ms)
        self._remark(now_ms)

    def print_trade(self, event: TradeEvent, now_ms: int) -> None:
        """Push a public trade and remember it."""
        trade_id = self.ids.next()
        self.matchers[event.product].last_price = event.price
        self.recent[event.product].appendleft((trade_id, event, now_ms))
        for listener in self.on_print:
            listener(event.product, event.price, event.qty)
        self.outbox.append(Push(event.product, "trade", "update", [ws_rows.trade(trade_id, event, now_ms)], now_ms))

    # Inside

    def _fillable(self, order: Order, price: Decimal) -> Decimal:
        return self.members[order.account].fillable(order, price)

    def _pieces(self, match: Match) -> list[Decimal]:
        if self.disturbance is None:
            return [match.qty]
        return self.disturbance.pieces(match.order, match.qty)

    def _remark(self, now_ms: int) -> None:
        mid = self.matchers["perp"].mid
        if mid is None:
            return
        mark = mid if self.options.mark_price == "mid" else self._median_mark(mid, now_ms)
        if mark != self.mark:
            self.mark = mark
            for one in self.members.values():
                one.perp.mark = mark

    def _median_mark(self, mid: Decimal, now_ms: int) -> Decimal:
        left_ms = max(0, self.next_funding_ms - now_ms)
        funding = self.funding_rate * left_ms / (self.options.funding_interval_h * HOUR_MS)
        last, index = self.matchers["perp"].last_price, self.matchers["spot"].mid
        return self._mark_price.price(mid, last, index, funding, now_ms)
