"""Funding's gate: threshold, hysteresis, cool-down, direction; and what a settlement is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.economics import FundingGate
from mmfsm.funding import SETTLES_EARLY_MS, judge, pays_soon, settled, why_off
from mmfsm.params import Params
from mmfsm.values import Funding, Side

D = Decimal
PARAMS = Params(min_abs_funding=D("0.0001"), funding_hysteresis=D("0.00002"), funding_cooldown_sec=60)
MIN = 60_000


def told(*rates: tuple[int, str], params: Params = PARAMS) -> list[str]:
    """Why quotes are off after each (ms, rate)."""
    gate, whys = FundingGate(), []
    for at_ms, rate in rates:
        judge(gate, Funding(D(rate)), params, at_ms)
        whys.append(why_off(gate, at_ms))
    return whys


def test_nothing_is_quoted_before_a_rate_is_known() -> None:
    """The gate begins closed."""
    assert why_off(FundingGate(), 0) == "funding_missing"


def test_coming_on_takes_more_than_staying_on() -> None:
    """On from 1.2 bps, off below 1; in between it is as it was."""
    assert told((0, "0.00011"), (1, "0.00012"), (2, "0.00011"), (3, "0.0001"), (4, "0.000099")) == [
        "funding_small", "", "", "", "funding_small",
    ]  # fmt: skip


def test_after_going_off_it_cools_down_to_the_millisecond() -> None:
    """A minute from when it went off, however often the rate is told meanwhile."""
    went_off = [(0, "0.0002"), (1_000, "0.00005")]

    assert told(*went_off, (2_000, "0.0002"), (MIN + 999, "0.0002"), (MIN + 1_000, "0.0002"))[2:] == [
        "funding_cooling", "funding_cooling", "",
    ]  # fmt: skip


def test_a_rate_that_turns_round_cools_down() -> None:
    """What was opened for the one sign is not opened for the other at once."""
    assert told((0, "0.0002"), (1, "-0.0002"), (MIN + 1, "-0.0002")) == ["", "funding_cooling", ""]


def test_the_first_rate_needs_no_cooling() -> None:
    """Nothing went off before it."""
    assert told((5, "-0.0002")) == [""]


@pytest.mark.parametrize(
    ("direction", "rate", "why"), [("short", "-0.0002", "funding_direction"), ("long", "-0.0002", "")]
)
def test_the_wrong_direction_stays_off(direction: str, rate: str, why: str) -> None:
    """As the guard says, whatever the size."""
    params = Params(min_abs_funding=D("0.0001"), funding_direction=direction)

    assert told((0, rate), params=params) == [why]


def test_an_exchange_whose_clock_is_seconds_ahead_has_settled() -> None:
    """7.4 s before the time, by our clock, it names the next one: as far apart as a run met it. A minute is too far."""
    due, later = Funding(D("0.0001"), next_ms=100_000), Funding(D("0.0001"), next_ms=28_900_000)

    assert settled(FundingGate(), due, 100_000 - 7_400, later)
    assert not settled(FundingGate(), due, 100_000 - 60_000, later)


def test_a_settlement_is_noted_once_however_it_is_told() -> None:
    """By the clock, or by a rate that names the next one; one that is far ahead has merely been moved."""
    due = Funding(D("0.0001"), next_ms=100_000)
    gate = FundingGate()
    assert [settled(gate, due, at_ms) for at_ms in (99_999, 100_000, 100_001)] == [False, True, False]
    later = Funding(D("0.0001"), next_ms=200_000)
    assert settled(FundingGate(), due, 100_000 - SETTLES_EARLY_MS, later)
    assert not settled(FundingGate(), due, 100_000 - SETTLES_EARLY_MS - 1, later)
    assert not settled(FundingGate(), Funding(D("0.0001")), 1, later) and not settled(FundingGate(), None, 1, later)


@pytest.mark.parametrize(("rate", "side"), [("0.0001", Side.BUY), ("-0.0001", Side.SELL)])
def test_the_side_that_would_pay_is_named_only_before_the_settlement(rate: str, side: Side) -> None:
    """From the pause's begin to the settlement itself; never the other side, and not with a pause of zero."""
    due = Funding(D(rate), next_ms=100_000)

    assert [pays_soon(due, side, at_ms, 60) for at_ms in (39_999, 40_000, 100_000, 100_001)] == [
        False,
        True,
        True,
        False,
    ]
    assert not pays_soon(due, side.opposite, 99_000, 60) and not pays_soon(due, side, 99_000, 0)
