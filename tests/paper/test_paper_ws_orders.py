"""Orders over the private socket, frame by frame as recorded."""

from typing import Any

import pytest

from runner.paper import PaperExchange
from tests.paper.client import ORDERS, Stream
from tests.paper.conftest import Connect, Start

PERP = {
    "orderType": "limit", "side": "buy", "size": "0.1", "price": "2670", "marginCoin": "USDT",
    "marginMode": "isolated", "force": "post_only",
}  # fmt: skip
SPOT = {"orderType": "limit", "side": "buy", "size": "0.1", "price": "2670", "force": "gtc"}


def order(inst_type: str, params: dict[str, str], channel: str = "place-order", **more: Any) -> dict[str, Any]:
    """One member of a trade request's args."""
    return {"id": "1", "instType": inst_type, "instId": "ETHUSDT", "channel": channel, "params": params} | more


async def asked(stream: Stream, arg: dict[str, Any]) -> dict[str, Any]:
    """Send one trade request; returns the answer to it, whatever was pushed before."""
    await stream.socket.send_json({"op": "trade", "args": [arg]})
    answer: dict[str, Any] = await stream.receive()
    while "event" not in answer:
        stream.seen.append(answer)
        answer = await stream.receive()
    return answer


@pytest.fixture
async def granted(start: Start) -> PaperExchange:
    """An exchange whose account may send orders over the socket."""
    return await start(ws_orders=True)


@pytest.mark.parametrize(("inst_type", "params"), [("USDT-FUTURES", PERP), ("SPOT", SPOT)])
async def test_placing_and_cancelling(
    granted: PaperExchange, connect: Connect, inst_type: str, params: dict[str, str]
) -> None:
    """The answer's arg is a list with the ids in params; a cancel repeats the id it was given, nothing more."""
    stream = await connect(granted, ORDERS)

    placed = await asked(stream, order(inst_type, params | {"clientOid": "w-1"}))
    number = placed["arg"][0]["params"]["orderId"]
    ended = await asked(stream, order(inst_type, {"orderId": number}, "cancel-order"))

    assert (placed["event"], placed["code"], placed["msg"], type(placed["ts"])) == ("trade", 0, "Success", int)
    assert placed["arg"][0] == {
        "id": "1", "instType": inst_type, "channel": "place-order", "instId": "ETHUSDT",
        "params": {"orderId": number, "clientOid": "w-1"},
    }  # fmt: skip
    assert ended["arg"][0]["params"] == {"orderId": number} and granted.account_view().open_orders == ()


@pytest.mark.parametrize(
    ("arg", "code"),
    [
        (order("USDT-FUTURES", PERP | {"tradeSide": "open"}), 40774),
        (order("USDT-FUTURES", {"orderId": "12a4"}, "cancel-order"), 41101),
        (order("SPOT", {"orderId": "12345"}, "cancel-order"), 43001),
        (order("SPOT", SPOT | {"size": "0.0001"}), 45110),
        (order("SPOT", SPOT, instId="BTCUSDT"), 40034),
        (order("SPOT", SPOT, "modify-order"), 30016),
        (order("SPOT", SPOT, id="1" * 41), 30016),
    ],
)
async def test_a_refusal_repeats_what_was_sent(
    granted: PaperExchange, connect: Connect, arg: dict[str, Any], code: int
) -> None:
    """Event `error`, the whole arg as sent, and the REST code as a number."""
    answer = await asked(await connect(granted, ORDERS), arg)

    assert (answer["event"], answer["code"], answer["arg"]) == ("error", code, [arg])


async def test_the_answer_comes_before_the_push(granted: PaperExchange, connect: Connect) -> None:
    """On one socket: acknowledged, then live."""
    stream = await connect(granted, ORDERS)

    answer = await asked(stream, order("USDT-FUTURES", PERP))
    (row,) = await stream.rows("orders")

    assert row["orderId"] == answer["arg"][0]["params"]["orderId"] and row["status"] == "live"


async def test_its_limit_is_that_of_rest(start: Start, connect: Connect) -> None:
    """The place-order endpoint's ten a second are spent by socket too; the eleventh is 429."""
    exchange = await start(ws_orders=True)
    streams = [await connect(exchange, ORDERS) for _ in range(2)]

    codes = [(await asked(streams[n % 2], order("SPOT", SPOT | {"clientOid": str(n)})))["code"] for n in range(11)]

    assert codes == [0] * 10 + [429]


async def test_without_access_the_op_does_not_exist(exchange: PaperExchange, connect: Connect) -> None:
    """30003, and before the login 30004 where it is granted."""
    stream = await connect(exchange, ORDERS)

    assert (await asked(stream, order("SPOT", SPOT)))["code"] == 30003


async def test_it_needs_a_login(granted: PaperExchange, connect: Connect) -> None:
    """30004 on a private socket that has not logged in, and on a public one."""
    for stream in (await connect(granted), await connect(granted, stream="public")):
        assert (await asked(stream, order("SPOT", SPOT)))["code"] == 30004
    assert granted.account_view().orders == ()
