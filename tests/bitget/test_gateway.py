"""The gateway against the stand-in exchange, over real sockets: actions in, answering events out."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal as D

import attrs
import pytest

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import (
    FeeRate,
    InstType,
    Leg,
    OrderIntent,
    OrderRequest,
    OrderStatus,
    Outcome,
    PositionEffect,
    PosMode,
    Side,
    Tif,
)
from runner.bitget.gateway import Gateway
from runner.paper import PaperExchange, PaperOptions
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
QUOTE = OrderRequest("mm-q-1", PERP, Side.BUY, D("0.01"), D(3499), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1)
HEDGE = OrderRequest("mm-h-1", SPOT, Side.BUY, D("0.01"), D(3501), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1)
SettingsFor = Callable[..., Settings]


def fail(name: str, error: BaseException | None) -> None:
    raise AssertionError(f"{name} ended: {error!r}")


@pytest.fixture
async def gateway(exchange: PaperExchange, settings_for: SettingsFor) -> AsyncIterator[Gateway]:
    opened = Gateway(settings_for(exchange), fail)
    await opened.open()
    yield opened
    await opened.close()


async def one(gateway: Gateway, action: do.Action) -> ev.Event:
    (event,) = await gateway.execute(action)
    return event


async def place(gateway: Gateway, request: OrderRequest) -> ev.PlaceAnswered:
    answer = await one(gateway, do.PlaceOrder(request))
    assert isinstance(answer, ev.PlaceAnswered)
    return answer


async def test_signed_requests_reach_a_loopback_host(gateway: Gateway) -> None:
    """pybotters signs for Bitget's own host names alone until this one is registered with it."""
    told = await one(gateway, do.QueryAccount())
    assert isinstance(told, ev.AccountRead)
    assert told.pos_mode is PosMode.ONE_WAY and (told.margin_mode, told.leverage) == ("isolated", D(10))


async def test_the_rules_of_both_legs_are_read(gateway: Gateway) -> None:
    told = await one(gateway, do.QueryConstraints())
    assert isinstance(told, ev.ConstraintsRead) and told.constraints is not None
    assert (told.constraints.perp.notional_min, told.constraints.spot.qty_step) == (D(5), D("0.0001"))
    assert told.constraints.spot.taker_fee == D("0.002")  # the list's; what is charged is asked for by itself


async def test_the_accounts_own_fees_of_both_legs_are_read(gateway: Gateway) -> None:
    """In bps, marked as the account's."""
    told = await one(gateway, do.QueryFees())
    assert isinstance(told, ev.FeesRead) and told.why is None
    assert (told.perp, told.spot) == (FeeRate(D(2), D(6)), FeeRate(D(10), D(10)))


async def test_fees_that_cannot_be_read_are_an_answer_that_says_why(gateway: Gateway, exchange: PaperExchange) -> None:
    """Not a failed check: there is a next source."""
    exchange.next_answer("/trade-rate", "http500", times=2)
    told = await one(gateway, do.QueryFees())
    assert isinstance(told, ev.FeesRead)
    assert (told.perp, told.spot) == (None, None) and told.why


async def test_a_resting_spot_order_is_cancelled_by_its_client_oid(gateway: Gateway) -> None:
    await place(gateway, attrs.evolve(HEDGE, price=D(3490), tif=Tif.GTC))
    listed = await one(gateway, do.QueryOpenOrders(SPOT))
    assert isinstance(listed, ev.OpenOrdersRead)
    assert [(it.client_oid, it.price) for it in listed.orders] == [("mm-h-1", D(3490))]
    told = await one(gateway, do.CancelOrder(SPOT, "mm-h-1", None))
    assert isinstance(told, ev.CancelAnswered) and told.result.outcome is Outcome.ACCEPTED
    asked = await one(gateway, do.QueryOrder(SPOT, "mm-h-1", None))
    assert isinstance(asked, ev.OrderQueried) and asked.report is not None
    assert asked.report.status is OrderStatus.CANCELED


async def test_missing_rules_say_why(settings_for: SettingsFor) -> None:
    async with PaperExchange(PaperOptions(market="scripted", constraints="missing")) as bare:
        gateway = Gateway(settings_for(bare), fail)
        await gateway.open()
        told = await one(gateway, do.QueryConstraints())
        await gateway.close()
    assert isinstance(told, ev.ConstraintsRead | ev.CheckFailed)
    assert isinstance(told, ev.CheckFailed) or (told.constraints is None and told.why)


