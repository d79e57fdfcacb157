"""Public channels: books with their sequence numbers, tickers, trades, and the two ways books5 can fail."""

import itertools
from decimal import Decimal

from runner.paper import PaperExchange
from tests.paper.client import Rest, Stream, books, perp_order
from tests.paper.conftest import Connect, Start


async def test_books5_pushes_snapshots_with_pseq_zero(exchange: PaperExchange, connect: Connect) -> None:
    """Five levels a side as text, seq a rising number, pseq 0, no checksum; repeated at the channel's pace."""
    stream = await connect(exchange, books("USDT-FUTURES"), stream="public")

    pushes = await stream.until("books5", count=3)

    rows = [push["data"][0] for push in pushes]
    assert {push["action"] for push in pushes} == {"snapshot"} and {row["pseq"] for row in rows} == {0}
    assert rows[0]["bids"][0] == ["2680", "5"] and len(rows[0]["asks"]) == 5 and "checksum" not in rows[0]
    assert rows[0]["seq"] < rows[1]["seq"] < rows[2]["seq"]
    gaps = [int(later["ts"]) - int(earlier["ts"]) for earlier, later in itertools.pairwise(rows[1:])]
    assert all(150 <= gap <= 2_000 for gap in gaps)


async def test_books_is_a_snapshot_and_then_changes(exchange: PaperExchange, connect: Connect) -> None:
    """Each update's pseq is the seq before it; a level that went has quantity 0; applied, they give the book."""
    stream = await connect(exchange, books("SPOT", "books"), stream="public")
    (first,) = await stream.until("books")
    exchange.market.set_book("spot", [("2680.50", "1")], [("2681.01", "2"), ("2681.02", "5")])

    book, seq = {tuple(level) for level in first["data"][0]["asks"]}, first["data"][0]["seq"]
    assert first["action"] == "snapshot" and len(book) == 5
    removed: set[str] = set()
    while "2681" not in removed:
        (push,) = await stream.until("books")
        row = push["data"][0]
        assert push["action"] == "update" and row["pseq"] == seq
        seq = row["seq"]
        removed |= {price for price, qty in row["bids"] if qty == "0"}
        asks = row["asks"]

    assert ["2681.01", "2"] in asks and ["2681.05", "0"] in asks and ["2681.02", "5"] not in asks


