"""The runner's own life: who is asked first, what wakes it, and how it ends when something of ours breaks."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mmfsm import ObiFundingStrategy, booking
from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.journal import JournalError, rebuild
from mmfsm.strategy import QuoteView
from mmfsm.values import Funding, InstType, QuotePlan
from runner.app import STATUS_CRASHED
from runner.bitget.gateway import Events
from runner.journal import read_segment, segments
from runner.lock import LockedError
from runner.sending import Executor
from runner.state_folder import JOURNAL
from tests.support.bot import Bot, bot_on, exchange_with, settings_on, touch, trading


class Brittle:
    """The library's own strategy, until it is told to fail; `once`: then it is its old self again."""

    def __init__(self, *, once: bool = False) -> None:
        self.broken = False
        self.once = once

    def quote(self, view: QuoteView) -> QuotePlan:
        if self.broken:
            self.broken = not self.once
            raise ZeroDivisionError("a strategy of one's own")
        return ObiFundingStrategy().quote(view)


class Failing:
    """An executor that raises at one kind of action and passes the others on."""

    def __init__(self, inner: Executor, kind: type[do.Action]) -> None:
        self.inner = inner
        self.kind = kind

    async def execute(self, action: do.Action) -> Events:
        if isinstance(action, self.kind):
            raise RuntimeError("a fault of the executor's own")
        return await self.inner.execute(action)


async def test_deadlines_are_kept_without_ticks(tmp_path: Path) -> None:
    """A minute between ticks, and books that are silent: the runner wakes for the deadline, and the ticket chases."""
    told = {"HEDGE_DEADLINE_MS": "300", "HEDGE_RETRY_MS": "800", "MAX_UNHEDGED_SEC": "30", "BOOK_STALE_MS": "600000"}
    async with trading(tmp_path, TICK_SEC="60", **told) as bot:
        await bot.quoting()
        bot.exchange.market.set_book("spot", [("3400.00", "50")], [("3500.10", "50")])
        await bot.until(lambda: bot.runner.desk.state.books[InstType.SPOT].bids[0].price == 3400)
        for leg in ("perp", "spot"):
            bot.exchange.silence(leg, "books5")  # type: ignore[arg-type]
        bot.exchange.market.set_book("spot", [("3300.00", "50")], [("3500.10", "50")])
        bot.fill_bid()
        await bot.until(lambda: bot.find("ticket", data_status="CHASING"))

        chasing, opened = bot.find("ticket", data_status="CHASING")[0], bot.find("ticket")[0]
        assert 300 <= chasing["ts"] - opened["ts"] < 2_000
        touch(bot.exchange)
        for leg in ("perp", "spot"):
            bot.exchange.silence(leg, "books5", is_silent=False)  # type: ignore[arg-type]
        await bot.hedged()


async def test_a_desk_that_raises_takes_the_quotes_out_and_ends(tmp_path: Path) -> None:
    """Nothing it says can be relied on: both quotes are cancelled, the status says it crashed."""
    strategy = Brittle()
    async with trading(tmp_path, strategy=strategy) as bot:
        await bot.quoting()
        strategy.broken = True
        touch(bot.exchange, perp="3501.00")
        status = await bot.ended()

        assert status == STATUS_CRASHED and "ZeroDivisionError" in bot.runner.exit_reason
        await bot.exchange.until(lambda: not bot.open_orders)
        assert bot.find("log", where=lambda line: line["data"]["level"] == "CRITICAL")


async def test_a_desk_that_has_raised_once_places_no_quote_any_more(tmp_path: Path) -> None:
    """Books go on coming while the quotes are cancelled, and the strategy would quote again: nothing is sent.

    They stay between the quotes: one that crossed a quote before its cancel has arrived would fill it, and a fill is
    hedged by a desk that has raised, too.
    """
    strategy = Brittle(once=True)
    async with trading(tmp_path, strategy=strategy) as bot:
        await bot.quoting()
        strategy.broken = True
        placed = len(bot.requests("place-order"))
        bot.exchange.next_answer("cancel-order", "delay_ms", times=2, ms=300)
        bid, ask = bot.quote("buy"), bot.quote("sell")
        assert bid is not None and bid.price < Decimal("3500.40") and ask is not None and ask.price > Decimal("3501.30")
        touch(bot.exchange, perp="3500.40")
        await bot.until(lambda: bot.runner._crashed)
        for number in range(20):
            touch(bot.exchange, perp=f"{3500 + Decimal(41 + 4 * number) / 100}")
            await bot.exchange.flushed()
        assert await bot.ended() == STATUS_CRASHED

        assert len(bot.requests("place-order")) == placed
        await bot.exchange.until(lambda: not bot.open_orders)


