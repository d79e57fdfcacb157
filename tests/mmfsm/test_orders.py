"""The order registry: names that say whose an order is, both ids, and fills that wait for their order."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.forgetting import SHARE
from mmfsm.machines.order import LIVE, SENT, UNKNOWN, Order
from mmfsm.orders import EARLY_MAX, SETTLED_MAX, Orders, base36, is_ours, make_client_oid
from mmfsm.values import InstType, Leg, NormalizedFill, OrderIntent, OrderReport, OrderRequest, OrderStatus, Side, Tif

D = Decimal
FAST = settings(max_examples=100, deadline=None)
ALLOWED = re.compile(r"[0-9A-Za-z_-]{1,32}")


def order(oid: str = "mm-Hsi-1-1-1", inst: InstType = InstType.SPOT, side: Side = Side.BUY, state: str = SENT) -> Order:
    intent, leg = (OrderIntent.HEDGE, Leg.SPOT_IOC) if inst is InstType.SPOT else (OrderIntent.QUOTE, Leg.PERP_BID)
    return Order(OrderRequest(oid, inst, side, D("0.02"), D(2500), Tif.IOC, intent, leg, 1), "owner", 0, state)


def fill(order_id: str, trade: str = "t1", inst: InstType = InstType.SPOT, side: Side = Side.BUY) -> NormalizedFill:
    return NormalizedFill(inst, order_id, side, D(2500), D("0.02"), 5, trade)


# --- names ------------------------------------------------------------------------------------------------------------


@FAST
@given(
    st.sampled_from(OrderIntent),
    st.sampled_from(Leg),
    st.integers(0, 10**9),
    st.integers(0, 4 * 10**9),
    st.integers(0, 10**6),
    st.text("mMqQ09", min_size=1, max_size=4),
)
def test_a_client_oid_is_short_allowed_and_ours(
    intent: OrderIntent, leg: Leg, cycle: int, run: int, attempt: int, prefix: str
) -> None:
    """At most 32 of [0-9A-Za-z_-] for any number that can come up; recognised by its own prefix and by no other."""
    oid = make_client_oid(prefix, intent, leg, cycle, run, attempt)

    assert ALLOWED.fullmatch(oid)
    assert is_ours(oid, prefix)
    assert not is_ours(oid, prefix + "x") and not is_ours(oid, "x" + prefix)


def test_a_client_oid_names_one_order() -> None:
    """Different intent, leg, cycle, run or attempt: different name."""
    numbers = (0, 1, 9, 10, 35, 36, 37, 1296)
    made = [
        make_client_oid("mm", intent, leg, *rest)
        for intent, leg, rest in product(OrderIntent, Leg, product(numbers, repeat=3))
    ]

    assert len(set(made)) == len(made) == 4 * 7 * 8**3


@pytest.mark.parametrize(
    "oid",
    [None, "", "mm", "mm-Hsi-1-1", "mm-Hsi-1-1-1-1", "mmx-Hsi-1-1-1", "mm-Xsi-1-1-1", "mm-Hxx-1-1-1", "123456789"],
)
def test_a_strangers_name_is_not_ours(oid: str | None) -> None:
    """Other prefixes, other shapes, other words and no name at all."""
    assert not is_ours(oid, "mm")


def test_a_name_too_long_is_refused_before_it_leaves() -> None:
    """The exchange takes 32 characters."""
    with pytest.raises(AssertionError, match="longer than the exchange takes"):
        make_client_oid("mm", OrderIntent.QUOTE, Leg.PERP_BID, 36**9, 36**9, 36**9)


@FAST
@given(st.integers(0, 10**15))
def test_base36_reads_back(number: int) -> None:
    """The text is the number in base 36, without leading zeros."""
    text = base36(number)

    assert int(text, 36) == number
    assert text == "0" or text[0] != "0"


# --- finding orders ---------------------------------------------------------------------------------------------------


def test_an_order_is_found_by_either_id() -> None:
    """By clientOid from the start, by orderId once it is known, on its own leg alone."""
    orders, ours = Orders(), order()
    orders.add(ours)

    assert orders.find(InstType.SPOT, None, "mm-Hsi-1-1-1") is ours
    assert orders.find(InstType.SPOT, "77", None) is None
    ours.order_id = "77"
    orders.link(ours)
    assert orders.find(InstType.SPOT, "77", None) is ours
    assert orders.find(InstType.PERP, "77", None) is None
    assert orders.of_report(OrderReport(InstType.SPOT, "77", OrderStatus.FILLED, D(1))) is ours


def test_a_settled_order_is_still_found() -> None:
    """Late fills and reports find their order; it is open no longer."""
    orders, ours = Orders(), order()
    orders.add(ours)
    ours.order_id = "77"
    orders.link(ours)
    orders.settle(ours)

    assert (orders.open, orders.find(InstType.SPOT, "77", None)) == ({}, ours)


def test_settled_orders_are_forgotten_oldest_first() -> None:
    """The memory is bounded, and an order that is forgotten is forgotten by both ids."""
    orders = Orders()
    for number in range(SETTLED_MAX + 1):
        ours = order(f"mm-Hsi-{base36(number)}-1-1")
        ours.order_id = str(number)
        orders.add(ours)
        orders.link(ours)
        orders.settle(ours)

    gone = SETTLED_MAX + 1 - len(orders.settled)
    assert len(orders.oid_of) == len(orders.settled) and 1 <= gone <= 1 + SETTLED_MAX // SHARE
    assert orders.find(InstType.SPOT, str(gone - 1), f"mm-Hsi-{base36(gone - 1)}-1-1") is None
    assert orders.find(InstType.SPOT, str(gone), None) is not None


@pytest.mark.parametrize("settled", [False, True])
def test_a_name_is_used_once(settled: bool) -> None:
    """A second order of the same clientOid is a fault of ours, found before it is sent."""
    orders, ours = Orders(), order()
    orders.add(ours)
    if settled:
        orders.settle(ours)

    with pytest.raises(AssertionError, match="was used before"):
        orders.add(order())


def test_a_settled_order_that_is_shown_alive_is_open_again() -> None:
    """The exchange has the last word on what is open."""
    orders, ours = Orders(), order()
    orders.add(ours)
    orders.settle(ours)
    again = order()
    orders.reopen(again)

    assert orders.find(InstType.SPOT, None, "mm-Hsi-1-1-1") is again
    assert orders.settled == {}


def test_in_flight_is_what_neither_rests_nor_is_settled() -> None:
    """A resting quote is at rest; anything asked for, unknown, or a fill without its order is in flight."""
    orders = Orders()
    assert not orders.in_flight
    quote = order("mm-Qpb-1-1-1", InstType.PERP, state=LIVE)
    quote.request = OrderRequest(
        "mm-Qpb-1-1-1", InstType.PERP, Side.BUY, D(1), D(1), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1
    )
    orders.add(quote)
    assert not orders.in_flight
    quote.state = UNKNOWN
    assert orders.in_flight
    orders.settle(quote)
    assert not orders.in_flight
    orders.park(fill("9"))
    assert orders.in_flight


# --- fills that are faster than the answer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        (fill("9"), True),
        (fill("9", side=Side.SELL), False),
        (fill("9", inst=InstType.PERP), False),
    ],
)
def test_a_fill_waits_for_an_unanswered_order_of_its_leg_and_side(told: NormalizedFill, waits: bool) -> None:
    """A fill of an unknown orderId may belong to an order of the same leg and side whose answer has not come."""
    orders = Orders()
    orders.add(order())

    assert orders.awaits_answer(told) is waits


def test_an_answered_order_explains_no_strange_fill() -> None:
    """Once its orderId is known, an order's fills name it."""
    orders, ours = Orders(), order(state=LIVE)
    orders.add(ours)
    ours.order_id = "77"

    assert not orders.awaits_answer(fill("9"))


