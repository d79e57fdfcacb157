"""Rows of the WebSocket channels, member for member as Bitget pushes them.

Sources: the channel pages of the V2 documentation and recorded pushes quoted in public clients' tests (bbgo, ccxt).
Traps kept on purpose: futures say `canceled`, spot `cancelled`; the spot fill channel has no clientOid and a positive
totalFee, the futures one has both the clientOid and a negative fee; leverage of a position is a number; `reduceOnly`
is lower case here and upper case in REST; spot buys carry `size` (value) and `notional`, sells only `newSize`.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from runner.paper.account import Balance
from runner.paper.instruments import KEEP_MARGIN_RATE, QUOTE, SYMBOL
from runner.paper.numbers import ZERO, cut, fixed, plain
from runner.paper.values import Fill, Order, TradeEvent

if TYPE_CHECKING:
    from runner.paper.engine import Exchange

Row = dict[str, Any]


def trade(trade_id: str, event: TradeEvent, at_ms: int) -> Row:
    """One public trade."""
    return {
        "ts": str(at_ms),
        "price": plain(event.price),
        "size": plain(event.qty),
        "side": event.taker_side,
        "tradeId": trade_id,
    }


def perp_order(order: Order, fill: Fill | None) -> Row:
    """USDT-FUTURES orders: the order's state, plus the trade that changed it."""
    return _perp_state(order, fill) if fill is None else _perp_state(order, fill) | _perp_trade(order, fill)


def _perp_state(order: Order, fill: Fill | None) -> Row:
    request = order.request
    price = order.price or (fill.price if fill else ZERO)
    return {
        "accBaseVolume": plain(order.filled),
        "cTime": str(order.created_ms),
        "cancelReason": order.cancel_reason,
        "clientOid": order.client_oid,
        "enterPointSource": order.entry_point,
        "feeDetail": [{"fee": fixed(-order.fee, 8), "feeCoin": QUOTE}],
        "force": request.force,
        "instId": SYMBOL,
        "leverage": str(order.leverage),
        "marginCoin": QUOTE,
        "marginMode": request.margin_mode,
        "notionalUsd": plain(cut(order.size * price, 8)),
        "orderId": order.order_id,
        "orderType": request.order_type,
        "posMode": order.pos_mode,
        "posSide": order.hold_side,
        "presetStopLossExecutePrice": "",
        "presetStopLossType": "",
        "presetStopSurplusExecutePrice": "",
        "presetStopSurplusType": "",
        "price": plain(order.price) if order.price is not None else "",
        "reduceOnly": "yes" if request.reduce_only else "no",
        "side": order.side,
        "size": plain(order.size),
        "status": order.status,
        "stpMode": request.stp_mode,
        "totalProfits": plain(cut(order.profit, 8)),
        "tradeSide": order.trade_side,
        "uTime": str(order.updated_ms),
    }


def _perp_trade(order: Order, fill: Fill) -> Row:
    return {
        "fillPrice": plain(fill.price),
        "tradeId": fill.trade_id,
        "baseVolume": plain(fill.qty),
        "fillTime": str(fill.at_ms),
        "fillFee": plain(cut(-fill.fee, 8)),
        "fillFeeCoin": fill.fee_coin,
        "fillNotionalUsd": plain(fill.value),
        "tradeScope": "M" if fill.is_maker else "T",
        "priceAvg": plain(average(order)),
        "pnl": plain(cut(fill.profit, 8)),
    }


def spot_order(order: Order, fill: Fill | None) -> Row:
    """SPOT orders: the limit's size is in `newSize`; the page lists no cancelReason, and none is sent."""
    request = order.request
    row: Row = {
        "instId": SYMBOL,
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "newSize": fixed(order.size, 4),
        "orderType": request.order_type,
        "force": request.force,
        "side": order.side,
        "accBaseVolume": fixed(order.filled, 4),
        "priceAvg": plain(average(order)) if order.filled else "0.00000",
        "status": spot_status(order),
        "cTime": str(order.created_ms),
        "uTime": str(order.updated_ms),
        "stpMode": request.stp_mode,
        "feeDetail": [{"feeCoin": order.fee_coin, "fee": plain(cut(-order.fee, 10))}] if order.filled else [],
        "enterPointSource": order.entry_point,
    }
    if order.price is not None:
        row["price"] = plain(order.price)
    if order.side == "buy":
        value = order.size if order.by_value else order.size * (order.price or ZERO)
        row |= {"size": fixed(value, 4), "notional": fixed(value, 6)}
    if fill is not None:
        row |= {
            "fillPrice": plain(fill.price),
            "tradeId": fill.trade_id,
            "baseVolume": fixed(fill.qty, 4),
            "fillTime": str(fill.at_ms),
            "fillFee": plain(cut(-fill.fee, 10)),
            "fillFeeCoin": fill.fee_coin,
            "tradeScope": "M" if fill.is_maker else "T",
        }
    return row


def perp_fill(fill: Fill) -> Row:
    """USDT-FUTURES fill: `side` is the true trade direction (a closed long sells), the fee is negative."""
    order = fill.order
    return {
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "tradeId": fill.trade_id,
        "symbol": SYMBOL,
        "side": order.direction,
        "orderType": order.request.order_type,
        "posMode": order.pos_mode,
        "price": plain(fill.price),
        "baseVolume": plain(fill.qty),
        "quoteVolume": plain(fill.value),
        "profit": plain(cut(fill.profit, 8)),
        "tradeSide": order.trade_side,
        "tradeScope": "maker" if fill.is_maker else "taker",
        "feeDetail": [_fee_detail(fill, -fill.fee)],
        "cTime": str(fill.at_ms),
        "uTime": str(fill.at_ms),
    }


