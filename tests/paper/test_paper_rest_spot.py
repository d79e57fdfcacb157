"""Spot REST: orders, fees in the coin received, and the names that differ from the perp's."""

import json
import time
from decimal import Decimal

import pytest

from runner.paper import PaperExchange
from tests.paper.client import SPOT, Rest, spot_order


async def test_a_buy_pays_its_fee_in_base_coin(rest: Rest, exchange: PaperExchange) -> None:
    """0.1 ETH bought leaves 0.0999 ETH more; the quote coin pays price x size exactly."""
    await rest.place(spot_order("buy", "2690.00", "0.1000"))

    spot = exchange.account_view().spot
    assert spot["ETH"].total == Decimal("0.5") + Decimal("0.0999")
    assert spot["USDT"].total == Decimal("5000") - Decimal("268.101") and spot["USDT"].frozen == 0


async def test_a_sell_pays_its_fee_in_quote_coin(rest: Rest, exchange: PaperExchange) -> None:
    """0.1 ETH sold brings 99.9 % of its value."""
    await rest.place(spot_order("sell", "2670.00", "0.1000"))

    spot = exchange.account_view().spot
    assert spot["ETH"].total == Decimal("0.4")
    assert spot["USDT"].total == Decimal("5000") + Decimal("268.100") * Decimal("0.999")


async def test_order_info_is_a_list_with_its_fee_in_a_string_of_json(rest: Rest) -> None:
    """Sixteen decimals, `cancelled` spelled with two l, no force; fee negative and unquoted."""
    placed = await rest.place(spot_order("buy", "2681.01", "0.6000", clientOid="h-1"))

    _, answer = await rest.get(f"{SPOT}/trade/orderInfo", clientOid="h-1")

    (row,) = answer["data"]
    assert row["orderId"] == placed["orderId"] and "force" not in row
    fee = json.loads(row["feeDetail"])
    assert len(row["size"].split(".")[1]) == 16
    assert fee["ETH"]["totalFee"] < 0 and fee["newFees"]["t"] == fee["ETH"]["totalFee"]


async def test_an_ioc_remainder_is_cancelled_with_two_l(rest: Rest) -> None:
    """The displayed 0.2 at the limit fill; the rest ends as `cancelled`, ioc_not_full_cancel."""
    rest.exchange.market.set_touch("spot", "2681.00", "2681.01", qty="0.2")
    await rest.place(spot_order("buy", "2681.01", "0.5000", clientOid="h-1"))

    _, answer = await rest.get(f"{SPOT}/trade/orderInfo", clientOid="h-1")

    (row,) = answer["data"]
    assert (row["status"], row["cancelReason"]) == ("cancelled", "ioc_not_full_cancel")
    assert Decimal(row["baseVolume"]) == Decimal("0.2")


async def test_an_unknown_order_is_an_empty_list(rest: Rest) -> None:
    """orderInfo of an unknown id: success with no row. A cancel of it: 43001."""
    _, answer = await rest.get(f"{SPOT}/trade/orderInfo", orderId="1")
    status, gone = await rest.post(f"{SPOT}/trade/cancel-order", {"symbol": "ETHUSDT", "orderId": "1"})

    assert (answer["code"], answer["data"]) == ("00000", [])
    assert (status, gone["code"]) == (400, "43001")


async def test_an_unfilled_orders_limit_is_called_price_avg(rest: Rest, exchange: PaperExchange) -> None:
    """unfilled-orders: limit in priceAvg, fill price in basePrice, no price, no force, status live."""
    await rest.place(spot_order("sell", "2690.00", "0.1000", force="gtc"))

    _, answer = await rest.get(f"{SPOT}/trade/unfilled-orders", symbol="ETHUSDT")
    _, assets = await rest.get(f"{SPOT}/account/assets", coin="ETH")

    (row,) = answer["data"]
    assert (row["priceAvg"], row["basePrice"], row["status"]) == ("2690", "0", "live")
    assert "price" not in row and "force" not in row
    assert (assets["data"][0]["available"], assets["data"][0]["frozen"]) == ("0.40000000", "0.10000000")


