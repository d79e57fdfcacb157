"""Perp endpoints: orders, account settings, positions."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from runner.paper import params as read
from runner.paper import rest_rows
from runner.paper.api import Context, Route
from runner.paper.instruments import CONTRACT_ROW, QUOTE, SYMBOL
from runner.paper.params import Params
from runner.paper.validation import check_order
from runner.paper.values import Fill, Order, OrderRequest, Product, Refusal

# Orders


def place_order(context: Context) -> Any:
    """POST place-order."""
    _check(context.params)
    return _place(context, context.params)


def batch_place_order(context: Context) -> Any:
    """POST batch-place-order: 00000 even when every order failed."""
    _check(context.params)
    shared = {"marginMode": read.required(context.params, "marginMode")}
    orders = [{**shared, **one} for one in read.items(context.params, "orderList")]
    return batch(orders, lambda one: _place(context, one))


def cancel_order(context: Context) -> Any:
    """POST cancel-order."""
    _check(context.params, needs_coin=False)
    return cancel(context, "perp", context.params)


def batch_cancel_orders(context: Context) -> Any:
    """POST batch-cancel-orders: by list, or everything of the symbol."""
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed="orderIdList" in context.params)
    if context.params.get("orderIdList"):
        return batch(read.items(context.params, "orderIdList"), lambda one: cancel(context, "perp", one))
    return _cancelled(context.exchange.cancel_all("perp", context.now_ms) if is_ours else [])


def cancel_all_orders(context: Context) -> Any:
    """POST cancel-all-orders: every symbol of the product type; 22001 when nothing is open."""
    is_ours = read.lists_ours(context.params)
    read.check_receive_window(context.params, context.now_ms)
    orders = context.exchange.cancel_all("perp", context.now_ms) if is_ours else []
    if not orders:
        raise Refusal("22001", "No order to cancel")
    return _cancelled(orders)


def modify_order(context: Context) -> Any:
    """POST modify-order: cancels and places anew, later: the answer has neither the new orderId nor the outcome.

    Members are checked first and then refused with the old order alive. What only the new order meets (its margin, a
    duplicate newClientOid) is told by nothing but the missing order; an old one that has traded meanwhile stays.
    """
    _check(context.params, needs_coin=False)
    order_id, client_oid = read.order_ids(context.params)
    new_client_oid = read.text(context.params, "newClientOid")
    if new_client_oid is None:
        raise Refusal("22003", "modify price and size, please pass in newClientOid")
    order = context.exchange.store.find("perp", order_id, client_oid)
    if order is None or not order.is_open:
        raise Refusal("43001", "The order does not exist")
    if order.status != "live" or order.price is None:
        raise Refusal("45055", "The current order status cannot be cancelled")
    size, price = read.number(context.params, "newSize"), read.number(context.params, "newPrice")
    wanted = attrs.evolve(order.request, size=size, price=price, client_oid=new_client_oid)
    check_order(wanted, context.exchange.matchers["perp"].mid, 0)

    def work(now_ms: int) -> None:
        if order.status == "live":
            with contextlib.suppress(Refusal):
                context.exchange.modify(order, new_client_oid, size, price, now_ms)

    context.later.add(work, context.now_ms)
    return rest_rows.ids(order)


def close_positions(context: Context) -> Any:
    """POST close-positions: flash close at market; 22002 when flat."""
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed=False)
    perp = context.exchange.perp
    wanted = read.text(context.params, "holdSide") if perp.is_hedge_mode else None
    held = [one for one in perp.positions.values() if is_ours and wanted in (None, one.hold_side)]
    if not held:
        raise Refusal("22002", "No position to close")
    placed = []
    for one in held:
        is_long = one.hold_side == "long"
        request = OrderRequest(
            product="perp",
            side="buy" if is_long == perp.is_hedge_mode else "sell",
            order_type="market",
            size=one.size,
            reduce_only=not perp.is_hedge_mode,
            trade_side="close" if perp.is_hedge_mode else None,
            margin_mode=perp.margin_mode,
        )
        order, _ = context.exchange.place(request, context.now_ms)
        placed.append(rest_rows.ids(order) | {"symbol": SYMBOL})
    return {"successList": placed, "failureList": []}


def detail(context: Context) -> Any:
    """GET detail: 40109 when unknown."""
    _check(context.params, needs_coin=False)
    order = context.exchange.store.find("perp", *read.order_ids(context.params))
    if order is None:
        raise Refusal("40109", "The data of the order cannot be found, please confirm the order number")
    return rest_rows.perp_detail(order)


def orders_pending(context: Context) -> Any:
    """GET orders-pending: an empty list is null, and so is its endId."""
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed=False)
    status = read.text(context.params, "status")
    default = ("live",) if context.exchange.options.pending_without_status == "live" else ("live", "partially_filled")
    statuses = (status,) if status is not None else default
    orders = [one for one in context.exchange.store.open_of("perp") if is_ours and one.status in statuses]
    return _listed(_named(orders, context.params), context.params, rest_rows.perp_listed)


def orders_history(context: Context) -> Any:
    """GET orders-history: orders that ended."""
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed=False)
    ended = [one for one in context.exchange.store.orders.values() if one.product == "perp" and not one.is_open]
    orders = ended if is_ours else []
    return _listed(_named(orders, context.params), context.params, rest_rows.perp_history)


def fills(context: Context) -> Any:
    """GET fills."""
    return _fills(context, rest_rows.perp_fill)


def fill_history(context: Context) -> Any:
    """GET fill-history: the same fills with marginCoin."""
    return _fills(context, rest_rows.perp_fill_history)


# Account and positions


def account(context: Context) -> Any:
    """GET account: the one that shows modes and leverage."""
    _check(context.params)
    return rest_rows.perp_account(context.exchange)


def accounts(context: Context) -> Any:
    """GET accounts."""
    return [rest_rows.perp_accounts(context.exchange)] if read.lists_ours(context.params) else []


def bill(context: Context) -> Any:
    """GET bill: settlements of funding, newest first; every other kind of business is an empty list here."""
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed=False)
    listed = read.text(context.params, "businessType") in (None, rest_rows.FUNDING_BUSINESS)
    found = list(context.exchange.store.bills) if is_ours and listed else []
    rows = [rest_rows.bill(one) for one in read.page(found, context.params)]
    return {"bills": rows, "endId": rows[-1]["billId"] if rows else None}


def set_position_mode(context: Context) -> Any:
    """POST set-position-mode: 40920 with a position or an order; setting it again is fine."""
    read.product_type(context.params)
    mode = read.one_of(context.params, "posMode", ("one_way_mode", "hedge_mode"))
    perp = context.exchange.perp
    if mode != perp.position_mode:
        if _is_busy(context):
            raise Refusal("40920", "Position or order exists, the position mode cannot be switched")
        perp.position_mode = mode
    return {"posMode": mode}


def set_leverage(context: Context) -> Any:
    """POST set-leverage."""
    _check(context.params)
    names = [name for name in ("leverage", "longLeverage", "shortLeverage") if read.text(context.params, name)]
    leverage = read.number(context.params, names[0] if names else "leverage")
    if leverage % 1 or not int(CONTRACT_ROW["minLever"]) <= leverage <= int(CONTRACT_ROW["maxLever"]):
        raise Refusal("40020", "Parameter leverage error")
    context.exchange.perp.leverage = int(leverage)
    context.exchange.flush(context.now_ms)
    return _leverages(context) | {"crossMarginLeverage": str(int(leverage))}


def set_margin_mode(context: Context) -> Any:
    """POST set-margin-mode: 45117 with a position or an order; setting it again is fine."""
    _check(context.params)
    mode = read.one_of(context.params, "marginMode", ("isolated", "crossed"))
    perp = context.exchange.perp
    if mode != perp.margin_mode:
        if _is_busy(context):
            raise Refusal("45117", "Currently holding positions or orders, the margin mode cannot be adjusted")
        perp.margin_mode = mode
    return _leverages(context)


def single_position(context: Context) -> Any:
    """GET single-position: a list; empty when flat."""
    _check(context.params)
    return rest_rows.positions(context.exchange)


def all_position(context: Context) -> Any:
    """GET all-position: single-position's members and four more."""
    rows = rest_rows.positions(context.exchange) if read.lists_ours(context.params) else []
    read.margin_coin(context.params, needed=False)
    extra = {"takeProfit": "", "stopLoss": "", "takeProfitId": "", "stopLossId": ""}
    return [row | extra for row in rows]