def spot_fill(fill: Fill) -> Row:
    """SPOT fill: no clientOid, and the fee is POSITIVE here alone."""
    order = fill.order
    return {
        "orderId": order.order_id,
        "tradeId": fill.trade_id,
        "symbol": SYMBOL,
        "orderType": order.request.order_type,
        "side": order.side,
        "priceAvg": plain(fill.price),
        "size": plain(fill.qty),
        "amount": plain(fill.value),
        "tradeScope": "maker" if fill.is_maker else "taker",
        "feeDetail": [_fee_detail(fill, fill.fee)],
        "cTime": str(fill.at_ms),
        "uTime": str(fill.at_ms),
    }


def _fee_detail(fill: Fill, total: Decimal) -> Row:
    return {
        "feeCoin": fill.fee_coin,
        "deduction": "no",
        "totalDeductionFee": "0",
        "totalFee": plain(cut(total, 10)),
    }


def positions(exchange: "Exchange") -> list[Row]:
    """Positions: every push is the full list; a flat account is an empty one."""
    perp = exchange.perp
    rows = []
    for one in perp.positions.values():
        margin = perp.margin_of(one)
        profit = one.unrealized(perp.mark)
        frozen = held_by_orders(exchange, one.hold_side)
        rows.append({
            "posId": one.pos_id,
            "instId": SYMBOL,
            "marginCoin": QUOTE,
            "marginSize": plain(cut(margin, 8)),
            "marginMode": perp.margin_mode,
            "holdSide": one.hold_side,
            "posMode": perp.position_mode,
            "total": plain(one.size),
            "available": plain(one.size - frozen),
            "frozen": plain(frozen),
            "openPriceAvg": plain(cut(one.price_avg, 8)),
            "leverage": perp.leverage,
            "achievedProfits": plain(cut(one.achieved, 8)),
            "unrealizedPL": plain(cut(profit, 8)),
            "unrealizedPLR": plain(cut(profit / margin, 8)),
            "liquidationPrice": plain(cut(perp.liquidation_price(one), 8)),
            "keepMarginRate": plain(KEEP_MARGIN_RATE),
            "marginRate": plain(cut(margin_rate(exchange), 8)),
            "cTime": str(one.created_ms),
            "breakEvenPrice": plain(cut(break_even(exchange, one.price_avg, one.sign), 2)),
            "totalFee": plain(cut(one.funding, 8)) if one.funding else "",
            "deductedFee": plain(cut(one.fees, 8)),
            "markPrice": plain(cut(perp.mark, 2)),
            "uTime": str(one.updated_ms),
            "assetMode": "single",
            "autoMargin": "off",
        })  # fmt: skip
    return rows


def perp_account(exchange: "Exchange") -> Row:
    """USDT-FUTURES account, with the asset mode members of the newest page."""
    perp = exchange.perp
    orders = exchange.store.open_of("perp")
    available, equity = fixed(perp.available(orders), 8), perp.equity
    return {
        "marginCoin": QUOTE,
        "frozen": fixed(perp.frozen(orders), 8),
        "available": available,
        "maxOpenPosAvailable": available,
        "maxTransferOut": available,
        "equity": fixed(equity, 8),
        "usdtEquity": fixed(equity, 12),
        "crossedRiskRate": plain(cut(margin_rate(exchange), 8)) if perp.margin_mode == "crossed" else "0",
        "unrealizedPL": fixed(perp.unrealized, 12),
        "unionTotalMargin": "0",
        "unionAvailable": "0",
        "unionMm": "0",
        "assetsMode": "single",
    }


def spot_balance(balance: Balance) -> Row:
    """One coin of the SPOT account channel; a push carries the coins that changed."""
    return {
        "coin": balance.coin,
        "available": plain(balance.available),
        "frozen": plain(balance.frozen),
        "locked": "0",
        "limitAvailable": "0",
        "uTime": str(balance.updated_ms),
    }


# Shared with the REST rows


def spot_status(order: Order) -> str:
    """Spot spells it `cancelled`, futures `canceled`."""
    return "cancelled" if order.status == "canceled" else order.status


def average(order: Order) -> Decimal:
    """Average fill price to eight decimals."""
    return order.price_avg.quantize(Decimal("1e-8"), rounding=ROUND_HALF_EVEN)


def held_by_orders(exchange: "Exchange", hold_side: str) -> Decimal:
    """Part of a position that open closing orders have promised."""
    total = ZERO
    for order in exchange.store.open_of("perp"):
        closes = order.request.reduce_only or order.request.trade_side == "close"
        if closes and (order.direction == "sell") == (hold_side == "long"):
            total += order.left
    return min(total, exchange.perp.held(hold_side))


def margin_rate(exchange: "Exchange") -> Decimal:
    """Maintenance margin over equity."""
    perp = exchange.perp
    keep = sum((one.size * perp.mark * KEEP_MARGIN_RATE for one in perp.positions.values()), ZERO)
    return keep / perp.equity if perp.equity > 0 else ZERO


def break_even(exchange: "Exchange", price_avg: Decimal, sign: int) -> Decimal:
    """Price at which closing as taker pays for both fees."""
    return price_avg * (1 + 2 * sign * exchange.options.perp_taker_fee)