async def test_fills_have_a_fee_object_and_no_client_oid(rest: Rest) -> None:
    """feeDetail is an object here; the fee is negative and in base coin on a buy."""
    await rest.place(spot_order("buy", "2690.00", "0.1000", clientOid="h-1"))

    _, answer = await rest.get(f"{SPOT}/trade/fills", symbol="ETHUSDT")

    (row,) = answer["data"]
    assert "clientOid" not in row
    assert row["feeDetail"] == {"deduction": "no", "feeCoin": "ETH", "totalDeductionFee": "", "totalFee": "-0.0001"}
    assert (row["priceAvg"], row["size"], row["amount"]) == ("2681.01", "0.1", "268.101")


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (spot_order("sell", "2670.00", "0.6000"), "43012"),
        (spot_order("buy", "2690.00", "2.0000"), "43012"),
        (spot_order("buy", "2105.2400000000002", "0.1"), "41103"),
        (spot_order("buy", "2690.00", "0.039900000000000005"), "40808"),
        (spot_order("buy", "2734.64", "0.1"), "43009"),
        (spot_order("sell", "2627.37", "0.1"), "43008"),
        (spot_order("buy", "2690.00", "0.0003"), "45110"),
        (spot_order("buy", "2690.00", "0.1", force=""), "40019"),
    ],
)
async def test_a_broken_rule_has_its_code(rest: Rest, order: dict[str, str], code: str) -> None:
    """Balance, scales, band of 2 %, minimum of 1 USDT."""
    assert await rest.refuse(order) == code


async def test_a_market_buy_is_sized_in_quote_coin(rest: Rest, exchange: PaperExchange) -> None:
    """100 USDT buy what fits on the grid; the rest stays."""
    await rest.place(spot_order("buy", None, "100"))

    (fill,) = exchange.account_view().fills
    assert fill.qty == Decimal("0.0372")
    assert exchange.account_view().orders[0].status == "filled"
    assert exchange.account_view().spot["USDT"].total == Decimal("5000") - fill.qty * fill.price


async def test_an_own_receive_window_refuses_a_late_order(rest: Rest) -> None:
    """requestTime further from its arrival than receiveWindow, back or ahead: 40078; a window of a minute: 40079."""
    order = spot_order("buy", "2690.00", "0.1000")
    late, early = (str(int(time.time() * 1000) + ms) for ms in (-5_000, 5_000))

    assert await rest.refuse(order | {"requestTime": late, "receiveWindow": "1000"}) == "40078"
    assert await rest.refuse(order | {"requestTime": early, "receiveWindow": "1000"}) == "40078"
    assert await rest.refuse(order | {"requestTime": late, "receiveWindow": "60000"}) == "40079"
    assert "orderId" in await rest.place(order | {"requestTime": late, "receiveWindow": "20000"})


async def test_cancel_symbol_order_names_no_order(rest: Rest, exchange: PaperExchange) -> None:
    """It answers with the symbol alone; the orders end a little later and give the coin back."""
    await rest.place(spot_order("buy", "2670.00", "0.1000", force="gtc"))

    _, answer = await rest.post(f"{SPOT}/trade/cancel-symbol-order", {"symbol": "ETHUSDT"})

    assert answer["data"] == {"symbol": "ETHUSDT"}
    assert len(exchange.account_view().open_orders) == 1
    await exchange.until(lambda: exchange.account_view().spot["USDT"].available == Decimal("5000"))


async def test_batches_and_history(rest: Rest) -> None:
    """batch-orders sorts into two lists; batch-cancel by clientOid; history names the end."""
    good = {"side": "buy", "orderType": "limit", "force": "gtc", "price": "2670.00", "size": "0.1", "clientOid": "a"}
    body = {"symbol": "ETHUSDT", "orderList": [good, good]}

    _, placed = await rest.post(f"{SPOT}/trade/batch-orders", body)
    ended = await rest.post(
        f"{SPOT}/trade/batch-cancel-order", {"symbol": "ETHUSDT", "orderList": [{"clientOid": "a"}]}
    )
    _, history = await rest.get(f"{SPOT}/trade/history-orders", symbol="ETHUSDT")

    assert [one["errorCode"] for one in placed["data"]["failureList"]] == ["40786"]
    assert ended[1]["data"]["successList"][0]["clientOid"] == "a"
    assert [(row["status"], row["cancelReason"]) for row in history["data"]] == [("cancelled", "normal_cancel")]


async def test_an_invented_client_oid_is_a_uuid(rest: Rest) -> None:
    """Spot invents a UUID; the order can be cancelled by it."""
    placed = await rest.place(spot_order("buy", "2670.00", "0.1000", force="gtc"))

    _, answer = await rest.post(f"{SPOT}/trade/cancel-order", {"symbol": "ETHUSDT", "clientOid": placed["clientOid"]})

    assert len(placed["clientOid"]) == 36 and answer["data"] == placed


async def test_assets_list_what_is_held(rest: Rest, exchange: PaperExchange) -> None:
    """A coin that is gone is listed only when asked for; uTime is whole seconds."""
    exchange.set_balance("ETH", "0")

    _, held = await rest.get(f"{SPOT}/account/assets")
    _, every = await rest.get(f"{SPOT}/account/assets", assetType="all")

    assert [row["coin"] for row in held["data"]] == ["USDT"]
    assert {row["coin"] for row in every["data"]} == {"ETH", "USDT"}
    assert all(int(row["uTime"]) % 1000 == 0 for row in every["data"])
