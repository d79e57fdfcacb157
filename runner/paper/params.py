"""Reading request members: presence, spelling, and the code Bitget answers when one is missing or wrong."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeVar

from runner.paper.instruments import PRODUCT_TYPE, QUOTE, SYMBOL
from runner.paper.numbers import parse
from runner.paper.values import Bill, Fill, Order, OrderRequest, Refusal, Side

Params = Mapping[str, Any]
T = TypeVar("T", Order, Fill, Bill)

LIST_MAX = 100
# The endpoint pages say 50 a batch; the text of 40306 and the best-practices page say 20.
BATCH_MAX = 50
# Product types that exist on Bitget and list nothing here. The three of the old demo trading (S*) were emptied in
# August 2025; clients still ask for them.
OTHER_PRODUCT_TYPES = ("COIN-FUTURES", "USDC-FUTURES", "SUSDT-FUTURES", "SCOIN-FUTURES", "SUSDC-FUTURES")
STP_MODES = ("none", "cancel_taker", "cancel_maker", "cancel_both")


def text(params: Params, name: str) -> str | None:
    """Return a member as text; None when absent or empty."""
    value = params.get(name)
    return None if value is None or value == "" else str(value)


def required(params: Params, name: str) -> str:
    """Return a member that must be there (40019)."""
    value = text(params, name)
    if value is None:
        raise Refusal("40019", f"Parameter {name} cannot be empty")
    return value


def one_of(params: Params, name: str, allowed: Sequence[str]) -> str:
    """Return a required member that must be one of `allowed`, in any case (40020)."""
    value = required(params, name).lower()
    if value not in allowed:
        raise Refusal("40020", f"Parameter {name} error")
    return value


def number(params: Params, name: str) -> Decimal:
    """Return a required member as a plain decimal (40020)."""
    value = parse(params.get(name) if text(params, name) is not None else required(params, name))
    if value is None:
        raise Refusal("40020", f"Parameter {name} error")
    return value


def whole(params: Params, name: str, default: int) -> int:
    """Return an optional member as an unsigned integer (40020)."""
    value = text(params, name)
    if value is None:
        return default
    if not value.isdecimal() or len(value) > 19:
        raise Refusal("40020", f"Parameter {name} error")
    return int(value)


def symbol(params: Params, needed: bool = True) -> None:
    """Check the symbol (40019 missing, 40034 unknown)."""
    value = required(params, "symbol") if needed else text(params, "symbol")
    if value is not None and value.upper() != SYMBOL:
        raise Refusal("40034", f"Parameter {value} does not exist")


def product_type(params: Params) -> None:
    """Check productType, in any case (400172 missing, 40020 unknown or without our symbol)."""
    if not lists_ours(params):
        raise Refusal("40020", "Parameter productType error")


def lists_ours(params: Params) -> bool:
    """Return whether productType is ours; False for one that exists and is empty here (400172 missing, 40020 unknown).

    The lists answer an empty list then, as they do for any product type without orders or positions.
    """
    value = text(params, "productType")
    if value is None:
        raise Refusal("400172", "Parameter verification failed productType")
    if value.upper() not in (PRODUCT_TYPE, *OTHER_PRODUCT_TYPES):
        raise Refusal("40020", "Parameter productType error")
    return value.upper() == PRODUCT_TYPE


def perp_symbol(params: Params) -> None:
    """Check productType and symbol of a public perp endpoint."""
    product_type(params)
    symbol(params)


def margin_coin(params: Params, needed: bool) -> None:
    """Check marginCoin."""
    value = required(params, "marginCoin") if needed else text(params, "marginCoin")
    if value is not None and value.upper() != QUOTE:
        raise Refusal("40020", "Parameter marginCoin error")


def order_ids(params: Params) -> tuple[str | None, str | None]:
    """Return (orderId, clientOid), of which one must be there; orderId wins."""
    order_id, client_oid = text(params, "orderId"), text(params, "clientOid")
    if order_id is None and client_oid is None:
        raise Refusal("40019", "Parameter orderId cannot be empty")
    if order_id is not None and not order_id.isdecimal():
        raise Refusal("41101", f"Param orderId={order_id} error")
    return order_id, client_oid


def items(params: Params, name: str) -> list[Params]:
    """Return a list of objects, bounded."""
    value = params.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
        raise Refusal("40020", f"Parameter {name} error")
    if len(value) > BATCH_MAX:
        raise Refusal("40306", "Batch processing orders can only process up to 50")
    return value


def perp_order(params: Params, tif_field: str) -> OrderRequest:
    """Read a perp order. `tif_field` names the member that carries its time in force; others are ignored."""
    order_type = _order_type(params)
    margin_mode = one_of(params, "marginMode", ("isolated", "crossed"))
    size, side = number(params, "size"), _side(params)
    return OrderRequest(
        product="perp",
        side=side,
        order_type=order_type,
        size=size,
        price=number(params, "price") if order_type == "limit" else None,
        force=_force(params, tif_field),
        client_oid=text(params, "clientOid"),
        # Only the upper-case word counts; anything else is the default.
        reduce_only=params.get("reduceOnly") == "YES",
        trade_side=_trade_side(params),
        margin_mode=margin_mode,
        stp_mode=_stp_mode(params),
    )


def spot_order(params: Params) -> OrderRequest:
    """Read a spot order; `force` is required for a limit and ignored for a market order."""
    order_type = _order_type(params)
    return OrderRequest(
        product="spot",
        side=_side(params),
        order_type=order_type,
        size=number(params, "size"),
        price=number(params, "price") if order_type == "limit" else None,
        force=required(params, "force").lower() if order_type == "limit" else "gtc",
        client_oid=text(params, "clientOid"),
        stp_mode=_stp_mode(params),
    )


def _force(params: Params, tif_field: str) -> str:
    names = ("force", "timeInForceValue") if tif_field == "both" else (tif_field,)
    given = (text(params, name) for name in names)
    return next((value.lower() for value in given if value is not None), "gtc")


def _side(params: Params) -> Side:
    return "buy" if one_of(params, "side", ("buy", "sell")) == "buy" else "sell"


def _order_type(params: Params) -> Literal["limit", "market"]:
    return "limit" if one_of(params, "orderType", ("limit", "market")) == "limit" else "market"


def _trade_side(params: Params) -> Literal["open", "close"] | None:
    if text(params, "tradeSide") is None:
        return None
    return "open" if one_of(params, "tradeSide", ("open", "close")) == "open" else "close"


def _stp_mode(params: Params) -> str:
    return "none" if text(params, "stpMode") is None else one_of(params, "stpMode", STP_MODES)


def check_receive_window(params: Params, now_ms: int) -> None:
    """Refuse a request that arrives later than its own window allows (40078; 40079 for a window of a minute or more).

    Both members are optional and count together: `requestTime` in milliseconds, `receiveWindow` in milliseconds. The
    page bounds the time between request and arrival, so one that is dated too far ahead is refused as well.
    """
    sent, window = text(params, "requestTime"), text(params, "receiveWindow")
    if sent is None or window is None:
        return
    if not sent.isdecimal() or not window.isdecimal():
        raise Refusal("40020", "Parameter receiveWindow error")
    if int(window) >= 60_000:
        raise Refusal("40079", "receiveWindow timestamp must be less than 60s")
    if abs(now_ms - int(sent)) > int(window):
        raise Refusal("40078", "Timestamp for this request is outside of the ME receiveWindow.")


def page(rows: Sequence[T], params: Params) -> list[T]:
    """Return the newest of `rows` (given oldest first) that the list members ask for, newest first."""
    limit = min(whole(params, "limit", LIST_MAX), LIST_MAX)
    start, end = whole(params, "startTime", 0), whole(params, "endTime", 2**63)
    before = whole(params, "idLessThan", 2**63)
    found = [one for one in reversed(rows) if start <= _time(one) <= end and int(_id(one)) < before]
    return found[:limit]


def _time(row: Order | Fill | Bill) -> int:
    return row.created_ms if isinstance(row, Order) else row.at_ms


def _id(row: Order | Fill | Bill) -> str:
    if isinstance(row, Bill):
        return row.bill_id
    return row.order_id if isinstance(row, Order) else row.trade_id
