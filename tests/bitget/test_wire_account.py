"""What the account's messages say: fills, orders, positions, balances. The payloads are recorded or documented ones."""

import json
from decimal import Decimal as D
from typing import Any

import pytest

from mmfsm.events import FillEvent, FillUnparsable
from mmfsm.values import FeePart, InstType, NormalizedFill, OrderStatus, Settlement, Side, Tif
from runner.bitget import wire_account as read
from runner.bitget.members import WireError

PERP, SPOT = InstType.PERP, InstType.SPOT
WS_PERP_FILL: dict[str, Any] = json.loads(
    '{"orderId":"1169142761031114781","tradeId":"1169142761312637004","symbol":"LTCUSDT","orderType":"market",'
    '"side":"buy","price":"80.87","baseVolume":"0.1","quoteVolume":"8.087","profit":"0","tradeSide":"open",'
    '"posMode":"hedge_mode","tradeScope":"taker","feeDetail":[{"feeCoin":"USDT","deduction":"no",'
    '"totalDeductionFee":"0","totalFee":"-0.0048522"}],"cTime":"1714471276596","uTime":"1714471276596"}'
)
WS_SPOT_FILL: dict[str, Any] = json.loads(
    '{"orderId":"1169142457356959747","tradeId":"1169142457636958209","symbol":"LTCUSDT","orderType":"market",'
    '"side":"buy","priceAvg":"81.069","size":"0.074","amount":"5.999106","tradeScope":"taker","feeDetail":'
    '[{"feeCoin":"LTC","deduction":"no","totalDeductionFee":"0","totalFee":"0.000074"}],'
    '"cTime":"1714471204194","uTime":"1714471204194"}'
)
REST_SPOT_FILL: dict[str, Any] = json.loads(
    '{"userId":"1","symbol":"LTCUSDT","orderId":"1","tradeId":"2","orderType":"limit","side":"buy",'
    '"priceAvg":"69.265","size":"0.0794","amount":"5.499641","feeDetail":{"deduction":"no","feeCoin":"LTC",'
    '"totalDeductionFee":"","totalFee":"-0.0000794"},"tradeScope":"taker","cTime":"1","uTime":"2"}'
)
REST_PERP_FILL: dict[str, Any] = {
    "tradeId": "1", "symbol": "ETHUSDT", "orderId": "2", "price": "1900", "baseVolume": "1", "side": "buy",
    "feeDetail": [{"deduction": "no", "feeCoin": "USDT", "totalDeductionFee": None, "totalFee": "-0.004335"}],
    "tradeSide": "close", "posMode": "hedge_mode", "tradeScope": "taker", "cTime": "1627293509612",
}  # fmt: skip


def fill(inst: InstType, row: dict[str, Any], source: str = "ws") -> NormalizedFill:
    return read.read_fill(inst, row, source)


def test_a_futures_fill_has_its_quantity_in_basevolume() -> None:
    """I01: a reader of `size` booked four real fills as zero."""
    told = fill(PERP, WS_PERP_FILL)
    assert (told.price, told.qty, told.fee, told.fee_coin) == (D("80.87"), D("0.1"), D("0.0048522"), "USDT")
    assert (told.side, told.is_maker, told.exch_ms, told.client_oid) == (Side.BUY, False, 1714471276596, None)
    assert told.dedupe_key == "USDT-FUTURES:1169142761312637004"


def test_a_spot_fill_has_its_price_in_priceavg_and_its_fee_in_the_coin_bought() -> None:
    """I02, I03; the socket's fee is positive, REST's negative: what was paid is the same."""
    told = fill(SPOT, WS_SPOT_FILL)
    assert (told.price, told.qty, told.fee, told.fee_coin) == (D("81.069"), D("0.074"), D("0.000074"), "LTC")
    again = fill(SPOT, REST_SPOT_FILL, "rest")
    assert (again.fee, again.fee_coin, again.source) == (D("0.0000794"), "LTC", "rest")


