"""Public trades of the perp: asked for only with K_FLOW above 0, counted once, told conflated, and done without."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal as D
from typing import Any

import pytest
from aiohttp import web
from bare_server import BareServer, Script
from bitget_wait import until

from mmfsm import events as ev
from mmfsm.events import FeedName, TradesEvent
from mmfsm.values import InstType, Side
from runner.bitget import wire_market
from runner.bitget.members import WireError
from runner.bitget.sockets import Sockets
from runner.bitget.trades import PERIOD_S, SEEN_MAX, Trades
from runner.paper import PaperExchange
from runner.settings import Settings

PERP = InstType.PERP
ARG = {"instType": "USDT-FUTURES", "channel": "trade", "instId": "ETHUSDT"}
K_FLOW = {"k_flow": D("0.0005")}
SettingsFor = Callable[..., Settings]


def row(number: int, side: str = "buy", size: str = "1") -> dict[str, str]:
    """A trade as Bitget pushes it."""
    return {"ts": "1790358780904", "price": "3500", "size": size, "side": side, "tradeId": str(number)}


def push(*rows: dict[str, str], action: str = "update", arg: dict[str, str] = ARG) -> str:
    return json.dumps({"action": action, "arg": arg, "data": rows, "ts": 1790358780904})


class Listener:
    """Sockets whose books are subscribed as they come up, and what they told."""

    def __init__(self, settings: Settings) -> None:
        self.events: list[ev.Event] = []
        self.sockets = Sockets(settings, self._hear, lambda *_: None)

    def _hear(self, event: ev.Event) -> None:
        self.events.append(event)
        if isinstance(event, ev.FeedUp) and event.feed is not FeedName.PRIVATE:
            self.sockets.subscribe(event.feed, "books5")

    def sums(self) -> tuple[D, D]:
        """All that was bought and all that was sold."""
        told = [it for it in self.events if isinstance(it, TradesEvent)]
        return sum((it.bought for it in told), D(0)), sum((it.sold for it in told), D(0))

    def answers(self, channel: str) -> list[ev.SubscribeAnswered]:
        return [it for it in self.events if isinstance(it, ev.SubscribeAnswered) and it.channel == channel]


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[Listener]:
    listener = Listener(settings)
    await listener.sockets.open()
    yield listener
    await listener.sockets.close()


@asynccontextmanager
async def scripted(script: Script, **more: Any) -> AsyncIterator[Listener]:
    """A listener at a server that does as the script says."""
    async with BareServer(script) as server:
        told: dict[str, Any] = {
            "bitget_rest_url": "http://127.0.0.1:1",
            "bitget_ws_public_url": server.public,
            "bitget_ws_private_url": server.private,
            "ws_backoff_min_ms": 5,
            "ws_backoff_max_ms": 20,
        }
        async with listening(Settings(**(told | K_FLOW | more))) as listener:
            yield listener


# --- against the stand-in ---------------------------------------------------------------------------------------------


async def test_trades_after_the_subscription_are_told_and_those_before_it_are_not(
    exchange: PaperExchange, settings_for: SettingsFor
) -> None:
    """The snapshot on subscribing holds what was traded before; spot's trades are nobody's."""
    exchange.market.trade("perp", "3500", "9", "buy")
    async with listening(settings_for(exchange, **K_FLOW)) as listener:
        await until(lambda: listener.answers("trade"))
        (answer,) = listener.answers("trade")
        assert (answer.feed, answer.accepted) == (FeedName.PERP_BOOK, True)
        exchange.market.trade("spot", "3500", "5", "buy")
        exchange.market.trade("perp", "3500", "2", "buy")
        exchange.market.trade("perp", "3500", "0.5", "sell")
        await until(lambda: listener.sums() == (D(2), D("0.5")))
        assert listener.sockets.store.trade.find() == []  # it would keep a hundred thousand


async def test_a_cut_socket_asks_for_trades_again_and_counts_none_twice(
    exchange: PaperExchange, settings_for: SettingsFor
) -> None:
    """After the reconnect the snapshot repeats what was counted."""
    async with listening(settings_for(exchange, **K_FLOW)) as listener:
        await until(lambda: exchange.listeners("perp", "trade"))
        exchange.market.trade("perp", "3500", "2", "buy")
        await until(lambda: listener.sums() == (D(2), D(0)))
        await exchange.cut("public")
        await until(lambda: len(listener.answers("trade")) == 2)
        exchange.market.trade("perp", "3500", "3", "sell")
        await until(lambda: listener.sums()[1] == 3)
        assert listener.sums() == (D(2), D(3))


async def test_trades_that_never_come_are_told_once(exchange: PaperExchange, settings_for: SettingsFor) -> None:
    """Accepted and silent, through a reconnect: one more answer says so, and a first trade is taken all the same."""
    async with listening(settings_for(exchange, ws_ack_timeout_ms=500, **K_FLOW)) as listener:
        await until(lambda: len(listener.answers("trade")) == 2)
        await exchange.cut("public")
        await until(lambda: len(listener.answers("trade")) == 3)
        exchange.market.trade("perp", "3500", "2", "buy")
        await until(lambda: listener.sums() == (D(2), D(0)))
    told = [(it.accepted, it.msg) for it in listener.answers("trade")]
    assert told == [(True, None), (True, "no trade within 0.5 s"), (True, None)]


async def test_without_k_flow_no_trades_are_asked_for(exchange: PaperExchange, settings_for: SettingsFor) -> None:
    """Off by default: when everything is subscribed, nobody listens to trades."""
    async with listening(settings_for(exchange)) as listener:
        await until(lambda: len(listener.answers("books5")) == 2 and exchange.listeners("perp", "ticker"))
        assert exchange.listeners("perp", "trade") == 0
        exchange.market.trade("perp", "3500", "2", "buy")
        exchange.market.set_touch("perp", "3600", "3600.1")
        await until(lambda: any(isinstance(it, ev.BookEvent) and it.bids[0].price == 3600 for it in listener.events))
        assert listener.sums() == (0, 0) and listener.answers("trade") == []


async def test_without_k_flow_no_message_names_trades() -> None:
    """To the byte: the two books and the ticker are all that is sent."""
    asked: list[str] = []

    async def note(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            told = [] if message.data == "ping" else json.loads(message.data)["args"]
            asked.extend([f"{arg['instType']} {arg['channel']}" for arg in told] or ["ping"])

    async with scripted(note, k_flow=D(0), ws_ping_ms=500):
        await until(lambda: "ping" in asked)  # sent in line: whatever was asked for has been sent before
    assert asked == ["USDT-FUTURES books5", "USDT-FUTURES ticker", "SPOT books5", "ping"]


# --- what the stand-in never does -------------------------------------------------------------------------------------


async def test_a_refusal_is_told_once_however_often_it_repeats_and_books_go_on() -> None:
    """Three connections, each refused: one answer; the books of each are accepted."""
    connections: list[web.WebSocketResponse] = []

    async def refuse(socket: web.WebSocketResponse) -> None:
        connections.append(socket)
        async for message in socket:
            for arg in json.loads(message.data)["args"]:
                if arg["channel"] != "trade":
                    await socket.send_json({"event": "subscribe", "arg": arg})
                    continue
                await socket.send_json({"event": "error", "arg": arg, "code": 30001, "msg": "doesn't exist"})
                if len(connections) < 3:
                    return

    async with scripted(refuse) as listener:
        await until(lambda: len(connections) == 3 and len(listener.answers("books5")) == 6)
        await until(lambda: listener.answers("trade"))
        (answer,) = listener.answers("trade")
    assert (answer.feed, answer.accepted, answer.code) == (FeedName.PERP_BOOK, False, "30001")
    assert all(it.accepted for it in listener.answers("books5"))


async def test_no_answer_at_all_is_told_as_a_refusal() -> None:
    """After WS_ACK_TIMEOUT_MS, in words of our own."""

    async def ignore(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            for arg in json.loads(message.data)["args"]:
                if arg["channel"] != "trade":
                    await socket.send_json({"event": "subscribe", "arg": arg})

    async with scripted(ignore, ws_ack_timeout_ms=50) as listener:
        await until(lambda: listener.answers("trade"))
        (answer,) = listener.answers("trade")
    assert (answer.accepted, answer.code, answer.msg) == (False, None, "no answer within 0.05 s")


async def test_a_trade_counts_once_and_one_that_cannot_be_read_hides_no_other() -> None:
    """Told again, in a snapshot before, of another symbol, of spot, or without a size: none of these."""
    strange, spot = {**ARG, "instId": "BTCUSDT"}, {**ARG, "instType": "SPOT"}
    texts = (
        push(row(2), row(1, "sell"), action="snapshot"),
        push(row(4, size="5"), {**row(3), "size": ""}, {**row(3), "side": "both"}, row(1, "sell", "7")),
        push(row(5, "sell", "0.25"), row(4, size="5")),
        push(row(6), arg=strange),
        push(row(7), arg=spot),
        push(row(8, "sell", "0.5")),
    )

    async def tell(socket: web.WebSocketResponse) -> None:
        for text in texts:
            await socket.send_str(text)
        await socket.receive()
        await socket.receive()

    async with scripted(tell) as listener:
        await until(lambda: listener.sums()[1] == D("0.75"))
    assert listener.sums() == (D(5), D("0.75"))


# --- conflation -------------------------------------------------------------------------------------------------------


async def test_a_flood_becomes_one_event_a_period() -> None:
    """The first is told at once, all that follow within the period together, and nothing is lost."""
    told: list[tuple[float, TradesEvent]] = []
    loop = asyncio.get_running_loop()
    trades = Trades(lambda event: told.append((loop.time(), event)))
    trades.take(row(0), snapshot=False)
    assert told == []  # never from within the call
    await until(lambda: told)
    for number in range(1, 501):
        trades.take(row(number, "sell" if number % 2 else "buy"), snapshot=False)
    await until(lambda: len(told) == 2)

    (first_s, first), (second_s, second) = told
    assert (first.inst, first.bought, first.sold) == (PERP, 1, 0)
    assert (second.bought, second.sold) == (250, 250) and second_s - first_s >= PERIOD_S * 0.99


async def test_what_is_remembered_is_bounded() -> None:
    """The newest SEEN_MAX trades are known; one further back would count again."""
    told: list[TradesEvent] = []
    trades = Trades(told.append)
    for number in range(SEEN_MAX + 1):
        trades.take(row(number), snapshot=True)
    trades.take(row(1), snapshot=False)
    trades.take(row(0, "sell"), snapshot=False)
    await until(lambda: told)

    assert (told[0].bought, told[0].sold) == (0, 1)


async def test_closed_trades_tell_nothing() -> None:
    """What was taken within the last period goes with the run."""
    told: list[TradesEvent] = []
    trades = Trades(told.append)
    trades.take(row(1), snapshot=False)
    trades.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert told == []


def test_a_trade_as_recorded() -> None:
    """Of the live exchange, September 2026."""
    told = {
        "ts": "1790358780904", "price": "83715.7", "size": "0.000012", "side": "buy", "tradeId": "1487438024184414208"
    }  # fmt: skip

    assert wire_market.read_trade(told) == ("1487438024184414208", Side.BUY, D("0.000012"))


@pytest.mark.parametrize("value", [None, "", []])
@pytest.mark.parametrize("member", ["tradeId", "side", "size"])
def test_an_unusable_member_of_a_trade_is_named(member: str, value: object) -> None:
    with pytest.raises(WireError, match=member):
        wire_market.read_trade({**row(1), member: value})