async def test_a_desk_that_raises_after_its_hedge_has_left_names_the_hedge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn's records are not made, so that the last line and the exit reason are all that tells of it; and a replay
    says to look before anything is taken out of the journal."""

    def broken(*_args: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    async with trading(tmp_path) as bot:
        await bot.quoting()
        with monkeypatch.context() as patch:
            patch.setattr(booking, "_account", broken)
            bot.fill_bid()
            assert await bot.ended() == STATUS_CRASHED
            (hedge,) = bot.requests("/spot/trade/place-order")
            (told,) = bot.find("log", where=lambda line: line["data"]["level"] == "CRITICAL")
            left = f"after its hedge {hedge['clientOid']} had left"
            assert left in bot.runner.exit_reason and left in json.dumps(told)
            with pytest.raises(JournalError, match="hedge may have left all the same"):
                rebuild(read_segment(segments(bot.runner.folder / JOURNAL)[-1]))


async def test_an_event_that_the_desk_refuses_halts_for_a_person(tmp_path: Path) -> None:
    """A figure that no market has is no crash: nothing is booked, HALTED, quotes out, said once; the run goes on."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        for _ in range(2):
            bot.runner.handle(ev.FundingEvent(now_ms(), Funding(Decimal("1e30"))))
        await bot.until(lambda: bot.halts.get("breach:illegal:FundingEvent") and not bot.open_orders)

        assert bot.mode == "HALTED" and bot.runner.exit_status is None
        assert bot.runner.desk.state.funding.rate < 1


async def test_a_request_that_raises_halts_for_a_person(tmp_path: Path) -> None:
    """A fault of ours in a request is no crash: HALTED, latched, quotes out, and the run goes on."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        inner = bot.runner.executor
        bot.runner.executor = Failing(inner, do.QueryFills)
        await bot.exchange.cut("private")
        await bot.until(lambda: bot.halts.get("breach:request:QueryFills") and not bot.open_orders)
        assert bot.mode == "HALTED"

        bot.runner.executor = inner


async def test_a_journal_that_cannot_be_put_away_is_recorded_once(tmp_path: Path) -> None:
    """Its folder grows, nothing is lost: a record, no halt."""
    async with exchange_with() as exchange:
        bot = Bot(exchange, settings_on(exchange, tmp_path / "log.jsonl"))
        (bot.runner.folder / JOURNAL).mkdir(parents=True)
        (bot.runner.folder / JOURNAL / "000000000000001-000001.jsonl.gz.part").mkdir()
        await bot.quoting()
        await bot.until(lambda: bot.find("risk", where=lambda line: line["reason"] == "journal_packing"))

        assert bot.mode == "QUOTING"


async def test_a_second_run_on_the_same_account_is_refused(tmp_path: Path) -> None:
    """One instance per account and symbol: the second ends before it asks anything, naming the first."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        asked = len(bot.exchange.requests)
        second = Bot(bot.exchange, settings_on(bot.exchange, tmp_path / "second.jsonl"))
        with pytest.raises(LockedError, match=bot.runner.run_id):
            await second.ended()

        assert len([it for it in list(bot.exchange.requests)[asked:] if "constraints" in it.path]) == 0


async def test_a_run_that_was_killed_is_taken_up_where_it_was(tmp_path: Path) -> None:
    """Killed with quotes resting: the next run cancels them first, knows the position, and quotes again."""
    async with exchange_with() as exchange:
        first = Bot(exchange, settings_on(exchange, tmp_path / "first.jsonl"))
        await first.quoting()
        first.fill_bid()
        await first.hedged()
        await first.quoting()
        left = {order.order_id for order in first.open_orders}
        await first.kill()
        assert {order.order_id for order in exchange.account_view().open_orders} == left

        async with bot_on(exchange, tmp_path) as second:
            await second.quoting()

            assert not left & {order.order_id for order in second.open_orders}
            assert second.runner.desk.state.ledger.perp == second.truth.position
            assert second.find("restored") and second.find("order_new", intent="hedge") == []


async def test_an_open_ticket_survives_a_kill(tmp_path: Path) -> None:
    """Killed with a fill unhedged: the next run hedges it, once."""
    async with exchange_with() as exchange:
        told = {"HEDGE_RETRY_MS": "300", "HEDGE_DEADLINE_MS": "400"}
        first = Bot(exchange, settings_on(exchange, tmp_path / "first.jsonl", **told))
        await first.quoting()
        exchange.market.set_book("spot", [("3400.00", "50")], [("3500.10", "50")])
        first.fill_bid()
        await first.until(lambda: first.find("order_new", intent="hedge"))
        await first.until(lambda: not first.open_orders and not first.runner.desk.state.orders.in_flight)
        await first.kill()
        touch(exchange)

        async with bot_on(exchange, tmp_path, **told) as second:
            await second.hedged()

            assert exchange.account_view().spot["ETH"].total == Decimal("0.48")
            assert second.find("restored")[0]["data"]["tickets"] and second.runner.desk.state.ledger.delta == 0


