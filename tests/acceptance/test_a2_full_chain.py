"""A2: DRY_RUN=0, and every perp fill is followed, from the log alone, to a hedged ticket with nothing left."""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.app import Runner
from runner.demo import PaperRun, run_paper
from runner.paper import PaperExchange, PaperOptions
from tests.support.bot import Bot, touch, trading
from tests.support.chain import PERP, SPOT, Line, assert_chain, assert_fields, of
from tests.support.log import lines_of
from tests.support.tape import market

SPOT_PLACE = "/spot/trade/place-order"


async def _fill_and_hedge(bot: Bot, *fills: str) -> None:
    for count, side in enumerate(fills, start=1):
        await bot.quoting()
        bot.fill_bid() if side == "bid" else bot.fill_ask()
        await bot.hedged(count)


async def test_one_fill_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    """fill(perp) → order_new(hedge, spot_ioc) → fill(spot), real, clientOid restored → remain 0, in that order."""
    async with trading(tmp_path) as bot:
        await _fill_and_hedge(bot, "bid")

        (perp,), (spot,) = bot.find("fill", inst_type=PERP), bot.find("fill", inst_type=SPOT)
        (hedge,) = bot.find("order_new", intent="hedge", leg="spot_ioc")
        (done,) = bot.find("ticket", data_status="DONE")
        order = [bot.lines.index(line) for line in (perp, hedge, spot, done)]
        assert order == sorted(order)
        assert not perp["simulated"] and not spot["simulated"]
        assert spot["client_oid"] == hedge["client_oid"] == done["data"]["hedge_id"]
        assert (done["data"]["want_qty"], done["data"]["filled_qty"], done["data"]["remain"]) == ("0.02", "0.02", "0")
        assert hedge["cycle_id"] == spot["cycle_id"] == done["cycle_id"] and not hedge["dry_run"]


async def test_every_line_has_every_field(tmp_path: Path) -> None:
    """Over a run with fills, a halt, a cut and a stop: a field that does not apply is null, not missing."""
    async with trading(tmp_path) as bot:
        await _fill_and_hedge(bot, "bid", "ask")
        await bot.exchange.cut("private")
        await bot.until(lambda: bot.mode == "HALTED")
        await bot.stop()

        assert_fields(bot.lines)
        assert {
            "run",
            "session",
            "check",
            "feed",
            "subscribe",
            "funding",
            "account",
            "constraints_loaded",
            "state",
            "order_new",
            "order_ack",
            "order_cancel",
            "fill",
            "ticket",
            "risk",
        } <= {it["event"] for it in bot.lines}


async def test_several_fills_on_both_sides(tmp_path: Path) -> None:
    """Each fill its own ticket; positions and coin end as the fills say, and the dust is the fees in coin."""
    async with trading(tmp_path) as bot:
        await _fill_and_hedge(bot, "bid", "ask", "ask", "bid", "ask")
        await bot.ticked()

        told = assert_chain(bot.lines)
        assert told == {"perp_fills": 5, "tickets": 5, "spot_fills": 5} and len(bot.requests(SPOT_PLACE)) == 5
        ledger = bot.runner.desk.state.ledger
        assert ledger.perp == bot.truth.position == Decimal("-0.02")
        assert bot.truth.position + bot.truth.spot["ETH"].total - ledger.start == ledger.delta


async def test_a_hedge_that_fills_in_parts_is_followed_to_the_end(tmp_path: Path) -> None:
    """Spot shows 0.005 of the 0.02: the rest is chased until nothing remains; hedges add up to the fill."""
    async with trading(tmp_path, HEDGE_RETRY_MS="20", COOLDOWN_MS="10000") as bot:
        await bot.quoting()
        bot.exchange.market.set_book("spot", [("3500.00", "0.005"), ("3400.00", "50")], [("3500.10", "50")])
        await bot.until(lambda: bot.runner.desk.state.books[SPOT].bids[0].qty == Decimal("0.005"))
        bot.fill_bid()
        await bot.until(lambda: bot.find("fill", inst_type=SPOT))
        touch(bot.exchange)
        await bot.hedged()
        await bot.ticked()

        told = assert_chain(bot.lines)
        assert told["spot_fills"] == 2 and bot.truth.spot["ETH"].total == Decimal("0.48")
        assert bot.find("ticket", data_status="PARTIAL")


