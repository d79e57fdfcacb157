"""What is sent to Bitget."""

from decimal import Decimal as D

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, PositionEffect, PosMode, Side, Tif
from runner.bitget import wire
from runner.settings import Settings

TERMS = wire.Terms.of(Settings())
HEDGE_MODE = attrs.evolve(TERMS, pos_mode=PosMode.HEDGE)
QUOTE = OrderRequest(
    "mm-q-1", InstType.PERP, Side.BUY, D("0.01"), D("3499.50"), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1
)
HEDGE = OrderRequest(
    "mm-h-1", InstType.SPOT, Side.SELL, D("0.0100"), D("3500.10"), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1
)


def test_a_quote_is_the_documented_futures_body() -> None:
    assert wire.place_body(QUOTE, TERMS, 0) == {
        "symbol": "ETHUSDT",
        "productType": "USDT-FUTURES",
        "marginMode": "isolated",
        "marginCoin": "USDT",
        "size": "0.01",
        "price": "3499.5",
        "side": "buy",
        "orderType": "limit",
        "timeInForceValue": "post_only",
        "clientOid": "mm-q-1",
    }


@pytest.mark.parametrize(
    ("policy", "force"),
    [("auto", None), ("timeInForceValue", None), ("force", "post_only"), ("both", "post_only")],
)
def test_the_perp_always_says_timeinforcevalue_and_force_by_policy(policy: str, force: str | None) -> None:
    body = wire.place_body(QUOTE, attrs.evolve(TERMS, tif_policy=policy), 0)
    assert body["timeInForceValue"] == "post_only"
    assert body.get("force") == force


@pytest.mark.parametrize(("tif", "word"), [(Tif.POST_ONLY, "post_only"), (Tif.IOC, "ioc"), (Tif.GTC, "gtc")])
def test_each_time_in_force_has_its_word_on_both_products(tif: Tif, word: str) -> None:
    assert wire.place_body(attrs.evolve(QUOTE, tif=tif), TERMS, 0)["timeInForceValue"] == word
    assert wire.place_body(attrs.evolve(HEDGE, tif=tif), TERMS, 0)["force"] == word


def test_a_hedge_is_a_spot_body_that_bitget_itself_refuses_when_late() -> None:
    assert wire.place_body(HEDGE, TERMS, 1_700_000_000_123) == {
        "symbol": "ETHUSDT",
        "side": "sell",
        "orderType": "limit",
        "force": "ioc",
        "price": "3500.1",
        "size": "0.01",
        "clientOid": "mm-h-1",
        "requestTime": "1700000000123",
        "receiveWindow": "3000",
    }


def test_reduce_only_is_upper_case_yes_in_one_way_mode() -> None:
    assert wire.place_body(attrs.evolve(QUOTE, reduce_only=True), TERMS, 0)["reduceOnly"] == "YES"
    assert "reduceOnly" not in wire.place_body(QUOTE, TERMS, 0)


@pytest.mark.parametrize(
    ("trade", "effect", "side"),
    [
        (Side.BUY, PositionEffect.OPEN, "buy"),  # opens a long
        (Side.SELL, PositionEffect.OPEN, "sell"),  # opens a short
        (Side.SELL, PositionEffect.CLOSE, "buy"),  # closes a long: side is the position's
        (Side.BUY, PositionEffect.CLOSE, "sell"),  # closes a short
    ],
)
def test_hedge_mode_names_the_position_not_the_trade(trade: Side, effect: PositionEffect, side: str) -> None:
    body = wire.place_body(attrs.evolve(QUOTE, side=trade, position_effect=effect, reduce_only=True), HEDGE_MODE, 0)
    assert (body["side"], body["tradeSide"]) == (side, effect.value)
    assert "reduceOnly" not in body  # does not exist in hedge mode


def test_hedge_mode_refuses_an_order_that_says_neither_open_nor_close() -> None:
    """Without tradeSide a close would open a second position."""
    with pytest.raises(ValueError, match=r"mm-q-1.*opens or closes"):
        wire.place_body(QUOTE, HEDGE_MODE, 0)


def test_one_way_mode_sends_no_trade_side() -> None:
    body = wire.place_body(attrs.evolve(QUOTE, position_effect=PositionEffect.CLOSE), TERMS, 0)
    assert "tradeSide" not in body and body["side"] == "buy"


amounts = st.decimals(min_value="1e-12", max_value="1e12", allow_nan=False, allow_infinity=False)


@given(price=amounts, qty=amounts, inst=st.sampled_from(InstType))
def test_numbers_are_plain_and_come_back_the_same(price: D, qty: D, inst: InstType) -> None:
    """I05, I06: never an exponent, never another value."""
    body = wire.place_body(attrs.evolve(QUOTE, inst=inst, price=price, qty=qty), TERMS, 0)
    for sent, meant in ((body["price"], price), (body["size"], qty)):
        assert "e" not in sent.lower() and D(sent) == meant


def test_an_order_is_named_by_its_exchange_id_where_that_is_known() -> None:
    assert wire.order_key(InstType.SPOT, "mm-1", "99", TERMS) == {"symbol": "ETHUSDT", "orderId": "99"}
    assert wire.order_key(InstType.PERP, "mm-1", None, TERMS) == {
        "symbol": "ETHUSDT",
        "productType": "USDT-FUTURES",
        "marginCoin": "USDT",
        "clientOid": "mm-1",
    }


def test_the_private_set_is_the_documented_subscription() -> None:
    message = wire.subscription("subscribe", wire.PRIVATE_CHANNELS)
    assert message["op"] == "subscribe" and len(message["args"]) == 7
    assert {"instType": "USDT-FUTURES", "channel": "positions", "instId": "default"} in message["args"]
    assert {"instType": "SPOT", "channel": "account", "coin": "default"} in message["args"]


@pytest.mark.parametrize(
    ("answer", "is_in"),
    [
        ({"event": "login", "code": 0}, True),
        ({"event": "login", "code": "0", "msg": ""}, True),  # as documented
        ({"event": "login", "code": 0, "connId": "0621ccff"}, True),
        ({"event": "error", "code": 30015, "msg": "Invalid sign"}, False),
        ({"event": "login", "code": 30005}, False),
        ({}, False),
    ],
)
def test_a_login_is_judged_by_its_answer(answer: dict[str, object], is_in: bool) -> None:
    assert (wire.login_refusal(answer) is None) is is_in


def test_an_envelope_without_a_code_is_none() -> None:
    for body in ("", "<html>", "[]", "{}", "null", '{"code":"00000","data":NaN}'):
        with pytest.raises(ValueError):
            wire.open_envelope(body)
    opened = wire.open_envelope('{"code":"30032","msg":"gone","data":null}')  # some gateways leave requestTime out
    assert (opened.code, opened.exch_ms) == ("30032", None)


def test_a_place_answer_may_lack_the_order_id() -> None:
    """A reduce-only order that makes Bitget cancel older ones is answered without orderId."""
    assert wire.placed_order_id({"clientOid": "a", "orderId": "1"}) == "1"
    assert wire.placed_order_id({"clientOid": "a", "orderId": None}) is None
    assert wire.placed_order_id(None) is None
