"""The exchange itself: one account, two products, no socket and no clock.

Every method takes the time as an argument and works at once; what subscribers must learn is left in `outbox`, in
order. The same calls with the same arguments and seed give the same outbox, to the byte.

An order is accepted or refused (`Refusal`, nothing happens, nothing is pushed). Accepted orders push `live`, then
what became of them: fills, rest, or the cancel of what may not rest (`ioc_not_full_cancel`, `fok_not_full_cancel`,
`post_only_fill_cancel`). Positions and balances are pushed once at the end of each call that touched them.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from runner.paper import ws_rows
from runner.paper.account import SpotWallet
from runner.paper.instruments import BASE, QUOTE
from runner.paper.matching import Match, Matcher
from runner.paper.numbers import ZERO, cut
from runner.paper.options import PaperOptions
from runner.paper.perp import PerpAccount
from runner.paper.store import Ids, Store
from runner.paper.validation import check_order
from runner.paper.values import (
    BookEvent,
    Fill,
    FundingEvent,
    MarketEvent,
    Order,
    OrderRequest,
    Product,
    Push,
    Refusal,
    TradeEvent,
    opposite,
)

_HOUR_MS = 3_600_000
RECENT_TRADES_MAX = 100
_UNFILLED_REASON = {"ioc": "ioc_not_full_cancel", "fok": "fok_not_full_cancel"}


class Exchange:
    """One account on the ETHUSDT perpetual and spot pair."""

    def __init__(self, options: PaperOptions, start_ms: int) -> None:
        self.options = options
        self.ids = Ids(options.seed)
        self.store = Store()
        self.wallet = SpotWallet({QUOTE: options.spot_usdt, BASE: options.spot_eth})
        self.perp = PerpAccount(options.perp_usdt, options.position_mode, options.margin_mode, options.leverage)
        self.matchers: dict[Product, Matcher] = {
            "perp": Matcher(self._fillable, options.queue_ahead),
            "spot": Matcher(self._fillable, options.queue_ahead),
        }
        self.outbox: list[Push] = []
        self.recent: dict[Product, deque[tuple[str, TradeEvent, int]]] = {
            "perp": deque(maxlen=RECENT_TRADES_MAX),
            "spot": deque(maxlen=RECENT_TRADES_MAX),
        }
        self.funding_rate = options.funding_rate
        self.funding_history: deque[tuple[int, Decimal]] = deque(maxlen=100)
        self.next_funding_ms = self._funding_after(start_ms)
        self._dirty: set[str] = set()

    # The market and time

    def on_market(self, event: MarketEvent, now_ms: int) -> None:
        """Take one market event: a book, a trade or a funding rate."""
        if isinstance(event, BookEvent):
            self._run(self.matchers[event.product].on_book(event.bids, event.asks), now_ms)
            if event.product == "perp":
                self.perp.mark = self.matchers["perp"].mid or self.perp.mark
        elif isinstance(event, TradeEvent):
            trade_id = self.ids.next()
            self.recent[event.product].appendleft((trade_id, event, now_ms))
            self._push(event.product, "trade", [ws_rows.trade(trade_id, event, now_ms)], now_ms, is_update=True)
            self._run(self.matchers[event.product].on_trade(event.price, event.qty, event.taker_side), now_ms)
        else:
            assert isinstance(event, FundingEvent)
            self.funding_rate = event.rate
        self._flush(now_ms)

    def advance(self, now_ms: int) -> None:
        """Let time pass: settle funding that fell due."""
        while now_ms >= self.next_funding_ms:
            self.funding_history.appendleft((self.next_funding_ms, self.funding_rate))
            if self.perp.positions:
                self.perp.settle_funding(self.funding_rate, now_ms)
                self._dirty |= {"positions", "account"}
            self.next_funding_ms += self.options.funding_interval_h * _HOUR_MS
        self._flush(now_ms)

    # Orders

    def place(self, request: OrderRequest, now_ms: int) -> tuple[Order, bool]:
        """Accept an order and match it.

        Returns:
            The order, and whether the answer may name its orderId: it does not when older reduce-only orders had to
            make room (Place Order page, one-way mode).

        Raises:
            Refusal: The order breaks a rule; nothing has changed.
        """
        matcher = self.matchers[request.product]
        check_order(request, matcher.mid, len(self.store.open_of(request.product)))
        if self.store.is_pending(request):
            raise Refusal("40786", "Duplicate clientOid")
        order = self._make(request, now_ms)
        makes_room: list[Order] = []
        if request.product == "spot":
            order.frozen = self._spot_cost(order)
            self.wallet.freeze(_spends(order), order.frozen, now_ms)
            self._dirty.add(_spends(order))
        else:
            makes_room = self._check_perp(order)
        for older in makes_room:
            self._end(older, "normal_cancel", now_ms)
        self.store.add(order)
        self._touch(order)
        if not self.options.single_terminal_push:
            self._push_order(order, now_ms)
        self._execute(order, now_ms)
        if self.options.single_terminal_push and order.status == "live":
            self._push_order(order, now_ms)
        self._flush(now_ms)
        return order, not makes_room

    def cancel(self, product: Product, order_id: str | None, client_oid: str | None, now_ms: int) -> Order:
        """Cancel an open order.

        Raises:
            Refusal: 43001, it does not exist or has ended.
        """
        order = self.store.find(product, order_id, client_oid)
        if order is None or not order.is_open:
            raise Refusal("43001", "The order does not exist")
        self._end(order, "normal_cancel", now_ms)
        self._flush(now_ms)
        return order

    def cancel_all(self, product: Product, now_ms: int) -> list[Order]:
        """Cancel every open order of a product."""
        orders = self.store.open_of(product)
        for order in orders:
            self._end(order, "normal_cancel", now_ms)
        self._flush(now_ms)
        return orders

    def modify(self, order: Order, client_oid: str, size: Decimal, price: Decimal, now_ms: int) -> Order:
        """Replace an unfilled limit order: the old one ends with `modify_limit_order`, a new one joins the queue."""
        self._end(order, "modify_limit_order", now_ms)
        old = order.request
        request = OrderRequest(
            old.product, old.side, old.order_type, size, price, old.force, client_oid, old.reduce_only,
            old.trade_side, old.margin_mode,
        )  # fmt: skip
        placed, _ = self.place(request, now_ms)
        placed.source = "modify_order_limit"
        return placed

    def first_push(self, product: Product, channel: str, now_ms: int) -> Push:
        """Return what a new subscriber of positions or account gets: everything, as it is."""
        if product == "spot":
            rows = [ws_rows.spot_balance(one) for one in self.wallet.balances.values()]
        elif channel == "positions":
            rows = ws_rows.positions(self)
        else:
            rows = [ws_rows.perp_account(self)]
        return Push(product, channel, "snapshot", rows, now_ms, is_private=True)

    # Operator's hand

    def set_balance(self, coin: str, amount: Decimal, now_ms: int) -> None:
        """Deposit to or withdraw from the spot account so that `amount` is available."""
        self.wallet.change(coin, amount - self.wallet.balances[coin].available, now_ms)
        self._dirty.add(coin)
        self._flush(now_ms)

    def flush(self, now_ms: int) -> None:
        """Push what an account setting changed."""
        self._dirty |= {"positions", "account"}
        self._flush(now_ms)

    # Inside

    def _make(self, request: OrderRequest, now_ms: int) -> Order:
        order_id = self.ids.next()
        client_oid = request.client_oid or self.ids.client_oid(request.product, order_id)
        direction, trade_side, hold_side = request.side, f"{request.side}_single", "net"
        if request.product == "perp" and self.perp.is_hedge_mode:
            trade_side = request.trade_side or ""
            hold_side = "long" if request.side == "buy" else "short"
            # Hedge mode names the position, not the trade: buy + close sells a long.
            direction = opposite(request.side) if trade_side == "close" else request.side
        order = Order(order_id, client_oid, request, direction, trade_side, hold_side, request.size, now_ms, now_ms)
        if request.product == "perp":
            order.leverage, order.pos_mode = self.perp.leverage, self.perp.position_mode
        order.source = "market" if request.order_type == "market" else "normal"
        return order

    def _spot_cost(self, order: Order) -> Decimal:
        if order.by_value or order.direction == "sell":
            return order.size
        assert order.price is not None
        return order.size * order.price

    def _check_perp(self, order: Order) -> list[Order]:
        # Position mode, reduce-only and margin; returns the reduce-only orders that must make room.
        request = order.request
        if self.perp.is_hedge_mode != (request.trade_side is not None):
            text = "The order type for unilateral position must also be the unilateral position type"
            raise Refusal("40774", text)
        self._check_margin_mode(request)
        if self.perp.is_hedge_mode and request.trade_side == "close":
            return self._check_close(order)
        if request.reduce_only and not self.perp.is_hedge_mode:
            return self._check_reduce_only(order)
        before = self.store.open_of("perp")
        cost = self.perp.frozen([*before, order]) - self.perp.frozen(before)
        if cost > self.perp.available(before):
            raise Refusal("40762", "The order amount exceeds the balance")
        return []

    def _check_margin_mode(self, request: OrderRequest) -> None:
        if request.margin_mode == self.perp.margin_mode:
            return
        if self.perp.positions or self.store.open_of("perp"):
            raise Refusal("45117", "Currently holding positions or orders, the margin mode cannot be adjusted")
        self.perp.margin_mode = request.margin_mode

    def _check_close(self, order: Order) -> list[Order]:
        held = self.perp.held(order.hold_side)
        if not held:
            raise Refusal("22002", "No position to close")
        closing = [one for one in self.store.open_of("perp") if one.request.trade_side == "close"]
        promised = sum((one.left for one in closing if one.hold_side == order.hold_side), ZERO)
        if order.size > held - promised:
            raise Refusal("40804", "The number of closed positions cannot exceed the number of positions held")
        return []

    def _check_reduce_only(self, order: Order) -> list[Order]:
        closable = self.perp.closable(order.direction)
        if not closable:
            raise Refusal("22002", "No position to close")
        order.size = min(order.size, closable)
        older = [one for one in self.store.open_of("perp") if one.request.reduce_only]
        older = [one for one in older if one.direction == order.direction]
        makes_room = []
        while older and sum((one.left for one in older), order.size) > closable:
            makes_room.append(older.pop(0))
        return makes_room

    def _execute(self, order: Order, now_ms: int) -> None:
        matcher = self.matchers[order.product]
        force = "ioc" if order.request.order_type == "market" else order.request.force
        if force == "post_only" and matcher.crosses(order):
            self._end(order, "post_only_fill_cancel", now_ms)
        elif force == "fok" and matcher.takeable(order) < order.size:
            self._end(order, "fok_not_full_cancel", now_ms)
        else:
            if force != "post_only":
                self._run(matcher.take(order), now_ms)
            if order.is_open and force in _UNFILLED_REASON:
                self._end(order, _UNFILLED_REASON[force], now_ms)
            elif order.is_open:
                matcher.rest(order)

    def _fillable(self, order: Order, price: Decimal) -> Decimal:
        if order.by_value:
            return cut(order.left / price, 4)
        if order.request.reduce_only:
            return min(order.left, self.perp.closable(order.direction))
        if order.request.trade_side == "close":
            return min(order.left, self.perp.held(order.hold_side))
        return order.left

    def _run(self, matches: Iterable[Match], now_ms: int) -> None:
        for match in matches:
            self._book(match, now_ms)

    def _book(self, match: Match, now_ms: int) -> None:
        order, price, qty = match.order, match.price, match.qty
        assert order.is_open and qty > 0
        rate = self._fee_rate(order.product, match.is_maker)
        order.filled += qty
        order.value += price * qty
        order.updated_ms = now_ms
        if order.product == "spot":
            fee, profit = self._book_spot(order, price, qty, rate, now_ms), ZERO
        else:
            fee, order.fee_coin = price * qty * rate, QUOTE
            profit = self.perp.book_fill(order, price, qty, fee, self.ids.next(), now_ms)
            self._dirty |= {"positions", "account"}
        order.fee += fee
        order.profit += profit
        is_done = order.left <= 0 or (order.by_value and not self._fillable(order, price))
        order.status = "filled" if is_done else "partially_filled"
        fill = Fill(self.ids.next(), order, price, qty, fee, order.fee_coin, profit, match.is_maker, now_ms)
        self.store.fills.append(fill)
        if is_done:
            self._settle(order, now_ms)
        self._push_order(order, now_ms, fill)
        row = ws_rows.spot_fill(fill) if order.product == "spot" else ws_rows.perp_fill(fill)
        self._push(order.product, "fill", [row], now_ms)
        self._drop_idle_reducers(now_ms)

    def _book_spot(self, order: Order, price: Decimal, qty: Decimal, rate: Decimal, now_ms: int) -> Decimal:
        # Bitget charges the coin that is received: base on a buy, quote on a sell.
        spent = price * qty if order.direction == "buy" else qty
        got = qty if order.direction == "buy" else price * qty
        reserved = spent if order.direction == "sell" or order.price is None else order.price * qty
        self.wallet.release(_spends(order), reserved, now_ms)
        self.wallet.change(_spends(order), -spent, now_ms)
        order.frozen -= reserved
        order.fee_coin = BASE if order.direction == "buy" else QUOTE
        fee = got * rate
        self.wallet.change(order.fee_coin, got - fee, now_ms)
        self._dirty |= {BASE, QUOTE}
        return fee

    def _fee_rate(self, product: Product, is_maker: bool) -> Decimal:
        options = self.options
        if product == "spot":
            return options.spot_maker_fee if is_maker else options.spot_taker_fee
        return options.perp_maker_fee if is_maker else options.perp_taker_fee

    def _drop_idle_reducers(self, now_ms: int) -> None:
        # A reduce-only (or closing) order without a position behind it is taken out by the exchange. No cancelReason
        # of Bitget's enumeration names this; the plain one is used.
        for order in self.store.open_of("perp"):
            closes = order.request.reduce_only or order.request.trade_side == "close"
            if closes and not self._fillable(order, self.perp.mark):
                self._end(order, "normal_cancel", now_ms)

    def _end(self, order: Order, reason: str, now_ms: int) -> None:
        if order.is_open:
            order.status = "canceled"
            order.cancel_reason = reason
            order.updated_ms = now_ms
            self._settle(order, now_ms)
            self._push_order(order, now_ms)

    def _settle(self, order: Order, now_ms: int) -> None:
        # The order can no longer trade: what it held is free again.
        self.matchers[order.product].remove(order)
        self.store.close(order)
        if order.frozen:
            self.wallet.release(_spends(order), order.frozen, now_ms)
            order.frozen = ZERO
        self._touch(order)

    def _touch(self, order: Order) -> None:
        if order.product == "spot":
            self._dirty.add(_spends(order))
            return
        self._dirty.add("account")
        if order.request.reduce_only or order.request.trade_side == "close":
            self._dirty.add("positions")

    def _push_order(self, order: Order, now_ms: int, fill: Fill | None = None) -> None:
        row = ws_rows.spot_order(order, fill) if order.product == "spot" else ws_rows.perp_order(order, fill)
        self._push(order.product, "orders", [row], now_ms)

    def _flush(self, now_ms: int) -> None:
        if "positions" in self._dirty:
            self._push("perp", "positions", ws_rows.positions(self), now_ms)
        if "account" in self._dirty:
            self._push("perp", "account", [ws_rows.perp_account(self)], now_ms)
        coins = [coin for coin in (BASE, QUOTE) if coin in self._dirty]
        if coins:
            self._push("spot", "account", [ws_rows.spot_balance(self.wallet.balances[one]) for one in coins], now_ms)
        self._dirty.clear()

    def _push(
        self, product: Product, channel: str, rows: list[dict[str, object]], now_ms: int, is_update: bool = False
    ) -> None:
        self.outbox.append(
            Push(product, channel, "update" if is_update else "snapshot", rows, now_ms, is_private=channel != "trade")
        )

    def _funding_after(self, now_ms: int) -> int:
        interval_ms = self.options.funding_interval_h * _HOUR_MS
        return (now_ms // interval_ms + 1) * interval_ms


def _spends(order: Order) -> str:
    return QUOTE if order.direction == "buy" else BASE
