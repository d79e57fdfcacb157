"""Bitget's account messages read into mmfsm's values: orders, fills, positions, balances; socket pushes and REST alike.

What differs between the channels, by page of Bitget's V2 documents and by recorded messages of ccxt and bbgo:
- futures fills: quantity in `baseVolume`, price in `price`; spot fills: `size` and `priceAvg`, and no clientOid.
- `feeDetail` is a list on sockets and in futures REST, an object in spot REST; signs differ. What was paid is its size.
- order state: `status`, but `state` in futures Get Order Details; "canceled" on futures, "cancelled" on spot.
- cumulative quantity: `accBaseVolume` on sockets, `baseVolume` in REST (on sockets that is the latest trade alone).
- time in force: `force`, where told; post_only may be spelled with a space.
- size of an order: `size`; on spot's socket `newSize` (there `size` is money for buys).
- limit price in spot's Get Unfilled Orders: `priceAvg`.
- hedge mode: REST gives a closing order the side of its position, the fill socket the side of its trade.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from mmfsm.events import BalanceEvent, FillEvent, FillUnparsable, PositionEvent
from mmfsm.values import ZERO, FeePart, InstType, NormalizedFill, OrderReport, OrderStatus, PosMode, Settlement, Side
from runner.bitget.members import (
    Row,
    WireError,
    as_row,
    as_rows,
    decimal_of,
    millis,
    number,
    optional_number,
    optional_text,
    positive,
    text,
)
from runner.bitget.wire import FUNDING_BUSINESS, PAGE, read_side

# Fill Channel, `tradeSide`: partial and full liquidation, netting, delivery, auto-deleveraging (dte_sys_adl).
_FORCED = ("reduce_", "burst_", "offset_", "delivery_", "dte_sys_adl_", "adl_")
_STATUS = {
    "live": OrderStatus.LIVE,
    "new": OrderStatus.LIVE,  # Get Unfilled Orders' example; its table and every recording say live
    "init": OrderStatus.LIVE,
    "partially_filled": OrderStatus.PARTIAL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "cancelled": OrderStatus.CANCELED,
}

# --- sides ------------------------------------------------------------------------------------------------------------


def _trade_side(row: Row) -> str:
    return str(row.get("tradeSide") or "").lower()


def _named_side(trade_side: str) -> Side | None:
    # Direction of the trade where tradeSide itself names it: burst_close_long sells, reduce_buy_single buys.
    if "close_long" in trade_side or "sell" in trade_side:
        return Side.SELL
    if "close_short" in trade_side or "buy" in trade_side:
        return Side.BUY
    return None


def _order_side(row: Row) -> Side:
    side, effect = read_side(row), _trade_side(row)
    if row.get("posMode") != PosMode.HEDGE.value or "close" not in effect:
        return side
    position = str(row.get("posSide") or "").lower()
    if position in ("long", "short"):
        return Side.SELL if position == "long" else Side.BUY
    return _named_side(effect) or side.opposite


def _fill_side(row: Row, source: str) -> Side:
    side, effect = read_side(row), _trade_side(row)
    if source == "ws":
        return side
    closes = row.get("posMode") == PosMode.HEDGE.value and effect == "close"
    return _named_side(effect) or (side.opposite if closes else side)


# --- fills ------------------------------------------------------------------------------------------------------------


def read_ws_fill(inst: InstType, row: Row, at_ms: int) -> FillEvent | FillUnparsable:
    """Read one row of the Fill Channel of either product. A row without a usable price or quantity is never a fill."""
    try:
        return FillEvent(at_ms, read_fill(inst, row, "ws"))
    except WireError:
        return FillUnparsable(at_ms, inst, optional_text(row, "orderId"), tuple(sorted(map(str, row))))


def read_fill(inst: InstType, row: Row, source: str) -> NormalizedFill:
    """Read one fill of either product, from the socket (`source` "ws") or from REST ("rest").

    Raises:
        WireError: price, quantity, side, order or time is missing or unusable.
    """
    perp = inst is InstType.PERP
    fees = _fees(row)
    scope = str(row.get("tradeScope") or "").lower()[:1]  # taker, maker, T, M; one page writes "marker"
    return NormalizedFill(
        inst=inst,
        order_id=text(row, "orderId"),
        side=_fill_side(row, source) if perp else read_side(row),
        price=positive(row, "price" if perp else "priceAvg"),
        qty=positive(row, "baseVolume" if perp else "size"),
        exch_ms=millis(row, "cTime", "uTime"),
        trade_id=optional_text(row, "tradeId"),
        client_oid=optional_text(row, "clientOid"),
        fee=fees[0].fee if fees else ZERO,
        fee_coin=fees[0].coin if fees else None,
        is_maker={"m": True, "t": False}.get(scope),
        forced=_trade_side(row).startswith(_FORCED) or str(row.get("enterPointSource") or "").upper() == "SYS",
        source=source,
        more_fees=tuple(fees[1:]),
    )


def _fees(row: Row) -> list[FeePart]:
    # One part a coin: a deduction in BGB may not cover all of it. What cannot be read never keeps a fill from being
    # booked: there are no parts then.
    try:
        detail = row.get("feeDetail")
        parts = as_rows([detail] if isinstance(detail, dict) else detail, "feeDetail")
        paid = [(abs(number(part, "totalFee")), text(part, "feeCoin")) for part in parts]
    except WireError:
        return []
    sums: dict[str, Decimal] = {}
    for fee, coin in paid:
        sums[coin] = sums.get(coin, ZERO) + fee
    parts_paid = [FeePart(fee, coin) for coin, fee in sums.items() if fee]
    return parts_paid or [FeePart(ZERO, coin) for coin in sums][:1]


class FillPage(NamedTuple):
    """One page of fills, newest first. `error`: why it, or a row of it, cannot be read. `before`: the tradeId that the
    next page goes on from; None on the last."""

    fills: list[NormalizedFill]
    before: str | None = None
    error: WireError | None = None


def read_fill_page(inst: InstType, data: object) -> FillPage:
    """Read a REST answer. A row that cannot be read does not keep the others back, and is not forgotten."""
    page, error = list[NormalizedFill](), None
    try:
        rows = fill_rows(inst, data)
        for row in rows:
            try:
                page.append(read_fill(inst, row, "rest"))
            except WireError as wrong:
                error = error or wrong
        before = text(rows[-1], "tradeId") if len(rows) >= PAGE else None
    except WireError as wrong:
        return FillPage(page, None, wrong)
    return FillPage(page, before, error)


def fill_rows(inst: InstType, data: object) -> list[Row]:
    """Rows of a REST answer: futures Get Order Fills wraps them in `fillList`, spot Get Fills does not."""
    return _wrapped(data, "fillList") if inst is InstType.PERP else as_rows(data, "fills")


def _wrapped(data: object, member: str) -> list[Row]:
    # The list is null when it is empty; an object that does not name it at all says nothing.
    if isinstance(data, dict):
        if member not in data:
            raise WireError(member, None, "a list, or null")
        data = data[member]
    return as_rows(data, member)


# --- orders -----------------------------------------------------------------------------------------------------------


def _status(row: Row, member: str) -> OrderStatus:
    word = str(row.get(member) or "").lower()
    if word not in _STATUS:
        raise WireError(member, row.get(member), "one of " + ", ".join(_STATUS))
    return _STATUS[word]


def _filled(row: Row, member: str, status: OrderStatus) -> Decimal:
    value = optional_number(row, member)
    if value is None and status is OrderStatus.LIVE:
        return ZERO
    if value is None or value < 0:
        raise WireError(member, row.get(member), "a number, zero or above")
    return value


def _tif(row: Row) -> str | None:
    # Get Order Details' table writes "post only" where its requests and every recording have post_only.
    return (optional_text(row, "force") or "").lower().replace(" ", "_") or None


def read_ws_order(inst: InstType, row: Row) -> OrderReport:
    """Read one row of the Order Channel of either product.

    Raises:
        WireError: orderId, status or cumulative quantity is missing or unusable.
    """
    status = _status(row, "status")
    return OrderReport(
        inst=inst,
        order_id=text(row, "orderId"),
        status=status,
        filled=_filled(row, "accBaseVolume", status),
        client_oid=optional_text(row, "clientOid"),
        side=_order_side(row),
        price=optional_number(row, "price"),
        qty=optional_number(row, "size" if inst is InstType.PERP else "newSize"),
        tif=_tif(row),
        cancel_reason=optional_text(row, "cancelReason"),
        exch_ms=millis(row, "uTime", "cTime"),
    )


def read_rest_order(inst: InstType, row: Row, price_member: str = "price") -> OrderReport:
    """Read an order of REST: Get Order Details, Get Orders Pending, Get Order Info; with `price_member` "priceAvg" also
    Get Unfilled Orders. Spot's REST never tells time in force.

    Raises:
        WireError: orderId, status or cumulative quantity is missing or unusable.
    """
    status = _status(row, "state" if row.get("state") else "status")
    return OrderReport(
        inst=inst,
        order_id=text(row, "orderId"),
        status=status,
        filled=_filled(row, "baseVolume", status),
        client_oid=optional_text(row, "clientOid"),
        side=_order_side(row),
        price=optional_number(row, price_member),
        qty=optional_number(row, "size"),
        tif=_tif(row),
        cancel_reason=optional_text(row, "cancelReason"),
        exch_ms=millis(row, "uTime", "cTime"),
    )


def read_order_detail(inst: InstType, data: object) -> OrderReport | None:
    """Read the answer to a question about one order; None when the exchange knows no such order (spot: empty list)."""
    rows = as_rows([data] if isinstance(data, dict) else data, "order")
    return read_rest_order(inst, rows[0]) if rows else None


def open_rows(inst: InstType, data: object) -> list[Any]:
    """Rows of a page of open orders, each as it came. Nothing open is `entrustedList: null` on futures and an empty
    list on spot."""
    if inst is InstType.PERP and isinstance(data, dict):
        if "entrustedList" not in data:
            raise WireError("entrustedList", None, "a list, or null")
        data = data["entrustedList"]
    if data is not None and not isinstance(data, list):
        raise WireError("orders", data, "a list, or null")
    return data or []


def read_open_order(inst: InstType, row: Row) -> OrderReport:
    """Read one of them. Raises as `read_rest_order`."""
    return read_rest_order(inst, row, "price" if inst is InstType.PERP else "priceAvg")


# --- positions and balances -------------------------------------------------------------------------------------------


def read_position(rows: list[Row], symbol: str, at_ms: int, exch_ms: int, source: str) -> PositionEvent:
    """Read a full list of positions (Positions Channel, Get Single Position): our symbol's, signed. Absent means flat.

    Args:
        rows: every open position; sizes are unsigned, `holdSide` gives the sign; hedge mode may have two of a symbol.
        exch_ms: the exchange's time of the list.

    Raises:
        WireError: a position of ours has no usable size or side.
    """
    qty = ZERO
    liquidation: Decimal | None = None
    for row in rows:
        if str(row.get("instId") or row.get("symbol") or "").upper() != symbol:
            continue
        liquidation = _price_or_none(row.get("liquidationPrice")) or liquidation
        size, side = number(row, "total"), str(row.get("holdSide") or "").lower()
        if side not in ("long", "short") and size != 0:
            raise WireError("holdSide", row.get("holdSide"), "long or short")
        qty += -size if side == "short" else size
    return PositionEvent(at_ms, qty, exch_ms, source, liquidation)


def bill_rows(data: object) -> list[Row]:
    """Rows of a page of Get Account Bill, newest first."""
    return _wrapped(as_row(data, "bills"), "bills")


def read_settlement(row: Row) -> Settlement:
    """Read a bill of funding. `amount` is signed from the account's side: below zero it was paid (ccxt's recordings).

    Raises:
        WireError: it has no usable id, amount or time.
    """
    return Settlement(text(row, "billId"), number(row, "amount"), millis(row, "cTime"))


def is_settlement(row: Row, symbol: str) -> bool:
    """Whether a bill is of funding, on our symbol. The question names both; a bill that does not name them is ours."""
    named, business = row.get("symbol") or symbol, row.get("businessType") or FUNDING_BUSINESS
    return str(named).upper() == symbol and business == FUNDING_BUSINESS


def _price_or_none(text: object) -> Decimal | None:
    """A guard's input, not the books': what cannot be read is not known. Zero or less means there is none."""
    try:
        price = Decimal(str(text))
    except ArithmeticError:
        return None
    return price if price.is_finite() and price > 0 else None


def read_spot_balances(
    rows: list[Row], coins: tuple[str, ...], at_ms: int, exch_ms: int, source: str
) -> list[BalanceEvent]:
    """Read coins of ours out of the spot Account Channel or Get Account Assets; `frozen` is what open orders hold."""
    found = []
    for row in rows:
        coin = str(row.get("coin") or "").upper()
        if coin in coins:
            available = number(row, "available")
            held = sum((optional_number(row, member) or ZERO for member in ("frozen", "locked")), ZERO)
            found.append(BalanceEvent(at_ms, InstType.SPOT, coin, available, available + held, exch_ms, source))
    return found


def read_margin(row: Row, at_ms: int, exch_ms: int, source: str) -> BalanceEvent:
    """Read the perp's margin coin: `equity` on the socket, `accountEquity` in REST (Get Single Account)."""
    equity = row.get("equity") if row.get("equity") not in (None, "") else row.get("accountEquity")
    total = decimal_of(equity, "equity")
    return BalanceEvent(
        at_ms, InstType.PERP, text(row, "marginCoin").upper(), number(row, "available"), total, exch_ms, source
    )
