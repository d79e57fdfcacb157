"""The incremental book: one snapshot, then changes in sequence."""

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfsm.values import Level
from runner.bitget.book import DepthBook, is_usable, read_top
from runner.bitget.members import WireError


def row(bids: list[tuple[str, str]], asks: list[tuple[str, str]], seq: int, pseq: int | None) -> dict[str, Any]:
    levels = {"bids": [list(it) for it in bids], "asks": [list(it) for it in asks], "seq": seq, "ts": "5"}
    return levels if pseq is None else levels | {"pseq": pseq}


def opened() -> DepthBook:
    book = DepthBook()
    assert book.apply(row([("10", "1"), ("9", "2")], [("11", "1"), ("12", "2")], 1, 0), True)
    return book


def test_changes_add_replace_and_remove_levels() -> None:
    book = opened()
    assert book.apply(row([("10", "0"), ("9.5", "3")], [("11", "4")], 2, 1), False)
    bids, asks = book.top()
    assert bids == (Level(D("9.5"), D(3)), Level(D(9), D(2)))
    assert asks == (Level(D(11), D(4)), Level(D(12), D(2)))


def test_a_missing_message_empties_the_book_until_a_snapshot() -> None:
    book = opened()
    assert not book.apply(row([("9.9", "1")], [], 4, 3), False)
    assert book.top() == ((), ())
    assert book.apply(row([("9.9", "1")], [], 5, 4), False)  # passed over: there is nothing to change
    assert book.top() == ((), ())
    assert book.apply(row([("10", "1")], [("11", "1")], 9, 0), True)
    assert book.top()[0] == (Level(D(10), D(1)),)


def test_without_pseq_the_order_of_arrival_is_trusted() -> None:
    """As documented before 2026."""
    book = opened()
    assert book.apply(row([("10", "7")], [], 2, None), False)
    assert book.top()[0][0] == Level(D(10), D(7))


def test_a_crossed_book_is_a_broken_one() -> None:
    assert not opened().apply(row([("11.5", "1")], [], 2, 1), False)


def test_numbers_of_messages_may_come_as_text() -> None:
    """Bitget sends nearly every number as text: a gap is found all the same."""
    book = opened()
    assert book.apply(row([("10", "7")], [], 2, 1) | {"seq": "2", "pseq": "1"}, False)
    assert not book.apply(row([("10", "8")], [], 5, 4) | {"seq": "5", "pseq": "4"}, False)


@pytest.mark.parametrize("wrong", [{"bids": None}, {"asks": [["11", "NaN"]]}, {"bids": [["x", "1"]]}])
def test_a_change_that_cannot_be_read_empties_the_book(wrong: dict[str, Any]) -> None:
    """The next one names it as its predecessor: passed over, it would be missing for ever and nobody would know."""
    book = opened()
    assert not book.apply(row([("10", "7")], [], 2, 1) | wrong, False)
    assert book.apply(row([("9", "3")], [], 3, 2), False) and book.top() == ((), ())


def test_removing_a_level_that_is_not_there_changes_nothing() -> None:
    book = opened()
    before = book.top()
    assert book.apply(row([("3", "0.0000")], [], 2, 1), False)
    assert book.top() == before


prices = st.integers(1, 40)
changes = st.lists(st.tuples(st.sampled_from(["bids", "asks"]), prices, st.integers(0, 3)), max_size=40)


@given(changes)
def test_the_top_is_that_of_a_plain_dictionary(steps: list[tuple[str, int, int]]) -> None:
    book = DepthBook()
    assert book.apply(row([], [], 1, 0), True)
    plain: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    for seq, (side, number, qty) in enumerate(steps, start=2):
        price = number if side == "bids" else number + 100  # never crossed
        change = {"bids": [], "asks": []} | {side: [(str(price), str(qty))]}
        assert book.apply(row(change["bids"], change["asks"], seq, seq - 1), False)
        plain[side][price] = qty
    bids, asks = book.top()
    assert [int(it.price) for it in bids] == sorted((p for p, q in plain["bids"].items() if q), reverse=True)[:5]
    assert [int(it.price) for it in asks] == sorted(p for p, q in plain["asks"].items() if q)[:5]


@pytest.mark.parametrize("levels", [None, {}, [["1"]], [["x", "1"]], [[None, "1"]], [1]])
def test_levels_that_cannot_be_read_are_an_error(levels: object) -> None:
    with pytest.raises(WireError, match="bids"):
        read_top({"bids": levels, "asks": []})


def test_a_whole_book_is_sorted_and_freed_of_empty_levels() -> None:
    bids, asks = read_top({"bids": [["9", "1"], ["10", "1"], ["8", "0"]], "asks": [["12", "1"], ["11", "2", "x"]]})
    assert [it.price for it in bids] == [10, 9] and [it.price for it in asks] == [11, 12]
    assert is_usable(bids, asks)


def test_empty_and_crossed_books_are_not_told() -> None:
    bid, ask = (Level(D(10), D(1)),), (Level(D(11), D(1)),)
    assert not is_usable((), ask) and not is_usable(bid, ())
    assert not is_usable(ask, bid) and not is_usable(bid, bid)
