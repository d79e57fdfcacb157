"""The exchange as one account meets it: two products, no socket and no clock.

Every method takes the time as an argument and works at once; what subscribers must learn is left in `outbox`, in
order. The same calls with the same arguments and seed give the same outbox, to the byte. Accounts of one exchange
share a `Floor` (books, matching, funding, outbox) and nothing else.

An order is accepted or refused (`Refusal`, nothing happens, nothing is pushed). Accepted orders push `live`, then
what became of them: fills, rest, or the cancel of what may not rest (`ioc_not_full_cancel`, `fok_not_full_cancel`,
`post_only_fill_cancel`). Positions and balances are pushed once at the end of each call that touched them.
"""

from collections import deque
from decimal import Decimal

from runner.paper import ws_rows
from runner.paper.account import SpotWallet
from runner.paper.admission import check_perp
from runner.paper.floor import Floor
from runner.paper.instruments import BASE, QUOTE, RULES
from runner.paper.liquidation import liquidate
from runner.paper.matching import Match, Matcher
from runner.paper.numbers import ZERO, cut
from runner.paper.options import Account, PaperOptions
from runner.paper.perp import PerpAccount
from runner.paper.store import Ids, Store
from runner.paper.validation import check_order
from runner.paper.values import (
    Bill,
    Fill,
    MarketEvent,
    Order,
    OrderRequest,
    Product,
    Push,
    Refusal,
    TradeEvent,
    opposite,
)

_UNFILLED_REASON = {"ioc": "ioc_not_full_cancel", "fok": "fok_not_full_cancel"}
_HALTED = {
    "perp": ("40844", "The contract is under temporary maintenance"),
    "spot": ("41114", "The current trading pair is under maintenance, please refer to the official announcement"),
}


