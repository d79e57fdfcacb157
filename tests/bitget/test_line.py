"""The hedges' own connections: what leaves, when, and what becomes of answers that are none."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from bare_rest import OK, Answers
from bitget_wait import until

from mmfsm.values import Outcome
from runner.bitget.codes import Kind
from runner.bitget.line import Line
from runner.bitget.rest import Rest
from runner.bitget.signing import Signer
from runner.paper.auth import sign
from runner.settings import Settings

TIME, ORDER = "/api/v2/public/time", "/api/v2/spot/trade/place-order"
KEYS = {"bitget_api_key": "k-12345", "bitget_api_secret": "s-12345", "bitget_api_passphrase": "p-12345"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + f"Content-Length: {len(OK)}\r\n\r\n{OK}".encode()
CHUNKED = HEAD + f"Transfer-Encoding: chunked\r\n\r\n{len(OK):x}\r\n{OK}\r\n0\r\n\r\n".encode()


class Wire:
    """A server of single bytes: answers each request with the next of `answers`; None closes instead."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((it for it in head.split(b"\r\n") if it.startswith(b"Content-Length: ")), b": 0")
                self.requests.append(head + await reader.readexactly(int(length.split(b": ")[1])))
                answer = self.answers.pop(0) if self.answers else WHOLE
                if answer is None:
                    break
                writer.write(answer)
        writer.close()


@asynccontextmanager
async def wire(*answers: bytes | None) -> AsyncIterator[Wire]:
    told = Wire(*answers)
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield told
    finally:
        server.close()


@asynccontextmanager
async def opened(url: str, **changes: Any) -> AsyncIterator[Rest]:
    """A `Rest` whose lines are open."""
    told: dict[str, Any] = {"dry_run": False, "bitget_rest_url": url, "bitget_ws_private_url": "ws://127.0.0.1:1"}
    rest = Rest(Settings(**(told | KEYS | changes)), lambda *_: None, TIME)
    await rest.open()
    try:
        await until(lambda: all(line.is_free for line in rest._lines))
        yield rest
    finally:
        await rest.close()


# --- what leaves ------------------------------------------------------------------------------------------------------


