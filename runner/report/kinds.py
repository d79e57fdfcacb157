"""What kinds of things a log tells, how often, and which of them the newest run told for the first time.

A kind is a group and a name: an event with its reason, a change of mode, a ticket's change of state, an exchange's
code. Names of orders and long numbers in a reason are left out of its kind, else every one would be new.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

KINDS_MAX = 5_000
_CACHED_MAX = 4_096
_NAME = re.compile(r"[0-9A-Za-z_]+-[A-Z][a-z]{2}-[0-9a-z]+-[0-9a-z]+-[0-9a-z]+|\d{6,}")
_TEXT_MAX = 120

Key = tuple[str, str, str]


@attrs.define(slots=True)
class Seen:
    """How often, and when first and last."""

    count: int
    first_ms: int
    last_ms: int


@attrs.define
class Kinds:
    """Counts of the newest run, and of all before it."""

    earlier: dict[Key, Seen] = attrs.field(factory=dict)
    newest: dict[Key, Seen] = attrs.field(factory=dict)
    left_out: int = 0
    _cache: dict[str, str] = attrs.field(factory=dict)

    def begin_run(self) -> None:
        """What comes from here on is the newest run's."""
        self.earlier = self._all()
        self.newest = {}

    def take(self, group: str, name: str, detail: str, at_ms: int) -> None:
        """Count one thing."""
        key = (group, name, detail)
        one = self.newest.get(key)
        if one is not None:
            one.count += 1
            one.last_ms = at_ms
        elif len(self.newest) < KINDS_MAX:
            self.newest[key] = Seen(1, at_ms, at_ms)
        else:
            self.left_out += 1

    def _all(self) -> dict[Key, Seen]:
        found = dict(self.earlier)
        for key, one in self.newest.items():
            seen = found.get(key)
            if seen is not None:
                found[key] = Seen(seen.count + one.count, seen.first_ms, one.last_ms)
            elif len(found) < KINDS_MAX:
                found[key] = one
            else:
                self.left_out += one.count
        return found

    def general(self, text: object) -> str:
        """Return a reason without what makes it one of a kind.

        >>> Kinds().general("unwind_overdue:mm-Hsi-19-mwynn065-1")
        'unwind_overdue:*'
        """
        if text is None:
            return ""
        text = str(text)
        found = self._cache.get(text)
        if found is None:
            if len(self._cache) >= _CACHED_MAX:
                self._cache.clear()
            found = self._cache[text] = _NAME.sub("*", text)[:_TEXT_MAX]
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values. `new` is None where there is no earlier run to compare with."""
        new = {key: it for key, it in self.newest.items() if key not in self.earlier} if self.earlier else None
        seen = self._all()
        return {
            "left_out": self.left_out,
            "new": None if new is None else [[*key, attrs.asdict(new[key])] for key in sorted(new)],
            "all": [[*key, attrs.asdict(seen[key])] for key in sorted(seen)],
        }
