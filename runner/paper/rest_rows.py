"""Rows of the REST answers, member for member as Bitget writes them.

Sources: the endpoint pages and recorded answers quoted in public clients' tests. Traps kept on purpose: order detail
says `state`, the lists say `status`; an unfilled spot order's limit is in `priceAvg` and its fill price in
`basePrice`; fee detail is a list on the perp, an object in spot fills and a string of JSON in spot orders; no spot
order echoes `force`; leverage is a number in the account and a string in a position.
"""

import json
from decimal import Decimal
from typing import Any

from runner.paper import ws_rows
from runner.paper.account import Balance
from runner.paper.engine import Exchange
from runner.paper.instruments import KEEP_MARGIN_RATE, QUOTE, SYMBOL
from runner.paper.numbers import ZERO, cut, fixed, plain
from runner.paper.values import Bill, Fill, Order
from runner.paper.ws_rows import average

Row = dict[str, Any]
USER_ID = "7310123456"


def ids(order: Order) -> Row:
    """The two ids of an order."""
    return {"orderId": order.order_id, "clientOid": order.client_oid}


def _perp_order(order: Order) -> Row:
    request = order.request
    return {
        "symbol": SYMBOL,
        "size": plain(order.size),
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "baseVolume": plain(order.filled),
        "fee": plain(cut(-order.fee, 8)),
        "price": plain(order.price) if order.price is not None else "",
        "priceAvg": plain(average(order)) if order.filled else "",
        "side": order.side,
        "force": request.force,
        "totalProfits": plain(cut(order.profit, 8)),
        "posSide": order.hold_side,
        "marginCoin": QUOTE,
        "quoteVolume": plain(order.value),
        "leverage": str(order.leverage),
        "marginMode": request.margin_mode,
        "reduceOnly": "YES" if request.reduce_only else "NO",
        "enterPointSource": order.entry_point,
        "tradeSide": order.trade_side,
        "posMode": order.pos_mode,
        "orderType": request.order_type,
        "orderSource": order.source,
        "presetStopSurplusPrice": "",
        "presetStopLossPrice": "",
        "cTime": str(order.created_ms),
        "uTime": str(order.updated_ms),
    }


def perp_detail(order: Order) -> Row:
    """GET mix/order/detail: the status is called `state`, and what is not set is not there.

    As recorded of a market order: no price, no cancelReason, no preset stop that was not asked for.
    """
    row = _perp_order(order) | {"state": order.status, "cancelReason": order.cancel_reason}
    return {name: value for name, value in row.items() if value or name == "priceAvg"}


def perp_listed(order: Order) -> Row:
    """GET mix/order/orders-pending: the status is called `status`."""
    return _perp_order(order) | {"status": order.status}


def perp_history(order: Order) -> Row:
    """GET mix/order/orders-history: no cancelReason, in the page as in recordings; only order detail has it."""
    return perp_listed(order) | {"posAvg": ""}


def perp_fill(fill: Fill) -> Row:
    """GET mix/order/fills: no clientOid, and a closed long shows the side the client sent (buy)."""
    order = fill.order
    return {
        "tradeId": fill.trade_id,
        "symbol": SYMBOL,
        "orderId": order.order_id,
        "price": plain(fill.price),
        "baseVolume": plain(fill.qty),
        "feeDetail": [{
            "deduction": "no",
            "feeCoin": fill.fee_coin,
            "totalDeductionFee": None,
            "totalFee": plain(cut(-fill.fee, 8)),
        }],
        "side": order.side,
        "quoteVolume": plain(fill.value),
        "profit": plain(cut(fill.profit, 8)),
        "enterPointSource": "api" if order.entry_point == "API" else order.entry_point,
        "tradeSide": order.trade_side,
        "posMode": order.pos_mode,
        "tradeScope": "maker" if fill.is_maker else "taker",
        "cTime": str(fill.at_ms),
    }  # fmt: skip


def perp_fill_history(fill: Fill) -> Row:
    """GET mix/order/fill-history: with marginCoin, and totalDeductionFee as text."""
    row = perp_fill(fill)
    detail = [one | {"totalDeductionFee": "0"} for one in row["feeDetail"]]
    return row | {"marginCoin": QUOTE, "feeDetail": detail}


