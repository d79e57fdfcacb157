"""Readings and feeds of the models: what the exchange answers, truthfully and in full."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.actions import (
    Action,
    QueryAccount,
    QueryBalance,
    QueryConstraints,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryPosition,
)
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    ConstraintsRead,
    Event,
    FeedName,
    FeedUp,
    FeesRead,
    FillsRead,
    FundingEvent,
    OpenOrdersRead,
    PositionEvent,
    ServerTimeRead,
    SubscribeAnswered,
)
from mmfsm.proof.venue import OPEN
from mmfsm.proof.world import LOT, World
from mmfsm.testing import book, constraints
from mmfsm.values import Funding, InstType, OrderReport, OrderResult, OrderStatus, Outcome, PosMode

COIN, PERP_CASH = Decimal("0.05"), Decimal(5000)
RULES = constraints()
ACCEPTED = OrderResult(Outcome.ACCEPTED)


def name_of(action: Action) -> str:
    """Name a reading: what a failed check calls it, and the leg where there are two."""
    if isinstance(action, (QueryOpenOrders, QueryFills)):
        return f"{'orders' if isinstance(action, QueryOpenOrders) else 'fills'}:{action.inst.value}"
    names = {
        QueryAccount: "account",
        QueryConstraints: "constraints",
        QueryFees: "fees",
        QueryPosition: "position",
        QueryBalance: "balance",
        QueryFunding: "funding",
    }
    return names.get(type(action), "time")


def answer(world: World, name: str) -> list[Event]:
    """Return the events of one reading, as the exchange is now."""
    now = world.now
    if name.startswith("orders"):
        return [_open_orders(world, InstType(name.split(":")[1]))]
    if name.startswith("fills"):
        return [FillsRead(now, InstType(name.split(":")[1]), None, ACCEPTED)]
    cash = Decimal(world.cash)
    coin, perp = COIN + world.spot * LOT, world.perp * LOT
    answers: dict[str, list[Event]] = {
        "time": [ServerTimeRead(now, now)],
        "account": [AccountRead(now, PosMode.ONE_WAY, "isolated")],
        "constraints": [ConstraintsRead(now, RULES)],
        "fees": [FeesRead(now, None, None, "not read")],
        "position": [PositionEvent(now, perp, now, "rest")],
        "balance": [
            BalanceEvent(now, InstType.SPOT, "ETH", coin, coin, now, "rest"),
            BalanceEvent(now, InstType.SPOT, "USDT", cash, cash, now, "rest"),
            BalanceEvent(now, InstType.PERP, "USDT", PERP_CASH, PERP_CASH, now, "rest"),
        ],
        "funding": [FundingEvent(now, Funding(Decimal("0.0001")))],
    }
    return answers[name]


def _open_orders(world: World, inst: InstType) -> Event:
    shown = []
    for oid, slip in world.slips.items():
        request = world.orders[oid]
        if slip.stage == OPEN and request.inst is inst:
            filled = slip.filled * LOT
            shown.append(
                OrderReport(inst, f"x{oid}", OrderStatus.LIVE, filled, oid, request.side, request.price, request.qty)
            )
    return OpenOrdersRead(world.now, inst, tuple(shown))


def feed_up(now: int, feed: FeedName) -> list[Event]:
    """A feed comes back whole: connected, subscribed, and with its first data."""
    up = FeedUp(now, feed)
    if feed is FeedName.PERP_BOOK:
        return [up, book(InstType.PERP, now, "2500.00", "2500.01")]
    if feed is FeedName.SPOT_BOOK:
        return [up, book(InstType.SPOT, now, "2501.00", "2501.01")]
    return [up, SubscribeAnswered(now, feed, "private", True), BalanceEvent(now, InstType.SPOT, "?", LOT, LOT, now)]


def feeds_up(now: int) -> list[Event]:
    """All three sockets come up."""
    return [event for feed in list(FeedName)[:3] for event in feed_up(now, feed)]
