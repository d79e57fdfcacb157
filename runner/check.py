"""`python -m runner check`: the start-up checks alone. Reads everything, changes nothing, and says what to do.

It looks as a dry run with the account's key does, in a folder of its own: it sends no order, no cancel and no setting,
takes no lock and writes no journal, so it may be made beside a run that trades.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.actions import Record
from mmfsm.errors import MmfsmError
from mmfsm.journal import rebuild
from mmfsm.orders import is_ours
from mmfsm.values import ZERO, InstType, plain
from runner.advice import advice_for
from runner.app import Runner
from runner.journal import read_segment, segments
from runner.settings import Settings
from runner.state_folder import JOURNAL, state_folder

NAMES = {
    "time_read": "clock",
    "account_read": "position and margin mode",
    "mode_set": "position mode changed",
    "constraints_read": "rules of both legs",
    "fees_read": "fees",
    "balances_read": "balances",
    "funding_read": "funding",
    "check_failed": "a reading",
}


class Check:
    """One look. `failures` are the reasons of what did not pass."""

    def __init__(self, settings: Settings, out: TextIO) -> None:
        self._settings = settings
        self._out = out
        self._runner: Runner | None = None
        self._reading: asyncio.Task[None] | None = None
        self.failures: list[str] = []

    async def run(self) -> int:
        """Look, print a line for each check, and return 0 if all passed."""
        with tempfile.TemporaryDirectory(prefix="mmfsm-check-") as scratch:
            self._runner = Runner(self._looking(scratch), quotes=False, on_record=self._show)
            status = await self._runner.run()
        if self._reading is not None:
            await self._reading
        session = self._runner.desk.state.session
        if session.failure:
            self._fail(session.failure, session.failure, session.detail or "")
        if self._settings.perp_tif == "auto":
            self._say("note  the time-in-force proof is made when trading starts (PERP_TIF=auto)")
        if self.failures:
            return status or 2
        self._say("all checks passed" if status == 0 else f"ended with status {status}: {self._runner.exit_reason}")
        return status

    def _looking(self, scratch: str) -> Settings:
        """The settings of a run that changes nothing, leaves nothing and tells nobody; any position may be there."""
        policy = "both" if self._settings.perp_tif == "auto" else self._settings.perp_tif
        log_path = str(Path(scratch) / "check.jsonl")
        return attrs.evolve(
            self._settings, dry_run=True, adopt_position=True, perp_tif=policy, state_dir=scratch, log_path=log_path,
            alert_urls="",
        )  # fmt: skip

    # --- what is printed ----------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        print(text.rstrip(), file=self._out)

    def _fail(self, reason: str, name: str, detail: str) -> None:
        self.failures.append(reason)
        self._say(f"FAIL  {name}  {detail}\n      {advice_for(reason)}")

    def _show(self, record: Record) -> None:
        data = record.data or {}
        reason = record.reason or ""
        if record.event == "check" and reason == "position_read":
            self._judge_position()
        elif record.event == "check" and reason in NAMES:
            mark = "ok  " if data.get("passed") else "FAIL"
            self._say(f"{mark}  {NAMES[reason]}  {data.get('detail') or ''}")
        elif record.event == "session" and data.get("to") == "READY":
            self._say("ok    books, private stream and funding are fresh")
            self._reading = asyncio.get_running_loop().create_task(self._read_orders())

    def _judge_position(self) -> None:
        """A position must be flat, adopted, or what the journal of this account and symbol knows."""
        assert self._runner is not None
        told, known, tickets = self._runner.desk.state.told_perp[0], ZERO, 0
        try:
            known, tickets = self._journal()
        except MmfsmError as error:
            self._fail("journal_unreadable", "journal", str(error))
        detail = f"{plain(told)} on the perp, {plain(known)} by the journal, {tickets} tickets open"
        if told in (known, ZERO) or tickets or self._settings.adopt_position:
            self._say(f"ok    perp position  {detail}")
        else:
            self._fail("position_found", "perp position", detail)

    def _journal(self) -> tuple[Decimal, int]:
        """Return the perp position and the number of open tickets an earlier run wrote down."""
        found = segments(state_folder(self._settings) / JOURNAL)
        if not found or self._settings.dry_run or self._settings.fresh_start:
            return ZERO, 0
        state = rebuild(read_segment(found[-1])).state
        return state.ledger.perp, len(state.tickets)

    async def _read_orders(self) -> None:
        """Say what of ours is open: a running instance's, or what a dead one left."""
        assert self._runner is not None
        try:
            if self._settings.has_keys:
                answers = [await self._runner.gateway.execute(do.QueryOpenOrders(inst)) for inst in InstType]
                self._judge_orders([event for events in answers for event in events])
        finally:
            self._runner.stop("check")

    def _judge_orders(self, told: list[ev.Event]) -> None:
        ours = []
        for event in told:
            if isinstance(event, ev.CheckFailed):
                self._fail(str(event.result.code), "open orders", event.result.msg or "")
            elif isinstance(event, ev.OpenOrdersRead):
                ours += [it for it in event.orders if is_ours(it.client_oid, self._settings.client_oid_prefix)]
        self._say(f"ok    open orders of ours  {len(ours)}")
        if ours:
            self._say("note  if no instance is running, the next start cancels them first")


async def run_check(settings: Settings, out: TextIO) -> int:
    """Run the checks and print one line for each. Returns 0 if all passed."""
    return await Check(settings, out).run()
