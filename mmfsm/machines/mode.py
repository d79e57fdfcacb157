"""Mode: may new risk be taken, and if not, why not.

Rules

1. New risk (a quote) exists in QUOTING alone. Leaving QUOTING pulls both quotes in the same step.
2. HALTED carries the set of its reasons and is left when the last one is gone. A latched reason goes only when a
   person resumes; the others go when what caused them is over.
3. HALTED stops new risk. It never stops hedging, cancelling or unwinding: tickets run in every mode.
4. COOLDOWN ends by the clock. A late fill or a halt may end it sooner; a cool-down that began in HALTED is kept.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from typing import Literal

import attrs

from mmfsm.table import IGNORE, NEVER, STAY, Row, Table
from mmfsm.values import Mode

IDLE, QUOTING, HEDGING = Mode.IDLE.value, Mode.QUOTING.value, Mode.HEDGING.value
COOLDOWN, HALTED = Mode.COOLDOWN.value, Mode.HALTED.value

ModeCommand = Literal["pull_quotes", "halted", "resumed"]
ModeOut = list[ModeCommand]


@attrs.define
class ModeState:
    """The mode, and the reasons of a halt: reason → latched."""

    state: str = IDLE
    reasons: dict[str, bool] = attrs.field(factory=dict)
    cool_until_ms: int = 0

    @property
    def latched(self) -> bool:
        return any(self.reasons.values())


@attrs.define
class ModeInput:
    """What the desk knows. `why_not` is empty when quoting is allowed; `reason` and `latched` belong to halt and clear."""

    at_ms: int
    why_not: str = ""
    tickets_open: bool = False
    cooldown_ms: int = 0
    reason: str = ""
    latched: bool = False


def may_quote(_mode: ModeState, what: ModeInput) -> bool:
    return not what.why_not


def cooled(mode: ModeState, what: ModeInput) -> bool:
    return what.at_ms >= mode.cool_until_ms


def new_reason(mode: ModeState, what: ModeInput) -> bool:
    """A reason that is not there yet, or is there and becomes latched."""
    return mode.reasons.get(what.reason, False) < (what.latched or what.reason not in mode.reasons)


def last_cleared(mode: ModeState, what: ModeInput) -> bool:
    """Without this reason none is left, and it is not latched."""
    return not mode.latched and set(mode.reasons) <= {what.reason}


def last_cleared_hedging(mode: ModeState, what: ModeInput) -> bool:
    return last_cleared(mode, what) and what.tickets_open


def last_cleared_cooling(mode: ModeState, what: ModeInput) -> bool:
    return last_cleared(mode, what) and not cooled(mode, what)


def resumable(mode: ModeState, _what: ModeInput) -> bool:
    """All that holds the halt is latched: a person's word is enough."""
    return all(mode.reasons.values())


def resumable_hedging(mode: ModeState, what: ModeInput) -> bool:
    return resumable(mode, what) and what.tickets_open


def resumable_cooling(mode: ModeState, what: ModeInput) -> bool:
    return resumable(mode, what) and not cooled(mode, what)


def pull_quotes(_mode: ModeState, _what: ModeInput, out: ModeOut) -> None:
    out.append("pull_quotes")


def add_reason(mode: ModeState, what: ModeInput, out: ModeOut) -> None:
    mode.reasons[what.reason] = mode.reasons.get(what.reason, False) or what.latched
    out.append("halted")


def drop_reason(mode: ModeState, what: ModeInput, _out: ModeOut) -> None:
    if not mode.reasons.get(what.reason, False):
        mode.reasons.pop(what.reason, None)


def drop_latched(mode: ModeState, _what: ModeInput, out: ModeOut) -> None:
    for reason in [reason for reason, latched in mode.reasons.items() if latched]:
        del mode.reasons[reason]
    out.append("resumed")


def start_cooldown(mode: ModeState, what: ModeInput, _out: ModeOut) -> None:
    mode.cool_until_ms = what.at_ms + what.cooldown_ms


EVENTS = {
    "review": "after every event: is quoting allowed now",
    "ticket_opened": "a perp fill opened a ticket",
    "tickets_done": "the last open ticket is done",
    "halt": "a reason to stop new risk",
    "clear": "a reason is over",
    "resume": "a person has looked",
}

