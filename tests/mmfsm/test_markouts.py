"""Markouts: the mid after a fill against its price, at four horizons, by side, in bounded memory."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.markouts import NEVER_MS, PENDING_MAX, Markouts
from mmfsm.values import Side

D = Decimal


def at(markouts: Markouts, side: str, seconds: int) -> tuple[int, Decimal, Decimal]:
    tally = markouts.tallies[f"{side}:{seconds}"]
    return tally.count, tally.value, tally.bps


def test_each_horizon_is_taken_from_the_first_book_past_it_signed_in_our_favour() -> None:
    """A bid of 0.02 at 2500: mids 2501, 2499, 2500, 2510 make +4, −4, 0 and +40 bps; an ask the same, turned."""
    for side, sign in ((Side.BUY, 1), (Side.SELL, -1)):
        m = Markouts()
        m.note(10_000, side, D(2500), D("0.02"))
        for at_ms, mid in ((10_999, 9_999), (11_000, 2501), (13_050, 2499), (15_900, 2500), (40_000, 2510)):
            if at_ms >= m.due_ms:
                m.look(at_ms, D(mid))
        told = [at(m, side.value, seconds) for seconds in (1, 3, 5, 30)]
        assert [count for count, _, _ in told] == [1, 1, 1, 1]
        assert [value for _, value, _ in told] == [sign * D(it) for it in ("0.02", "-0.02", "0", "0.2")]
        assert [bps for _, _, bps in told] == [sign * D(it) for it in (4, -4, 0, 40)]
        assert m.pending == [] and m.due_ms == NEVER_MS


def test_a_book_that_comes_too_late_says_nothing() -> None:
    """Nothing was seen from 0.9 s to 6.1 s: three horizons are missed, the fourth is taken in its time."""
    m = Markouts()
    m.note(0, Side.BUY, D(2500), D(1))
    m.look(6_100, D(2600))
    assert (m.missed, m.tallies) == (3, {})
    m.look(30_000, D(2501))
    assert (m.missed, at(m, "buy", 30)[0]) == (3, 1)


def test_fills_under_way_are_bounded_and_the_oldest_gives_way() -> None:
    """Ten more than fit: what they had left to tell is counted as missed, and nothing grows."""
    m = Markouts()
    for number in range(PENDING_MAX + 10):
        m.note(number, Side.SELL, D(2500), D(1))
    assert (len(m.pending), m.missed, m.pending[0].at_ms) == (PENDING_MAX, 40, 10)


def test_a_row_has_both_sides_and_begins_anew() -> None:
    """Two bids of 1 and 3 at 2500, a second later 2501: +4 bps over 10,000 of notional; the next row is empty."""
    m = Markouts()
    for qty in (1, 3):
        m.note(0, Side.BUY, D(2500), D(qty))
    m.look(1_000, D(2501))
    row = m.take_row()
    assert row["bid"]["1"] == {"count": 2, "bps": "4", "value": "4", "notional": "10000"}
    assert row["ask"]["1"]["count"] == row["bid"]["3"]["count"] == 0
    assert m.take_row()["bid"]["1"]["count"] == 0 and len(m.pending) == 2