def test_a_bill_of_funding_is_signed_from_the_accounts_side() -> None:
    """As ccxt recorded it: 0.004992 was paid. Other symbols' bills and other kinds of business are not ours."""
    row = json.loads(
        '{"billId":"1111499428100472833","symbol":"BTCUSDT","amount":"-0.004992","fee":"0","feeByCoupon":"",'
        '"businessType":"contract_settle_fee","coin":"USDT","cTime":"1700728034996"}'
    )
    (told,) = read.bill_rows({"bills": [row], "endId": "1098396773329305606"})
    assert read.read_settlement(told) == Settlement("1111499428100472833", D("-0.004992"), 1700728034996)
    assert read.is_settlement(row, "BTCUSDT") and not read.is_settlement(row, "ETHUSDT")
    assert not read.is_settlement({**row, "businessType": "trans_to_exchange"}, "BTCUSDT")
    assert read.bill_rows({"bills": None, "endId": None}) == []
    with pytest.raises(WireError, match="amount"):
        read.read_settlement({**row, "amount": ""})


BROKEN = [
    (PERP, WS_PERP_FILL, {"baseVolume": None, "size": "0.1"}),
    (PERP, WS_PERP_FILL, {"baseVolume": ""}),
    (PERP, WS_PERP_FILL, {"baseVolume": "0"}),
    (PERP, WS_PERP_FILL, {"baseVolume": "-0.1"}),
    (PERP, WS_PERP_FILL, {"baseVolume": "NaN"}),
    (PERP, WS_PERP_FILL, {"baseVolume": True}),
    (PERP, WS_PERP_FILL, {"price": "0.0"}),
    (PERP, WS_PERP_FILL, {"price": "80,87"}),
    (PERP, WS_PERP_FILL, {"side": ""}),
    (PERP, WS_PERP_FILL, {"cTime": None, "uTime": None}),
    (SPOT, WS_SPOT_FILL, {"priceAvg": None, "price": "81"}),
    (SPOT, WS_SPOT_FILL, {"size": "Infinity"}),
    (SPOT, WS_SPOT_FILL, {"size": []}),
]


@pytest.mark.parametrize(("inst", "row", "change"), BROKEN)
def test_a_fill_that_cannot_be_read_is_asked_for_never_booked(
    inst: InstType, row: dict[str, Any], change: dict[str, Any]
) -> None:
    told = read.read_ws_fill(inst, row | change, 7)
    assert isinstance(told, FillUnparsable)
    assert (told.at_ms, told.inst, told.order_id) == (7, inst, row["orderId"])
    assert "orderId" in told.raw_keys


@pytest.mark.parametrize("value", ["1e99999", "1e-99999", "1e999999999"])
@pytest.mark.parametrize("member", ["price", "baseVolume", "cTime"])
def test_numbers_that_no_exchange_means_are_none(member: str, value: str) -> None:
    """Finite, but no arithmetic takes them, and a time of a billion digits would hold the loop for minutes."""
    assert isinstance(read.read_ws_fill(PERP, WS_PERP_FILL | {member: value}, 5), FillUnparsable)


def test_a_fill_that_names_no_order_is_unparsable_without_one() -> None:
    told = read.read_ws_fill(PERP, WS_PERP_FILL | {"orderId": ""}, 7)
    assert isinstance(told, FillUnparsable) and told.order_id is None


@pytest.mark.parametrize("detail", [None, [], "x", [{"feeCoin": "USDT", "totalFee": ""}], [{"totalFee": "1"}]])
def test_an_unreadable_fee_does_not_keep_a_fill_from_being_booked(detail: object) -> None:
    told = read.read_ws_fill(PERP, WS_PERP_FILL | {"feeDetail": detail}, 7)
    assert isinstance(told, FillEvent) and (told.fill.fee, told.fill.fee_coin) == (D(0), None)


def test_a_fee_paid_in_bgb_is_in_bgb() -> None:
    detail = [{"deduction": "yes", "feeCoin": "BGB", "totalDeductionFee": "-0.017", "totalFee": "-0.017"}]
    told = fill(PERP, WS_PERP_FILL | {"feeDetail": detail})
    assert (told.fee, told.fee_coin) == (D("0.017"), "BGB")


