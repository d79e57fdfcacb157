"""The shortest list of events that still breaks a rule of the desk's own, by delta debugging on a fresh desk.

Possible because a list of events is all there is: neither network nor exchange is needed to play it again. Only rules
that hold for any list of events are looked for (`DeskRules`, and that the desk raises nothing).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mmfsm import Desk, Params
from mmfsm.errors import IllegalEvent
from mmfsm.events import Event
from runner.journal import Journal
from runner.simulator.checks import Broken, DeskRules

BOUND_S = 60.0


def broken_rule(params: Params, run: int, events: Sequence[Event]) -> tuple[str, int] | None:
    """Play events on a fresh desk; return the first rule broken and after how many events, or None."""
    desk = Desk(params, run=run)
    rules = DeskRules(desk)
    for number, event in enumerate(events, 1):
        try:
            rules.look(desk.handle(event))
        except Broken as broken:
            return broken.rule, number
        except IllegalEvent:
            return None  # a list that cannot happen
        except Exception as error:
            return type(error).__name__, number
    return None


def shrink(params: Params, run: int, events: Sequence[Event], bound_s: float = BOUND_S) -> tuple[list[Event], str]:
    """Return a list from which no event can be left out, and the rule it breaks; ([], "") when none is broken.

    Args:
        params: the desk's.
        run: its number: part of every clientOid in the events.
        events: as they came.
        bound_s: seconds after which the best so far is returned.
    """
    found = broken_rule(params, run, events)
    if found is None:
        return [], ""
    rule, length = found
    kept = list(events[:length])
    ends_at = time.monotonic() + bound_s
    size = max(len(kept) // 2, 1)
    while time.monotonic() < ends_at:
        shorter = _without_some(params, run, kept, size, rule, ends_at)
        if len(shorter) < len(kept):
            kept = shorter
        elif size == 1:
            break
        size = max(min(size, len(kept)) // 2, 1)
    return kept, rule


def _without_some(params: Params, run: int, kept: list[Event], size: int, rule: str, ends_at: float) -> list[Event]:
    # One pass over the list, leaving out `size` events at a time wherever the rule stays broken.
    at = 0
    while at < len(kept) and time.monotonic() < ends_at:
        tried = kept[:at] + kept[at + size :]
        found = broken_rule(params, run, tried)
        if found is not None and found[0] == rule:
            kept = tried[: found[1]]
        else:
            at += size
    return kept


def write_journal(folder: Path, params: Params, run: int, events: Sequence[Event], version: str) -> Path:
    """Write events as a journal that `replay` reads; return the segment."""
    journal = Journal(folder, version)
    journal.begin(Desk(params, run=run))
    for event in events:
        journal.write(event)
    journal.close()
    return max(folder.glob("*.jsonl"))
