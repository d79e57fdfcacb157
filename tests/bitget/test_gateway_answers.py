"""Answers that come and cannot be read, or hold too much: never taken for an empty list or a flat account."""

from collections.abc import AsyncIterator
from decimal import Decimal as D

import pytest
from bare_rest import Answers

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Outcome, PosMode, Side, Tif
from runner.bitget.gateway import PAGES_MAX, Gateway
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
QUOTE = OrderRequest("mm-q-1", PERP, Side.BUY, D("0.01"), D(3499), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1)
FILL = (
    '{"orderId":"1","tradeId":"2","symbol":"ETHUSDT","side":"buy","price":"3500","baseVolume":"0.01","cTime":"5",'
    '"feeDetail":[]}'
)
ORDER = '{"orderId":"1","status":"live","side":"buy","baseVolume":"0","uTime":"5"}'


def settings(answers: Answers, mode: str = "one_way_mode") -> Settings:
    return Settings(
        dry_run=False,
        bitget_api_key="k-12345",
        bitget_api_secret="s-12345",
        bitget_api_passphrase="p-12345",
        bitget_rest_url=answers.url,
        bitget_ws_private_url="ws://127.0.0.1:1",
        target_pos_mode=mode,
    )


@pytest.fixture
async def gateway(answers: Answers) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings(answers), lambda *_: None)
    await gateway.open()
    yield gateway
    await gateway.close()


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (do.QueryPosition(), '"none"'),
        (do.QueryPosition(), '[{"symbol":"ETHUSDT","holdSide":"short","total":""}]'),
        (do.QueryBalance(), '{"marginCoin":"USDT"}'),
        (do.QueryAccount(), '{"posMode":"one_way_mode"}'),
        (do.QueryAccount(), "null"),
        (do.QueryServerTime(), '{"serverTime":"soon"}'),
        (do.QueryFunding(), "[]"),
        (do.QueryOpenOrders(PERP), '{"entrustedList":[{"orderId":"1"}]}'),
        (do.QueryOpenOrders(SPOT), '{"orderId":"1"}'),
    ],
    ids=lambda it: type(it).__name__ if not isinstance(it, str) else it[:24],
)
async def test_a_read_that_cannot_be_read_is_a_failed_check(
    gateway: Gateway, answers: Answers, action: do.Action, data: str
) -> None:
    answers.hold(data)
    (told,) = await gateway.execute(action)
    assert isinstance(told, ev.CheckFailed)
    assert told.result.outcome is Outcome.UNKNOWN and "unreadable answer" in (told.result.msg or "")


async def test_rules_that_cannot_be_read_say_which_member(gateway: Gateway, answers: Answers) -> None:
    answers.hold('[{"symbol":"ETHUSDT","baseCoin":"ETH"}]')
    (told,) = await gateway.execute(do.QueryConstraints())
    assert isinstance(told, ev.ConstraintsRead) and told.constraints is None
    assert told.why is not None and "pricePlace" in told.why


async def test_an_order_that_cannot_be_read_is_unknown_not_gone(gateway: Gateway, answers: Answers) -> None:
    answers.hold('{"orderId":"1","state":"melted"}')
    (told,) = await gateway.execute(do.QueryOrder(PERP, "mm-q-1", None))
    assert isinstance(told, ev.OrderQueried) and told.report is None
    assert told.result.outcome is Outcome.UNKNOWN and "melted" in (told.result.msg or "")


async def test_an_unreadable_fill_hides_no_other_and_is_not_forgotten(gateway: Gateway, answers: Answers) -> None:
    """One row that cannot be read would otherwise keep every fill of its page from being booked, time after time."""
    answers.hold('{"fillList":[' + FILL + "," + FILL.replace("0.01", "") + "]}")
    fill, told = await gateway.execute(do.QueryFills(PERP, "1", 0))
    assert isinstance(fill, ev.FillEvent) and fill.fill.qty == D("0.01")
    assert isinstance(told, ev.FillsRead) and told.count == 1
    assert told.result.outcome is Outcome.UNKNOWN and "baseVolume" in (told.result.msg or "")


