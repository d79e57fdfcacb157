"""ccxt.pro over the sockets, as it comes from PyPI: its own login, subscriptions and parsing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import pytest

from runner.paper import PaperExchange
from tests.conformance.conftest import Client
from tests.conformance.strangers import PRODUCT, SPOT, SWAP, Ccxt
from tests.paper.conftest import Start

BOTH = pytest.mark.parametrize("symbol", [SPOT, SWAP])
Kind = {SPOT: "spot", SWAP: "swap"}


async def until(
    watch: Callable[..., Awaitable[Any]], *args: Any, known: Callable[[], Any], found: Callable[[Any], bool] = bool
) -> Any:
    """Watch until what ccxt knows satisfies `found`, and return it.

    ccxt resolves a watch with the next message; one that came between two watches is in its caches alone.
    """
    async with asyncio.timeout(10):
        task = asyncio.ensure_future(watch(*args))
        while not found(known()):
            await asyncio.wait([task], timeout=0.2)
            if task.done():
                task.result()
                task = asyncio.ensure_future(watch(*args))
        task.cancel()
    return known()


async def listening(
    client: Ccxt, exchange: PaperExchange, symbol: str, *channels: str
) -> list["asyncio.Task[list[dict[str, Any]]]"]:
    """Watch orders or fills in the background, subscribed when this returns."""
    watch = {"orders": client.watch_orders, "fill": client.watch_my_trades}
    tasks = [asyncio.create_task(watch[channel](symbol)) for channel in channels]
    await exchange.until(lambda: all(exchange.listeners(PRODUCT[symbol], channel) for channel in channels))
    return tasks


@BOTH
async def test_watch_order_book_keeps_the_book(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """A snapshot, then updates: after the market moved, ccxt's book is the exchange's, level by level."""
    first = (await client.watch_order_book(symbol)).copy()
    exchange.market.set_book(PRODUCT[symbol], [("2679.50", 2), ("2679.40", 3)], [("2680.01", 1), ("2683.00", "4.5")])

    book = await until(
        client.watch_order_book,
        symbol,
        known=lambda: client.orderbooks[symbol],
        found=lambda one: len(one["bids"]) == 2,
    )

    assert len(first["bids"]) == 5 and first["bids"][0][:2] == [2681.0 if symbol == SPOT else 2680.0, 5]
    assert [level[:2] for level in book["bids"]] == [[2679.5, 2], [2679.4, 3]]
    assert [level[:2] for level in book["asks"]] == [[2680.01, 1], [2683.0, 4.5]]
    assert await client.un_watch_order_book(symbol)
    await exchange.until(lambda: not exchange.listeners(PRODUCT[symbol], "books"))


@BOTH
async def test_watch_trades_ticker_and_best_prices(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """Trades with the taker's side; ticker and best prices as the book has them."""
    trades = asyncio.create_task(client.watch_trades(symbol))
    await exchange.until(lambda: exchange.listeners(PRODUCT[symbol], "trade") == 1)
    exchange.market.trade(PRODUCT[symbol], "2680.50", "0.75", "sell")

    (trade,) = await trades
    ticker = await client.watch_ticker(symbol)
    best = await client.watch_bids_asks([symbol])

    assert (trade["price"], trade["amount"], trade["side"], trade["symbol"]) == (2680.5, 0.75, "sell", symbol)
    bid = 2681.0 if symbol == SPOT else 2680.0
    assert (ticker["last"], ticker["bid"], ticker["ask"], ticker["baseVolume"]) == (2680.5, bid, bid + 0.01, 0.75)
    assert (best[symbol]["bid"], best[symbol]["askVolume"]) == (bid, 5)


