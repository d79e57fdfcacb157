"""The perp account: cash, positions in one-way or hedge mode, margin, realised profit.

One margin tier (the smallest): a position is due for liquidation when the margin behind it is down to
`KEEP_MARGIN_RATE` of its value at the mark price. Isolated margin is what the position was opened with, crossed margin
the whole account. Simplification, on the generous side: funding of an isolated position is paid from the account's
cash, not from the position's own margin.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import attrs

from runner.paper.instruments import KEEP_MARGIN_RATE
from runner.paper.numbers import ZERO, cut
from runner.paper.values import Order, Side

HoldSide = Literal["long", "short"]
MONEY_PLACES = 8


@attrs.define(eq=False)
class Position:
    """An open position; `size` is unsigned, in base coin."""

    pos_id: str
    hold_side: HoldSide
    size: Decimal
    price_avg: Decimal
    created_ms: int
    updated_ms: int
    achieved: Decimal = ZERO
    funding: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def sign(self) -> int:
        """+1 for long, -1 for short."""
        return 1 if self.hold_side == "long" else -1

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit if closed at `mark`, fees left out."""
        return (mark - self.price_avg) * self.size * self.sign


class PerpAccount:
    """One USDT margin account on one symbol."""

    def __init__(self, cash: Decimal, position_mode: str, margin_mode: str, leverage: int) -> None:
        self.cash = cash
        self.position_mode = position_mode
        self.margin_mode = margin_mode
        self.leverage = leverage
        self.positions: dict[HoldSide, Position] = {}
        self.mark = ZERO

    @property
    def is_hedge_mode(self) -> bool:
        """Whether long and short are held side by side."""
        return self.position_mode == "hedge_mode"

    @property
    def net(self) -> Decimal:
        """Signed position over both sides."""
        return sum((one.size * one.sign for one in self.positions.values()), ZERO)

    @property
    def unrealized(self) -> Decimal:
        """Unrealised profit at the mark."""
        return sum((one.unrealized(self.mark) for one in self.positions.values()), ZERO)

    @property
    def equity(self) -> Decimal:
        """Cash plus unrealised profit."""
        return self.cash + self.unrealized

    def margin_of(self, position: Position) -> Decimal:
        """Margin held by a position."""
        return position.size * position.price_avg / self.leverage

    def held(self, hold_side: str) -> Decimal:
        """Size of one side; 0 when it is not open."""
        return self.positions[hold_side].size if hold_side in self.positions else ZERO

    def closable(self, direction: Side) -> Decimal:
        """How much a one-way order of this direction can reduce."""
        return self.held("short" if direction == "buy" else "long")

    def available(self, orders: Iterable[Order]) -> Decimal:
        """USDT free for new orders; an isolated position's profit does not count."""
        margin = sum((self.margin_of(one) for one in self.positions.values()), ZERO)
        profit = self.unrealized if self.margin_mode == "crossed" else ZERO
        return max(ZERO, self.cash + profit - margin - self.frozen(orders))

    def frozen(self, orders: Iterable[Order]) -> Decimal:
        """USDT that open orders hold: only the part of them that would open."""
        total = ZERO
        spare = {side: self.closable(side) for side in ("buy", "sell")} if not self.is_hedge_mode else {}
        for order in orders:
            if order.request.reduce_only or (self.is_hedge_mode and order.request.trade_side == "close"):
                continue
            opens = max(ZERO, order.left - spare.get(order.direction, ZERO))
            spare[order.direction] = max(ZERO, spare.get(order.direction, ZERO) - order.left)
            total += opens * (order.price or self.mark) / self.leverage
        return total

    def book_fill(self, order: Order, price: Decimal, qty: Decimal, fee: Decimal, pos_id: str, now_ms: int) -> Decimal:
        """Move positions and cash by one fill; return the profit it realised (fee left out)."""
        if self.is_hedge_mode:
            closes: HoldSide = "long" if order.hold_side == "long" else "short"
            opens: HoldSide = closes
            closing = qty if order.request.trade_side == "close" else ZERO
        else:
            opens, closes = ("long", "short") if order.direction == "buy" else ("short", "long")
            closing = min(qty, self.held(closes))
        profit = self._close(closes, price, closing, now_ms) if closing else ZERO
        if qty > closing:
            self._open(opens, price, qty - closing, pos_id, now_ms)
        self.cash += profit - fee
        for one in self.positions.values():
            if one.hold_side in (opens, closes):
                one.fees += fee
        return profit

    def settle_funding(self, rate: Decimal, now_ms: int) -> list[Decimal]:
        """Pay (long, positive rate) or receive funding on every position at the mark; return what came in, by position.

        In whole units of the account, 1e-8 USDT: what the bill says is what was booked.
        """
        received = []
        for one in self.positions.values():
            came = cut(-one.size * one.sign * self.mark * rate, MONEY_PLACES)
            self.cash += came
            one.funding += came
            one.updated_ms = now_ms
            received.append(came)
        return received

    def backing(self, position: Position) -> Decimal:
        """What may be lost on a position: its own margin, or the cash of the account when margin is crossed."""
        return self.margin_of(position) if self.margin_mode == "isolated" else self.cash

    def breached(self) -> list[Position]:
        """Positions whose margin is down to the maintenance margin; all of them together when margin is crossed."""
        held = list(self.positions.values())
        if self.margin_mode == "isolated":
            return [one for one in held if self.margin_of(one) + one.unrealized(self.mark) <= self._keep(one)]
        return held if held and self.equity <= sum((self._keep(one) for one in held), ZERO) else []

    def liquidation_price(self, position: Position) -> Decimal:
        """Mark price at which the position is due for liquidation; 0 when no price makes it so."""
        return self._price_at(position, KEEP_MARGIN_RATE)

    def bankruptcy_price(self, position: Position) -> Decimal:
        """Price at which closing leaves nothing of the margin; 0 when no price does."""
        return self._price_at(position, ZERO)

    def _keep(self, position: Position) -> Decimal:
        return position.size * self.mark * KEEP_MARGIN_RATE

    def _price_at(self, position: Position, rate: Decimal) -> Decimal:
        # Where margin and profit of the positions that share it equal `rate` of their value.
        held = [position] if self.margin_mode == "isolated" else list(self.positions.values())
        cost = sum((one.sign * one.price_avg * one.size for one in held), ZERO) - self.backing(position)
        slope = sum((one.size * (one.sign - rate) for one in held), ZERO)
        return max(ZERO, cost / slope) if slope else ZERO

    def _open(self, hold_side: HoldSide, price: Decimal, qty: Decimal, pos_id: str, now_ms: int) -> None:
        held = self.positions.get(hold_side)
        if held is None:
            self.positions[hold_side] = Position(pos_id, hold_side, qty, price, now_ms, now_ms)
            return
        held.price_avg = (held.price_avg * held.size + price * qty) / (held.size + qty)
        held.size += qty
        held.updated_ms = now_ms

    def _close(self, hold_side: HoldSide, price: Decimal, qty: Decimal, now_ms: int) -> Decimal:
        held = self.positions[hold_side]
        assert qty <= held.size, f"closing {qty} of {held.size}"
        profit = (price - held.price_avg) * qty * held.sign
        held.size -= qty
        held.achieved += profit
        held.updated_ms = now_ms
        if not held.size:
            del self.positions[hold_side]
        return profit
