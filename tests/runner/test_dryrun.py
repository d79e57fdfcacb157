"""The pretences: what DRY_RUN and SIMULATED_SPOT_FILL answer in the exchange's place."""

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, OrderStatus, Outcome, PosMode, Side, Tif
from runner.bitget.gateway import Gateway
from runner.dryrun import KEPT_MAX, DryRun, Pretence
from runner.settings import Settings
from tests.support.bot import nowhere_to_sign, trading


def _request(oid: str = "mm-Qpb-1-1-1", inst: InstType = InstType.PERP, tif: Tif = Tif.POST_ONLY) -> OrderRequest:
    leg, intent = (Leg.PERP_BID, OrderIntent.QUOTE) if inst is InstType.PERP else (Leg.SPOT_IOC, OrderIntent.HEDGE)
    return OrderRequest(oid, inst, Side.BUY, Decimal("0.01"), Decimal(3500), tif, intent, leg, 1)


def _hedge(oid: str = "mm-Hsi-1-1-1") -> OrderRequest:
    return _request(oid, InstType.SPOT, Tif.IOC)


def _dry(**told: object) -> DryRun:
    settings = attrs.evolve(Settings(), **told)
    return DryRun(settings, Gateway(settings, lambda _name, _error: None), lambda _event: None)


def test_a_quote_rests_until_it_is_cancelled() -> None:
    """Accepted with an id of its own, shown open, then ended by its cancel; every answer marked dry."""
    book = Pretence(fills=False)
    (answered,) = book.place(_request())
    assert isinstance(answered, ev.PlaceAnswered) and answered.result.dry_run and answered.result.order_id

    (shown,) = book.open_orders(InstType.PERP)
    assert isinstance(shown, ev.OpenOrdersRead) and [it.client_oid for it in shown.orders] == ["mm-Qpb-1-1-1"]
    cancelled, told = book.cancel("mm-Qpb-1-1-1")
    assert isinstance(cancelled, ev.CancelAnswered) and cancelled.result.outcome is Outcome.ACCEPTED
    assert isinstance(told, ev.OrderEvent) and told.report.status is OrderStatus.CANCELED
    (shown,) = book.open_orders(InstType.PERP)
    assert isinstance(shown, ev.OpenOrdersRead) and shown.orders == ()


def test_cancelling_twice_finds_it_gone() -> None:
    """As on the exchange: benign."""
    book = Pretence(fills=False)
    book.place(_request())
    book.cancel("mm-Qpb-1-1-1")
    (again,) = book.cancel("mm-Qpb-1-1-1")
    (never,) = book.cancel("mm-Qpb-9-9-9")

    assert isinstance(again, ev.CancelAnswered) and again.result.outcome is Outcome.GONE
    assert isinstance(never, ev.CancelAnswered) and never.result.outcome is Outcome.GONE


def test_a_pretended_hedge_fills_whole_at_its_limit_and_is_marked() -> None:
    """Answer, fill, end, in that order; the fill is `simulated` and its id is no exchange's."""
    answered, filled, ended = Pretence(fills=True).place(_hedge())

    assert isinstance(answered, ev.PlaceAnswered) and isinstance(ended, ev.OrderEvent)
    assert isinstance(filled, ev.FillEvent) and filled.fill.simulated
    assert (filled.fill.qty, filled.fill.price, filled.fill.source) == (Decimal("0.01"), Decimal(3500), "sim")
    assert filled.fill.order_id == answered.result.order_id
    assert (ended.report.status, ended.report.filled) == (OrderStatus.FILLED, Decimal("0.01"))


def test_without_pretended_fills_an_ioc_ends_unfilled() -> None:
    """Nothing is invented that was not asked for."""
    told = Pretence(fills=False).place(_hedge())

    assert [type(event) for event in told] == [ev.PlaceAnswered, ev.OrderEvent]
    assert isinstance(told[1], ev.OrderEvent) and told[1].report.filled == 0


def test_perp_orders_are_never_pretended_to_fill() -> None:
    """Pretended fills are spot's alone, IOC or not."""
    told = Pretence(fills=True).place(_request(tif=Tif.IOC))

    assert not any(isinstance(event, ev.FillEvent) for event in told)


def test_a_query_shows_what_was_placed_and_knows_no_other() -> None:
    """Accepted with the report, or gone."""
    book = Pretence(fills=True)
    book.place(_hedge())
    (known,), (unknown,) = book.query("mm-Hsi-1-1-1"), book.query("mm-Hsi-2-1-1")

    assert isinstance(known, ev.OrderQueried) and known.report and known.report.filled == Decimal("0.01")
    assert isinstance(unknown, ev.OrderQueried) and unknown.result.outcome is Outcome.GONE


def test_it_forgets_the_oldest() -> None:
    """A dry run that lasts for weeks does not grow."""
    book = Pretence(fills=True)
    for number in range(KEPT_MAX + 10):
        book.place(_hedge(f"mm-Hsi-{number}-1-1"))

    assert not book.knows("mm-Hsi-9-1-1") and book.knows("mm-Hsi-10-1-1")


@pytest.mark.parametrize("action", [do.PlaceOrder(_request()), do.SetPositionMode(PosMode.HEDGE)])
async def test_what_would_change_something_is_answered_here(action: do.Action) -> None:
    """The gateway is not even open: an order is accepted in pretence, a mode change refused."""
    (answered,) = await _dry().execute(action)

    assert isinstance(answered, ev.PlaceAnswered | ev.PosModeAnswered) and answered.result.dry_run


async def test_without_a_key_the_account_is_assumed_as_wanted() -> None:
    """The wanted modes, no position, and enough of everything; each marked or harmless."""
    dry = _dry(target_pos_mode="hedge_mode", margin_mode="crossed")
    (account,) = await dry.execute(do.QueryAccount())
    (position,) = await dry.execute(do.QueryPosition())
    (funding,) = await dry.execute(do.QuerySettlements(0))
    balances = await dry.execute(do.QueryBalance())

    assert isinstance(account, ev.AccountRead) and account.dry_run
    assert (account.pos_mode, account.margin_mode) == (PosMode.HEDGE, "crossed")
    assert isinstance(position, ev.PositionEvent) and position.qty == 0
    assert isinstance(funding, ev.SettlementsRead) and funding.settlements == ()
    assert {(it.account, it.coin) for it in balances if isinstance(it, ev.BalanceEvent)} == {
        (InstType.SPOT, "ETH"), (InstType.SPOT, "USDT"), (InstType.PERP, "USDT"),
    }  # fmt: skip


async def test_with_a_key_the_account_is_read_for_real(tmp_path: Path) -> None:
    """DRY_RUN=1 and a key: modes, balances and position are the account's, and still nothing is sent."""
    async with trading(tmp_path, {"spot_eth": Decimal("0.37")}, DRY_RUN="1") as bot:
        await bot.ready()

        assert bot.runner.desk.state.ledger.spot == Decimal("0.37")
        assert bot.requests("/mix/account/account", "GET") and bot.posts == []


async def test_a_dry_run_without_a_key_runs_on(tmp_path: Path) -> None:
    """Its assumed private stream never goes stale: longer than PRIVATE_SILENT_MS, and still quoting."""
    async with trading(tmp_path, PRIVATE_SILENT_MS="1000", TICK_SEC="0.1", **nowhere_to_sign()) as bot:
        await bot.until(lambda: len(bot.find("tick", mode="QUOTING")) > 15)

        assert not bot.halts