async def test_own_orders_are_in_the_public_book(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """A quote inside the spread is the new best bid, for everybody."""
    exchange.market.set_touch("perp", "2679.00", "2681.00")
    await rest.place(perp_order("buy", "2680.00", "0.10"))
    stream = await connect(exchange, books("USDT-FUTURES"), stream="public")

    (row,) = await stream.rows("books5")

    assert row["bids"][:2] == [["2680", "0.1"], ["2679", "5"]]


async def test_books5_can_be_refused(start: Start, connect: Connect) -> None:
    """30001 on the product it is set for; the other product and `books` work."""
    exchange = await start(books5_perp="refused")
    stream = await connect(exchange, stream="public")

    acks = await stream.subscribe(books("USDT-FUTURES"), books("USDT-FUTURES", "books"), books("SPOT"))

    assert [ack.get("code") for ack in acks] == [30001, None, None]


async def test_books5_can_be_acknowledged_and_silent(start: Start, connect: Connect) -> None:
    """Acked, then nothing, while `books` speaks."""
    exchange = await start(books5_perp="silent")
    stream = await connect(exchange, books("USDT-FUTURES"), books("USDT-FUTURES", "books"), stream="public")

    await stream.until("books", count=3)

    assert [push for push in stream.seen if push["arg"]["channel"] == "books5"] == []


async def test_silence_stops_a_channel_and_lifts_again(exchange: PaperExchange, connect: Connect) -> None:
    """Silenced, a subscribed channel says nothing until it is lifted."""
    exchange.silence("perp", "books5")
    stream = await connect(exchange, books("USDT-FUTURES"), books("SPOT"), stream="public")
    await stream.until("books5", "SPOT", count=3)
    silent = [push for push in stream.seen if push["arg"]["instType"] == "USDT-FUTURES"]

    exchange.silence("perp", "books5", False)

    assert silent == [] and await stream.until("books5", "USDT-FUTURES")


async def test_trades_come_as_a_snapshot_and_then_one_by_one(exchange: PaperExchange, connect: Connect) -> None:
    """First the recent ones newest first, then updates; `side` is the taker's."""
    exchange.market.trade("perp", "2680.00", "1.5", "sell")
    exchange.market.trade("perp", "2680.01", "0.5", "buy")
    stream = await connect(exchange, books("USDT-FUTURES", "trade"), stream="public")
    exchange.market.trade("perp", "2680.01", "0.25", "buy")

    first, update = await stream.until("trade", count=2)

    assert first["action"] == "snapshot" and [row["size"] for row in first["data"]] == ["0.5", "1.5"]
    assert update["action"] == "update" and (update["data"][0]["price"], update["data"][0]["side"]) == (
        "2680.01",
        "buy",
    )


async def test_tickers_have_the_recorded_members(exchange: PaperExchange, connect: Connect) -> None:
    """The futures ticker carries funding; symbolType is text; the spot one has changeUtc24h instead."""
    stream = await connect(exchange, books("USDT-FUTURES", "ticker"), books("SPOT", "ticker"), stream="public")

    (perp,), (spot,) = await stream.rows("ticker", "USDT-FUTURES"), await stream.rows("ticker", "SPOT")

    assert (perp["bidPr"], perp["askPr"], perp["fundingRate"], perp["symbolType"]) == ("2680", "2680.01", "0.0001", "1")
    assert int(perp["nextFundingTime"]) % (8 * 3_600_000) == 0
    assert "changeUtc24h" in spot and "fundingRate" not in spot


async def test_unsubscribing_is_acked_and_ends_the_pushes(exchange: PaperExchange, connect: Connect) -> None:
    """The ack repeats the arg; afterwards only the other channel speaks."""
    arg = books("USDT-FUTURES")
    stream: Stream = await connect(exchange, arg, books("SPOT"), stream="public")
    await stream.until("books5", "USDT-FUTURES")
    await stream.socket.send_json({"op": "unsubscribe", "args": [arg]})
    while (await stream.receive()).get("event") != "unsubscribe":
        pass
    stream.seen.clear()

    await stream.until("books5", "SPOT", count=4)

    assert stream.seen == []


async def test_private_channels_do_not_exist_on_the_public_socket(exchange: PaperExchange, connect: Connect) -> None:
    """30001, and an unknown symbol as well."""
    stream = await connect(exchange, stream="public")

    acks = await stream.subscribe(books("SPOT", "orders"), books("SPOT") | {"instId": "BTCUSDT"})

    assert [ack["code"] for ack in acks] == [30001, 30001]


async def test_a_taken_level_is_gone_until_the_markets_next_book(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """What our order took is missing from the public book too."""
    await rest.place(perp_order("buy", "2680.01", "5", force="ioc"))
    stream = await connect(exchange, books("USDT-FUTURES"), stream="public")

    (row,) = await stream.rows("books5")

    assert row["asks"][0] == ["2680.02", "5"] and exchange.account_view().position == Decimal(5)


async def test_a_second_listener_joins_the_same_stream_of_updates(exchange: PaperExchange, connect: Connect) -> None:
    """Its snapshot's seq is the pseq of the update both get next."""
    arg = books("SPOT", "books")
    first = await connect(exchange, arg, stream="public")
    await first.until("books", count=2)
    second = await connect(exchange, arg, stream="public")

    snapshot, update = [push["data"][0] for push in await second.until("books", count=2)]
    shared = [push["data"][0] for push in await first.until("books", count=2)]

    assert (snapshot["pseq"], update["pseq"]) == (0, snapshot["seq"])
    assert update["seq"] in [row["seq"] for row in shared]


async def test_unchanged_books_can_be_held_back(start: Start, connect: Connect) -> None:
    """With a long `repeat_unchanged_ms` only a change is pushed again."""
    exchange = await start(repeat_unchanged_ms=60_000)
    stream = await connect(exchange, books("USDT-FUTURES"), books("USDT-FUTURES", "ticker"), stream="public")
    await stream.until("ticker", count=3)
    still = [push for push in stream.seen if push["arg"]["channel"] == "books5"]

    exchange.market.set_touch("perp", "2690.00", "2690.01")
    await stream.until("books5", count=1)
    (changed,) = await stream.rows("books5")

    assert len(still) == 1 and changed["bids"][0][0] == "2690"


async def test_nothing_is_pushed_before_there_is_a_market(start: Start, connect: Connect) -> None:
    """Subscriptions are acked; the first book and the first trade start the channels."""
    exchange = await start(touch=False)
    channels = ("books", "books1", "books5", "ticker", "trade")
    stream = await connect(exchange, *(books("SPOT", channel) for channel in channels), stream="public")
    assert stream.seen == []

    exchange.market.set_touch("spot", "2681.00", "2681.01")
    exchange.market.trade("spot", "2681.00", "0.5", "sell")

    first = [(await stream.until(channel))[0] for channel in channels]
    assert [push["action"] for push in first] == ["snapshot"] * 4 + ["update"]
    assert len(first[1]["data"][0]["asks"]) == 1