FUNDING_BUSINESS = "contract_settle_fee"


def bill(row: Bill) -> Row:
    """GET mix/account/bill: `amount` is signed from the account's side; funding has no fee."""
    return {
        "billId": row.bill_id,
        "symbol": SYMBOL,
        "amount": plain(row.amount),
        "fee": "0",
        "feeByCoupon": "",
        "businessType": FUNDING_BUSINESS,
        "coin": QUOTE,
        "balance": plain(cut(row.balance, 8)),
        "cTime": str(row.at_ms),
    }


def _spot_order(order: Order) -> Row:
    return {
        "userId": USER_ID,
        "symbol": SYMBOL,
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "orderType": order.request.order_type,
        "side": order.side,
        "status": ws_rows.spot_status(order),
        "enterPointSource": order.entry_point,
        "orderSource": order.source,
        "cTime": str(order.created_ms),
        "uTime": str(order.updated_ms),
    }


def spot_info(order: Order) -> Row:
    """GET spot/trade/orderInfo: sixteen decimals, fee detail as a string of JSON."""
    return _spot_order(order) | {
        "price": fixed(order.price or ZERO, 16),
        "size": fixed(order.size, 16),
        "priceAvg": fixed(average(order), 16),
        "baseVolume": fixed(order.filled, 16),
        "quoteVolume": fixed(order.value, 16),
        "feeDetail": _fee_json(order),
        "cancelReason": order.cancel_reason,
    }


def spot_history(order: Order) -> Row:
    """GET spot/trade/history-orders: orderInfo's members and two more."""
    return spot_info(order) | {"tpslType": "normal", "triggerPrice": None}


def _fee_json(order: Order) -> str:
    # Numbers are unquoted in there; plain text keeps them exact and free of exponents.
    if not order.filled:
        return ""
    total = plain(cut(-order.fee, 10))
    coin = json.dumps(order.fee_coin)
    return (
        f'{{"newFees":{{"c":0,"d":0,"deduction":false,"r":{total},"t":{total},"totalDeductionFee":0}},'
        f'{coin}:{{"deduction":false,"feeCoinCode":{coin},"totalDeductionFee":0,"totalFee":{total}}}}}'
    )


def spot_unfilled(order: Order) -> Row:
    """GET spot/trade/unfilled-orders: the limit price is called `priceAvg`, the fill price `basePrice`."""
    return _spot_order(order) | {
        "priceAvg": plain(order.price or ZERO),
        "size": plain(order.size),
        "basePrice": plain(average(order)),
        "baseVolume": plain(order.filled),
        "quoteVolume": plain(order.value),
    }


def spot_fill(fill: Fill) -> Row:
    """GET spot/trade/fills: fee detail is an object, the fee negative, and there is no clientOid."""
    order = fill.order
    return {
        "userId": USER_ID,
        "symbol": SYMBOL,
        "orderId": order.order_id,
        "tradeId": fill.trade_id,
        "orderType": order.request.order_type,
        "side": order.side,
        "priceAvg": plain(fill.price),
        "size": plain(fill.qty),
        "amount": plain(fill.value),
        "feeDetail": {
            "deduction": "no",
            "feeCoin": fill.fee_coin,
            "totalDeductionFee": "",
            "totalFee": plain(cut(-fill.fee, 10)),
        },
        "tradeScope": "maker" if fill.is_maker else "taker",
        "cTime": str(fill.at_ms),
        "uTime": str(fill.at_ms),
    }


def account_info(exchange: Exchange) -> Row:
    """GET spot/account/info: parentId is a number."""
    return {
        "userId": USER_ID,
        "inviterId": "",
        "ips": exchange.ips,
        "authorities": list(exchange.authorities),
        "parentId": int(USER_ID),
    }


