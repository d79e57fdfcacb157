"""Faults of the market and of the accounts, applied: thin books, halts, odd fills, the position mode flipped. Pure."""

from decimal import ROUND_DOWN, Decimal

import attrs

from runner.paper.fault_plan import Faults
from runner.paper.fault_rules import FaultRule, Window
from runner.paper.floor import PRODUCTS, Floor
from runner.paper.instruments import RULES
from runner.paper.values import BookEvent, FundingEvent, Level, MarketEvent, Order, Product

NEVER_MS = 2**63


class MarketTrouble:
    """Stands between the market and the floor, and disturbs its matching. Without faults all passes as it is.

    Faults go by the time, the floor by the exchange's own clock, which a fault may have moved: `sync` says what time
    it is, before anything else is asked.
    """

    def __init__(self, floor: Floor, faults: Faults) -> None:
        self._floor = floor
        self._now_ms = 0
        floor.disturbance = self
        self._faults = faults
        # The market's last book of each product, before any fault.
        self._books: dict[Product, BookEvent] = {}
        self._shares: dict[Product, Decimal] = {}
        self._flips: set[str] = set()
        # Nothing begins or ends before this time while the faults are those that were seen.
        self._seen, self._calm_until_ms = -1, 0
        # Faults of streams that have begun and that nobody has taken yet.
        self.strikes: list[tuple[FaultRule, Window]] = []

    def shape(self, event: MarketEvent) -> MarketEvent | None:
        """Return what of a market event reaches the floor."""
        if isinstance(event, FundingEvent):
            return event
        if isinstance(event, BookEvent):
            self._books[event.product] = event
        if event.product in self._floor.halted:
            return None
        if isinstance(event, BookEvent) and event.product in self._shares:
            return _thinned(event, self._shares[event.product])
        return event

    def sync(self, now_ms: int) -> None:
        """Let begin and end what is due: a book that changes because of it is shown at once."""
        self._now_ms = now_ms
        if self._faults.version == self._seen and now_ms < self._calm_until_ms and not self._flips:
            return
        for rule, window in self._faults.strikes(now_ms):
            if rule.name == "position_mode_flipped":
                self._flips |= {name for name in self._floor.members if rule.account in (None, name)}
            elif rule.kind.scope == "stream":
                self.strikes.append((rule, window))
        self._flip()
        for product in PRODUCTS:
            thin = self._faults.active("book_thin", now_ms, product=product)
            share = None if thin is None else Decimal(str(thin.parameters["share"]))
            is_halted = self._faults.active("halted", now_ms, product=product) is not None
            if share == self._shares.get(product) and is_halted == (product in self._floor.halted):
                continue
            self._change(product, share, is_halted, now_ms)
        edge_ms = self._faults.next_edge_ms(now_ms)
        self._seen, self._calm_until_ms = self._faults.version, NEVER_MS if edge_ms is None else edge_ms

    def pieces(self, order: Order, qty: Decimal) -> list[Decimal]:
        """Return the quantities one execution is reported in."""
        return self._faults.pieces(order, qty, self._now_ms)

    def ioc_share(self, order: Order) -> Decimal | None:
        """Return the share of its size after which an IOC order stops; None for no such stop."""
        return self._faults.ioc_share(order, self._now_ms)

    def _change(self, product: Product, share: Decimal | None, is_halted: bool, now_ms: int) -> None:
        self._shares.pop(product, None)
        if share is not None:
            self._shares[product] = share
        (self._floor.halted.add if is_halted else self._floor.halted.discard)(product)
        book = self._books.get(product)
        shown = None if book is None else self.shape(book)
        if shown is not None:
            self._floor.on_market(shown, now_ms + self._faults.offset_ms(now_ms))

    def _flip(self) -> None:
        # An account with a position or an order cannot change its mode (40920); the flip waits until it has neither.
        for name in sorted(self._flips):
            perp, store = self._floor.members[name].perp, self._floor.members[name].store
            if not perp.positions and not store.open_of("perp"):
                perp.position_mode = "one_way_mode" if perp.is_hedge_mode else "hedge_mode"
                self._flips.discard(name)


def _thinned(event: BookEvent, share: Decimal) -> BookEvent:
    grid = Decimal(1).scaleb(-RULES[event.product].size_places)

    def side(levels: tuple[Level, ...]) -> tuple[Level, ...]:
        cut = ((price, (qty * share).quantize(grid, rounding=ROUND_DOWN)) for price, qty in levels)
        return tuple((price, qty) for price, qty in cut if qty)

    return attrs.evolve(event, bids=side(event.bids), asks=side(event.asks))
