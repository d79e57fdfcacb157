"""Perp REST: placing, ending and listing, with the member names that differ from endpoint to endpoint."""

from decimal import Decimal

import pytest

from runner.paper import PaperExchange
from tests.paper.client import MIX, PERP, Rest, perp_order
from tests.paper.conftest import Start


async def test_a_resting_order_reads_back_with_its_force(rest: Rest) -> None:
    """Detail says `state`, echoes `force`, and names one-way members net and buy_single."""
    placed = await rest.place(perp_order("buy", "2679.00", "0.10", force="post_only", clientOid="q-1"))

    _, answer = await rest.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])

    row = answer["data"]
    assert "status" not in row
    assert row["state"] == "live" and row["force"] == "post_only" and row["clientOid"] == "q-1"
    assert (row["posSide"], row["tradeSide"], row["posMode"]) == ("net", "buy_single", "one_way_mode")
    assert (row["size"], row["price"], row["priceAvg"], row["reduceOnly"]) == ("0.1", "2679", "", "NO")


async def test_ids_have_nineteen_digits_and_a_missing_client_oid_is_invented(rest: Rest) -> None:
    """The invented perp clientOid is a number just above the orderId."""
    placed = await rest.place(perp_order("buy", "2679.00", "0.10"))

    assert len(placed["orderId"]) == 19 and 0 < int(placed["clientOid"]) - int(placed["orderId"]) < 1000


async def test_time_in_force_value_is_ignored_and_the_order_takes(rest: Rest, exchange: PaperExchange) -> None:
    """An unknown member is no error: the order is a plain gtc, and a crossing quote takes."""
    await rest.place(perp_order("buy", "2680.05", "0.10", timeInForceValue="post_only", somethingElse="x"))

    view = exchange.account_view()
    assert (view.orders[0].force, view.orders[0].status) == ("gtc", "filled")
    assert not view.fills[0].is_maker and view.position == Decimal("0.10")


@pytest.mark.parametrize(
    ("field", "members", "force"),
    [
        ("timeInForceValue", {"timeInForceValue": "post_only"}, "post_only"),
        ("timeInForceValue", {"force": "post_only"}, "gtc"),
        ("both", {"timeInForceValue": "IOC"}, "ioc"),
        ("both", {"force": "post_only"}, "post_only"),
        ("force", {"force": "POST_ONLY"}, "post_only"),
    ],
)
async def test_the_honoured_tif_member_is_an_option(
    start: Start, http: object, field: str, members: dict[str, str], force: str
) -> None:
    """`perp_tif_field` decides which member counts; its case does not matter."""
    exchange = await start(perp_tif_field=field)

    await Rest(exchange, http).place(perp_order("buy", "2679.00", "0.10", **members))  # type: ignore[arg-type]

    assert exchange.account_view().orders[0].force == force


async def test_a_crossing_post_only_is_acknowledged_and_then_cancelled(rest: Rest) -> None:
    """REST says 00000; only the order itself tells: canceled, post_only_fill_cancel, nothing filled."""
    placed = await rest.place(perp_order("buy", "2680.01", "0.10", force="post_only"))

    _, answer = await rest.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])

    row = answer["data"]
    assert (row["state"], row["cancelReason"], row["baseVolume"]) == ("canceled", "post_only_fill_cancel", "0")


async def test_the_detail_of_a_market_order_lacks_what_is_not_set(rest: Rest) -> None:
    """Recorded in 2025: no price, no cancelReason, no preset stops; the average price is there."""
    placed = await rest.place(perp_order("buy", None, "0.10"))

    _, answer = await rest.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])

    row = answer["data"]
    assert (row["state"], row["priceAvg"], row["force"]) == ("filled", "2680.01", "gtc")
    assert not {"price", "cancelReason", "presetStopLossPrice", "presetStopSurplusPrice"} & set(row)


async def test_pending_is_null_when_empty(rest: Rest) -> None:
    """No open order: entrustedList and endId are null, not empty."""
    _, answer = await rest.get(f"{MIX}/order/orders-pending", productType="USDT-FUTURES")

    assert answer["data"] == {"entrustedList": None, "endId": None}


