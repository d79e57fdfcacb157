"""For tests of bots built on mmfsm: ETHUSDT's rules as Bitget listed them in September 2026, and a desk made ready."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mmfsm.actions import Action, PlaceOrder
from mmfsm.desk import Desk
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    ConstraintsRead,
    Event,
    FeedName,
    FeedUp,
    FeesRead,
    FillEvent,
    FillsRead,
    FundingEvent,
    OpenOrdersRead,
    OrderEvent,
    PlaceAnswered,
    PositionEvent,
    ServerTimeRead,
    Start,
    SubscribeAnswered,
)
from mmfsm.params import Params
from mmfsm.values import (
    Constraints,
    FeeRate,
    Funding,
    InstrumentRules,
    InstType,
    Level,
    NormalizedFill,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    PosMode,
    Side,
)


def rules_perp() -> InstrumentRules:
    """ETHUSDT perpetual: tick 0.01, step 0.01, at least 0.01 and 5 USDT, ±5 % band, 2 / 6 bps."""
    return InstrumentRules(
        inst=InstType.PERP,
        symbol="ETHUSDT",
        base_coin="ETH",
        quote_coin="USDT",
        price_tick=Decimal("0.01"),
        qty_step=Decimal("0.01"),
        qty_min=Decimal("0.01"),
        notional_min=Decimal(5),
        buy_band_ratio=Decimal("0.05"),
        sell_band_ratio=Decimal("0.05"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0006"),
        qty_max=Decimal(9900),
    )


def rules_spot() -> InstrumentRules:
    """ETHUSDT spot: tick 0.01, step 0.0001, at least 1 USDT, ±2 % band, 10 / 10 bps."""
    return InstrumentRules(
        inst=InstType.SPOT,
        symbol="ETHUSDT",
        base_coin="ETH",
        quote_coin="USDT",
        price_tick=Decimal("0.01"),
        qty_step=Decimal("0.0001"),
        qty_min=Decimal("0.0001"),
        notional_min=Decimal(1),
        buy_band_ratio=Decimal("0.02"),
        sell_band_ratio=Decimal("0.02"),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
    )


def constraints() -> Constraints:
    """Both legs' rules."""
    return Constraints(perp=rules_perp(), spot=rules_spot())


def book(inst: InstType, at_ms: int, bid: str, ask: str, qty: str = "50") -> BookEvent:
    """One level a side."""
    level = Decimal(qty)
    return BookEvent(at_ms, inst, (Level(Decimal(bid), level),), (Level(Decimal(ask), level),), at_ms)


def opening(at_ms: int, params: Params, *, coin: str = "0.5", cash: str = "5000") -> list[Event]:
    """The events of a start-up on which everything is as it should be, in the order a runner would feed them."""
    perp, spot = InstType.PERP, InstType.SPOT
    accepted = OrderResult(Outcome.ACCEPTED)
    private = FeedName.PRIVATE
    return [
        Start(at_ms),
        FeedUp(at_ms, FeedName.PERP_BOOK),
        FeedUp(at_ms, FeedName.SPOT_BOOK),
        FeedUp(at_ms, private),
        SubscribeAnswered(at_ms, private, "private", True),
        PositionEvent(at_ms, Decimal(0), at_ms),
        ServerTimeRead(at_ms, at_ms),
        AccountRead(at_ms, PosMode(params.target_pos_mode), params.margin_mode),
        ConstraintsRead(at_ms, constraints()),
        FeesRead(at_ms, FeeRate(Decimal(2), Decimal(6)), FeeRate(Decimal(10), Decimal(10))),
        OpenOrdersRead(at_ms, perp, ()),
        OpenOrdersRead(at_ms, spot, ()),
        PositionEvent(at_ms, Decimal(0), at_ms, "rest"),
        BalanceEvent(at_ms, spot, "ETH", Decimal(coin), Decimal(coin), at_ms, "rest"),
        BalanceEvent(at_ms, spot, "USDT", Decimal(cash), Decimal(cash), at_ms, "rest"),
        BalanceEvent(at_ms, perp, "USDT", Decimal(cash), Decimal(cash), at_ms, "rest"),
        FundingEvent(at_ms, Funding(Decimal("0.0001"))),
        book(perp, at_ms, "2500.00", "2500.01"),
        book(spot, at_ms, "2501.00", "2501.01"),
        FillsRead(at_ms, perp, None, accepted),
        FillsRead(at_ms, spot, None, accepted),
    ]


def ready_desk(params: Params | None = None, at_ms: int = 1_800_000_000_000) -> Desk:
    """A desk that has passed its start-up checks and has just quoted both sides (`perp_tif` fixed, no proof)."""
    params = params or Params(perp_tif="both", base_half_spread_bps=Decimal(2))
    desk = Desk(params, run=1)
    for event in opening(at_ms, params):
        desk.handle(event)
    return desk


def placed(actions: Iterable[Action]) -> list[OrderRequest]:
    """The orders among some actions."""
    return [action.request for action in actions if isinstance(action, PlaceOrder)]


def ack(desk: Desk, request: OrderRequest, at_ms: int, order_id: str) -> tuple[Action, ...]:
    """Answer a place request: accepted."""
    return desk.handle(PlaceAnswered(at_ms, request.client_oid, OrderResult(Outcome.ACCEPTED, order_id)))


def fill_of(
    request: OrderRequest, order_id: str, trade_id: str, at_ms: int, qty: str | None = None, fee: str = "0"
) -> FillEvent:
    """A fill of an order at its own price. A spot buy's fee is in base coin and spot fills name no clientOid."""
    spot = request.inst is InstType.SPOT
    return FillEvent(
        at_ms,
        NormalizedFill(
            inst=request.inst,
            order_id=order_id,
            side=request.side,
            price=request.price,
            qty=Decimal(qty) if qty else request.qty,
            exch_ms=at_ms,
            trade_id=trade_id,
            client_oid=None if spot else request.client_oid,
            fee=Decimal(fee),
            fee_coin="ETH" if spot and request.side is Side.BUY else "USDT",
        ),
    )


def ended(
    request: OrderRequest, order_id: str, at_ms: int, filled: str, status: OrderStatus = OrderStatus.FILLED
) -> OrderEvent:
    """The orders stream tells that an order has ended, having filled so much."""
    report = OrderReport(request.inst, order_id, status, Decimal(filled), request.client_oid, exch_ms=at_ms)
    return OrderEvent(at_ms, report)
