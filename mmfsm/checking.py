"""What no event may say: refused before anything has changed."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.errors import IllegalEvent
from mmfsm.events import (
    BalanceEvent,
    BookEvent,
    Event,
    FeesRead,
    FillEvent,
    FundingEvent,
    PositionEvent,
    SettlementsRead,
    TradesEvent,
)
from mmfsm.values import ZERO, InstType

KINDS = frozenset(Event.__args__)
"""Every type of event there is."""


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
    if isinstance(event, BookEvent):
        _check_book(event)
    elif isinstance(event, TradesEvent):
        _check_trades(event)
    elif isinstance(event, FillEvent):
        fill = event.fill
        if not (_is_number(fill.price, fill.qty, fill.fee) and fill.qty > 0 and fill.price > 0):
            raise IllegalEvent(
                event, f"expected price and qty above zero, got {fill.price}, {fill.qty}, fee {fill.fee}"
            )
    elif isinstance(event, SettlementsRead) and not _is_number(*[bill.amount for bill in event.settlements]):
        raise IllegalEvent(event, "amount: expected a number in every bill")
    elif isinstance(event, FeesRead):
        _check_fees(event)
    elif isinstance(event, FundingEvent) and not _is_number(event.funding.rate):
        raise IllegalEvent(event, f"rate: expected a number, got {event.funding.rate}")
    elif isinstance(event, PositionEvent) and not _is_number(event.qty):
        raise IllegalEvent(event, f"qty: expected a number, got {event.qty}")
    elif isinstance(event, BalanceEvent) and not _is_number(event.available, event.total):
        raise IllegalEvent(event, f"expected numbers, got {event.available} and {event.total}")


def _check_book(event: BookEvent) -> None:
    if not event.bids or not event.asks:
        raise IllegalEvent(event, "expected at least one level on each side")
    for level in event.bids + event.asks:
        price, qty = level.price, level.qty
        if not (price.is_finite() and qty.is_finite() and price > ZERO and qty >= ZERO):
            raise IllegalEvent(event, "expected prices above zero and sizes not below it")
    if event.bids[0].price >= event.asks[0].price:
        raise IllegalEvent(event, f"crossed: bid {event.bids[0].price} ≥ ask {event.asks[0].price}")


def _check_fees(event: FeesRead) -> None:
    for rate in (event.perp, event.spot):
        if rate is not None and not _is_number(rate.maker_bps, rate.taker_bps):
            raise IllegalEvent(event, f"expected numbers, got {rate.maker_bps} and {rate.taker_bps}")


def _check_trades(event: TradesEvent) -> None:
    if event.inst is not InstType.PERP:
        raise IllegalEvent(event, f"inst: expected the perp's trades, got {event.inst}")
    if not (_is_number(event.bought, event.sold) and event.bought >= ZERO and event.sold >= ZERO):
        raise IllegalEvent(event, f"expected volumes not below zero, got {event.bought} bought, {event.sold} sold")


def _is_number(*values: Decimal) -> bool:
    return all(value.is_finite() for value in values)