def test_the_answer_names_the_fills_of_its_order_id() -> None:
    """Of the parked fills those of the named order are taken, once, in the order they came; others go on waiting."""
    orders, ours = Orders(), order()
    orders.add(ours)
    orders.add(order("mm-Hsi-2-1-1"))
    parked = [fill("77", "a"), fill("78", "b"), fill("77", "c")]
    for told in parked:
        orders.park(told)
    assert orders.named_or_orphaned() == []
    ours.order_id = "77"
    orders.link(ours)

    assert orders.named_or_orphaned() == [parked[0], parked[2]]
    assert orders.named_or_orphaned() == []
    assert list(orders.early.values()) == [parked[1]]


def test_parking_a_fill_twice_keeps_it_once() -> None:
    """The stream and REST may both tell a fill before its answer comes."""
    orders = Orders()
    orders.park(fill("77"))
    orders.park(fill("77"))

    assert len(orders.early) == 1


def test_a_fill_that_no_open_order_can_explain_is_an_orphan() -> None:
    """When the last unanswered order has its answer, what still waits is a stranger's."""
    orders, ours = Orders(), order()
    orders.add(ours)
    orders.park(fill("9"))

    assert orders.named_or_orphaned() == []
    ours.state, ours.order_id = LIVE, "77"
    orders.link(ours)
    assert orders.named_or_orphaned() == [fill("9")]
    assert orders.early == {}


def test_parked_fills_are_bounded() -> None:
    """More fills than orders can be out do not wait: the caller is told, and stops for a person."""
    orders = Orders()
    for number in range(EARLY_MAX):
        assert orders.park(fill("9", str(number)))

    assert not orders.park(fill("9", "one too many"))
    assert len(orders.early) == EARLY_MAX