async def test_pending_without_status_hides_partially_filled_orders(rest: Rest, exchange: PaperExchange) -> None:
    """The page promises live orders only; a partially filled one is found by asking for its status."""
    await rest.place(perp_order("buy", "2679.99", "0.10"))
    exchange.market.trade("perp", "2679.99", "5.04", "sell")

    path, query = f"{MIX}/order/orders-pending", {"productType": "usdt-futures"}
    _, plain = await rest.get(path, **query)
    _, partial = await rest.get(path, **query, status="partially_filled")

    assert plain["data"]["entrustedList"] is None
    (row,) = partial["data"]["entrustedList"]
    assert (row["status"], row["baseVolume"], row["price"]) == ("partially_filled", "0.04", "2679.99")
    assert "state" not in row


async def test_a_gone_order_cannot_be_cancelled(rest: Rest) -> None:
    """43001 for an order that ended or never was, 41101 for a malformed id, 40019 for none."""
    placed = await rest.place(perp_order("buy", "2679.00", "0.10", clientOid="c-1"))
    filled = await rest.place(perp_order("buy", None, "0.10"))
    path = f"{MIX}/order/cancel-order"

    first = await rest.post(path, {**PERP, "clientOid": "c-1"})
    gone = await rest.post(path, {**PERP, "orderId": filled["orderId"]})

    assert first[1]["data"] == placed
    assert (gone[0], gone[1]["code"], gone[1]["data"]) == (400, "43001", None)
    assert (await rest.post(path, {**PERP, "orderId": "abc"}))[1]["code"] == "41101"
    assert (await rest.post(path, PERP))[1]["code"] == "40019"


async def test_cancel_all_says_22001_when_there_is_nothing(rest: Rest) -> None:
    """Cancel-all takes every order of the product type; the second time it fails."""
    placed = await rest.place(perp_order("buy", "2679.00", "0.10"))
    path, body = f"{MIX}/order/cancel-all-orders", {"productType": "USDT-FUTURES"}

    first, second = await rest.post(path, body), await rest.post(path, body)

    assert first[1]["data"] == {"successList": [placed], "failureList": []}
    assert (second[0], second[1]["code"]) == (400, "22001")


async def test_an_unknown_order_has_no_detail(rest: Rest) -> None:
    """Detail of an unknown order is HTTP 400 with 40109."""
    status, answer = await rest.get(f"{MIX}/order/detail", **PERP, clientOid="never")

    assert (status, answer["code"]) == (400, "40109")


async def test_a_client_oid_is_a_duplicate_only_while_pending(rest: Rest) -> None:
    """40786 while the first is open; after its end the same id is accepted: a blind retry doubles an order."""
    first = await rest.place(perp_order("buy", "2679.00", "0.10", clientOid="same"))
    assert await rest.refuse(perp_order("buy", "2678.00", "0.10", clientOid="same")) == "40786"

    await rest.post(f"{MIX}/order/cancel-order", {**PERP, "orderId": first["orderId"]})
    second = await rest.place(perp_order("buy", "2678.00", "0.10", clientOid="same"))

    assert second["orderId"] != first["orderId"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "2679.001"}, "45115"),
        ({"size": "0.105"}, "40808"),
        ({"size": "0"}, "45111"),
        ({"size": "1e-1"}, "40020"),
        ({"size": "9901"}, "45112"),
        ({"price": "2814.02"}, "40815"),
        ({"price": "2545.99"}, "40816"),
        ({"symbol": "BTCUSDT_UMCBL"}, "40034"),
        ({"productType": None}, "400172"),
        ({"marginMode": "cross"}, "40020"),
        ({"marginMode": None}, "40019"),
        ({"tradeSide": "open"}, "40774"),
        ({"force": "gtx"}, "40020"),
        ({"clientOid": "ö"}, "40305"),
        ({"size": "50"}, "40762"),
    ],
)
async def test_a_broken_rule_has_its_code(rest: Rest, change: dict[str, str | None], code: str) -> None:
    """Every refusal is HTTP 400 with Bitget's code and no data."""
    body = perp_order("buy", "2679.00", "0.10") | change
    status, answer = await rest.post(
        f"{MIX}/order/place-order", {name: value for name, value in body.items() if value is not None}
    )

    assert (status, answer["code"], answer["data"]) == (400, code, None)