def test_a_fee_that_one_coin_did_not_cover_is_told_coin_by_coin() -> None:
    """BGB ran out: the rest was taken from the coin bought, and the position is smaller by it. A part of nothing is
    none, and two parts of one coin are one."""
    paid = [("BGB", "-0.017"), ("LTC", "-0.00004"), ("USDT", "0"), ("LTC", "-0.00001")]
    detail = [{"deduction": "yes", "feeCoin": coin, "totalDeductionFee": "0", "totalFee": fee} for coin, fee in paid]
    told = fill(SPOT, WS_SPOT_FILL | {"feeDetail": detail})
    assert (told.fee, told.fee_coin, told.more_fees) == (D("0.017"), "BGB", (FeePart(D("0.00005"), "LTC"),))


def test_closing_a_long_sells_although_futures_rest_says_buy() -> None:
    """Hedge mode: REST gives the side of the position, the fill socket that of the trade."""
    assert fill(PERP, REST_PERP_FILL, "rest").side is Side.SELL
    assert fill(PERP, REST_PERP_FILL | {"tradeSide": "open"}, "rest").side is Side.BUY
    assert fill(PERP, WS_PERP_FILL | {"tradeSide": "close", "side": "sell"}).side is Side.SELL
    one_way = REST_PERP_FILL | {"posMode": "one_way_mode", "tradeSide": "sell_single", "side": "sell"}
    assert fill(PERP, one_way, "rest").side is Side.SELL


@pytest.mark.parametrize(
    ("change", "forced"),
    [
        ({"tradeSide": "burst_close_long"}, True),
        ({"tradeSide": "reduce_buy_single"}, True),
        ({"tradeSide": "dte_sys_adl_sell_in_single_side_mode"}, True),
        ({"tradeSide": "offset_close_short"}, True),
        ({"tradeSide": "delivery_sell_single"}, True),
        ({"tradeSide": "buy_single", "enterPointSource": "SYS"}, True),
        ({"tradeSide": "buy_single", "enterPointSource": "api"}, False),
        ({"tradeSide": "close"}, False),
    ],
)
def test_liquidation_netting_delivery_and_deleveraging_are_forced(change: dict[str, str], forced: bool) -> None:
    assert fill(PERP, WS_PERP_FILL | change).forced is forced


def test_forced_closes_of_rest_name_their_own_direction() -> None:
    assert fill(PERP, REST_PERP_FILL | {"tradeSide": "burst_close_long"}, "rest").side is Side.SELL
    assert fill(PERP, REST_PERP_FILL | {"tradeSide": "burst_close_short"}, "rest").side is Side.BUY


@pytest.mark.parametrize(
    ("scope", "is_maker"), [("M", True), ("marker", True), ("maker", True), ("T", False), ("", None)]
)
def test_maker_and_taker_have_several_spellings(scope: str, is_maker: bool | None) -> None:
    assert fill(PERP, WS_PERP_FILL | {"tradeScope": scope}).is_maker is is_maker


def test_futures_fills_of_rest_are_wrapped_and_spot_ones_are_not() -> None:
    assert read.fill_rows(PERP, {"fillList": None, "endId": None}) == []
    assert read.fill_rows(PERP, {"fillList": [REST_PERP_FILL]}) == [REST_PERP_FILL]
    assert read.fill_rows(SPOT, [REST_SPOT_FILL]) == [REST_SPOT_FILL]


# --- orders -----------------------------------------------------------------------------------------------------------

