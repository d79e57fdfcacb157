"""Declared faults, by method and over the control endpoint."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, WSServerHandshakeError

from runner.paper import PaperExchange
from runner.paper.faults import AnswerFault
from tests.paper.client import FILL, MIX, ORDERS, PERP, Rest, books, perp_order
from tests.paper.conftest import Connect

PLACE = f"{MIX}/order/place-order"


async def control(exchange: PaperExchange, http: ClientSession, verb: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """One control request."""
    async with http.post(f"{exchange.rest_url}/control/{verb}", json=body) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(("fault", "orders"), [("lost_before", 0), ("lost_after", 1)])
async def test_a_lost_answer_looks_the_same_executed_or_not(
    rest: Rest, exchange: PaperExchange, fault: str, orders: int
) -> None:
    """The connection is reset; only the exchange knows whether the order exists."""
    exchange.next_answer(PLACE, fault)

    with pytest.raises(ClientConnectionError):
        await rest.place(perp_order("buy", "2679.00", "0.10"))

    assert len(exchange.account_view().orders) == orders
    assert "orderId" in await rest.place(perp_order("buy", "2679.00", "0.10"))


@pytest.mark.parametrize(
    ("fault", "status", "code", "orders"),
    [("45001", 400, "45001", 0), ("45001_after", 400, "45001", 1), ("429", 429, "429", 0), ("43012", 400, "43012", 0)],
)
async def test_a_code_is_answered_as_told(
    rest: Rest, exchange: PaperExchange, fault: str, status: int, code: str, orders: int
) -> None:
    """Any Bitget code, executed or not."""
    exchange.next_answer("place-order", fault)

    answer = await rest.post(PLACE, perp_order("buy", "2679.00", "0.10"))

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert len(exchange.account_view().orders) == orders


@pytest.mark.parametrize(("fault", "orders"), [("http500", 0), ("http500_after", 1)])
async def test_http_500_has_no_envelope(
    rest: Rest, exchange: PaperExchange, http: ClientSession, fault: str, orders: int
) -> None:
    """Plain text, as a gateway in front of the exchange answers."""
    exchange.next_answer(PLACE, fault)
    body = '{"symbol": "ETHUSDT", "productType": "USDT-FUTURES", "marginMode": "isolated", "marginCoin": "USDT", '
    body += '"size": "0.1", "side": "buy", "orderType": "limit", "price": "2679"}'

    async with http.post(exchange.rest_url + PLACE, data=body, headers=rest.headers("POST", PLACE, body)) as answer:
        assert answer.status == 500 and await answer.text() == "Internal Server Error"
    assert len(exchange.account_view().orders) == orders


async def test_a_hanging_answer_never_comes(rest: Rest, exchange: PaperExchange, http: ClientSession) -> None:
    """The client's own deadline ends it; the order exists."""
    exchange.next_answer("orders-pending", "hang_after")
    path = f"{MIX}/order/orders-pending?productType=USDT-FUTURES"

    with pytest.raises(TimeoutError):
        async with http.get(
            exchange.rest_url + path, headers=rest.headers("GET", path, ""), timeout=ClientTimeout(total=0.05)
        ):
            pass


