"""`python -m runner check`: the start-up checks alone. Reads everything, places nothing, and says what to do."""

from __future__ import annotations

from typing import TextIO

import attrs

from mmfsm.actions import Record
from mmfsm.strategy import QuoteView
from mmfsm.values import ZERO, QuotePlan, QuoteSide
from runner.advice import advice_for
from runner.app import Runner
from runner.settings import Settings

NAMES = {
    "time_read": "clock",
    "account_read": "position and margin mode",
    "mode_set": "position mode changed",
    "constraints_read": "rules of both legs",
    "orders_clear": "no orders of an earlier run",
    "position_read": "perp position",
    "balances_read": "balances",
    "funding_read": "funding",
    "check_failed": "a reading",
}


@attrs.frozen
class NoQuotes:
    """A strategy that wants nothing: for looking without trading."""

    def quote(self, view: QuoteView) -> QuotePlan:
        """Plan nothing, whatever is seen."""
        none = QuoteSide(None, ZERO, "check_only")
        return QuotePlan(none, none, "check_only")


async def run_check(settings: Settings, out: TextIO) -> int:
    """Run the checks and print one line for each. Returns 0 if all passed."""
    note = ""
    if settings.perp_tif == "auto":
        # The proof places an order; a look does not. It is made when trading starts.
        settings = attrs.evolve(settings, perp_tif="both")
        note = "the time-in-force proof is made when trading starts (PERP_TIF=auto)"
    runner: Runner

    def show(record: Record) -> None:
        data = record.data or {}
        if record.event == "check":
            mark = "ok  " if data.get("passed") else "FAIL"
            print(
                f"{mark}  {NAMES.get(record.reason or '', record.reason)}  {data.get('detail') or ''}".rstrip(),
                file=out,
            )
        elif record.event == "session" and data.get("to") == "READY":
            print("ok    books, private stream and funding are fresh", file=out)
            runner.stop("check")

    runner = Runner(settings, strategy=NoQuotes(), on_record=show)
    status = await runner.run()
    session = runner.desk.state.session
    if session.failure:
        print(f"FAIL  {session.failure}  {session.detail or ''}\n      {advice_for(session.failure)}", file=out)
        return status or 2
    if note:
        print(f"note  {note}", file=out)
    print("all checks passed" if status == 0 else f"ended with status {status}: {runner.exit_reason}", file=out)
    return status
