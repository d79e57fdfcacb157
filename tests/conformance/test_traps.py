"""Bitget's traps, one by one: each has a test that fails if the stand-in is made nicer than the exchange.

`TRAPS` says where each is tested: here, with the strangers' clients, or with the stand-in's own tests. Its numbers
are those of the pitfalls in the conformance table; the fee rows come first.
"""

import ast
import functools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from runner.paper import PaperExchange, PaperOptions, Request, Venue, auth
from tests.conformance.traps import FEES, PITFALLS, TRAPS
from tests.paper.client import (
    ACCOUNT,
    FILL,
    MIX,
    ORDERS,
    PERP,
    POSITIONS,
    SPOT,
    SPOT_ACCOUNT,
    SPOT_FILL,
    SPOT_ORDERS,
    Rest,
    perp_order,
    spot_order,
)
from tests.paper.conftest import Connect, Start

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def docstrings(path: str) -> dict[str, str | None]:
    """The functions of a test module below `tests/` and what their docstrings say."""
    body = ast.parse((ROOT / "tests" / path).read_text()).body
    functions = [one for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {one.name: ast.get_docstring(one) for one in functions}


@pytest.mark.parametrize("trap", [*FEES, *range(1, PITFALLS + 1)])
def test_every_trap_is_tested(trap: str | int) -> None:
    """Each fee row and each pitfall names tests, and they exist, with a docstring that says the fact."""
    assert TRAPS[trap]
    for name in TRAPS[trap]:
        path, function = name.split("::")
        assert docstrings(path).get(function), name


def test_no_trap_is_listed_that_does_not_exist() -> None:
    """The mapping has the fee rows and pitfalls 1 to 25, and nothing else."""
    assert set(TRAPS) == {*FEES, *range(1, PITFALLS + 1)}


# Fees


async def test_the_fee_of_an_order_detail_is_negative_text(rest: Rest) -> None:
    """Fee row "mix REST, detail": `fee` is a string, negative, in margin coin."""
    placed = await rest.place(perp_order("buy", None, "0.10"))

    _, answer = await rest.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])

    assert answer["data"]["fee"] == "-0.1608006"


