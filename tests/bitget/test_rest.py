"""One request and its answer, against a server that answers as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bare_rest import Answers
from loguru import logger

from mmfsm.clock import now_ms
from mmfsm.values import Outcome
from runner.bitget.codes import Kind
from runner.bitget.rest import Rest
from runner.settings import Settings

TIME = "/api/v2/public/time"


@asynccontextmanager
async def opened(answers: Answers, **changes: Any) -> AsyncIterator[Rest]:
    told: dict[str, Any] = {
        "dry_run": False,
        "bitget_api_key": "k-12345",
        "bitget_api_secret": "s-12345",
        "bitget_api_passphrase": "p-12345",
        "bitget_rest_url": answers.url,
        "bitget_ws_private_url": "ws://127.0.0.1:1",
    }
    rest = Rest(Settings(**(told | changes)), lambda *_: None, TIME)
    await rest.open()
    try:
        yield rest
    finally:
        await rest.close()


async def test_an_order_is_signed_and_a_public_read_is_not(answers: Answers) -> None:
    async with opened(answers) as rest:
        reply = await rest.post("/order", {"side": "buy"}, Kind.PLACE)
        await rest.public("/contracts", {"symbol": "ETHUSDT"})
    assert (reply.outcome, reply.exch_ms, reply.data) == (Outcome.ACCEPTED, 1695808949356, {"orderId": "1"})
    signed = answers.sent_to("/order")
    assert {"ACCESS-KEY", "ACCESS-SIGN", "ACCESS-TIMESTAMP", "ACCESS-PASSPHRASE"} <= set(signed)
    assert signed["Content-Type"] == "application/json" and signed["locale"] == "en-US"
    assert not [name for name in answers.sent_to("/contracts") if name.startswith("ACCESS")]


async def test_a_hedge_is_signed_too(answers: Answers) -> None:
    async with opened(answers) as rest:
        assert (await rest.post("/hedge", {"side": "buy"}, Kind.PLACE, hedge=True)).ok
    assert "ACCESS-SIGN" in answers.sent_to("/hedge")


@pytest.mark.parametrize("demo", [True, False])
async def test_demo_trading_has_its_header_on_all_but_the_clock(answers: Answers, demo: bool) -> None:
    async with opened(answers, bitget_demo=demo) as rest:
        await rest.read("/account", {})
        await rest.public("/contracts")
        await rest.public(TIME)
    told = {path: headers.get("paptrading") for path, headers in answers.seen}
    assert told == {"/account": "1" if demo else None, "/contracts": "1" if demo else None, TIME: None}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"", Outcome.UNKNOWN),  # seen once
        (200, b"<html>", Outcome.UNKNOWN),
        (200, b"\xff\xfe\xff", Outcome.UNKNOWN),
        (200, b'{"data":1}', Outcome.UNKNOWN),
        (502, b"Bad Gateway", Outcome.UNKNOWN),
        (400, b'{"code":"43012","msg":"Insufficient balance","requestTime":1,"data":null}', Outcome.REFUSED_LEG),
        (200, b'{"code":"43012","msg":"Insufficient balance","requestTime":1,"data":null}', Outcome.REFUSED_LEG),
        (429, b'{"code":"429","msg":"Too Many Requests","requestTime":1,"data":null}', Outcome.BUSY),
        (400, b'{"code":"30032","msg":"The V1 API has been decommissioned.","data":null}', Outcome.FATAL),
    ],
)
async def test_an_answer_is_judged_never_raised(answers: Answers, status: int, body: bytes, outcome: Outcome) -> None:
    answers.status, answers.body = status, body
    async with opened(answers) as rest:
        reply = await rest.post("/order", {"side": "buy"}, Kind.PLACE)
    assert reply.outcome is outcome and reply.msg and not reply.ok


async def test_a_signed_request_does_not_follow_a_redirect(answers: Answers) -> None:
    """Its key would go wherever the answer points."""
    answers.status, answers.headers = 307, {"Location": f"{answers.url}/elsewhere"}
    async with opened(answers) as rest:
        reply = await rest.post("/order", {"side": "buy"}, Kind.PLACE)
    assert reply.outcome is Outcome.UNKNOWN
    assert "/elsewhere" not in [path for path, _ in answers.seen]


async def test_a_business_error_keeps_the_exchanges_words_and_ours(answers: Answers) -> None:
    answers.status, answers.body = 400, b'{"code":"43012","msg":"Insufficient balance","requestTime":1,"data":null}'
    async with opened(answers) as rest:
        result = (await rest.post("/order", {"side": "buy"}, Kind.PLACE)).result()
    assert (result.code, result.msg) == ("43012", "Insufficient balance (insufficient balance (spot))")


@pytest.mark.parametrize("told", [0, -1, -(10**15), 1, 10**15, 10**30])
async def test_a_time_that_cannot_be_of_now_is_not_believed(answers: Answers, told: int) -> None:
    """A spot hedge says when it was sent, by Bitget's clock: what was believed before stays, ours counts as the time of
    the answer, and it is said once."""
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        async with opened(answers, dry_run=True) as rest:  # no line is kept warm beside it
            _answer_at(answers, now_ms() + 5_000)
            await rest.public("/contracts")
            before = rest.ahead_ms
            _answer_at(answers, told)
            replies = [await rest.public("/contracts") for _ in range(2)]
            after = rest.ahead_ms
            _answer_at(answers, now_ms() - 3_600_000)
            await rest.public("/contracts")
            set_back = rest.ahead_ms
    finally:
        logger.remove(sink)
    assert 4_000 < before == after <= 5_000 and -3_601_000 < set_back <= -3_600_000
    assert all(reply.ok and reply.told_ms == reply.got_ms for reply in replies)
    (sentence,) = said
    assert sentence.startswith(f"requestTime = {told}: expected a time within a day of our clock")


def _answer_at(answers: Answers, at_ms: int) -> None:
    answers.body = f'{{"code":"00000","msg":"success","requestTime":{at_ms},"data":null}}'.encode()
