"""Clients of another language's habits: curl and openssl, and a socket driven by bytes alone."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from runner.paper import PaperExchange
from tests.conformance.raw_socket import CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket
from tests.paper.client import FILL, ORDERS, books
from tests.paper.conftest import Start

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def login(key: str, secret: str, passphrase: str) -> str:
    """The login message as the documentation writes it: apiKey, seconds."""
    at = str(int(time.time()))
    sign = base64.b64encode(hmac.new(secret.encode(), f"{at}GET/user/verify".encode(), hashlib.sha256).digest())
    arg = {"apiKey": key, "passphrase": passphrase, "timestamp": at, "sign": sign.decode()}
    return json.dumps({"op": "login", "args": [arg]})


async def message(socket: RawSocket) -> Any:
    """The next text, decoded."""
    opcode, payload = await socket.receive()
    assert opcode == TEXT
    return payload.decode() if payload == b"pong" else json.loads(payload)


async def test_a_new_user_with_curl_and_openssl() -> None:
    """The exchange as a process of its own; the four signed requests of `new_user.sh` do what they say."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runner", "exchange", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        where = json.loads(await process.stdout.readline())
        names = {"REST": "rest", "KEY": "api_key", "SECRET": "secret", "PASSPHRASE": "passphrase"}
        env = {"PATH": os.environ["PATH"]} | {name: where[member] for name, member in names.items()}
        user = await asyncio.create_subprocess_exec(
            "sh", str(HERE / "new_user.sh"), env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(user.communicate(), 30)
    finally:
        process.terminate()
        await process.wait()

    assert user.returncode == 0, output.decode()
    placed, pending, cancelled, detail = (json.loads(line) for line in output.decode().splitlines())
    assert [one["code"] for one in (placed, pending, cancelled, detail)] == ["00000"] * 4
    (resting,) = pending["data"]["entrustedList"]
    assert (resting["clientOid"], resting["force"], resting["status"]) == ("hello-1", "post_only", "live")
    assert cancelled["data"] == placed["data"] and detail["data"]["state"] == "canceled"


async def test_login_subscribe_ping_and_order_by_bytes(start: Start) -> None:
    """Upgrade, login, two subscriptions, text ping, an order over the socket: every answer is one text frame."""
    exchange = await start(ws_orders=True)
    key = exchange.credentials
    socket = await RawSocket.connect(exchange.ws_private_url)
    socket.text(login(key.api_key, key.secret, key.passphrase))
    ack = await message(socket)
    socket.text(json.dumps({"op": "subscribe", "args": [ORDERS, FILL]}))
    acks = [await message(socket) for _ in range(2)]
    socket.text("ping")
    pong = await message(socket)
    params = {
        "orderType": "limit", "side": "buy", "size": "0.1", "price": "2680.01", "force": "ioc",
        "marginCoin": "USDT", "marginMode": "isolated", "clientOid": "bytes-1",
    }  # fmt: skip
    arg = {"id": "1", "instType": "USDT-FUTURES", "instId": "ETHUSDT", "channel": "place-order", "params": params}
    socket.text(json.dumps({"op": "trade", "args": [arg]}))
    answer, live, filled, fill = [await message(socket) for _ in range(4)]
    await socket.close()

    assert (ack["event"], ack["code"]) == ("login", 0) and acks == [
        {"event": "subscribe", "arg": ORDERS}, {"event": "subscribe", "arg": FILL},
    ]  # fmt: skip
    assert pong == "pong"
    assert (answer["event"], answer["code"], answer["msg"]) == ("trade", 0, "Success")
    assert answer["arg"][0]["params"] == {"orderId": live["data"][0]["orderId"], "clientOid": "bytes-1"}
    assert [push["data"][0]["status"] for push in (live, filled)] == ["live", "filled"]
    assert fill["data"][0]["clientOid"] == "bytes-1"


async def test_fragments_control_frames_and_a_proper_close(exchange: PaperExchange) -> None:
    """A message in two fragments with a ping frame between them; a close frame is answered with one."""
    socket = await RawSocket.connect(exchange.ws_public_url)
    text = json.dumps({"op": "subscribe", "args": [books("SPOT")]}).encode()
    socket.frame(TEXT, text[:20], is_last=False)
    socket.frame(PING, b"are you there")
    pong = await socket.receive()
    socket.frame(CONTINUATION, text[20:])
    ack, push = await message(socket), await message(socket)
    socket.frame(CLOSE, (1000).to_bytes(2, "big"))
    opcode = TEXT
    while opcode == TEXT:
        opcode, payload = await socket.receive()
    await socket.close()

    assert pong == (PONG, b"are you there")
    assert ack["event"] == "subscribe" and push["data"][0]["bids"][0] == ["2681", "5"]
    assert (opcode, payload[:2]) == (CLOSE, (1000).to_bytes(2, "big"))


@pytest.mark.parametrize("target", ["/api/v2/public/time", "/api/v2/public/time?"])
async def test_http_by_bytes(exchange: PaperExchange, target: str) -> None:
    """A request without any header but Host, on a connection that closes after it."""
    host, port = exchange.rest_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, body = (await reader.read()).split(b"\r\n\r\n", 1)
    writer.close()

    assert head.startswith(b"HTTP/1.1 200 OK") and b"content-type: application/json" in head.lower()
    assert json.loads(body)["code"] == "00000"
