"""The gateway when the exchange misbehaves: nothing raises, and what may have happened is never taken for a refusal."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from decimal import Decimal as D

import pytest

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Outcome, Side, Tif
from runner.bitget.gateway import Gateway
from runner.paper import PaperExchange
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
QUOTE = OrderRequest("mm-q-1", PERP, Side.BUY, D("0.01"), D(3499), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1)
HEDGE = OrderRequest("mm-h-1", SPOT, Side.BUY, D("0.01"), D(3501), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1)
SettingsFor = Callable[..., Settings]
READS = (
    do.QueryOpenOrders(PERP),
    do.QueryOpenOrders(SPOT),
    do.QueryPosition(),
    do.QueryBalance(),
    do.QueryAccount(),
    do.QueryServerTime(),
    do.QueryConstraints(),
    do.QueryFunding(),
)


def fail(name: str, error: BaseException | None) -> None:
    raise AssertionError(f"{name} ended: {error!r}")


@pytest.fixture
async def gateway(exchange: PaperExchange, settings_for: SettingsFor) -> AsyncIterator[Gateway]:
    opened = Gateway(settings_for(exchange, request_timeout_ms=300), fail)
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("fault", "outcome", "exists"),
    [
        ("hang_after", Outcome.UNKNOWN, True),  # I29
        ("hang_before", Outcome.UNKNOWN, False),
        ("lost_after", Outcome.UNKNOWN, True),
        ("http500_after", Outcome.UNKNOWN, True),
        ("45001_after", Outcome.UNKNOWN, True),  # I26
        ("40010", Outcome.UNKNOWN, False),
        ("429", Outcome.BUSY, False),
    ],
)
async def test_a_place_that_may_have_happened_is_unknown_and_found_by_its_client_oid(
    gateway: Gateway, exchange: PaperExchange, fault: str, outcome: Outcome, exists: bool
) -> None:
    exchange.next_answer("place-order", fault)
    (answer,) = await gateway.execute(do.PlaceOrder(QUOTE))
    assert isinstance(answer, ev.PlaceAnswered) and answer.result.outcome is outcome
    (told,) = await gateway.execute(do.QueryOrder(PERP, "mm-q-1", None))
    assert isinstance(told, ev.OrderQueried)
    assert told.result.outcome is (Outcome.ACCEPTED if exists else Outcome.GONE)
    sent = [it for it in exchange.requests if it.path.endswith("place-order")]
    assert len(sent) == 1  # never retried here


@pytest.mark.parametrize("action", READS, ids=lambda it: type(it).__name__)
async def test_a_read_that_does_not_come_back_is_a_failed_check(
    gateway: Gateway, exchange: PaperExchange, action: do.Action
) -> None:
    exchange.next_answer("/api/v2/", "http500", times=10)
    (told,) = await gateway.execute(action)
    assert isinstance(told, ev.CheckFailed)
    assert (told.what, told.result.outcome) == (type(action).__name__.lower(), Outcome.UNKNOWN)


async def test_fills_that_could_not_be_read_to_the_end_say_so(gateway: Gateway, exchange: PaperExchange) -> None:
    exchange.next_answer("/fills", "lost_before", times=5)
    (told,) = await gateway.execute(do.QueryFills(PERP, None, 0))
    assert isinstance(told, ev.FillsRead) and told.result.outcome is Outcome.UNKNOWN


async def test_a_request_that_found_no_connection_was_not_sent(
    settings_for: SettingsFor, exchange: PaperExchange
) -> None:
    """Nothing can have arrived: later is fine, and nobody has to ask for an order that cannot exist."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: connecting is refused
        gateway = Gateway(settings_for(exchange, bitget_rest_url=f"http://127.0.0.1:{held.getsockname()[1]}"), fail)
        await gateway.open()
        (answer,) = await gateway.execute(do.PlaceOrder(QUOTE))
        await gateway.close()
    assert isinstance(answer, ev.PlaceAnswered) and answer.result.outcome is Outcome.BUSY


async def test_a_dry_run_sends_nothing_whoever_asks(settings_for: SettingsFor, exchange: PaperExchange) -> None:
    gateway = Gateway(settings_for(exchange, dry_run=True), fail)
    await gateway.open()
    (answer,) = await gateway.execute(do.PlaceOrder(QUOTE))
    await gateway.execute(do.CancelOrder(PERP, "mm-q-1", None))
    await gateway.close()
    assert isinstance(answer, ev.PlaceAnswered) and answer.result.outcome is Outcome.REFUSED
    assert [it for it in exchange.requests if it.method == "POST"] == []


async def test_without_a_key_public_reads_work_and_private_ones_are_not_sent(
    settings_for: SettingsFor, exchange: PaperExchange
) -> None:
    keyless = {"bitget_api_key": "", "bitget_api_secret": "", "bitget_api_passphrase": "", "dry_run": True}
    gateway = Gateway(settings_for(exchange, **keyless), fail)
    await gateway.open()
    (rules,) = await gateway.execute(do.QueryConstraints())
    (account,) = await gateway.execute(do.QueryAccount())
    await gateway.close()
    assert isinstance(rules, ev.ConstraintsRead) and rules.constraints is not None
    assert isinstance(account, ev.CheckFailed) and account.result.outcome is Outcome.FATAL
    assert [it.path for it in exchange.requests if "/account" in it.path] == []


async def test_a_late_spot_order_is_refused_by_the_exchange_itself(
    settings_for: SettingsFor, exchange: PaperExchange
) -> None:
    gateway = Gateway(settings_for(exchange, spot_receive_window_ms=100, request_timeout_ms=2_000), fail)
    await gateway.open()
    exchange.next_answer("/spot/trade/place-order", "delay_before_ms", ms=300)
    (answer,) = await gateway.execute(do.PlaceOrder(HEDGE))
    await gateway.close()
    assert isinstance(answer, ev.PlaceAnswered)
    assert (answer.result.outcome, answer.result.code) == (Outcome.BUSY, "40078")


@pytest.mark.parametrize("fault", ["request_late", "answer_late"])
async def test_a_slow_answer_does_not_move_the_window_of_the_next_spot_order(
    settings_for: SettingsFor, exchange: PaperExchange, fault: str
) -> None:
    """However a slow answer's time was spent, the next order's requestTime is the exchange's time, not half of it off.

    Ahead of it, the exchange would still take the order after the desk has given it up and sent another.
    """
    gateway = Gateway(settings_for(exchange), fail)
    await gateway.open()
    exchange.fault(fault, path="account/assets", ms=400)
    await gateway.execute(do.QueryBalance())
    await gateway.execute(do.PlaceOrder(HEDGE))
    await gateway.close()

    (placed,) = [it for it in exchange.requests if it.path.endswith("/spot/trade/place-order")]
    assert placed.body is not None
    assert abs(int(placed.body["requestTime"]) - placed.at_ms) < 100


async def test_using_a_gateway_that_is_not_open_is_a_mistake(
    settings_for: SettingsFor, exchange: PaperExchange
) -> None:
    with pytest.raises(RuntimeError, match="await open"):
        await Gateway(settings_for(exchange), fail).execute(do.QueryFunding())


async def test_closing_leaves_no_task_behind(settings_for: SettingsFor, exchange: PaperExchange) -> None:
    before = asyncio.all_tasks()
    gateway = Gateway(settings_for(exchange), fail)
    await gateway.open()
    await gateway.execute(do.QueryServerTime())
    await gateway.close()
    assert {it.get_name() for it in asyncio.all_tasks() - before if it.get_name() == "hedge-connection"} == set()
