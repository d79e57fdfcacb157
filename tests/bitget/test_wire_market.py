"""Rules, funding, account settings and socket frames, from rows recorded of the live exchange in September 2026."""

import json
from decimal import Decimal as D
from typing import Any

import pytest

from mmfsm.values import FeeRate, InstType, PosMode
from runner.bitget import wire
from runner.bitget import wire_market as read
from runner.bitget.members import WireError, as_rows, parse_json

CONTRACT: dict[str, Any] = json.loads(
    '{"symbol":"ETHUSDT","baseCoin":"ETH","quoteCoin":"USDT","buyLimitPriceRatio":"0.05",'
    '"sellLimitPriceRatio":"0.05","feeRateUpRatio":"0.005","makerFeeRate":"0.0002","takerFeeRate":"0.0006",'
    '"openCostUpRatio":"0.01","supportMarginCoins":["USDT"],"minTradeNum":"0.01","priceEndStep":"1",'
    '"volumePlace":"2","pricePlace":"2","sizeMultiplier":"0.01","symbolType":"perpetual","minTradeUSDT":"5",'
    '"symbolStatus":"normal","fundInterval":"8","minLever":"1","maxLever":"150","maxOrderQty":"9900"}'
)
SYMBOL: dict[str, Any] = json.loads(
    '{"symbol":"ETHUSDT","baseCoin":"ETH","quoteCoin":"USDT","minTradeAmount":"0.0005",'
    '"maxTradeAmount":"900000000000000000000","takerFeeRate":"0.002","makerFeeRate":"0.002","pricePrecision":"2",'
    '"quantityPrecision":"4","quotePrecision":"6","status":"online","minTradeUSDT":"1",'
    '"buyLimitPriceRatio":"0.02","sellLimitPriceRatio":"0.02","orderQuantity":"200"}'
)


def test_the_perps_rules_as_listed() -> None:
    rules = read.read_perp_rules([CONTRACT], "ETHUSDT")
    assert (rules.inst, rules.price_tick, rules.qty_step, rules.qty_min) == (
        InstType.PERP,
        D("0.01"),
        D("0.01"),
        D("0.01"),
    )
    assert (rules.notional_min, rules.buy_band_ratio, rules.taker_fee, rules.qty_max) == (
        D(5), D("0.05"), D("0.0006"), D(9900),
    )  # fmt: skip


@pytest.mark.parametrize(("place", "step", "tick"), [("2", "1", "0.01"), ("1", "5", "0.5"), ("0", "10", "10")])
def test_the_perps_tick_is_its_step_at_its_places(place: str, step: str, tick: str) -> None:
    """I04."""
    rules = read.read_perp_rules([CONTRACT | {"pricePlace": place, "priceEndStep": step}], "ETHUSDT")
    assert rules.price_tick == D(tick)


def test_spots_rules_as_listed() -> None:
    rules = read.read_spot_rules([SYMBOL], "ETHUSDT")
    assert (rules.price_tick, rules.qty_step, rules.notional_min) == (D("0.01"), D("0.0001"), D(1))
    assert rules.buy_band_ratio == D("0.02") and rules.qty_max is None


@pytest.mark.parametrize("member", ["priceEndStep", "pricePlace", "sizeMultiplier", "minTradeNum", "minTradeUSDT"])
@pytest.mark.parametrize("value", [None, "", "x", "NaN", [], "-1"])
def test_an_unusable_member_of_the_contract_is_named(member: str, value: object) -> None:
    with pytest.raises(WireError):
        read.read_perp_rules([CONTRACT | {member: value}], "ETHUSDT")


def test_an_error_names_the_missing_member() -> None:
    row = {key: value for key, value in SYMBOL.items() if key != "pricePrecision"}
    with pytest.raises(WireError, match="pricePrecision"):
        read.read_spot_rules([row], "ETHUSDT")


@pytest.mark.parametrize("data", [None, [], {}, "x", [CONTRACT | {"symbol": "BTCUSDT"}], [CONTRACT, CONTRACT]])
def test_no_row_or_two_rows_are_no_rules(data: object) -> None:
    with pytest.raises(WireError):
        read.read_perp_rules(data, "ETHUSDT")


def test_an_instrument_that_is_not_open_for_trading_has_no_rules() -> None:
    with pytest.raises(WireError, match=r"symbolStatus.*not open"):
        read.read_perp_rules([CONTRACT | {"symbolStatus": "maintain"}], "ETHUSDT")
    with pytest.raises(WireError, match="not open"):
        read.read_spot_rules([SYMBOL | {"status": "halt"}], "ETHUSDT")


@pytest.mark.parametrize("names", [("makerFeeRate", "takerFeeRate"), ("makerRate", "takerRate")])
def test_the_accounts_own_fees_are_read_in_bps(names: tuple[str, str]) -> None:
    """I41; the page's table and its example spell the members differently."""
    assert read.read_trade_rate({names[0]: "0.001", names[1]: "0.0011"}) == FeeRate(D(10), D(11), "account")
    with pytest.raises(WireError, match=names[1][:5]):
        read.read_trade_rate({names[0]: "0.001"})


