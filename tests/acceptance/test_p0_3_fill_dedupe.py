"""P0-3: one trade is booked once, whoever tells it, however often, across cuts, bursts and restarts."""

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from mmfsm.events import FillEvent
from mmfsm.testing import ack, fill_of, placed, ready_desk
from mmfsm.values import InstType, OrderIntent
from tests.support.bot import Bot, bot_on, exchange_with, trading

SPOT_PLACE = "/spot/trade/place-order"


def _assert_booked_once(bot: Bot) -> None:
    keys = [line["dedupe_key"] for line in bot.find("fill")]
    assert sorted(keys) == sorted(set(keys)), "a trade is in the log twice"
    assert {line["exch_trade_id"] for line in bot.find("fill")} == {it.trade_id for it in bot.truth.fills}
    ledger = bot.runner.desk.state.ledger
    assert ledger.perp == bot.truth.position and ledger.start + ledger.spot_change == bot.truth.spot["ETH"].total


async def test_every_push_twice_hedges_once(tmp_path: Path) -> None:
    """Three fills with all private pushes doubled: three hedges, and positions as the exchange has them."""
    async with trading(tmp_path, {"private_pushes": 2}) as bot:
        for count, fill in enumerate((bot.fill_bid, bot.fill_ask, bot.fill_bid), start=1):
            await bot.quoting()
            fill()
            await bot.hedged(count)

        assert len(bot.requests(SPOT_PLACE)) == 3
        _assert_booked_once(bot)


async def test_a_burst_of_partial_fills_is_each_booked_once(tmp_path: Path) -> None:
    """Ten fills of one quote within a millisecond, all pushed twice: hedged to the last, none twice."""
    async with trading(tmp_path, {"private_pushes": 2, "rate_limits": False}, QUOTE_SIZE="0.1") as bot:
        await bot.quoting()
        for _ in range(10):
            bot.fill_bid("0.01")
        await bot.until(lambda: len(bot.find("fill", inst_type="USDT-FUTURES")) == 10)
        await bot.until(lambda: bot.runner.desk.state.ledger.delta == 0 and not bot.runner.desk.state.tickets)

        sold = sum(Decimal(body["size"]) for body in bot.requests(SPOT_PLACE))
        assert sold == Decimal("0.1") == bot.truth.position
        _assert_booked_once(bot)


async def test_fills_read_back_after_a_cut_are_the_same_fills(tmp_path: Path) -> None:
    """The private socket is cut and comes back, REST tells both fills again: nothing is booked or hedged anew."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        read = len(bot.requests("/mix/order/fills", "GET"))
        await bot.exchange.cut("private")
        await bot.until(lambda: bot.find("recovered"))
        await bot.quoting()

        assert len(bot.requests("/mix/order/fills", "GET")) > read, "they were read back"
        assert len(bot.requests(SPOT_PLACE)) == 1
        _assert_booked_once(bot)


async def test_a_fill_told_by_rest_first_and_pushed_later_is_one_fill(tmp_path: Path) -> None:
    """The push is held, the reading tells the fill, the push arrives late: one record, one hedge."""
    async with trading(tmp_path, RECONCILE_SEC="1") as bot:
        await bot.quoting()
        bot.exchange.push_fault("hold", channel="fill")
        bot.fill_bid()
        await bot.hedged()
        assert bot.find("fill", inst_type="USDT-FUTURES")[0]["data"]["via"] == "rest"

        bot.exchange.release()
        await bot.ticked(2)
        assert len(bot.requests(SPOT_PLACE)) == 1
        _assert_booked_once(bot)


@pytest.mark.parametrize("memory", ["journal", "none"])
async def test_a_restart_hedges_no_fill_of_the_run_before(tmp_path: Path, memory: str) -> None:
    """The second run reads the fills of the first back by REST: they are no news, with the journal or without."""
    async with exchange_with() as exchange:
        async with bot_on(exchange, tmp_path) as first:
            await first.quoting()
            first.fill_bid()
            await first.hedged()
        (tmp_path / "second").mkdir()
        folder = tmp_path if memory == "journal" else tmp_path / "second"
        async with bot_on(exchange, folder, ADOPT_POSITION="1") as second:
            await second.quoting()
            await second.until(lambda: second.runner.desk.state.recon.done_ms)

            assert len(second.requests("/mix/order/fills", "GET")) > 0
            assert second.find("fill") == [] and second.find("order_new", intent="hedge") == []
            assert second.runner.desk.state.ledger.delta == 0 and second.truth.position == Decimal("0.02")


def test_without_a_trade_id_two_fills_are_told_apart_by_what_they_are() -> None:
    """Same order, time, price and quantity: the same fill. Another time or quantity: another fill."""
    desk, at_ms = ready_desk(), 1_800_000_000_000
    bid = next(order.request for order in desk.state.orders.open.values() if order.request.side == "buy")
    ack(desk, bid, at_ms, "o1")
    told = fill_of(bid, "o1", "t1", at_ms + 10, qty="0.004").fill
    bare = attrs.evolve(told, trade_id=None)

    first = placed(desk.handle(FillEvent(at_ms + 10, bare)))
    again = placed(desk.handle(FillEvent(at_ms + 11, attrs.evolve(bare, source="rest"))))
    perp_after_two = desk.state.ledger.perp
    desk.handle(FillEvent(at_ms + 12, attrs.evolve(bare, exch_ms=at_ms + 12)))

    assert [(it.inst, it.intent, it.qty) for it in first] == [(InstType.SPOT, OrderIntent.HEDGE, Decimal("0.004"))]
    assert again == [] and perp_after_two == Decimal("0.004") and desk.state.ledger.perp == Decimal("0.008")