# fmt: off
TABLE: Table[ModeState, ModeInput, ModeOut] = Table(
    "Mode",
    states=(IDLE, QUOTING, HEDGING, COOLDOWN, HALTED),
    final=(),
    events=EVENTS,
    timeouts={COOLDOWN: "cooldown_ms, after an unwind cooldown_unwind_ms"},
    rows=(
        #   source    event            guard                 dest      effects
        Row(IDLE,     "review",        may_quote,            QUOTING),
        Row(IDLE,     "review",        None,                 IGNORE,   why="something is missing; the tick record says what"),
        Row(IDLE,     "ticket_opened", None,                 HEDGING, why="a late fill of a pulled quote, dust grown tradable, a flatten"),
        Row(IDLE,     "tickets_done",  None,                 NEVER,    why="open tickets mean HEDGING or HALTED"),
        Row(IDLE,     "halt",          None,                 HALTED,   (add_reason,)),
        Row(IDLE,     "clear",         None,                 IGNORE,   why="not halted"),
        Row(IDLE,     "resume",        None,                 IGNORE,   why="not halted"),

        Row(QUOTING,  "review",        may_quote,            IGNORE,   why="quoting goes on"),
        Row(QUOTING,  "review",        None,                 IDLE,     (pull_quotes,)),
        Row(QUOTING,  "ticket_opened", None,                 HEDGING,  (pull_quotes,)),
        Row(QUOTING,  "tickets_done",  None,                 NEVER,    why="open tickets mean HEDGING or HALTED"),
        Row(QUOTING,  "halt",          None,                 HALTED,   (pull_quotes, add_reason)),
        Row(QUOTING,  "clear",         None,                 IGNORE,   why="not halted"),
        Row(QUOTING,  "resume",        None,                 IGNORE,   why="not halted"),

        Row(HEDGING,  "review",        None,                 IGNORE,   why="open tickets come first"),
        Row(HEDGING,  "ticket_opened", None,                 IGNORE,   why="already hedging"),
        Row(HEDGING,  "tickets_done",  None,                 COOLDOWN, (start_cooldown,)),
        Row(HEDGING,  "halt",          None,                 HALTED,   (add_reason,)),
        Row(HEDGING,  "clear",         None,                 IGNORE,   why="not halted"),
        Row(HEDGING,  "resume",        None,                 IGNORE,   why="not halted"),

        Row(COOLDOWN, "review",        (cooled, may_quote),  QUOTING),
        Row(COOLDOWN, "review",        cooled,               IDLE),
        Row(COOLDOWN, "review",        None,                 IGNORE,   why="cooling down"),
        Row(COOLDOWN, "ticket_opened", None,                 HEDGING, why="a late fill of a pulled quote"),
        Row(COOLDOWN, "tickets_done",  None,                 NEVER,    why="open tickets mean HEDGING or HALTED"),
        Row(COOLDOWN, "halt",          None,                 HALTED,   (add_reason,)),
        Row(COOLDOWN, "clear",         None,                 IGNORE,   why="not halted"),
        Row(COOLDOWN, "resume",        None,                 IGNORE,   why="not halted"),

        Row(HALTED,   "review",        None,                 IGNORE,   why="a reason still holds"),
        Row(HALTED,   "ticket_opened", None,                 IGNORE,   why="hedging goes on in HALTED"),
        Row(HALTED,   "tickets_done",  None,                 STAY,     (start_cooldown,), why="hedged, and still halted"),
        Row(HALTED,   "halt",          new_reason,           STAY,     (add_reason,)),
        Row(HALTED,   "halt",          None,                 IGNORE,   why="that reason is known"),
        Row(HALTED,   "clear",         last_cleared_hedging, HEDGING,  (drop_reason,)),
        Row(HALTED,   "clear",         last_cleared_cooling, COOLDOWN, (drop_reason,)),
        Row(HALTED,   "clear",         last_cleared,         IDLE,     (drop_reason,)),
        Row(HALTED,   "clear",         None,                 STAY,     (drop_reason,), why="others hold, or this one is latched"),
        Row(HALTED,   "resume",        resumable_hedging,    HEDGING,  (drop_latched,)),
        Row(HALTED,   "resume",        resumable_cooling,    COOLDOWN, (drop_latched,)),
        Row(HALTED,   "resume",        resumable,            IDLE,     (drop_latched,)),
        Row(HALTED,   "resume",        None,                 STAY,     (drop_latched,), why="what is not latched still holds"),
    ),
)
# fmt: on
