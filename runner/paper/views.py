"""The truth, for oracles: what the account really holds, as plain Decimals, independent of any wire format."""

from decimal import Decimal

import attrs

from runner.paper.engine import Exchange
from runner.paper.numbers import ZERO
from runner.paper.values import Fill, Order, Product, Side


@attrs.frozen
class BalanceView:
    """One spot coin."""

    available: Decimal
    frozen: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.available + self.frozen


@attrs.frozen
class PositionView:
    """One open perp position; `size` is unsigned."""

    hold_side: str
    size: Decimal
    price_avg: Decimal


@attrs.frozen
class OrderView:
    """One order. `status` is live, partially_filled, filled or canceled on both products."""

    order_id: str
    client_oid: str
    product: Product
    side: Side
    order_type: str
    force: str
    price: Decimal | None
    size: Decimal
    filled: Decimal
    status: str
    cancel_reason: str
    reduce_only: bool
    created_ms: int


@attrs.frozen
class FillView:
    """One fill. `side` is the direction of the trade; `fee` is what was paid, positive, in `fee_coin`."""

    trade_id: str
    order_id: str
    client_oid: str
    product: Product
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_coin: str
    is_maker: bool
    at_ms: int


@attrs.frozen
class AccountView:
    """The account at one moment. `position` is signed, over both sides; so is `funding`: received is above zero."""

    spot: dict[str, BalanceView]
    perp_cash: Decimal
    perp_equity: Decimal
    perp_available: Decimal
    position_mode: str
    margin_mode: str
    leverage: int
    position: Decimal
    funding: Decimal
    positions: tuple[PositionView, ...]
    open_orders: tuple[OrderView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillView, ...]


def account_view(exchange: Exchange) -> AccountView:
    """Return the account as it is now; orders and fills oldest first."""
    perp, store = exchange.perp, exchange.store
    return AccountView(
        spot={coin: BalanceView(one.available, one.frozen) for coin, one in exchange.wallet.balances.items()},
        perp_cash=perp.cash,
        perp_equity=perp.equity,
        perp_available=perp.available(store.open_of("perp")),
        position_mode=perp.position_mode,
        margin_mode=perp.margin_mode,
        leverage=perp.leverage,
        position=perp.net,
        funding=sum((one.amount for one in store.bills), ZERO),
        positions=tuple(PositionView(one.hold_side, one.size, one.price_avg) for one in perp.positions.values()),
        open_orders=tuple(_order(one) for one in store.open.values()),
        orders=tuple(_order(one) for one in store.orders.values()),
        fills=tuple(_fill(one) for one in store.fills),
    )


def _order(order: Order) -> OrderView:
    request = order.request
    return OrderView(
        order.order_id, order.client_oid, order.product, order.direction, request.order_type, request.force,
        request.price, order.size, order.filled, order.status, order.cancel_reason, request.reduce_only,
        order.created_ms,
    )  # fmt: skip


def _fill(fill: Fill) -> FillView:
    order = fill.order
    return FillView(
        fill.trade_id, order.order_id, order.client_oid, order.product, order.direction, fill.price, fill.qty,
        fill.fee, fill.fee_coin, fill.is_maker, fill.at_ms,
    )  # fmt: skip
