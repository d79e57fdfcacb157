"""What no event may say: refused before anything has changed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from mmfsm.errors import IllegalEvent
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    BookEvent,
    Event,
    FeesRead,
    FillEvent,
    FundingEvent,
    OpenOrdersRead,
    OrderEvent,
    OrderQueried,
    PositionEvent,
    SettlementsRead,
    TradesEvent,
)
from mmfsm.values import ZERO, InstType

KINDS = frozenset(Event.__args__)
"""Every type of event there is."""


LIMIT = Decimal("1e15")
"""No price, size, fee or balance in any coin reaches it, and sums and products of figures below it stay within what a
decimal of 28 digits holds. What lies beyond is a fault of whoever told it."""

PRICE_LEAST = 1 / LIMIT
"""A price is no smaller than its own inverse may be large."""

RATE_LIMIT = Decimal(1)
"""A funding rate of the whole notional: the caps of exchanges are a hundredth of it and less."""

FEE_LIMIT_BPS = Decimal(10_000)
"""A fee of the whole value traded."""


def check(event: Event) -> None:
    """Refuse what is no event, or says what cannot be.

    Raises:
        IllegalEvent: with the field and what was expected.
    """
    kind = type(event)
    if kind not in KINDS:
        raise IllegalEvent(event, "expected one of mmfsm.events")
    if type(event.at_ms) is not int or event.at_ms < 0:
        raise IllegalEvent(event, f"at_ms: expected Unix milliseconds as an int, got {event.at_ms!r}")
    look = _CHECKS.get(kind)
    if look is not None:
        look(event)


def _check_book(event: BookEvent) -> None:
    if not event.bids or not event.asks:
        raise IllegalEvent(event, "expected at least one level on each side")
    for level in event.bids + event.asks:
        price, qty = level.price, level.qty
        try:  # comparisons alone: this is asked of every level of every book
            is_sound = PRICE_LEAST <= price <= LIMIT and ZERO <= qty <= LIMIT
        except InvalidOperation:  # no number: it compares with none
            is_sound = False
        if not is_sound:
            raise IllegalEvent(
                event, f"expected prices above zero and sizes not below it, each under {LIMIT}, got {price} and {qty}"
            )
    if event.bids[0].price >= event.asks[0].price:
        raise IllegalEvent(event, f"crossed: bid {event.bids[0].price} ≥ ask {event.asks[0].price}")


def _check_fill(event: FillEvent) -> None:
    fill = event.fill
    fees_are_sound = _is_amount(fill.fee) and all(_is_amount(part.fee) for part in fill.more_fees)
    if not (_is_price(fill.price) and _is_price(fill.qty) and fees_are_sound):
        raise IllegalEvent(
            event,
            f"expected price and qty above zero, all under {LIMIT}, got {fill.price}, {fill.qty}, fee {fill.fee}",
        )


def _check_settlements(event: SettlementsRead) -> None:
    _numbers(event, "amount", *(bill.amount for bill in event.settlements))


def _check_fees(event: FeesRead) -> None:
    for rate in (event.perp, event.spot):
        if rate is not None and not _is_number(rate.maker_bps, rate.taker_bps, below=FEE_LIMIT_BPS):
            takes = f"expected bps within ±{FEE_LIMIT_BPS}"
            raise IllegalEvent(event, f"{takes}, got {rate.maker_bps} and {rate.taker_bps}")


def _check_funding(event: FundingEvent) -> None:
    told = event.funding
    for name, rate in (("rate", told.rate), ("rate_min", told.rate_min), ("rate_max", told.rate_max)):
        if rate is not None and not _is_number(rate, below=RATE_LIMIT):
            raise IllegalEvent(event, f"{name}: expected a fraction of the notional within ±{RATE_LIMIT}, got {rate}")
    _numbers(event, "interval_h", told.interval_h)


def _check_position(event: PositionEvent) -> None:
    _numbers(event, "qty and liquidation_price", event.qty, event.liquidation_price)


def _check_balance(event: BalanceEvent) -> None:
    _numbers(event, "available and total", event.available, event.total)


def _check_account(event: AccountRead) -> None:
    _numbers(event, "leverage", event.leverage)


def _check_reports(event: OrderEvent | OrderQueried | OpenOrdersRead) -> None:
    told = event.orders if isinstance(event, OpenOrdersRead) else (event.report,)
    for report in told:
        if report is not None:
            _numbers(event, "filled, price and qty", report.filled, report.price, report.qty)


def _check_trades(event: TradesEvent) -> None:
    if event.inst is not InstType.PERP:
        raise IllegalEvent(event, f"inst: expected the perp's trades, got {event.inst}")
    if not (_is_number(event.bought, event.sold) and event.bought >= ZERO and event.sold >= ZERO):
        raise IllegalEvent(event, f"expected volumes not below zero, got {event.bought} bought, {event.sold} sold")


_CHECKS: dict[type[Any], Callable[[Any], None]] = {
    BookEvent: _check_book,
    TradesEvent: _check_trades,
    FillEvent: _check_fill,
    SettlementsRead: _check_settlements,
    FeesRead: _check_fees,
    FundingEvent: _check_funding,
    PositionEvent: _check_position,
    BalanceEvent: _check_balance,
    AccountRead: _check_account,
    OrderEvent: _check_reports,
    OrderQueried: _check_reports,
    OpenOrdersRead: _check_reports,
}


def _numbers(event: Event, name: str, *values: Decimal | None) -> None:
    """Refuse what is no number, or one that no market has."""
    for value in values:
        if value is not None and not _is_number(value):
            raise IllegalEvent(event, f"{name}: expected a number within ±{LIMIT}, got {value}")


def _is_number(*values: Decimal, below: Decimal = LIMIT) -> bool:
    return all(value.is_finite() and abs(value) <= below for value in values)


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and -LIMIT <= value <= LIMIT


def _is_price(value: Decimal) -> bool:
    return value.is_finite() and PRICE_LEAST <= value <= LIMIT
