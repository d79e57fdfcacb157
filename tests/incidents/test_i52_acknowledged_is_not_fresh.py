"""I52: a subscription was acknowledged and stayed silent; on Bitget a wrong product does just that.

Wanted: each stream is judged by itself and by its data; a private stream also by what REST knows.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfsm.desk import Desk
from mmfsm.events import FeedAlive, FeedName, PositionEvent, SubscribeAnswered, Tick
from mmfsm.testing import opening
from mmfsm.values import Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import T0, live_params
from tests.support.bot import trading


@pytest.mark.parametrize("feed", [FeedName.PERP_BOOK, FeedName.SPOT_BOOK, FeedName.PRIVATE])
def test_i52_one_silent_stream_keeps_the_run_from_starting(feed: FeedName) -> None:
    """Acknowledged, its socket alive, everything else fresh: nothing is placed, and the start ends at its bound."""
    scene = Scene(Desk(live_params(check_bound_sec=20), run=1))
    for event in opening(T0, live_params()):
        about_book = type(event).__name__ == "BookEvent" and feed in (FeedName.PERP_BOOK, FeedName.SPOT_BOOK)
        if about_book and event.inst == ("SPOT" if feed is FeedName.SPOT_BOOK else "USDT-FUTURES"):
            continue
        if feed is FeedName.PRIVATE and isinstance(event, PositionEvent) and event.source == "ws":
            continue
        scene(event)
    silent = scene.desk.state.feeds[feed]
    scene(SubscribeAnswered(scene.now, feed, silent.channel, True))
    perp, spot = FeedName.PERP_BOOK, FeedName.SPOT_BOOK
    for _ in range(40):
        scene.now += 500
        books = dict(zip((perp, spot), scene.books(), strict=True))
        scene(*[book for name, book in books.items() if name is not feed])
        scene(SubscribeAnswered(scene.now, feed, silent.channel, True), FeedAlive(scene.now, feed))
        scene(Tick(scene.now))
        assert silent.state in ("SUBSCRIBING", "STALE") and scene.orders() == []
    assert [(it.status, it.reason) for it in scene.exits] == [(2, "no_answer:feeds")]


@pytest.mark.parametrize("feed", [FeedName.PERP_BOOK, FeedName.SPOT_BOOK])
def test_i52_a_book_that_falls_silent_halts_by_itself_whatever_else_speaks(feed: FeedName) -> None:
    """The other book, pongs and an acknowledgement do not stand in for it; its data brings the quotes back."""
    scene = opened()
    for _ in range(16):
        scene.now += 250
        perp, spot = scene.books()
        scene(spot if feed is FeedName.PERP_BOOK else perp)
        scene(FeedAlive(scene.now, feed), SubscribeAnswered(scene.now, feed, "books5", True), Tick(scene.now))
    assert scene.mode == "HALTED" and list(scene.reasons) == [f"book_stale:{feed}"]
    assert not any(scene.reasons.values()), "it clears by itself"
    scene.settle()
    assert not scene.rests(Side.BUY) and not scene.rests(Side.SELL)
    scene.wait(5_000)
    assert scene.mode == "QUOTING"


async def test_i52_over_the_wire_a_silent_private_stream_places_nothing(tmp_path: Path) -> None:
    """Every private channel is acknowledged and says nothing: the checks end without an order."""
    async with trading(tmp_path, before=lambda exchange: exchange.fault("private_silent"), CHECK_BOUND_SEC="1") as bot:
        assert await bot.ended() == 2
        assert bot.runner.exit_reason == "no_answer:feeds"
        assert bot.find("subscribe", reason="private", data_accepted=True)
        assert bot.requests("place-order") == []
