"""The journal's text: what is written is read, what cannot be read is named, an older format still replays."""

from __future__ import annotations

import json

import pytest

from mmfsm.errors import MmfsmError
from mmfsm.events import Event
from mmfsm.journal import FORMAT, JournalError, event_line, head_line, parse, rebuild, restore
from mmfsm.testing import book, ready_desk
from mmfsm.values import InstType

T0 = 1_800_000_001_000


def told() -> list[Event]:
    """Books of both legs, as a desk hears them."""
    return [
        book(InstType.PERP, T0, "2500.00", "2500.01"),
        book(InstType.SPOT, T0 + 100, "2501.00", "2501.01"),
        book(InstType.PERP, T0 + 200, "2502.00", "2502.01"),
    ]


def text(lines: list[str]) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def test_what_was_decided_is_rebuilt() -> None:
    """Snapshot and events give the desk that handled them, to the last member; its first line gives the one before."""
    desk = ready_desk()
    before, head = desk.snapshot(), head_line(desk, "1.0")
    for event in told():
        desk.handle(event)
    segment = parse(text([head, *map(event_line, told())]), "a journal")

    assert segment.written_by == "1.0" and segment.events == tuple(told()) and not segment.torn
    assert json.dumps(restore(segment).snapshot()) == json.dumps(before)
    assert json.dumps(rebuild(segment).snapshot()) == json.dumps(desk.snapshot())


def test_a_torn_last_line_is_left_out() -> None:
    """A power cut in the middle of a write loses that event alone."""
    lines = [head_line(ready_desk(), "1.0"), *map(event_line, told())]
    segment = parse(text(lines)[:-20], "a journal")

    assert segment.torn and segment.events == tuple(told()[:-1])


def test_a_journal_of_format_1_replays() -> None:
    """There a book's levels were objects; the desk rebuilt from it is the same."""
    head, *events = [head_line(ready_desk(), "0.1"), *map(event_line, told())]
    old = []
    for line in events:
        event = json.loads(line)
        for side in ("bids", "asks"):
            pairs = [level.split("@") for level in event[side].split()]
            event[side] = [{"price": price, "qty": qty} for price, qty in pairs]
        old.append(json.dumps(event))
    first = json.dumps({**json.loads(head), "format": 1})

    assert (
        rebuild(parse(text([first, *old]), "old")).snapshot() == rebuild(parse(text([head, *events]), "n")).snapshot()
    )


def test_a_journal_from_the_future_says_who_wrote_it() -> None:
    """Its version, what it has and what this one reads are in the error."""
    head = json.dumps({**json.loads(head_line(ready_desk(), "7.0")), "format": FORMAT + 1})

    with pytest.raises(
        JournalError, match=rf"far\.jsonl: written by mmfsm 7\.0 \(format {FORMAT + 1}, .*reads format 1 or"
    ):
        parse(text([head]), "far.jsonl")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{}"], "j: the first line is no journal's"),
        (["not json"], "j: the first line is no journal's"),
        ([head_line(ready_desk(), "1"), '{"type":"Rumour"}', ""], "j, line 2: expected an event, got"),
    ],
)
def test_what_is_no_journal_is_named(lines: list[str], said: str) -> None:
    """File, line and what was expected: an error of the library's own kind."""
    with pytest.raises(JournalError, match=said) as raised:
        parse(text(lines), "j")
    assert isinstance(raised.value, MmfsmError)
