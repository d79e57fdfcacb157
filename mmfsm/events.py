"""Everything that can happen to a desk. Each event is a frozen value with `at_ms`: our clock, in Unix milliseconds.

    market    BookEvent TradesEvent FundingEvent
    account   FillEvent FillUnparsable OrderEvent PositionEvent BalanceEvent
    answer    PlaceAnswered CancelAnswered OrderQueried FillsRead OpenOrdersRead SettlementsRead
              ServerTimeRead AccountRead ConstraintsRead FeesRead PosModeAnswered CheckFailed
    feed      FeedUp FeedDown FeedAlive SubscribeAnswered
    clock     Tick
    operator  Start Halt Resume Flatten SettleOrder Stop Breach

`Event` is their closed union; anything else given to `Desk.handle` raises `IllegalEvent`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from mmfsm.values import (
    Constraints,
    FeeRate,
    Funding,
    InstType,
    Level,
    NormalizedFill,
    OrderReport,
    OrderResult,
    PosMode,
    Settlement,
)


class FeedName(StrEnum):
    """The inputs whose freshness is judged, each by itself."""

    PERP_BOOK = "perp_book"
    SPOT_BOOK = "spot_book"
    PRIVATE = "private"
    FUNDING = "funding"


# --- market -----------------------------------------------------------------------------------------------------------


@attrs.frozen
class BookEvent:
    """The top of one leg's book, best level first, at least one level a side. `exch_ms`: the exchange's time of it."""

    at_ms: int
    inst: InstType
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    exch_ms: int


@attrs.frozen
class TradesEvent:
    """What takers of the perp bought and sold since the last such event, in base coin. Needed only with K_FLOW above 0.

    Telling a trade twice is not harmless: whoever tells them drops repeats.
    """

    at_ms: int
    inst: InstType
    bought: Decimal
    sold: Decimal


@attrs.frozen
class FundingEvent:
    """The funding rate was read (`source` "rest") or pushed ("ticker")."""

    at_ms: int
    funding: Funding
    source: str = "rest"


# --- account ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class FillEvent:
    """A fill was told, by push or by REST. Telling it twice is harmless."""

    at_ms: int
    fill: NormalizedFill


@attrs.frozen
class FillUnparsable:
    """A fill came whose price or quantity could not be read: never booked as zero, asked for by REST instead."""

    at_ms: int
    inst: InstType
    order_id: str | None
    raw_keys: tuple[str, ...]


@attrs.frozen
class OrderEvent:
    """The orders stream told of one of our orders (or of a stranger's)."""

    at_ms: int
    report: OrderReport


@attrs.frozen
class PositionEvent:
    """The perp position as the exchange reports it: signed base coin, zero when flat. A witness, never booked.

    `liquidation_price` is None when flat or not told.
    """

    at_ms: int
    qty: Decimal
    exch_ms: int
    source: str = "ws"
    liquidation_price: Decimal | None = None


@attrs.frozen
class BalanceEvent:
    """A coin's balance as the exchange reports it. `total` includes what open orders hold. A witness, never booked."""

    at_ms: int
    account: InstType
    coin: str
    available: Decimal
    total: Decimal
    exch_ms: int
    source: str = "ws"


# --- answers ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class PlaceAnswered:
    """The answer to `PlaceOrder`; a timeout or a lost connection is an answer too: `Outcome.UNKNOWN`."""

    at_ms: int
    client_oid: str
    result: OrderResult


@attrs.frozen
class CancelAnswered:
    """The answer to `CancelOrder`."""

    at_ms: int
    client_oid: str
    result: OrderResult


@attrs.frozen
class OrderQueried:
    """The answer to `QueryOrder`. Outcome ACCEPTED carries the report; GONE says the exchange knows no such order."""

    at_ms: int
    client_oid: str
    result: OrderResult
    report: OrderReport | None = None


@attrs.frozen
class FillsRead:
    """REST fills were read to the end, each told before this as a `FillEvent`. `order_id` None: the recent ones."""

    at_ms: int
    inst: InstType
    order_id: str | None
    result: OrderResult
    count: int = 0


@attrs.frozen
class OpenOrdersRead:
    """All open orders of one leg, both products' quirks already undone (`entrustedList: null` is an empty tuple)."""

    at_ms: int
    inst: InstType
    orders: tuple[OrderReport, ...]


@attrs.frozen
class SettlementsRead:
    """Funding bills were read. Outcome ACCEPTED: all since the time asked for; telling one twice is harmless."""

    at_ms: int
    result: OrderResult
    settlements: tuple[Settlement, ...] = ()


@attrs.frozen
class ServerTimeRead:
    """The exchange's clock at `at_ms`, as reckoned from the middle of the round trip."""

    at_ms: int
    exch_ms: int


@attrs.frozen
class AccountRead:
    """The perp account's settings. `dry_run` marks an answer assumed because no key was given."""

    at_ms: int
    pos_mode: PosMode
    margin_mode: str
    leverage: Decimal | None = None
    dry_run: bool = False


@attrs.frozen
class ConstraintsRead:
    """Both legs' rules; None when the exchange did not give a usable row, with `why`."""

    at_ms: int
    constraints: Constraints | None
    why: str | None = None


@attrs.frozen
class FeesRead:
    """What the account is charged on each leg; None where it could not be read, with `why`. Never a failed check."""

    at_ms: int
    perp: FeeRate | None
    spot: FeeRate | None
    why: str | None = None


@attrs.frozen
class PosModeAnswered:
    """The answer to `SetPositionMode`."""

    at_ms: int
    pos_mode: PosMode
    result: OrderResult


@attrs.frozen
class CheckFailed:
    """A read that a check or a reconciliation needed did not come back. `what` is the action's name, lower case."""

    at_ms: int
    what: str
    result: OrderResult


# --- feeds ------------------------------------------------------------------------------------------------------------


@attrs.frozen
class FeedUp:
    """The feed's socket is connected (and, for the private one, logged in): it may be subscribed to."""

    at_ms: int
    feed: FeedName


@attrs.frozen
class FeedDown:
    """The feed's socket is gone."""

    at_ms: int
    feed: FeedName
    why: str


@attrs.frozen
class FeedAlive:
    """The feed's socket said something that carries no data (a pong)."""

    at_ms: int
    feed: FeedName


@attrs.frozen
class SubscribeAnswered:
    """One subscription was acknowledged or refused. Acknowledged is not fresh: only data is.

    A book is data of its feed; data of the private feed is what it pushes (`source` "ws"), at first the position.
    """

    at_ms: int
    feed: FeedName
    channel: str
    accepted: bool
    code: str | None = None
    msg: str | None = None


# --- clock and operator -----------------------------------------------------------------------------------------------


@attrs.frozen
class Tick:
    """Time passed."""

    at_ms: int


@attrs.frozen
class Start:
    """Begin the start-up checks."""

    at_ms: int


@attrs.frozen
class Halt:
    """A person wants no new risk: HALTED, latched."""

    at_ms: int
    why: str = "operator"


@attrs.frozen
class Resume:
    """A person has looked: latched reasons are cleared; the ones that still hold come back by themselves."""

    at_ms: int


@attrs.frozen
class Flatten:
    """A person wants the held pair closed: quotes stop, the perp leg is closed, its fills are hedged."""

    at_ms: int


@attrs.frozen
class SettleOrder:
    """A person has looked: this order, unknown past its bound, is gone. What it filled beyond our books is drift."""

    at_ms: int
    client_oid: str


@attrs.frozen
class Stop:
    """End the run: cancel quotes, settle tickets, read back, exit."""

    at_ms: int
    why: str = "operator"


@attrs.frozen
class Breach:
    """The runner broke a promise of its own (a task ended, a request raised): HALTED, latched."""

    at_ms: int
    why: str


Event = (
    BookEvent
    | TradesEvent
    | FundingEvent
    | FillEvent
    | FillUnparsable
    | OrderEvent
    | PositionEvent
    | BalanceEvent
    | PlaceAnswered
    | CancelAnswered
    | OrderQueried
    | FillsRead
    | OpenOrdersRead
    | SettlementsRead
    | ServerTimeRead
    | AccountRead
    | ConstraintsRead
    | FeesRead
    | PosModeAnswered
    | CheckFailed
    | FeedUp
    | FeedDown
    | FeedAlive
    | SubscribeAnswered
    | Tick
    | Start
    | Halt
    | Resume
    | Flatten
    | SettleOrder
    | Stop
    | Breach
)
