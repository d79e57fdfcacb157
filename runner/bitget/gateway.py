"""Actions in, answering events out: with `market.py` the only file with Bitget's paths.

`execute` never raises for the network or the exchange. What cannot be known is `Outcome.UNKNOWN` or `CheckFailed`, and
it is the desk that asks again; nothing is retried here, because a request without an answer may have happened.
Limits per second and account (Bitget: the "Rate limit" line of each page): placing and cancelling 10, reads 10 to 20.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs
from loguru import logger

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import (
    OVER_BUDGET,
    ZERO,
    Constraints,
    InstType,
    OrderIntent,
    OrderReport,
    OrderRequest,
    OrderResult,
    Outcome,
    PosMode,
    Settlement,
)
from runner.bitget import wire, wire_account, wire_key, wire_market
from runner.bitget.at_once import begin_hedge, place_answered
from runner.bitget.codes import Kind
from runner.bitget.market import FUNDING, RULES, TIME, trade_rates
from runner.bitget.members import WireError, as_row, as_rows, is_near
from runner.bitget.open_orders import PAGES_MAX, OpenIds, open_ids, open_orders, read_rows
from runner.bitget.rest import Reply, Rest
from runner.bitget.tasks import OnFailure
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
PLACE = {PERP: "/api/v2/mix/order/place-order", SPOT: "/api/v2/spot/trade/place-order"}
CANCEL = {PERP: "/api/v2/mix/order/cancel-order", SPOT: "/api/v2/spot/trade/cancel-order"}
ORDER = {PERP: "/api/v2/mix/order/detail", SPOT: "/api/v2/spot/trade/orderInfo"}
OPEN_ORDERS = {PERP: "/api/v2/mix/order/orders-pending", SPOT: "/api/v2/spot/trade/unfilled-orders"}
FILLS = {PERP: "/api/v2/mix/order/fills", SPOT: "/api/v2/spot/trade/fills"}
POSITION = "/api/v2/mix/position/single-position"
ACCOUNT = "/api/v2/mix/account/account"
ASSETS = "/api/v2/spot/account/assets"
BILLS = "/api/v2/mix/account/bill"
SET_POS_MODE = "/api/v2/mix/account/set-position-mode"
KEY_INFO = "/api/v2/spot/account/info"

_CLOSING = (OrderIntent.UNWIND, OrderIntent.FLATTEN)

Events = tuple[ev.Event, ...]
T = TypeVar("T")


class Gateway:
    """Bitget's REST side of one account and symbol."""

    def __init__(self, settings: Settings, on_failure: OnFailure) -> None:
        self.terms = wire.Terms.of(settings)
        self._rest = Rest(settings, on_failure, TIME)
        self.budget = self._rest.budget
        self._coins = _coins_of(settings.symbol)
        self._prefix = settings.client_oid_prefix
        self._close_lock = asyncio.Lock()
        self.closing: set[str] = set()
        self._doers: dict[type, Callable[..., Awaitable[Events]]] = {
            do.PlaceOrder: self._place_order,
            do.CancelOrder: self._cancel_order,
            do.QueryOrder: self._query_order,
            do.QueryFills: self._query_fills,
            do.QueryOpenOrders: self._query_open_orders,
            do.QueryPosition: self._query_position,
            do.QueryBalance: self._query_balance,
            do.QuerySettlements: self._query_settlements,
            do.QueryAccount: self._query_account,
            do.QueryServerTime: self._query_server_time,
            do.QueryConstraints: self._query_constraints,
            do.QueryFees: self._query_fees,
            do.QueryFunding: self._query_funding,
            do.SetPositionMode: self._set_position_mode,
        }

    async def open(self) -> None:
        """Open the connections. Registers the host with pybotters where a key is set."""
        await self._rest.open()

    async def close(self) -> None:
        await self._rest.close()

    def set_tif_policy(self, policy: str) -> None:
        """Fix how time in force is spelled on the perp from here on: "timeInForceValue", "force" or "both"."""
        if policy not in ("timeInForceValue", "force", "both"):
            raise ValueError(f"policy {policy!r}: expected timeInForceValue, force or both")
        self.terms = attrs.evolve(self.terms, tif_policy=policy)

    async def execute(self, action: do.Action) -> Events:
        """Carry one action out and return the events that answer it (see each action's docstring).

        Raises:
            TypeError: the action is none of the exchange's.
        """
        if isinstance(action, do.SetTifPolicy):
            self.set_tif_policy(action.policy)
            return ()
        doer = self._doers.get(type(action))
        if doer is None:
            raise TypeError(f"{type(action).__name__}: no action of the exchange's")
        return await doer(action)

    def begin(self, action: do.Action) -> Awaitable[Events] | None:
        """Write a spot hedge's request before this returns; None: `execute` it. See `at_once`."""
        return begin_hedge(action, self._rest, self.terms, PLACE[SPOT])

    # --- orders -------------------------------------------------------------------------------------------------------

    async def _place_order(self, action: do.PlaceOrder) -> Events:
        perp = action.request.inst is PERP
        place = self.place_perp_order if perp else self.place_spot_order
        if action.request.intent not in _CLOSING:
            return (await place(action.request),)
        # One close of a symbol at a time. The machines see to it; this holds should they ever not.
        async with self._close_lock:
            self.closing.add(self.terms.symbol)
            try:
                return (await place(action.request),)
            finally:
                self.closing.discard(self.terms.symbol)

    async def place_perp_order(self, request: OrderRequest) -> ev.PlaceAnswered:
        return await self._place(request)

    async def place_spot_order(self, request: OrderRequest) -> ev.PlaceAnswered:
        """Place on the spot leg, over the hedges' own connection."""
        return await self._place(request, hedge=True)

    async def _place(self, request: OrderRequest, hedge: bool = False) -> ev.PlaceAnswered:
        try:
            body = wire.place_body(request, self.terms, now_ms() + self._rest.ahead_ms)
        except ValueError as error:
            refused = OrderResult(Outcome.REFUSED, msg=f"not sent: {error}")
            return ev.PlaceAnswered(now_ms(), request.client_oid, refused)
        if request.intent is OrderIntent.QUOTE:
            await self.budget.let_hedges_start()
            if not self.budget.take_quote(PLACE[request.inst]):
                busy = OrderResult(Outcome.BUSY, code=OVER_BUDGET, msg="quotes have used up their share of this second")
                return ev.PlaceAnswered(now_ms(), request.client_oid, busy)
        else:
            await self.budget.take(PLACE[request.inst])
        return place_answered(request, await self._rest.post(PLACE[request.inst], body, Kind.PLACE, hedge))

    async def _cancel_order(self, action: do.CancelOrder) -> Events:
        cancel = self.cancel_perp_order if action.inst is PERP else self.cancel_spot_order
        return (await cancel(action.client_oid, action.order_id),)

    async def cancel_perp_order(self, client_oid: str, order_id: str | None = None) -> ev.CancelAnswered:
        return await self._cancel(PERP, client_oid, order_id)

    async def cancel_spot_order(self, client_oid: str, order_id: str | None = None) -> ev.CancelAnswered:
        return await self._cancel(SPOT, client_oid, order_id)

    async def _cancel(self, inst: InstType, client_oid: str, order_id: str | None) -> ev.CancelAnswered:
        body = wire.order_key(inst, client_oid, order_id, self.terms)
        reply = await self._rest.post(CANCEL[inst], body, Kind.CANCEL)
        return ev.CancelAnswered(reply.got_ms, client_oid, reply.result(order_id))

    async def _query_order(self, action: do.QueryOrder) -> Events:
        key = wire.order_key(action.inst, action.client_oid, action.order_id, self.terms)
        reply = await self._rest.read(ORDER[action.inst], key)
        report: OrderReport | None = None
        if reply.ok:
            try:
                report = wire_account.read_order_detail(action.inst, reply.data)
            except WireError as error:
                reply = reply.unreadable(error)
            else:
                if report is None:
                    reply = attrs.evolve(reply, outcome=Outcome.GONE, msg="no such order: an empty list")
        order_id = report.order_id if report else action.order_id
        return (ev.OrderQueried(reply.got_ms, action.client_oid, reply.result(order_id), report),)

    async def _query_fills(self, action: do.QueryFills) -> Events:
        """Fills, oldest first, then `FillsRead`; what was read is told even when another row or page is not."""
        fills: list[ev.FillEvent] = []
        before: str | None = None
        unread: WireError | None = None
        since_ms = max(action.since_ms, now_ms() + self._rest.ahead_ms - wire.FILLS_SPAN_MS)
        for _page in range(PAGES_MAX):
            params = wire.fills_params(action.inst, self.terms, action.order_id, since_ms, before)
            reply = await self._rest.read(FILLS[action.inst], params)
            if not reply.ok:
                break
            page = wire_account.read_fill_page(action.inst, reply.data)
            fills += [ev.FillEvent(reply.got_ms, fill) for fill in page.fills]
            unread, before = unread or page.error, page.before
            if before is None:
                break
        else:
            why = f"more than {PAGES_MAX} pages of fills; ask for a shorter time"
            reply = attrs.evolve(reply, outcome=Outcome.UNKNOWN, msg=why)
        if unread is not None and reply.ok:
            reply = reply.unreadable(unread)
        fills.reverse()  # pages come newest first; the sort keeps the order within a millisecond
        fills.sort(key=lambda told: told.fill.exch_ms)
        read_all = ev.FillsRead(reply.got_ms, action.inst, action.order_id, reply.result(action.order_id), len(fills))
        return (*fills, read_all)

    async def _query_open_orders(self, action: do.QueryOpenOrders) -> Events:
        rows, reply = await read_rows(self._rest, OPEN_ORDERS[action.inst], action.inst, self.terms)

        def read(_data: object) -> Events:
            return (ev.OpenOrdersRead(reply.got_ms, action.inst, open_orders(action.inst, rows, self._prefix)),)

        return _read_or_failed(action, reply, read)

    async def read_open_ids(self, inst: InstType) -> OpenIds:
        """Our open orders by their ids alone, for whoever only cancels them: as many as can be read."""
        return open_ids(*await read_rows(self._rest, OPEN_ORDERS[inst], inst, self.terms), self._prefix)

    # --- account ------------------------------------------------------------------------------------------------------

    async def _query_position(self, action: do.QueryPosition) -> Events:
        reply = await self._rest.read(POSITION, wire.account_params(self.terms))

        def read(data: object) -> Events:
            rows = as_rows(data, "positions")
            return (wire_account.read_position(rows, self.terms.symbol, reply.got_ms, reply.told_ms, "rest"),)

        return _read_or_failed(action, reply, read)

    async def _query_balance(self, action: do.QueryBalance) -> Events:
        """Both spot coins and the perp's margin, or `CheckFailed` when either list did not come."""
        spot, perp = await asyncio.gather(
            self._rest.read(ASSETS, {}), self._rest.read(ACCOUNT, wire.account_params(self.terms))
        )

        def read_spot(data: object) -> Events:
            rows = as_rows(data, "assets")
            told = wire_account.read_spot_balances(rows, self._coins, spot.got_ms, spot.told_ms, "rest")
            return _with_empty_coins(told, self._coins, spot)

        def read_perp(data: object) -> Events:
            return (wire_account.read_margin(as_row(data, "account"), perp.got_ms, perp.told_ms, "rest"),)

        answers = (_read_or_failed(action, spot, read_spot), _read_or_failed(action, perp, read_perp))
        failed = [events for events in answers if isinstance(events[0], ev.CheckFailed)]
        return failed[0] if failed else answers[0] + answers[1]

    async def _query_settlements(self, action: do.QuerySettlements) -> Events:
        """All or nothing: what was not read is asked for again, from the same time."""
        found: list[Settlement] = []
        before: str | None = None
        for _page in range(PAGES_MAX):
            reply = await self._rest.read(BILLS, wire.settlements_params(self.terms, action.since_ms, before))
            if not reply.ok:
                break
            try:
                rows = wire_account.bill_rows(reply.data)
                ours = [row for row in rows if wire_account.is_settlement(row, self.terms.symbol)]
                found += [wire_account.read_settlement(row) for row in ours]
            except WireError as error:
                reply = reply.unreadable(error)
                break
            if len(rows) < wire.PAGE:
                break
            before = str(rows[-1].get("billId"))
        else:
            reply = attrs.evolve(reply, outcome=Outcome.UNKNOWN, msg=f"more than {PAGES_MAX} pages of bills")
        told = tuple(reversed(found)) if reply.ok else ()
        return (ev.SettlementsRead(reply.got_ms, reply.result(), told),)

    async def _query_account(self, action: do.QueryAccount) -> Events:
        return (await self.get_pos_mode(),)

    async def get_pos_mode(self) -> ev.AccountRead | ev.CheckFailed:
        """Position mode, margin mode and leverage of the perp account."""
        reply = await self._rest.read(ACCOUNT, wire.account_params(self.terms), Kind.ACCOUNT)
        return _one(do.QueryAccount, reply, lambda data: wire_market.read_account(data, reply.got_ms))

    async def get_key_rights(self) -> wire_key.KeyRights | OrderResult:
        """What the key may do, as Bitget tells it; the answer's result where it tells nothing."""
        reply = await self._rest.read(KEY_INFO, {}, Kind.ACCOUNT)
        try:
            return wire_key.read_key_rights(reply.data) if reply.ok else reply.result()
        except WireError as error:
            return reply.unreadable(error).result()

    async def _set_position_mode(self, action: do.SetPositionMode) -> Events:
        return (await self.set_pos_mode(action.pos_mode),)

    async def set_pos_mode(self, pos_mode: PosMode) -> ev.PosModeAnswered:
        """Change the position mode, of every symbol of the product. Setting what is set already succeeds."""
        reply = await self._rest.post(SET_POS_MODE, wire.pos_mode_body(pos_mode), Kind.ACCOUNT)
        return ev.PosModeAnswered(reply.got_ms, pos_mode, reply.result())

    # --- reference ----------------------------------------------------------------------------------------------------

    async def _query_server_time(self, action: do.QueryServerTime) -> Events:
        reply = await self._rest.public(TIME)

        def read(data: object) -> Events:
            told = wire.read_server_time(data)
            if not is_near(told, reply.got_ms):
                logger.warning("serverTime = {}: expected a time within a day of our clock; it is not believed", told)
            latest = told + reply.got_ms - reply.sent_ms  # it was told after the question, and before the answer
            return (ev.ServerTimeRead(reply.got_ms, min(max(reply.got_ms + self._rest.ahead_ms, told), latest)),)

        return _read_or_failed(action, reply, read)

    async def _query_constraints(self, action: do.QueryConstraints) -> Events:
        return (await self.load_constraints(),)

    async def load_constraints(self) -> ev.ConstraintsRead | ev.CheckFailed:
        """The rules of both legs; their fees are the list's."""
        replies = await asyncio.gather(
            *(self._rest.public(RULES[inst], wire.market_params(inst, self.terms)) for inst in (PERP, SPOT))
        )
        for reply in replies:
            if reply.outcome in (Outcome.UNKNOWN, Outcome.BUSY, Outcome.PAUSED):
                return ev.CheckFailed(reply.got_ms, _what(do.QueryConstraints), reply.result())
            if not reply.ok:  # an answer: the exchange knows no such symbol
                return ev.ConstraintsRead(reply.got_ms, None, f"{reply.code} {reply.msg}")
        symbol = self.terms.symbol
        try:
            perp = wire_market.read_perp_rules(replies[0].data, symbol)
            spot = wire_market.read_spot_rules(replies[1].data, symbol)
        except WireError as error:
            return ev.ConstraintsRead(now_ms(), None, str(error))
        self._coins = (spot.base_coin, spot.quote_coin)
        return ev.ConstraintsRead(now_ms(), Constraints(perp, spot))

    async def _query_fees(self, action: do.QueryFees) -> Events:
        return (await self.get_trade_rates(),)

    async def get_trade_rates(self) -> ev.FeesRead:
        """What the account is charged on each leg; what cannot be read is None, and `why` says why."""
        return await trade_rates(self._rest, self.terms)

    async def _query_funding(self, action: do.QueryFunding) -> Events:
        return (await self.get_funding_rate(),)

    async def get_funding_rate(self) -> ev.FundingEvent | ev.CheckFailed:
        reply = await self._rest.public(FUNDING, wire.market_params(PERP, self.terms))
        return _one(
            do.QueryFunding,
            reply,
            lambda data: ev.FundingEvent(reply.got_ms, wire_market.read_funding(data, self.terms.symbol)),
        )


