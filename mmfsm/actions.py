"""Everything a desk can ask for. Each action is a frozen value; the runner executes it and feeds the answer back.

    orders    PlaceOrder CancelOrder QueryOrder SetTifPolicy
    reads     QueryFills QueryOpenOrders QueryPosition QueryBalance QuerySettlements
              QueryAccount QueryServerTime QueryConstraints QueryFees QueryFunding
    account   SetPositionMode
    feeds     Subscribe Unsubscribe Reconnect
    people    Record Alert
    process   Exit

The answer of each that has one is the event named in its docstring. An action is never a callback.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.events import FeedName
from mmfsm.values import InstType, JsonObject, OrderRequest, PosMode


@attrs.frozen
class PlaceOrder:
    """Send one order. Answered by `PlaceAnswered`, whatever happens."""

    request: OrderRequest


@attrs.frozen
class CancelOrder:
    """Cancel one order of ours, by orderId where it is known, else by clientOid. Answered by `CancelAnswered`."""

    inst: InstType
    client_oid: str
    order_id: str | None


@attrs.frozen
class QueryOrder:
    """Read one order, by orderId where it is known, else by clientOid. Answered by `OrderQueried`."""

    inst: InstType
    client_oid: str
    order_id: str | None


@attrs.frozen
class QueryFills:
    """Read fills of one order, or (None) those since `since_ms`. Answered by `FillEvent`s, then `FillsRead`."""

    inst: InstType
    order_id: str | None
    since_ms: int


@attrs.frozen
class QueryOpenOrders:
    """Read all open orders of one leg. Answered by `OpenOrdersRead` or `CheckFailed`."""

    inst: InstType


@attrs.frozen
class QueryPosition:
    """Read the perp position. Answered by `PositionEvent(source="rest")` or `CheckFailed`."""


@attrs.frozen
class QueryBalance:
    """Read spot balances of both coins and the perp margin. Answered by `BalanceEvent`s or `CheckFailed`."""


@attrs.frozen
class QuerySettlements:
    """Read the funding that was settled since `since_ms` (exchange time). Answered by `SettlementsRead`."""

    since_ms: int


@attrs.frozen
class QueryAccount:
    """Read position mode, margin mode and leverage. Answered by `AccountRead` or `CheckFailed`."""


@attrs.frozen
class QueryServerTime:
    """Read the exchange's clock. Answered by `ServerTimeRead` or `CheckFailed`."""


@attrs.frozen
class QueryConstraints:
    """Read the rules of both legs. Answered by `ConstraintsRead` or `CheckFailed`."""


@attrs.frozen
class QueryFees:
    """Read what the account is charged on both legs. Answered by `FeesRead`, whatever happens."""


@attrs.frozen
class QueryFunding:
    """Read the funding rate. Answered by `FundingEvent` or `CheckFailed`."""


@attrs.frozen
class SetPositionMode:
    """Change the account's position mode. Answered by `PosModeAnswered`."""

    pos_mode: PosMode


@attrs.frozen
class SetTifPolicy:
    """Fix how the gateway spells time in force on the perp from here on: the outcome of the start-up proof.

    `policy` is "timeInForceValue" (alone), "force" or "both". Not answered.
    """

    policy: str


@attrs.frozen
class Subscribe:
    """Subscribe a feed by one channel (`books5`, `books`; the private feed names its set "private"). Answered by
    `SubscribeAnswered`."""

    feed: FeedName
    channel: str


@attrs.frozen
class Unsubscribe:
    """Drop one channel of a feed. Not answered."""

    feed: FeedName
    channel: str


@attrs.frozen
class Reconnect:
    """Close the feed's socket and connect again: it is alive but does not tell what it should. Not answered."""

    feed: FeedName


@attrs.frozen
class PosSnapshot:
    """Positions at the moment of a record: perp and spot change in base coin, what is unhedged in quote coin."""

    perp_pos: Decimal
    spot_pos: Decimal
    unhedged_notional: Decimal | None


@attrs.frozen(slots=False)  # of its many fields a dict is filled faster, and a fill makes five of them
class Record:
    """One line of the log. A field that does not apply is None; the writer prints it as null, never leaves it out.

    `request` is set on order records: the writer puts the wire body it becomes under `data`.
    """

    at_ms: int
    event: str
    source: str
    mode: str
    reason: str | None = None
    intent: str | None = None
    leg: str | None = None
    cycle_id: int | None = None
    inst_type: str | None = None
    client_oid: str | None = None
    exch_order_id: str | None = None
    exch_trade_id: str | None = None
    dedupe_key: str | None = None
    simulated: bool | None = None
    dry_run: bool | None = None
    pos_snapshot: PosSnapshot | None = None
    request: OrderRequest | None = None
    data: JsonObject | None = None
    res: JsonObject | None = None


@attrs.frozen
class Alert:
    """Something a person should know now. `what_to_do` is a sentence."""

    at_ms: int
    reason: str
    text: str
    what_to_do: str


@attrs.frozen
class Exit:
    """The run is over: the process may end with `status` (0: clean)."""

    status: int
    reason: str


Action = (
    PlaceOrder
    | CancelOrder
    | QueryOrder
    | QueryFills
    | QueryOpenOrders
    | QueryPosition
    | QueryBalance
    | QuerySettlements
    | QueryAccount
    | QueryServerTime
    | QueryConstraints
    | QueryFees
    | QueryFunding
    | SetPositionMode
    | SetTifPolicy
    | Subscribe
    | Unsubscribe
    | Reconnect
    | Record
    | Alert
    | Exit
)
