"""The one place in mmfsm that reads a clock.

Everything else is told the time: events carry `at_ms`, deadlines are differences of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def now_ms() -> int:
    """Return Unix time in whole milliseconds, rounded down.

    Built on `datetime`, whose microseconds are integers: under freezegun every millisecond comes out exact.
    `time.time_ns() // 10**6` is not exact there, because freezegun computes it from a float.
    """
    return (datetime.now(UTC) - _EPOCH) // _MS