async def test_a_delayed_answer_comes_after_the_fill(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """`delay_ms` executes at once: the fill is pushed while the place answer is on its way."""
    stream = await connect(exchange, FILL)
    exchange.next_answer(PLACE, "delay_ms", ms=60)

    placing = asyncio.create_task(rest.place(perp_order("buy", None, "0.10", clientOid="late")))
    (row,) = await stream.rows("fill")

    assert row["clientOid"] == "late" and not placing.done()
    assert (await placing)["orderId"] == row["orderId"]


async def test_delay_before_executes_late(rest: Rest, exchange: PaperExchange) -> None:
    """The market moved while the order was on its way: it meets the later book."""
    exchange.next_answer(PLACE, "delay_before_ms", ms=50)
    placing = asyncio.create_task(rest.place(perp_order("buy", None, "0.10")))
    await exchange.until(lambda: len(exchange.requests) == 1)
    exchange.market.set_touch("perp", "2690.00", "2690.01")

    await placing

    assert str(exchange.account_view().fills[0].price) == "2690.01"


async def test_faults_on_one_path_are_used_up_in_order(rest: Rest, exchange: PaperExchange) -> None:
    """Twice 45001, once 429, then the truth."""
    exchange.next_answer("orders-pending", "45001", times=2)
    exchange.next_answer("orders-pending", "429")

    codes = [(await rest.get(f"{MIX}/order/orders-pending", **PERP))[1]["code"] for _ in range(4)]

    assert codes == ["45001", "45001", "429", "00000"]


def test_an_unknown_fault_is_refused() -> None:
    """A word that means nothing is a test's mistake."""
    with pytest.raises(ValueError, match="'fault' must be one of"):
        AnswerFault("place-order", "explode")


@pytest.mark.parametrize("clean", [True, False])
async def test_a_cut_closes_a_stream_and_refuses_it_for_a_while(
    exchange: PaperExchange, connect: Connect, http: ClientSession, clean: bool
) -> None:
    """The private socket goes and cannot come back yet; the public one stays."""
    private = await connect(exchange, ORDERS)
    public = await connect(exchange, books("SPOT"), stream="public")

    await exchange.cut("private", seconds=0.4, clean=clean)
    message = await private.socket.receive()

    assert private.socket.closed and (message.data == 1001) is clean
    with pytest.raises(WSServerHandshakeError):
        await http.ws_connect(exchange.ws_private_url)
    assert await public.until("books5")
    await asyncio.sleep(0.4)
    assert (await connect(exchange, ORDERS)).socket.closed is False


async def test_pushes_can_be_dropped_doubled_and_held(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """By channel: the first fill is lost, the second comes twice, the third after the fourth."""
    stream = await connect(exchange, FILL)
    exchange.push_fault("drop", channel="fill")
    exchange.push_fault("double", channel="fill")
    for n in range(2):
        await rest.place(perp_order("buy", None, "0.10", clientOid=f"f{n}"))
    exchange.push_fault("hold", channel="fill")
    for n in range(2, 4):
        await rest.place(perp_order("buy", None, "0.10", clientOid=f"f{n}"))
    exchange.release()

    rows = await stream.rows("fill", count=4)

    assert [row["clientOid"] for row in rows] == ["f1", "f1", "f3", "f2"]


async def test_control_does_over_http_what_the_methods_do(
    rest: Rest, exchange: PaperExchange, http: ClientSession, connect: Connect
) -> None:
    """Answers, pushes, cuts, modes, money and the market; the account as JSON."""
    assert (await control(exchange, http, "next_answer", path="place-order", fault="45001"))[0] == 200
    assert await rest.refuse(perp_order("buy", "2679.00", "0.10")) == "45001"
    await control(exchange, http, "balance", coin="ETH", amount="0.25")
    await control(exchange, http, "funding", rate="0.0003")
    await control(exchange, http, "position_mode", posMode="hedge_mode")
    await control(exchange, http, "book", product="perp", bids=[["2600", "1"]], asks=[["2600.01", "1"]])
    await control(exchange, http, "trade", product="perp", price="2600", qty="1", taker_side="sell")
    stream = await connect(exchange, ORDERS)
    await control(exchange, http, "cut", stream="private")
    await stream.socket.receive()

    _, answer = await control(exchange, http, "account")

    assert answer["data"]["spot"]["ETH"]["available"] == "0.25"
    assert answer["data"]["position_mode"] == "hedge_mode" and stream.socket.closed


async def test_control_refuses_what_it_does_not_know(exchange: PaperExchange, http: ClientSession) -> None:
    """404 for a verb, 400 with the reason for a bad body; nothing of it is on the record of requests."""
    assert (await control(exchange, http, "explode"))[0] == 404
    status, answer = await control(exchange, http, "next_answer", path="x", fault="explode")

    assert status == 400 and "ValueError" in answer["error"]
    assert (await control(exchange, http, "cut"))[0] == 400
    assert list(exchange.requests) == []


async def test_control_reaches_push_faults_and_silence(
    rest: Rest, exchange: PaperExchange, http: ClientSession, connect: Connect
) -> None:
    """A held push comes with `clear`, which also disarms what is left; silence is lifted by name."""
    stream = await connect(exchange, FILL)
    await control(exchange, http, "push", hold=5, channel="fill")
    await control(exchange, http, "silence", product="perp", channel="books5")
    await rest.place(perp_order("buy", None, "0.10", clientOid="held"))
    assert exchange.venue.feed.silent == {("perp", "books5")}

    await control(exchange, http, "clear")
    await control(exchange, http, "silence", product="perp", channel="books5", silent=False)
    await rest.place(perp_order("buy", None, "0.10", clientOid="next"))

    assert [row["clientOid"] for row in await stream.rows("fill", count=2)] == ["held", "next"]
    assert exchange.venue.feed.silent == set()
    assert (await control(exchange, http, "release"))[0] == 200


async def test_a_position_mode_cannot_change_under_a_position(rest: Rest, exchange: PaperExchange) -> None:
    """Even the hand of tests refuses what could not be."""
    await rest.place(perp_order("buy", None, "0.10"))

    with pytest.raises(ValueError, match="1 positions open"):
        exchange.set_position_mode("hedge_mode")


async def test_until_waits_for_a_condition_and_gives_up(exchange: PaperExchange, connect: Connect) -> None:
    """It wakes for connections, requests and pushes."""
    waiting = asyncio.create_task(exchange.until(lambda: exchange.sockets("private") == 1))
    await connect(exchange)
    await waiting

    with pytest.raises(TimeoutError):
        await exchange.until(lambda: False, timeout_s=0.01)
