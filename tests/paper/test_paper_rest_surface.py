"""The rest of the surface: reference endpoints, product types that are empty, old and new API versions, replacing."""

from decimal import Decimal

import pytest
from aiohttp import ClientSession

from runner.paper import PaperExchange, PaperOptions, Request, Venue
from tests.paper.client import MIX, ORDERS, PERP, SPOT, SPOT_ORDERS, Rest, perp_order, spot_order
from tests.paper.conftest import Connect, Start

OTHER = {"productType": "COIN-FUTURES"}


async def test_coins_and_margin_currencies(rest: Rest) -> None:
    """Two coins, of which one can be asked for; nothing trades on margin."""
    _, every = await rest.get(f"{SPOT}/public/coins")
    _, one = await rest.get(f"{SPOT}/public/coins", coin="eth")
    _, margin = await rest.get("/api/v2/margin/currencies")

    assert [row["coin"] for row in every["data"]] == ["ETH", "USDT"]
    assert [row["coin"] for row in one["data"]] == ["ETH"] and one["data"][0]["chains"] == []
    assert margin["data"] == []


async def test_recent_trades_are_spelled_two_ways(rest: Rest, exchange: PaperExchange) -> None:
    """Newest first and paged by tradeId; fills has sell, fills-history Sell."""
    exchange.market.trade("perp", "2680.00", "0.5", "sell")
    exchange.market.trade("perp", "2680.01", "0.25", "buy")

    _, fills = await rest.get(f"{MIX}/market/fills", **PERP)
    _, history = await rest.get(f"{MIX}/market/fills-history", **PERP, idLessThan=fills["data"][0]["tradeId"])
    _, spot = await rest.get(f"{SPOT}/market/fills", symbol="ETHUSDT")

    assert [(row["side"], row["size"], row["symbol"]) for row in fills["data"]] == [
        ("buy", "0.25", "ETHUSDT"), ("sell", "0.5", "ETHUSDT"),
    ]  # fmt: skip
    assert [row["side"] for row in history["data"]] == ["Sell"]
    assert spot["data"] == [] and (await rest.get(f"{SPOT}/market/fills-history", symbol="ETHUSDT"))[1]["data"] == []


async def test_tiers_and_open_interest(start: Start, http: ClientSession) -> None:
    """One tier at the contract's leverage; the interest is the ticker's, and nothing before there is a market."""
    rest, silent = Rest(await start(), http), Rest(await start(touch=False), http)

    _, tiers = await rest.get(f"{MIX}/market/query-position-lever", **PERP)
    _, interest = await rest.get(f"{MIX}/market/open-interest", **PERP)
    _, ticker = await rest.get(f"{MIX}/market/tickers", productType="usdt-futures")
    _, nothing = await silent.get(f"{MIX}/market/open-interest", **PERP)

    assert (tiers["data"][0]["leverage"], tiers["data"][0]["keepMarginRate"]) == ("150", "0.005")
    assert interest["data"]["openInterestList"][0]["size"] == ticker["data"][0]["holdingAmount"]
    assert nothing["data"]["openInterestList"] == []
    assert (await silent.get(f"{SPOT}/market/tickers"))[1]["data"] == []


