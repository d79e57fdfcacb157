"""A bot for comparison: ccxt.pro, two quotes on the perp, a spot order for every trade `watch_my_trades` tells.

python -m tests.bench.bot_ccxt_pro REST_URL WS_PUBLIC WS_PRIVATE KEY SECRET PASSPHRASE

What its author thought of: ccxt's precision, duplicates of a trade, refused and lost hedge orders (tried three times),
a watch that raises (watched again), cancelling the quotes at the end. It keeps no state beside ccxt's.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import ccxt.pro

from runner.paper import Credentials

PERP, SPOT, SIZE, HALF_SPREAD = "ETH/USDT:USDT", "ETH/USDT", 0.02, 0.0004
TRIES, PAUSE_S, TIMEOUT_MS, LAST_S = 3, 0.2, 700, 1.0
log = logging.getLogger(__name__)


async def hedge(exchange: ccxt.pro.bitget, side: str, qty: float, price: float) -> None:
    """Trade the other leg at market."""
    for left in reversed(range(TRIES)):
        try:
            await exchange.create_order(SPOT, "market", side, qty, price)
            return
        except Exception as error:
            log.warning("hedge %s %s: %r, %d tries left", side, qty, error, left)
            await asyncio.sleep(PAUSE_S)
    log.error("NOT HEDGED: %s %s", side, qty)


async def follow_trades(exchange: ccxt.pro.bitget) -> None:
    """Hedge every perp trade of ours once, as it is told."""
    seen: set[str] = set()
    while True:
        try:
            trades = await exchange.watch_my_trades(PERP)
        except Exception as error:
            log.warning("watch_my_trades: %r", error)
            await asyncio.sleep(PAUSE_S)
            continue
        for trade in trades:
            if trade["id"] not in seen:
                seen.add(trade["id"])
                side = "sell" if trade["side"] == "buy" else "buy"
                await hedge(exchange, side, trade["amount"], trade["price"])


def connected(rest_url: str, ws_public: str, ws_private: str, key: Credentials) -> ccxt.pro.bitget:
    """A client of the exchange at these addresses."""
    keys = {"apiKey": key.api_key, "secret": key.secret, "password": key.passphrase}
    exchange = ccxt.pro.bitget({**keys, "timeout": TIMEOUT_MS, "options": {"uta": False}})
    exchange.urls["api"] = {name: rest_url for name in exchange.urls["api"]}
    exchange.urls["api"]["ws"] = {"public": ws_public, "private": ws_private}
    return exchange


async def run(rest_url: str, ws_public: str, ws_private: str, key: Credentials, stop: asyncio.Event) -> None:
    """Quote once, hedge every trade, cancel at the end."""
    exchange = connected(rest_url, ws_public, ws_private, key)
    follower = None
    try:
        await exchange.load_markets()
        follower = asyncio.create_task(follow_trades(exchange))
        await asyncio.sleep(PAUSE_S)  # until it is subscribed
        book = await exchange.fetch_order_book(PERP, 5)
        mid = (book["bids"][0][0] + book["asks"][0][0]) / 2
        for side, sign in (("buy", -1), ("sell", 1)):
            price = mid * (1 + sign * HALF_SPREAD)
            await exchange.create_order(PERP, "limit", side, SIZE, price, {"postOnly": True, "marginMode": "isolated"})
        await stop.wait()
        for order in await exchange.fetch_open_orders(PERP):
            try:
                await exchange.cancel_order(order["id"], PERP)
            except Exception as error:  # filled, and the trade is told
                log.warning("cancel %s: %r", order["id"], error)
        await asyncio.sleep(LAST_S)  # a fill that was faster than its cancel, and its hedge
    finally:
        if follower is not None:
            follower.cancel()
        await exchange.close()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:4], Credentials(*sys.argv[4:7]), asyncio.Event()))
