"""The one place of the stand-in exchange that reads a clock."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def now_ms() -> int:
    """Return the wall clock in milliseconds since 1970-01-01 UTC.

    Integer arithmetic on a datetime: a float of seconds would lose milliseconds, and a frozen clock stays exact.
    """
    return (datetime.now(UTC) - _EPOCH) // _MILLISECOND