async def test_the_other_product_types_are_empty(rest: Rest, exchange: PaperExchange) -> None:
    """Lists are empty, cancel-all finds nothing, and our order and position are not touched."""
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(perp_order("buy", "2670.00", "0.10"))

    for path in ("market/contracts", "market/tickers", "market/current-fund-rate", "account/accounts",
                 "position/all-position"):  # fmt: skip
        assert (await rest.get(f"{MIX}/{path}", **OTHER))[1]["data"] == [], path
    for path, name in (("orders-pending", "entrustedList"), ("orders-history", "entrustedList"), ("fills", "fillList")):
        assert not (await rest.get(f"{MIX}/order/{path}", **OTHER))[1]["data"][name], path
    _, batch = await rest.post(f"{MIX}/order/batch-cancel-orders", OTHER)

    assert (await rest.post(f"{MIX}/order/cancel-all-orders", OTHER))[1]["code"] == "22001"
    assert (await rest.post(f"{MIX}/order/close-positions", OTHER))[1]["code"] == "22002"
    assert batch["data"] == {"successList": [], "failureList": []}
    assert len(exchange.account_view().open_orders) == 1 and exchange.account_view().position == Decimal("0.10")
    assert (await rest.get(f"{MIX}/market/contracts", productType="FUTURES"))[1]["code"] == "40020"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/mix/v1/order/placeOrder", 400, "30032"),
        ("/api/spot/v1/trade/orders", 400, "30032"),
        ("/api/v3/account/settings", 400, "40084"),
        ("/api/v3/market/instruments", 404, "40404"),
    ],
)
def test_the_other_versions_of_the_api(path: str, status: int, code: str) -> None:
    """Version 1 is decommissioned and answers without requestTime; version 3 refuses a classic key, signed or not."""
    answer = Venue(PaperOptions(market="scripted"), 0).answer(Request("GET", path, {}, b""), 5)

    assert (answer.status, answer.body["code"], answer.body["data"]) == (status, code, None)
    assert ("requestTime" in answer.body) == (code != "30032")


async def test_a_demo_key_needs_its_header_and_a_live_one_must_not_have_it(start: Start, http: ClientSession) -> None:
    """40099 both ways; the sockets of the wrong environment are 30017."""
    live, demo = Rest(await start(), http), Rest(await start(demo_key=True, demo_sockets=True), http)
    order = perp_order("buy", "2670.00", "0.10")
    live.spoil = {"paptrading": "1"}

    assert await live.refuse(order) == "40099" and await demo.refuse(order) == "40099"
    demo.spoil = {"PAPTRADING": "1"}
    assert "orderId" in await demo.place(order)


async def test_sockets_of_the_wrong_environment(start: Start, connect: Connect) -> None:
    """A demo key on the live sockets, and the other way round."""
    for options in ({"demo_key": True}, {"demo_sockets": True}):
        exchange = await start(**options)
        stream = await connect(exchange)
        assert (await stream.login(exchange))["code"] == 30017


async def test_fill_history_has_the_margin_coin(rest: Rest) -> None:
    """The fills' members, marginCoin, and totalDeductionFee as text."""
    await rest.place(perp_order("buy", None, "0.10"))

    _, answer = await rest.get(f"{MIX}/order/fill-history", **PERP)

    (row,) = answer["data"]["fillList"]
    assert row["marginCoin"] == "USDT" and row["feeDetail"][0]["totalDeductionFee"] == "0"
    assert answer["data"]["endId"] == row["tradeId"]


async def test_only_order_detail_says_why_a_perp_order_ended(rest: Rest) -> None:
    """orders-history has no cancelReason, as recorded."""
    placed = await rest.place(perp_order("buy", "2670.00", "0.10", force="ioc"))

    _, history = await rest.get(f"{MIX}/order/orders-history", **PERP)
    _, detail = await rest.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])

    assert "cancelReason" not in history["data"]["entrustedList"][0]
    assert detail["data"]["cancelReason"] == "ioc_not_full_cancel"


async def test_cancel_replace_names_the_new_order(rest: Rest, exchange: PaperExchange) -> None:
    """The old one ends, the new one has its own id and keeps side and force; clientOid is null without newClientOid."""
    old = await rest.place(spot_order("buy", "2670.00", "0.1", force="post_only", clientOid="v1"))
    body = {"symbol": "ETHUSDT", "clientOid": "v1", "price": "2671.00", "size": "0.2"}

    _, answer = await rest.post(f"{SPOT}/trade/cancel-replace-order", body)

    (new,) = exchange.account_view().open_orders
    assert answer["data"] == {"orderId": new.order_id, "clientOid": None, "success": "success", "msg": None}
    assert (new.price, new.size, new.force) == (Decimal("2671.00"), Decimal("0.2"), "post_only")
    assert new.order_id != old["orderId"]