ACCOUNT: dict[str, Any] = {
    "marginCoin": "USDT", "crossedMarginLeverage": 10, "isolatedLongLever": 20, "isolatedShortLever": 20,
    "marginMode": "crossed", "posMode": "one_way_mode",
}  # fmt: skip


def test_the_account_tells_modes_and_the_leverage_of_its_margin_mode() -> None:
    told = read.read_account(ACCOUNT, 5)
    assert told.pos_mode is PosMode.ONE_WAY and (told.margin_mode, told.leverage) == ("crossed", D(10))
    hedge = read.read_account(ACCOUNT | {"posMode": "hedge_mode", "marginMode": "isolated"}, 5)
    assert hedge.pos_mode is PosMode.HEDGE and hedge.leverage == D(20)
    with pytest.raises(WireError):
        read.read_account(ACCOUNT | {"posMode": "both"}, 5)


def test_funding_as_stated_and_as_in_older_answers() -> None:
    row = {
        "symbol": "ETHUSDT", "fundingRate": "-0.000014", "fundingRateInterval": "8", "nextUpdate": "1745510400000",
        "minFundingRate": "-0.003", "maxFundingRate": "0.003",
    }  # fmt: skip
    told = read.read_funding([row], "ETHUSDT")
    assert (told.rate, told.next_ms, told.interval_h, told.rate_max) == (
        D("-0.000014"),
        1745510400000,
        D(8),
        D("0.003"),
    )
    assert read.read_funding([{"symbol": "ETHUSDT", "fundingRate": "0"}], "ETHUSDT").next_ms is None
    with pytest.raises(WireError, match="fundingRate"):
        read.read_funding([{"symbol": "ETHUSDT", "fundingRate": ""}], "ETHUSDT")


def test_a_spot_ticker_tells_no_funding() -> None:
    assert read.read_ticker_funding({"instId": "ETHUSDT", "lastPr": "1"}, 1) is None
    told = read.read_ticker_funding({"fundingRate": "0.0001", "nextFundingTime": "1790380800000"}, 1)
    assert told is not None and (told.funding.rate, told.source) == (D("0.0001"), "ticker")


# --- frames -----------------------------------------------------------------------------------------------------------


def test_frames_are_told_apart() -> None:
    arg = {"instType": "SPOT", "channel": "books5", "instId": "ETHUSDT"}
    push = wire.read_frame({"action": "update", "arg": arg, "data": [{"asks": []}], "ts": 17})
    assert (push.kind, push.snapshot, push.ts_ms, push.inst) == (wire.FrameKind.DATA, False, 17, InstType.SPOT)
    assert wire.read_frame({"event": "subscribe", "arg": arg}).kind is wire.FrameKind.SUBSCRIBED
    refused = wire.read_frame({"event": "error", "arg": arg, "code": 30001, "msg": "doesn't exist", "op": "subscribe"})
    assert (refused.kind, refused.code, refused.channel) == (wire.FrameKind.REFUSED, "30001", "books5")
    nothing = wire.read_frame({"action": "snapshot", "arg": arg, "data": None})  # as its lists are in REST
    assert (nothing.kind, nothing.rows) == (wire.FrameKind.DATA, [])
    assert wire.read_frame({"event": "unsubscribe", "arg": arg}).kind is wire.FrameKind.OTHER
    assert wire.read_frame({"op": "unsubscribe", "args": [arg]}).kind is wire.FrameKind.OTHER  # as documented


@pytest.mark.parametrize("named", [[], {}, None])
def test_a_whole_book_has_a_key_whatever_it_names(named: object) -> None:
    """Of each leg the views keep the newest: an instId that is no text was a mistake of ours, and a halt."""
    arg = {"instType": "SPOT", "channel": "books5", "instId": named}
    frame = wire.read_frame({"action": "snapshot", "arg": arg, "data": []})
    assert hash(wire.replaced_by_next(frame))


def test_what_is_no_object_is_an_error() -> None:
    for message in ([], "x", 1, {"action": "snapshot", "data": "x"}, {"action": "snapshot", "data": [1]}):
        with pytest.raises(WireError):
            wire.read_frame(message)


def test_json_fractions_are_decimals_and_nan_is_no_json() -> None:
    assert parse_json('{"a":0.1}') == {"a": D("0.1")}
    for text in ('{"a":NaN}', '{"a":-Infinity}', "{"):
        with pytest.raises(ValueError):
            parse_json(text)


def test_an_error_shows_a_shortened_value() -> None:
    with pytest.raises(WireError) as caught:
        as_rows("y" * 500, "rows")
    assert len(str(caught.value)) < 150 and caught.value.member == "rows"


def test_half_a_character_becomes_one_that_can_be_written() -> None:
    """JSON may hold half of a pair, UTF-8 cannot: the journal would have raised, and the run ended. Pairs stay."""
    told = parse_json('{"msg": "a\\ud800b", "\\uDfff": ["\\ud83d\\ude00", "\\\\ud800", 1.5]}')
    assert told == {"msg": "a\ufffdb", "\ufffd": ["\U0001f600", "\\ud800", D("1.5")]}


def test_what_is_nested_deeper_than_a_parser_goes_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json('{"a":' + "[" * 100_000)
