"""One item of the check: what was looked at, how it stands, and what a person should do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import attrs

from mmfsm.events import CheckFailed
from mmfsm.values import OrderResult
from runner.advice import advice_for


class Level(StrEnum):
    """How an item stands. FAIL: a start would be refused or could do nothing. WARN: it would start; look at this."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@attrs.frozen
class Item:
    """`key` names the item for programs, `label` for people. `advice` is a sentence; an item that is ok needs none."""

    key: str
    label: str
    level: Level
    detail: str
    advice: str = ""
    data: dict[str, Any] = attrs.field(factory=dict)


def ok(key: str, label: str, detail: str, **data: Any) -> Item:
    return Item(key, label, Level.OK, detail, data=data)


def warn(key: str, label: str, detail: str, advice: str, **data: Any) -> Item:
    return Item(key, label, Level.WARN, detail, advice, data)


def fail(key: str, label: str, detail: str, advice: str, **data: Any) -> Item:
    return Item(key, label, Level.FAIL, detail, advice, data)


def judged(fits: bool, key: str, label: str, detail: str, reason: str, **data: Any) -> Item:
    """An item that fits or fails, with the advice for the reason that a start would give."""
    return ok(key, label, detail, **data) if fits else fail(key, label, detail, advice_for(reason), **data)


def unread(key: str, label: str, answer: CheckFailed | OrderResult) -> Item:
    """An item whose reading did not come back: a start would be refused for it, or wait for it in vain."""
    result = answer.result if isinstance(answer, CheckFailed) else answer
    code = result.code or result.outcome.value
    words = f"{code} {result.msg or ''}".rstrip()
    return fail(key, label, words, advise(result.code or f"no_answer:{key}"), code=code)


def advise(reason: str) -> str:
    """What to do about a reason or a code; for one that nobody has written down, where to look."""
    advice = advice_for(reason)
    unknown = "The exchange's own words are above: look again in a minute, and at its notices."
    return unknown if advice == advice_for("?") else advice