async def test_cancel_replace_can_leave_nothing(rest: Rest, exchange: PaperExchange) -> None:
    """A duplicate newClientOid (or too little money) is 00000 with `failure`: the old order is gone all the same."""
    await rest.place(spot_order("buy", "2660.00", "0.1", force="gtc", clientOid="taken"))
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc", clientOid="v1"))
    body = {"symbol": "ETHUSDT", "clientOid": "v1", "price": "2671.00", "size": "0.2", "newClientOid": "taken"}

    status, answer = await rest.post(f"{SPOT}/trade/cancel-replace-order", body)

    assert (status, answer["code"], answer["data"]["success"]) == (200, "00000", "failure")
    assert answer["data"]["msg"] == "Duplicate clientOid" and answer["data"]["orderId"] is None
    assert [one.client_oid for one in exchange.account_view().open_orders] == ["taken"]


async def test_cancel_replace_checks_the_members_first(rest: Rest, exchange: PaperExchange) -> None:
    """A price off the grid is refused with the old order alive; an unknown order is 43001."""
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc", clientOid="v1"))
    path, body = f"{SPOT}/trade/cancel-replace-order", {"symbol": "ETHUSDT", "size": "0.2", "price": "2671.001"}

    assert (await rest.post(path, body | {"clientOid": "v1"}))[1]["code"] == "41103"
    assert (await rest.post(path, body | {"clientOid": "never"}))[1]["code"] == "43001"
    assert len(exchange.account_view().open_orders) == 1


async def test_modify_checks_the_members_first(rest: Rest, exchange: PaperExchange) -> None:
    """Off the grid: refused, and the old order stays."""
    await rest.place(perp_order("buy", "2670.00", "0.10", clientOid="v1"))
    body = {**PERP, "clientOid": "v1", "newClientOid": "v2", "newSize": "0.105", "newPrice": "2671.00"}

    assert (await rest.post(f"{MIX}/order/modify-order", body))[1]["code"] == "40808"
    assert [one.client_oid for one in exchange.account_view().open_orders] == ["v1"]


async def test_spot_batches_of_several_symbols_name_them_one_by_one(rest: Rest) -> None:
    """batchMode multiple: the symbol is a member of each order, and an unknown one fails alone."""
    good = {"side": "buy", "orderType": "limit", "force": "gtc", "price": "2670.00", "size": "0.1"}
    orders = [good | {"symbol": "ETHUSDT", "clientOid": "a"}, good | {"symbol": "BTCUSDT", "clientOid": "b"}]

    _, several = await rest.post(f"{SPOT}/trade/batch-orders", {"batchMode": "multiple", "orderList": orders})
    _, single = await rest.post(f"{SPOT}/trade/batch-orders", {"orderList": orders})

    assert [one["clientOid"] for one in several["data"]["successList"]] == ["a"]
    assert [one["errorCode"] for one in several["data"]["failureList"]] == ["40034"]
    assert single["code"] == "40019"


async def test_self_trade_prevention_is_checked_and_repeated(
    rest: Rest, exchange: PaperExchange, connect: Connect
) -> None:
    """Four words are taken on both products; another one is refused."""
    stream = await connect(exchange, ORDERS, SPOT_ORDERS)
    await rest.place(perp_order("buy", "2670.00", "0.10", stpMode="cancel_taker"))
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc", stpMode="cancel_both"))

    (perp,), (spot,) = await stream.rows("orders", "USDT-FUTURES"), await stream.rows("orders", "SPOT")

    assert (perp["stpMode"], spot["stpMode"]) == ("cancel_taker", "cancel_both")
    assert await rest.refuse(perp_order("buy", "2670.00", "0.10", stpMode="both")) == "40020"


async def test_asynchronous_work_can_be_done_at_once(start: Start, http: ClientSession) -> None:
    """`async_ms=0`: cancel-symbol-order has happened when it answers."""
    rest = Rest(await start(async_ms=0), http)
    await rest.place(spot_order("buy", "2670.00", "0.1", force="gtc"))

    await rest.post(f"{SPOT}/trade/cancel-symbol-order", {"symbol": "ETHUSDT"})

    assert rest.exchange.account_view().open_orders == ()
