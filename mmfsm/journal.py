"""The journal's text: a desk's snapshot, then every event it was given. Enough to rebuild each of its decisions.

A segment is lines of JSON. The first holds versions, the run, the parameters and a snapshot of the desk; each further
line is one event. Files, rotation and compression are their keeper's affair (`runner.journal`); this module is their
content, so that a bot of one's own can keep one, and anything that reads one reads the same.

    lines = [head_line(desk, "1.0"), *map(event_line, events)]
    rebuild(parse("\\n".join(lines).encode() + b"\\n", "a name")).snapshot()   the desk after the last event
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs

from mmfsm.actions import Action
from mmfsm.codec import event_from_json, event_to_json
from mmfsm.desk import Desk
from mmfsm.errors import IllegalEvent, MmfsmError
from mmfsm.events import Event
from mmfsm.params import Params, text_of
from mmfsm.state import SNAPSHOT_READS, SNAPSHOT_VERSION

FORMAT = 2
READS = (1, 2)
"""The formats this module reads. 1 had a book's levels as objects; since 2 they are one text a side."""

NO_HEAD = ": the first line is no journal's; expected format, run, params, snapshot"

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class JournalError(MmfsmError, ValueError):
    """A journal cannot be read: names the file, the line and what was expected."""


@attrs.frozen
class Segment:
    """What a segment holds: the desk as it was at its first line, and what it was told since. `torn`: the last line was
    cut off by a crash and is left out."""

    name: str
    run: int
    written_by: str
    params: dict[str, Any]
    snapshot: dict[str, Any]
    events: tuple[Event, ...]
    torn: bool


def head_line(desk: Desk, version: str) -> str:
    """Return a segment's first line: the desk as it is now. `version` is of the program that writes."""
    head = {
        "format": FORMAT,
        "snapshot_version": SNAPSHOT_VERSION,
        "written_by": version,
        "run": desk.state.run,
        "params": params_to_json(desk.params),
        "snapshot": desk.snapshot(),
    }
    return _ENCODER.encode(head)


def event_line(event: Event) -> str:
    """Return one event as a line, without its end."""
    return _ENCODER.encode(event_to_json(event))


def params_to_json(params: Params) -> dict[str, Any]:
    """Return the desk's own parameters as text by name; the runner's settings and secrets are not among them."""
    return {field.name: text_of(getattr(params, field.name)) for field in attrs.fields(Params)}


def parse(text: bytes, name: str) -> Segment:
    """Read a whole segment.

    Args:
        text: its bytes; a last line without an end is torn and left out.
        name: what errors call it.

    Raises:
        JournalError: the first line is not a journal's, is of a version this module does not read, or a line in the
            middle is broken.
    """
    lines = text.split(b"\n")
    torn = lines.pop() != b""
    try:
        head = json.loads(lines[0])
        run, written_by = int(head["run"]), str(head["written_by"])
    except (IndexError, ValueError, KeyError, TypeError):
        raise JournalError(name + NO_HEAD) from None
    if head.get("format") not in READS or head.get("snapshot_version") not in SNAPSHOT_READS:
        theirs = f"format {head.get('format')}, snapshot {head.get('snapshot_version')}"
        ours = f"format {' or '.join(map(str, READS))}, snapshot {' or '.join(map(str, SNAPSHOT_READS))}"
        raise JournalError(f"{name}: written by mmfsm {written_by} ({theirs}); this one reads {ours}")
    params, snapshot = head.get("params"), head.get("snapshot")
    if not (isinstance(params, dict) and isinstance(snapshot, dict)):
        raise JournalError(name + NO_HEAD)
    return Segment(name, run, written_by, params, snapshot, tuple(_events(name, lines[1:])), torn)


def _events(name: str, lines: list[bytes]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=2):
        try:
            yield event_from_json(json.loads(line))
        except Exception as error:
            raise JournalError(f"{name}, line {number}: expected an event, got {line[:80]!r} ({error})") from None


def restore(segment: Segment) -> Desk:
    """Return the desk as the segment's first line has it.

    Raises:
        JournalError: no desk can be made of that line.
    """
    try:
        texts = {name.upper(): text for name, text in segment.params.items()}
        return Desk.restore(Params.from_mapping(texts), segment.snapshot)
    except Exception as error:  # whatever a damaged value makes a constructor say
        told = f"{type(error).__name__}: {error}"
        raise JournalError(f"{segment.name}, line 1: expected the parameters and state of a desk ({told})") from error


def played(segment: Segment, desk: Desk) -> Iterator[tuple[Event, tuple[Action, ...]]]:
    """Give a desk every event of a segment, and yield each with what it asked for.

    An event that the desk refuses changes nothing and asks for nothing, now as when it was written.

    Raises:
        JournalError: the desk fails on an event; names it and says what to do.
    """
    for line, event in enumerate(segment.events, start=2):
        try:
            actions = desk.handle(event)
        except IllegalEvent:
            actions = ()
        except Exception as error:
            told = f"{type(event).__name__} at {event.at_ms}: {type(error).__name__}: {error}"
            raise JournalError(
                f"{segment.name}, line {line}: the desk fails on {told}. Expected an event it can take. Keep a copy. "
                "A fill's hedge may have left all the same (the log's last CRITICAL line names it): compare positions "
                "and orders of both legs with the exchange's. If none has left, take out this line and all after it; "
                "else start with FRESH_START=1, which forgets open tickets and hedges nothing that was before it"
            ) from error
        yield event, actions


def rebuild(segment: Segment) -> Desk:
    """Return the desk as it was when the segment's last event had been handled: same events, same desk.

    Raises:
        JournalError: see `restore` and `played`.
    """
    desk = restore(segment)
    for _ in played(segment, desk):
        pass
    return desk