async def test_both_quotes_filled_at_once_leave_nothing_open(tmp_path: Path) -> None:
    """Bid and ask are hit within a millisecond: the two exposures are hedged or net each other, and all is followed."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        bot.fill_ask()
        await bot.until(lambda: len(bot.find("fill", inst_type=PERP)) == 2 and not bot.runner.desk.state.tickets)
        await bot.ticked()

        assert assert_chain(bot.lines)["perp_fills"] == 2 and bot.truth.position == 0
        assert bot.runner.desk.state.ledger.delta == bot.runner.desk.state.dust


async def test_the_same_fill_is_never_hedged_twice(tmp_path: Path) -> None:
    """Doubled pushes and a cut in the middle: as many hedges as fills, and the exchange agrees."""
    async with trading(tmp_path, {"private_pushes": 2}) as bot:
        await _fill_and_hedge(bot, "bid", "ask")
        await bot.exchange.cut("private", 0.05)
        await bot.until(lambda: bot.mode == "HALTED")
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged(3)
        await bot.ticked()

        assert assert_chain(bot.lines)["perp_fills"] == 3 == len(bot.requests(SPOT_PLACE))


def _without(lines: list[Line], event: str, **fields: object) -> list[Line]:
    gone = of(lines, event, **fields)
    assert gone
    return [line for line in lines if line not in gone]


def _changed(lines: list[Line], event: str, change: Line, **fields: object) -> list[Line]:
    told = of(lines, event, **fields)[-1]
    return [(line | change) if line is told else line for line in lines]


TAMPERED: dict[str, Callable[[list[Line]], list[Line]]] = {
    "a hedge that was never sent": lambda lines: _without(lines, "order_new", intent="hedge"),
    "a perp fill nobody took": lambda lines: _without(lines, "ticket"),
    "a spot fill that never came": lambda lines: _without(lines, "fill", inst_type=SPOT),
    "a spot fill without its clientOid": lambda lines: _changed(lines, "fill", {"client_oid": None}, inst_type=SPOT),
    "a pretended spot fill": lambda lines: _changed(lines, "fill", {"simulated": True}, inst_type=SPOT),
    "a trade that is booked twice": lambda lines: [*lines, of(lines, "fill", inst_type=SPOT)[0]],
    "a ticket that is left open": lambda lines: lines[: lines.index(of(lines, "ticket")[-1])],
    "a field that is missing": lambda lines: [{k: v for k, v in it.items() if k != "dedupe_key"} for it in lines],
}


async def test_a_log_that_was_tampered_with_does_not_pass_for_a_whole_one(tmp_path: Path) -> None:
    """The checker of these tests is checked: each way a chain can be broken is seen."""
    async with trading(tmp_path) as bot:
        await _fill_and_hedge(bot, "bid")
        await bot.ticked()
        assert_chain(bot.lines)

        for name, tamper in TAMPERED.items():
            with pytest.raises(AssertionError):
                assert_chain(tamper(list(bot.lines)))
                pytest.fail(f"not seen: {name}")


# --- on a market of its own pace --------------------------------------------------------------------------------------


def _assert_end(figures: dict[str, Any], log: Path, fills: int) -> None:
    assert figures["ok"], figures
    told = assert_chain(lines_of(log))
    assert told["perp_fills"] >= fills and told["perp_fills"] == figures["perp_fills"]
    assert figures["delta"] == figures["dust"] == figures["exchange_delta"]
    assert figures["perp_pos"] == figures["exchange_perp_pos"] and figures["exchange_open_orders"] == []
    assert figures["simulated_fills"] == 0 and figures["tickets_open"] == 0 and figures["exit_status"] == 0
    assert of(lines_of(log), "alert") == []


def _run(log: Path, seconds: float, pushes: int = 1) -> PaperRun:
    return PaperRun(seconds, PaperOptions(private_pushes=pushes, **market()), str(log))  # type: ignore[arg-type]


async def _cut_in_the_middle(run: PaperRun) -> None:
    async def during(exchange: PaperExchange, runner: Runner) -> None:
        """Cut the private socket when half the fills that are asked for have come."""
        await exchange.until(lambda: len(exchange.account_view().fills) >= 2, run.seconds)
        await exchange.cut("private", 0.3)

    run.during = during


async def test_a_short_run_on_the_recorded_market(tmp_path: Path) -> None:
    """Every private push twice and the private socket cut in the middle: flat, clean, and nothing hedged twice."""
    log = tmp_path / "run.jsonl"
    run = _run(log, 10, pushes=2)
    await _cut_in_the_middle(run)

    _assert_end(await run_paper(run), log, fills=1)
    assert of(lines_of(log), "feed", reason="down")


LONG_S = float(os.environ.get("MMFSM_PROVE_SECONDS", "300"))


@pytest.mark.prove
@pytest.mark.parametrize("trouble", ["none", "doubled pushes", "cut"])
async def test_five_minutes_on_the_recorded_market(tmp_path: Path, trouble: str) -> None:
    """At least five perp fills, each followed to its end; the same with doubled pushes and with a cut."""
    log = tmp_path / "run.jsonl"
    run = _run(log, LONG_S, pushes=2 if trouble == "doubled pushes" else 1)
    if trouble == "cut":
        await _cut_in_the_middle(run)

    _assert_end(await run_paper(run), log, fills=5)
