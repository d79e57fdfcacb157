"""Faults of books, of trading and of the clock, as a client sees them."""

import time
from decimal import Decimal
from typing import Any

from tests.paper.client import FILL, ORDERS, PERP, Stream, books, perp_order, spot_order
from tests.paper.fault_scene import PENDING, Scene, shows

# Books


async def spot_books(scene: Scene, channel: str = "books5") -> tuple[Stream, dict[str, Any]]:
    """A client of a spot book channel, and the book it was given first."""
    stream = await scene.connect(scene.exchange, books("SPOT", channel), stream="public")
    return stream, (await stream.rows(channel))[0]


@shows
async def books_stale(scene: Scene) -> None:
    """The market moves; the same book comes again and again, as old as it is."""
    stream, first = await spot_books(scene)
    await scene.fault("books_stale", product="spot")
    scene.move()
    assert await stream.rows("books5", count=2) == [first, first]
    await scene.clear()
    (moved,) = await stream.rows("books5")
    assert moved["bids"][0][0] == "2682" and moved["ts"] > first["ts"]


@shows
async def books_crossed(scene: Scene) -> None:
    """The best bid is above the best ask."""
    stream, _ = await spot_books(scene)
    await scene.fault("books_crossed")
    (row,) = await stream.rows("books5")
    assert Decimal(row["bids"][0][0]) > Decimal(row["asks"][0][0])


@shows
async def books_one_sided(scene: Scene) -> None:
    """No ask is shown."""
    stream, _ = await spot_books(scene)
    await scene.fault("books_one_sided", side="ask")
    (row,) = await stream.rows("books5")
    assert row["asks"] == [] and len(row["bids"]) == 5


@shows
async def books_gap(scene: Scene) -> None:
    """The update's pseq is not the seq that was seen last."""
    stream, first = await spot_books(scene, "books")
    await scene.fault("books_gap", product="spot")
    scene.move()
    await scene.exchange.until(lambda: scene.exchange.faults.is_calm)
    scene.move("2683.00", "2683.01")
    (row,) = await stream.rows("books")
    assert row["pseq"] > first["seq"] and row["seq"] > row["pseq"]


@shows
async def books_refused(scene: Scene) -> None:
    """books5 does not exist, books does."""
    await scene.fault("books_refused", product="spot")
    stream = await scene.connect(scene.exchange, stream="public")
    refused_, granted = await stream.subscribe(books("SPOT"), books("SPOT", "books"))
    assert (refused_["event"], refused_["code"]) == ("error", 30001) and granted["event"] == "subscribe"


@shows
async def books_silent(scene: Scene) -> None:
    """Acknowledged; other channels speak, it does not."""
    await scene.fault("books_silent", product="spot")
    both = books("SPOT"), books("SPOT", "ticker")
    stream = await scene.connect(scene.exchange, *both, stream="public")
    scene.move()
    await stream.until("ticker", count=2)
    assert not [message for message in stream.seen if message["arg"]["channel"] == "books5"]
    await scene.clear()
    scene.move("2683.00", "2683.01")
    assert (await stream.rows("books5"))[0]["bids"][0][0] == "2683"


# Trading


@shows
async def fills_split(scene: Scene) -> None:
    """One execution of 0.1 is three trades of one order."""
    stream = await scene.connect(scene.exchange, ORDERS, FILL)
    await scene.fault("fills_split", pieces=3)
    await scene.buy()
    rows = await stream.rows("fill", count=3)
    assert [row["baseVolume"] for row in rows] == ["0.03", "0.03", "0.04"]
    assert len({row["tradeId"] for row in rows}) == 3 and len({row["orderId"] for row in rows}) == 1
    statuses = [row["status"] for row in await stream.rows("orders", count=4)]
    assert statuses == ["live", "partially_filled", "partially_filled", "filled"]


@shows
async def ioc_stops(scene: Scene) -> None:
    """Half is filled, the rest cancelled, although the book has it all."""
    stream = await scene.connect(scene.exchange, ORDERS)
    await scene.fault("ioc_stops", share=0.5)
    await scene.rest.place(perp_order("buy", "2680.01", "0.10", force="ioc"))
    rows = await stream.rows("orders", count=3)
    assert [row["status"] for row in rows] == ["live", "partially_filled", "canceled"]
    assert (rows[2]["accBaseVolume"], rows[2]["cancelReason"]) == ("0.05", "ioc_not_full_cancel")


@shows
async def book_thin(scene: Scene) -> None:
    """A hedge finds a hundredth of the book; afterwards the whole of it is back."""
    await scene.fault("book_thin", product="spot", share=0.01)
    await scene.rest.place(spot_order("buy", "2681.01", "1"))
    assert scene.exchange.account_view().fills[-1].qty == Decimal("0.05")
    await scene.clear()
    await scene.rest.place(spot_order("buy", "2681.01", "0.8"))
    assert scene.exchange.account_view().fills[-1].qty == Decimal("0.8")


@shows
async def halted(scene: Scene) -> None:
    """Orders are refused on that product alone, its row says so, its book stands still."""
    await scene.fault("halted", product="spot")
    assert await scene.rest.refuse(spot_order("sell", "2681.00", "0.1")) == "41114"
    _, symbols = await scene.rest.get("/api/v2/spot/public/symbols")
    assert symbols["data"][0]["status"] == "halt"
    scene.move()
    assert scene.exchange.venue.exchange.matchers["spot"].best("buy") == Decimal("2681.00")
    await scene.buy()
    await scene.clear()
    await scene.rest.place(spot_order("sell", "2682.00", "0.1"))
    assert scene.exchange.account_view().fills[-1].price == Decimal("2682.00")


@shows
async def position_mode_flipped(scene: Scene) -> None:
    """Not while a position is open; then one-way orders are refused."""
    await scene.buy()
    await scene.fault("position_mode_flipped")
    await scene.rest.place(perp_order("sell", None, "0.10", reduceOnly="YES"))
    assert await scene.rest.refuse(perp_order("buy", None, "0.10")) == "40774"
    assert scene.exchange.account_view().position_mode == "hedge_mode"


# Clocks


async def ahead_ms(scene: Scene) -> int:
    """How far the exchange's clock is ahead of ours."""
    _, answer = await scene.rest.get("/api/v2/public/time")
    return int(answer["data"]["serverTime"]) - int(time.time() * 1000)


@shows
async def clock_skewed(scene: Scene) -> None:
    """Five seconds ahead are told; forty behind make every signed request expired; then all is well."""
    await scene.fault("clock_skewed", ms=5000)
    assert 4900 < await ahead_ms(scene) <= 5001
    await scene.clear()
    await scene.fault("clock_skewed", ms=-40_000)
    assert (await scene.rest.get(PENDING, **PERP))[1]["code"] == "40008"
    await scene.clear()
    assert abs(await ahead_ms(scene)) < 100


@shows
async def clock_jumps(scene: Scene) -> None:
    """It jumps and stays where it is, faults cleared or not; what it stamps is stamped so."""
    await scene.fault("clock_jumps", ms=-3000)
    assert -3100 < await ahead_ms(scene) <= -2999
    await scene.clear()
    assert -3100 < await ahead_ms(scene) <= -2999
    await scene.buy()
    assert scene.exchange.account_view().fills[0].at_ms < int(time.time() * 1000) - 2900
