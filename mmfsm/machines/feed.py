"""Feed: is this input trustworthy now. One for each book, one for the private stream, one for funding.

Rules

1. Acknowledged is not fresh: only data makes a feed FRESH. A stream that was acknowledged and stays silent is STALE.
2. A book starts on `books5`. Refused, or silent past a bound, it falls back to `books`, once and for the run; the
   switch is a record and no staleness.
3. A pong proves that a quiet private stream is alive; it proves nothing about a stream that has not yet given data.
"""

# ruff: noqa: E501 - one row a line

from __future__ import annotations

from typing import Literal

import attrs

from mmfsm.events import FeedName
from mmfsm.table import IGNORE, STAY, Row, Table

DOWN, SUBSCRIBING, FRESH, STALE = "DOWN", "SUBSCRIBING", "FRESH", "STALE"
BOOKS5, BOOKS, PRIVATE, REST = "books5", "books", "private", "rest"

RECONNECT_MS = 30_000
"""How long a stream may be stale before its socket is closed and opened again."""

FeedCommand = Literal["subscribe", "unsubscribe_books5", "fell_back", "refused", "reconnect"]
FeedOut = list[FeedCommand]


@attrs.define
class Feed:
    """One input. `heard_ms` is when it last said something that counts; `since_ms` when it entered its state."""

    name: FeedName
    channel: str
    state: str = DOWN
    heard_ms: int = 0
    since_ms: int = 0
    acked: bool = False


@attrs.define
class FeedInput:
    """Limits are ms: `stale_ms` between data, `first_ms` from subscribing to the first data."""

    at_ms: int
    stale_ms: int
    first_ms: int
    needs_ack: bool = False


def silent(feed: Feed, what: FeedInput) -> bool:
    return what.at_ms - feed.heard_ms >= what.stale_ms


def first_overdue(feed: Feed, what: FeedInput) -> bool:
    return what.at_ms - feed.since_ms >= what.first_ms


def has_fallback(feed: Feed, _what: FeedInput) -> bool:
    return feed.channel == BOOKS5


def not_acked(feed: Feed, what: FeedInput) -> bool:
    """Data of a stream whose subscriptions are not all acknowledged: the others may still be refused."""
    return what.needs_ack and not feed.acked


def already_heard(feed: Feed, _what: FeedInput) -> bool:
    """Its first push was faster than its last acknowledgement."""
    return feed.heard_ms > 0


def given_up(feed: Feed, what: FeedInput) -> bool:
    """Stale for so long that only a new connection may bring it back. Funding has none of its own."""
    return feed.name is not FeedName.FUNDING and what.at_ms - feed.since_ms >= RECONNECT_MS


def subscribe(feed: Feed, what: FeedInput, out: FeedOut) -> None:
    feed.acked, feed.since_ms, feed.heard_ms = False, what.at_ms, 0
    out.append("subscribe")


def fall_back(feed: Feed, what: FeedInput, out: FeedOut) -> None:
    out.append("unsubscribe_books5")
    feed.channel, feed.acked, feed.since_ms, feed.heard_ms = BOOKS, False, what.at_ms, 0
    out.append("fell_back")
    out.append("subscribe")


def note_ack(feed: Feed, _what: FeedInput, _out: FeedOut) -> None:
    feed.acked = True


def note_data(feed: Feed, what: FeedInput, _out: FeedOut) -> None:
    feed.heard_ms = what.at_ms


def mark(feed: Feed, what: FeedInput, _out: FeedOut) -> None:
    feed.since_ms = what.at_ms


def distrust(feed: Feed, _what: FeedInput, out: FeedOut) -> None:
    """What it last said counts no longer, and only a new connection can prove it again."""
    feed.heard_ms, feed.acked = 0, False
    out.append("reconnect")


def report_refused(_feed: Feed, _what: FeedInput, out: FeedOut) -> None:
    out.append("refused")


EVENTS = {
    "up": "its socket is connected (and logged in)",
    "down": "its socket is gone",
    "acked": "its subscription was acknowledged",
    "refused": "its subscription was refused",
    "data": "it gave data",
    "alive": "its socket said something that is no data",
    "missed": "it did not tell what it should have told: REST knew first",
    "timer": "time has passed",
}

OLD = "from before the cut"

