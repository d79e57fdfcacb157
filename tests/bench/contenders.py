"""The bots beside ours, each no more than what hedges a fill: `-m tests.bench.contenders NAME REST KEY SECRET PHRASE`.

    aiohttp     a bare loop: read, parse, sign, post, from where the message was read
    pybotters   `store.fill.watch()`, as in `bot_fill_handler`
    ccxt_pro    `watch_my_trades` → `create_order`, as in `bot_ccxt_pro`

Each listens to both books and to its perp fills, and keeps nothing: no journal, no log, no orders, no other account
channel. Their quotes are placed for them. REST is the address of all three; sockets are beside it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from typing import Any

import aiohttp
import pybotters

from runner.paper import Credentials
from tests.bench import bot_ccxt_pro, bot_fill_handler
from tests.bench.bot_fill_handler import SYMBOL, args
from tests.conformance.strangers import register_pybotters

PUBLIC, PRIVATE = "/v2/ws/public", "/v2/ws/private"
BOOKS = {"op": "subscribe", "args": args("books5", "USDT-FUTURES", "SPOT")}
FILLS = {"op": "subscribe", "args": args("fill", "USDT-FUTURES")}
PLACE = "/api/v2/spot/trade/place-order"
PING_S, SLIP = 20.0, 0.0005


def signed(key: Credentials, text: str) -> str:
    """Bitget's signature of a text."""
    return base64.b64encode(hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class Bare:
    """aiohttp and nothing else."""

    def __init__(self, rest: str, key: Credentials) -> None:
        self.rest, self.key = rest, key
        self.books: dict[str, Any] = {}

    async def run(self) -> None:
        async with aiohttp.ClientSession() as http:
            await asyncio.gather(self.follow_books(http), self.follow_fills(http))

    async def follow_books(self, http: aiohttp.ClientSession) -> None:
        """Keep the newest book of each leg."""
        async with http.ws_connect(_ws(self.rest) + PUBLIC) as socket:
            await socket.send_json(BOOKS)
            pinging = asyncio.create_task(_ping(socket))
            async for message in socket:
                told = json.loads(message.data) if message.data != "pong" else {}
                if "data" in told:
                    self.books[told["arg"]["instType"]] = told["data"][0]
            pinging.cancel()

    async def follow_fills(self, http: aiohttp.ClientSession) -> None:
        """Hedge every fill in the turn it is read."""
        async with http.ws_connect(_ws(self.rest) + PRIVATE) as socket:
            at = str(int(time.time()))
            sign = signed(self.key, f"{at}GET/user/verify")
            arg = {"apiKey": self.key.api_key, "passphrase": self.key.passphrase, "timestamp": at, "sign": sign}
            await socket.send_json({"op": "login", "args": [arg]})
            await socket.receive()
            await socket.send_json(FILLS)
            pinging = asyncio.create_task(_ping(socket))
            async for message in socket:
                told = json.loads(message.data) if message.data != "pong" else {}
                if "data" in told:
                    for fill in told["data"]:
                        await self.hedge(http, fill)
            pinging.cancel()

    async def hedge(self, http: aiohttp.ClientSession, fill: dict[str, Any]) -> None:
        """Sign and post."""
        side = "sell" if fill["side"] == "buy" else "buy"
        touch = float(self.books["SPOT"]["bids" if side == "sell" else "asks"][0][0])
        price = f"{touch * (1 - SLIP if side == 'sell' else 1 + SLIP):.2f}"
        body = json.dumps(
            {"symbol": SYMBOL, "side": side, "orderType": "limit", "force": "ioc", "price": price,
             "size": fill["baseVolume"], "clientOid": fill["tradeId"]}
        )  # fmt: skip
        at = str(int(time.time() * 1000))
        headers = {
            "ACCESS-KEY": self.key.api_key,
            "ACCESS-SIGN": signed(self.key, f"{at}POST{PLACE}{body}"),
            "ACCESS-TIMESTAMP": at,
            "ACCESS-PASSPHRASE": self.key.passphrase,
            "Content-Type": "application/json",
        }
        async with http.post(self.rest + PLACE, data=body, headers=headers) as answer:
            await answer.read()


def _ws(rest: str) -> str:
    return rest.replace("http", "ws", 1)


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send_str("ping")


async def run_aiohttp(rest: str, key: Credentials) -> None:
    await Bare(rest, key).run()


async def run_pybotters(rest: str, key: Credentials) -> None:
    register_pybotters()
    keys = {"bitget": [key.api_key, key.secret, key.passphrase]}
    async with pybotters.Client(apis=keys, base_url=rest) as client:
        store = pybotters.BitgetV2DataStore()
        await client.ws_connect(_ws(rest) + PUBLIC, send_json=BOOKS, hdlr_json=store.onmessage)
        await client.ws_connect(_ws(rest) + PRIVATE, send_json=FILLS, hdlr_json=store.onmessage)
        await bot_fill_handler.follow_fills(client, store)


async def run_ccxt_pro(rest: str, key: Credentials) -> None:
    ws = _ws(rest)
    exchange = bot_ccxt_pro.connected(rest, ws + PUBLIC, ws + PRIVATE, key)
    exchange.enableRateLimit = False  # its pacing alone would be 100 ms
    try:
        await exchange.load_markets()

        async def follow(symbol: str) -> None:
            while True:
                await exchange.watch_order_book(symbol, 5)

        legs = (bot_ccxt_pro.PERP, bot_ccxt_pro.SPOT)
        await asyncio.gather(bot_ccxt_pro.follow_trades(exchange), *map(follow, legs))
    finally:
        await exchange.close()


CONTENDERS = {"aiohttp": run_aiohttp, "pybotters": run_pybotters, "ccxt_pro": run_ccxt_pro}

if __name__ == "__main__":
    asyncio.run(CONTENDERS[sys.argv[1]](sys.argv[2], Credentials(*sys.argv[3:6])))
