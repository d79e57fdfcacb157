"""Many connections at once: nothing lost, nothing out of order. The long version is a bench."""

import asyncio
import itertools
from typing import Any

from runner.paper import PaperExchange
from tests.paper.client import ORDERS, Rest, Stream, books, perp_order
from tests.paper.conftest import Connect, Start

CONNECTIONS = 20
SECONDS = 3
TRADES_PER_S = 100


async def drive(exchange: PaperExchange, rest: Rest) -> int:
    """Trade at a steady pace, move both books, place an order ten times a second; how many trades there were."""
    loop = asyncio.get_running_loop()
    start, count = loop.time(), SECONDS * TRADES_PER_S
    for n in range(count):
        exchange.market.trade("perp", "2680", "0.01", "buy")
        if n % 5 == 0:
            exchange.market.set_touch("spot", f"{2681 + n % 7}.00", f"{2681 + n % 7}.01")
        if n % 10 == 0:
            await rest.place(perp_order("buy", "2600.00", "0.01", force="ioc", clientOid=f"o{n}"))
        await asyncio.sleep(max(0.0, start + (n + 1) / TRADES_PER_S - loop.time()))
    return count


async def listen(stream: Stream, trades: int) -> list[dict[str, Any]]:
    """Everything a client reads until it has seen so many trades."""
    seen = []
    while trades:
        message = await stream.receive()
        seen.append(message)
        trades -= message["arg"]["channel"] == "trade"
    return seen


def rows(messages: list[dict[str, Any]], channel: str) -> list[dict[str, Any]]:
    """The first row of each push of a channel."""
    return [message["data"][0] for message in messages if message["arg"]["channel"] == channel]


async def test_twenty_connections_miss_nothing(start: Start, http: Any, connect: Connect) -> None:
    """About 2,000 pushes a second for three seconds: every trade once and in order, every book's pseq the last seq."""
    exchange = await start(rate_limits=False, outbox_max=1_000)
    args = books("USDT-FUTURES", "trade"), books("SPOT", "books")
    public = [await connect(exchange, *args, stream="public") for _ in range(CONNECTIONS)]
    private = await connect(exchange, ORDERS)
    listening = [asyncio.create_task(listen(stream, SECONDS * TRADES_PER_S)) for stream in public]

    count = await drive(exchange, Rest(exchange, http))
    seen = await asyncio.gather(*listening)
    orders = await private.rows("orders", count=count // 10 * 2)

    expected = [trade_id for trade_id, _, _ in reversed(exchange.venue.exchange.recent["perp"])]
    for messages in seen:
        trades = [row["tradeId"] for row in rows(messages, "trade")]
        assert len(trades) == count and trades == sorted(set(trades)) and trades[-len(expected) :] == expected
        for before, after in itertools.pairwise(rows(messages, "books")):
            assert after["pseq"] == before["seq"]
    assert [row["clientOid"] for row in orders] == [f"o{n}" for n in range(0, count, 10) for _ in "ab"]
    assert [row["status"] for row in orders] == ["live", "canceled"] * (count // 10)
