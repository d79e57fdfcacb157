"""Records as rows for a screen: what the console's line says, and the data as text of a bounded length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from mmfsm.actions import Record
from runner.log import details, encode, hider

if TYPE_CHECKING:
    from runner.onlooker import Onlooker

DATA_MAX = 1_200


def rows_of(onlooker: Onlooker, after: int, most: int, secrets: Iterable[str]) -> list[dict[str, Any]]:
    """Return the first few records after the one of this number that are still kept, oldest first, without secrets."""
    new, hide = onlooker.since(after), hider(secrets)
    first = onlooker.told - len(new) + 1
    return [row_of(first + at, record, hide) for at, record in enumerate(new[:most])]


def row_of(number: int, record: Record, hide: Callable[[str], str]) -> dict[str, Any]:
    """Return a record as plain JSON values.

    Args:
        number: of the record in its run, from 1.
        record: what happened.
        hide: replaces secrets in a text.
    """
    told = {name: value for name, value in (("data", record.data), ("res", record.res)) if value}
    detail = hide(encode(told)) if told else ""
    return {
        "n": number,
        "at_ms": record.at_ms,
        "event": record.event,
        "mode": record.mode,
        "reason": record.reason,
        "source": record.source,
        "intent": record.intent,
        "leg": record.leg,
        "cycle_id": record.cycle_id,
        "text": hide(details(record, record.data or {})),
        "detail": detail if len(detail) <= DATA_MAX else detail[:DATA_MAX] + " …",
    }