def _what(action: type) -> str:
    return action.__name__.lower()


def _one(action: type, reply: Reply, read: Callable[[object], T]) -> T | ev.CheckFailed:
    if reply.ok:
        try:
            return read(reply.data)
        except WireError as error:
            reply = reply.unreadable(error)
    return ev.CheckFailed(reply.got_ms, _what(action), reply.result())


def _read_or_failed(action: do.Action, reply: Reply, read: Callable[[object], Events]) -> Events:
    events = _one(type(action), reply, read)
    return (events,) if isinstance(events, ev.CheckFailed) else events


def _failed(action: do.Action, reply: Reply) -> Events:
    return (ev.CheckFailed(reply.got_ms, _what(type(action)), reply.result()),)


def _coins_of(symbol: str) -> tuple[str, str]:
    # Until the rules are read: every contract of this product is settled in USDT.
    return symbol.removesuffix("USDT"), "USDT"


def _with_empty_coins(told: list[ev.BalanceEvent], coins: tuple[str, ...], reply: Reply) -> Events:
    # Get Account Assets lists held coins alone: one that is absent is zero.
    absent = [coin for coin in coins if coin not in {event.coin for event in told}]
    empty = (ev.BalanceEvent(reply.got_ms, SPOT, coin, ZERO, ZERO, reply.told_ms, "rest") for coin in absent)
    return (*told, *empty)
