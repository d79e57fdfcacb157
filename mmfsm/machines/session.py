"""Session: the start-up checks and the end of a run, each step a row.

Rules

1. Nothing is sent to the market before every check has passed, but the cancels of orders an earlier run left behind
   and the one tiny order of the time-in-force proof.
2. A check that fails ends the run before it began: STOPPED, with a status that is not zero. A check that merely was not
   answered is asked again until the bound.
3. Stopping is: no quotes, every ticket to its end, everything of ours cancelled, then read back from the exchange.
   "Clean" is what the reading says, not what we believe; past the bound the run ends unclean and says so.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from typing import Literal

import attrs

from mmfsm.table import IGNORE, STAY, Row, Table

COLD, CHECKING, READY, STOPPING, STOPPED = "COLD", "CHECKING", "READY", "STOPPING", "STOPPED"

SessionCommand = Literal[
    "ask_time",
    "ask_account",
    "set_mode",
    "ask_constraints",
    "ask_fees",
    "ask_orders",
    "ask_position",
    "ask_balances",
    "ask_funding",
    "probe",
    "ready",
    "say_failed",
    "failed",
    "ask_readback",
    "exit_clean",
    "exit_unclean",
]
SessionOut = list[SessionCommand]

RETRY_MS = 1_000
UNANSWERED_MS = 5_000


@attrs.define
class Session:
    """Where the run is. `asking` is the check under way; `failure` names the one that failed, `detail` says how."""

    state: str = COLD
    asking: SessionCommand = "ask_time"
    asked_ms: int = 0
    unanswered: bool = False
    since_ms: int = 0
    mode_set: bool = False
    probing: bool = False
    failure: str | None = None
    detail: str | None = None
    stop_reason: str = ""
    readback_asked_ms: int = 0
    readback_ms: int = 0


@attrs.define
class SessionInput:
    """What an answer says, already compared with what was wanted; each row reads the members its guard names."""

    at_ms: int
    bound_ms: int
    fits: bool = True
    fixable: bool = False
    final: bool = False
    fresh: bool = False
    probe_needed: bool = False
    quiet: bool = False
    clean: bool = False
    failure: str = ""
    detail: str = ""


def fits(_session: Session, what: SessionInput) -> bool:
    """What was read is what the settings ask for."""
    return what.fits


def asked_time(session: Session, _what: SessionInput) -> bool:
    return session.asking == "ask_time"


def asked_account(session: Session, _what: SessionInput) -> bool:
    return session.asking == "ask_account"


def asked_constraints(session: Session, _what: SessionInput) -> bool:
    return session.asking == "ask_constraints"


def asked_fees(session: Session, _what: SessionInput) -> bool:
    return session.asking == "ask_fees"


def may_set_mode(session: Session, what: SessionInput) -> bool:
    """It differs only in the position mode, changing it is allowed, and has not been tried."""
    return what.fixable and not session.mode_set


def refused_for_good(_session: Session, what: SessionInput) -> bool:
    return what.final


def overdue(session: Session, what: SessionInput) -> bool:
    return what.at_ms - session.since_ms >= what.bound_ms


def overdue_probing(session: Session, what: SessionInput) -> bool:
    """The proof's order is out and nothing is known of it."""
    return session.probing and overdue(session, what)


def retry_due(session: Session, what: SessionInput) -> bool:
    return session.unanswered and what.at_ms - session.asked_ms >= RETRY_MS


def all_fresh(session: Session, what: SessionInput) -> bool:
    """Every reading is done and every feed is fresh."""
    return session.asking == "probe" and not session.probing and what.fresh


def asked_all(session: Session, _what: SessionInput) -> bool:
    """Every reading is done; a feed or the proof is waited for."""
    return session.asking == "probe"


def order_out(session: Session, _what: SessionInput) -> bool:
    """The proof's order has been sent."""
    return session.probing


def needs_probe(_session: Session, what: SessionInput) -> bool:
    return what.probe_needed


def read_back(session: Session, what: SessionInput) -> bool:
    """Nothing of ours is open, as read after it was last asked."""
    return what.quiet and what.clean and session.readback_ms >= session.readback_asked_ms > 0


def may_read_back(session: Session, what: SessionInput) -> bool:
    """Ask when nothing is open; again a second after an answer that was not clean, or when none came for long."""
    wait_ms = RETRY_MS if session.readback_ms or not session.readback_asked_ms else UNANSWERED_MS
    return what.quiet and what.at_ms - session.readback_asked_ms >= wait_ms


def ask_time(session: Session, what: SessionInput, out: SessionOut) -> None:
    session.since_ms = what.at_ms
    _ask(session, what, out, "ask_time")


