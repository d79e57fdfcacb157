"""I26: 45001 without end counts toward no streak; the run goes on asking, waiting and quoting for ever."""

from decimal import Decimal

from mmfsm.events import OrderQueried, PlaceAnswered
from mmfsm.values import OrderResult, Outcome
from tests.incidents.scene import opened

D = Decimal
GONE = OrderResult(Outcome.GONE, code="40109")


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