async def test_reduce_only_while_flat_is_22002(rest: Rest) -> None:
    """There is nothing to reduce; lower-case `yes` is not the word and counts as NO."""
    assert await rest.refuse(perp_order("sell", "2679.00", "0.10", reduceOnly="YES")) == "22002"
    assert "orderId" in await rest.place(perp_order("sell", "2690.00", "0.10", reduceOnly="yes"))


async def test_an_oversized_reduce_only_is_clipped_to_the_position(rest: Rest, exchange: PaperExchange) -> None:
    """Selling 0.50 reduce-only out of a long of 0.10 ends flat."""
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(perp_order("sell", "2679.00", "0.50", force="ioc", reduceOnly="YES"))

    assert exchange.account_view().position == 0


async def test_a_new_reduce_only_pushes_out_older_ones_and_names_no_order_id(
    rest: Rest, exchange: PaperExchange
) -> None:
    """Together they would exceed the position: the oldest goes, and the answer has only the clientOid."""
    await rest.place(perp_order("buy", None, "0.10"))
    await rest.place(perp_order("sell", "2690.00", "0.08", reduceOnly="YES", clientOid="old"))

    answer = await rest.place(perp_order("sell", "2691.00", "0.05", reduceOnly="YES", clientOid="new"))

    assert answer == {"clientOid": "new"}
    assert [order.client_oid for order in exchange.account_view().open_orders] == ["new"]


async def test_positions_and_account_have_rest_spelling(rest: Rest) -> None:
    """A position's leverage is text and its promised part is `locked`; the account's leverage is a number."""
    path = f"{MIX}/position/single-position"
    _, flat = await rest.get(path, **PERP, marginCoin="USDT")
    await rest.place(perp_order("sell", None, "0.10"))
    await rest.place(perp_order("buy", "2600.00", "0.04", reduceOnly="YES"))

    _, answer = await rest.get(path, **PERP, marginCoin="USDT")
    _, account = await rest.get(f"{MIX}/account/account", **PERP, marginCoin="USDT")

    assert flat["data"] == []
    (row,) = answer["data"]
    assert (row["holdSide"], row["total"], row["available"], row["locked"]) == ("short", "0.1", "0.06", "0.04")
    assert row["leverage"] == "10" and row["openPriceAvg"] == "2680" and row["marginMode"] == "isolated"
    assert account["data"]["isolatedLongLever"] == 10 and account["data"]["posMode"] == "one_way_mode"


async def test_fills_have_a_list_of_fees_and_no_client_oid(rest: Rest) -> None:
    """totalFee is negative, totalDeductionFee null; the fee is price x size x 0.0006."""
    await rest.place(perp_order("buy", None, "0.10", clientOid="f-1"))

    _, answer = await rest.get(f"{MIX}/order/fills", **PERP)

    (row,) = answer["data"]["fillList"]
    assert "clientOid" not in row
    assert row["feeDetail"] == [
        {"deduction": "no", "feeCoin": "USDT", "totalDeductionFee": None, "totalFee": "-0.1608006"}
    ]
    assert (row["tradeScope"], row["tradeSide"], row["price"]) == ("taker", "buy_single", "2680.01")
    assert answer["data"]["endId"] == row["tradeId"]


async def test_settings_repeat_without_error_and_refuse_while_busy(rest: Rest) -> None:
    """Setting what is set is 00000; a change with an open order is 40920 (position mode) or 45117 (margin mode)."""
    mode, margin = f"{MIX}/account/set-position-mode", f"{MIX}/account/set-margin-mode"
    await rest.place(perp_order("buy", "2679.00", "0.10"))

    same = await rest.post(mode, {"productType": "USDT-FUTURES", "posMode": "one_way_mode"})
    other = await rest.post(mode, {"productType": "USDT-FUTURES", "posMode": "hedge_mode"})
    crossed = await rest.post(margin, {**PERP, "marginCoin": "USDT", "marginMode": "crossed"})

    assert same[1]["data"] == {"posMode": "one_way_mode"}
    assert (other[0], other[1]["code"]) == (400, "40920")
    assert (crossed[0], crossed[1]["code"]) == (400, "45117")


