"""`python -m runner paper`: the stand-in exchange and the unchanged runner against it, over sockets, for a while.

The profile below is for watching: quotes so tight that they are filled within seconds. It is no way to make money.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from mmfsm.actions import Record
from mmfsm.clock import now_ms
from mmfsm.market import bbo_of
from mmfsm.pnl import row
from mmfsm.rounding import tradable_qty
from mmfsm.values import InstType, plain
from runner.app import Runner
from runner.paper import AccountView, PaperExchange, PaperOptions
from runner.settings import Settings, load_settings
from runner.summary import Summary

PROFILE = {
    "BASE_HALF_SPREAD_BPS": "0.6",
    "EDGE_FLOOR": "0",
    "BASIS_FILTER": "none",
    "FUNDING_HYSTERESIS": "0",
    "FUNDING_COOLDOWN_SEC": "0",
    "SETTLEMENT_PAUSE_SEC": "0",
    "INVENTORY_SKEW_BPS": "0.4",
    "FUNDING_SKEW_BPS": "0.1",
    "REPLACE_THRESHOLD_BPS": "0.5",
    "QUOTE_SIZE": "0.02",
    "MAX_POSITION": "0.2",
    "COOLDOWN_MS": "300",
    "REQUOTE_MIN_MS": "300",
    "MIN_ABS_FUNDING": "0",
    "RECONCILE_SEC": "10",
}
START_BOUND_S = 30.0
"""How long the start may take; the time of a run counts from its end, however slow the machine is."""


@attrs.define
class PaperRun:
    """What to run, and for how long."""

    seconds: float = 60.0
    options: PaperOptions = attrs.field(factory=PaperOptions)
    log_path: str = "logs/paper.jsonl"
    summary_path: Path | None = None
    flatten: bool = False
    overrides: dict[str, str] = attrs.field(factory=dict)
    during: Callable[[PaperExchange, Runner], Awaitable[None]] | None = None
    """Called beside the run, for whoever wants to pull plugs in the middle."""
    state_dir: str = ""
    """Where the journal is kept; a folder that goes with the run unless given."""


def settings_for(run: PaperRun, exchange: PaperExchange) -> Settings:
    """Return the demonstration profile, pointed at the exchange. The environment and `.env` have no say in it."""
    key = exchange.credentials
    texts = {
        **PROFILE,
        "DRY_RUN": "0",
        "BITGET_REST_URL": exchange.rest_url,
        "BITGET_WS_PUBLIC_URL": exchange.ws_public_url,
        "BITGET_WS_PRIVATE_URL": exchange.ws_private_url,
        "BITGET_API_KEY": key.api_key,
        "BITGET_API_SECRET": key.secret,
        "BITGET_API_PASSPHRASE": key.passphrase,
        "LOG_PATH": run.log_path,
        "STATE_DIR": run.state_dir,
        "LOG_LEVEL": "WARNING",
        **run.overrides,
    }
    with tempfile.TemporaryDirectory() as nowhere:
        return load_settings(texts, Path(nowhere) / "none")[0]


async def run_paper(run: PaperRun) -> dict[str, Any]:
    """Run the exchange and the bot together. Returns the summary; `ok` says whether it ended as it should."""
    summary = Summary()
    with tempfile.TemporaryDirectory(prefix="mmfsm-paper-") as scratch:
        run.state_dir = run.state_dir or scratch
        # The exchange begins anew, and so does the bot, whatever an earlier run has left in its folder.
        run.overrides = {"FRESH_START": "1"} | run.overrides
        return await _run(run, summary)


async def _run(run: PaperRun, summary: Summary) -> dict[str, Any]:
    async with PaperExchange(run.options) as exchange:
        settings = settings_for(run, exchange)
        _print_profile(run)
        before = exchange.account_view()
        ready = asyncio.Event()

        def take(record: Record) -> None:
            summary.take(record)
            if runner.desk.state.ready:
                ready.set()

        runner = Runner(settings, on_record=take)
        beside = [
            asyncio.create_task(_end_after(run, runner, ready)),
            asyncio.create_task(_status_line(runner, summary)),
        ]
        if run.during is not None:
            beside.append(asyncio.create_task(_during(run.during, exchange, runner)))
        try:
            status = await runner.run()
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
        figures = _figures(summary, runner, exchange, status) | _money(runner, before, exchange.account_view())
    for result in ended:
        if isinstance(result, Exception):
            raise result
    if run.summary_path is not None:
        run.summary_path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


async def _during(
    during: Callable[[PaperExchange, Runner], Awaitable[None]], exchange: PaperExchange, runner: Runner
) -> None:
    await during(exchange, runner)


async def _end_after(run: PaperRun, runner: Runner, ready: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ready.wait(), START_BOUND_S)
    await asyncio.sleep(run.seconds)
    if run.flatten:
        runner.flatten()
    runner.stop("time_is_up")


async def _status_line(runner: Runner, summary: Summary) -> None:
    if not sys.stderr.isatty():
        return
    started_ms = now_ms()
    try:
        while True:
            s, counts, done = runner.desk.state, summary.counts, len(summary.tickets_done)
            line = (
                f"{(now_ms() - started_ms) // 1000:4d} s  {s.mode.state:<8}  perp {plain(s.ledger.perp):>7}"
                f"  spot {plain(s.ledger.spot_change):>9}  fills {counts['perp_fills']:>3}  hedged {done:>3}"
                f"  quotes {counts['quote_orders']:>4}  {s.why_not}"
            )
            sys.stderr.write(f"\r{line[:118]:<118}")
            sys.stderr.flush()
            await asyncio.sleep(0.5)
    finally:
        sys.stderr.write("\n")


def _figures(summary: Summary, runner: Runner, exchange: PaperExchange, status: int) -> dict[str, Any]:
    """Put together what we counted and what the exchange says; they must agree."""
    s, truth = runner.desk.state, exchange.account_view()
    coin = truth.spot.get("ETH")
    truth_delta = truth.position + (coin.total if coin else Decimal(0)) - s.ledger.start
    price = runner.desk.state.books[InstType.SPOT].bids[0].price if InstType.SPOT in s.books else None
    delta_is_dust = bool(s.constraints and price and tradable_qty(abs(truth_delta), price, s.constraints.spot) == 0)
    left = [order.client_oid for order in truth.open_orders]
    flat = delta_is_dust and not s.tickets
    return {
        **summary.as_dict(),
        "perp_pos": plain(s.ledger.perp),
        "spot_change": plain(s.ledger.spot_change),
        "delta": plain(s.ledger.delta),
        "dust": plain(s.dust),
        "tickets_open": len(s.tickets),
        "exchange_perp_pos": plain(truth.position),
        "exchange_delta": plain(truth_delta),
        "exchange_open_orders": left,
        "mode": s.mode.state,
        "exit_reason": runner.exit_reason,
        "exit_status": status,
        "log": str(runner.settings.log_path),
        "flat": flat,
        "ok": status == 0 and flat and not left and s.ledger.delta == s.dust == truth_delta,
    }


def _money(runner: Runner, before: AccountView, truth: AccountView) -> dict[str, Any]:
    """Return the split of the result, and what the account has gained by the exchange's own figures, at our prices."""
    s = runner.desk.state
    told = row(s, s.accounts.run)
    perp_mid, spot_mid = (bbo_of(s.books[inst]).mid if inst in s.books else Decimal(0) for inst in InstType)
    gained = truth.perp_cash - before.perp_cash
    for one in truth.positions:
        gained += (perp_mid - one.price_avg) * one.size * (1 if one.hold_side == "long" else -1)
    for coin, price in (("USDT", Decimal(1)), ("ETH", spot_mid)):
        gained += (truth.spot[coin].total - before.spot[coin].total) * price
    return {"result": told, "exchange_gain": plain(round(gained, 8))}


