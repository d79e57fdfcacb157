"""Private channels: login, acks, what is pushed at first, and every row's traps."""

import asyncio
from decimal import Decimal

import pytest

from runner.paper import PaperExchange
from tests.paper.client import (
    ACCOUNT,
    FILL,
    ORDERS,
    POSITIONS,
    SPOT_ACCOUNT,
    SPOT_FILL,
    SPOT_ORDERS,
    Rest,
    perp_order,
    spot_order,
)
from tests.paper.conftest import Connect, Start


async def test_login_answers_with_a_number_and_a_connection_id(exchange: PaperExchange, connect: Connect) -> None:
    """`code` is the number 0; `api_key` and seconds are accepted."""
    answer = await (await connect(exchange)).login(exchange)

    assert answer["event"] == "login" and answer["code"] == 0 and answer["connId"]


async def test_login_takes_api_key_in_camel_case_and_milliseconds(exchange: PaperExchange, connect: Connect) -> None:
    """The documented spelling works too; a timestamp out of the window is 30014, not a parse error."""
    stream = await connect(exchange)
    answer = await stream.login(exchange, apiKey=exchange.credentials.api_key, timestamp="1538054050123")

    assert answer["code"] == 30014


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_key": "other"}, 30011),
        ({"passphrase": "other"}, 30012),
        ({"timestamp": "soon"}, 30013),
        ({"timestamp": "1538054050"}, 30014),
        ({"sign": "AAAA"}, 30015),
        ({"sign": "é"}, 30015),
    ],
)
async def test_a_refused_login_is_answered_and_closed(
    exchange: PaperExchange, connect: Connect, change: dict[str, str], code: int
) -> None:
    """Each wrong member has its own number; then the server hangs up."""
    stream = await connect(exchange)

    answer = await stream.login(exchange, **change)

    assert (answer["event"], answer["code"]) == ("error", code)
    await stream.socket.receive()
    assert stream.socket.closed


async def test_subscribing_before_the_login_ack_is_refused(exchange: PaperExchange, connect: Connect) -> None:
    """30004, with the arg and the op repeated."""
    (answer,) = await (await connect(exchange)).subscribe(ORDERS)

    assert (answer["event"], answer["code"], answer["arg"], answer["op"]) == ("error", 30004, ORDERS, "subscribe")


async def test_what_is_sent_right_behind_the_login_is_refused(exchange: PaperExchange, connect: Connect) -> None:
    """30004 until the login's answer has left, however good the login is; afterwards the same message is taken."""
    stream = await connect(exchange)
    await stream.send_login(exchange)
    (login,) = await stream.subscribe(ORDERS)  # the first answer of two
    refused = await stream.receive()
    (taken,) = await stream.subscribe(ORDERS)

    assert (login["event"], login["code"], refused["event"], refused["code"]) == ("login", 0, "error", 30004)
    assert taken == {"event": "subscribe", "arg": ORDERS}


async def test_each_arg_has_its_own_ack_and_an_unknown_one_its_own_error(
    exchange: PaperExchange, connect: Connect
) -> None:
    """A wrong instType, a public channel and a symbol on positions do not exist here; the others are acked."""
    stream = await connect(exchange)
    await stream.login(exchange)
    wrong = [ORDERS | {"instType": "UMCBL"}, ORDERS | {"channel": "books5"}, POSITIONS | {"instId": "ETHUSDT"}]

    acks = await stream.subscribe(ORDERS, *wrong, SPOT_FILL)

    assert [ack.get("code") for ack in acks] == [None, 30001, 30001, 30001, None]
    assert acks[0] == {"event": "subscribe", "arg": ORDERS}
    assert acks[1]["msg"] == "instType:UMCBL,channel:orders,instId:default,precision:null doesn't exist"


