"""One side of the quotes: at most one order rests, and it moves only for a reason."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.machines.slot import CLOSING, EMPTY, REPLACING, TABLE, WORKING, QuoteSlot, SlotInput, SlotOut
from mmfsm.values import Side

D = Decimal
T = 1_800_000_000_000


def slot(state: str) -> QuoteSlot:
    """A slot whose order of 0.02 at 2500 was placed at T."""
    return QuoteSlot(Side.BUY, state, "mm-Qpb-1-1-1", D(2500), D("0.02"), T)


def fire(subject: QuoteSlot, event: str, ms: int = 10_000, price: str = "2500", qty: str = "0.02") -> SlotOut:
    out: SlotOut = []
    TABLE.fire(subject, event, SlotInput(T + ms, 500, D(2), D(price), D(qty)), out)
    return out


def test_an_empty_slot_places_what_is_wanted() -> None:
    """The price, size and time of the placement are remembered."""
    subject = slot(EMPTY)

    assert fire(subject, "want", 500, "2499.5", "0.01") == ["place"]
    assert (subject.state, subject.price, subject.qty) == (WORKING, D("2499.5"), D("0.01"))
    assert subject.placed_ms == T + 500


@pytest.mark.parametrize(("ms", "state"), [(499, EMPTY), (500, WORKING)])
def test_requote_min_to_the_millisecond(ms: int, state: str) -> None:
    """Two placements on one side are requote_min_ms apart."""
    subject = slot(EMPTY)

    fire(subject, "want", ms)

    assert subject.state == state


@pytest.mark.parametrize(
    ("price", "moves"),
    [("2500.50", False), ("2499.50", False), ("2500.51", True), ("2499.49", True), ("2500", False)],
)
def test_a_quote_moves_only_past_the_threshold(price: str, moves: bool) -> None:
    """2 bps of 2500 is 0.50: at it the quote stays, past it on either side it is cancelled to be replaced."""
    subject = slot(WORKING)

    assert fire(subject, "want", price=price) == (["cancel"] if moves else [])
    assert (subject.state, subject.replaced) == ((REPLACING, 1) if moves else (WORKING, 0))


@pytest.mark.parametrize(("qty", "moves"), [("0.01", True), ("0.02", False), ("0.03", False)])
def test_a_quote_moves_when_less_may_be_quoted_than_rests(qty: str, moves: bool) -> None:
    """A larger wish is no reason to give up the place in the queue."""
    subject = slot(WORKING)

    assert fire(subject, "want", qty=qty) == (["cancel"] if moves else [])


@pytest.mark.parametrize(("ms", "out"), [(499, []), (500, ["cancel"])])
def test_a_replacement_keeps_the_pace(ms: int, out: list[str]) -> None:
    """A quote is not moved within requote_min_ms of its placement."""
    assert fire(slot(WORKING), "want", ms, "2400") == out


def test_unwanted_it_is_cancelled_whatever_the_pace() -> None:
    """Taking risk away waits for nothing."""
    subject = slot(WORKING)

    assert fire(subject, "unwant", 0) == ["cancel"]
    assert subject.state == CLOSING


@pytest.mark.parametrize("state", [REPLACING, CLOSING])
@pytest.mark.parametrize("event", ["want", "unwant"])
def test_nothing_goes_out_beside_an_order_that_is_not_settled(state: str, event: str) -> None:
    """No placement and no second cancel until the old order is settled."""
    subject = slot(state)

    assert fire(subject, event, price="2400") == []
    assert subject.state == (CLOSING if event == "unwant" else state)


@pytest.mark.parametrize("state", [WORKING, REPLACING, CLOSING])
def test_settled_empties_the_slot(state: str) -> None:
    """Filled, cancelled or refused: the slot forgets the order, and its next placement keeps the pace."""
    subject = slot(state)

    fire(subject, "settled")

    assert (subject.state, subject.client_oid, subject.placed_ms) == (EMPTY, None, T)


def test_an_empty_slot_has_nothing_to_settle() -> None:
    """The pair is impossible, and unwanting an empty slot is nothing."""
    subject = slot(EMPTY)
    what = SlotInput(T, 500, D(2))

    assert TABLE.fire(subject, "settled", what, []).impossible
    assert fire(subject, "unwant") == [] and subject.state == EMPTY


@pytest.mark.parametrize(("worst", "out"), [(D(2501), ["cancel"]), (None, [])])
def test_a_floor_worked_out_for_less_does_not_hold_for_what_rests(worst: Decimal | None, out: SlotOut) -> None:
    """0.02 rests and 0.01 is wanted: with a floor it goes at once, without one it keeps the pace."""
    asked: SlotOut = []
    TABLE.fire(slot(WORKING), "want", SlotInput(T + 1, 500, D(2), D(2500), D("0.01"), worst), asked)

    assert asked == out


def test_a_quote_below_the_floor_is_replaced_not_closed() -> None:
    """It goes at once, and its side is quoted again as soon as it is gone: further out, where the floor holds."""
    subject, asked = slot(WORKING), []
    TABLE.fire(subject, "want", SlotInput(T + 1, 500, D(2), D(2490), D("0.02"), D(2495)), asked)

    assert (subject.state, subject.replaced, asked) == (REPLACING, 1, ["cancel"])
