"""A client of the tests' own: signs, asks, listens. It shares nothing with the runner's gateway."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import aiohttp

from runner.paper import PaperExchange

ORDERS = {"instType": "USDT-FUTURES", "channel": "orders", "instId": "default"}
FILL = {"instType": "USDT-FUTURES", "channel": "fill", "instId": "default"}
POSITIONS = {"instType": "USDT-FUTURES", "channel": "positions", "instId": "default"}
ACCOUNT = {"instType": "USDT-FUTURES", "channel": "account", "coin": "default"}
SPOT_ORDERS = {"instType": "SPOT", "channel": "orders", "instId": "default"}
SPOT_FILL = {"instType": "SPOT", "channel": "fill", "instId": "default"}
SPOT_ACCOUNT = {"instType": "SPOT", "channel": "account", "coin": "default"}

MIX = "/api/v2/mix"
SPOT = "/api/v2/spot"
PERP = {"symbol": "ETHUSDT", "productType": "USDT-FUTURES"}


def books(inst_type: str, channel: str = "books5") -> dict[str, str]:
    """A public subscription arg."""
    return {"instType": inst_type, "channel": channel, "instId": "ETHUSDT"}


def perp_order(side: str, price: str | None, size: str, **more: Any) -> dict[str, Any]:
    """The body of a perp order; no price makes it a market order."""
    body = {**PERP, "marginMode": "isolated", "marginCoin": "USDT", "size": size, "side": side}
    return body | ({"orderType": "limit", "price": price} if price else {"orderType": "market"}) | more


def spot_order(side: str, price: str | None, size: str, force: str = "ioc", **more: Any) -> dict[str, Any]:
    """The body of a spot order; no price makes it a market order."""
    body = {"symbol": "ETHUSDT", "side": side, "size": size, "force": force}
    return body | ({"orderType": "limit", "price": price} if price else {"orderType": "market"}) | more


class Rest:
    """Signed requests; answers are (HTTP status, body)."""

    def __init__(self, exchange: PaperExchange, http: aiohttp.ClientSession, account: str = "default") -> None:
        self.exchange = exchange
        self.http = http
        self.account = account
        self.shift_ms = 0
        self.spoil: dict[str, str] = {}

    def headers(self, method: str, path: str, body: str) -> dict[str, str]:
        """The four headers of a signed request."""
        key = self.exchange.credentials_of(self.account)
        at = str(int(time.time() * 1000) + self.shift_ms)
        sign = hmac.new(key.secret.encode(), f"{at}{method}{path}{body}".encode(), hashlib.sha256).digest()
        return {
            "ACCESS-KEY": key.api_key,
            "ACCESS-SIGN": base64.b64encode(sign).decode(),
            "ACCESS-TIMESTAMP": at,
            "ACCESS-PASSPHRASE": key.passphrase,
            "Content-Type": "application/json",
        } | self.spoil

    async def get(self, path: str, **query: str) -> tuple[int, dict[str, Any]]:
        """A signed GET."""
        full = path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")
        async with self.http.get(self.exchange.rest_url + full, headers=self.headers("GET", full, "")) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A signed POST; the body has spaces, as json.dumps writes it."""
        text = json.dumps(body)
        headers = self.headers("POST", path, text)
        async with self.http.post(self.exchange.rest_url + path, data=text, headers=headers) as answer:
            return answer.status, await answer.json()

    async def place(self, body: dict[str, Any]) -> dict[str, Any]:
        """Place an order (perp or spot by its members) that must be accepted; returns the answer's data."""
        path = f"{MIX}/order/place-order" if "productType" in body else f"{SPOT}/trade/place-order"
        status, answer = await self.post(path, body)
        assert (status, answer["code"]) == (200, "00000"), answer
        data: dict[str, Any] = answer["data"]
        return data

    async def refuse(self, body: dict[str, Any]) -> str:
        """Place an order that must be refused; returns the code."""
        path = f"{MIX}/order/place-order" if "productType" in body else f"{SPOT}/trade/place-order"
        status, answer = await self.post(path, body)
        assert status == 400 and answer["data"] is None, answer
        code: str = answer["code"]
        return code


class Stream:
    """One socket; pushes are kept by channel, everything else in `events`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def receive(self) -> Any:
        """The next message, decoded (the text itself when it is not JSON)."""
        async with asyncio.timeout(5):
            text = await self.socket.receive_str()
        return text if text == "pong" else json.loads(text)

    async def login(self, exchange: PaperExchange, account: str = "default", **change: str) -> dict[str, Any]:
        """Log in; returns the answer."""
        await self.send_login(exchange, account, **change)
        answer: dict[str, Any] = await self.receive()
        return answer

    async def send_login(self, exchange: PaperExchange, account: str = "default", **change: str) -> None:
        """Ask to be logged in with `api_key` and seconds."""
        key, at = exchange.credentials_of(account), str(int(time.time()))
        sign = hmac.new(key.secret.encode(), f"{at}GET/user/verify".encode(), hashlib.sha256).digest()
        arg = {"api_key": key.api_key, "passphrase": key.passphrase, "timestamp": at}
        arg |= {"sign": base64.b64encode(sign).decode()} | change
        await self.socket.send_json({"op": "login", "args": [arg]})

    async def subscribe(self, *args: dict[str, str]) -> list[dict[str, Any]]:
        """Subscribe; returns the acks (pushes that arrive meanwhile are kept)."""
        await self.socket.send_json({"op": "subscribe", "args": list(args)})
        acks: list[dict[str, Any]] = []
        while len(acks) < len(args):
            message = await self.receive()
            (acks if "event" in message else self.seen).append(message)
        return acks

    async def until(self, channel: str, inst_type: str | None = None, count: int = 1) -> list[dict[str, Any]]:
        """The next `count` pushes of a channel, taken out of what was seen, in order."""
        found: list[dict[str, Any]] = []
        waiting, self.seen = self.seen, []
        while len(found) < count:
            message = waiting.pop(0) if waiting else await self.receive()
            arg = message.get("arg", {})
            if arg.get("channel") == channel and inst_type in (None, arg.get("instType")):
                found.append(message)
            else:
                self.seen.append(message)
        self.seen += waiting
        return found

    async def rows(self, channel: str, inst_type: str | None = None, count: int = 1) -> list[dict[str, Any]]:
        """The first row of each of the next `count` pushes of a channel."""
        return [message["data"][0] for message in await self.until(channel, inst_type, count)]
