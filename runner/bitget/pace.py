"""How often one book is subscribed anew: at once after a gap, then ever more slowly while gaps go on."""

from __future__ import annotations

FIRST_S, LAST_S, QUIET_S = 5.0, 60.0, 120.0
"""Bitget takes 240 subscriptions an hour on one connection, and closes it over more: two books stay below that."""


class Pace:
    """Says how long to wait, at most `LAST_S`. After `QUIET_S` without a question it begins anew."""

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._pause_s = FIRST_S

    def wait_s(self, now_s: float) -> float:
        """Return how many seconds to wait from now, and count what comes then as done."""
        if self._due_s is None or now_s - self._due_s >= QUIET_S:
            self._due_s, self._pause_s = now_s, FIRST_S
            return 0.0
        due_s = max(now_s, self._due_s + self._pause_s)
        self._due_s, self._pause_s = due_s, min(self._pause_s * 2, LAST_S)
        return due_s - now_s