# Shared


def batch(orders: Iterable[Params], work: Callable[[Params], dict[str, Any]]) -> Any:
    """Do `work` for each and sort the answers into the two lists."""
    done, failed = [], []
    for one in orders:
        try:
            done.append(work(one))
        except Refusal as refusal:
            names = {"orderId": one.get("orderId"), "clientOid": one.get("clientOid")}
            failed.append(names | {"errorMsg": refusal.msg, "errorCode": refusal.code})
    return {"successList": done, "failureList": failed}


def _check(params: Params, needs_coin: bool = True) -> None:
    read.product_type(params)
    read.symbol(params)
    read.margin_coin(params, needed=needs_coin)


def _place(context: Context, params: Params) -> dict[str, Any]:
    options = context.exchange.options
    request = read.perp_order(params, options.perp_tif_field)
    if (
        request.trade_side is None
        and options.hedge_without_trade_side == "opens"
        and context.exchange.perp.is_hedge_mode
    ):
        request = attrs.evolve(request, trade_side="open")
    order, names_order_id = context.exchange.place(request, context.now_ms)
    return rest_rows.ids(order) if names_order_id else {"clientOid": order.client_oid}


def cancel(context: Context, product: Product, params: Params) -> dict[str, Any]:
    """Cancel one order by either id: 43001 when it is gone, 45129 when it was asked for within the last second."""
    order_id, client_oid = read.order_ids(params)
    known = context.exchange.store.find(product, order_id, client_oid)
    if known is not None and context.exchange.options.rate_limits:
        context.pace.note(known.order_id, context.now_ms)
    return rest_rows.ids(context.exchange.cancel(product, order_id, client_oid, context.now_ms))