async def test_a_quote_lives_is_listed_and_is_cancelled(gateway: Gateway) -> None:
    placed = await place(gateway, QUOTE)
    order_id = placed.result.order_id
    assert placed.result.outcome is Outcome.ACCEPTED and order_id
    listed = await one(gateway, do.QueryOpenOrders(PERP))
    assert isinstance(listed, ev.OpenOrdersRead)
    assert [(it.order_id, it.client_oid, it.status) for it in listed.orders] == [(order_id, "mm-q-1", OrderStatus.LIVE)]
    cancelled = await one(gateway, do.CancelOrder(PERP, "mm-q-1", order_id))
    assert isinstance(cancelled, ev.CancelAnswered) and cancelled.result.outcome is Outcome.ACCEPTED
    again = await one(gateway, do.CancelOrder(PERP, "mm-q-1", order_id))
    assert isinstance(again, ev.CancelAnswered) and again.result.outcome is Outcome.GONE  # I27
    asked = await one(gateway, do.QueryOrder(PERP, "mm-q-1", None))  # by clientOid
    assert isinstance(asked, ev.OrderQueried) and asked.report is not None
    assert (asked.report.status, asked.report.filled) == (OrderStatus.CANCELED, D(0))
    listed = await one(gateway, do.QueryOpenOrders(PERP))
    assert isinstance(listed, ev.OpenOrdersRead) and listed.orders == ()  # I08


async def test_a_partly_filled_order_is_listed_too(gateway: Gateway, exchange: PaperExchange) -> None:
    """Without a status futures may list live orders alone, so both are asked for."""
    await place(gateway, attrs.evolve(QUOTE, qty=D("0.05"), price=D("3500.05")))
    exchange.market.trade("perp", "3500.05", "0.02", "sell")
    listed = await one(gateway, do.QueryOpenOrders(PERP))
    assert isinstance(listed, ev.OpenOrdersRead)
    assert [(it.status, it.filled) for it in listed.orders] == [(OrderStatus.PARTIAL, D("0.02"))]


@pytest.mark.parametrize("inst", [PERP, SPOT])
async def test_an_order_nobody_knows_is_gone(gateway: Gateway, inst: InstType) -> None:
    told = await one(gateway, do.QueryOrder(inst, "mm-never", None))
    assert isinstance(told, ev.OrderQueried)
    assert told.result.outcome is Outcome.GONE and told.report is None


async def test_a_hedge_fills_and_its_fill_is_read_with_the_fee_in_the_coin_bought(gateway: Gateway) -> None:
    placed = await place(gateway, HEDGE)
    fill, read = await gateway.execute(do.QueryFills(SPOT, placed.result.order_id, 0))
    assert isinstance(fill, ev.FillEvent) and isinstance(read, ev.FillsRead)
    assert (fill.fill.qty, fill.fill.fee, fill.fill.fee_coin) == (D("0.01"), D("0.00001"), "ETH")
    assert (fill.fill.order_id, fill.fill.source) == (placed.result.order_id, "rest")
    assert read.result.outcome is Outcome.ACCEPTED and read.count == 1
    asked = await one(gateway, do.QueryOrder(SPOT, "mm-h-1", placed.result.order_id))
    assert isinstance(asked, ev.OrderQueried) and asked.report is not None
    assert (asked.report.status, asked.report.filled) == (OrderStatus.FILLED, D("0.01"))


async def test_fills_of_more_than_a_page_are_all_read_oldest_first(gateway: Gateway, exchange: PaperExchange) -> None:
    await place(gateway, attrs.evolve(QUOTE, qty=D("3"), price=D("3500.05")))
    for _ in range(130):
        exchange.market.trade("perp", "3500.05", "0.01", "sell")
    *fills, read = await gateway.execute(do.QueryFills(PERP, None, 0))
    assert isinstance(read, ev.FillsRead) and read.count == len(fills) == 130
    told = [it.fill for it in fills if isinstance(it, ev.FillEvent)]
    assert len({it.dedupe_key for it in told}) == 130
    assert [it.exch_ms for it in told] == sorted(it.exch_ms for it in told)


