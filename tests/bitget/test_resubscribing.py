"""A book that breaks again and again is mended within what Bitget allows."""

import pytest

from runner.bitget.pace import QUIET_S, Pace

HOUR_S, ALLOWED = 3_600.0, 240
LEGS = 2


@pytest.mark.parametrize("quiet_s", [0.0, 1.0, 30.0, 60.0, QUIET_S, QUIET_S + 1])
@pytest.mark.parametrize("burst", [1, 2, 3, 5, 6, 1_000])
def test_two_books_that_break_for_an_hour_stay_below_the_limit(quiet_s: float, burst: int) -> None:
    """Each breaks as soon as it is mended, so many times in a row, then holds for a while. The connection's first
    subscriptions have room too."""
    pace, now_s, asked = Pace(), 0.0, 0
    while now_s < HOUR_S:
        for _ in range(burst):
            now_s += pace.wait_s(now_s) + 0.05
            asked += now_s < HOUR_S
        now_s += quiet_s
    assert asked * LEGS <= ALLOWED - 8


def test_the_first_gap_is_mended_at_once_and_the_next_after_five_seconds() -> None:
    pace = Pace()
    assert [pace.wait_s(now_s) for now_s in (0.0, 1.0, 6.0)] == [0.0, 4.0, 9.0]
    assert pace.wait_s(15.0 + QUIET_S) == 0.0