def _print_profile(run: PaperRun) -> None:
    print("demonstration profile (tight, for watching; the live defaults are cautious):")
    for name, value in {**PROFILE, **run.overrides}.items():
        print(f"  {name}={value}")
    source = f"tape {run.options.tape_dir}" if run.options.tape_dir else f"synthetic market, seed {run.options.seed}"
    print(f"{source}, {run.seconds:g} s, log {run.log_path}", flush=True)


ROWS = (
    ("quotes placed / replaced", "{quotes_placed} / {quotes_replaced}"),
    ("perp fills", "{perp_fills}"),
    ("hedges sent, tickets done", "{hedges_sent}, {tickets_done}"),
    ("hedge latency p50 / p99", "{hedge_latency_p50_ms} / {hedge_latency_p99_ms} ms"),
    ("largest unhedged notional", "{unhedged_notional_max} USDT"),
    ("final perp / spot change", "{perp_pos} / {spot_change}"),
    ("delta, of it dust", "{delta}, {dust}"),
    ("as the exchange says: perp, delta", "{exchange_perp_pos}, {exchange_delta}"),
    ("orders left on the exchange", "{exchange_open_orders}"),
    ("mode", "{mode}"),
    ("ended", "{exit_reason}, status {exit_status}"),
    ("realised + unrealised (price)", "{result[realised]} + {result[unrealised_change]} USDT"),
    ("of it spread, hedge and unwind slip", "{result[spread]}, {result[hedge_slip]}, {result[unwind_slip]}"),
    ("funding, fees", "{result[funding]}, {result[fees]} {result[fees_by_coin]}"),
    ("net; as the exchange says", "{result[net]}; {exchange_gain} USDT"),
    ("quotes for each filled one", "{result[quotes_per_fill]}"),
    ("log", "{log}"),
)


def table(figures: dict[str, Any]) -> str:
    """Lay the figures out for a person."""
    lines = [f"  {name:<34} {text.format(**figures)}" for name, text in ROWS]
    verdict = "flat and clean" if figures["ok"] else "NOT flat and clean: read the log"
    return "\n".join([*lines, f"  {'verdict':<34} {verdict}"])
