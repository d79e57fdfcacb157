"""What is read off the books: best prices, liquidity, order-book imbalance."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.events import BookEvent
from mmfsm.values import BBO, ZERO, BookMetrics

OBI_EPS = Decimal("1e-9")
"""Keeps the imbalance of two empty sides at zero, in base coin."""


def bbo_of(book: BookEvent) -> BBO:
    """Return the best level of each side."""
    bid, ask = book.bids[0], book.asks[0]
    return BBO(bid.price, bid.qty, ask.price, ask.qty, book.at_ms)


def order_book_imbalance(bid_liq: Decimal, ask_liq: Decimal) -> Decimal:
    """Return (Σbid − Σask) / (Σbid + Σask + eps), in [−1, +1]; positive leans to buying.

    >>> order_book_imbalance(Decimal(30), Decimal(10)).quantize(Decimal("0.0001"))
    Decimal('0.5000')
    """
    return (bid_liq - ask_liq) / (bid_liq + ask_liq + OBI_EPS)


def metrics_of(book: BookEvent, levels: int) -> BookMetrics:
    """Return what the strategy reads, over the best `levels` levels of each side."""
    bid_liq = sum([level.qty for level in book.bids[:levels]], ZERO)
    ask_liq = sum([level.qty for level in book.asks[:levels]], ZERO)
    return BookMetrics(bbo_of(book), bid_liq, ask_liq, order_book_imbalance(bid_liq, ask_liq))
