"""Spot endpoints: orders and assets."""

from collections.abc import Callable
from typing import Any

import attrs

from runner.paper import params as read
from runner.paper import rest_rows
from runner.paper.api import Context, Route
from runner.paper.instruments import SYMBOL
from runner.paper.mix_routes import batch, cancel
from runner.paper.params import Params
from runner.paper.validation import check_order
from runner.paper.values import Order, Refusal

# An order can be asked for by clientOid for two hours only (changelog of 2025-03-20).
CLIENT_OID_SPAN_MS = 2 * 3_600_000


def place_order(context: Context) -> Any:
    """POST place-order; a request later than its own receiveWindow is refused."""
    read.symbol(context.params)
    read.check_receive_window(context.params, context.now_ms)
    return _place(context, context.params)


def batch_orders(context: Context) -> Any:
    """POST batch-orders; with batchMode `multiple` each order names its own symbol."""
    return _batch(context, lambda one: _place(context, one))


def cancel_order(context: Context) -> Any:
    """POST cancel-order."""
    read.symbol(context.params)
    return cancel(context, "spot", context.params)


def batch_cancel_order(context: Context) -> Any:
    """POST batch-cancel-order: all by orderId or all by clientOid."""
    orders = read.items(context.params, "orderList")
    if len({"orderId" in one for one in orders}) > 1:
        raise Refusal("40020", "Parameter orderList error")
    return _batch(context, lambda one: cancel(context, "spot", one))


def cancel_replace_order(context: Context) -> Any:
    """POST cancel-replace-order: the old order goes first; what the new one meets is told with code 00000.

    `success` is then `failure`, `msg` says why, and the old order stays cancelled. Members are checked before.
    """
    read.symbol(context.params)
    order_id, client_oid = read.order_ids(context.params)
    size, price = read.number(context.params, "size"), read.number(context.params, "price")
    order = context.exchange.store.find("spot", order_id, client_oid)
    if order is None or not order.is_open:
        raise Refusal("43001", "The order does not exist")
    wanted = attrs.evolve(order.request, size=size, price=price, client_oid=read.text(context.params, "newClientOid"))
    check_order(wanted, context.exchange.matchers["spot"].mid, 0)
    context.exchange.cancel("spot", order.order_id, None, context.now_ms)
    try:
        placed, _ = context.exchange.place(wanted, context.now_ms)
    except Refusal as refusal:
        return {"orderId": None, "clientOid": wanted.client_oid, "success": "failure", "msg": refusal.msg}
    return {"orderId": placed.order_id, "clientOid": wanted.client_oid, "success": "success", "msg": None}


def cancel_symbol_order(context: Context) -> Any:
    """POST cancel-symbol-order: names the symbol, never the orders, and cancels them after it has answered."""
    read.symbol(context.params)

    def work(now_ms: int) -> None:
        context.exchange.cancel_all("spot", now_ms)

    context.later.add(work, context.now_ms)
    return {"symbol": SYMBOL}


def order_info(context: Context) -> Any:
    """GET orderInfo: a list; empty when unknown."""
    read.check_receive_window(context.params, context.now_ms)
    order_id, client_oid = read.order_ids(context.params)
    order = context.exchange.store.find("spot", order_id, client_oid)
    if order is None or (order_id is None and context.now_ms - order.created_ms > CLIENT_OID_SPAN_MS):
        return []
    return [rest_rows.spot_info(order)]


def unfilled_orders(context: Context) -> Any:
    """GET unfilled-orders."""
    read.symbol(context.params, needed=False)
    read.check_receive_window(context.params, context.now_ms)
    orders = _named(context.exchange.store.open_of("spot"), context.params)
    return [rest_rows.spot_unfilled(one) for one in read.page(orders, context.params)]


def history_orders(context: Context) -> Any:
    """GET history-orders: orders that ended."""
    read.symbol(context.params, needed=False)
    read.check_receive_window(context.params, context.now_ms)
    ended = [one for one in context.exchange.store.orders.values() if one.product == "spot" and not one.is_open]
    return [rest_rows.spot_history(one) for one in read.page(_named(ended, context.params), context.params)]


def fills(context: Context) -> Any:
    """GET fills."""
    read.symbol(context.params, needed=False)
    order_id = read.text(context.params, "orderId")
    found = [one for one in context.exchange.store.fills if one.order.product == "spot"]
    found = [one for one in found if order_id in (None, one.order.order_id)]
    return [rest_rows.spot_fill(one) for one in read.page(found, context.params)]


def account_info(context: Context) -> Any:
    """GET account/info: who the account is, and what the key may do."""
    return rest_rows.account_info(context.exchange)


def assets(context: Context) -> Any:
    """GET account/assets: coins held, or the one asked for."""
    coin = read.text(context.params, "coin")
    shows_all = read.text(context.params, "assetType") == "all" or coin is not None
    balances = context.exchange.wallet.balances.values()
    wanted = [one for one in balances if coin is None or one.coin == coin.upper()]
    return [rest_rows.asset(one) for one in wanted if shows_all or one.total]


def _place(context: Context, params: Params) -> dict[str, Any]:
    order, _ = context.exchange.place(read.spot_order(params), context.now_ms)
    return rest_rows.ids(order)


def _batch(context: Context, work: Callable[[Params], dict[str, Any]]) -> Any:
    # `multiple` moves the symbol from the request into each of its orders.
    is_multiple = read.text(context.params, "batchMode") == "multiple"
    if not is_multiple:
        read.symbol(context.params)

    def checked(one: Params) -> dict[str, Any]:
        if is_multiple:
            read.symbol(one)
        return work(one)

    return batch(read.items(context.params, "orderList"), checked)


def _named(orders: list[Order], params: Params) -> list[Order]:
    order_id = read.text(params, "orderId")
    return [one for one in orders if order_id in (None, one.order_id)]


ROUTES = {
    ("POST", "/api/v2/spot/trade/place-order"): Route(place_order, 10),
    ("POST", "/api/v2/spot/trade/batch-orders"): Route(batch_orders, 5),
    ("POST", "/api/v2/spot/trade/cancel-order"): Route(cancel_order, 10),
    ("POST", "/api/v2/spot/trade/batch-cancel-order"): Route(batch_cancel_order, 10),
    ("POST", "/api/v2/spot/trade/cancel-replace-order"): Route(cancel_replace_order, 5),
    ("POST", "/api/v2/spot/trade/cancel-symbol-order"): Route(cancel_symbol_order, 5),
    ("GET", "/api/v2/spot/trade/orderInfo"): Route(order_info, 20),
    ("GET", "/api/v2/spot/trade/unfilled-orders"): Route(unfilled_orders, 20),
    ("GET", "/api/v2/spot/trade/history-orders"): Route(history_orders, 20),
    ("GET", "/api/v2/spot/trade/fills"): Route(fills, 10),
    ("GET", "/api/v2/spot/account/info"): Route(account_info, 1),
    ("GET", "/api/v2/spot/account/assets"): Route(assets, 10),
}
