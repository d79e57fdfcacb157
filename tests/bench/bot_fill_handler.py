"""A bot for comparison: pybotters, two quotes on the perp, a spot order for every fill, from the fill's own handler.

python -m tests.bench.bot_fill_handler REST_URL WS_PUBLIC WS_PRIVATE KEY SECRET PASSPHRASE

What its author thought of: signed fees and rounding, duplicates of a fill, refused and lost hedge orders (tried three
times), reconnecting (pybotters does), cancelling the quotes at the end. It keeps no state beside its stores.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from decimal import Decimal
from typing import Any

import pybotters

from runner.paper import Credentials

SYMBOL, SIZE, HALF_SPREAD = "ETHUSDT", Decimal("0.02"), Decimal("0.0004")
TRIES, PAUSE_S, TIMEOUT_S, LAST_S = 3, 0.2, 0.7, 1.0
PERP = {"symbol": SYMBOL, "productType": "USDT-FUTURES"}
log = logging.getLogger(__name__)


def args(channel: str, *inst_types: str) -> list[dict[str, str]]:
    return [{"instType": one, "channel": channel, "instId": SYMBOL} for one in inst_types]


async def post(client: pybotters.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one request; raises when it is refused or not answered in time."""
    async with asyncio.timeout(TIMEOUT_S):
        answer = await client.fetch("POST", path, data=body)
    if not isinstance(answer.data, dict) or answer.data.get("code") != "00000":
        raise RuntimeError(f"{path}: {answer.text}")
    data: dict[str, Any] = answer.data["data"]
    return data


async def quote(client: pybotters.Client, side: str, price: Decimal) -> None:
    body = PERP | {"marginMode": "isolated", "marginCoin": "USDT", "side": side, "orderType": "limit"}
    body |= {"force": "post_only", "size": str(SIZE), "price": str(price.quantize(Decimal("0.01")))}
    await post(client, "/api/v2/mix/order/place-order", body)


async def hedge(client: pybotters.Client, side: str, qty: Decimal, price: Decimal) -> None:
    """Trade the other leg at market. Spot takes the quantity of a sale in coin, of a purchase in USDT."""
    size = qty if side == "sell" else (qty * price).quantize(Decimal("0.01"))
    body = {"symbol": SYMBOL, "side": side, "orderType": "market", "size": str(size)}
    for left in reversed(range(TRIES)):
        try:
            await post(client, "/api/v2/spot/trade/place-order", body)
            return
        except Exception as error:
            log.warning("hedge %s %s: %r, %d tries left", side, qty, error, left)
            await asyncio.sleep(PAUSE_S)
    log.error("NOT HEDGED: %s %s", side, qty)


async def follow_fills(client: pybotters.Client, store: pybotters.BitgetV2DataStore) -> None:
    """Hedge every perp fill once, as it is told."""
    seen: set[str] = set()
    with store.fill.watch() as stream:
        async for change in stream:
            fill = change.data
            if fill["instType"] != "USDT-FUTURES" or fill["tradeId"] in seen:
                continue
            seen.add(fill["tradeId"])
            side = "sell" if fill["side"] == "buy" else "buy"
            await hedge(client, side, Decimal(fill["baseVolume"]), Decimal(fill["price"]))


async def cancel_all(client: pybotters.Client) -> None:
    """Cancel what rests; what cannot be cancelled has been filled, and its fill is told."""
    pending = (await client.fetch("GET", "/api/v2/mix/order/orders-pending", params=PERP)).data["data"]
    for order in pending["entrustedList"] or []:
        try:
            await post(client, "/api/v2/mix/order/cancel-order", PERP | {"orderId": order["orderId"]})
        except Exception as error:
            log.warning("cancel %s: %r", order["orderId"], error)


async def run(rest_url: str, ws_public: str, ws_private: str, key: Credentials, stop: asyncio.Event) -> None:
    """Quote once, hedge every fill, cancel at the end."""
    keys = {"bitget": [key.api_key, key.secret, key.passphrase]}
    async with pybotters.Client(apis=keys, base_url=rest_url) as client:
        store = pybotters.BitgetV2DataStore()
        books = {"op": "subscribe", "args": args("books5", "USDT-FUTURES")}
        private = {"op": "subscribe", "args": args("fill", "USDT-FUTURES") + args("orders", "USDT-FUTURES")}
        await client.ws_connect(ws_public, send_json=books, hdlr_json=store.onmessage)
        await client.ws_connect(ws_private, send_json=private, hdlr_json=store.onmessage)
        follower = asyncio.create_task(follow_fills(client, store))
        try:
            while not (book := store.book.sorted({"instType": "USDT-FUTURES"})) or not book.get("bids"):
                await store.book.wait()
            mid = (Decimal(book["bids"][0]["price"]) + Decimal(book["asks"][0]["price"])) / 2
            await quote(client, "buy", mid * (1 - HALF_SPREAD))
            await quote(client, "sell", mid * (1 + HALF_SPREAD))
            await stop.wait()
            await cancel_all(client)
            await asyncio.sleep(LAST_S)  # a fill that was faster than its cancel, and its hedge
        finally:
            follower.cancel()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:4], Credentials(*sys.argv[4:7]), asyncio.Event()))
