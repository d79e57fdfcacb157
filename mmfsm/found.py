"""The perp position found at start: taken over if the journal explains it, if that was asked for, or if it is what was
filled since. A reading may be older than a fill that is known: one that does not fit is taken again for a while.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import sessions
from mmfsm.events import PositionEvent
from mmfsm.machines.session import CHECKING
from mmfsm.state import Turn
from mmfsm.values import plain


def on_position(turn: Turn, event: PositionEvent) -> None:
    """A position at start is taken over if the journal explains it, or if that was asked for."""
    s = turn.s
    if event.source != "rest":
        return
    s.told_perp = (event.qty, turn.at_ms)
    if s.session.state != CHECKING or s.session.asking != "ask_position":
        return
    if s.books_open:
        _compare_restored(turn, event)
        return
    explained = event.qty == s.before_open or turn.p.adopt_position
    if explained:
        s.ledger.perp, s.read_with, s.unexplained = event.qty, s.before_open, None
    elif s.before_open and not _stands(turn, event.qty):
        detail = f"{plain(event.qty)} on the perp, {plain(s.before_open)} filled since the start"
        sessions.tell(turn, "check_failed", detail=detail)
        return
    advice = "" if explained else "; close it, or set ADOPT_POSITION=1 if spot holds its other half"
    detail = f"{plain(event.qty)} on the perp{advice}"
    sessions.tell(turn, "position_read", fits=explained, failure="position_found", detail=detail)


def _compare_restored(turn: Turn, event: PositionEvent) -> None:
    """The journal has an idea of its own. What is under way may explain a difference; one that stands is a person's."""
    s = turn.s
    detail = f"{plain(event.qty)} on the perp, {plain(s.ledger.perp)} by the journal"
    if event.qty != s.ledger.perp:
        under_way = s.tickets or s.orders.in_flight or s.recon.done_ms <= s.started_ms
        if under_way:
            s.unexplained = None
        if under_way or not _stands(turn, event.qty):
            sessions.tell(turn, "check_failed", detail=detail)
            return
        turn.halt_soon("position_unexplained", latched=True, detail=detail)
    s.unexplained = None
    sessions.tell(turn, "position_read", detail=detail)


def _stands(turn: Turn, qty: Decimal) -> bool:
    """A position that is not the one expected may be read late. It stands if it is read DRIFT_QUIET_MS later as well,
    or half of the checks' bound later, whichever comes first."""
    s, p = turn.s, turn.p
    if s.unexplained is None or s.unexplained[0] != qty:
        s.unexplained = (qty, turn.at_ms)
    return turn.at_ms - s.unexplained[1] >= min(p.drift_quiet_ms, p.check_bound_sec * 500)
