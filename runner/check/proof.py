"""`check --prove-tif`: the time-in-force proof alone, with the one order this command ever places.

It is asked for by name, asked about again at the terminal, and made only when everything else has passed. The order is
read back and cancelled, and the cancel is read back too; whatever happens in between, the cancel is tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.orders import make_client_oid
from mmfsm.probing import judge, probe_order
from mmfsm.values import (
    InstrumentRules,
    InstType,
    Leg,
    OrderIntent,
    OrderReport,
    OrderRequest,
    Outcome,
    PositionEffect,
    PosMode,
    Side,
    Tif,
    plain,
)
from runner.bitget.gateway import Gateway
from runner.check.items import Item, advise, fail, ok, warn
from runner.settings import Settings

KEY, LABEL = "time_in_force", "time in force"
CANCELS, TRIES, PAUSE_S = 3, 5, 0.5
"""How often it is cancelled, how often asked for each time, and the pause: to be there or to be gone takes a moment.
Bitget takes a cancel of one order once a second, which the questions between two of them outlast."""


def unproved(s: Settings) -> Item:
    """What is to say of PERP_TIF without a proof."""
    if s.perp_tif == "auto":
        return ok(KEY, LABEL, "PERP_TIF=auto: proved when trading starts (or now, by --prove-tif)")
    return ok(KEY, LABEL, f"PERP_TIF={s.perp_tif}: as set, without a proof; every quote is watched all the same")


def declined(why: str) -> Item:
    return warn(KEY, LABEL, f"not proved: {why}", "It is proved when trading starts; nothing needs to be done.")


def the_order(rules: InstrumentRules, best_bid: Decimal, s: Settings, mode: PosMode) -> OrderRequest:
    """The order itself: the smallest, far below the touch, with a name by which the next start would clear it."""
    price, qty = probe_order(best_bid, rules)
    oid = make_client_oid(s.client_oid_prefix, OrderIntent.QUOTE, Leg.PERP_PROBE, 1, now_ms(), 1)
    effect = PositionEffect.OPEN if mode is PosMode.HEDGE else None
    return OrderRequest(
        oid, InstType.PERP, Side.BUY, qty, price, Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_PROBE, 1,
        position_effect=effect,
    )  # fmt: skip


def in_words(order: OrderRequest, rules: InstrumentRules) -> str:
    """Say the order, for the question at the terminal."""
    what = f"one post-only bid for {plain(order.qty)} {rules.base_coin} at {plain(order.price)}"
    return f"{what}, {plain(rules.buy_band_ratio * 50)} % below the best bid, cancelled at once"


async def prove(s: Settings, order: OrderRequest) -> Item:
    """Place the order, read it back, cancel it, and see it gone."""
    gateway = Gateway(s, lambda _name, _error: None)
    gateway.set_tif_policy("timeInForceValue")
    await gateway.open()
    try:
        return await _prove(gateway, order)
    finally:
        await gateway.close()


async def _prove(gateway: Gateway, order: OrderRequest) -> Item:
    told: OrderReport | None = None
    is_sent = True
    try:
        placed = (await gateway.place_perp_order(order)).result
        if placed.outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            is_sent = False
            return fail(KEY, LABEL, f"refused: {placed.code} {placed.msg}", advise(placed.code or "tif_probe"))
        told = await _read(gateway, order, lambda report: bool(report.tif))
    finally:  # Ctrl-C too: an order of ours is never left for want of asking
        end = await asyncio.shield(_cancelled(gateway, order)) if is_sent else None
    if end is None:
        advice = f"Look for the order {order.client_oid} in the app and cancel it; the next start does so too."
        return fail(KEY, LABEL, "its cancel was not confirmed", advice, client_oid=order.client_oid)
    if end.filled:
        advice = "Close that position in the app before a start."
        return fail(KEY, LABEL, f"{plain(end.filled)} of the order was filled", advice, filled=plain(end.filled))
    if told is None or told.tif is None:
        return fail(KEY, LABEL, "the order could not be read back; it is gone", advise("tif_probe"))
    proof = judge(told.tif)
    return ok(KEY, LABEL, f"{proof.why}: PERP_TIF={proof.policy}; the order is gone", policy=proof.policy)


async def _cancelled(gateway: Gateway, order: OrderRequest) -> OrderReport | None:
    """Cancel until the order is read to have ended; its last report, or None if it never was."""
    for attempt in range(CANCELS):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        await gateway.cancel_perp_order(order.client_oid)
        report = await _read(gateway, order, lambda told: told.status.is_end)
        if report is not None and report.status.is_end:
            return report
    return None


async def _read(gateway: Gateway, order: OrderRequest, wanted: Callable[[OrderReport], bool]) -> OrderReport | None:
    """Ask for the order until it is as wanted; its last report, or None if there was none."""
    report: OrderReport | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        (answer,) = await gateway.execute(do.QueryOrder(order.inst, order.client_oid, None))
        assert isinstance(answer, ev.OrderQueried)
        report = answer.report or report
        if answer.report is not None and wanted(answer.report):
            break
    return report