@BOTH
async def test_watch_orders_sees_a_whole_life(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """Open, partly filled by the market, canceled: amounts, average and status are ccxt's own reading."""
    (first,) = await listening(client, exchange, symbol, "orders")
    price = 2681.0 if symbol == SPOT else 2680.0
    made = await client.create_order(symbol, "limit", "buy", 0.1, price, {"postOnly": True, "clientOrderId": "w-1"})

    # ccxt updates the rows it gave away: each stage is copied before the next.
    live = dict((await first)[0])
    second = asyncio.create_task(client.watch_orders(symbol))
    exchange.market.trade(PRODUCT[symbol], str(price), "5.04", "sell")
    partly = dict((await second)[0])
    third = asyncio.create_task(client.watch_orders(symbol))
    await client.cancel_order(made["id"], symbol)
    ended = dict((await third)[0])

    assert (live["id"], live["clientOrderId"], live["status"]) == (made["id"], "w-1", "open")
    assert (live["type"], live["side"], live["price"], live["amount"]) == ("limit", "buy", price, 0.1)
    assert live["timeInForce"] == "POST_ONLY"
    assert (partly["filled"], partly["remaining"], partly["average"], partly["status"]) == (0.04, 0.06, price, "open")
    assert (ended["status"], ended["filled"], ended["remaining"]) == ("canceled", 0.04, 0.06)


@BOTH
async def test_watch_my_trades(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """Price, amount and liquidity; ccxt makes the fee positive whichever sign the channel has."""
    (first,) = await listening(client, exchange, symbol, "fill")
    made = await client.create_order(symbol, "limit", "buy", 0.1, 2682.0)

    (trade,) = await first

    price = 2681.01 if symbol == SPOT else 2680.01
    assert (trade["order"], trade["price"], trade["amount"], trade["side"]) == (made["id"], price, 0.1, "buy")
    assert trade["takerOrMaker"] == "taker"
    fee = {"currency": "ETH", "cost": 0.0001} if symbol == SPOT else {"currency": "USDT", "cost": 0.1608006}
    assert trade["fee"] == fee
    assert ("clientOid" in trade["info"]) == (symbol == SWAP)


async def test_watch_positions_from_flat_to_flat(client: Ccxt, exchange: PaperExchange) -> None:
    """The first push is the full list, empty; the short is there and is gone when it is closed."""

    def known() -> list[dict[str, Any]]:
        return list(client.positions["USDT-FUTURES"])

    assert await client.watch_positions([SWAP]) == []
    await client.create_order(SWAP, "market", "sell", 0.1)
    (opened,) = await until(client.watch_positions, [SWAP], known=known)
    await client.close_position(SWAP)
    await until(client.watch_positions, [SWAP], known=known, found=lambda held: held == [])

    assert (opened["side"], opened["contracts"], opened["entryPrice"]) == ("short", 0.1, 2680.0)
    assert (opened["leverage"], opened["hedged"]) == (10, False)


@BOTH
async def test_watch_balance(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """Everything at first; after a fill what changed, and ccxt keeps the rest."""
    query = {"type": Kind[symbol]}
    first = dict((await client.watch_balance(query))["USDT"])
    await client.create_order(symbol, "limit", "buy", 0.1, 2681.01)

    after = await until(
        client.watch_balance, query, known=lambda: client.balance, found=lambda held: held["USDT"]["total"] < 5000
    )

    assert first == {"free": 5000, "used": 0, "total": 5000}
    if symbol == SPOT:
        assert (after["ETH"]["total"], after["USDT"]["total"]) == (0.5999, 4731.899)
    else:
        assert after["USDT"]["total"] == pytest.approx(5000 - 0.1608006 - 0.0005)
        assert after["USDT"]["free"] == pytest.approx(5000 - 0.1608006 - 26.8001, abs=0.001)


async def test_ccxt_pings_and_is_answered(client: Ccxt, exchange: PaperExchange) -> None:
    """Its own text ping, its own handling of pong."""
    await client.watch_ticker(SPOT)
    socket = client.client(exchange.ws_public_url)
    before = socket.lastPong
    await socket.send(client.ping(socket))

    pong = await until(client.watch_ticker, SPOT, known=lambda: socket.lastPong, found=lambda at: at != before)

    assert pong


async def test_a_refused_login_reaches_ccxt(start: Start, other_client: Client) -> None:
    """30015 for a wrong secret, 30017 for a demo key on live sockets: both are exceptions, not silence."""
    wrong = await other_client(await start(), secret="other")
    demo = await other_client(await start(demo_key=True))

    with pytest.raises(ccxt.AuthenticationError, match="30015"):
        await wrong.watch_balance()
    with pytest.raises(ccxt.ExchangeError, match="30017"):
        await demo.watch_balance()
