"""How often a person is told: the same reason once in a while, and no more than so many messages an hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import attrs

HOUR_MS = 3_600_000
RESERVE = 4
"""One in so many of an hour's messages is kept for what cannot wait: latched halts, the guardian, the end of a run."""


@attrs.define
class _Reason:
    told_ms: int
    held_back: int = 0


class Pace:
    """Decides what may be told now, and counts what may not.

    Args:
        repeat_ms: the same reason at most once in this time.
        hour_max: at most so many messages within an hour.
    """

    def __init__(self, repeat_ms: int, hour_max: int) -> None:
        self._repeat_ms = repeat_ms
        self._hour_max = hour_max
        self._reasons: dict[str, _Reason] = {}
        self._sent: deque[int] = deque()

    def may(self, key: str, at_ms: int, urgent: bool = False) -> bool:
        """Ask for a reason to be told; a no is counted, and told later."""
        self._set_back(at_ms)
        known = self._reasons.get(key)
        if (known is None or at_ms - known.told_ms >= self._repeat_ms) and self.has_room(at_ms, urgent):
            self._reasons[key] = _Reason(at_ms)
            return True
        if known is None:
            known = self._reasons[key] = _Reason(at_ms - self._repeat_ms)  # held back by the hour alone
        known.held_back += 1
        return False

    def forget(self, key: str) -> None:
        """Let a reason be told again whenever it comes."""
        self._reasons.pop(key, None)

    def has_room(self, at_ms: int, urgent: bool = False) -> bool:
        """Say whether the hour has a message left."""
        self._set_back(at_ms)
        while self._sent and at_ms - self._sent[0] >= HOUR_MS:
            self._sent.popleft()
        return len(self._sent) < (self._hour_max if urgent else self._hour_max - self._hour_max // RESERVE)

    def _set_back(self, at_ms: int) -> None:
        """A clock that was set back is no reason to be silent until it is there again: what it told then is of now."""
        if self._sent and self._sent[-1] > at_ms:
            self._sent = deque(min(ms, at_ms) for ms in self._sent)
        for it in self._reasons.values():
            it.told_ms = min(it.told_ms, at_ms)

    def sent(self, at_ms: int) -> None:
        """Count one message."""
        self._sent.append(at_ms)

    def told(self) -> tuple[list[int], dict[str, int]]:
        """Return when messages were sent within the hour, and when each reason was told last."""
        return list(self._sent), {key: it.told_ms for key, it in self._reasons.items()}

    def learn(self, sent: Sequence[int], reasons: Mapping[str, int], at_ms: int) -> None:
        """Count what others have told too. A time that lies ahead is a clock's mistake, and no reason to be silent."""
        past = {ms for ms in (*self._sent, *sent) if ms <= at_ms}
        self._sent = deque(sorted(past)[-self._hour_max :])
        for key, told_ms in reasons.items():
            known = self._reasons.setdefault(key, _Reason(told_ms)) if told_ms <= at_ms else None
            if known is not None:
                known.told_ms = max(known.told_ms, told_ms)

    def owed(self, at_ms: int) -> dict[str, int]:
        """Return what was held back and may be told now: key → how often. It counts as told then."""
        self._set_back(at_ms)
        due = [key for key, it in self._reasons.items() if at_ms - it.told_ms >= self._repeat_ms]
        owed = {key: self._reasons[key].held_back for key in due if self._reasons[key].held_back}
        if owed and not self.has_room(at_ms):
            return {}
        for key in due:
            if key in owed:
                self._reasons[key] = _Reason(at_ms)
            else:
                del self._reasons[key]  # long ago: forgotten, so that what is kept stays small
        return owed
