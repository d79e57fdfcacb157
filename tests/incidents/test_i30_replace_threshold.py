"""I30: 11,456 asks were placed in a day for one fill; a quote lived for a second.

Wanted: a quote is replaced only when its price has moved by more than the threshold, or when a guard demands it; how
many quotes were placed and how many filled can be told from the records.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm.actions import Record
from mmfsm.events import BalanceEvent
from mmfsm.values import OrderIntent, Side
from runner.summary import Summary
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import SPOT

D = Decimal


def test_i30_a_price_that_wanders_within_the_threshold_moves_nothing() -> None:
    """Ten minutes of books that never stray by more than 2 bps (0.50): the two first quotes stand."""
    scene = opened(replace_threshold_bps=D(2))
    first = scene.orders(OrderIntent.QUOTE)
    for number in range(600):
        scene.perp_bid = D("2500.00") + D(number % 46 - 23) / 100
        scene.wait(1_000, 1_000)
    assert scene.orders() == first and scene.desk.state.bid.replaced == 0


def test_i30_past_the_threshold_it_is_replaced_once() -> None:
    """A dollar up: one cancel and one new quote a side, however many books tell it."""
    scene = opened(replace_threshold_bps=D(2))
    scene.perp_bid += 1
    scene.wait(10_000, 100)
    assert len(scene.orders(OrderIntent.QUOTE)) == 4
    assert (scene.desk.state.bid.replaced, scene.desk.state.ask.replaced) == (1, 1)


def test_i30_a_guard_that_allows_less_moves_it_within_the_threshold() -> None:
    """The price stands, but most of the cash has gone: the ask is replaced by a smaller one."""
    scene = opened()
    before = scene.quote(Side.SELL)
    scene.now += 1_000
    scene(BalanceEvent(scene.now, SPOT, "USDT", D(30), D(30), scene.now))
    scene.wait(2_000, 100)
    assert scene.quote(Side.SELL).qty == D("0.01") and scene.quote(Side.SELL).price == before.price


def test_i30_quotes_and_fills_are_counted() -> None:
    """From the records alone: quotes placed, quotes cancelled, fills."""
    scene = opened()
    scene.perp_bid += 1
    scene.wait(3_000)
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    summary = Summary()
    for action in scene.log:
        if isinstance(action, Record):
            summary.take(action)
    figures = summary.as_dict()
    assert (figures["quotes_placed"], figures["perp_fills"]) == (4, 1) and figures["quote_cancels"] == 3
