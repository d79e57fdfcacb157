"""One socket kept alive: bounds on connecting, logging in and pongs, and a pace for coming back."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from bare_server import BareServer
from bitget_wait import until

from mmfsm import events as ev
from mmfsm.events import FeedName
from runner.bitget import seam
from runner.bitget.connection import Callbacks, Connection
from runner.bitget.sockets import Sockets
from runner.settings import Settings

KEYS = {"bitget_api_key": "k-12345", "bitget_api_secret": "s-12345", "bitget_api_passphrase": "p-12345"}


def settings(server: BareServer, **changes: Any) -> Settings:
    told: dict[str, Any] = {
        "bitget_rest_url": "http://127.0.0.1:1",
        "bitget_ws_public_url": server.public,
        "bitget_ws_private_url": server.private,
        "ws_backoff_min_ms": 40,
        "ws_backoff_max_ms": 160,
    }
    return Settings(**(told | changes))


class Heard:
    """Every event and failure of a run of sockets."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.failures: list[tuple[str, BaseException | None]] = []

    def of(self, kind: type) -> list[Any]:
        return [it for it in self.events if isinstance(it, kind)]


@asynccontextmanager
async def open_sockets(told: Settings) -> AsyncIterator[tuple[Sockets, Heard]]:
    heard = Heard()
    sockets = Sockets(
        told, heard.events.append, lambda name, error: heard.failures.append((name, error)), random.Random(1)
    )
    await sockets.open()
    try:
        yield sockets, heard
    finally:
        await sockets.close()


