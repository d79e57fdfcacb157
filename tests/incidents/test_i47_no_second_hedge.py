"""I47: any exception of the place call, timeouts included, made the order FAILED, and the taker order was sent again:
two hedges.

Wanted: unknown is a state with its quantity reserved. A clientOid says which try of which ticket it is, so that a
resend or a restart is recognised; Bitget refuses a duplicate only while the first is pending, so nothing is resent
blindly.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.events import PlaceAnswered
from mmfsm.orders import make_client_oid
from mmfsm.values import Leg, OrderIntent, OrderResult, Outcome, Side
from runner.bitget.codes import Kind, judge
from tests.incidents.scene import opened
from tests.support.bot import trading

D = Decimal
PLACE, ASK = "/spot/trade/place-order", "/spot/trade/orderInfo"
SHORT = {"REQUEST_TIMEOUT_MS": "150", "QUERY_PERIOD_MS": "100", "NOT_FOUND_MS": "400", "CHILD_SETTLE_MS": "100"}


@pytest.mark.parametrize("fault", ["lost_after", "hang_after", "45001_after"])
async def test_i47_a_hedge_that_was_taken_is_not_sent_again(tmp_path: Path, fault: str) -> None:
    """Its answer is lost, and so is every push: one request, one hedge, the books as the exchange has them."""
    async with trading(tmp_path, **SHORT) as bot:
        await bot.quoting()
        bot.exchange.next_answer(PLACE, fault)
        bot.fill_bid()
        bot.exchange.push_fault("drop", times=2, channel="orders")
        bot.exchange.push_fault("drop", times=1, channel="fill")
        await bot.hedged()
        assert len(bot.requests(PLACE)) == 1 and bot.truth.spot["ETH"].total == D("0.48")
        assert bot.runner.desk.state.ledger.delta == 0 == bot.truth.position + bot.truth.spot["ETH"].total - D("0.5")


@pytest.mark.parametrize("fault", ["lost_before", "hang_before", "40015"])
async def test_i47_a_hedge_that_was_not_taken_is_asked_for_first_and_sent_under_a_new_name(
    tmp_path: Path, fault: str
) -> None:
    """The same ticket's second try, after the exchange has said twice that it knows no first."""
    async with trading(tmp_path, **SHORT) as bot:
        await bot.quoting()
        bot.exchange.next_answer(PLACE, fault)
        bot.fill_bid()
        await bot.hedged()
        first, second = [body["clientOid"] for body in bot.requests(PLACE)]
        assert first.rsplit("-", 1)[0] == second.rsplit("-", 1)[0], "the same ticket"
        assert (first[-1], second[-1]) == ("1", "2"), "its first and second try"
        asked = [it.query.get("clientOid") for it in bot.exchange.requests if ASK in it.path]
        assert asked.count(first) >= 2 and bot.truth.spot["ETH"].total == D("0.48")


def test_i47_its_quantity_stays_reserved() -> None:
    """While the hedge is unknown the ticket has nothing left to send, and further fills are hedged beside it later."""
    scene = opened(quote_size=D("0.04"))
    bid = scene.quote(Side.BUY)
    scene.trade(bid, "p1", qty="0.02")
    first = scene.hedge
    scene(PlaceAnswered(scene.now, first.client_oid, OrderResult(Outcome.UNKNOWN, code="timeout")))
    assert scene.ticket.unsent == 0
    scene.trade(bid, "p2", qty="0.02")
    assert scene.ticket.unsent == D("0.02") and scene.closing == [first]
    scene.accept(first)
    scene.trade(first, "s1")
    scene.wait(400, 100)
    assert [it.qty for it in scene.closing] == [D("0.02"), D("0.02")]


def test_i47_a_client_oid_is_a_function_of_ticket_and_try() -> None:
    """Asked again it is the same; another try, cycle or run makes another."""
    named = {
        make_client_oid("mm", OrderIntent.HEDGE, Leg.SPOT_IOC, cycle, run, attempt)
        for _again in range(2)
        for cycle in (1, 2, 4_000)
        for run in (1_795_536_000, 1_795_536_001)
        for attempt in (1, 2, 40)
    }
    assert len(named) == 18 and all(len(oid) <= 32 for oid in named)
    assert make_client_oid("mm", OrderIntent.HEDGE, Leg.SPOT_IOC, 1, 1, 1) in {opened_first_hedge()}


def opened_first_hedge() -> str:
    """The clientOid of the first hedge of run 1, its cycle number taken out of the comparison."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    head, _cycle, run, attempt = scene.hedge.client_oid.rsplit("-", 3)
    return f"{head}-1-{run}-{attempt}"


@pytest.mark.parametrize("code", ["40786", "43118", "45034", "50060"])
def test_i47_a_duplicate_that_is_refused_says_that_the_first_exists(code: str) -> None:
    """It is no refusal of ours to try again after, but an order to ask for."""
    assert judge(Kind.PLACE, 400, code)[0] is Outcome.UNKNOWN