def ask_account(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_account")


def set_mode(session: Session, what: SessionInput, out: SessionOut) -> None:
    session.mode_set = True
    _ask(session, what, out, "set_mode")


def ask_constraints(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_constraints")


def ask_fees(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_fees")


def ask_orders(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_orders")


def ask_position(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_position")


def ask_balances(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_balances")


def ask_funding(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, "ask_funding")


def await_feeds(session: Session, what: SessionInput, _out: SessionOut) -> None:
    session.asking, session.asked_ms, session.unanswered = "probe", what.at_ms, False


def probe(session: Session, _what: SessionInput, out: SessionOut) -> None:
    session.probing = True
    out.append("probe")


def ask_again(session: Session, what: SessionInput, out: SessionOut) -> None:
    _ask(session, what, out, session.asking)


def note_unanswered(session: Session, what: SessionInput, _out: SessionOut) -> None:
    session.unanswered, session.detail = True, what.detail


def be_ready(_session: Session, _what: SessionInput, out: SessionOut) -> None:
    out.append("ready")


def fail(session: Session, what: SessionInput, out: SessionOut) -> None:
    session.failure, session.detail = what.failure, what.detail or session.detail
    out.append("failed")


def fail_overdue(session: Session, _what: SessionInput, out: SessionOut) -> None:
    waited = "feeds" if session.asking == "probe" and not session.probing else session.asking
    session.failure = f"no_answer:{waited}"
    out.append("failed")


def fail_and_stop(session: Session, what: SessionInput, out: SessionOut) -> None:
    session.failure, session.since_ms = "tif_probe", what.at_ms
    session.detail = "the exchange did not say what it made of the order"
    out.append("say_failed")


def begin_stop(session: Session, what: SessionInput, _out: SessionOut) -> None:
    session.since_ms, session.stop_reason = what.at_ms, what.detail


def ask_readback(session: Session, what: SessionInput, out: SessionOut) -> None:
    session.readback_asked_ms, session.readback_ms = what.at_ms, 0
    out.append("ask_readback")


def note_readback(session: Session, what: SessionInput, _out: SessionOut) -> None:
    session.readback_ms = what.at_ms


def exit_clean(_session: Session, _what: SessionInput, out: SessionOut) -> None:
    out.append("exit_clean")


def exit_unclean(_session: Session, _what: SessionInput, out: SessionOut) -> None:
    out.append("exit_unclean")


def _ask(session: Session, what: SessionInput, out: SessionOut, command: SessionCommand) -> None:
    session.asking, session.asked_ms, session.unanswered = command, what.at_ms, False
    out.append(command)


EVENTS = {
    "start": "begin",
    "time_read": "the exchange's clock (fits: within clock_skew_max_ms of ours)",
    "account_read": "position mode and margin mode (fits: as set; fixable: only the position mode differs and may be changed)",
    "mode_set": "the position mode was changed (fits: accepted)",
    "constraints_read": "both legs' rules (fits: complete)",
    "fees_read": "what the account is charged, or that it could not be read; the edge then counts what is set or listed",
    "orders_clear": "both legs' open orders are read and none of ours is left",
    "position_read": "the perp position (fits: flat, known from before, or adopted)",
    "balances_read": "spot coin and quote coin, and the perp's margin (fits: no fill came since the position was read)",
    "funding_read": "the funding rate",
    "probe_done": "the time-in-force proof has its answer (fits: post-only can be had)",
    "check_failed": "a reading failed (final: asking again cannot help)",
    "stop": "a person or the process wants the run to end",
    "read_back": "open orders and position were read for the end of the run",
    "timer": "time has passed, or anything else has happened",
}

CHECKS = tuple(event for event in EVENTS if event not in ("start", "stop", "timer"))

# fmt: off
TABLE: Table[Session, SessionInput, SessionOut] = Table(
    "Session",
    states=(COLD, CHECKING, READY, STOPPING, STOPPED),
    final=(STOPPED,),
    events=EVENTS,
    timeouts={CHECKING: "check_bound_sec → STOPPED", STOPPING: "stop_bound_sec → STOPPED, unclean"},
    rows=(
        #   source     event               guard                     dest      effects
        Row(COLD,      "start",            None,                     CHECKING, (ask_time,)),
        Row(COLD,      "stop",             None,                     STOPPED,  (exit_clean,)),
        Row(COLD,      "timer",            None,                     IGNORE,   why="not started"),
        *(Row(COLD,    event,              None,                     IGNORE,   why="nothing was asked") for event in CHECKS),

        Row(CHECKING,  "start",            None,                     IGNORE,   why="started"),
        Row(CHECKING,  "time_read",        (asked_time, fits),       STAY,     (ask_account,)),
        Row(CHECKING,  "time_read",        asked_time,               STOPPED,  (fail,)),
        Row(CHECKING,  "time_read",        None,                     IGNORE,   why="not what was asked: no check can be left out"),
        Row(CHECKING,  "account_read",     (asked_account, fits),    STAY,     (ask_constraints,)),
        Row(CHECKING,  "account_read",     (asked_account, may_set_mode), STAY, (set_mode,)),
        Row(CHECKING,  "account_read",     asked_account,            STOPPED,  (fail,)),
        Row(CHECKING,  "account_read",     None,                     IGNORE,   why="not what was asked"),
        Row(CHECKING,  "mode_set",         fits,                     STAY,     (ask_account,), why="read again: accepted is not changed"),
        Row(CHECKING,  "mode_set",         None,                     STOPPED,  (fail,)),
        Row(CHECKING,  "constraints_read", (asked_constraints, fits), STAY,    (ask_fees,)),
        Row(CHECKING,  "constraints_read", asked_constraints,        STOPPED,  (fail,)),
        Row(CHECKING,  "constraints_read", None,                     IGNORE,   why="not what was asked"),
        Row(CHECKING,  "fees_read",        asked_fees,               STAY,     (ask_orders,), why="whatever was read: there is a next source"),
        Row(CHECKING,  "fees_read",        None,                     IGNORE,   why="not what was asked"),
        Row(CHECKING,  "orders_clear",     None,                     STAY,     (ask_position,)),
        Row(CHECKING,  "position_read",    fits,                     STAY,     (ask_balances,)),
        Row(CHECKING,  "position_read",    None,                     STOPPED,  (fail,)),
        Row(CHECKING,  "balances_read",    fits,                     STAY,     (ask_funding,)),
        Row(CHECKING,  "balances_read",    None,                     STAY,     (ask_position,), why="a fill came between the two: neither reading is the other's"),
        Row(CHECKING,  "funding_read",     None,                     STAY,     (await_feeds,)),
        Row(CHECKING,  "probe_done",       (order_out, fits),        READY,    (be_ready,)),
        Row(CHECKING,  "probe_done",       order_out,                STOPPED,  (fail,), why="it is settled: nothing is left behind"),
        Row(CHECKING,  "probe_done",       None,                     IGNORE,   why="an earlier run's: no check can be left out"),
        Row(CHECKING,  "check_failed",     (order_out, refused_for_good), STOPPING, (fail_and_stop,), why="its order must not be left behind"),
        Row(CHECKING,  "check_failed",     refused_for_good,         STOPPED,  (fail,)),
        Row(CHECKING,  "check_failed",     asked_all,                IGNORE,   why="a reading beside the checks: whoever asked for it asks again"),
        Row(CHECKING,  "check_failed",     None,                     STAY,     (note_unanswered,)),
        Row(CHECKING,  "stop",             None,                     STOPPING, (begin_stop,)),
        Row(CHECKING,  "read_back",        None,                     IGNORE,   why="not stopping"),
        Row(CHECKING,  "timer",            overdue_probing,          STOPPING, (fail_and_stop,), why="its order must not be left behind"),
        Row(CHECKING,  "timer",            overdue,                  STOPPED,  (fail_overdue,)),
        Row(CHECKING,  "timer",            retry_due,                STAY,     (ask_again,)),
        Row(CHECKING,  "timer",            (all_fresh, needs_probe), STAY,     (probe,)),
        Row(CHECKING,  "timer",            all_fresh,                READY,    (be_ready,)),
        Row(CHECKING,  "timer",            None,                     IGNORE,   why="an answer or a feed is outstanding"),

        Row(READY,     "start",            None,                     IGNORE,   why="started"),
        Row(READY,     "stop",             None,                     STOPPING, (begin_stop,)),
        Row(READY,     "timer",            None,                     IGNORE,   why="trading"),
        *(Row(READY,   event,              None,                     IGNORE,   why="read for another reason; guards judge it") for event in CHECKS),

        Row(STOPPING,  "start",            None,                     IGNORE,   why="started"),
        Row(STOPPING,  "stop",             None,                     IGNORE,   why="stopping"),
        Row(STOPPING,  "read_back",        None,                     STAY,     (note_readback,)),
        Row(STOPPING,  "timer",            read_back,                STOPPED,  (exit_clean,)),
        Row(STOPPING,  "timer",            overdue,                  STOPPED,  (exit_unclean,)),
        Row(STOPPING,  "timer",            may_read_back,            STAY,     (ask_readback,)),
        Row(STOPPING,  "timer",            None,                     IGNORE,   why="something of ours is still open"),
        *(Row(STOPPING, event,             None,                     IGNORE,   why="stopping") for event in CHECKS if event != "read_back"),

        *(Row(STOPPED, event,              None,                     IGNORE,   why="the run is over") for event in EVENTS),
    ),
)
# fmt: on
