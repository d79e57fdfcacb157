"""pybotters' store behind the events: never in their way, never older than a quarter of a second."""

import asyncio
from typing import Any

import pytest
from bitget_wait import until

from runner.bitget import wire
from runner.bitget.views import FILLS_MAX, PERIOD_S, WAITING_MAX, Views


def book(bid: str, channel: str = "books5", inst: str = "SPOT") -> dict[str, Any]:
    row = {"asks": [["9", "1"]], "bids": [[bid, "1"]], "ts": "1", "seq": 1, "pseq": 0}
    return {"action": "snapshot", "arg": {"instType": inst, "channel": channel, "instId": "ETHUSDT"}, "data": [row]}


def fill(trade_id: str) -> dict[str, Any]:
    arg = {"instType": "SPOT", "channel": "fill", "instId": "default"}
    return {"action": "snapshot", "arg": arg, "data": [{"tradeId": trade_id, "symbol": "ETHUSDT"}]}


@pytest.fixture
async def views() -> Any:
    made = Views()
    yield made
    made.close()


def take(views: Views, *messages: dict[str, Any]) -> None:
    for message in messages:
        views.take(message, wire.read_frame(message))


def bids(views: Views) -> list[str]:
    return [row["price"] for row in views._store.book.find({"side": "bids"})]


async def test_a_message_reaches_the_store_when_somebody_looks(views: Views) -> None:
    take(views, book("1"), fill("a"))
    assert (bids(views), len(views._store.fill)) == ([], 0)
    assert views.store is views._store
    assert (bids(views), len(views._store.fill)) == (["1"], 1)


async def test_and_within_a_quarter_of_a_second_when_nobody_does(views: Views) -> None:
    take(views, book("1"))
    began = asyncio.get_running_loop().time()
    await until(lambda: bids(views))
    assert PERIOD_S * 0.9 <= asyncio.get_running_loop().time() - began < PERIOD_S * 4


async def test_of_whole_books_the_store_takes_the_newest_of_each_leg_and_of_all_else_everything(views: Views) -> None:
    take(views, book("1"), book("5", inst="USDT-FUTURES"), fill("a"), book("2"), fill("b"), book("3"))
    assert len(views._waiting) == 4
    assert sorted(row["price"] for row in views.store.book.find({"side": "bids"})) == ["3", "5"]
    assert [row["tradeId"] for row in views.store.fill] == ["a", "b"]


async def test_changes_of_a_book_are_all_taken_in_their_order(views: Views) -> None:
    gone = book("1", "books") | {"action": "update"}
    gone["data"][0]["bids"] = [["1", "0"], ["2", "1"]]
    take(views, book("1", "books"), gone)
    assert [row["price"] for row in views.store.book.find({"side": "bids"})] == ["2"]


async def test_what_waits_is_bounded(views: Views) -> None:
    take(views, *(fill(str(number)) for number in range(WAITING_MAX)))
    assert (len(views._waiting), len(views._store.fill)) == (0, WAITING_MAX)


async def test_fills_are_viewed_as_far_back_as_the_newest_thousand(views: Views) -> None:
    """The store alone would keep a hundred thousand: some hundred megabytes after two days of trading."""
    take(views, *(fill(str(number)) for number in range(FILLS_MAX + 2)))
    assert [row["tradeId"] for row in views.store.fill] == [str(number) for number in range(2, FILLS_MAX + 2)]


async def test_a_message_the_store_cannot_take_does_not_keep_others_from_it(views: Views) -> None:
    bad = {"action": "snapshot", "arg": {"instType": "SPOT", "channel": "books"}, "data": [{"asks": 1}]}
    take(views, bad, fill("a"))
    assert len(views.store.fill) == 1