@pytest.mark.parametrize("inst", [PERP, SPOT])
async def test_fills_are_asked_for_no_further_back_than_they_are_kept(
    gateway: Gateway, exchange: PaperExchange, inst: InstType
) -> None:
    """Get Fills has 90 days, and Get Order Fills shows three months from its start on: from an older one, not today's.
    A bot that stood still for longer reads the newest all the same."""
    await gateway.execute(do.QueryFills(inst, None, since_ms=0))
    (asked,) = [it for it in exchange.requests if it.path.endswith("/fills")]
    assert 0 <= asked.at_ms - int(asked.query["startTime"]) - 89 * 86_400_000 < 5_000


async def test_balances_are_both_coins_and_the_perps_margin(gateway: Gateway) -> None:
    told = await gateway.execute(do.QueryBalance())
    found = {(it.account, it.coin): it.total for it in told if isinstance(it, ev.BalanceEvent)}
    assert found == {(SPOT, "ETH"): D("0.5"), (SPOT, "USDT"): D(5000), (PERP, "USDT"): D(5000)}


async def test_a_coin_that_is_not_listed_is_zero(gateway: Gateway, exchange: PaperExchange) -> None:
    exchange.set_balance("ETH", 0)
    told = await gateway.execute(do.QueryBalance())
    assert [it.total for it in told if isinstance(it, ev.BalanceEvent) and it.coin == "ETH"] == [D(0)]


async def test_a_position_is_signed_and_flat_is_zero(gateway: Gateway) -> None:
    flat = await one(gateway, do.QueryPosition())
    assert isinstance(flat, ev.PositionEvent) and (flat.qty, flat.source) == (D(0), "rest")  # I08
    await place(gateway, attrs.evolve(QUOTE, side=Side.SELL, price=D(3499), tif=Tif.IOC))
    short = await one(gateway, do.QueryPosition())
    assert isinstance(short, ev.PositionEvent) and short.qty == D("-0.01")


async def test_reduce_only_while_flat_is_an_answer(gateway: Gateway) -> None:
    """I11."""
    gateway.set_tif_policy("both")
    request = attrs.evolve(QUOTE, tif=Tif.IOC, intent=OrderIntent.UNWIND, leg=Leg.PERP_UNWIND, reduce_only=True)
    answer = await place(gateway, request)
    assert (answer.result.outcome, answer.result.code) == (Outcome.FLAT, "22002")
    assert gateway.closing == set()


async def test_a_spot_sale_without_the_coin_is_final_for_the_leg(gateway: Gateway, exchange: PaperExchange) -> None:
    """I20."""
    exchange.set_balance("ETH", 0)
    answer = await place(gateway, attrs.evolve(HEDGE, side=Side.SELL, price=D(3499)))
    assert (answer.result.outcome, answer.result.code) == (Outcome.REFUSED_LEG, "43012")


async def test_a_price_off_the_tick_is_refused(gateway: Gateway) -> None:
    """I04; the words of the exchange are kept."""
    answer = await place(gateway, attrs.evolve(QUOTE, price=D("3499.005")))
    assert answer.result.outcome is Outcome.REFUSED_GRID and answer.result.code and answer.result.msg


@pytest.mark.parametrize(("policy", "honoured"), [("timeInForceValue", "gtc"), ("force", "post_only")])
async def test_an_exchange_as_documented_reads_force_alone(gateway: Gateway, policy: str, honoured: str) -> None:
    """`timeInForceValue` goes with every perp order; what it does there is seen by asking."""
    await gateway.execute(do.SetTifPolicy(policy))
    await place(gateway, QUOTE)
    asked = await one(gateway, do.QueryOrder(PERP, "mm-q-1", None))
    assert isinstance(asked, ev.OrderQueried) and asked.report is not None and asked.report.tif == honoured


async def test_a_tif_policy_nobody_knows_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ValueError, match="policy 'x'"):
        gateway.set_tif_policy("x")


async def test_hedge_mode_closes_a_long_with_side_buy(exchange: PaperExchange, settings_for: SettingsFor) -> None:
    exchange.set_position_mode("hedge_mode")
    gateway = Gateway(settings_for(exchange, target_pos_mode="hedge_mode"), fail)
    await gateway.open()
    opens = attrs.evolve(QUOTE, tif=Tif.IOC, price=D(3501), position_effect=PositionEffect.OPEN)
    assert (await place(gateway, opens)).result.outcome is Outcome.ACCEPTED
    closes = attrs.evolve(
        opens, client_oid="mm-q-2", side=Side.SELL, price=D(3499), position_effect=PositionEffect.CLOSE
    )
    assert (await place(gateway, closes)).result.outcome is Outcome.ACCEPTED
    flat = await one(gateway, do.QueryPosition())
    assert isinstance(flat, ev.PositionEvent) and flat.qty == 0
    *fills, _read = await gateway.execute(do.QueryFills(PERP, None, 0))
    assert [it.fill.side for it in fills if isinstance(it, ev.FillEvent)] == [Side.BUY, Side.SELL]
    await gateway.close()


