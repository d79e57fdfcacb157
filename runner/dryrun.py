"""Orders that never leave: the executor that answers them itself, so that the machines live their whole life.

Two uses. DRY_RUN=1: no order request reaches the exchange, and without a key the account is assumed too. And
SIMULATED_SPOT_FILL=1 on loopback: perp orders are real, spot hedges are pretend fills marked `simulated`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import (
    ZERO,
    InstType,
    NormalizedFill,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    PosMode,
    Tif,
)
from runner.bitget.gateway import Events, Gateway
from runner.settings import Settings

ASSUMED_CASH = Decimal(1_000_000)
ASSUMED_COIN = Decimal(1_000)
KEPT_MAX = 1_000
ACCEPTED = OrderResult(Outcome.ACCEPTED, dry_run=True)

_ORDERS = (do.PlaceOrder, do.CancelOrder, do.QueryOrder, do.QueryFills, do.QueryOpenOrders)


@attrs.define
class _Pretend:
    request: OrderRequest
    order_id: str
    status: OrderStatus = OrderStatus.LIVE
    filled: Decimal = ZERO

    def report(self) -> OrderReport:
        r = self.request
        reason = "ioc_not_full_cancel" if self.status is OrderStatus.CANCELED and r.tif is Tif.IOC else None
        return OrderReport(
            r.inst, self.order_id, self.status, self.filled, r.client_oid, r.side, r.price, r.qty, r.tif.value, reason
        )


class Pretence:
    """A small exchange of our own orders: what it accepts rests, what it is told to cancel ends, and IOC hedges fill
    at their limit if `fills` says so."""

    def __init__(self, *, fills: bool) -> None:
        self._fills = fills
        self._orders: dict[str, _Pretend] = {}
        self._count = 0

    def knows(self, client_oid: str) -> bool:
        return client_oid in self._orders

    def place(self, request: OrderRequest) -> Events:
        """Accept an order; an IOC ends at once, filled if fills are pretended."""
        self._count += 1
        order = _Pretend(request, f"dry-{self._count}")
        self._orders[request.client_oid] = order
        while len(self._orders) > KEPT_MAX:
            del self._orders[next(iter(self._orders))]
        at_ms = now_ms()
        told: list[ev.Event] = [
            ev.PlaceAnswered(at_ms, request.client_oid, attrs.evolve(ACCEPTED, order_id=order.order_id))
        ]
        if request.tif is not Tif.IOC:
            return tuple(told)
        if self._fills and request.inst is InstType.SPOT:
            order.filled, order.status = request.qty, OrderStatus.FILLED
            told.append(ev.FillEvent(at_ms, self._fill(order, at_ms)))
        else:
            order.status = OrderStatus.CANCELED
        told.append(ev.OrderEvent(at_ms, order.report()))
        return tuple(told)

    def _fill(self, order: _Pretend, at_ms: int) -> NormalizedFill:
        request = order.request
        return NormalizedFill(
            inst=request.inst,
            order_id=order.order_id,
            side=request.side,
            price=request.price,
            qty=request.qty,
            exch_ms=at_ms,
            trade_id=f"sim-{order.order_id}",
            simulated=True,
            source="sim",
        )

    def cancel(self, client_oid: str) -> Events:
        order, at_ms = self._orders.get(client_oid), now_ms()
        if order is None or order.status.is_end:
            return (ev.CancelAnswered(at_ms, client_oid, attrs.evolve(ACCEPTED, outcome=Outcome.GONE)),)
        order.status = OrderStatus.CANCELED
        return (ev.CancelAnswered(at_ms, client_oid, ACCEPTED), ev.OrderEvent(at_ms, order.report()))

    def query(self, client_oid: str) -> Events:
        order = self._orders.get(client_oid)
        if order is None:
            return (ev.OrderQueried(now_ms(), client_oid, attrs.evolve(ACCEPTED, outcome=Outcome.GONE)),)
        return (ev.OrderQueried(now_ms(), client_oid, ACCEPTED, order.report()),)

    def open_orders(self, inst: InstType) -> Events:
        live = (order.report() for order in self._orders.values() if order.request.inst is inst)
        return (ev.OpenOrdersRead(now_ms(), inst, tuple(report for report in live if not report.status.is_end)),)


class DryRun:
    """The executor of DRY_RUN=1. Public readings are real; with a key, so are the account's; orders are pretence."""

    def __init__(self, settings: Settings, gateway: Gateway, on_event: Callable[[ev.Event], None]) -> None:
        self._settings = settings
        self._gateway = gateway
        self._on_event = on_event
        self._orders = Pretence(fills=settings.simulated_spot_fill)

    async def execute(self, action: do.Action) -> Events:
        if isinstance(action, _ORDERS):
            return self._pretend(action)
        if isinstance(action, do.SetPositionMode):
            refused = OrderResult(Outcome.REFUSED, msg="DRY_RUN=1 changes nothing on the account", dry_run=True)
            return (ev.PosModeAnswered(now_ms(), action.pos_mode, refused),)
        if self._settings.has_keys:
            return await self._gateway.execute(action)
        return self._assumed(action) or await self._gateway.execute(action)

    def _pretend(self, action: do.Action) -> Events:
        if isinstance(action, do.PlaceOrder):
            return self._orders.place(action.request)
        if isinstance(action, do.CancelOrder):
            return self._orders.cancel(action.client_oid)
        if isinstance(action, do.QueryOrder):
            return self._orders.query(action.client_oid)
        if isinstance(action, do.QueryOpenOrders):
            return self._orders.open_orders(action.inst)
        assert isinstance(action, do.QueryFills)
        return (ev.FillsRead(now_ms(), action.inst, action.order_id, ACCEPTED),)

    def _assumed(self, action: do.Action) -> Events:
        """What is assumed of an account nobody gave a key for: as the settings want it, flat, and rich."""
        at_ms, s = now_ms(), self._settings
        if isinstance(action, do.QueryAccount):
            return (ev.AccountRead(at_ms, PosMode(s.target_pos_mode), s.margin_mode, dry_run=True),)
        if isinstance(action, do.QuerySettlements):
            return (ev.SettlementsRead(at_ms, ACCEPTED),)
        if isinstance(action, do.QueryPosition):
            return (ev.PositionEvent(at_ms, ZERO, at_ms, "rest"),)
        if isinstance(action, do.QueryBalance):
            base = s.symbol.removesuffix("USDT")
            coins = ((InstType.SPOT, base, ASSUMED_COIN), (InstType.SPOT, "USDT", ASSUMED_CASH))
            margin = (InstType.PERP, "USDT", ASSUMED_CASH)
            return tuple(ev.BalanceEvent(at_ms, inst, coin, x, x, at_ms, "rest") for inst, coin, x in (*coins, margin))
        return ()

    def subscribe_private(self) -> None:
        """Stand in for the private stream that needs a key: acknowledged, and flat."""
        at_ms = now_ms()
        self._on_event(ev.SubscribeAnswered(at_ms, ev.FeedName.PRIVATE, "private", True, None, "assumed: no key"))
        self._on_event(ev.PositionEvent(at_ms, ZERO, at_ms))


class SimulatedSpot:
    """The executor of SIMULATED_SPOT_FILL=1 with real perp orders, on loopback alone: spot orders are pretence."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._orders = Pretence(fills=True)

    async def execute(self, action: do.Action) -> Events:
        if isinstance(action, do.PlaceOrder) and action.request.inst is InstType.SPOT:
            return self._orders.place(action.request)
        if isinstance(action, do.CancelOrder) and self._orders.knows(action.client_oid):
            return self._orders.cancel(action.client_oid)
        if isinstance(action, do.QueryOrder) and self._orders.knows(action.client_oid):
            return self._orders.query(action.client_oid)
        return await self._gateway.execute(action)
