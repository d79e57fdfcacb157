"""Declared misbehaviour: what happens to the next answers and to the next private pushes.

A fault says whether the request is executed before its answer goes wrong, because that is what a client cannot see:

    lost_before, lost_after     the connection is reset without an answer; not executed / executed
    hang_before, hang_after     no answer at all until the client gives up
    http500, http500_after      HTTP 500; not executed / executed
    <code>, <code>_after        Bitget's error envelope (45001, 40010, 429, ...); not executed / executed
    delay_ms, delay_before_ms   the true answer, late by `ms`; executed at once / executed late
"""

import re
from typing import Literal

import attrs

from runner.paper.values import Push

_NAMED = ("lost_before", "lost_after", "hang_before", "hang_after", "http500", "http500_after")
_DELAYS = ("delay_ms", "delay_before_ms")
_CODE = re.compile(r"\d{3,6}(_after)?")

_MESSAGES = {
    "429": "Too Many Requests",
    "22001": "No order to cancel",
    "22002": "No position to close",
    "40010": "Request timed out",
    "40015": "System is abnormal, please try again later",
    "40725": "service return an error",
    "40774": "The order type for unilateral position must also be the unilateral position type",
    "43001": "The order does not exist",
    "43012": "Insufficient balance",
    "45001": "Unknown error",
}


@attrs.define
class AnswerFault:
    """What the next `times` requests whose path contains `path` meet.

    Raises:
        ValueError: The fault has no meaning.
    """

    path: str
    fault: str
    times: int = 1
    ms: int = 0

    def __attrs_post_init__(self) -> None:
        """Refuse a word that is not in the list."""
        if self.fault not in _NAMED + _DELAYS and not _CODE.fullmatch(self.fault):
            raise ValueError(f"'fault' must be one of {_NAMED + _DELAYS} or a code (got {self.fault!r})")

    @property
    def code(self) -> str | None:
        """Bitget code to answer with, if it is that kind of fault."""
        return self.fault.removesuffix("_after") if _CODE.fullmatch(self.fault) else None

    @property
    def message(self) -> str:
        """Text that goes with the code."""
        return _MESSAGES.get(self.code or "", "error")

    @property
    def is_executed(self) -> bool:
        """Whether the request takes effect."""
        return self.fault.endswith("_after") or self.fault in _DELAYS


@attrs.define
class PushFault:
    """What the next `times` private pushes (of `channel`, if named) meet."""

    kind: Literal["drop", "double", "hold"]
    times: int = 1
    channel: str | None = None


class Faults:
    """The faults that are armed, and the pushes that are held."""

    def __init__(self) -> None:
        self._answers: list[AnswerFault] = []
        self._pushes: list[PushFault] = []
        self._held: list[Push] = []

    def arm_answer(self, fault: AnswerFault) -> None:
        """Add a fault for answers; faults on one path are used up in order."""
        self._answers.append(fault)

    def arm_push(self, fault: PushFault) -> None:
        """Add a fault for private pushes."""
        self._pushes.append(fault)

    def clear(self) -> list[Push]:
        """Disarm everything; return the pushes that were held."""
        self._answers.clear()
        self._pushes.clear()
        return self.release()

    def release(self) -> list[Push]:
        """Return the held pushes, oldest first."""
        held, self._held = self._held, []
        return held

    def for_answer(self, path: str) -> AnswerFault | None:
        """Take the fault the request to `path` meets, if any."""
        for fault in self._answers:
            if fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self._answers.remove(fault)
                return fault
        return None

    def apply(self, push: Push) -> list[Push]:
        """Return what becomes of a private push: nothing, itself, or itself twice."""
        for fault in self._pushes:
            if fault.channel in (None, push.channel):
                fault.times -= 1
                if fault.times <= 0:
                    self._pushes.remove(fault)
                if fault.kind == "hold":
                    self._held.append(push)
                return [push, push] if fault.kind == "double" else []
        return [push]
