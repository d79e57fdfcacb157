"""I26: 45001 "Unknown error" on post-only quotes near the touch, 38 in an hour.

Wanted: the order may exist: it is asked for by clientOid, and only when it is known not to exist is the side quoted
again, at the price of then. What every code means is one declared table.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.actions import CancelOrder, QueryOrder
from mmfsm.events import OrderQueried, PlaceAnswered
from mmfsm.values import OrderIntent, OrderRequest, OrderResult, Outcome, Side
from runner.bitget.codes import TABLE, Kind, judge
from tests.incidents.scene import Scene, opened

D = Decimal
GONE = OrderResult(Outcome.GONE, code="40109")


def _answered_45001(scene: Scene) -> OrderRequest:
    """The bid is moved, and its new place request is answered with 45001; the order was not taken."""
    scene.perp_bid += 5
    scene.wait(1_000, 100)
    old = scene.quote(Side.BUY)
    scene.perp_bid += 5
    scene.now += 600
    scene.pulse()
    scene.end(old, "0")
    scene.now += 600
    scene.pulse()
    bid = scene.quote(Side.BUY)
    assert bid != old
    out = scene(PlaceAnswered(scene.now, bid.client_oid, OrderResult(Outcome.UNKNOWN, code="45001")))
    assert [(it.client_oid, it.order_id) for it in out if isinstance(it, QueryOrder)] == [(bid.client_oid, None)]
    return bid


def test_i26_it_is_asked_for_by_client_oid_and_then_priced_anew() -> None:
    """Nothing new on that side until twice "no such order", late enough; then a new order under a new name."""
    scene = opened()
    bid = _answered_45001(scene)
    before = len([it for it in scene.orders(OrderIntent.QUOTE) if it.side is Side.BUY])
    for _ in range(8):
        scene.now += 700
        scene.pulse()
        scene(OrderQueried(scene.now, bid.client_oid, GONE))
        if not scene.is_open(bid):
            break
        assert len([it for it in scene.orders(OrderIntent.QUOTE) if it.side is Side.BUY]) == before
    assert not scene.is_open(bid)
    scene.perp_bid += 3
    scene.wait(2_000)
    again = scene.quote(Side.BUY)
    assert again.client_oid != bid.client_oid and again.price > bid.price
    assert scene.desk.state.reject_streak == 0 and not scene.reasons


def test_i26_one_that_does_exist_is_found_and_taken_out() -> None:
    """The order had been taken: the query shows it live, it is cancelled by its orderId, and nothing stands twice."""
    scene = opened()
    bid = _answered_45001(scene)
    scene.now += 100
    out = scene.accept(bid)
    assert [(it.client_oid, it.order_id) for it in out if isinstance(it, CancelOrder)] == [
        (bid.client_oid, scene.id_of(bid))
    ]
    scene.wait(2_000)
    assert scene.quote(Side.BUY).client_oid != bid.client_oid


def test_i26_a_single_one_is_no_refusal() -> None:
    """With an accepted quote between them they never add up to a streak."""
    scene = opened(reject_streak_max=2)
    for _ in range(3):
        bid = _answered_45001(scene)
        scene.accept(bid)
        scene.wait(3_000)
    assert not scene.reasons and scene.mode == "QUOTING"


def test_i26_it_counts_when_it_repeats_with_no_accepted_quote_between() -> None:
    """Every quote is answered 45001 and is then not found: past the streak's limit a person's matter."""
    scene = opened()
    scene.perp_bid += 5
    for _ in range(900):
        scene.now += 200
        scene.pulse()
        for oid, order in list(scene.desk.state.orders.open.items()):
            if order.state == "SENT":
                scene(PlaceAnswered(scene.now, oid, OrderResult(Outcome.UNKNOWN, code="45001")))
            elif order.state == "UNKNOWN":
                scene(OrderQueried(scene.now, oid, GONE))
            elif order.state == "CANCELLING":
                scene.end(order.request, "0")
    assert scene.reasons.get("reject_streak") is True


@pytest.mark.parametrize("code", ["45001", "40010", "40015", "40725", "40786", "45034"])
def test_i26_an_outcome_that_is_not_known_is_called_unknown(code: str) -> None:
    """And so are a 5xx, a 408 and a body that is no envelope."""
    assert judge(Kind.PLACE, 400, code)[0] is Outcome.UNKNOWN
    assert judge(Kind.PLACE, 502, None)[0] is judge(Kind.PLACE, 408, None)[0] is Outcome.UNKNOWN
    assert judge(Kind.PLACE, 200, None)[0] is Outcome.UNKNOWN


def test_i26_every_code_is_in_one_table_once_for_each_kind_of_request() -> None:
    """No row contradicts another, and an unlisted code is a plain refusal that keeps Bitget's words."""
    keys = [(row.code, kind) for row in TABLE for kind in row.kinds or tuple(Kind)]
    assert len(keys) == len(set(keys))
    assert judge(Kind.PLACE, 400, "99999")[0] is Outcome.REFUSED