async def test_a_request_is_the_kernels_when_begin_returns() -> None:
    """No turn of the loop lies between: the other end reads it whole while this one has not yet awaited anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = Line(f"http://127.0.0.1:{port}", {"locale": "en-US"})
        await line.open()
        other, _ = server.accept()
        answer = line.begin("POST", "/order", "X-One: 1\r\n", b'{"a": "b"}')
        with other:
            other.settimeout(5)
            got = other.recv(4096)
            other.sendall(WHOLE)
            told = await answer
    line.close()
    head = f"POST /order HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nlocale: en-US\r\nX-One: 1\r\nContent-Length: 10\r\n\r\n"
    assert got == head.encode() + b'{"a": "b"}'
    assert told == (200, OK)


@pytest.mark.parametrize("demo", [False, True])
async def test_a_line_says_what_the_common_way_says(answers: Answers, demo: bool) -> None:
    """The same headers and body as by pybotters, but for the time, the signature over it, and compression."""
    body, bodies = {"side": "buy", "price": "3500.1", "symbol": "ETHUSDT"}, []
    async with opened(answers.url, bitget_demo=demo) as rest:
        begun = rest.begin_post(ORDER, body, Kind.PLACE)
        assert begun is not None and (await begun).ok
        assert (await rest.post("/common", body, Kind.PLACE)).ok
    ours, common = answers.sent_to(ORDER), answers.sent_to("/common")
    moving = {"ACCESS-SIGN", "ACCESS-TIMESTAMP", "Accept-Encoding"}
    assert {it: ours[it] for it in ours if it not in moving} == {it: common[it] for it in common if it not in moving}
    for path, told in ((ORDER, ours), ("/common", common)):
        bodies.append(json.dumps(body).encode())
        signed = f"{told['ACCESS-TIMESTAMP']}POST{path}".encode() + bodies[-1]
        assert told["ACCESS-SIGN"] == sign(KEYS["bitget_api_secret"], signed)
    assert len(bodies[0]) == int(ours["Content-Length"]) and ours.get("paptrading") == ("1" if demo else None)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
def test_a_signature_is_hmac_sha256_whatever_the_secrets_length(length: int) -> None:
    secret, body = "ö" * (length // 2) + "s" * (length % 2), b'{"a": "1"}'
    told = Signer(("k", secret, "p"), {}).header_lines("POST", ORDER, body, 1_800_000_000_000)
    assert f"ACCESS-SIGN: {sign(secret, f'1800000000000POST{ORDER}'.encode() + body)}\r\n" in told


@pytest.mark.parametrize("make", [lambda it: Signer((it, "s", "p"), {}), lambda it: Line("http://h", {"X-One": it})])
def test_a_header_cannot_carry_a_line_break(make: Callable[[str], object]) -> None:
    """And the error does not show what may be a secret."""
    with pytest.raises(ValueError, match="a header cannot hold a line break") as raised:
        make("bad\r\nX-Two: 2")
    assert "bad" not in str(raised.value)


# --- what comes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "keeps"),
    [
        (WHOLE, True),
        (CHUNKED, True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE, True),
        (WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), False),
    ],
)
async def test_an_answer_is_read_whole_and_the_line_is_free_again(answer: bytes, keeps: bool) -> None:
    """Unless the exchange closes it: then it is opened again, without anybody asking for it."""
    async with wire(WHOLE, WHOLE, answer) as told, opened(told.url) as rest:
        begun = rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE)
        assert begun is not None
        assert (await begun).data == {"orderId": "1"}
        assert sum(line.is_free for line in rest._lines) == (2 if keeps else 1)
        await until(lambda: all(line.is_free for line in rest._lines))
        assert told.connections == (2 if keeps else 3)


@pytest.mark.parametrize("answer", [None, b"no HTTP at all\r\n\r\n", WHOLE[:-5]])
async def test_what_is_no_whole_answer_is_unknown_and_takes_the_line_with_it(answer: bytes | None) -> None:
    """It may have happened. What comes later must not be taken for the answer to the next request."""
    async with wire(WHOLE, WHOLE, answer) as told, opened(told.url, request_timeout_ms=200) as rest:
        begun = rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE)
        assert begun is not None
        assert (await begun).outcome is Outcome.UNKNOWN
        assert sum(line.is_free for line in rest._lines) == 1
        await until(lambda: all(line.is_free for line in rest._lines))
        assert (await rest.post(ORDER, {"side": "buy"}, Kind.PLACE, hedge=True)).ok
        assert len([it for it in told.requests if ORDER.encode() in it]) == 2


async def test_a_connection_that_closes_before_its_answer_is_an_error_of_the_network() -> None:
    async with wire(None) as told:
        line = Line(told.url, {})
        await line.open()
        with pytest.raises(aiohttp.ClientError):
            await line.begin("GET", TIME)
        assert not line.is_open


# --- which way --------------------------------------------------------------------------------------------------------


async def test_one_request_a_line_and_the_third_goes_the_common_way(answers: Answers) -> None:
    """Nothing waits behind another's answer."""
    async with opened(answers.url) as rest:
        first, second = (rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE) for _ in range(2))
        assert first is not None and second is not None
        assert rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE) is None
        third = await rest.post("/third", {"side": "buy"}, Kind.PLACE, hedge=True)
        assert (await first).ok and (await second).ok and third.ok
    assert "ACCESS-SIGN" in answers.sent_to("/third")


async def test_without_a_line_a_hedge_goes_the_common_way(answers: Answers) -> None:
    async with opened(answers.url) as rest:
        for line in rest._lines:
            line.close()
        assert rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE) is None
        assert (await rest.post(ORDER, {"side": "buy"}, Kind.PLACE, hedge=True)).ok


async def test_a_dry_run_opens_no_line(answers: Answers) -> None:
    async with opened(answers.url, dry_run=True) as rest:
        assert rest.begin_post(ORDER, {"side": "buy"}, Kind.PLACE) is None
    assert answers.seen == []


# --- held -------------------------------------------------------------------------------------------------------------


async def test_lines_are_used_while_nothing_is_hedged_and_never_both_at_once() -> None:
    """Four readings of the clock on two connections, no faster than they are to be."""
    async with wire() as told, opened(told.url, hedge_idle_ms=500) as rest:
        began = asyncio.get_running_loop().time()
        await until(lambda: len(told.requests) >= 4 or not any(line.is_free for line in rest._lines))
        assert len(told.requests) == 4 and told.connections == 2
        assert asyncio.get_running_loop().time() - began > 0.4
    assert {it.split(b" HTTP")[0] for it in told.requests} == {b"GET " + TIME.encode()}


async def test_a_line_that_is_lost_is_open_again_before_a_hedge_needs_it(answers: Answers) -> None:
    async with opened(answers.url) as rest:
        lost = rest._lines[0]._protocol
        assert lost is not None and lost.transport is not None
        lost.transport.abort()
        await until(lambda: all(line.is_free for line in rest._lines))
        assert rest._lines[0]._protocol is not lost
