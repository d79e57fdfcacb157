"""`python -m runner paper`: the demonstration, and what its verdict rests on."""

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Side, Tif
from runner.app import Runner
from runner.demo import PROFILE, PaperRun, run_paper, settings_for, table
from runner.paper import PaperExchange, PaperOptions
from tests.support.bot import FAST, touch

SCRIPTED = {"market": "scripted", "queue_ahead": Decimal(0)}


def _run(tmp_path: Path, **overrides: str) -> PaperRun:
    options = PaperOptions(**SCRIPTED)  # type: ignore[arg-type]
    return PaperRun(30, options, str(tmp_path / "run.jsonl"), overrides=FAST | overrides)


def _quotes(exchange: PaperExchange) -> int:
    return len([order for order in exchange.account_view().open_orders if order.force == "post_only"])


async def _fill_one(exchange: PaperExchange, runner: Runner, *, flatten: bool = False) -> None:
    touch(exchange)
    await exchange.until(lambda: _quotes(exchange) == 2, 10)
    exchange.market.trade("perp", "3490", "1", "sell")
    await exchange.until(lambda: len(exchange.account_view().fills) == 2 and not runner.desk.state.tickets, 10)
    if flatten:
        runner.flatten()
    runner.stop("test")


async def test_a_fill_hedged_ends_flat_and_ok(tmp_path: Path) -> None:
    """One fill, one hedge, nothing open: `ok`, with a held pair reported and the exchange's own figures agreeing."""
    run = _run(tmp_path)
    run.during = _fill_one
    run.summary_path = tmp_path / "figures.json"
    figures = await run_paper(run)

    assert figures["ok"] and figures["flat"] and figures["exit_reason"] == "test"
    assert (figures["perp_fills"], figures["hedges_sent"], figures["tickets_done"]) == (1, 1, 1)
    assert figures["perp_pos"] == figures["exchange_perp_pos"] == "0.02" and figures["spot_change"] == "-0.02"
    assert figures["hedge_latency_p50_ms"] is not None
    assert round(Decimal(figures["result"]["net"]), 8) == Decimal(figures["exchange_gain"]) != 0
    assert f'"perp_fills": {figures["perp_fills"]}' in run.summary_path.read_text()
    assert "flat and clean" in table(figures)


async def test_flatten_ends_without_a_position(tmp_path: Path) -> None:
    """The pair is closed before the end, on both legs."""

    async def during(exchange: PaperExchange, runner: Runner) -> None:
        await _fill_one(exchange, runner, flatten=True)

    run = _run(tmp_path)
    run.during = during
    figures = await run_paper(run)

    assert figures["ok"] and figures["exchange_perp_pos"] == "0"
    assert Decimal(figures["exchange_delta"]) == Decimal("-0.00002"), "what is left is the purchase's fee in coin"


async def test_its_seconds_count_from_when_the_bot_is_ready(tmp_path: Path) -> None:
    """Every answer comes 60 ms late, so that the start takes far longer than the run: it trades all the same."""

    async def during(exchange: PaperExchange, _runner: Runner) -> None:
        touch(exchange)

    run = _run(tmp_path)
    run.seconds, run.during = 0.3, during
    run.options = PaperOptions(latency_ms=30, **SCRIPTED)  # type: ignore[arg-type]
    figures = await run_paper(run)

    assert figures["ok"] and figures["exit_reason"] == "time_is_up" and figures["quotes_placed"] > 0


async def test_a_run_that_could_not_start_is_not_ok(tmp_path: Path) -> None:
    """A refused start: status not zero, `ok` false, and the table says to read the log."""
    run = _run(tmp_path)
    run.options = PaperOptions(unified_account=True, **SCRIPTED)  # type: ignore[arg-type]
    figures = await run_paper(run)

    assert not figures["ok"] and figures["exit_status"] != 0 and "NOT flat" in table(figures)


async def test_an_order_left_on_the_exchange_is_not_ok(tmp_path: Path) -> None:
    """The verdict reads the exchange, not what we believe: a stranger's order that is left spoils it."""

    async def during(exchange: PaperExchange, runner: Runner) -> None:
        touch(exchange)
        await exchange.until(lambda: _quotes(exchange) == 2, 10)
        limit = (Side.BUY, Decimal("0.01"), Decimal(3450), Tif.GTC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1)
        await runner.gateway.place_spot_order(OrderRequest("stranger", InstType.SPOT, *limit))
        runner.stop("test")

    run = _run(tmp_path)
    run.during = during
    figures = await run_paper(run)

    assert figures["exit_status"] == 0 and len(figures["exchange_open_orders"]) == 1 and not figures["ok"]


async def test_the_hook_beside_the_run_may_fail_and_is_heard(tmp_path: Path) -> None:
    """Whoever pulls plugs and breaks is not passed over in silence."""

    async def during(_exchange: PaperExchange, runner: Runner) -> None:
        runner.stop("test")
        raise LookupError("of the one who pulls plugs")

    run = _run(tmp_path)
    run.during = during
    with pytest.raises(LookupError, match="pulls plugs"):
        await run_paper(run)


async def test_the_same_folder_serves_again(tmp_path: Path) -> None:
    """Each run has an exchange of its own: what the journal knows of an earlier one's position is not taken up."""
    for number in (1, 2):
        run = _run(tmp_path)
        run.state_dir, run.during = str(tmp_path / "state"), _fill_one
        figures = await run_paper(run)
        assert figures["ok"] and figures["perp_fills"] == 1, figures
        assert len(list((tmp_path / "state").rglob("journal/*.jsonl*"))) >= number


async def test_its_settings_are_the_profile_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live account's environment is not looked at: the run goes to the stand-in with the stand-in's key."""
    monkeypatch.setenv("BITGET_API_KEY", "a live key")
    monkeypatch.setenv("SYMBOL", "BTCUSDT")
    async with PaperExchange(PaperOptions(**SCRIPTED)) as exchange:  # type: ignore[arg-type]
        settings = settings_for(PaperRun(state_dir=str(tmp_path)), exchange)

        assert settings.bitget_api_key == exchange.credentials.api_key and settings.symbol == "ETHUSDT"
        assert settings.is_loopback and not settings.dry_run
        assert settings.quote_size == Decimal(PROFILE["QUOTE_SIZE"])