def _cancelled(orders: list[Order]) -> dict[str, Any]:
    return {"successList": [rest_rows.ids(one) for one in orders], "failureList": []}


def _named(orders: list[Order], params: Params) -> list[Order]:
    order_id, client_oid = read.text(params, "orderId"), read.text(params, "clientOid")
    return [one for one in orders if order_id in (None, one.order_id) and client_oid in (None, one.client_oid)]


def _listed(orders: list[Order], params: Params, row: Callable[[Order], dict[str, Any]]) -> dict[str, Any]:
    rows = [row(one) for one in read.page(orders, params)]
    return {"entrustedList": rows or None, "endId": rows[-1]["orderId"] if rows else None}


def _fills(context: Context, row: Callable[[Fill], dict[str, Any]]) -> dict[str, Any]:
    is_ours = read.lists_ours(context.params)
    read.symbol(context.params, needed=False)
    order_id = read.text(context.params, "orderId")
    found = [one for one in context.exchange.store.fills if is_ours and one.order.product == "perp"]
    found = [one for one in found if order_id in (None, one.order.order_id)]
    rows = [row(one) for one in read.page(found, context.params)]
    return {"fillList": rows, "endId": rows[-1]["tradeId"] if rows else None}


def _is_busy(context: Context) -> bool:
    return bool(context.exchange.perp.positions or context.exchange.store.open_of("perp"))


def _leverages(context: Context) -> dict[str, Any]:
    leverage = str(context.exchange.perp.leverage)
    return {
        "symbol": SYMBOL,
        "marginCoin": QUOTE,
        "longLeverage": leverage,
        "shortLeverage": leverage,
        "marginMode": context.exchange.perp.margin_mode,
    }


ROUTES = {
    ("POST", "/api/v2/mix/order/place-order"): Route(place_order, 10),
    ("POST", "/api/v2/mix/order/batch-place-order"): Route(batch_place_order, 5),
    ("POST", "/api/v2/mix/order/cancel-order"): Route(cancel_order, 10),
    ("POST", "/api/v2/mix/order/batch-cancel-orders"): Route(batch_cancel_orders, 10),
    ("POST", "/api/v2/mix/order/cancel-all-orders"): Route(cancel_all_orders, 10),
    ("POST", "/api/v2/mix/order/modify-order"): Route(modify_order, 10),
    ("POST", "/api/v2/mix/order/close-positions"): Route(close_positions, 1),
    ("GET", "/api/v2/mix/order/detail"): Route(detail, 10),
    ("GET", "/api/v2/mix/order/orders-pending"): Route(orders_pending, 10),
    ("GET", "/api/v2/mix/order/orders-history"): Route(orders_history, 10),
    ("GET", "/api/v2/mix/order/fills"): Route(fills, 10),
    ("GET", "/api/v2/mix/order/fill-history"): Route(fill_history, 10),
    ("GET", "/api/v2/mix/account/account"): Route(account, 10),
    ("GET", "/api/v2/mix/account/accounts"): Route(accounts, 10),
    ("GET", "/api/v2/mix/account/bill"): Route(bill, 10),
    ("POST", "/api/v2/mix/account/set-position-mode"): Route(set_position_mode, 5),
    ("POST", "/api/v2/mix/account/set-leverage"): Route(set_leverage, 5),
    ("POST", "/api/v2/mix/account/set-margin-mode"): Route(set_margin_mode, 5),
    ("GET", "/api/v2/mix/position/single-position"): Route(single_position, 10),
    ("GET", "/api/v2/mix/position/all-position"): Route(all_position, 5),
}
