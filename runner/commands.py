"""What an operator can ask of a run, whoever asks: the control socket and the page speak to the same commands.

Each yields answers, JSON objects with `ok`, `final`, `text` (English), and for translators `code` and `args`, which say
the same. A command that takes time says first what stops and what goes on, and at its end, with `final` true, what
became of it.

    status    what it is doing; changes nothing
    view      all that the page and `top` show; changes nothing
    halt      quotes stop until `resume`; hedging goes on; the position is kept
    resume    a person has looked: latched reasons are cleared
    flatten   quotes stop until `resume`; the held pair is closed, its fills are hedged; the process goes on
    stop      quotes stop, open tickets are taken to their end, the position is kept, the process ends
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from math import isnan
from typing import TYPE_CHECKING, Any

from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.pnl import row
from mmfsm.values import plain
from runner.page.view import view_of
from runner.state_folder import kind_of

if TYPE_CHECKING:
    from runner.app import Runner

Answer = dict[str, Any]
ACTIONS = ("halt", "resume", "flatten", "stop")
COMMANDS = ("status", "view", *ACTIONS)
WAIT_S, WAIT_MAX_S = 30.0, 3_600.0
VIEW_RECORDS = 60


def wait_of(asked: dict[str, Any]) -> float:
    """Return how long a request lets its command take, in seconds, within bounds.

    Raises:
        TypeError, ValueError: `wait_s` is no number.
    """
    try:
        wait_s = float(asked.get("wait_s", WAIT_S))
    except OverflowError:  # a whole number that no float holds
        wait_s = WAIT_MAX_S
    if isnan(wait_s):
        raise ValueError("wait_s is no number")
    return min(max(wait_s, 0.0), WAIT_MAX_S)


class Commands:
    """The commands of one run."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._doers: dict[str, Callable[[float], AsyncIterator[Answer]]] = {
            "status": self._status,
            "view": self._view,
            "halt": self._halt,
            "resume": self._resume,
            "flatten": self._flatten,
            "stop": self._stop,
        }

    def begin(self, name: str, wait_s: float) -> AsyncIterator[Answer]:
        """Return the answers of one command; it is carried out as they are asked for.

        Raises:
            KeyError: `name` is none of `COMMANDS`.
        """
        return self._doers[name](wait_s)

    async def _status(self, _wait_s: float) -> AsyncIterator[Answer]:
        yield _final(True, "status", "", status=status_of(self._runner))

    async def _view(self, _wait_s: float) -> AsyncIterator[Answer]:
        yield _final(True, "view", "", view=view_of(self._runner, VIEW_RECORDS))

    async def _halt(self, wait_s: float) -> AsyncIterator[Answer]:
        self._runner.handle(ev.Halt(now_ms()))
        text = f"halted: quotes stopped until resume. {self._goes_on()} {self._kept()} The process goes on."
        yield _first("halt_begun", text, **self._held())
        gone = await self._runner.until(lambda: not self._quotes(), wait_s)
        if gone:
            yield _final(True, "quotes_gone", "quotes are gone, as the exchange has confirmed")
        else:
            left = {"wait_s": f"{wait_s:g}", "quotes": self._quotes()}
            text = f"not confirmed within {wait_s:g} s: {self._quotes()} quotes may still rest"
            yield _final(False, "quotes_may_rest", text, left)

    async def _resume(self, _wait_s: float) -> AsyncIterator[Answer]:
        before = sorted(self._runner.desk.state.mode.reasons)
        self._runner.resume()
        s = self._runner.desk.state
        cleared = ", ".join(reason for reason in before if reason not in s.mode.reasons) or "nothing"
        said, held = f"resumed: cleared {cleared}. ", ", ".join(sorted(s.mode.reasons))
        args = {"cleared": cleared, "held": held, "why": s.why_not}
        if held:
            text = f"{said}Still halted by {held}: quotes stay stopped until that is over."
            yield _final(False, "resumed_held", text, args)
        elif s.why_not:
            text = f"{said}Quotes may start again; for now they are off: {s.why_not}."
            yield _final(True, "resumed_off", text, args)
        else:
            yield _final(True, "resumed", f"{said}Quotes start again.", args)

    async def _flatten(self, wait_s: float) -> AsyncIterator[Answer]:
        from runner.flatten import read_when_closed  # imports the runner, which imports this

        if not self._runner.desk.state.ready:
            state = self._runner.desk.state.session.state
            text = f"nothing was done: the run is {state}; flatten when it is READY"
            yield _final(False, "not_ready", text, {"state": state})
            return
        self._runner.flatten()
        s = self._runner.desk.state
        yield _first(
            "flatten_begun",
            f"flattening: quotes stopped until resume; perp {self._perp()} is being closed reduce-only, each fill is "
            f"hedged on spot. {self._goes_on()} The process goes on.",
            **self._held(),
        )
        told = await read_when_closed(self._runner, wait_s)
        held = f" Halted by {', '.join(sorted(s.mode.reasons))}." if s.mode.reasons and not told.flat else ""
        yield _final(told.flat, "flat" if told.flat else "not_flat", told.words() + held, told.figures())

    async def _stop(self, _wait_s: float) -> AsyncIterator[Answer]:
        runner = self._runner
        bound = runner.settings.stop_bound_sec
        runner.stop()
        yield _first(
            "stop_begun",
            f"stopping: quotes stopped, being cancelled. {self._goes_on()} {self._kept()} "
            f"The process ends within {bound} s.",
            bound_s=bound,
            **self._held(),
        )
        await runner.ended.wait()
        status, reason = runner.exit_status, runner.exit_reason
        said = "clean: nothing of ours is open, as read back" if status == 0 else "NOT clean: look at the account"
        args = {"status": status, "reason": reason}
        code = "ended_clean" if status == 0 else "ended_unclean"
        yield _final(status == 0, code, f"ended, status {status} ({reason}): {said}", args, exit_status=status)

    # --- words --------------------------------------------------------------------------------------------------------

    def _quotes(self) -> int:
        return sum(order.owner in ("bid", "ask", "probe") for order in self._runner.desk.state.orders.open.values())

    def _goes_on(self) -> str:
        return f"Hedging goes on: {len(self._runner.desk.state.tickets)} tickets open."

    def _perp(self) -> str:
        return plain(self._runner.desk.state.ledger.perp)

    def _spot_change(self) -> str:
        return plain(self._runner.desk.state.ledger.spot_change)

    def _kept(self) -> str:
        return f"The position is kept: perp {self._perp()}, spot change {self._spot_change()}."

    def _held(self) -> dict[str, Any]:
        tickets = len(self._runner.desk.state.tickets)
        return {"tickets": tickets, "perp": self._perp(), "spot_change": self._spot_change()}


