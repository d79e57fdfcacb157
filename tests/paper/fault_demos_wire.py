"""Faults of requests, pushes and streams, as a client sees them."""

import asyncio
from decimal import Decimal

import pytest
from aiohttp import ClientConnectionError, ClientError, WSMsgType, WSServerHandshakeError

from tests.paper.client import FILL, ORDERS, PERP, POSITIONS, books, perp_order, spot_order
from tests.paper.fault_scene import PENDING, PLACE, SILENCE_S, Scene, is_silent, pong, shows

# Requests


@shows
async def request_lost(scene: Scene) -> None:
    """Reset, and no order."""
    await scene.fault("request_lost", path="place-order")
    with pytest.raises(ClientConnectionError):
        await scene.buy()
    assert scene.orders == 0


@shows
async def answer_lost(scene: Scene) -> None:
    """Reset, and an order."""
    await scene.fault("answer_lost", path="place-order")
    with pytest.raises(ClientConnectionError):
        await scene.buy()
    assert scene.orders == 1


@shows
async def request_hangs(scene: Scene) -> None:
    """The client's own deadline ends it; no order."""
    await scene.fault("request_hangs", path="place-order")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scene.buy(), SILENCE_S)
    assert scene.orders == 0


@shows
async def answer_hangs(scene: Scene) -> None:
    """The client's own deadline ends it; an order."""
    await scene.fault("answer_hangs", path="place-order")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scene.buy(), SILENCE_S)
    assert scene.orders == 1


@shows
async def request_late(scene: Scene) -> None:
    """The order meets the book of later."""
    await scene.fault("request_late", path="place-order", ms=40)
    placing = asyncio.create_task(scene.buy())
    await scene.exchange.until(lambda: len(scene.exchange.requests) == 1)
    scene.exchange.market.set_touch("perp", "2690.00", "2690.01")
    await placing
    assert str(scene.exchange.account_view().fills[0].price) == "2690.01"


@shows
async def answer_late(scene: Scene) -> None:
    """Filled and pushed while the answer is on its way."""
    stream = await scene.connect(scene.exchange, FILL)
    await scene.fault("answer_late", path="place-order", ms=60)
    placing = asyncio.create_task(scene.buy("late"))
    (row,) = await stream.rows("fill")
    assert row["clientOid"] == "late" and not placing.done()
    assert (await placing)["orderId"] == row["orderId"]


@shows
async def push_before_answer(scene: Scene) -> None:
    """Order and fill are read before the answer, however small the delay."""
    stream = await scene.connect(scene.exchange, ORDERS, FILL)
    await scene.fault("push_before_answer", path="place-order")
    placing = asyncio.create_task(scene.buy())
    rows = await stream.rows("orders", count=2)
    assert [row["status"] for row in rows] == ["live", "filled"] and not placing.done()
    await placing


@shows
async def http_5xx(scene: Scene) -> None:
    """No envelope; whether it took effect is the fault's."""
    for executed in (1.0, 0.0):
        await scene.fault("http_5xx", path="place-order", status=503, executed=executed)
        headers = scene.rest.headers("POST", PLACE, BODY)
        async with scene.http.post(scene.exchange.rest_url + PLACE, data=BODY, headers=headers) as answer:
            assert answer.status == 503 and not (await answer.text()).startswith("{")
    assert scene.orders == 1


BODY = (
    '{"symbol":"ETHUSDT","productType":"USDT-FUTURES","marginMode":"isolated","marginCoin":"USDT",'
    '"size":"0.1","side":"buy","orderType":"market"}'
)


@shows
async def too_many_requests(scene: Scene) -> None:
    """A burst: two in a row, then the truth."""
    await scene.fault("too_many_requests", path="orders-pending", times=2)
    answers = [await scene.rest.get(PENDING, **PERP) for _ in range(3)]
    assert [status for status, _ in answers] == [429, 429, 200]
    assert answers[0][1]["msg"] == "Too Many Requests"


@shows
async def unknown_error(scene: Scene) -> None:
    """45001, executed or not, for as long as the window lasts."""
    await scene.fault("unknown_error", path="place-order", executed=1.0, to_s=60.0)
    for _ in range(2):
        assert await scene.rest.refuse(perp_order("buy", None, "0.10")) == "45001"
    assert scene.orders == 2
    await scene.clear()
    await scene.buy()


@shows
async def refused(scene: Scene) -> None:
    """A spot hedge starves with the codes a live one met; the perp does not."""
    for code in ("43012", "45110"):
        await scene.fault("refused", path="spot/trade/place-order", code=code)
        await scene.buy()
        assert await scene.rest.refuse(spot_order("sell", "2681.00", "0.1")) == code
    await scene.rest.place(spot_order("sell", "2681.00", "0.1"))


# Pushes


@shows
async def push_lost(scene: Scene) -> None:
    """Of two fills one is never heard of."""
    stream = await scene.connect(scene.exchange, FILL)
    await scene.fault("push_lost", channel="fill")
    for name in ("lost", "heard"):
        await scene.buy(name)
    assert [row["clientOid"] for row in await stream.rows("fill")] == ["heard"]