async def test_an_order_for_the_other_position_mode_is_fatal(gateway: Gateway, exchange: PaperExchange) -> None:
    """I28."""
    exchange.set_position_mode("hedge_mode")
    answer = await place(gateway, QUOTE)
    assert (answer.result.outcome, answer.result.code) == (Outcome.FATAL, "40774")


async def test_setting_the_position_mode_that_is_set_succeeds(gateway: Gateway) -> None:
    told = await one(gateway, do.SetPositionMode(PosMode.ONE_WAY))
    assert isinstance(told, ev.PosModeAnswered) and told.result.outcome is Outcome.ACCEPTED


async def test_a_unified_account_is_fatal(settings_for: SettingsFor) -> None:
    async with PaperExchange(PaperOptions(market="scripted", unified_account=True)) as unified:
        gateway = Gateway(settings_for(unified), fail)
        await gateway.open()
        told = await one(gateway, do.QueryAccount())
        await gateway.close()
    assert isinstance(told, ev.CheckFailed)
    assert (told.what, told.result.outcome, told.result.code) == ("queryaccount", Outcome.FATAL, "40085")


@pytest.mark.parametrize("ahead_ms", [0, -5_000, 7_000])
async def test_the_exchanges_clock_is_read_as_it_is(gateway: Gateway, exchange: PaperExchange, ahead_ms: int) -> None:
    exchange.fault("clock_jumps", ms=ahead_ms)
    told = await one(gateway, do.QueryServerTime())
    assert isinstance(told, ev.ServerTimeRead) and abs(told.exch_ms - told.at_ms - ahead_ms) < 100


@pytest.mark.parametrize("fault", ["request_late", "answer_late"])
async def test_a_slow_answer_does_not_make_the_exchanges_clock_another(
    gateway: Gateway, exchange: PaperExchange, fault: str
) -> None:
    """Half of its time would: half a second of it, and a fill is dated before the order that it belongs to."""
    exchange.fault(fault, path="public/time", ms=400, times=3)  # the hedges' two lines ask as well
    told = await one(gateway, do.QueryServerTime())
    assert isinstance(told, ev.ServerTimeRead) and abs(told.exch_ms - told.at_ms) < 100


async def test_funding_comes_with_its_interval_and_cap(gateway: Gateway) -> None:
    told = await one(gateway, do.QueryFunding())
    assert isinstance(told, ev.FundingEvent)
    assert (told.funding.rate, told.funding.interval_h, told.source) == (D("0.0001"), D(8), "rest")


async def test_funding_that_was_settled_is_read_oldest_first_and_from_a_time_on(
    gateway: Gateway, exchange: PaperExchange
) -> None:
    """A short of 0.1 is paid 0.0268 at a rate of 0.0001 for each of 130 settlements, more than one page; asked from the
    third last on, three are told."""
    await place(gateway, attrs.evolve(QUOTE, side=Side.SELL, tif=Tif.GTC, qty=D("0.1"), price=D("3400")))
    account, begin = exchange.venue.exchange, now_ms()
    for number in range(130):
        account.settle_funding(D("0.0001"), begin + number)

    whole = await one(gateway, do.QuerySettlements(0))
    last = await one(gateway, do.QuerySettlements(begin + 127))

    assert isinstance(whole, ev.SettlementsRead) and isinstance(last, ev.SettlementsRead)
    assert [it.exch_ms for it in whole.settlements] == [begin + number for number in range(130)]
    assert {it.amount for it in whole.settlements} == {exchange.account_view().funding / 130}
    assert whole.settlements[0].amount > 0 and len({it.bill_id for it in whole.settlements}) == 130
    assert last.settlements == whole.settlements[127:]


async def test_an_action_that_is_not_the_exchanges_is_refused(gateway: Gateway) -> None:
    with pytest.raises(TypeError, match="Alert"):
        await gateway.execute(do.Alert(0, "r", "t", "w"))