class Exchange:
    """One account on the ETHUSDT perpetual and spot pair. Without a floor it gets one of its own."""

    def __init__(
        self, options: PaperOptions, start_ms: int, floor: Floor | None = None, account: Account | None = None
    ) -> None:
        start = account or options.default_account
        self.options = options
        self.name = start.name
        self.credentials = start.credentials
        self.authorities, self.ips = start.authorities, start.ips
        self.floor = floor or Floor(options, start_ms)
        self.floor.members[self.name] = self
        self.store = Store(options.orders_kept_max, options.fills_kept_max)
        self.wallet = SpotWallet({QUOTE: start.spot_usdt, BASE: start.spot_eth})
        self.perp = PerpAccount(start.perp_usdt, start.position_mode, start.margin_mode, start.leverage)
        self.perp.mark = self.floor.mark
        self._dirty: set[str] = set()
        self._judged_mark: Decimal | None = None

    # What all accounts share

    @property
    def ids(self) -> Ids:
        """The source of ids."""
        return self.floor.ids

    @property
    def matchers(self) -> dict[Product, Matcher]:
        """The books."""
        return self.floor.matchers

    @property
    def outbox(self) -> list[Push]:
        """What subscribers must learn, of every account."""
        return self.floor.outbox

    @property
    def recent(self) -> dict[Product, deque[tuple[str, TradeEvent, int]]]:
        """The last public trades, newest first."""
        return self.floor.recent

    @property
    def funding_rate(self) -> Decimal:
        """Rate of the running interval."""
        return self.floor.funding_rate

    @property
    def funding_history(self) -> deque[tuple[int, Decimal]]:
        """What was settled: time and rate, newest first."""
        return self.floor.funding_history

    @property
    def next_funding_ms(self) -> int:
        """When funding is settled next."""
        return self.floor.next_funding_ms

    def of_key(self, api_key: str) -> "Exchange":
        """The account an API key belongs to; this one when no account has the key."""
        members = self.floor.members.values()
        return next((one for one in members if one.credentials.api_key == api_key), self)

    def on_market(self, event: MarketEvent, now_ms: int) -> None:
        """Take one market event."""
        self.floor.on_market(event, now_ms)

    def advance(self, now_ms: int) -> None:
        """Let time pass."""
        self.floor.advance(now_ms)

    # Orders

    def place(self, request: OrderRequest, now_ms: int) -> tuple[Order, bool]:
        """Accept an order and match it.

        Returns:
            The order, and whether the answer may name its orderId: it does not when older reduce-only orders had to
            make room (Place Order page, one-way mode).

        Raises:
            Refusal: The order breaks a rule; nothing has changed.
        """
        if request.product in self.floor.halted:
            raise Refusal(*_HALTED[request.product])
        check_order(request, self.matchers[request.product].mid, len(self.store.open_of(request.product)))
        if self.store.is_pending(request):
            raise Refusal("40786", "Duplicate clientOid")
        order = self._make(request, now_ms)
        makes_room: list[Order] = []
        if request.product == "spot":
            order.frozen = self._spot_cost(order)
            self.wallet.freeze(_spends(order), order.frozen, now_ms)
            self._dirty.add(_spends(order))
        else:
            makes_room = check_perp(self, order)
        for older in makes_room:
            self.end(older, "normal_cancel", now_ms)
        self.store.add(order)
        self._touch(order)
        if not self.options.single_terminal_push:
            self._push_order(order, now_ms)
        self._execute(order, now_ms)
        if self.options.single_terminal_push and order.status == "live":
            self._push_order(order, now_ms)
        self.floor.settle(now_ms)
        return order, not makes_room

    def cancel(self, product: Product, order_id: str | None, client_oid: str | None, now_ms: int) -> Order:
        """Cancel an open order.

        Raises:
            Refusal: 43001, it does not exist or has ended.
        """
        order = self.store.find(product, order_id, client_oid)
        if order is None or not order.is_open:
            raise Refusal("43001", "The order does not exist")
        self.end(order, "normal_cancel", now_ms)
        self.floor.settle(now_ms)
        return order

    def cancel_all(self, product: Product, now_ms: int) -> list[Order]:
        """Cancel every open order of a product."""
        orders = self.store.open_of(product)
        for order in orders:
            self.end(order, "normal_cancel", now_ms)
        self.floor.settle(now_ms)
        return orders

    def modify(self, order: Order, client_oid: str, size: Decimal, price: Decimal, now_ms: int) -> Order:
        """Replace an unfilled limit order: the old one ends with `modify_limit_order`, a new one joins the queue."""
        self.end(order, "modify_limit_order", now_ms)
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
        return Push(product, channel, "snapshot", rows, now_ms, is_private=True, account=self.name)

    # Operator's hand

    def set_balance(self, coin: str, amount: Decimal, now_ms: int) -> None:
        """Deposit to or withdraw from the spot account so that `amount` is available."""
        self.wallet.change(coin, amount - self.wallet.balances[coin].available, now_ms)
        self._dirty.add(coin)
        self.floor.settle(now_ms)

    def flush(self, now_ms: int) -> None:
        """Push what an account setting changed."""
        self._dirty |= {"positions", "account"}
        self.floor.settle(now_ms)

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
        order = Order(
            order_id, client_oid, request, direction, trade_side, hold_side, request.size, now_ms, now_ms,
            account=self.name,
        )  # fmt: skip
        if request.product == "perp":
            order.leverage, order.pos_mode = self.perp.leverage, self.perp.position_mode
        order.source = "market" if request.order_type == "market" else "normal"
        return order

    def _spot_cost(self, order: Order) -> Decimal:
        if order.by_value or order.direction == "sell":
            return order.size
        assert order.price is not None
        return order.size * order.price

    def _execute(self, order: Order, now_ms: int) -> None:
        matcher = self.matchers[order.product]
        force = "ioc" if order.request.order_type == "market" else order.request.force
        if force == "post_only" and matcher.crosses(order):
            self.end(order, "post_only_fill_cancel", now_ms)
        elif force == "fok" and matcher.takeable(order) < order.size:
            self.end(order, "fok_not_full_cancel", now_ms)
        else:
            if force != "post_only":
                order.stop_at = self._stop_at(order, force)
                self.floor.take(order, now_ms)
            if order.is_open and force in _UNFILLED_REASON:
                self.end(order, _UNFILLED_REASON[force], now_ms)
            elif order.is_open:
                matcher.rest(order)

    def _stop_at(self, order: Order, force: str) -> Decimal | None:
        disturbance = self.floor.disturbance
        if disturbance is None or force != "ioc" or order.by_value:
            return None
        share = disturbance.ioc_share(order)
        return None if share is None else cut(order.size * share, RULES[order.product].size_places)

    # What the floor asks of an account

    def fillable(self, order: Order, price: Decimal) -> Decimal:
        """How much of an order may trade at a price, in base coin: what is left, cut by the position it may reduce."""
        if order.by_value:
            return cut(order.left / price, 4)
        left = order.left if order.stop_at is None else max(ZERO, order.stop_at - order.filled)
        return min(left, self._reducible(order)) if _closes(order) else left

    def settle_funding(self, rate: Decimal, now_ms: int) -> None:
        """Pay or receive funding on the positions."""
        if self.perp.positions:
            for came in self.perp.settle_funding(rate, now_ms):
                self.store.bills.append(Bill(self.ids.next(), came, self.perp.cash, now_ms))
            self._dirty |= {"positions", "account"}

    def check_margin(self, now_ms: int) -> None:
        """Liquidate what has no margin left. It is asked after every book, and looks when the mark is another one or
        something of the account has changed: both come as a new figure, or are waiting to be pushed."""
        if self.perp.positions and (self._dirty or self.perp.mark is not self._judged_mark):
            self._judged_mark = self.perp.mark
            liquidate(self, now_ms)

    def book(self, match: Match, now_ms: int) -> None:
        """Book one execution of an order of this account."""
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
        is_done = order.left <= 0 or (order.by_value and not self.fillable(order, price))
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
            if _closes(order) and not self._reducible(order):
                self.end(order, "normal_cancel", now_ms)

    def _reducible(self, order: Order) -> Decimal:
        if order.request.trade_side == "close":
            return self.perp.held(order.hold_side)
        return self.perp.closable(order.direction)

    def end(self, order: Order, reason: str, now_ms: int) -> None:
        """Cancel an order, if it is still open, and push its end."""
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
        if _closes(order):
            self._dirty.add("positions")

    def _push_order(self, order: Order, now_ms: int, fill: Fill | None = None) -> None:
        row = ws_rows.spot_order(order, fill) if order.product == "spot" else ws_rows.perp_order(order, fill)
        self._push(order.product, "orders", [row], now_ms)

    def flush_changes(self, now_ms: int) -> None:
        """Push the positions and balances that changed since the last push."""
        if not self._dirty:
            return
        if "positions" in self._dirty:
            self._push("perp", "positions", ws_rows.positions(self), now_ms)
        if "account" in self._dirty:
            self._push("perp", "account", [ws_rows.perp_account(self)], now_ms)
        coins = [coin for coin in (BASE, QUOTE) if coin in self._dirty]
        if coins:
            self._push("spot", "account", [ws_rows.spot_balance(self.wallet.balances[one]) for one in coins], now_ms)
        self._dirty.clear()

    def _push(self, product: Product, channel: str, rows: list[dict[str, object]], now_ms: int) -> None:
        self.outbox.append(Push(product, channel, "snapshot", rows, now_ms, is_private=True, account=self.name))


def _spends(order: Order) -> str:
    return QUOTE if order.direction == "buy" else BASE


def _closes(order: Order) -> bool:
    return order.request.reduce_only or order.request.trade_side == "close"
