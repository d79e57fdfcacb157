"""Counting in bounded memory: quantiles within their stated error, names that come again."""

from __future__ import annotations

import doctest
import random

from runner import bounded
from runner.bounded import RECENT_MAX, Recent, Sketch


def test_quantiles_are_exact_below_1024_and_within_a_thousandth_above() -> None:
    """Of 20,000 drawn values over nine decades, either sign, every quantile is as near to the exact one as stated."""
    rng = random.Random(1)
    values = [int(10 ** rng.uniform(0, 9)) * rng.choice((-1, 1, 1)) for _ in range(20_000)]
    sketch, ordered = Sketch(), sorted(values)
    for value in values:
        sketch.add(value)

    for share in (0.0, 0.001, 0.05, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0):
        exact = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        found = sketch.quantile(share)
        assert found is not None and abs(found - exact) <= (abs(exact) / 1024 if abs(exact) >= 1024 else 0)
    assert (sketch.low, sketch.high, sketch.count) == (ordered[0], ordered[-1], 20_000)
    assert len(sketch.counts) < 20_000
    assert Sketch().quantile(0.5) is None


def test_the_order_of_values_changes_nothing() -> None:
    """The same values in any order give the same sketch."""
    values = [random.Random(2).randrange(10**6) for _ in range(500)]
    one, other = Sketch(), Sketch()
    for value in values:
        one.add(value)
    for value in reversed(values):
        other.add(value)

    assert one == other


def test_a_name_counts_once_as_long_as_it_is_remembered() -> None:
    """Again and again in any order it is one; after as many others as are kept it is new."""
    names = Recent()
    assert [names.add(name) for name in "abab"] == [True, True, False, False] and names.count == 2
    assert "a" in names and "c" not in names
    for number in range(RECENT_MAX):
        names.add(str(number))

    assert names.add("a") and len(names._names) == RECENT_MAX


def test_the_examples_run() -> None:
    """What the docstrings show is what happens."""
    assert doctest.testmod(bounded) == (0, 1)
