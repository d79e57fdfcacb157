"""Limits of REST and of the sockets: by account, by address, and how they recover."""

import asyncio
import json
import socket
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from runner.paper import Account, PaperOptions, Request, Venue
from runner.paper.limits import CONNECTIONS_MAX, OVERALL_MAX, RECOVERY_MS, ConnectLimits, RateLimits, Window
from runner.paper.session import SUBSCRIBES_PER_HOUR_MAX, Session
from tests.paper.client import MIX, Rest, books, perp_order
from tests.paper.conftest import Connect, Start

NOW_MS = 1_790_000_000_000


async def test_an_accounts_limit_is_its_own(start: Start, http: ClientSession) -> None:
    """Ten orders of one account leave the other account its ten."""
    exchange = await start(accounts=(Account.named("other"),))
    mine, theirs = Rest(exchange, http), Rest(exchange, http, "other")
    for _ in range(10):
        await mine.place(perp_order("buy", "2679.00", "0.01"))

    status, _ = await mine.post(f"{MIX}/order/place-order", perp_order("buy", "2679.00", "0.01"))

    assert status == 429
    await theirs.place(perp_order("buy", "2679.00", "0.01"))


def ask(venue: Venue, remote: str, now_ms: int = NOW_MS) -> int:
    """Ask for the time from an address; the status."""
    return venue.answer(Request("GET", "/api/v2/public/time", {}, b"", remote), now_ms).status


def test_public_limits_count_by_address() -> None:
    """Twenty a second from one address; another one is free; a second later so is the first."""
    venue = Venue(PaperOptions(market="scripted"), NOW_MS)

    statuses = [ask(venue, "127.0.0.1") for _ in range(21)]

    assert statuses == [200] * 20 + [429]
    assert ask(venue, "127.0.0.2") == 200 and ask(venue, "127.0.0.1", NOW_MS + 1_000) == 200


def test_the_overall_limit_counts_by_address_and_takes_five_minutes() -> None:
    """6,001 requests in a minute block every endpoint of that address, and of no other."""
    limits = RateLimits()
    assert all(limits.allow(str(n), 1, NOW_MS, "a") for n in range(OVERALL_MAX))

    assert not limits.allow("one more", 1, NOW_MS, "a") and limits.allow("one more", 1, NOW_MS, "b")
    assert not limits.allow("later", 1, NOW_MS + RECOVERY_MS - 1, "a")
    assert limits.allow("later", 1, NOW_MS + RECOVERY_MS, "a")


def test_limits_can_be_switched_off() -> None:
    """rate_limits=False counts nothing."""
    venue = Venue(PaperOptions(market="scripted", rate_limits=False), NOW_MS)

    assert {ask(venue, "127.0.0.1") for _ in range(100)} == {200}


def test_a_clock_set_back_frees_what_was_counted_in_its_future() -> None:
    """Nobody waits an hour because the clock went back one."""
    window, limits = Window(1, 1_000), RateLimits()
    assert window.admit(NOW_MS) and not window.admit(NOW_MS)
    assert all(limits.allow(str(n), 1, NOW_MS) for n in range(OVERALL_MAX)) and not limits.allow("x", 1, NOW_MS)

    assert window.admit(NOW_MS - 3_600_000)
    assert limits.allow("x", 1, NOW_MS - 3_600_000)


def test_connects_are_limited_by_rate_and_number() -> None:
    """300 in five minutes, 100 open."""
    limits = ConnectLimits()

    assert sum(limits.allow("a", 0, NOW_MS) for _ in range(400)) == 300
    assert limits.allow("b", CONNECTIONS_MAX - 1, NOW_MS) and not limits.allow("b", CONNECTIONS_MAX, NOW_MS)


async def test_a_connect_too_many_is_refused(start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake is answered with 429."""
    monkeypatch.setattr("runner.paper.limits.CONNECTS_MAX", 2)
    exchange = await start()
    for _ in range(2):
        await connect(exchange, stream="public")

    with pytest.raises(WSServerHandshakeError) as refusal:
        await connect(exchange, stream="public")

    assert refusal.value.status == 429


def session(**options: Any) -> Session:
    """A public session."""
    return Session("public", PaperOptions(**options), "id", NOW_MS, NOW_MS)


def subscribe(made: Session, now_ms: int) -> dict[str, Any]:
    """Subscribe to books5; the reply."""
    (reply,) = made.receive(json.dumps({"op": "subscribe", "args": [books("SPOT")]}), now_ms)
    answer: dict[str, Any] = json.loads(reply)
    return answer


def test_subscribe_requests_are_limited_by_the_hour() -> None:
    """240 an hour; the next is 30006, the connection stays, and an hour later it works again."""
    made = session()
    replies = [subscribe(made, NOW_MS + n * 200) for n in range(SUBSCRIBES_PER_HOUR_MAX + 1)]

    assert {reply["event"] for reply in replies[:-1]} == {"subscribe"}
    assert (replies[-1]["event"], replies[-1]["code"], made.must_close) == ("error", 30006, False)
    assert subscribe(made, NOW_MS + 3_600_000)["event"] == "subscribe"


def test_a_message_of_more_than_4096_bytes_is_refused() -> None:
    """30002; one of just 4096 is taken."""
    made = session()
    head, tail = '{"op":"subscribe","args":[{"instType":"SPOT","channel":"books5","instId":"ETHUSDT","x":"', '"}]}'
    longest = head + "y" * (4096 - len(head) - len(tail)) + tail

    assert json.loads(made.receive(longest, NOW_MS)[0])["event"] == "subscribe"
    assert json.loads(made.receive(longest.replace("y", "yy", 1), NOW_MS)[0])["code"] == 30002


def test_a_socket_lives_a_day_however_well_it_pings() -> None:
    """24 hours after it was opened it is overdue."""
    made, day_ms = session(), 24 * 3_600_000
    for at_ms in range(NOW_MS, NOW_MS + day_ms, 25_000):
        made.receive("ping", at_ms)
        assert not made.is_overdue(at_ms)

    assert made.deadline_ms == NOW_MS + day_ms and made.is_overdue(NOW_MS + day_ms + 1)


async def test_an_old_socket_is_cut(start: Start, connect: Connect) -> None:
    """Over a socket, with a short life."""
    stream = await connect(await start(socket_life_ms=60), books("SPOT"), stream="public")

    async with asyncio.timeout(5):
        while not stream.socket.closed:
            await stream.socket.receive()


async def test_a_client_that_does_not_read_is_disconnected_and_nobody_else(start: Start, connect: Connect) -> None:
    """Its queue is bounded: one message more resets it. A client that reads gets every trade, in order."""
    exchange = await start(outbox_max=500)
    reader = await connect(exchange, books("SPOT", "trade"), stream="public")
    with _deaf(exchange.ws_public_url, books("SPOT", "trade")):
        await exchange.until(lambda: exchange.sockets("public") == 2 and exchange.listeners("spot", "trade") == 2)
        count = 0
        while exchange.sockets("public") == 2:
            for _ in range(100):
                exchange.market.trade("spot", "2681", "1", "buy")
            count += 100
            rows = [row["tradeId"] for row in await reader.rows("trade", count=100)]
            assert rows == sorted(rows) and count < 1_000_000


def _deaf(url: str, arg: dict[str, str]) -> socket.socket:
    """A client that subscribes and never reads, with a small window."""
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((host, int(port)))
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    made.sendall(
        f"GET /v2/ws/public HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n".encode()
    )
    text = json.dumps({"op": "subscribe", "args": [arg]}).encode()
    # A masked text frame; the mask of zeros leaves the payload as it is.
    made.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
    return made
