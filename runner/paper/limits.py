"""Rate limits of REST and of the sockets (quick start and WebSocket introduction pages, FAQ). Times in milliseconds.

REST: each endpoint by account (or by address when it is public) and second; all together 6,000 a minute by address,
and who trips that waits five minutes. Sockets: 300 connects in five minutes and 100 open ones by address; on one
connection 10 messages a second, 240 subscribe requests an hour, 1,000 channels.

A clock that was set back frees what was counted in its future: a window never holds longer than its own span.
"""

from collections import deque

OVERALL_MAX = 6_000
OVERALL_WINDOW_MS = 60_000
RECOVERY_MS = 300_000
CONNECTS_MAX = 300
CONNECTS_WINDOW_MS = 300_000
CONNECTIONS_MAX = 100


class Window:
    """At most `count_max` events in any `span_ms`."""

    def __init__(self, count_max: int, span_ms: int) -> None:
        self._count_max = count_max
        self._span_ms = span_ms
        self._seen: deque[int] = deque()

    def admit(self, now_ms: int) -> bool:
        """Count one event; False, and not counted, when it is one too many."""
        while self._seen and not 0 <= now_ms - self._seen[0] < self._span_ms:
            self._seen.popleft()
        if len(self._seen) >= self._count_max:
            return False
        self._seen.append(now_ms)
        return True


class RateLimits:
    """Counts REST requests in sliding windows."""

    def __init__(self) -> None:
        self._seen: dict[str, Window] = {}
        self._overall: dict[str, Window] = {}
        self._blocked_until_ms: dict[str, int] = {}

    def allow(self, key: str, per_second: int, now_ms: int, remote: str = "") -> bool:
        """Count one request; False when it is one too many for its endpoint or, from `remote`, for all together."""
        if 0 < self._blocked_until_ms.get(remote, 0) - now_ms <= RECOVERY_MS:
            return False
        overall = self._overall.setdefault(remote, Window(OVERALL_MAX, OVERALL_WINDOW_MS))
        if not overall.admit(now_ms):
            self._blocked_until_ms[remote] = now_ms + RECOVERY_MS
            return False
        return self._seen.setdefault(key, Window(per_second, 1_000)).admit(now_ms)


class ConnectLimits:
    """Counts socket connects and open sockets by address."""

    def __init__(self) -> None:
        self._connects: dict[str, Window] = {}

    def allow(self, remote: str, open_count: int, now_ms: int) -> bool:
        """Count one connect; False when `remote` connects too often or has too many sockets open."""
        window = self._connects.setdefault(remote, Window(CONNECTS_MAX, CONNECTS_WINDOW_MS))
        return window.admit(now_ms) and open_count < CONNECTIONS_MAX