async def test_one_spot_fill_has_its_fee_with_two_signs(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Fee rows of spot: positive on the fill channel alone; three containers (list, object, string of JSON)."""
    stream = await connect(exchange, SPOT_ORDERS, SPOT_FILL)
    placed = await rest.place(spot_order("buy", "2690.00", "0.1"))
    _, order = await stream.rows("orders", count=2)
    (fill,) = await stream.rows("fill")
    _, fills = await rest.get(f"{SPOT}/trade/fills", symbol="ETHUSDT")
    _, info = await rest.get(f"{SPOT}/trade/orderInfo", orderId=placed["orderId"])

    assert fill["feeDetail"][0]["totalFee"] == "0.0001" and order["feeDetail"] == [{"feeCoin": "ETH", "fee": "-0.0001"}]
    assert fills["data"][0]["feeDetail"]["totalFee"] == "-0.0001"
    assert '"totalFee":-0.0001' in info["data"][0]["feeDetail"]
    assert json.loads(info["data"][0]["feeDetail"])["ETH"]["feeCoinCode"] == "ETH"


# Pitfalls


async def test_a_lost_private_push_is_not_repeated(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Pitfall 4: pushes can be lost; only REST knows the fill, and the stream goes on as if nothing was missing."""
    stream = await connect(exchange, FILL)
    exchange.push_fault("drop", channel="fill")
    lost = await rest.place(perp_order("buy", None, "0.10"))
    told = await rest.place(perp_order("buy", None, "0.20"))

    (row,) = await stream.rows("fill")
    _, answer = await rest.get(f"{MIX}/order/fills", **PERP)

    assert row["orderId"] == told["orderId"]
    assert [one["orderId"] for one in answer["data"]["fillList"]] == [told["orderId"], lost["orderId"]]


async def test_a_reconnect_brings_no_order_and_no_fill_back(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """Pitfall 5: what happened between two connections is told by REST alone, on both products."""
    first = await connect(exchange, ORDERS, FILL, SPOT_ORDERS, SPOT_FILL)
    await first.socket.close()
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc"))

    second = await connect(exchange, ORDERS, FILL, SPOT_ORDERS, SPOT_FILL, SPOT_ACCOUNT)
    await second.until("account")
    await second.socket.send_str("ping")
    while await second.receive() != "pong":
        pass

    assert second.seen == [] and len(exchange.account_view().fills) == 1


async def test_a_socket_has_a_life_however_well_it_pings(start: Start, connect: Connect) -> None:
    """Pitfall 6: every socket is cut after its time (24 hours, shortened here), pings or not."""
    exchange = await start(socket_life_ms=300)
    assert PaperOptions().socket_life_ms == 24 * 3_600_000 and PaperOptions().ping_bound_ms == 120_000
    stream = await connect(exchange, ORDERS)
    await stream.socket.send_str("ping")
    assert await stream.receive() == "pong"

    message = await stream.socket.receive(timeout=5)

    assert message.data is None and stream.socket.closed


async def test_one_trade_is_told_three_times(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Pitfall 7: orders channel, fill channel and REST name the same tradeId; adding them up trebles the position."""
    stream = await connect(exchange, ORDERS, FILL)
    await rest.place(perp_order("buy", None, "0.10"))
    _, order = await stream.rows("orders", count=2)
    (fill,) = await stream.rows("fill")
    _, answer = await rest.get(f"{MIX}/order/fills", **PERP)

    assert order["tradeId"] == fill["tradeId"] == answer["data"]["fillList"][0]["tradeId"]
    assert order["baseVolume"] == fill["baseVolume"] == "0.1"


async def test_an_end_can_be_the_only_push(start: Start, http: ClientSession, connect: Connect) -> None:
    """Pitfall 8: a fast fill and a post-only order that would cross may come without `live` before."""
    exchange = await start(single_terminal_push=True)
    rest, stream = Rest(exchange, http), await connect(exchange, ORDERS)
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(perp_order("buy", "2680.01", "0.10", force="post_only"))

    rows = await stream.rows("orders", count=2)

    assert [row["status"] for row in rows] == ["filled", "canceled"]


async def test_a_fill_push_can_hold_several_fills(start: Start, connect: Connect, http: ClientSession) -> None:
    """Fill channel page of spot: two fills of one order are two rows of one push; whoever reads the first loses one."""
    exchange = await start(fills_together=True)
    exchange.market.set_book("spot", [("2681.00", 5)], [("2681.01", "0.1"), ("2681.02", "0.2")])
    stream = await connect(exchange, SPOT_FILL)
    await Rest(exchange, http).place(spot_order("buy", "2690.00", "0.3"))

    (push,) = await stream.until("fill")

    assert [(row["priceAvg"], row["size"]) for row in push["data"]] == [("2681.01", "0.1"), ("2681.02", "0.2")]


async def test_one_thing_has_many_names(rest: Rest) -> None:
    """Pitfall 10: state or status, priceAvg as limit, YES or yes, numbers or text, `locked` or `frozen`."""
    perp = await rest.place(perp_order("buy", "2670.00", "0.10"))
    spot = await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc"))

    _, detail = await rest.get(f"{MIX}/order/detail", **PERP, orderId=perp["orderId"])
    _, pending = await rest.get(f"{MIX}/order/orders-pending", **PERP)
    _, info = await rest.get(f"{SPOT}/trade/orderInfo", orderId=spot["orderId"])
    _, unfilled = await rest.get(f"{SPOT}/trade/unfilled-orders")
    _, account = await rest.get(f"{MIX}/account/account", **PERP, marginCoin="USDT")
    await rest.place(perp_order("buy", None, "0.10"))
    _, positions = await rest.get(f"{MIX}/position/all-position", productType="USDT-FUTURES")

    (listed,) = pending["data"]["entrustedList"]
    assert ("state" in detail["data"], "status" in detail["data"]) == (True, False)
    assert ("state" in listed, "status" in listed) == (False, True)
    assert Decimal(info["data"][0]["price"]) == 2670 and Decimal(info["data"][0]["priceAvg"]) == 0
    assert "price" not in unfilled["data"][0] and unfilled["data"][0]["priceAvg"] == "2670"
    assert not any("force" in row for row in (info["data"][0], unfilled["data"][0])) and listed["force"] == "gtc"
    assert account["data"]["isolatedLongLever"] == 10 and positions["data"][0]["leverage"] == "10"
    assert "locked" in positions["data"][0] and "frozen" not in positions["data"][0]


async def test_hedge_mode_without_trade_side_is_an_option(start: Start, http: ClientSession) -> None:
    """Pitfall 12: recorded as refused (the default); documented as opening a position in the order's direction."""
    rest = Rest(await start(position_mode="hedge_mode", hedge_without_trade_side="opens"), http)
    await rest.place(perp_order("buy", None, "0.10", tradeSide="open"))
    await rest.place(perp_order("sell", None, "0.10"))

    assert [one.hold_side for one in rest.exchange.account_view().positions] == ["long", "short"]


async def test_a_client_oid_is_free_again_after_a_fill(rest: Rest, exchange: PaperExchange) -> None:
    """Pitfall 14: a blind retry of an order that was filled doubles it, on both products."""
    for body in (perp_order("buy", None, "0.10", clientOid="same"), spot_order("buy", "2690", "0.1", clientOid="same")):
        await rest.place(body)
        await rest.place(body)

    assert exchange.account_view().position == Decimal("0.20") and len(exchange.account_view().fills) == 4


def test_a_client_oid_finds_a_spot_order_for_two_hours() -> None:
    """Pitfall 15: afterwards orderInfo by clientOid is an empty list; by orderId the order is still there."""
    venue = Venue(PaperOptions(market="scripted"), 0)
    body = json.dumps(spot_order("buy", "2670", "0.1", force="gtc", clientOid="old"))
    placed = _ask(venue, "POST", f"{SPOT}/trade/place-order", 0, body)
    by_client_oid = f"{SPOT}/trade/orderInfo?clientOid=old"
    by_order_id = f"{SPOT}/trade/orderInfo?orderId={placed['orderId']}"

    assert len(_ask(venue, "GET", by_client_oid, 7_200_000)) == 1
    assert _ask(venue, "GET", by_client_oid, 7_200_001) == []
    assert len(_ask(venue, "GET", by_order_id, 7_200_001)) == 1


def _ask(venue: Venue, method: str, path: str, at_ms: int, body: str = "") -> Any:
    key = PaperOptions().credentials
    headers = {
        "access-key": key.api_key,
        "access-sign": auth.sign(key.secret, f"{at_ms}{method}{path}{body}".encode()),
        "access-timestamp": str(at_ms),
        "access-passphrase": key.passphrase,
    }
    return venue.answer(Request(method, path, headers, body.encode()), at_ms).body["data"]


@pytest.mark.parametrize("code", ["40010", "40015", "40725", "45001"])
async def test_an_error_may_hide_an_order(rest: Rest, exchange: PaperExchange, code: str) -> None:
    """Pitfall 16: these codes say nothing about the outcome; only the clientOid tells."""
    exchange.next_answer("/mix/order/place-order", f"{code}_after")

    assert await rest.refuse(perp_order("buy", "2670.00", "0.10", clientOid="q-1")) == code

    _, found = await rest.get(f"{MIX}/order/detail", **PERP, clientOid="q-1")
    assert found["data"]["state"] == "live"


async def test_an_acknowledged_bulk_cancel_has_not_happened_yet(rest: Rest, exchange: PaperExchange) -> None:
    """Pitfall 17: after cancel-symbol-order and modify-order the old orders are still open, and can still fill."""
    perp = await rest.place(perp_order("buy", "2670.00", "0.10"))
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc"))
    change = {**PERP, "orderId": perp["orderId"], "newClientOid": "v2", "newSize": "0.20", "newPrice": "2671.00"}
    _, symbol = await rest.post(f"{SPOT}/trade/cancel-symbol-order", {"symbol": "ETHUSDT"})
    _, modified = await rest.post(f"{MIX}/order/modify-order", change)
    exchange.market.trade("perp", "2669.00", "1", "sell")

    assert symbol["data"] == {"symbol": "ETHUSDT"} and modified["data"]["orderId"] == perp["orderId"]
    await exchange.until(lambda: not exchange.account_view().open_orders)
    assert [one.status for one in exchange.account_view().orders] == ["filled", "canceled"]


async def test_a_failed_modify_is_told_by_nothing(rest: Rest, exchange: PaperExchange) -> None:
    """Pitfall 17: a new order the account cannot pay is missing, the old one cancelled, the answer 00000."""
    placed = await rest.place(perp_order("buy", "2670.00", "0.10"))
    change = {**PERP, "orderId": placed["orderId"], "newClientOid": "v2", "newSize": "900", "newPrice": "2671.00"}

    status, answer = await rest.post(f"{MIX}/order/modify-order", change)

    assert (status, answer["code"]) == (200, "00000")
    await exchange.until(lambda: not exchange.account_view().open_orders)
    assert [one.cancel_reason for one in exchange.account_view().orders] == ["modify_limit_order"]


async def test_one_order_is_cancelled_once_a_second(rest: Rest) -> None:
    """Pitfall 17: the second request within the second is 45129, though the order is gone; batches count too."""
    placed = await rest.place(perp_order("buy", "2670.00", "0.10", clientOid="c-1"))
    body = {**PERP, "orderId": placed["orderId"]}
    await rest.post(f"{MIX}/order/cancel-order", body)

    status, again = await rest.post(f"{MIX}/order/cancel-order", {**PERP, "clientOid": "c-1"})
    ids = [{"orderId": placed["orderId"]}]
    _, batch = await rest.post(f"{MIX}/order/batch-cancel-orders", PERP | {"orderIdList": ids})  # type: ignore[operator]

    assert (status, again["code"]) == (400, "45129")
    assert [one["errorCode"] for one in batch["data"]["failureList"]] == ["45129"]


async def test_bought_coin_is_less_than_was_bought(rest: Rest, exchange: PaperExchange) -> None:
    """Pitfall 20: the fee was taken in coin, so selling the quantity that was bought is 43012."""
    exchange.set_balance("ETH", "0")
    await rest.place(spot_order("buy", "2690.00", "0.1"))

    assert await rest.refuse(spot_order("sell", "2670.00", "0.1")) == "43012"
    assert "orderId" in await rest.place(spot_order("sell", "2670.00", "0.0999"))


async def test_positions_by_push_can_be_stale(rest: Rest, exchange: PaperExchange, connect: Connect) -> None:
    """Pitfall 21: with its pushes lost the channel still says flat; REST has the position."""
    stream = await connect(exchange, POSITIONS, ACCOUNT)
    exchange.push_fault("drop", channel="positions")
    await rest.place(perp_order("buy", None, "0.10"))
    await stream.until("account", count=2)

    _, answer = await rest.get(f"{MIX}/position/all-position", productType="USDT-FUTURES")

    assert [push["data"] for push in stream.seen] == [[]]
    assert answer["data"][0]["total"] == "0.1"


async def test_orders_of_default_and_of_the_symbol_are_two_subscriptions(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """Pitfall 23: who subscribes to both gets every push twice, each under its own arg."""
    by_symbol = ORDERS | {"instId": "ETHUSDT"}
    stream = await connect(exchange, ORDERS, by_symbol)
    await rest.place(perp_order("buy", "2670.00", "0.10"))

    pushes = await stream.until("orders", count=2)

    assert [push["arg"] for push in pushes] == [ORDERS, by_symbol]
    assert pushes[0]["data"] == pushes[1]["data"]


async def test_the_pages_slips_are_not_served(rest: Rest) -> None:
    """Pitfall 24: `business` works beside `businessType`; makerFeeRate and unionTotalMargin are the real names."""
    rate = "/api/v2/common/trade-rate"
    _, by_table = await rest.get(rate, symbol="ETHUSDT", businessType="mix")
    _, by_curl = await rest.get(rate, symbol="ETHUSDT", business="mix")
    _, accounts = await rest.get(f"{MIX}/account/accounts", productType="USDT-FUTURES")

    assert by_table["data"] == by_curl["data"] == {"makerFeeRate": "0.0002", "takerFeeRate": "0.0006"}
    assert "unionTotalMargin" in accounts["data"][0] and "unionTotalMagin" not in accounts["data"][0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (spot_order("buy", "2670.00", "0.0003", force="gtc"), "45110"),
        (perp_order("buy", "2670.00", "0.01") | {"price": "2545.99"}, "40816"),
        (spot_order("buy", "2627.37", "0.1", force="gtc"), "43008"),
    ],
)
async def test_minimums_and_bands_are_todays(rest: Rest, body: dict[str, str], code: str) -> None:
    """Pitfall 25: the recorded rows of 2026 bind (1 USDT on spot, bands of 2 % and 5 %), not those of other years."""
    assert await rest.refuse(body) == code
