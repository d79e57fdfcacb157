"""The nouns: what an order, a fill, a book and a limit are. Frozen values, with arithmetic on themselves alone.

Money and size are `Decimal` everywhere. Prices are in quote coin per base coin, quantities in base coin,
times in Unix milliseconds (`_ms`), rates as fractions unless the name says `_bps` (1 bps = 1/10,000).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs

ZERO, ONE, TWO = Decimal(0), Decimal(1), Decimal(2)
BPS = Decimal("0.0001")


class InstType(StrEnum):
    """The two legs, by the names Bitget gives their products."""

    PERP = "USDT-FUTURES"
    SPOT = "SPOT"


class Side(StrEnum):
    """Direction of a trade or an order."""

    BUY = "buy"
    SELL = "sell"

    def __init__(self, word: str) -> None:
        self.sign = 1 if word == "buy" else -1
        """+1 for buy, −1 for sell: what the trade does to a position."""

    @property
    def opposite(self) -> Side:
        return _OPPOSITE[self]


_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class OrderIntent(StrEnum):
    """Why an order exists."""

    QUOTE = "quote"
    HEDGE = "hedge"
    UNWIND = "unwind"
    FLATTEN = "flatten"


class Leg(StrEnum):
    """Which of the bot's order lanes an order belongs to."""

    PERP_BID = "perp_bid"
    PERP_ASK = "perp_ask"
    PERP_PROBE = "perp_probe"
    SPOT_IOC = "spot_ioc"
    PERP_UNWIND = "perp_unwind"
    SPOT_UNWIND = "spot_unwind"
    PERP_FLATTEN = "perp_flatten"


class Tif(StrEnum):
    """Time in force, in our words; the wire's words are the gateway's affair."""

    POST_ONLY = "post_only"
    IOC = "ioc"
    GTC = "gtc"


class Mode(StrEnum):
    """May new risk be taken. The transitions between them are in `machines/mode.py`."""

    IDLE = "IDLE"
    QUOTING = "QUOTING"
    HEDGING = "HEDGING"
    COOLDOWN = "COOLDOWN"
    HALTED = "HALTED"


class PosMode(StrEnum):
    """The exchange's position mode of the perp account."""

    ONE_WAY = "one_way_mode"
    HEDGE = "hedge_mode"


class PositionEffect(StrEnum):
    """What a perp order does to the position; sent only in hedge mode (`tradeSide`)."""

    OPEN = "open"
    CLOSE = "close"


class Outcome(StrEnum):
    """How a request to the exchange ended, as far as is known. Which code means which is one table in the gateway."""

    ACCEPTED = "accepted"
    GONE = "gone"  # the order to cancel or read is not (or no longer) there: benign, its true end is asked for
    FLAT = "flat"  # reduce-only while flat: an answer, no proof; the position is read again
    BUSY = "busy"  # refused for rate or frequency: nothing happened, later is fine
    PAUSED = "paused"  # refused because the exchange or the symbol is under maintenance: nothing happened
    REFUSED = "refused"  # final for this order
    REFUSED_GRID = "refused_grid"  # final for this order: it is off the exchange's grid, so the rules are read again
    REFUSED_LEG = "refused_leg"  # final for this leg: no balance, no margin
    FATAL = "fatal"  # final for the run: keys, account type, position mode
    UNKNOWN = "unknown"  # it may or may not have happened


class OrderStatus(StrEnum):
    """An order's life as the exchange tells it."""

    LIVE = "live"
    PARTIAL = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"

    @property
    def is_end(self) -> bool:
        return self in (OrderStatus.FILLED, OrderStatus.CANCELED)


class Level(NamedTuple):
    """One level of a book. Every book makes twenty: as tuples, which take two thirds of a frozen class's time."""

    price: Decimal
    qty: Decimal


class BBO(NamedTuple):
    """Best bid and offer of one leg."""

    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    at_ms: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / TWO  # of an int a Decimal would be made first, at more than the sum costs


class BookMetrics(NamedTuple):
    """What the strategy reads off a book: best prices, liquidity per side over the top levels, and their imbalance."""

    bbo: BBO
    bid_liq: Decimal
    ask_liq: Decimal
    obi: Decimal


class MarketSnapshot(NamedTuple):
    """Both legs at one moment: what a strategy quotes from."""

    perp: BookMetrics
    spot_bbo: BBO
    at_ms: int


@attrs.frozen
class Funding:
    """Funding of the perp. `rate` is the fraction of notional that longs pay shorts at `next_ms`."""

    rate: Decimal
    next_ms: int | None = None
    interval_h: Decimal | None = None
    rate_min: Decimal | None = None
    rate_max: Decimal | None = None


@attrs.frozen
class Settlement:
    """Funding as settled on the account, by the exchange's own bill. `amount`: quote coin, received above zero."""

    bill_id: str
    amount: Decimal
    exch_ms: int


@attrs.frozen
class InstrumentRules:
    """What the exchange accepts on one leg. Ratios are fractions of the reference price."""

    inst: InstType
    symbol: str
    base_coin: str
    quote_coin: str
    price_tick: Decimal
    qty_step: Decimal
    qty_min: Decimal
    notional_min: Decimal
    buy_band_ratio: Decimal
    sell_band_ratio: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    qty_max: Decimal | None = None


@attrs.frozen
class FeeRate:
    """What one leg charges, in bps of the value traded; a rebate is negative. `source`: account, configured or list."""

    maker_bps: Decimal
    taker_bps: Decimal
    source: str = "account"


@attrs.frozen
class Constraints:
    """The rules of both legs; without them nothing is ever sent. `smallest` is no part of the value: what
    `guards.smallest_tradable` has worked out, by price."""

    perp: InstrumentRules
    spot: InstrumentRules
    smallest: dict[Decimal, Decimal] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    def of(self, inst: InstType) -> InstrumentRules:
        return self.perp if inst is InstType.PERP else self.spot


