"""pybotters as it comes from PyPI: its own signatures, login, ping and `BitgetV2DataStore`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pybotters
import pytest

from runner.paper import PaperExchange
from tests.conformance.strangers import pybotters_client
from tests.paper.client import (
    ACCOUNT,
    FILL,
    MIX,
    ORDERS,
    PERP,
    POSITIONS,
    SPOT_ACCOUNT,
    SPOT_FILL,
    SPOT_ORDERS,
    books,
    perp_order,
    spot_order,
)
from tests.paper.client import SPOT as SPOT_API

PLACE_PERP, PLACE_SPOT = f"{MIX}/order/place-order", f"{SPOT_API}/trade/place-order"


@pytest.fixture
async def bot(exchange: PaperExchange) -> AsyncIterator[pybotters.Client]:
    """A pybotters client of the default exchange."""
    async with pybotters_client(exchange) as client:
        yield client


async def holds(store: pybotters.DataStore, condition: Callable[[], bool]) -> None:
    """Wait until a condition on a store holds; it is looked at after each message the store takes."""
    async with asyncio.timeout(5):
        while not condition():
            await store.wait()


async def connected(bot: pybotters.Client, url: str, *args: dict[str, str]) -> pybotters.BitgetV2DataStore:
    """Connect as its documentation shows: a store, a message to send, a handler."""
    store = pybotters.BitgetV2DataStore()
    request = {"op": "subscribe", "args": list(args)}
    await bot.ws_connect(url, send_json=request, hdlr_json=store.onmessage)
    return store


async def placed(bot: pybotters.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Place an order through pybotters' fetch; returns its ids."""
    result = await bot.fetch("POST", path, data=body)
    assert result.response.status == 200 and result.data["code"] == "00000", result.text
    ids: dict[str, Any] = result.data["data"]
    return ids


