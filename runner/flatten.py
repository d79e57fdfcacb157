"""Closing the held pair and proving it: the desk's own flatten, then a reading of what the account really holds.

There is no second way to close. A running instance does it on its control socket's word; without one, `run_flatten`
starts a run that quotes nothing, takes up the journal, flattens and stops.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TextIO

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.actions import Record
from mmfsm.orders import is_ours
from mmfsm.rounding import tradable_qty
from mmfsm.values import ZERO, InstrumentRules, InstType, plain
from runner.advice import advice_for
from runner.app import Runner
from runner.settings import Settings

BOUND_S = 60.0
"""How long closing may take unless told otherwise."""

READINGS = 8
READ_PAUSE_S = 0.5
"""Balances may trail the last fill: a reading that is not flat is made again."""


@attrs.frozen
class Flatness:
    """What a reading shows: `perp` and `delta` in base coin, None where they could not be read."""

    flat: bool
    perp: Decimal | None
    delta: Decimal | None
    open_orders: tuple[str, ...] = ()
    why: str = ""

    def figures(self) -> dict[str, str]:
        """Return what was read, as texts."""
        perp, delta = ("not read" if it is None else plain(it) for it in (self.perp, self.delta))
        return {"perp": perp, "delta": delta, "orders": ", ".join(self.open_orders) or "none"}

    def words(self) -> str:
        """Say it exactly."""
        said = "perp {perp}, delta {delta}, open orders of ours: {orders}".format(**self.figures())
        return f"flattened, as read back: {said}" if self.flat else f"NOT flat: {said}. {self.why}".rstrip()


async def read_when_closed(runner: Runner, bound_s: float) -> Flatness:
    """Wait for the end of a flatten, and read what is left when the desk says it is done or the time is up."""
    s = runner.desk.state
    done = await runner.until(lambda: not (s.flattening or s.tickets or s.orders.open), bound_s)
    told = await read_flat(runner)
    for _ in range(READINGS if done else 0):
        if told.flat:
            break
        await asyncio.sleep(READ_PAUSE_S)
        told = await read_flat(runner)
    return told


async def read_flat(runner: Runner) -> Flatness:
    """Read position, balances and open orders, and say whether both legs are flat within dust."""
    asked: tuple[do.Action, ...] = (
        do.QueryPosition(),
        do.QueryBalance(),
        *(do.QueryOpenOrders(inst) for inst in InstType),
    )
    answers = await asyncio.gather(*(runner.executor.execute(action) for action in asked))
    told = [event for events in answers for event in events]
    for event in told:
        if isinstance(event, ev.CheckFailed):
            return Flatness(False, None, None, (), f"{event.what}: {event.result.msg or event.result.outcome}")
    s, prefix = runner.desk.state, runner.settings.client_oid_prefix
    if s.constraints is None:
        return Flatness(False, None, None, (), "the rules of both legs are not known")
    perp, delta = s.ledger.perp, s.ledger.delta
    if not runner.settings.dry_run:
        perp = next(event.qty for event in told if isinstance(event, ev.PositionEvent))
        if not s.pretend:  # a pretend hedge moves no balance
            delta = perp + _spot(told, s.constraints.spot.base_coin) - runner.settings.spot_baseline - s.ledger.start
    ours = tuple(
        order.client_oid or order.order_id
        for event in told
        if isinstance(event, ev.OpenOrdersRead)
        for order in event.orders
        if is_ours(order.client_oid, prefix)
    )
    is_dust = _is_dust(runner, perp, s.constraints.perp) and _is_dust(runner, delta, s.constraints.spot)
    flat = is_dust and not ours and not s.tickets
    return Flatness(flat, perp, delta, ours, "" if flat else "Look at the log and the account.")


def _spot(told: list[ev.Event], coin: str) -> Decimal:
    held = (event.total for event in told if isinstance(event, ev.BalanceEvent) and event.account is InstType.SPOT
            and event.coin == coin)  # fmt: skip
    return next(held, ZERO)


def _is_dust(runner: Runner, qty: Decimal, rules: InstrumentRules) -> bool:
    """Less than the leg can trade; without a price, nothing at all."""
    book = runner.desk.state.books.get(rules.inst)
    return qty == 0 if book is None else tradable_qty(abs(qty), book.bids[0].price, rules) == 0


async def run_flatten(settings: Settings, out: TextIO, *, guarded: bool = True, bound_s: float = BOUND_S) -> int:
    """Start a run that takes up the journal, flattens and stops. Returns 0 only if it is flat as read back.

    Args:
        settings: as for a run that trades.
        out: gets a line for what happens.
        guarded: start a guardian beside it, and take signals. A guardian that flattens does without.
        bound_s: how long closing may take, in seconds, once the start-up checks have passed.

    Raises:
        LockedError: an instance is running.
    """
    # Closing sends nothing that rests, so the proof of post-only is not needed.
    policy = "both" if settings.perp_tif == "auto" else settings.perp_tif
    settings = attrs.evolve(settings, perp_tif=policy, guardian=settings.guardian and guarded, status_port=0)
    runner = Runner(settings, quotes=False, on_record=lambda record: _show(record, out))
    closing = asyncio.create_task(_close_when_ready(runner, bound_s))
    try:
        status = await runner.run(signals=guarded)
    finally:
        closing.cancel()
        (told,) = await asyncio.gather(closing, return_exceptions=True)
    if isinstance(told, Flatness):
        print(told.words(), file=out)
        return status if told.flat else status or 1
    failure = runner.desk.state.session.failure
    print(f"NOT flat: ended before it could close: {runner.exit_reason}. {advice_for(failure or '')}", file=out)
    return status or 1


async def _close_when_ready(runner: Runner, bound_s: float) -> Flatness:
    ready_s = float(runner.settings.check_bound_sec) * 2
    await runner.until(lambda: runner.desk.state.ready, ready_s)
    runner.flatten()
    told = await read_when_closed(runner, bound_s)
    runner.stop("flatten")
    return told


def _show(record: Record, out: TextIO) -> None:
    data = record.data or {}
    if record.event == "restored":
        print(f"journal: {len(data['tickets'])} open tickets, {len(data['orders'])} open orders", file=out)
    elif record.event == "session" and data.get("to") == "READY":
        print("checks passed; quotes stay off, closing begins, hedging goes on", file=out)
    elif record.event == "fill":
        print(f"filled {record.leg}: {data['side']} {data['qty']} @ {data['price']}", file=out)
    elif record.event == "alert":
        print(f"alert {record.reason}: {data.get('text')}", file=out)