WS_PERP_ORDER: dict[str, Any] = json.loads(
    '{"accBaseVolume":"0","cTime":"1765101259950","cancelReason":"normal_cancel","clientOid":"sqt_302711",'
    '"enterPointSource":"API","feeDetail":[{"fee":"0.00000000","feeCoin":"USDT"}],"force":"post_only",'
    '"instId":"ETHUSDT","leverage":"10","marginCoin":"USDT","marginMode":"crossed","notionalUsd":"30.2711",'
    '"orderId":"1381500303017938945","orderType":"limit","posMode":"hedge_mode","posSide":"long","price":"3027.11",'
    '"reduceOnly":"no","side":"buy","size":"0.01","status":"canceled","tradeSide":"open","uTime":"1765111572322"}'
)
WS_SPOT_ORDER: dict[str, Any] = json.loads(
    '{"instId":"BGBUSDT","orderId":"1107955329902481408","clientOid":"c578164a","price":"0.49998",'
    '"newSize":"24.9990","notional":"24.999000","size":"12.4","orderType":"limit","force":"gtc","side":"buy",'
    '"fillPrice":"0.49998","tradeId":"1107955401758285828","baseVolume":"15.9404","fillTime":"1699883073272",'
    '"fillFee":"-0.0159404","fillFeeCoin":"BGB","tradeScope":"M","accBaseVolume":"15.9404","priceAvg":"0.49998",'
    '"status":"partially_filled","cTime":"1699883056140","uTime":"1699883073285",'
    '"feeDetail":[{"feeCoin":"BGB","fee":"-0.0159404"}],"enterPointSource":"API"}'
)
DETAIL: dict[str, Any] = json.loads(
    '{"symbol":"ETHUSDT","size":"0.02","orderId":"1","clientOid":"2","baseVolume":"0.02","fee":"-0.02917512",'
    '"priceAvg":"2431.26","state":"filled","side":"buy","force":"gtc","totalProfits":"0","posSide":"net",'
    '"marginCoin":"USDT","quoteVolume":"48.6252","orderType":"market","leverage":"2","marginMode":"crossed",'
    '"reduceOnly":"NO","enterPointSource":"API","tradeSide":"buy_single","posMode":"one_way_mode",'
    '"orderSource":"market","cTime":"1750958278008","uTime":"1750958278009"}'
)
UNFILLED: dict[str, Any] = json.loads(
    '{"userId":"1","symbol":"ETHUSDT","orderId":"3","clientOid":"","priceAvg":"50","size":"0.11","orderType":"limit",'
    '"side":"buy","status":"live","basePrice":"0","baseVolume":"0","quoteVolume":"0","enterPointSource":"API",'
    '"orderSource":"normal","cTime":"1","uTime":"2"}'
)


def test_a_futures_order_push_echoes_time_in_force_and_why_it_ended() -> None:
    told = read.read_ws_order(PERP, WS_PERP_ORDER)
    assert (told.status, told.tif, told.cancel_reason) == (OrderStatus.CANCELED, "post_only", "normal_cancel")
    assert (told.price, told.qty, told.filled, told.exch_ms) == (D("3027.11"), D("0.01"), D(0), 1765111572322)


def test_a_spot_order_has_its_size_in_newsize_and_its_fills_in_accbasevolume() -> None:
    told = read.read_ws_order(SPOT, WS_SPOT_ORDER)
    assert (told.qty, told.filled, told.status) == (D("24.9990"), D("15.9404"), OrderStatus.PARTIAL)


@pytest.mark.parametrize("word", ["canceled", "cancelled"])
def test_both_spellings_of_canceled_are_one_end(word: str) -> None:
    assert read.read_ws_order(SPOT, WS_SPOT_ORDER | {"status": word}).status is OrderStatus.CANCELED


def test_a_live_push_may_lack_its_quantity_and_an_end_may_not() -> None:
    live = {key: value for key, value in WS_PERP_ORDER.items() if key != "accBaseVolume"} | {"status": "live"}
    assert read.read_ws_order(PERP, live).filled == 0
    with pytest.raises(WireError, match="accBaseVolume"):
        read.read_ws_order(PERP, live | {"status": "filled"})


def test_an_unknown_status_is_an_error_that_names_it() -> None:
    with pytest.raises(WireError, match="status = 'melted'"):
        read.read_ws_order(PERP, WS_PERP_ORDER | {"status": "melted"})


@pytest.mark.parametrize("word", ["post_only", "POST_ONLY", "post only"])
def test_post_only_is_known_however_it_is_spelled(word: str) -> None:
    """Get Order Details' table writes it with a space: taken for another, it would halt the run for a person."""
    told = read.read_order_detail(PERP, DETAIL | {"force": word})
    assert told is not None and told.tif == Tif.POST_ONLY.value


def test_futures_order_detail_calls_its_status_state() -> None:
    told = read.read_order_detail(PERP, DETAIL)
    assert told is not None and (told.status, told.filled, told.tif) == (OrderStatus.FILLED, D("0.02"), "gtc")