async def test_rest_is_signed_by_pybotters(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """A GET whose query it signs in its own order, a POST whose JSON has its own spaces, and a refusal."""
    account = await bot.fetch("GET", f"{MIX}/account/account", params={**PERP, "marginCoin": "USDT"})
    ids = await placed(bot, PLACE_PERP, perp_order("buy", "2670.00", "0.10", clientOid="p-1"))
    refused = await bot.fetch("POST", PLACE_PERP, data=perp_order("buy", "2670.001", "0.10"))

    assert account.data["data"]["posMode"] == "one_way_mode"
    assert ids["clientOid"] == "p-1" and exchange.account_view().open_orders[0].order_id == ids["orderId"]
    assert (refused.response.status, refused.data["code"]) == (400, "45115")


async def test_the_books_of_the_store_are_the_exchanges(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """`books5` by snapshots and `books` by updates, sorted best first; a level that went is deleted."""
    store = await connected(bot, exchange.ws_public_url, books("USDT-FUTURES"), books("SPOT", "books"))
    await holds(store.book, lambda: len(store.book) == 20)
    exchange.market.set_book("spot", [("2680.50", 1)], [("2681.01", 2)])
    await holds(store.book, lambda: len(store.book.find({"instType": "SPOT"})) == 2)

    perp, spot = store.book.sorted({"instType": "USDT-FUTURES"}), store.book.sorted({"instType": "SPOT"})

    assert [row["price"] for row in perp["bids"]] == ["2680", "2679.99", "2679.98", "2679.97", "2679.96"]
    assert [(row["price"], row["amount"]) for row in spot["bids"] + spot["asks"]] == [("2680.5", "1"), ("2681.01", "2")]


async def test_tickers_and_trades_of_the_store(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """Keyed by instType and instId; trades by tradeId."""
    args = (books("USDT-FUTURES", "ticker"), books("SPOT", "ticker"), books("SPOT", "trade"))
    store = await connected(bot, exchange.ws_public_url, *args)
    await holds(store.ticker, lambda: len(store.ticker) == 2)
    exchange.market.trade("spot", "2681.00", "0.5", "sell")
    await holds(store.trade, lambda: len(store.trade) == 1)

    perp = store.ticker.get({"instType": "USDT-FUTURES", "instId": "ETHUSDT"})
    (trade,) = store.trade.find()

    assert perp is not None and (perp["bidPr"], perp["fundingRate"]) == ("2680", "0.0001")
    assert (trade["price"], trade["size"], trade["side"]) == ("2681", "0.5", "sell")


async def test_its_login_opens_the_private_channels(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """`api_key` and seconds, then the subscriptions: orders, fills, positions and account land in the store."""
    store = await connected(bot, exchange.ws_private_url, ORDERS, FILL, POSITIONS, ACCOUNT)
    await holds(store.account, lambda: len(store.account) == 1)
    resting = await placed(bot, PLACE_PERP, perp_order("buy", "2670.00", "0.10", clientOid="p-1"))
    taken = await placed(bot, PLACE_PERP, perp_order("sell", None, "0.20", clientOid="p-2"))
    await holds(store.positions, lambda: len(store.positions) == 1)

    (order,), (fill,), (position,) = store.orders.find(), store.fill.find(), store.positions.find()

    assert (order["orderId"], order["status"], order["price"]) == (resting["orderId"], "live", "2670")
    assert (fill["orderId"], fill["clientOid"], fill["baseVolume"]) == (taken["orderId"], "p-2", "0.2")
    assert (position["holdSide"], position["total"], position["leverage"]) == ("short", "0.2", 10)
    assert store.account.find()[0]["marginCoin"] == "USDT"


async def test_a_closed_position_leaves_the_store(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """The empty list replaces what was there."""
    store = await connected(bot, exchange.ws_private_url, POSITIONS)
    await placed(bot, PLACE_PERP, perp_order("sell", None, "0.20"))
    await holds(store.positions, lambda: len(store.positions) == 1)

    await placed(bot, PLACE_PERP, perp_order("buy", None, "0.20", reduceOnly="YES"))
    await holds(store.positions, lambda: len(store.positions) == 0)

    assert exchange.account_view().position == 0


async def test_its_orders_store_never_drops_a_cancelled_spot_order(
    bot: pybotters.Client, exchange: PaperExchange
) -> None:
    """`canceled` (futures) deletes the row, `cancelled` (spot) leaves it as it was: live for ever."""
    store = await connected(bot, exchange.ws_private_url, ORDERS, SPOT_ORDERS)
    await exchange.until(lambda: exchange.listeners("spot", "orders") == 1)
    perp = await placed(bot, PLACE_PERP, perp_order("buy", "2670.00", "0.10"))
    spot = await placed(bot, PLACE_SPOT, spot_order("buy", "2670.00", "0.1", force="gtc"))
    await holds(store.orders, lambda: len(store.orders) == 2)

    await bot.fetch("POST", f"{SPOT_API}/trade/cancel-order", data={"symbol": "ETHUSDT", "orderId": spot["orderId"]})
    await bot.fetch("POST", f"{MIX}/order/cancel-order", data={**PERP, "orderId": perp["orderId"]})
    await holds(store.orders, lambda: len(store.orders) == 1)

    assert exchange.account_view().open_orders == ()
    (left,) = store.orders.find()
    assert (left["orderId"], left["status"], left["instType"]) == (spot["orderId"], "live", "SPOT")


async def test_spot_fills_have_no_client_oid_and_coins_share_one_row(
    bot: pybotters.Client, exchange: PaperExchange
) -> None:
    """The fill says orderId alone; the account store is keyed by instType, so the last coin overwrites the others."""
    store = await connected(bot, exchange.ws_private_url, SPOT_FILL, SPOT_ACCOUNT)
    await holds(store.account, lambda: len(store.account) == 1)
    ids = await placed(bot, PLACE_SPOT, spot_order("buy", "2690.00", "0.1", clientOid="h-1"))
    await holds(store.fill, lambda: len(store.fill) == 1)

    (fill,) = store.fill.find()

    assert fill["orderId"] == ids["orderId"] and "clientOid" not in fill
    assert (fill["priceAvg"], fill["size"], fill["feeDetail"][0]["totalFee"]) == ("2681.01", "0.1", "0.0001")
    assert len(store.account) == 1


async def test_its_ping_keeps_the_socket_alive(bot: pybotters.Client, exchange: PaperExchange) -> None:
    """pybotters pings as soon as it is connected, and takes the pong for nothing else."""
    seen: list[str] = []
    arrived = asyncio.Event()

    def take(text: str, _socket: object) -> None:
        seen.append(text)
        arrived.set()

    await bot.ws_connect(exchange.ws_public_url, hdlr_str=take)
    await asyncio.wait_for(arrived.wait(), 5)

    assert seen[0] == "pong"


async def test_an_unregistered_host_is_neither_signed_nor_logged_in(
    bot: pybotters.Client, exchange: PaperExchange
) -> None:
    """pybotters binds its keys to the literal host names: under another name of this machine nothing is signed."""
    url = exchange.rest_url.replace("127.0.0.1", "localhost")

    answer = await bot.fetch("GET", f"{url}{SPOT_API}/account/assets")

    assert (answer.response.status, answer.data["code"]) == (400, "40001")
