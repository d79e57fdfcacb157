"""What each event is told to: one tuple of handlers per type, in order; the first is what a hurried hedge waits for."""

from __future__ import annotations

from typing import Any

from mmfsm import booking, exits, feeding, found, modes, placing, reconciling, sessions, settlements
from mmfsm.actions import QueryAccount
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    Breach,
    CancelAnswered,
    CheckFailed,
    ConstraintsRead,
    FeedAlive,
    FeedDown,
    FeedName,
    FeedUp,
    FeesRead,
    FillEvent,
    FillsRead,
    FillUnparsable,
    Flatten,
    FundingEvent,
    Halt,
    OpenOrdersRead,
    OrderEvent,
    OrderQueried,
    PlaceAnswered,
    PositionEvent,
    PosModeAnswered,
    Resume,
    ServerTimeRead,
    SettlementsRead,
    SettleOrder,
    Start,
    Stop,
    SubscribeAnswered,
    Tick,
    TradesEvent,
)
from mmfsm.placing import PROBE
from mmfsm.restart import wind_clocks
from mmfsm.state import Turn


def _on_place_answered(turn: Turn, event: PlaceAnswered) -> None:
    placing.on_place_answered(turn, event)
    order = turn.s.orders.open.get(event.client_oid)
    if order is not None and order.owner == PROBE and order.state == "LIVE":
        sessions.probe_acked(turn, order)
    if event.result.code == "40774":
        turn.do(QueryAccount())  # so that the record says both modes


def _on_order_queried(turn: Turn, event: OrderQueried) -> None:
    placing.on_order_queried(turn, event)
    if event.report is not None and event.report.client_oid not in (None, event.client_oid):
        booking.on_named(turn, event.report)
    order = turn.s.orders.open.get(event.client_oid)
    if order is not None and order.owner == PROBE and turn.s.probe_tif is not None:
        sessions.probe_read(turn, order)


def _on_order(turn: Turn, event: OrderEvent) -> None:
    order = turn.s.orders.of_report(event.report)
    if order is not None and placing.is_alive_after_all(order, event.report):
        placing.adopt_stray(turn, event.report)
    elif order is not None:
        placing.on_report(turn, order, event.report, asked=False)


def _on_private_data(turn: Turn, event: FillEvent | OrderEvent | PositionEvent | BalanceEvent) -> None:
    """Any push proves the private stream; what REST tells proves nothing about it."""
    source = (
        "ws" if isinstance(event, OrderEvent) else event.fill.source if isinstance(event, FillEvent) else event.source
    )
    if source == "ws":
        feeding.tell(turn, FeedName.PRIVATE, "data")


def _on_start(turn: Turn, _event: Start) -> None:
    if turn.s.session.state == "COLD":
        turn.s.started_ms = turn.at_ms
        wind_clocks(turn)
        if turn.p.exit_policy != "cross":
            exits.stop_crossing(turn)  # an earlier run's: READY may come with a book, before any review
    sessions.tell(turn, "start")
    if turn.s.books_open:
        reconciling.begin(turn)  # a restart: what was filled while nobody looked comes first


def _on_halt(turn: Turn, event: Halt) -> None:
    turn.halt_soon(event.why, latched=True, detail="a person asked for it")


def _on_resume(turn: Turn, _event: Resume) -> None:
    turn.s.reject_streak, turn.s.flattened = 0, False
    turn.record("risk", "operator", "resume")
    modes.tell(turn, "resume")


def _on_flatten(turn: Turn, _event: Flatten) -> None:
    turn.s.flattening, turn.s.closing_tries, turn.s.econ.exiting = True, 0, False
    turn.s.flatten_despite = sorted(reason for reason, latched in turn.s.mode.reasons.items() if latched)
    turn.record("risk", "operator", "flatten", intent="flatten")


def _on_settle_order(turn: Turn, event: SettleOrder) -> None:
    """A person has looked at the exchange: the order is gone, and its fills are those that were booked."""
    order = turn.s.orders.open.get(event.client_oid)
    turn.record("risk", "operator", "settle_order", client_oid=event.client_oid, data={"known": order is not None})
    if order is not None:
        placing.tell(turn, order, "given_up")


def _on_stop(turn: Turn, event: Stop) -> None:
    turn.s.orders_read = []  # what was read before does not say what is open at the end
    exits.stop_crossing(turn)
    sessions.tell(turn, "stop", detail=event.why)


def _on_breach(turn: Turn, event: Breach) -> None:
    turn.halt_soon(f"breach:{event.why}", latched=True, detail=event.why)


def _nothing(_turn: Turn, _event: Tick) -> None:
    """A tick has no news of its own; what it lets happen is in the upkeep."""


ROUTES: dict[type[Any], tuple[Any, ...]] = {
    BookEvent: (feeding.on_book,),
    TradesEvent: (feeding.on_trades,),
    FundingEvent: (feeding.on_funding, sessions.on_funding),
    FillEvent: (booking.on_fill, _on_private_data),
    FillUnparsable: (booking.on_unparsable,),
    OrderEvent: (_on_order, _on_private_data),
    PositionEvent: (_on_private_data, found.on_position, reconciling.on_position),
    BalanceEvent: (_on_private_data, reconciling.on_balance, sessions.on_balance),
    PlaceAnswered: (_on_place_answered,),
    CancelAnswered: (placing.on_cancel_answered,),
    OrderQueried: (_on_order_queried,),
    FillsRead: (reconciling.on_fills_read,),
    SettlementsRead: (settlements.on_read,),
    OpenOrdersRead: (reconciling.on_open_orders, sessions.on_open_orders),
    ServerTimeRead: (sessions.on_time,),
    AccountRead: (sessions.on_account,),
    ConstraintsRead: (sessions.on_constraints,),
    FeesRead: (sessions.on_fees,),
    PosModeAnswered: (sessions.on_pos_mode,),
    CheckFailed: (reconciling.on_check_failed, sessions.on_check_failed),
    FeedUp: (feeding.on_up,),
    FeedDown: (feeding.on_down,),
    FeedAlive: (feeding.on_alive,),
    SubscribeAnswered: (feeding.on_subscribed,),
    Tick: (_nothing,),
    Start: (_on_start,),
    Halt: (_on_halt,),
    Resume: (_on_resume,),
    Flatten: (_on_flatten,),
    SettleOrder: (_on_settle_order,),
    Stop: (_on_stop,),
    Breach: (_on_breach,),
}