async def test_a_full_page_that_names_no_next_one_is_not_the_last(gateway: Gateway, answers: Answers) -> None:
    """There may be more fills than were read: that is not "all read"."""
    answers.hold('{"fillList":[' + ",".join([FILL] * 99 + [FILL.replace('"tradeId":"2",', "")]) + "]}")
    *fills, told = await gateway.execute(do.QueryFills(PERP, None, 0))
    assert isinstance(told, ev.FillsRead) and told.count == len(fills) == 100
    assert told.result.outcome is Outcome.UNKNOWN and "tradeId" in (told.result.msg or "")


@pytest.mark.parametrize("action", [do.QueryFills(PERP, None, 0), do.QueryOpenOrders(PERP), do.QuerySettlements(0)])
async def test_an_object_without_its_list_is_no_empty_one(
    gateway: Gateway, answers: Answers, action: do.Action
) -> None:
    """Empty is `null` in the list's place: an answer that does not name it says nothing of what is open."""
    answers.hold('{"endId":null}')
    (told,) = await gateway.execute(action)
    assert isinstance(told, ev.FillsRead | ev.CheckFailed | ev.SettlementsRead)
    assert told.result.outcome is Outcome.UNKNOWN and "unreadable" in (told.result.msg or "")


async def test_bills_are_read_whole_or_not_at_all(gateway: Gateway, answers: Answers) -> None:
    """One unreadable amount, or pages without end: nothing is told, and the outcome says so."""
    bill = '{"billId":"1","symbol":"ETHUSDT","amount":"0.1","businessType":"contract_settle_fee","cTime":"5"}'
    for data in ("[" + bill + "," + bill.replace("0.1", "") + "]", "[" + ",".join([bill] * 100) + "]"):
        answers.hold('{"bills":' + data + ',"endId":"1"}')
        (told,) = await gateway.execute(do.QuerySettlements(0))
        assert isinstance(told, ev.SettlementsRead) and told.settlements == ()
        assert told.result.outcome is Outcome.UNKNOWN and told.result.msg


async def test_pages_without_end_are_bounded_and_no_answer(gateway: Gateway, answers: Answers) -> None:
    answers.hold('{"fillList":[' + ",".join([FILL] * 100) + "]}")
    *fills, told = await gateway.execute(do.QueryFills(PERP, None, 0))
    assert isinstance(told, ev.FillsRead) and told.result.outcome is Outcome.UNKNOWN
    assert len(fills) == told.count == 100 * PAGES_MAX
    answers.hold("[" + ",".join([ORDER] * 100) + "]")
    (failed,) = await gateway.execute(do.QueryOpenOrders(SPOT))
    assert isinstance(failed, ev.CheckFailed) and "pages" in (failed.result.msg or "")


@pytest.mark.parametrize("charset", ["rot13", "base64", "undefined", "no-such"])
async def test_what_an_answer_says_of_its_charset_is_no_matter(
    gateway: Gateway, answers: Answers, charset: str
) -> None:
    """Some names raise where they are looked up: a request that raises halts the run for a person."""
    answers.headers = {"Content-Type": f"text/html; charset={charset}"}
    answers.hold('{"orderId":"7"}')
    (told,) = await gateway.execute(do.PlaceOrder(QUOTE))
    assert isinstance(told, ev.PlaceAnswered)
    assert (told.result.outcome, told.result.order_id) == (Outcome.ACCEPTED, "7")


async def test_an_accepted_order_may_come_without_its_id(gateway: Gateway, answers: Answers) -> None:
    answers.hold('{"clientOid":"mm-q-1"}')
    (told,) = await gateway.execute(do.PlaceOrder(QUOTE))
    assert isinstance(told, ev.PlaceAnswered)
    assert told.result.outcome is Outcome.ACCEPTED and told.result.order_id is None


async def test_an_order_that_cannot_be_said_is_refused_and_not_sent(answers: Answers) -> None:
    gateway = Gateway(settings(answers, PosMode.HEDGE.value), lambda *_: None)
    await gateway.open()
    (told,) = await gateway.execute(do.PlaceOrder(QUOTE))
    await gateway.close()
    assert isinstance(told, ev.PlaceAnswered) and told.result.outcome is Outcome.REFUSED
    assert [path for path, _ in answers.seen if path.endswith("place-order")] == []