async def test_set_leverage_answers_with_both_sides(rest: Rest) -> None:
    """Leverage changes what margin a new order needs; out of range it is refused."""
    path, body = f"{MIX}/account/set-leverage", {**PERP, "marginCoin": "USDT"}

    _, answer = await rest.post(path, body | {"leverage": "20"})
    wrong = await rest.post(path, body | {"leverage": "151"})

    assert answer["data"]["longLeverage"] == answer["data"]["crossMarginLeverage"] == "20"
    assert wrong[1]["code"] == "40020"


async def test_batches_succeed_as_a_whole_whatever_fails(rest: Rest, exchange: PaperExchange) -> None:
    """batch-place-order is 00000 with the refusals in failureList; batch-cancel likewise."""
    order = {"side": "buy", "orderType": "limit", "price": "2679.00", "size": "0.10"}
    body = {**PERP, "marginMode": "isolated", "marginCoin": "USDT"}
    body |= {"orderList": [order | {"clientOid": "good"}, order | {"clientOid": "bad", "size": "0"}]}  # type: ignore[dict-item]

    _, placed = await rest.post(f"{MIX}/order/batch-place-order", body)
    ids = [{"clientOid": "good"}, {"clientOid": "gone"}]
    _, ended = await rest.post(f"{MIX}/order/batch-cancel-orders", PERP | {"orderIdList": ids})  # type: ignore[operator]

    assert [one["clientOid"] for one in placed["data"]["successList"]] == ["good"]
    assert [one["errorCode"] for one in placed["data"]["failureList"]] == ["45111"]
    assert [one["errorCode"] for one in ended["data"]["failureList"]] == ["43001"]
    assert exchange.account_view().open_orders == ()


async def test_modify_replaces_the_order(rest: Rest, exchange: PaperExchange) -> None:
    """The old order ends with modify_limit_order, the new one has its own id, and 22003 asks for newClientOid."""
    placed = await rest.place(perp_order("buy", "2679.00", "0.10", clientOid="v1"))
    body = {**PERP, "orderId": placed["orderId"], "newSize": "0.20", "newPrice": "2678.00"}

    missing = await rest.post(f"{MIX}/order/modify-order", body)
    _, answer = await rest.post(f"{MIX}/order/modify-order", body | {"newClientOid": "v2"})
    await exchange.until(lambda: len(exchange.account_view().orders) == 2)

    old, new = exchange.account_view().orders
    assert missing[1]["code"] == "22003"
    assert answer["data"]["orderId"] == old.order_id and old.cancel_reason == "modify_limit_order"
    assert (new.client_oid, new.size, new.price) == ("v2", Decimal("0.20"), Decimal("2678.00"))


async def test_close_positions_ends_flat(rest: Rest, exchange: PaperExchange) -> None:
    """Flash close sells the long at market."""
    await rest.place(perp_order("buy", None, "0.10"))

    _, answer = await rest.post(f"{MIX}/order/close-positions", {"productType": "USDT-FUTURES"})

    assert answer["data"]["successList"][0]["symbol"] == "ETHUSDT"
    assert exchange.account_view().position == 0


async def test_hedge_mode_closes_with_the_positions_side(start: Start, http: object) -> None:
    """buy + close ends a long; sell + close without a short is 22002; no tradeSide is 40774."""
    exchange = await start(position_mode="hedge_mode")
    rest = Rest(exchange, http)  # type: ignore[arg-type]
    await rest.place(perp_order("buy", None, "0.10", tradeSide="open"))

    assert await rest.refuse(perp_order("buy", None, "0.10")) == "40774"
    assert await rest.refuse(perp_order("sell", None, "0.10", tradeSide="close")) == "22002"
    assert await rest.refuse(perp_order("buy", None, "0.20", tradeSide="close")) == "40804"
    closed = await rest.place(perp_order("buy", None, "0.10", tradeSide="close"))

    fill = exchange.account_view().fills[-1]
    _, answer = await rest.get(f"{MIX}/order/fills", **PERP, orderId=closed["orderId"])
    row = answer["data"]["fillList"][0]
    assert exchange.account_view().positions == () and fill.side == "sell"
    assert (row["side"], row["tradeSide"], row["posMode"]) == ("buy", "close", "hedge_mode")