async def test_positions_and_accounts_push_at_once_orders_and_fills_do_not(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """An open order and a fill from before are not told; positions and balances are."""
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(perp_order("buy", "2679.00", "0.10"))

    stream = await connect(exchange, ORDERS, FILL, POSITIONS, ACCOUNT, SPOT_ORDERS, SPOT_FILL, SPOT_ACCOUNT)
    (positions,) = await stream.until("positions")
    await stream.until("account", count=2)
    await stream.socket.send_str("ping")
    while await stream.receive() != "pong":
        pass

    assert stream.seen == []
    assert positions["action"] == "snapshot" and isinstance(positions["ts"], int)
    (row,) = positions["data"]
    assert (row["total"], row["holdSide"], row["leverage"], row["frozen"]) == ("0.1", "long", 10, "0")


async def test_a_taker_order_pushes_live_then_filled(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """The orders row carries the trade; `reduceOnly` is lower case; the fee is negative."""
    stream = await connect(exchange, ORDERS)
    placed = await rest.place(perp_order("buy", "2680.05", "0.10", force="ioc", clientOid="t-1"))

    live, filled = await stream.rows("orders", count=2)

    assert (live["status"], live["orderId"], live["clientOid"]) == ("live", placed["orderId"], "t-1")
    assert "tradeId" not in live and live["force"] == "ioc" and live["reduceOnly"] == "no"
    assert (filled["status"], filled["accBaseVolume"], filled["baseVolume"]) == ("filled", "0.1", "0.1")
    assert (filled["fillPrice"], filled["priceAvg"], filled["tradeScope"]) == ("2680.01", "2680.01", "T")
    assert filled["fillFee"] == "-0.1608006" and filled["feeDetail"] == [{"fee": "-0.16080060", "feeCoin": "USDT"}]


async def test_a_crossing_post_only_pushes_live_then_canceled(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """The only notice of a quote that would have taken; futures spell canceled with one l."""
    stream = await connect(exchange, ORDERS)
    await rest.place(perp_order("sell", "2680.00", "0.10", force="post_only"))

    live, ended = await stream.rows("orders", count=2)

    assert (live["status"], live["cancelReason"]) == ("live", "")
    assert (ended["status"], ended["cancelReason"]) == ("canceled", "post_only_fill_cancel")
    assert "priceAvg" not in ended and "tradeId" not in ended


async def test_the_futures_fill_has_the_client_oid_and_a_negative_fee(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """A maker fill: quantity in baseVolume, price in price, scope maker."""
    stream = await connect(exchange, FILL)
    await rest.place(perp_order("buy", "2679.00", "0.10", force="post_only", clientOid="q-1"))
    exchange.market.trade("perp", "2678.99", "1", "sell")

    (row,) = await stream.rows("fill")

    assert (row["clientOid"], row["price"], row["baseVolume"], row["quoteVolume"]) == ("q-1", "2679", "0.1", "267.9")
    assert (row["tradeScope"], row["tradeSide"], row["side"]) == ("maker", "buy_single", "buy")
    assert row["feeDetail"] == [
        {"feeCoin": "USDT", "deduction": "no", "totalDeductionFee": "0", "totalFee": "-0.05358"}
    ]


async def test_the_spot_fill_has_no_client_oid_and_a_positive_fee(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """Quantity in size, price in priceAvg, fee positive in base coin: this channel alone."""
    stream = await connect(exchange, SPOT_FILL)
    placed = await rest.place(spot_order("buy", "2690.00", "0.1000", clientOid="h-1"))

    (row,) = await stream.rows("fill")

    assert "clientOid" not in row and row["orderId"] == placed["orderId"]
    assert (row["priceAvg"], row["size"], row["amount"], row["tradeScope"]) == ("2681.01", "0.1", "268.101", "taker")
    assert row["feeDetail"] == [{"feeCoin": "ETH", "deduction": "no", "totalDeductionFee": "0", "totalFee": "0.0001"}]


async def test_a_spot_order_ends_as_cancelled_with_two_l(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Size in newSize with four decimals; an unfilled one has priceAvg 0.00000 and no fees; no cancelReason."""
    stream = await connect(exchange, SPOT_ORDERS)
    await rest.place(spot_order("buy", "2670.00", "0.1000", clientOid="h-1"))

    live, ended = await stream.rows("orders", count=2)

    assert (live["newSize"], live["accBaseVolume"], live["priceAvg"], live["feeDetail"]) == (
        "0.1000", "0.0000", "0.00000", [],
    )  # fmt: skip
    assert (live["size"], live["notional"], live["force"]) == ("267.0000", "267.000000", "ioc")
    assert ended["status"] == "cancelled" and "cancelReason" not in ended


async def test_spot_fees_add_up_in_the_orders_row(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Two levels, two pushes: fillFee is this trade's, feeDetail the order's sum, both negative."""
    exchange.market.set_touch("spot", "2681.00", "2681.01", qty="0.06")
    stream = await connect(exchange, SPOT_ORDERS)
    await rest.place(spot_order("buy", "2690.00", "0.1000"))

    _, first, second = await stream.rows("orders", count=3)

    assert (first["status"], first["fillFee"], first["fillFeeCoin"]) == ("partially_filled", "-0.00006", "ETH")
    assert (second["status"], second["fillFee"]) == ("filled", "-0.00004")
    assert second["feeDetail"] == [{"feeCoin": "ETH", "fee": "-0.0001"}]


async def test_closing_the_last_position_pushes_an_empty_list(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """A flat symbol is absent: data is []."""
    stream = await connect(exchange, POSITIONS)
    await rest.place(perp_order("sell", None, "0.10"))
    await rest.place(perp_order("buy", None, "0.10", reduceOnly="YES"))

    first, opened, closed = await stream.until("positions", count=3)

    assert first["data"] == [] and closed["data"] == []
    assert opened["data"][0]["holdSide"] == "short"


async def test_a_spot_account_push_names_the_coins_that_changed(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """The first push has every coin; a resting buy then touches USDT alone."""
    stream = await connect(exchange, SPOT_ACCOUNT)
    await rest.place(spot_order("buy", "2670.00", "0.1000", force="gtc"))

    first, changed = await stream.until("account", "SPOT", count=2)

    assert {row["coin"] for row in first["data"]} == {"ETH", "USDT"}
    assert [(row["coin"], row["available"], row["frozen"]) for row in changed["data"]] == [("USDT", "4733", "267")]


async def test_refused_orders_push_nothing(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """A rejection at entry is told by REST alone."""
    stream = await connect(exchange, ORDERS)
    await rest.refuse(perp_order("buy", "2679.00", "0"))
    placed = await rest.place(perp_order("buy", "2679.00", "0.10"))

    (row,) = await stream.rows("orders")

    assert row["orderId"] == placed["orderId"]


async def test_private_pushes_can_come_twice(start: Start, http: object, connect: Connect) -> None:
    """`private_pushes=2` delivers every private push twice, with the same tradeId."""
    exchange = await start(private_pushes=2)
    stream = await connect(exchange, FILL)
    await Rest(exchange, http).place(perp_order("buy", None, "0.10"))  # type: ignore[arg-type]

    first, second = await stream.rows("fill", count=2)

    assert first == second and len(exchange.account_view().fills) == 1


async def test_a_client_that_does_not_ping_is_cut(start: Start, connect: Connect) -> None:
    """The bound counts from the last text ping; a subscription alone does not keep a socket alive."""
    exchange = await start(ping_bound_ms=400)
    stream = await connect(exchange, ORDERS)

    async with asyncio.timeout(5):
        message = await stream.socket.receive()

    assert message.data is None and stream.socket.closed


async def test_too_many_messages_in_a_second_disconnect(exchange: PaperExchange, connect: Connect) -> None:
    """More than ten messages a second, pings included: 30007 and the end."""
    stream = await connect(exchange)
    for _ in range(11):
        await stream.socket.send_str("ping")

    replies = [await stream.receive() for _ in range(11)]

    assert replies[:10] == ["pong"] * 10 and replies[10]["code"] == 30007
    await stream.socket.receive()
    assert stream.socket.closed


async def test_malformed_messages_have_their_numbers(exchange: PaperExchange, connect: Connect) -> None:
    """30002 not understood, 30003 unknown op, 30016 bad args."""
    stream = await connect(exchange)
    for text in ("hello", '{"op":"dance","args":[{}]}', '{"op":"subscribe","args":[]}'):
        await stream.socket.send_str(text)

    assert [(await stream.receive())["code"] for _ in range(3)] == [30002, 30003, 30016]


async def test_latency_delays_and_keeps_the_order(start: Start, http: object, connect: Connect) -> None:
    """With jitter larger than the gap between pushes, live still comes before filled."""
    exchange = await start(latency_ms=5, jitter_ms=20)
    stream = await connect(exchange, ORDERS, FILL)
    rest = Rest(exchange, http)  # type: ignore[arg-type]
    for _ in range(3):
        await rest.place(perp_order("buy", None, "0.10"))

    rows = await stream.rows("orders", count=6)

    assert [row["status"] for row in rows] == ["live", "filled"] * 3
    assert exchange.account_view().position == Decimal("0.30")
