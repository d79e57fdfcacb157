"""Pair: the hedged position that quotes build up, and the way out of it.

Rules

1. A pair is a perp position that could be traded, whatever its sign; its other half is spot coin, by construction.
   One that has changed its sign is another pair, held from then on.
2. Wanting out never crosses at first: LEAVING quotes the closing side, at the touch, and no other. When it is left for
   its profit the floor of the edge may move that quote out; a loss or an age is a cost already decided on. CROSSING
   comes only after that has been tried for long enough, only if the policy allows it, and never in the grace after a
   settlement, when the basis is at its worst. Only time in which the closing side may really be quoted counts: a halt,
   an outage, a hedge or a side that is off begin it anew, so a pair that can never be quoted is never crossed.
3. CROSSING is the flatten's way: a reduce-only perp order at the touch whose fills open ordinary tickets.
4. A wish that rests on a profit ends with the profit; one that rests on a loss or on age stands until the pair is gone.
   Every wish ends when a restart has turned the policy off.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs

from mmfsm.table import IGNORE, STAY, Row, Table

FLAT, HELD, LEAVING, CROSSING = "FLAT", "HELD", "LEAVING", "CROSSING"
TAKE_PROFIT, LOSS_CUT, MAX_AGE = "take_profit", "loss_cut", "max_age"

PairCommand = Literal["held", "turned", "leave", "hold_on", "cross", "again", "gone"]
PairOut = list[PairCommand]


@attrs.define
class Pair:
    """Where the pair is. `why` names what it is left for; `sign` is the perp's, zero when not known."""

    state: str = FLAT
    since_ms: int = 0
    leaving_ms: int = 0
    why: str = ""
    sign: int = 0


class PairInput(NamedTuple):
    """What is known now. `leaves`: the policy knows a way out at all; `reason` says what speaks for it, empty when nothing
    does; `now_sign` is the perp position's; `is_closing`: orders that close the pair at the touch are still going out."""

    at_ms: int
    reason: str = ""
    in_grace: bool = False
    crosses: bool = False
    cross_after_ms: int = 0
    is_closing: bool = False
    leaves: bool = True
    now_sign: int = 0


def turned(pair: Pair, what: PairInput) -> bool:
    """The perp has gone from short to long, or back, since the last look: another pair than the one that was held."""
    return pair.sign != 0 and what.now_sign not in (0, pair.sign)


def wants_out(_pair: Pair, what: PairInput) -> bool:
    """Something speaks for leaving, and no settlement has just passed."""
    return bool(what.reason) and not what.in_grace


def wish_gone(pair: Pair, what: PairInput) -> bool:
    """It was left for its profit, and that is gone; or nothing is left any more."""
    return not what.leaves or (pair.why == TAKE_PROFIT and not what.reason)


def worse(pair: Pair, what: PairInput) -> bool:
    """It was left for its profit, and now a loss or its age speaks for it."""
    return pair.why == TAKE_PROFIT and what.reason not in ("", TAKE_PROFIT)


def may_cross(pair: Pair, what: PairInput) -> bool:
    """The closing side was quoted for long enough, and paying to cross is allowed now."""
    return what.crosses and not what.in_grace and what.at_ms - pair.leaving_ms >= what.cross_after_ms


def closing(_pair: Pair, what: PairInput) -> bool:
    return what.is_closing


def hold(pair: Pair, what: PairInput, out: PairOut) -> None:
    pair.since_ms, pair.sign = what.at_ms, what.now_sign
    out.append("held")


def begin_anew(pair: Pair, what: PairInput, out: PairOut) -> None:
    pair.since_ms, pair.sign = what.at_ms, what.now_sign
    pair.why, pair.leaving_ms = "", 0
    out.append("turned")


def leave(pair: Pair, what: PairInput, out: PairOut) -> None:
    pair.why, pair.leaving_ms = what.reason, what.at_ms
    out.append("leave")


def rename(pair: Pair, what: PairInput, out: PairOut) -> None:
    pair.why = what.reason
    out.append("leave")


def hold_on(pair: Pair, _what: PairInput, out: PairOut) -> None:
    pair.why = ""
    out.append("hold_on")


def cross(_pair: Pair, _what: PairInput, out: PairOut) -> None:
    out.append("cross")


def quote_again(pair: Pair, what: PairInput, out: PairOut) -> None:
    pair.leaving_ms = what.at_ms
    out.append("again")


def wait_anew(pair: Pair, what: PairInput, _out: PairOut) -> None:
    pair.leaving_ms = what.at_ms


def forget(pair: Pair, _what: PairInput, out: PairOut) -> None:
    pair.why, pair.since_ms, pair.leaving_ms, pair.sign = "", 0, 0, 0
    out.append("gone")


EVENTS = {
    "review": "a pair is held; once a second or so",
    "unquoted": "the closing side may not be quoted now",
    "gone": "nothing is held that could be traded",
}

# fmt: off
TABLE: Table[Pair, PairInput, PairOut] = Table(
    "Pair",
    states=(FLAT, HELD, LEAVING, CROSSING),
    final=(),
    events=EVENTS,
    timeouts={HELD: "pair_max_age_sec → LEAVING", LEAVING: "exit_cross_after_sec → CROSSING"},
    rows=(
        #   source    event       guard        dest      effects
        Row(FLAT,     "review",   None,        HELD,     (hold,)),
        Row(FLAT,     "unquoted", None,        IGNORE,   why="nothing is held"),
        Row(FLAT,     "gone",     None,        IGNORE,   why="nothing was held"),

        Row(HELD,     "review",   turned,      STAY,     (begin_anew,)),
        Row(HELD,     "review",   wants_out,   LEAVING,  (leave,)),
        Row(HELD,     "review",   None,        IGNORE,   why="nothing speaks for leaving, or a settlement has just passed"),
        Row(HELD,     "unquoted", None,        IGNORE,   why="nobody wants out"),
        Row(HELD,     "gone",     None,        FLAT,     (forget,), why="quotes or a person closed it"),

        Row(LEAVING,  "review",   turned,      HELD,     (begin_anew,), why="the wish was for the old pair"),
        Row(LEAVING,  "review",   wish_gone,   HELD,     (hold_on,)),
        Row(LEAVING,  "review",   worse,       STAY,     (rename,), why="the wish no longer ends with the profit"),
        Row(LEAVING,  "review",   may_cross,   CROSSING, (cross,)),
        Row(LEAVING,  "review",   None,        IGNORE,   why="the closing side is quoted"),
        Row(LEAVING,  "unquoted", None,        STAY,     (wait_anew,), why="only time in which it is quoted counts"),
        Row(LEAVING,  "gone",     None,        FLAT,     (forget,)),

        Row(CROSSING, "review",   turned,      HELD,     (begin_anew,), why="the old pair is gone"),
        Row(CROSSING, "review",   closing,     IGNORE,   why="the flatten goes on"),
        Row(CROSSING, "review",   None,        LEAVING,  (quote_again,), why="it ended and something is left: quoted again"),
        Row(CROSSING, "unquoted", None,        IGNORE,   why="it is crossed"),
        Row(CROSSING, "gone",     None,        FLAT,     (forget,)),
    ),
)
# fmt: on