# fmt: off
TABLE: Table[Feed, FeedInput, FeedOut] = Table(
    "Feed",
    states=(DOWN, SUBSCRIBING, FRESH, STALE),
    final=(),
    events=EVENTS,
    timeouts={
        SUBSCRIBING: "books5_silent_ms → books; then STALE",
        FRESH: "book_stale_ms, private_silent_ms, funding_stale_sec → STALE",
    },
    rows=(
        #   source       event      guard                          dest         effects
        Row(DOWN,        "up",      None,                          SUBSCRIBING, (subscribe,)),
        Row(DOWN,        "down",    None,                          IGNORE,      why="it is down"),
        Row(DOWN,        "acked",   None,                          IGNORE,      why=OLD),
        Row(DOWN,        "refused", None,                          IGNORE,      why=OLD),
        Row(DOWN,        "data",    None,                          IGNORE,      why=OLD),
        Row(DOWN,        "alive",   None,                          IGNORE,      why=OLD),
        Row(DOWN,        "missed",  None,                          IGNORE,      why="it is down"),
        Row(DOWN,        "timer",   None,                          IGNORE,      why="reconnecting is the runner's"),

        Row(SUBSCRIBING, "up",      None,                          STAY,        (subscribe,)),
        Row(SUBSCRIBING, "down",    None,                          DOWN,        (mark,)),
        Row(SUBSCRIBING, "acked",   already_heard,                 FRESH,       (mark, note_ack)),
        Row(SUBSCRIBING, "acked",   None,                          STAY,        (note_ack,)),
        Row(SUBSCRIBING, "refused", has_fallback,                  STAY,        (fall_back,)),
        Row(SUBSCRIBING, "refused", None,                          STALE,       (mark, report_refused)),
        Row(SUBSCRIBING, "data",    not_acked,                     STAY,        (note_data,)),
        Row(SUBSCRIBING, "data",    None,                          FRESH,       (mark, note_data)),
        Row(SUBSCRIBING, "alive",   None,                          IGNORE,      why="alive is not fresh"),
        Row(SUBSCRIBING, "missed",  None,                          IGNORE,      why="it is not trusted yet"),
        Row(SUBSCRIBING, "timer",   (first_overdue, has_fallback), STAY,        (fall_back,)),
        Row(SUBSCRIBING, "timer",   first_overdue,                 STALE,       (mark,)),
        Row(SUBSCRIBING, "timer",   None,                          IGNORE,      why="the first data may still come"),

        Row(FRESH,       "up",      None,                          SUBSCRIBING, (subscribe,)),
        Row(FRESH,       "down",    None,                          DOWN,        (mark,)),
        Row(FRESH,       "acked",   None,                          STAY,        (note_ack,)),
        Row(FRESH,       "refused", has_fallback,                  SUBSCRIBING, (fall_back,)),
        Row(FRESH,       "refused", None,                          STALE,       (mark, report_refused)),
        Row(FRESH,       "data",    None,                          STAY,        (note_data,)),
        Row(FRESH,       "alive",   None,                          STAY,        (note_data,), why="told for the private stream only"),
        Row(FRESH,       "missed",  None,                          STALE,       (mark, distrust)),
        Row(FRESH,       "timer",   silent,                        STALE,       (mark,)),
        Row(FRESH,       "timer",   None,                          IGNORE,      why="it was heard lately"),

        Row(STALE,       "up",      None,                          SUBSCRIBING, (subscribe,)),
        Row(STALE,       "down",    None,                          DOWN,        (mark,)),
        Row(STALE,       "acked",   None,                          STAY,        (note_ack,)),
        Row(STALE,       "refused", has_fallback,                  SUBSCRIBING, (fall_back,)),
        Row(STALE,       "refused", None,                          STAY,        (report_refused,)),
        Row(STALE,       "data",    not_acked,                     STAY,        (note_data,)),
        Row(STALE,       "data",    None,                          FRESH,       (mark, note_data)),
        Row(STALE,       "alive",   already_heard,                 FRESH,       (mark, note_data), why="it was fresh before it fell silent"),
        Row(STALE,       "alive",   None,                          IGNORE,      why="alive is not fresh"),
        Row(STALE,       "missed",  None,                          IGNORE,      why="it is not trusted"),
        Row(STALE,       "timer",   (first_overdue, has_fallback), SUBSCRIBING, (fall_back,)),
        Row(STALE,       "timer",   given_up,                      STAY,        (mark, distrust), why="pongs come, data does not"),
        Row(STALE,       "timer",   None,                          IGNORE,      why="it is stale"),
    ),
)
# fmt: on
