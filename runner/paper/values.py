"""The exchange's own values: orders, fills, market events, pushes and refusals. All money and size is Decimal."""

from decimal import Decimal
from typing import Any, Literal

import attrs

from runner.paper.numbers import ZERO

Product = Literal["perp", "spot"]
Side = Literal["buy", "sell"]
Level = tuple[Decimal, Decimal]

INST_TYPE: dict[Product, str] = {"perp": "USDT-FUTURES", "spot": "SPOT"}

OPEN_STATUSES = ("live", "partially_filled")


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "sell" if side == "buy" else "buy"


class Refusal(Exception):
    """A request the exchange refuses: HTTP status (400 unless said), Bitget code and message."""

    def __init__(self, code: str, msg: str, status: int = 400) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg
        self.status = status


@attrs.frozen
class BookEvent:
    """The market's displayed levels, best first. `at_ms` is an offset from the market's start."""

    at_ms: int
    product: Product
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@attrs.frozen
class TradeEvent:
    """One public trade; `taker_side` is the side of the order that took."""

    at_ms: int
    product: Product
    price: Decimal
    qty: Decimal
    taker_side: Side


@attrs.frozen
class FundingEvent:
    """The funding rate of the running interval becomes `rate` (a fraction per interval)."""

    at_ms: int
    rate: Decimal


MarketEvent = BookEvent | TradeEvent | FundingEvent


@attrs.frozen
class OrderRequest:
    """An order as asked for, its members parsed and named, not yet judged.

    `size` is in base coin, except for a spot market buy, where it is in quote coin. `trade_side` is the hedge-mode
    member (open, close) and None when the client left it out.
    """

    product: Product
    side: Side
    order_type: Literal["limit", "market"]
    size: Decimal
    price: Decimal | None = None
    force: str = "gtc"
    client_oid: str | None = None
    reduce_only: bool = False
    trade_side: Literal["open", "close"] | None = None
    margin_mode: str = "crossed"
    # Self-trade prevention as asked for: accepted and repeated, without effect (one account's orders do meet).
    stp_mode: str = "none"


@attrs.define(eq=False)
class Order:
    """An order the exchange accepted.

    `side` is what the client sent; `direction` is what trades (they differ when hedge mode closes: closing a long is
    sent as buy and sells). `frozen` is the spot coin set aside. Volumes in base coin, values in quote coin. `account`
    names its owner; `stop_at` is a volume at which the exchange lets it fill no further, for a fault.
    """

    order_id: str
    client_oid: str
    request: OrderRequest
    direction: Side
    trade_side: str
    hold_side: str
    size: Decimal
    created_ms: int
    updated_ms: int
    leverage: int = 0
    pos_mode: str = ""
    source: str = "normal"
    status: str = "live"
    cancel_reason: str = ""
    frozen: Decimal = ZERO
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fee: Decimal = ZERO
    fee_coin: str = ""
    profit: Decimal = ZERO
    account: str = "default"
    entry_point: str = "API"
    stop_at: Decimal | None = None

    @property
    def product(self) -> Product:
        """The product it trades."""
        return self.request.product

    @property
    def side(self) -> Side:
        """The side as the client sent it."""
        return self.request.side

    @property
    def price(self) -> Decimal | None:
        """Its limit; None for a market order."""
        return self.request.price

    @property
    def by_value(self) -> bool:
        """Whether `size` is in quote coin (spot market buy)."""
        return self.product == "spot" and self.request.order_type == "market" and self.side == "buy"

    @property
    def left(self) -> Decimal:
        """What is not filled yet, in the unit of `size`."""
        return self.size - (self.value if self.by_value else self.filled)

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def price_avg(self) -> Decimal:
        """Average fill price; 0 before the first fill."""
        return self.value / self.filled if self.filled else ZERO


@attrs.frozen(eq=False)
class Fill:
    """One trade of one of our orders. `fee` is what was paid (positive), in `fee_coin`."""

    trade_id: str
    order: Order
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_coin: str
    profit: Decimal
    is_maker: bool
    at_ms: int

    @property
    def value(self) -> Decimal:
        """Price times quantity, in quote coin."""
        return self.price * self.qty


@attrs.frozen(eq=False)
class Bill:
    """One settlement of funding on the account's margin: `amount` is signed from the account's side."""

    bill_id: str
    amount: Decimal
    balance: Decimal
    at_ms: int


@attrs.define(eq=False)
class Push:
    """One message for every subscriber of (product, channel), of one account when it is private.

    `texts` keeps the encoded form per subscription arg: it is encoded once, however many listen.
    """

    product: Product
    channel: str
    action: Literal["snapshot", "update"]
    data: list[dict[str, Any]]
    at_ms: int
    is_private: bool = False
    account: str = ""
    texts: dict[str, str] = attrs.field(factory=dict, repr=False)