def test_spot_order_info_is_a_list_and_an_empty_one_means_gone() -> None:
    row = UNFILLED | {"price": "50", "status": "cancelled", "size": "0.1100000000000000", "baseVolume": "0.0100000"}
    told = read.read_order_detail(SPOT, [row])
    assert told is not None and (told.filled, told.price, told.tif) == (D("0.01"), D(50), None)
    assert read.read_order_detail(SPOT, []) is None


def test_nothing_open_is_null_on_futures() -> None:
    """I08: `entrustedList: null` was counted as one order."""
    assert read.open_rows(PERP, {"entrustedList": None, "endId": None}) == []
    assert read.open_rows(SPOT, []) == []


def test_spots_unfilled_orders_keep_the_limit_price_in_priceavg() -> None:
    told = read.read_open_order(SPOT, UNFILLED)
    assert (told.price, told.client_oid, told.status) == (D(50), None, OrderStatus.LIVE)
    new = read.read_open_order(SPOT, UNFILLED | {"status": "new"})  # as the page's example has it
    assert new.status is OrderStatus.LIVE


@pytest.mark.parametrize(("pos_side", "side"), [("long", Side.SELL), ("short", Side.BUY)])
def test_a_closing_order_of_hedge_mode_is_told_by_its_trade(pos_side: str, side: Side) -> None:
    row = WS_PERP_ORDER | {"tradeSide": "close", "posSide": pos_side}
    assert read.read_ws_order(PERP, row).side is side


# --- positions and balances -------------------------------------------------------------------------------------------

POSITION: dict[str, Any] = {"instId": "ETHUSDT", "holdSide": "short", "total": "0.1", "leverage": 20}


@pytest.mark.parametrize(
    ("rows", "qty"),
    [
        ([], D(0)),  # I08, I10: an empty list says flat
        ([POSITION | {"instId": "BTCUSDT"}], D(0)),  # every position is listed: an absent one is flat
        ([POSITION], D("-0.1")),
        ([POSITION | {"holdSide": "long"}], D("0.1")),
        ([POSITION, POSITION | {"holdSide": "long", "total": "0.3"}], D("0.2")),  # hedge mode holds both
        ([{"symbol": "ethusdt", "holdSide": "long", "total": "1"}], D(1)),  # REST calls it symbol
    ],
)
def test_a_position_list_is_whole_and_signed(rows: list[dict[str, Any]], qty: D) -> None:
    told = read.read_position(rows, "ETHUSDT", 1, 2, "ws")
    assert (told.qty, told.at_ms, told.exch_ms, told.source) == (qty, 1, 2, "ws")


@pytest.mark.parametrize("change", [{"total": None}, {"total": "x"}, {"holdSide": "net"}])
def test_a_position_that_cannot_be_read_is_no_flat_one(change: dict[str, object]) -> None:
    with pytest.raises(WireError):
        read.read_position([POSITION | change], "ETHUSDT", 1, 2, "ws")


def test_spot_balances_count_what_open_orders_hold() -> None:
    rows = [
        {"coin": "USDT", "available": "19.1430952856087", "frozen": "7", "locked": "0", "uTime": "1701931970487"},
        {"coin": "eth", "available": "1", "frozen": "", "locked": None},
        {"coin": "XRP", "available": "broken"},
    ]
    usdt, eth = read.read_spot_balances(rows, ("ETH", "USDT"), 1, 2, "ws")
    assert (usdt.coin, usdt.available, usdt.total) == ("USDT", D("19.1430952856087"), D("26.1430952856087"))
    assert (eth.coin, eth.total, eth.account) == ("ETH", D(1), SPOT)


def test_the_perps_margin_is_equity_on_the_socket_and_accountequity_in_rest() -> None:
    pushed = {"marginCoin": "USDT", "frozen": "5.36", "available": "26.14309528", "equity": "27"}
    asked = {"marginCoin": "usdt", "locked": "0", "available": "70.09927267", "accountEquity": "71"}
    assert read.read_margin(pushed, 1, 2, "ws").total == D(27)
    told = read.read_margin(asked, 1, 2, "rest")
    assert (told.total, told.coin, told.account) == (D(71), "USDT", PERP)