def _first(code: str, text: str, **args: Any) -> Answer:
    return {"ok": True, "final": False, "text": text, "code": code, "args": args}


def _final(ok: bool, code: str, text: str, args: dict[str, Any] | None = None, **more: Any) -> Answer:
    return {"ok": ok, "final": True, "text": text, "code": code, "args": args or {}, **more}


def status_of(runner: Runner) -> Answer:
    """Return what a run is doing as plain JSON values; quantities as text, in base coin."""
    s, settings = runner.desk.state, runner.settings
    return {
        "run": runner.run_id,
        "pid": os.getpid(),
        "guardian_pid": runner.guardian_pid,
        "kind": kind_of(settings),
        "symbol": settings.symbol,
        "at_ms": now_ms(),
        "session": s.session.state,
        "mode": s.mode.state,
        "halted_by": {reason: "latched" if latched else "passing" for reason, latched in s.mode.reasons.items()},
        "quotes_off_because": s.why_not or None,
        "perp": plain(s.ledger.perp),
        "spot_change": plain(s.ledger.spot_change),
        "delta": plain(s.ledger.delta),
        "dust": plain(s.dust),
        "today": row(s, s.accounts.day),
        "tickets": [
            {"hedge_id": it.hedge_id, "status": it.state, "side": it.side.value, "remain": plain(it.remain),
             "opened_ms": it.opened_ms, "tries": it.tries}
            for it in s.tickets.values()
        ],
        "orders": [
            {"client_oid": oid, "owner": it.owner, "state": it.state, "inst": it.request.inst.value,
             "side": it.request.side.value, "price": plain(it.request.price), "left": plain(it.left)}
            for oid, it in s.orders.open.items()
        ],
        "feeds": {name.value: feed.state for name, feed in s.feeds.items()},
    }  # fmt: skip