async def silent(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


def login_answered(*answers: str) -> Callable[[web.WebSocketResponse], Awaitable[None]]:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        for answer in answers:
            await socket.send_str(answer)
        await silent(socket)

    return script


async def test_a_login_that_is_never_answered_has_a_bound() -> None:
    """pybotters by itself waits for ever."""
    async with (
        BareServer(silent) as server,
        open_sockets(settings(server, ws_login_timeout_ms=100, **KEYS)) as (_, heard),
    ):
        await until(lambda: [it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE])
        down = next(it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE)
        assert down.why == "no answer to the login within 100 ms"
        assert [it for it in heard.of(ev.FeedUp) if it.feed is FeedName.PRIVATE] == []


@pytest.mark.parametrize(
    "answer", ['{"event":"error","code":30015,"msg":"Invalid sign"}', '{"event":"login","code":30005}']
)
async def test_a_refused_login_is_told_with_its_code(answer: str) -> None:
    """pybotters drops the answer."""
    async with (
        BareServer(login_answered("pong", "no json", answer)) as server,
        open_sockets(settings(server, **KEYS)) as (_, heard),
    ):
        await until(lambda: [it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE])
        down = next(it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE)
        assert down.why.startswith("login refused: 300")


async def test_an_accepted_login_brings_the_feed_up() -> None:
    async with (
        BareServer(login_answered('{"event":"login","code":0}')) as server,
        open_sockets(settings(server, **KEYS)) as (_, heard),
    ):
        await until(lambda: [it for it in heard.of(ev.FeedUp) if it.feed is FeedName.PRIVATE])


async def break_off(socket: web.WebSocketResponse) -> None:
    """Send a frame that is none, as a broken line may."""
    transport = socket._req.transport  # type: ignore[union-attr]
    assert transport is not None
    transport.write(b"\xff\x00")


@pytest.mark.parametrize("said", ["[]", "1", '"hello"', "null", None])
async def test_what_is_no_answer_to_a_login_is_no_mistake_of_ours(said: str | None) -> None:
    """pybotters asks whatever comes for its event: a failure of ours halts the run for good, the network's does not."""

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await (break_off(socket) if said is None else socket.send_str(said))
        await socket.send_bytes(b"\xff")

    async with BareServer(script) as server, open_sockets(settings(server, **KEYS)) as (_, heard):
        await until(lambda: [it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE])
        down = next(it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PRIVATE)
        assert heard.failures == [] and "no answer before the socket closed" in (down.why or "")


async def test_without_a_key_there_is_no_private_socket() -> None:
    async with BareServer(silent) as server, open_sockets(settings(server)) as (sockets, heard):
        await until(lambda: len(heard.of(ev.FeedUp)) == 2)
        assert {it.feed for it in heard.of(ev.FeedUp)} == {FeedName.PERP_BOOK, FeedName.SPOT_BOOK}
        sockets.subscribe(FeedName.PRIVATE, "private")
        await until(lambda: heard.of(ev.SubscribeAnswered))
        (answer,) = heard.of(ev.SubscribeAnswered)
        assert (answer.accepted, answer.msg) == (False, "no API key is set")


async def test_a_socket_that_closes_at_once_is_not_hammered() -> None:
    """Each pause is longer than the one before, up to the largest; a clean close has a pause too."""

    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close()

    async with BareServer(close) as server, open_sockets(settings(server)) as (_, heard):
        await until(lambda: len(server.connected_at) >= 5)
        gaps = [late - early for early, late in itertools.pairwise(server.connected_at)]
        assert all(gap >= least for gap, least in zip(gaps, (0.02, 0.04, 0.08, 0.08), strict=False))
        ups = [it.feed for it in heard.events if isinstance(it, ev.FeedUp) and it.feed is FeedName.PERP_BOOK]
        downs = [it for it in heard.of(ev.FeedDown) if it.feed is FeedName.PERP_BOOK]
        assert len(ups) >= 4 and "closed by the exchange" in downs[0].why


async def test_an_address_where_nobody_listens_is_tried_again_with_pauses() -> None:
    async with BareServer(silent) as server:
        told = settings(server)
    async with open_sockets(told) as (_, heard):
        await until(lambda: len(heard.of(ev.FeedDown)) >= 4)
        assert heard.of(ev.FeedUp) == [] and "no connection" in heard.of(ev.FeedDown)[0].why
        assert heard.failures == []


async def test_pings_are_text_and_each_pong_is_a_sign_of_life() -> None:
    async def pong(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            server.received.append(message.data)
            await socket.send_str("pong")

    async with BareServer(pong) as server, open_sockets(settings(server, ws_ping_ms=50)) as (_, heard):
        await until(lambda: len(heard.of(ev.FeedAlive)) >= 4)
        assert set(server.received) == {"ping"}
        assert {it.feed for it in heard.of(ev.FeedAlive)} == {FeedName.PERP_BOOK, FeedName.SPOT_BOOK}


async def test_a_socket_that_stops_answering_pings_is_replaced() -> None:
    """A dead line looks like a quiet one: only the missing pong tells."""
    async with (
        BareServer(silent) as server,
        open_sockets(settings(server, ws_ping_ms=50, ws_pong_timeout_ms=60)) as (_, heard),
    ):
        await until(lambda: len(server.connected_at) >= 2)
        assert heard.of(ev.FeedDown)[0].why == "no pong within 60 ms"


async def test_messages_that_are_no_json_or_no_object_are_passed_over() -> None:
    async def babble(socket: web.WebSocketResponse) -> None:
        for text in ("{", "[]", "1", '{"event":"subscribe"}', '{"action":"snapshot","arg":{},"data":[]}'):
            await socket.send_str(text)
        await socket.send_bytes(b"\x00")
        await socket.send_str("pong")
        await silent(socket)

    async with BareServer(babble) as server, open_sockets(settings(server)) as (_, heard):
        await until(lambda: heard.of(ev.FeedAlive))
        assert heard.of(ev.FeedDown) == [] and heard.failures == []


async def test_a_listener_that_raises_is_reported_and_the_socket_stays() -> None:
    failures: list[str] = []

    def broken(event: ev.Event) -> None:
        raise ZeroDivisionError(type(event).__name__)

    async with BareServer(silent) as server:
        sockets = Sockets(settings(server), broken, lambda name, error: failures.append(f"{name}: {error!r}"))
        await sockets.open()
        await until(lambda: len(failures) == 2)
        await sockets.close()
    assert failures[0] == "event-handler: ZeroDivisionError('FeedUp')"


async def test_an_unanswered_subscription_is_refused_after_its_bound() -> None:
    async with (
        BareServer(silent) as server,
        open_sockets(settings(server, ws_ack_timeout_ms=50)) as (sockets, heard),
    ):
        await until(lambda: heard.of(ev.FeedUp))
        sockets.subscribe(FeedName.SPOT_BOOK, "books5")
        await until(lambda: heard.of(ev.SubscribeAnswered))
        (answer,) = heard.of(ev.SubscribeAnswered)
        assert (answer.feed, answer.accepted, answer.msg) == (FeedName.SPOT_BOOK, False, "no answer within 0.05 s")


async def test_closing_leaves_no_task_behind() -> None:
    async with BareServer(silent) as server:
        before = asyncio.all_tasks()
        async with open_sockets(settings(server)) as (_, heard):
            await until(lambda: heard.of(ev.FeedUp))
        left = {it.get_name() for it in asyncio.all_tasks() - before}
        assert not {name for name in left if name.startswith(("public", "private"))}
        assert heard.failures == []


async def test_an_error_that_is_not_the_networks_is_reported_and_the_socket_comes_back() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("{}")
        await silent(socket)

    failures: list[str] = []

    def broken(message: object) -> None:
        raise LookupError("a mistake of ours")

    async with BareServer(talk) as server:
        told = settings(server)
        callbacks = Callbacks(
            up=lambda: None,
            down=lambda why: None,
            message=broken,
            pong=lambda: None,
            failure=lambda name, error: failures.append(f"{name}: {error!r}"),
        )
        client = seam.new_client(None)
        connection = Connection("public", server.public, told, callbacks, random.Random(1))
        running = asyncio.create_task(connection.run(client))
        await until(lambda: len(server.connected_at) >= 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()
    assert failures[0] == "public: LookupError('a mistake of ours')" and not connection.is_up


async def test_what_a_mistake_left_unread_does_not_hold_up_the_next_socket() -> None:
    """Messages of the broken socket are gone with it, and the new one's are read as they come."""

    async def talk(socket: web.WebSocketResponse) -> None:
        first = len(server.connected_at) == 1
        for number in range(5):
            await socket.send_json({"bad" if first else "good": number})
        await silent(socket)

    def listen(message: dict[str, int]) -> None:
        heard.append(message)
        if "bad" in message:
            raise LookupError("a mistake of ours")

    heard: list[dict[str, int]] = []
    async with BareServer(talk) as server:
        callbacks = Callbacks(
            up=lambda: None, down=lambda why: None, message=listen, pong=lambda: None, failure=lambda *_: None
        )
        client = seam.new_client(None)
        connection = Connection("public", server.public, settings(server), callbacks, random.Random(1))
        running = asyncio.create_task(connection.run(client))
        await until(lambda: {"good": 4} in heard, 2.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()
    assert [it for it in heard if "good" in it] == [{"good": number} for number in range(5)]
    assert {"bad": 4} not in heard and len(server.connected_at) == 2


async def test_of_messages_that_came_together_fills_are_read_first_and_the_rest_in_order() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        messages = [{"arg": {"channel": name}, "number": number} for number, name in enumerate(told)]
        raw = b"".join(_frame(json.dumps(message).encode()) for message in messages)
        transport = socket._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.write(raw)  # one segment: no server of aiohttp's sends it so
        await silent(socket)

    told = ("orders", "fill", "positions", "fill", "account")
    heard: list[dict[str, Any]] = []
    async with BareServer(talk) as server:
        callbacks = Callbacks(
            up=lambda: None, down=lambda why: None, message=heard.append, pong=lambda: None, failure=lambda *_: None
        )
        client = seam.new_client(None)
        running = asyncio.create_task(
            Connection("private", server.public, settings(server), callbacks, random.Random(1)).run(client)
        )
        await until(lambda: len(heard) == len(told))
        running.cancel()
        await client.close()
    assert [message["number"] for message in heard] == [1, 3, 0, 2, 4]


def _frame(text: bytes) -> bytes:
    """A text frame as a server writes it, of less than 126 bytes."""
    return bytes((0x81, len(text))) + text
