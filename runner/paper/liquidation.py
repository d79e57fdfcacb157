"""Liquidation of a reckless account.

When the margin behind a position is down to its maintenance margin at the mark price (`keepMarginRate` times its
value), the exchange cancels the account's perp orders (`burst_cancel`) and closes the position with a market order of
its own. Isolated margin is judged position by position, crossed margin on the whole account.

As seen on a live account in 2026 and in the enumerations of the fill channel and the order history pages: the order
is reduce-only, `orderSource` `liquidation`, `enterPointSource` `SYS`, `tradeSide` `burst_sell_single` or
`burst_buy_single` in one-way mode, `burst_close_long` or `burst_close_short` in hedge mode; it trades in the market,
below the liquidation price, and pays the taker fee. What the displayed book cannot take changes hands at the
bankruptcy price. A loss beyond the margin is not the account's: Bitget's insurance fund bears it.
"""

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from runner.paper.instruments import PERP_RULES
from runner.paper.matching import Match
from runner.paper.perp import Position
from runner.paper.values import Order, OrderRequest

if TYPE_CHECKING:
    from runner.paper.engine import Exchange


def liquidate(exchange: "Exchange", now_ms: int) -> None:
    """Close every position whose margin is used up; nothing happens while none is."""
    perp = exchange.perp
    breached = perp.breached()
    if not breached:
        return
    for order in exchange.store.open_of("perp"):
        exchange.end(order, "burst_cancel", now_ms)
    for position in breached:
        worst = perp.cash - perp.backing(position)
        _close(exchange, position, perp.bankruptcy_price(position), now_ms)
        perp.cash = max(perp.cash, worst)


def _close(exchange: "Exchange", position: Position, bankruptcy: Decimal, now_ms: int) -> None:
    order = _order(exchange, position, now_ms)
    exchange.store.add(order)
    exchange.floor.take(order, now_ms)
    if order.is_open:
        price = max(PERP_RULES.tick, bankruptcy.quantize(PERP_RULES.tick, rounding=ROUND_FLOOR))
        exchange.floor.run([Match(order, price, order.left, is_maker=False)], now_ms)


def _order(exchange: "Exchange", position: Position, now_ms: int) -> Order:
    perp = exchange.perp
    is_long = position.hold_side == "long"
    direction = "sell" if is_long else "buy"
    request = OrderRequest(
        product="perp",
        side="sell" if is_long else "buy",
        order_type="market",
        size=position.size,
        reduce_only=True,
        trade_side="close" if perp.is_hedge_mode else None,
        margin_mode=perp.margin_mode,
    )
    order_id = exchange.ids.next()
    return Order(
        order_id,
        exchange.ids.client_oid("perp", order_id),
        request,
        request.side,
        f"burst_close_{position.hold_side}" if perp.is_hedge_mode else f"burst_{direction}_single",
        position.hold_side if perp.is_hedge_mode else "net",
        position.size,
        now_ms,
        now_ms,
        leverage=perp.leverage,
        pos_mode=perp.position_mode,
        source="liquidation",
        account=exchange.name,
        entry_point="SYS",
    )