@shows
async def push_late(scene: Scene) -> None:
    """The earlier fill comes after the later one."""
    stream = await scene.connect(scene.exchange, FILL)
    await scene.fault("push_late", channel="fill", ms=60)
    for name in ("late", "next"):
        await scene.buy(name)
    assert [row["clientOid"] for row in await stream.rows("fill", count=2)] == ["next", "late"]


@shows
async def push_doubled(scene: Scene) -> None:
    """The same trade twice."""
    stream = await scene.connect(scene.exchange, FILL)
    await scene.fault("push_doubled", channel="fill")
    await scene.buy()
    first, second = await stream.rows("fill", count=2)
    assert first == second


@shows
async def fill_before_order(scene: Scene) -> None:
    """The fill is read between `live` and `filled`."""
    stream = await scene.connect(scene.exchange, ORDERS, FILL)
    await scene.fault("fill_before_order")
    await scene.buy()
    seen = [await stream.receive() for _ in range(3)]
    assert [message["arg"]["channel"] for message in seen] == ["orders", "fill", "orders"]
    assert seen[2]["data"][0]["tradeId"] == seen[1]["data"][0]["tradeId"]


@shows
async def terminal_push_alone(scene: Scene) -> None:
    """`filled` without `live`."""
    stream = await scene.connect(scene.exchange, ORDERS)
    await scene.fault("terminal_push_alone")
    await scene.buy()
    assert [row["status"] for row in await stream.rows("orders")] == ["filled"]


@shows
async def positions_stale(scene: Scene) -> None:
    """0.2 are held, 0.1 are pushed."""
    stream = await scene.connect(scene.exchange, POSITIONS)
    await scene.buy()
    await scene.fault("positions_stale")
    await scene.buy()
    pushes = await stream.until("positions", count=3)
    assert [[row["total"] for row in push["data"]] for push in pushes] == [[], ["0.1"], ["0.1"]]
    assert scene.exchange.account_view().position == Decimal("0.20")


@shows
async def positions_empty(scene: Scene) -> None:
    """Held, and pushed as flat."""
    stream = await scene.connect(scene.exchange, POSITIONS)
    await scene.fault("positions_empty")
    await scene.buy()
    assert [push["data"] for push in await stream.until("positions", count=2)] == [[], []]
    assert scene.exchange.account_view().position == Decimal("0.10")


# Streams


@shows
async def private_silent(scene: Scene) -> None:
    """Acknowledged, alive, and nothing of the account on it."""
    await scene.fault("private_silent")
    stream = await scene.connect(scene.exchange, ORDERS, POSITIONS)
    await scene.buy("unheard")
    assert await pong(stream) == "pong" and await is_silent(stream)
    await scene.clear()
    await scene.buy("heard")
    assert {row["clientOid"] for row in await stream.rows("orders", count=2)} == {"heard"}


@shows
async def stream_cut(scene: Scene) -> None:
    """The private stream is reset and refused for a while; the public one stays."""
    private = await scene.connect(scene.exchange, ORDERS)
    public = await scene.connect(scene.exchange, books("SPOT"), stream="public")
    await scene.fault("stream_cut", for_s=30)
    assert (await private.socket.receive()).type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
    with pytest.raises(WSServerHandshakeError):
        await scene.http.ws_connect(scene.exchange.ws_private_url)
    assert await pong(public) != "" and not public.socket.closed


@shows
async def stream_half_open(scene: Scene) -> None:
    """Connected, and dead: no pong, no push, no close. A new connection works."""
    stream = await scene.connect(scene.exchange, ORDERS)
    await scene.fault("stream_half_open")
    await scene.buy("unheard")
    await stream.socket.send_str("ping")
    assert await is_silent(stream) and not stream.socket.closed
    again = await scene.connect(scene.exchange, ORDERS)
    await scene.buy("heard")
    assert (await again.rows("orders"))[0]["clientOid"] == "heard"


@shows
async def stream_frozen(scene: Scene) -> None:
    """Pongs come, nothing else; afterwards it goes on, without what was pushed meanwhile."""
    stream = await scene.connect(scene.exchange, ORDERS)
    await scene.fault("stream_frozen")
    await scene.buy("unheard")
    await stream.socket.send_json({"op": "subscribe", "args": [FILL]})
    assert await pong(stream) == "pong" and await is_silent(stream)
    await scene.clear()
    await scene.buy("heard")
    assert (await stream.rows("orders"))[0]["clientOid"] == "heard"


@shows
async def exchange_down(scene: Scene) -> None:
    """Both sockets go, nothing can be asked, nothing connects; then all of it works again."""
    sockets = [await scene.connect(scene.exchange, stream=stream) for stream in ("private", "public")]
    await scene.fault("exchange_down", for_s=60)
    for stream in sockets:
        assert (await stream.socket.receive()).type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
    with pytest.raises(ClientConnectionError):
        await scene.rest.get("/api/v2/public/time")
    with pytest.raises(ClientError):
        await scene.http.ws_connect(scene.exchange.ws_public_url)
    await scene.clear()
    assert (await scene.rest.get("/api/v2/public/time"))[0] == 200
    await scene.connect(scene.exchange, ORDERS)
