"""A strategy of your own: any object with `quote(view) -> QuotePlan`. Guards, caps and hedging stay the desk's.

This one joins the touch of the perp, on the side that funding pays. That is too close to earn its fees, so the desk
rests it further out, where a fill leaves MIN_EDGE_BPS; with `edge_floor=False` it would rest at the touch.

Run it: python examples/custom_strategy.py
"""

from decimal import Decimal

from mmfsm import Desk, Params, QuotePlan, QuoteView
from mmfsm.actions import PlaceOrder
from mmfsm.testing import opening
from mmfsm.values import QuoteSide

NOW_MS = 1_800_000_000_000


class JoinTheTouch:
    """Joins the best price on the side whose position funding would pay for."""

    def quote(self, view: QuoteView) -> QuotePlan:
        touch = view.market.perp.bbo
        paid_short = view.funding.rate > 0
        off = QuoteSide(None, Decimal(0), "funding_side")
        bid = QuoteSide(touch.bid, view.bid_limit.qty, view.bid_limit.reason)
        ask = QuoteSide(touch.ask, view.ask_limit.qty, view.ask_limit.reason)
        return QuotePlan(off if paid_short else bid, ask if paid_short else off, "join_the_touch")


def main() -> None:
    params = Params(perp_tif="both")
    desk = Desk(params, run=1, strategy=JoinTheTouch())
    for event in opening(NOW_MS, params):
        for action in desk.handle(event):
            if isinstance(action, PlaceOrder):
                request = action.request
                print(f"{request.leg} {request.side} {request.qty} @ {request.price} ({request.tif})")


if __name__ == "__main__":
    main()
