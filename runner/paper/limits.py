"""Rate limits: per endpoint and second, and over all per minute (quick start page, FAQ)."""

from collections import deque

OVERALL_MAX = 6_000
OVERALL_WINDOW_MS = 60_000
RECOVERY_MS = 300_000


class RateLimits:
    """Counts requests in sliding windows. Times in milliseconds."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[int]] = {}
        self._overall: deque[int] = deque()
        self._blocked_until_ms = 0

    def allow(self, key: str, per_second: int, now_ms: int) -> bool:
        """Count one request; False when it is one too many for its endpoint or for all together."""
        if now_ms < self._blocked_until_ms:
            return False
        if not _admit(self._overall, OVERALL_MAX, OVERALL_WINDOW_MS, now_ms):
            self._blocked_until_ms = now_ms + RECOVERY_MS
            return False
        return _admit(self._seen.setdefault(key, deque()), per_second, 1_000, now_ms)


def _admit(window: deque[int], count_max: int, span_ms: int, now_ms: int) -> bool:
    while window and now_ms - window[0] >= span_ms:
        window.popleft()
    if len(window) >= count_max:
        return False
    window.append(now_ms)
    return True
