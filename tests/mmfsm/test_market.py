"""What is read off the books: best prices, liquidity over the top levels, imbalance."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.events import BookEvent
from mmfsm.market import bbo_of, metrics_of, order_book_imbalance
from mmfsm.values import InstType, Level

D = Decimal
FAST = settings(max_examples=100, deadline=None)
liquidity = st.decimals(D(0), D("1000000"), places=8)


def book(bids: str, asks: str) -> BookEvent:
    """A book of the given sizes, a tick apart: bids from 100 down, asks from 101 up."""
    return BookEvent(
        7,
        InstType.PERP,
        tuple(Level(D(100 - i), D(qty)) for i, qty in enumerate(bids.split())),
        tuple(Level(D(101 + i), D(qty)) for i, qty in enumerate(asks.split())),
        5,
    )


@FAST
@given(liquidity, liquidity)
def test_the_imbalance_lies_between_minus_one_and_one_and_leans_to_the_heavier_side(bid: Decimal, ask: Decimal) -> None:
    """|obi| ≤ 1; positive when more is bid, negative when more is offered, zero when equal."""
    obi = order_book_imbalance(bid, ask)

    assert -1 <= obi <= 1
    assert (obi > 0, obi < 0) == (bid > ask, bid < ask)


@FAST
@given(liquidity, liquidity)
def test_the_imbalance_of_the_mirrored_book_is_mirrored(bid: Decimal, ask: Decimal) -> None:
    """Exchanging the sides changes the sign and nothing else."""
    assert order_book_imbalance(bid, ask) == -order_book_imbalance(ask, bid)


@FAST
@given(liquidity, liquidity, liquidity)
def test_more_on_the_bid_never_lowers_the_imbalance(bid: Decimal, more: Decimal, ask: Decimal) -> None:
    """The imbalance is monotone in each side's liquidity."""
    assert order_book_imbalance(bid + more, ask) >= order_book_imbalance(bid, ask)
    assert order_book_imbalance(bid, ask + more) <= order_book_imbalance(bid, ask)


def test_an_empty_book_leans_nowhere() -> None:
    """Nothing on either side is zero, not a division by zero."""
    assert order_book_imbalance(D(0), D(0)) == 0


@pytest.mark.parametrize(
    ("bids", "asks", "levels", "bid_liq", "ask_liq", "obi"),
    [
        ("3 1 1", "1 1 1", 1, "3", "1", "0.5"),
        ("3 1 1", "1 1 1", 3, "5", "3", "0.25"),
        ("1 1 1 1 1 90", "1 2 3 4 5 90", 5, "5", "15", "-0.5"),
        ("2", "6", 5, "2", "6", "-0.5"),  # fewer levels than asked for: those there are
    ],
)
def test_metrics_worked_out_by_hand(bids: str, asks: str, levels: int, bid_liq: str, ask_liq: str, obi: str) -> None:
    """Sizes of the best levels are summed, no more of them than asked for."""
    metrics = metrics_of(book(bids, asks), levels)

    assert (metrics.bid_liq, metrics.ask_liq) == (D(bid_liq), D(ask_liq))
    assert round(metrics.obi, 6) == D(obi)


def test_the_best_level_of_each_side_comes_first() -> None:
    """Best prices with their sizes, and our time of the book."""
    bbo = bbo_of(book("3 9", "4 9"))

    assert (bbo.bid, bbo.bid_qty, bbo.ask, bbo.ask_qty, bbo.at_ms) == (D(100), D(3), D(101), D(4), 7)
