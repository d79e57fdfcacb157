"""The basis against its own past: two running numbers, a limit with a way back, and nothing judged too early."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfsm.basis import SAMPLES_MIN, Basis, basis_bps

D = Decimal
seen = st.lists(st.decimals(D(-50), D(50), places=2), min_size=2, max_size=60)


def steady(mean: str = "4", swing: str = "1", count: int = 400, window: int = 100) -> Basis:
    """A basis that has swung evenly about its mean."""
    basis = Basis()
    for number in range(count):
        basis.take(D(mean) + D(swing) * (-1 if number % 2 else 1), window, number * 1_000)
    return basis


def test_the_basis_is_told_in_bps_of_spot() -> None:
    """2501 over 2500 is four, and it has a sign."""
    assert (basis_bps(D(2501), D(2500)), basis_bps(D(2499), D(2500))) == (D(4), D(-4))


def test_mean_and_deviation_settle_on_what_is_seen() -> None:
    """Swinging by 1 about 4: mean 4, deviation 1, within a few hundredths."""
    basis = steady()

    assert abs(basis.mean_bps - 4) < D("0.05") and abs(basis.sd_bps - 1) < D("0.05")


@given(seen)
def test_the_mean_stays_within_what_was_seen(values: list[Decimal]) -> None:
    """And the variance is never below zero, however wild the values."""
    basis = Basis()
    for at_ms, value in enumerate(values):
        basis.take(value, 20, at_ms)

    assert min(values) - D("1e-6") <= basis.mean_bps <= max(values) + D("1e-6")
    assert 0 <= basis.var <= (max(values) - min(values)) ** 2


def test_a_wrong_price_does_not_break_the_figures() -> None:
    """A spot of a billionth of the perp's price counts for 100 %, no more."""
    basis = Basis()
    for value in ("4", "1e20", "-1e20", "4"):
        basis.take(D(value), 20, 0)

    assert abs(basis.mean_bps) < 10_000 and basis.var < 10**9


def test_nothing_is_far_before_there_are_enough_samples() -> None:
    """A minute of samples first."""
    basis = steady(count=SAMPLES_MIN - 1)
    assert basis.z(D(1000), D(1)) is None
    basis.judge(None, D(3))
    assert not basis.is_far
    basis.take(D(4), 100, 0)
    assert basis.z(D(1000), D(1)) is not None


def test_a_calm_basis_is_held_against_the_least_deviation() -> None:
    """Without any swing a hundredth of a bp would be far: the deviation counts for at least what is set."""
    basis = steady(swing="0")

    assert basis.z(D(6), D(2)) == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_far_past_the_limit_and_near_only_well_within(sign: int) -> None:
    """Past three deviations it is far, either way; at two and a half still; below 2.4 it is near again."""
    basis, told = Basis(), []
    for z in ("3", "3.01", "2.5", "2.41", "2.4", "2.5"):
        basis.judge(sign * D(z), D(3))
        told.append(basis.is_far)

    assert told == [False, True, True, True, False, False]
