"""A bare loop: no network, no clock, no thread. A desk is started, quotes, is filled, hedges, and is flat again.

Run it: python examples/bare_loop.py
"""

from decimal import Decimal

from mmfsm import Desk, Params
from mmfsm.actions import PlaceOrder
from mmfsm.events import Tick
from mmfsm.testing import ack, ended, fill_of, opening
from mmfsm.values import OrderIntent, OrderRequest

NOW_MS = 1_800_000_000_000


def orders_in(actions: tuple[object, ...]) -> list[OrderRequest]:
    return [action.request for action in actions if isinstance(action, PlaceOrder)]


def main() -> None:
    params = Params(perp_tif="both", base_half_spread_bps=Decimal(2))
    desk = Desk(params, run=1)

    # Everything a start-up tells: clock, account, rules, balances, funding, books. The last of it makes the desk quote.
    quotes = [request for event in opening(NOW_MS, params) for request in orders_in(desk.handle(event))]
    for number, quote in enumerate(quotes):
        print(f"quote  {quote.leg:9} {quote.side:4} {quote.qty} @ {quote.price}  {quote.client_oid}")
        ack(desk, quote, NOW_MS + 1, f"q{number}")

    # The bid is filled: the hedge is the first action of the very same call.
    bid = quotes[0]
    hedge = orders_in(desk.handle(fill_of(bid, "q0", "trade-1", NOW_MS + 10)))[0]
    assert hedge.intent is OrderIntent.HEDGE
    print(f"hedge  {hedge.leg:9} {hedge.side:4} {hedge.qty} @ {hedge.price}  {hedge.client_oid}")
    print(f"delta  {desk.state.ledger.delta}, mode {desk.state.mode.state}")

    # The hedge's answer, its fill (which names no clientOid) and its end.
    ack(desk, hedge, NOW_MS + 12, "h1")
    desk.handle(fill_of(hedge, "h1", "trade-2", NOW_MS + 14))
    desk.handle(ended(hedge, "h1", NOW_MS + 15, str(hedge.qty)))
    print(f"delta  {desk.state.ledger.delta}, mode {desk.state.mode.state}, tickets {len(desk.state.tickets)}")

    # Time is an argument: say that the cool-down is over, and it is. (The other quote's cancel is confirmed first.)
    ask = quotes[1]
    desk.handle(ended(ask, "q1", NOW_MS + 20, "0"))
    desk.handle(Tick(NOW_MS + 15 + params.cooldown_ms))
    print(f"mode   {desk.state.mode.state}")


if __name__ == "__main__":
    main()
