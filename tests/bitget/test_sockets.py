"""Feeds over the sockets: subscriptions and their answers, books, fills, orders, positions, balances, funding."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from decimal import Decimal as D
from typing import Any

import attrs
import pytest
from aiohttp import web
from bare_server import BareServer
from bitget_wait import until

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.events import FeedName
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, OrderStatus, Side, Tif
from runner.bitget import wire
from runner.bitget.gateway import Gateway
from runner.bitget.sockets import Sockets
from runner.bitget.tap import Tap
from runner.paper import PaperExchange, PaperOptions
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
QUOTE = OrderRequest("mm-q-1", PERP, Side.BUY, D("0.02"), D("3500.05"), Tif.GTC, OrderIntent.QUOTE, Leg.PERP_BID, 1)
HEDGE = OrderRequest("mm-h-1", SPOT, Side.BUY, D("0.03"), D(3502), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1)
SettingsFor = Callable[..., Settings]


class Desk:
    """Subscribes each feed as it comes up, as a desk would, and keeps what it hears."""

    def __init__(self, settings: Settings, book_channel: str = "books5") -> None:
        self.events: list[ev.Event] = []
        self.failures: list[tuple[str, BaseException | None]] = []
        self._channel = book_channel
        self.sockets = Sockets(settings, self._hear, lambda *failure: self.failures.append(failure), random.Random(1))

    def _hear(self, event: ev.Event) -> None:
        self.events.append(event)
        if isinstance(event, ev.FeedUp):
            self.sockets.subscribe(event.feed, "private" if event.feed is FeedName.PRIVATE else self._channel)

    def of(self, kind: type) -> list[Any]:
        return [it for it in self.events if isinstance(it, kind)]

    def answers(self) -> dict[tuple[FeedName, str], bool]:
        return {(it.feed, it.channel): it.accepted for it in self.of(ev.SubscribeAnswered)}

    def books(self, inst: InstType) -> list[ev.BookEvent]:
        return [it for it in self.of(ev.BookEvent) if it.inst is inst]


@pytest.fixture
async def desk(exchange: PaperExchange, settings_for: SettingsFor) -> AsyncIterator[Desk]:
    desk = Desk(settings_for(exchange))
    await desk.sockets.open()
    await until(lambda: len(desk.answers()) == 3)
    yield desk
    await desk.sockets.close()
    assert desk.failures == []


@pytest.fixture
async def gateway(exchange: PaperExchange, settings_for: SettingsFor) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings_for(exchange), lambda *_: None)
    await gateway.open()
    yield gateway
    await gateway.close()


async def test_each_feed_is_answered_once_the_private_set_as_a_whole(desk: Desk) -> None:
    assert desk.answers() == {
        (FeedName.PERP_BOOK, "books5"): True,
        (FeedName.SPOT_BOOK, "books5"): True,
        (FeedName.PRIVATE, "private"): True,
    }
    assert len(desk.of(ev.SubscribeAnswered)) == 3


async def test_books_of_both_legs_come_with_the_exchanges_time(desk: Desk) -> None:
    await until(lambda: desk.books(PERP) and desk.books(SPOT))
    book = desk.books(PERP)[-1]
    assert (book.bids[0].price, book.asks[0].price, len(book.bids)) == (D(3500), D("3500.1"), 5)
    assert abs(book.at_ms - book.exch_ms) < 5_000


async def test_an_empty_book_is_not_told(desk: Desk, exchange: PaperExchange) -> None:
    await until(lambda: desk.books(SPOT))
    exchange.market.clear_book("spot")
    exchange.market.set_touch("perp", "3600", "3600.1")
    await until(lambda: desk.books(PERP)[-1].bids[0].price == 3600)
    exchange.market.set_touch("spot", "3600", "3600.1")
    await until(lambda: desk.books(SPOT)[-1].bids[0].price == 3600)
    assert all(it.bids and it.asks for it in desk.books(SPOT))


async def test_funding_comes_with_the_perps_ticker(desk: Desk, exchange: PaperExchange) -> None:
    await until(lambda: desk.of(ev.FundingEvent))
    exchange.market.funding("0.0002")
    await until(lambda: desk.of(ev.FundingEvent)[-1].funding.rate == D("0.0002"))
    assert len(desk.of(ev.FundingEvent)) == 2  # told when it changes, not with each ticker


async def test_every_fill_of_a_push_is_told(settings_for: SettingsFor) -> None:
    """A hedge through two levels comes as two rows of one push: neither is lost."""
    async with PaperExchange(PaperOptions(market="scripted", fills_together=True)) as exchange:
        exchange.market.set_book("spot", [(3499, 5)], [(3500, "0.01"), (3501, "0.02")])
        desk, gateway = Desk(settings_for(exchange)), Gateway(settings_for(exchange), lambda *_: None)
        await desk.sockets.open()
        await gateway.open()
        await until(lambda: (FeedName.PRIVATE, "private") in desk.answers())
        await gateway.execute(do.PlaceOrder(HEDGE))
        await until(lambda: len(desk.of(ev.FillEvent)) == 2)
        await gateway.close()
        await desk.sockets.close()
    assert [(it.fill.price, it.fill.qty) for it in desk.of(ev.FillEvent)] == [(3500, D("0.01")), (3501, D("0.02"))]


async def test_a_fill_an_order_a_position_and_a_balance_are_told(
    desk: Desk, exchange: PaperExchange, gateway: Gateway
) -> None:
    (placed,) = await gateway.execute(do.PlaceOrder(QUOTE))
    exchange.market.trade("perp", "3500.05", "0.02", "sell")
    await until(lambda: desk.of(ev.FillEvent) and any(it.qty for it in desk.of(ev.PositionEvent)))
    await until(lambda: any(it.report.status is OrderStatus.FILLED for it in desk.of(ev.OrderEvent)))
    (told,) = desk.of(ev.FillEvent)
    assert (told.fill.inst, told.fill.side, told.fill.qty, told.fill.is_maker) == (PERP, Side.BUY, D("0.02"), True)
    assert isinstance(placed, ev.PlaceAnswered) and told.fill.order_id == placed.result.order_id
    end = desk.of(ev.OrderEvent)[-1].report
    assert (end.client_oid, end.filled, end.tif) == ("mm-q-1", D("0.02"), "gtc")
    assert desk.of(ev.PositionEvent)[-1].qty == D("0.02")
    assert {(it.account, it.coin) for it in desk.of(ev.BalanceEvent)} == {(PERP, "USDT"), (SPOT, "ETH"), (SPOT, "USDT")}


async def test_a_closed_position_is_told_as_flat(desk: Desk, exchange: PaperExchange, gateway: Gateway) -> None:
    """I10: the list of positions is then empty."""
    await gateway.execute(do.SetTifPolicy("both"))
    taker = attrs.evolve(QUOTE, tif=Tif.IOC, price=D(3501))
    await gateway.execute(do.PlaceOrder(taker))
    await until(lambda: desk.of(ev.PositionEvent)[-1].qty == D("0.02"))
    closing = attrs.evolve(taker, client_oid="mm-q-2", side=Side.SELL, price=D(3499), reduce_only=True)
    await gateway.execute(do.PlaceOrder(closing))
    await until(lambda: desk.of(ev.PositionEvent)[-1].qty == 0)


async def test_a_spot_fill_carries_no_client_oid_and_its_order_does(desk: Desk, gateway: Gateway) -> None:
    """P0-2: it is matched by orderId."""
    hedge = attrs.evolve(QUOTE, client_oid="mm-h-1", inst=SPOT, tif=Tif.IOC, price=D(3501))
    await gateway.execute(do.PlaceOrder(hedge))
    await until(lambda: desk.of(ev.FillEvent))
    (told,) = desk.of(ev.FillEvent)
    assert told.fill.client_oid is None and (told.fill.fee, told.fill.fee_coin) == (D("0.00002"), "ETH")
    order = next(it.report for it in desk.of(ev.OrderEvent) if it.report.order_id == told.fill.order_id)
    assert (order.client_oid, order.tif) == ("mm-h-1", "ioc")


async def test_the_store_hears_everything_and_drops_spots_cancelled_orders(desk: Desk, gateway: Gateway) -> None:
    """pybotters' store knows futures' "canceled" alone."""
    far = attrs.evolve(QUOTE, client_oid="mm-h-1", inst=SPOT, tif=Tif.GTC, price=D(3490))
    (placed,) = await gateway.execute(do.PlaceOrder(far))
    assert isinstance(placed, ev.PlaceAnswered)
    store = desk.sockets.store
    await until(lambda: store.orders.find({"clientOid": "mm-h-1"}))
    await gateway.execute(do.CancelOrder(SPOT, "mm-h-1", placed.result.order_id))
    await until(lambda: not store.orders.find({"clientOid": "mm-h-1"}))
    assert desk.of(ev.OrderEvent)[-1].report.status is OrderStatus.CANCELED
    assert store.book.find({"instType": "SPOT", "side": "bids"}) and store.ticker.find()


@pytest.mark.parametrize("clean", [True, False])
async def test_a_cut_is_told_and_the_desk_subscribes_again(desk: Desk, exchange: PaperExchange, clean: bool) -> None:
    await exchange.cut("private", seconds=0.05, clean=clean)
    await until(lambda: len([it for it in desk.of(ev.SubscribeAnswered) if it.feed is FeedName.PRIVATE]) == 2)
    kinds = [type(it).__name__ for it in desk.events if getattr(it, "feed", None) is FeedName.PRIVATE]
    assert kinds[:3] == ["FeedUp", "SubscribeAnswered", "FeedDown"] and kinds[-2:] == ["FeedUp", "SubscribeAnswered"]
    assert [it for it in desk.of(ev.FeedDown) if it.feed is not FeedName.PRIVATE] == []


async def test_the_public_socket_takes_both_books_down(desk: Desk, exchange: PaperExchange) -> None:
    await exchange.cut("public")
    await until(lambda: len(desk.of(ev.SubscribeAnswered)) == 5)
    assert {it.feed for it in desk.of(ev.FeedDown)} == {FeedName.PERP_BOOK, FeedName.SPOT_BOOK}
    told = len(desk.of(ev.FundingEvent))
    exchange.market.funding("0.0003")
    await until(lambda: len(desk.of(ev.FundingEvent)) > told)  # the ticker is subscribed again too


async def test_refused_books5_are_told_and_books_take_over(settings_for: SettingsFor) -> None:
    """P0-5b."""
    async with PaperExchange(PaperOptions(market="scripted", books5_perp="refused")) as exchange:
        exchange.market.set_touch("perp", "3500", "3500.1")
        exchange.market.set_touch("spot", "3500", "3500.1")
        desk = Desk(settings_for(exchange))
        await desk.sockets.open()
        await until(lambda: (FeedName.PERP_BOOK, "books5") in desk.answers())
        refused = next(it for it in desk.of(ev.SubscribeAnswered) if it.feed is FeedName.PERP_BOOK)
        assert (refused.accepted, refused.code) == (False, "30001")
        desk.sockets.unsubscribe(FeedName.PERP_BOOK, "books5")
        desk.sockets.subscribe(FeedName.PERP_BOOK, "books")
        await until(lambda: desk.books(PERP))
        exchange.market.set_touch("perp", "3510", "3510.1")
        await until(lambda: desk.books(PERP)[-1].bids[0].price == 3510)
        exchange.market.set_touch("perp", "3490", "3490.1")
        await until(lambda: desk.books(PERP)[-1].asks[0].price == D("3490.1"))
        await desk.sockets.close()


async def test_a_dropped_channel_is_not_heard_any_more(desk: Desk, exchange: PaperExchange) -> None:
    await until(lambda: desk.books(PERP))
    desk.sockets.unsubscribe(FeedName.PERP_BOOK, "books5")
    before = len(desk.books(PERP))
    exchange.market.set_touch("perp", "3510", "3510.1")
    exchange.market.set_touch("spot", "3510", "3510.1")
    await until(lambda: desk.books(SPOT)[-1].bids[0].price == 3510)
    assert len(desk.books(PERP)) == before


async def test_a_feed_without_a_channel_cannot_be_subscribed(desk: Desk) -> None:
    with pytest.raises(ValueError, match="funding"):
        desk.sockets.subscribe(FeedName.FUNDING, "ticker")


async def test_a_subscription_on_a_socket_that_is_down_is_refused_not_lost(
    exchange: PaperExchange, settings_for: SettingsFor
) -> None:
    desk = Desk(settings_for(exchange))
    await desk.sockets.open()
    desk.sockets.subscribe(FeedName.SPOT_BOOK, "books5")  # before it is up
    assert desk.events == []  # told later: never from inside the call
    await until(lambda: desk.of(ev.SubscribeAnswered))
    assert desk.of(ev.SubscribeAnswered)[0].msg == "the socket is down"
    await desk.sockets.close()


# What the stand-in never does is scripted below: losing a message, refusing one of many, sending what cannot be read.

BOOKS = {"instType": "USDT-FUTURES", "channel": "books", "instId": "ETHUSDT"}


def push(action: str, bid: str, seq: int, pseq: int) -> str:
    row = {"bids": [[bid, "1"]], "asks": [["3600", "1"]], "ts": "5", "seq": seq, "pseq": pseq}
    return json.dumps({"action": action, "arg": BOOKS, "data": [row], "ts": 6})


async def test_a_gap_in_books_asks_for_a_new_snapshot_and_tells_nothing_until_it_came() -> None:
    asked: list[dict[str, Any]] = []

    async def skip(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            told = json.loads(message.data)
            asked.append(told)
            if told["op"] != "subscribe" or told["args"][0]["channel"] != "books":
                continue
            await socket.send_json({"event": "subscribe", "arg": told["args"][0]})
            first = 1 if len(asked) < 3 else 50
            await socket.send_str(push("snapshot", str(3000 + first), first, 0))
            if first == 1:
                await socket.send_str(push("update", "3002", 2, 1))
                await socket.send_str(push("update", "3009", 9, 8))  # 3 to 8 are missing
                await socket.send_str(push("update", "3010", 10, 9))

    async with BareServer(skip) as server:
        told = Settings(
            bitget_rest_url="http://127.0.0.1:1",
            bitget_ws_public_url=server.public,
            bitget_ws_private_url=server.private,
        )
        heard: list[ev.Event] = []
        sockets = Sockets(told, heard.append, lambda *_: None)
        await sockets.open()
        await until(lambda: heard)
        sockets.subscribe(FeedName.PERP_BOOK, "books")
        await until(lambda: [it for it in heard if isinstance(it, ev.BookEvent) and it.bids[0].price == 3050])
        await sockets.close()
    tops = [it.bids[0].price for it in heard if isinstance(it, ev.BookEvent)]
    assert tops[-1] == 3050 and set(tops) <= {3001, 3002, 3050}  # 3009 and 3010 came after the gap
    assert [it["op"] for it in asked] == ["subscribe", "unsubscribe", "subscribe"]
    assert len([it for it in heard if isinstance(it, ev.SubscribeAnswered)]) == 1  # mending is no answer


async def test_one_refusal_refuses_the_private_set() -> None:
    async def refuse(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            told = json.loads(message.data)
            if told["op"] == "login":
                await socket.send_json({"event": "login", "code": 0})
                continue
            for number, arg in enumerate(told["args"]):
                answer = (
                    {"event": "error", "code": 30001, "msg": "doesn't exist"} if number == 3 else {"event": "subscribe"}
                )
                await socket.send_json(answer | {"arg": arg})

    async with BareServer(refuse) as server:
        told = Settings(
            bitget_rest_url="http://127.0.0.1:1",
            bitget_ws_public_url=server.public,
            bitget_ws_private_url=server.private,
            bitget_api_key="k-12345",
            bitget_api_secret="s-12345",
            bitget_api_passphrase="p-12345",
        )
        heard: list[ev.Event] = []
        sockets = Sockets(told, heard.append, lambda *_: None)
        await sockets.open()
        await until(lambda: any(isinstance(it, ev.FeedUp) and it.feed is FeedName.PRIVATE for it in heard))
        sockets.subscribe(FeedName.PRIVATE, "private")
        await until(lambda: any(isinstance(it, ev.SubscribeAnswered) for it in heard))
        await sockets.close()
    (answer,) = [it for it in heard if isinstance(it, ev.SubscribeAnswered)]
    assert (answer.accepted, answer.code, answer.msg) == (False, "30001", "doesn't exist")


async def test_a_fill_push_that_cannot_be_read_does_not_hide_the_next_one() -> None:
    """I01: two rows in one push, the first without a quantity."""
    arg = {"instType": "USDT-FUTURES", "channel": "fill", "instId": "default"}
    good = {
        "orderId": "1", "tradeId": "2", "symbol": "ETHUSDT", "side": "buy", "price": "3500", "baseVolume": "0.01",
        "cTime": "5",
    }  # fmt: skip
    bad = {**good, "tradeId": "3", "baseVolume": ""}
    strange = {**good, "symbol": "BTCUSDT"}

    async def tell(socket: web.WebSocketResponse) -> None:
        await socket.send_json({"action": "snapshot", "arg": arg, "data": [bad, strange, good], "ts": 6})
        async for _ in socket:
            pass

    async with BareServer(tell) as server:
        told = Settings(
            bitget_rest_url="http://127.0.0.1:1",
            bitget_ws_public_url=server.public,
            bitget_ws_private_url=server.private,
        )
        heard: list[ev.Event] = []
        sockets = Sockets(told, heard.append, lambda *_: None)
        await sockets.open()
        await until(lambda: any(isinstance(it, ev.FillEvent) for it in heard))
        await sockets.close()
    kinds = [type(it).__name__ for it in heard if isinstance(it, ev.FillEvent | ev.FillUnparsable)]
    assert kinds == ["FillUnparsable", "FillEvent"]


async def test_books_that_wait_together_become_the_newest_one_and_fills_stay_all() -> None:
    """Eight messages in one go: one book, every fill."""
    arg = {"instType": "USDT-FUTURES", "channel": "books5", "instId": "ETHUSDT"}
    fill = {"orderId": "1", "symbol": "ETHUSDT", "side": "buy", "price": "3500", "baseVolume": "0.01", "cTime": "5"}
    fills = {"instType": "USDT-FUTURES", "channel": "fill", "instId": "default"}

    async def burst(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json({"event": "subscribe", "arg": arg})
        for number in range(4):
            row = {"bids": [[str(3000 + number), "1"]], "asks": [["3600", "1"]], "ts": "5", "seq": number, "pseq": 0}
            await socket.send_json({"action": "snapshot", "arg": arg, "data": [row], "ts": 6})
            told = {**fill, "tradeId": str(number)}
            await socket.send_json({"action": "snapshot", "arg": fills, "data": [told], "ts": 6})
        sent.set()
        await socket.receive()

    sent = asyncio.Event()
    async with BareServer(burst) as server:
        told = Settings(
            bitget_rest_url="http://127.0.0.1:1",
            bitget_ws_public_url=server.public,
            bitget_ws_private_url=server.private,
        )
        heard: list[ev.Event] = []
        client: list[Sockets] = []

        def hear(event: ev.Event) -> None:
            heard.append(event)
            if isinstance(event, ev.FeedUp) and event.feed is FeedName.PERP_BOOK:
                client[0].subscribe(FeedName.PERP_BOOK, "books5")

        client.append(Sockets(told, hear, lambda *_: None))
        await client[0].open()
        await until(lambda: sent.is_set() and any(isinstance(it, ev.BookEvent) for it in heard))
        await until(lambda: len([it for it in heard if isinstance(it, ev.FillEvent)]) == 4)
        await client[0].close()
    tops = [it.bids[0].price for it in heard if isinstance(it, ev.BookEvent)]
    assert tops[-1] == 3003 and len(tops) < 4


async def test_a_private_socket_that_is_not_logged_in_any_more_logs_in_again(settings_for: SettingsFor) -> None:
    """30004 after the subscriptions were accepted: the feed is down until a new login has been answered."""
    logins: list[int] = []

    async def forgets(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.data == "ping":
                continue
            asked = json.loads(message.data)
            if asked["op"] == "login":
                logins.append(len(logins))
                await ws.send_json({"event": "login", "code": 0})
                continue
            for arg in asked["args"]:
                await ws.send_json({"event": "subscribe", "arg": arg})
            if len(logins) == 1:
                await ws.send_json({"event": "error", "code": 30004, "msg": "User not logged in"})

    async with BareServer(forgets) as server, PaperExchange(PaperOptions(market="scripted")) as exchange:
        urls = {"bitget_ws_public_url": server.public, "bitget_ws_private_url": server.private}
        desk = Desk(settings_for(exchange, **urls))
        await desk.sockets.open()
        await until(lambda: len(_private(desk)) == 5)
        await desk.sockets.close()

    assert _private(desk) == ["FeedUp", "SubscribeAnswered", "FeedDown", "FeedUp", "SubscribeAnswered"]
    assert "not logged in" in desk.of(ev.FeedDown)[0].why and len(logins) == 2 and desk.failures == []


@pytest.mark.parametrize("told", ["1", "99999999999999"])
def test_a_push_whose_time_cannot_be_of_now_counts_as_of_now(told: str) -> None:
    """By a time years ahead every later reading would be an old one."""
    heard: list[Any] = []
    arg = {"instType": "USDT-FUTURES", "channel": "positions", "instId": "default"}
    frame = wire.read_frame({"action": "snapshot", "arg": arg, "data": [], "ts": told})
    Tap("ETHUSDT", heard.append, lambda *_: None).take(frame, 1_700_000_000_000)
    assert [it.exch_ms for it in heard] == [1_700_000_000_000]


def _private(desk: Desk) -> list[str]:
    kinds = (ev.FeedUp, ev.FeedDown, ev.SubscribeAnswered)
    return [type(it).__name__ for it in desk.events if isinstance(it, kinds) and it.feed is FeedName.PRIVATE]
