"""What a perp order must respect of its account: position mode, margin mode, what it closes, and margin.

Codes: the REST error code pages and live answers (22002, 40762, 40774, 40804, 45117).
"""

from typing import TYPE_CHECKING

from runner.paper.numbers import ZERO
from runner.paper.values import Order, OrderRequest, Refusal

if TYPE_CHECKING:
    from runner.paper.engine import Exchange


def check_perp(exchange: "Exchange", order: Order) -> list[Order]:
    """Check an order against its account; cut a reduce-only one to what it can close.

    Returns:
        Older reduce-only orders that must make room (Place Order page, one-way mode).

    Raises:
        Refusal: With the code for the first rule it breaks.
    """
    request, perp = order.request, exchange.perp
    if perp.is_hedge_mode != (request.trade_side is not None):
        text = "The order type for unilateral position must also be the unilateral position type"
        raise Refusal("40774", text)
    _check_margin_mode(exchange, request)
    if perp.is_hedge_mode and request.trade_side == "close":
        _check_close(exchange, order)
        return []
    if request.reduce_only and not perp.is_hedge_mode:
        return _check_reduce_only(exchange, order)
    before = exchange.store.open_of("perp")
    cost = perp.frozen([*before, order]) - perp.frozen(before)
    if cost > perp.available(before):
        raise Refusal("40762", "The order amount exceeds the balance")
    return []


def _check_margin_mode(exchange: "Exchange", request: OrderRequest) -> None:
    perp = exchange.perp
    if request.margin_mode == perp.margin_mode:
        return
    if perp.positions or exchange.store.open_of("perp"):
        raise Refusal("45117", "Currently holding positions or orders, the margin mode cannot be adjusted")
    perp.margin_mode = request.margin_mode


def _check_close(exchange: "Exchange", order: Order) -> None:
    held = exchange.perp.held(order.hold_side)
    if not held:
        raise Refusal("22002", "No position to close")
    closing = [one for one in exchange.store.open_of("perp") if one.request.trade_side == "close"]
    promised = sum((one.left for one in closing if one.hold_side == order.hold_side), ZERO)
    if order.size > held - promised:
        raise Refusal("40804", "The number of closed positions cannot exceed the number of positions held")


def _check_reduce_only(exchange: "Exchange", order: Order) -> list[Order]:
    closable = exchange.perp.closable(order.direction)
    if not closable:
        raise Refusal("22002", "No position to close")
    order.size = min(order.size, closable)
    older = [one for one in exchange.store.open_of("perp") if one.request.reduce_only]
    older = [one for one in older if one.direction == order.direction]
    makes_room = []
    while older and sum((one.left for one in older), order.size) > closable:
        makes_room.append(older.pop(0))
    return makes_room
