"""The clock: every millisecond comes out exact under frozen time, and never runs backwards by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from freezegun import freeze_time

from mmfsm.clock import now_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BASES = [0, 1_000, 135_929_300_000, 1_786_453_217_000, 1_795_536_000_000, 2_198_518_506_000, 4_102_444_799_000]


def at(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


@pytest.mark.parametrize("base_ms", BASES)
def test_every_millisecond_of_a_second_is_exact(base_ms: int) -> None:
    """Frozen at each of a second's 1,000 milliseconds, the clock reads that millisecond."""
    with freeze_time(at(base_ms)) as frozen:
        read = []
        for ms in range(base_ms, base_ms + 1000):
            frozen.move_to(at(ms))
            read.append(now_ms())

    assert read == list(range(base_ms, base_ms + 1000))


@pytest.mark.parametrize("base_ms", BASES)
def test_a_tick_of_a_millisecond_is_one_millisecond(base_ms: int) -> None:
    """Ticked a millisecond at a time, the clock rises by exactly one each time."""
    with freeze_time(at(base_ms)) as frozen:
        read = [now_ms()]
        for _ in range(1000):
            frozen.tick(timedelta(milliseconds=1))
            read.append(now_ms())

    assert [after - before for before, after in pairwise(read)] == [1] * 1000


def test_microseconds_are_cut_off() -> None:
    """A millisecond that is not over yet does not count."""
    with freeze_time(at(1_795_536_000_123) + timedelta(microseconds=999)):
        assert now_ms() == 1_795_536_000_123


def test_it_is_unix_time() -> None:
    """Unfrozen, the clock reads the machine's Unix time."""
    before = datetime.now(UTC).timestamp() * 1000
    read = now_ms()
    after = datetime.now(UTC).timestamp() * 1000

    assert before - 1 <= read <= after