def asset(balance: Balance) -> Row:
    """GET spot/account/assets: eight decimals, uTime in whole seconds of milliseconds."""
    return {
        "coin": balance.coin,
        "available": fixed(balance.available, 8),
        "limitAvailable": "0",
        "frozen": fixed(balance.frozen, 8),
        "locked": "0.00000000",
        "uTime": str(balance.updated_ms // 1000 * 1000),
    }


def perp_account(exchange: Exchange) -> Row:
    """GET mix/account/account: leverage members are numbers."""
    perp = exchange.perp
    row = _money(exchange) | {
        "crossedMarginLeverage": perp.leverage,
        "isolatedLongLever": perp.leverage,
        "isolatedShortLever": perp.leverage,
        "marginMode": perp.margin_mode,
        "posMode": perp.position_mode,
        "grant": "",
    }
    return row | {"isolatedMargin": None, "crossedMargin": None}


def perp_accounts(exchange: Exchange) -> Row:
    """GET mix/account/accounts: the money members without modes and leverage."""
    perp = exchange.perp
    margin = plain(cut(sum((perp.margin_of(one) for one in perp.positions.values()), ZERO), 8))
    return _money(exchange) | {
        "unionTotalMargin": "0",
        "unionAvailable": "0",
        "unionMm": "0",
        "assetList": [],
        "isolatedMargin": margin if perp.margin_mode == "isolated" else "0",
        "crossedMargin": margin if perp.margin_mode == "crossed" else "0",
    }


def _money(exchange: Exchange) -> Row:
    perp = exchange.perp
    orders = exchange.store.open_of("perp")
    available = plain(cut(perp.available(orders), 8))
    profit = plain(cut(perp.unrealized, 8))
    is_crossed = perp.margin_mode == "crossed"
    return {
        "marginCoin": QUOTE,
        "locked": plain(cut(perp.frozen(orders), 8)),
        "available": available,
        "crossedMaxAvailable": available,
        "isolatedMaxAvailable": available,
        "maxTransferOut": available,
        "accountEquity": plain(cut(perp.equity, 8)),
        "usdtEquity": plain(cut(perp.equity, 12)),
        "btcEquity": plain(cut(perp.equity / 60_000, 12)),
        "crossedRiskRate": plain(cut(ws_rows.margin_rate(exchange), 8)) if is_crossed else "0",
        "unrealizedPL": profit,
        "coupon": "0",
        "crossedUnrealizedPL": profit if is_crossed else "0",
        "isolatedUnrealizedPL": "" if is_crossed else profit,
        "assetMode": "single",
    }


def positions(exchange: Exchange) -> list[Row]:
    """GET mix/position/single-position and all-position: leverage is a string, `locked` instead of `frozen`."""
    perp = exchange.perp
    rows = []
    for one in perp.positions.values():
        locked = ws_rows.held_by_orders(exchange, one.hold_side)
        rows.append({
            "marginCoin": QUOTE,
            "symbol": SYMBOL,
            "holdSide": one.hold_side,
            "openDelegateSize": plain(_opening(exchange, one.hold_side)),
            "marginSize": plain(cut(perp.margin_of(one), 8)),
            "available": plain(one.size - locked),
            "locked": plain(locked),
            "total": plain(one.size),
            "leverage": str(perp.leverage),
            "achievedProfits": plain(cut(one.achieved, 8)),
            "openPriceAvg": plain(cut(one.price_avg, 8)),
            "marginMode": perp.margin_mode,
            "posMode": perp.position_mode,
            "unrealizedPL": plain(cut(one.unrealized(perp.mark), 8)),
            "liquidationPrice": plain(cut(perp.liquidation_price(one), 8)),
            "keepMarginRate": plain(KEEP_MARGIN_RATE),
            "markPrice": plain(cut(perp.mark, 2)),
            "breakEvenPrice": plain(cut(ws_rows.break_even(exchange, one.price_avg, one.sign), 2)),
            "totalFee": plain(cut(one.funding, 8)) if one.funding else "",
            "deductedFee": plain(cut(one.fees, 8)),
            "marginRatio": plain(cut(ws_rows.margin_rate(exchange), 8)),
            "assetMode": "single",
            "uTime": str(one.updated_ms),
            "autoMargin": "off",
            "cTime": str(one.created_ms),
        })  # fmt: skip
    return rows


def _opening(exchange: Exchange, hold_side: str) -> Decimal:
    orders = exchange.store.open_of("perp")
    direction = "buy" if hold_side == "long" else "sell"
    opening = [one for one in orders if not one.request.reduce_only and one.request.trade_side != "close"]
    return sum((one.left for one in opening if one.direction == direction), ZERO)