@attrs.frozen
class OrderRequest:
    """An order to be placed, complete: the gateway adds only what the wire needs (symbol, margin coin, mode)."""

    client_oid: str
    inst: InstType
    side: Side
    qty: Decimal
    price: Decimal
    tif: Tif
    intent: OrderIntent
    leg: Leg
    cycle_id: int
    reduce_only: bool = False
    position_effect: PositionEffect | None = None


OVER_BUDGET = "budget"
"""A code of our own: the request was not sent, because quotes had used up their share of the rate limit."""


@attrs.frozen
class OrderResult:
    """The answer to a request. `code` and `msg` are the exchange's own, kept for the record."""

    outcome: Outcome
    order_id: str | None = None
    code: str | None = None
    msg: str | None = None
    dry_run: bool = False


@attrs.frozen
class FeePart:
    """What was paid of a fill's fee in one coin."""

    fee: Decimal
    coin: str


@attrs.frozen
class NormalizedFill:
    """One trade of ours, whatever channel told it.

    `qty` and `price` are above zero. `fee` is what was paid, in `fee_coin` (a rebate is negative); `more_fees` what was
    paid of the same fee in other coins, where one did not cover it.
    `simulated` marks a pretend fill; a record without it, or with False, is real.
    `forced` marks a fill the exchange caused (liquidation, auto-deleveraging): it is hedged like any other.
    """

    inst: InstType
    order_id: str
    side: Side
    price: Decimal
    qty: Decimal
    exch_ms: int
    trade_id: str | None = None
    client_oid: str | None = None
    fee: Decimal = ZERO
    fee_coin: str | None = None
    is_maker: bool | None = None
    simulated: bool = False
    forced: bool = False
    source: str = "ws"
    more_fees: tuple[FeePart, ...] = ()

    @property
    def dedupe_key(self) -> str:
        """Same trade, same key, whoever told it: by trade id, or by all that tells two fills apart without one."""
        return f"{self.inst}:{self.trade_id}" if self.trade_id else self.fallback_key

    @property
    def fallback_key(self) -> str:
        """All that tells two fills apart without a trade id: leg, order, time, price, quantity."""
        price, qty = self.price.normalize(), self.qty.normalize()
        return f"{self.inst}:{self.order_id}:{self.exch_ms}:{price:f}:{qty:f}"


@attrs.frozen
class OrderReport:
    """An order as the exchange describes it, by push or by query. `filled` is cumulative."""

    inst: InstType
    order_id: str
    status: OrderStatus
    filled: Decimal
    client_oid: str | None = None
    side: Side | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    tif: str | None = None
    cancel_reason: str | None = None
    exch_ms: int | None = None


NO_TERMS: Mapping[str, Decimal] = MappingProxyType({})
"""The terms of a side whose strategy tells none."""


class SideValue(NamedTuple):
    """What one side is worth: the price its fill is measured against and the mid, in quote coin; what it costs, in bps.

    `per_bps` is a bp of the mid, in quote coin. See `edge.py` for where the figures come from.
    """

    side: Side
    reference: Decimal
    cost_bps: Decimal
    mid: Decimal
    per_bps: Decimal

    def edge_bps(self, price: Decimal) -> Decimal:
        """Return the edge at a price: side · (reference − price) / mid − cost.

        Spot would pay 2501 for what a bid buys at 2497: 16 bps, less 12 of fees, 1 of slip and 1 of buffer.

        >>> SideValue(Side.BUY, Decimal(2501), Decimal(14), Decimal(2500), Decimal("0.25")).edge_bps(Decimal(2497))
        Decimal('2')
        """
        return self.side.sign * (self.reference - price) / self.per_bps - self.cost_bps

    def price_at(self, edge_bps: Decimal) -> Decimal:
        """Return the price with that edge, not rounded: reference − side · (edge + cost) · mid.

        >>> SideValue(Side.BUY, Decimal(2501), Decimal(14), Decimal(2500), Decimal("0.25")).price_at(Decimal(2))
        Decimal('2497.00')
        """
        return self.reference - self.side.sign * (edge_bps + self.cost_bps) * self.per_bps


class QuoteSide(NamedTuple):
    """One side of a plan: `price` is None when the side is not to be quoted, and `reason` says why either way.

    A strategy sets the first four. The desk adds what it makes of them: `planned` is the strategy's own price and
    `moved_by` what moved it ("floor", "exit" or nothing), `value` what the side is worth, `short_bps` by how much even
    the widest quote fails the floor, `worst` the closest price at which the floor still holds.
    """

    price: Decimal | None
    qty: Decimal
    reason: str
    terms_bps: Mapping[str, Decimal] = NO_TERMS
    planned: Decimal | None = None
    moved_by: str = ""
    value: SideValue | None = None
    short_bps: Decimal | None = None
    worst: Decimal | None = None

    @property
    def edge_bps(self) -> Decimal | None:
        """The edge at the price, or at the one that was planned where the side is off; None where it is not known."""
        price = self.planned if self.price is None else self.price
        return None if self.value is None or price is None else self.value.edge_bps(price)


class QuotePlan(NamedTuple):
    """What the strategy wants to rest on the perp, and why."""

    bid: QuoteSide
    ask: QuoteSide
    reason: str
    mid: Decimal | None = None
    reservation: Decimal | None = None


def plain(value: Decimal) -> str:
    """Return a Decimal as the wire and the log want it: never an exponent, no trailing zeros."""
    text = str(value)  # a third of the time that formatting takes, and the same unless it has an exponent
    if "E" in text:
        text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


JsonObject = dict[str, Any]