async def test_history_lists_what_ended_newest_first(rest: Rest) -> None:
    """orders-history has `status` and pages by idLessThan."""
    first = await rest.place(perp_order("buy", None, "0.10"))
    second = await rest.place(perp_order("sell", "2690.00", "0.10", force="ioc"))

    path = f"{MIX}/order/orders-history"
    _, both = await rest.get(path, **PERP)
    _, older = await rest.get(path, **PERP, idLessThan=second["orderId"])

    assert [row["status"] for row in both["data"]["entrustedList"]] == ["canceled", "filled"]
    assert [row["orderId"] for row in older["data"]["entrustedList"]] == [first["orderId"]]


async def test_batch_cancel_without_a_list_takes_everything(rest: Rest, exchange: PaperExchange) -> None:
    """productType alone is enough; the list of what went is the answer."""
    placed = [await rest.place(perp_order("buy", "2679.00", "0.10")) for _ in range(2)]

    _, answer = await rest.post(f"{MIX}/order/batch-cancel-orders", {"productType": "USDT-FUTURES"})

    assert answer["data"] == {"successList": placed, "failureList": []}
    assert exchange.account_view().open_orders == ()


async def test_account_lists_have_their_own_members(rest: Rest) -> None:
    """accounts has no leverage and no modes; all-position has the take-profit members."""
    await rest.place(perp_order("buy", None, "0.10"))

    _, accounts = await rest.get(f"{MIX}/account/accounts", productType="USDT-FUTURES")
    _, everything = await rest.get(f"{MIX}/position/all-position", productType="USDT-FUTURES", marginCoin="USDT")

    assert "posMode" not in accounts["data"][0] and accounts["data"][0]["isolatedMargin"] == "26.8001"
    assert everything["data"][0]["takeProfitId"] == "" and everything["data"][0]["total"] == "0.1"


async def test_modes_can_change_while_flat(rest: Rest, exchange: PaperExchange) -> None:
    """Without position and order both modes follow."""
    await rest.post(f"{MIX}/account/set-position-mode", {"productType": "USDT-FUTURES", "posMode": "hedge_mode"})
    _, answer = await rest.post(
        f"{MIX}/account/set-margin-mode", {**PERP, "marginCoin": "USDT", "marginMode": "crossed"}
    )

    view = exchange.account_view()
    assert (view.position_mode, view.margin_mode) == ("hedge_mode", "crossed")
    assert answer["data"]["marginMode"] == "crossed" and answer["data"]["longLeverage"] == "10"


async def test_only_an_unfilled_limit_order_can_be_modified(rest: Rest, exchange: PaperExchange) -> None:
    """43001 when it is gone, 45055 once it is partially filled."""
    path, more = f"{MIX}/order/modify-order", {"newClientOid": "v2", "newSize": "0.20", "newPrice": "2678.00"}
    await rest.place(perp_order("buy", "2679.99", "0.10", clientOid="v1"))
    exchange.market.trade("perp", "2679.99", "5.04", "sell")

    gone = await rest.post(path, {**PERP, "clientOid": "never", **more})
    partial = await rest.post(path, {**PERP, "clientOid": "v1", **more})

    assert (gone[1]["code"], partial[1]["code"]) == ("43001", "45055")


async def test_flash_close_in_hedge_mode_takes_the_side_it_names(start: Start, http: object) -> None:
    """The long goes, the short stays; flat, it is 22002."""
    exchange = await start(position_mode="hedge_mode", rate_limits=False)
    rest = Rest(exchange, http)  # type: ignore[arg-type]
    await rest.place(perp_order("buy", None, "0.10", tradeSide="open"))
    await rest.place(perp_order("sell", None, "0.20", tradeSide="open"))
    path, body = f"{MIX}/order/close-positions", {"productType": "USDT-FUTURES", "holdSide": "long"}

    await rest.post(path, body)
    again = await rest.post(path, body)

    assert exchange.account_view().position == Decimal("-0.20") and again[1]["code"] == "22002"
