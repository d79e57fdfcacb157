"""The operator's control: a Unix socket in the state folder, one JSON object a line, for this user alone (mode 0600).

A request is `{"command": "halt", "wait_s": 30}`. Answers are objects with `ok`, `text` and `final`; a command that
takes time says first what stops and what goes on, and at its end, with `final` true, what became of it.

    status    what it is doing; changes nothing
    halt      quotes stop until `resume`; hedging goes on; the position is kept
    resume    a person has looked: latched reasons are cleared
    flatten   quotes stop until `resume`; the held pair is closed, its fills are hedged; the process goes on
    stop      quotes stop, open tickets are taken to their end, the position is kept, the process ends
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.pnl import row
from mmfsm.values import plain
from runner.state_folder import kind_of, socket_name

if TYPE_CHECKING:
    from runner.app import Runner

Answer = dict[str, Any]
COMMANDS = ("status", "halt", "resume", "flatten", "stop")
REQUEST_BOUND_S = 10.0
FINISH_S = 2.0
WAIT_S, WAIT_MAX_S = 30.0, 3_600.0


class Control:
    """Serves the commands of one run."""

    def __init__(self, runner: Runner, path: Path) -> None:
        self._runner = runner
        self._path = path
        self._server: asyncio.AbstractServer | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._doers: dict[str, Callable[[float], AsyncIterator[Answer]]] = {
            "status": self._status,
            "halt": self._halt,
            "resume": self._resume,
            "flatten": self._flatten,
            "stop": self._stop,
        }

    async def open(self) -> None:
        """Listen. The run's lock is held by now, so a socket that lies here is a dead run's.

        Raises:
            OSError: the socket cannot be made.
        """
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_name(self._path) as name:
                listener.bind(name)
            os.chmod(self._path, 0o600)  # before `listen`: until then nobody gets in
            self._server = await asyncio.start_unix_server(self._serve, sock=listener)
        except OSError:
            listener.close()
            raise

    def hide(self) -> None:
        """Take no more commands. Done while the lock is still held: the next run's socket is not ours to remove."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Let those who wait for the end have their answer."""
        if self._serving:
            await asyncio.wait(self._serving, timeout=FINISH_S)
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(OSError):  # whoever asked has gone; what was asked for is done all the same
                await self._answer(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_BOUND_S):
                asked = json.loads(await reader.readline())
            doer = self._doers[asked["command"]]
            wait_s = min(max(float(asked.get("wait_s", WAIT_S)), 0.0), WAIT_MAX_S)
        except (TimeoutError, ValueError, KeyError, TypeError, AttributeError):
            words = f'expected {{"command": one of {", ".join(COMMANDS)}, "wait_s": seconds}} on one line'
            await _send(writer, _final(False, words))
            return
        async for answer in doer(wait_s):
            await _send(writer, answer)

    # --- the commands -------------------------------------------------------------------------------------------------

    async def _status(self, _wait_s: float) -> AsyncIterator[Answer]:
        yield _final(True, "", status=status_of(self._runner))

    async def _halt(self, wait_s: float) -> AsyncIterator[Answer]:
        self._runner.handle(ev.Halt(now_ms()))
        yield _first(f"halted: quotes stopped until resume. {self._goes_on()} {self._kept()} The process goes on.")
        gone = await self._runner.until(lambda: not self._quotes(), wait_s)
        if gone:
            yield _final(True, "quotes are gone, as the exchange has confirmed")
        else:
            yield _final(False, f"not confirmed within {wait_s:g} s: {self._quotes()} quotes may still rest")

    async def _resume(self, _wait_s: float) -> AsyncIterator[Answer]:
        before = sorted(self._runner.desk.state.mode.reasons)
        self._runner.resume()
        s = self._runner.desk.state
        cleared = [reason for reason in before if reason not in s.mode.reasons]
        said = f"resumed: cleared {', '.join(cleared) or 'nothing'}. "
        if s.mode.reasons:
            held = ", ".join(sorted(s.mode.reasons))
            yield _final(False, f"{said}Still halted by {held}: quotes stay stopped until that is over.")
        elif s.why_not:
            yield _final(True, f"{said}Quotes may start again; for now they are off: {s.why_not}.")
        else:
            yield _final(True, f"{said}Quotes start again.")

    async def _flatten(self, wait_s: float) -> AsyncIterator[Answer]:
        from runner.flatten import read_when_closed  # imports the runner, which imports this

        if not self._runner.desk.state.ready:
            state = self._runner.desk.state.session.state
            yield _final(False, f"nothing was done: the run is {state}; flatten when it is READY")
            return
        self._runner.flatten()
        s = self._runner.desk.state
        yield _first(
            f"flattening: quotes stopped until resume; perp {self._perp()} is being closed reduce-only, each fill is "
            f"hedged on spot. {self._goes_on()} The process goes on."
        )
        told = await read_when_closed(self._runner, wait_s)
        held = f" Halted by {', '.join(sorted(s.mode.reasons))}." if s.mode.reasons and not told.flat else ""
        yield _final(told.flat, told.words() + held)

    async def _stop(self, _wait_s: float) -> AsyncIterator[Answer]:
        runner = self._runner
        bound = runner.settings.stop_bound_sec
        runner.stop()
        yield _first(
            f"stopping: quotes stopped, being cancelled. {self._goes_on()} {self._kept()} "
            f"The process ends within {bound} s."
        )
        await runner.ended.wait()
        status, reason = runner.exit_status, runner.exit_reason
        said = "clean: nothing of ours is open, as read back" if status == 0 else "NOT clean: look at the account"
        yield _final(status == 0, f"ended, status {status} ({reason}): {said}", exit_status=status)

    # --- words --------------------------------------------------------------------------------------------------------

    def _quotes(self) -> int:
        return sum(order.owner in ("bid", "ask", "probe") for order in self._runner.desk.state.orders.open.values())

    def _goes_on(self) -> str:
        return f"Hedging goes on: {len(self._runner.desk.state.tickets)} tickets open."

    def _perp(self) -> str:
        return plain(self._runner.desk.state.ledger.perp)

    def _kept(self) -> str:
        change = plain(self._runner.desk.state.ledger.spot_change)
        return f"The position is kept: perp {self._perp()}, spot change {change}."


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


def _first(text: str) -> Answer:
    return {"ok": True, "final": False, "text": text}


def _final(ok: bool, text: str, **more: Any) -> Answer:
    return {"ok": ok, "final": True, "text": text, **more}


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