async def test_stop_while_a_hedge_is_open_waits_for_it(tmp_path: Path) -> None:
    """The stop comes with the hedge on its way: it is followed to its end, then the run ends clean and flat."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/spot/trade/place-order", "delay_before_ms", ms=300)
        bot.fill_bid()
        await bot.until(lambda: bot.requests("/spot/trade/place-order"))
        status = await bot.stop()

        assert status == 0 and bot.find("ticket", data_status="DONE")
        assert bot.runner.desk.state.ledger.delta == 0 and bot.open_orders == ()


async def test_a_stop_that_cannot_be_confirmed_ends_unclean_and_says_so(tmp_path: Path) -> None:
    """The exchange does not answer the reading back: status 1 after STOP_BOUND_SEC, never 0."""
    async with trading(tmp_path, STOP_BOUND_SEC="1") as bot:
        await bot.quoting()
        bot.exchange.next_answer("orders-pending", "http500", times=1000)
        status = await bot.stop()

        assert status == 1 and bot.runner.exit_reason == "stop_bound"


async def test_flatten_closes_the_held_pair(tmp_path: Path) -> None:
    """A person's word: the perp leg is closed reduce-only, spot follows, both end where they began."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        bot.runner.flatten()
        await bot.until(lambda: bot.find("flattened"))

        assert bot.truth.position == 0 and bot.runner.desk.state.ledger.delta == bot.runner.desk.state.dust
        closes = [body for body in bot.requests("/mix/order/place-order") if body.get("reduceOnly") == "YES"]
        assert len(closes) == 1 and closes[0]["timeInForceValue"] == "ioc"


async def test_the_first_line_says_which_run_it_is_without_a_secret(tmp_path: Path) -> None:
    """Version, host, process, and every setting, with the secrets hidden."""
    async with trading(tmp_path) as bot:
        await bot.ready()

        first: dict[str, Any] = bot.lines[0]
        assert first["event"] == "run" and first["data"]["config"]["DRY_RUN"] is False
        assert first["data"]["run_id"] == bot.runner.run_id
        key = bot.exchange.credentials
        text = json.dumps(bot.lines)
        assert key.secret not in text and key.passphrase not in text and key.api_key not in text


async def test_a_quote_that_fills_while_the_run_is_stopping_is_hedged_before_it_ends(tmp_path: Path) -> None:
    """The cancels are slow and the bid fills meanwhile: hedged, read back, status 0, flat."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("/mix/order/cancel-order", "delay_before_ms", times=2, ms=300)
        bot.runner.stop("test")
        await bot.until(lambda: len(bot.requests("/mix/order/cancel-order")) == 2)
        bot.fill_bid()

        assert await bot.ended() == 0 and bot.open_orders == ()
        assert bot.truth.position + bot.truth.spot["ETH"].total == Decimal("0.5")


async def test_a_quote_that_fills_while_nobody_runs_is_hedged_by_the_next_run(tmp_path: Path) -> None:
    """Killed with quotes resting, one is hit before the restart: found by REST, hedged once, flat."""
    async with exchange_with() as exchange:
        first = Bot(exchange, settings_on(exchange, tmp_path / "first.jsonl"))
        await first.quoting()
        await first.kill()
        first.fill_bid()

        async with bot_on(exchange, tmp_path) as second:
            await second.hedged()
            await second.quoting()

            assert len(second.requests("/spot/trade/place-order")) == 1
            assert second.truth.position == Decimal("0.02") and second.truth.spot["ETH"].total == Decimal("0.48")


async def test_a_hedge_that_was_under_way_at_the_kill_is_not_sent_again(tmp_path: Path) -> None:
    """The request was executed and its answer never read: the next run asks for the order, and one hedge stands."""
    async with exchange_with() as exchange:
        first = Bot(exchange, settings_on(exchange, tmp_path / "first.jsonl"))
        await first.quoting()
        exchange.next_answer("/spot/trade/place-order", "hang_after")
        exchange.push_fault("hold", times=100, channel="fill")
        first.fill_bid()
        await first.until(lambda: len(exchange.account_view().fills) == 2)
        await first.kill()
        exchange.clear_faults()

        async with bot_on(exchange, tmp_path) as second:
            await second.quoting()

            assert len(second.requests("/spot/trade/place-order")) == 1
            assert second.truth.position == Decimal("0.02") and second.truth.spot["ETH"].total == Decimal("0.48")
