"""Margin, mark price, liquidation and funding: what becomes of a reckless account."""

from decimal import Decimal

import pytest

from runner.paper import BookEvent, FundingEvent, PaperExchange, PaperOptions, TradeEvent
from runner.paper.engine import Exchange
from runner.paper.mark import MarkPrice
from runner.paper.values import OrderRequest, Push, Side
from runner.paper.views import account_view
from tests.paper.client import FILL, MIX, ORDERS, PERP, POSITIONS, Rest, perp_order
from tests.paper.conftest import Connect, Start

D = Decimal
NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def show(made: Exchange, bid: str, qty: str = "50") -> None:
    """Show a touch one tick wide on the perp."""
    best = D(bid)
    book = BookEvent(0, "perp", ((best, D(qty)),), ((best + D("0.01"), D(qty)),))
    made.on_market(book, NOW_MS)


def account(**options: object) -> Exchange:
    """An account at 2680.00 without fees, leverage 100."""
    free = {"perp_taker_fee": D(0), "perp_maker_fee": D(0), "leverage": 100, "perp_usdt": D(100)}
    made = Exchange(PaperOptions(market="scripted", **(free | options)), NOW_MS)  # type: ignore[arg-type]
    show(made, "2680.00")
    return made


def market(made: Exchange, side: Side, size: str, **more: object) -> None:
    """A market order at the account's margin mode."""
    request = OrderRequest("perp", side, "market", D(size), margin_mode=made.perp.margin_mode, **more)  # type: ignore[arg-type]
    made.place(request, NOW_MS)


def pushed(made: Exchange, channel: str) -> list[Push]:
    """Pushes of a private channel so far."""
    return [push for push in made.outbox if push.channel == channel]


@pytest.mark.parametrize(("side", "alive", "dead"), [("buy", "2667.0", "2666.5"), ("sell", "2693.0", "2693.5")])
def test_an_isolated_position_ends_at_its_liquidation_price(side: Side, alive: str, dead: str) -> None:
    """Long from 2680.01 with a hundredth behind it: (2680.01 - 26.8001) / 0.995 = 2666.54."""
    made = account()
    market(made, side, "1")
    (position,) = made.perp.positions.values()
    price = made.perp.liquidation_price(position)

    show(made, alive)
    assert account_view(made).position != 0
    show(made, dead)

    assert min(D(alive), D(dead)) < price < max(D(alive), D(dead))
    assert account_view(made).position == 0


def test_a_liquidation_is_an_order_of_the_exchanges_own() -> None:
    """Reduce-only, source liquidation, tradeSide burst_sell_single, taker in the market; pushed on orders and fill."""
    made = account(perp_taker_fee=D("0.0006"))
    market(made, "buy", "1")
    made.outbox.clear()
    show(made, "2660.00")

    (order,) = [push.data[0] for push in pushed(made, "orders")]
    (fill,) = [push.data[0] for push in pushed(made, "fill")]
    (truth,) = [one for one in made.store.orders.values() if one.source == "liquidation"]

    assert (order["status"], order["tradeSide"], order["enterPointSource"]) == ("filled", "burst_sell_single", "SYS")
    assert (order["orderType"], order["reduceOnly"], order["side"]) == ("market", "yes", "sell")
    assert (fill["tradeSide"], fill["price"], fill["tradeScope"]) == ("burst_sell_single", "2660", "taker")
    assert D(fill["profit"]) < 0 and D(fill["feeDetail"][0]["totalFee"]) == D("-1.596")
    assert truth.status == "filled" and [push.data for push in pushed(made, "positions")][-1] == []


def test_hedge_mode_names_the_position_that_burst() -> None:
    """burst_close_long sells; the short beside it stays."""
    made = account(position_mode="hedge_mode", perp_usdt=D(1000))
    market(made, "buy", "1", trade_side="open")
    market(made, "sell", "0.5", trade_side="open")
    show(made, "2650.00")

    (fill,) = [one for one in made.store.fills if one.order.source == "liquidation"]
    assert (fill.order.trade_side, fill.order.direction) == ("burst_close_long", "sell")
    assert {one.hold_side for one in account_view(made).positions} == {"short"}


def test_isolated_loses_its_margin_at_most_crossed_everything() -> None:
    """A gap through the bankruptcy price: the insurance fund bears what the margin does not."""
    isolated, crossed = account(), account(margin_mode="crossed")
    for made in (isolated, crossed):
        market(made, "buy", "1")
        show(made, "2500.00")

    assert account_view(isolated).perp_cash == D(100) - D("26.8001")
    assert account_view(crossed).perp_cash == 0 and account_view(crossed).position == 0


def test_crossed_margin_is_the_whole_account() -> None:
    """100 USDT behind one ETH: alive at 2595, gone when equity is down to 0.5 % of the value."""
    made = account(margin_mode="crossed")
    market(made, "buy", "1")
    (position,) = made.perp.positions.values()
    price = made.perp.liquidation_price(position)
    assert price == (D("2680.01") - 100) / D("0.995")

    show(made, "2595.00")
    assert account_view(made).position == 1
    show(made, str(price.quantize(D("0.01")) - D("0.02")))
    assert account_view(made).position == 0


def test_open_orders_go_first_and_say_why() -> None:
    """burst_cancel."""
    made = account(perp_usdt=D(200))
    market(made, "buy", "1")
    resting, _ = made.place(OrderRequest("perp", "buy", "limit", D("0.1"), D(2600), margin_mode="isolated"), NOW_MS)
    show(made, "2660.00")

    assert (resting.status, resting.cancel_reason) == ("canceled", "burst_cancel")


def test_what_the_book_cannot_take_goes_at_the_bankruptcy_price() -> None:
    """0.4 at the market's 2660, the rest where the margin ends: 2653.20; nothing stays open."""
    made = account()
    market(made, "buy", "1")
    show(made, "2660.00", qty="0.4")

    fills = [one for one in made.store.fills if one.order.source == "liquidation"]
    assert [(one.qty, one.price) for one in fills] == [(D("0.4"), D(2660)), (D("0.6"), D("2653.20"))]
    assert account_view(made).position == 0


def test_hedged_in_one_crossed_account_has_no_liquidation_price() -> None:
    """As much long as short: no price within reach changes the equity."""
    made = account(position_mode="hedge_mode", margin_mode="crossed", perp_usdt=D(1000))
    market(made, "buy", "1", trade_side="open")
    market(made, "sell", "1", trade_side="open")

    for bid in ("1500.00", "4000.00"):
        show(made, bid)
        assert len(account_view(made).positions) == 2


def test_the_median_mark_is_not_moved_by_one_thin_book() -> None:
    """The perp's book collapses: the middle would liquidate, the median of middle, last trade and index does not."""
    calm, jumpy = account(mark_price="median"), account()
    for made in (calm, jumpy):
        made.on_market(BookEvent(0, "spot", ((D(2680), D(5)),), ((D("2680.01"), D(5)),)), NOW_MS)
        made.on_market(TradeEvent(0, "perp", D(2680), D(1), "buy"), NOW_MS)
        market(made, "buy", "1")
        show(made, "2600.00")

    assert (account_view(calm).position, account_view(jumpy).position) == (D(1), D(0))
    assert calm.perp.mark > 2679


def test_the_median_mark_is_bitgets_rule() -> None:
    """The example of Bitget's page: index 91,500, 0.01 %, 120 of 480 minutes: 91,502.2875; the basis is averaged."""
    made, later_ms = MarkPrice("median"), NOW_MS + 5_000
    funding = D("0.0001") * 120 / 480

    assert made.price(D(91_490), D(91_600), D(91_500), funding, NOW_MS) == D("91502.2875")
    assert made.price(D(91_530), D(91_600), D(91_500), D(0), NOW_MS + 4_999) == D(91_500)
    assert made.price(D(91_530), D(91_600), D(91_500), D(0), later_ms) == D(91_510)
    assert MarkPrice("median").price(D(5), None, None, D(0), NOW_MS) == D(5)


@pytest.mark.parametrize(
    ("side", "rate", "paid"),
    [("buy", "0.001", "2.680005"), ("sell", "0.001", "-2.680005"), ("buy", "-0.001", "-2.680005")],
)
def test_who_pays_funding_follows_the_sign(side: Side, rate: str, paid: str) -> None:
    """A positive rate: longs pay shorts; a negative one the other way; position and account are pushed."""
    made = account()
    market(made, side, "1")
    made.on_market(FundingEvent(0, D(rate)), NOW_MS)
    before = account_view(made).perp_cash
    made.outbox.clear()

    made.advance(made.next_funding_ms)

    assert before - account_view(made).perp_cash == D(paid)
    assert [push.channel for push in made.outbox] == ["positions", "account"]
    assert D(pushed(made, "positions")[0].data[0]["totalFee"]) == -D(paid)
    assert D(pushed(made, "account")[0].data[0]["equity"]) == made.perp.equity.quantize(D("1e-8"), "ROUND_DOWN")


def test_each_settlement_is_a_bill_of_what_was_booked() -> None:
    """0.37 long at 2680.005 and a rate of 0.00012345 cost 0.1224132483825, cut to eight places, by bill and by cash."""
    made = account()
    market(made, "buy", "0.37")
    made.on_market(FundingEvent(0, D("0.00012345")), NOW_MS)
    before = account_view(made).perp_cash

    made.advance(made.next_funding_ms)

    (bill,) = made.store.bills
    assert bill.amount == account_view(made).perp_cash - before == -D("0.12241324")
    assert bill.balance == account_view(made).perp_cash


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_funding_comes_on_multiples_of_its_interval(hours: int) -> None:
    """A day has 24 / hours settlements, each at its boundary, none for a flat account."""
    made = account(funding_interval_h=hours, perp_usdt=D(5000))
    made.advance(NOW_MS + 24 * HOUR_MS)

    assert len(made.funding_history) == 24 // hours
    assert all(at_ms % (hours * HOUR_MS) == 0 for at_ms, _ in made.funding_history)
    assert account_view(made).perp_cash == D(5000)


def test_funding_can_be_the_last_straw() -> None:
    """What is left after paying is less than the maintenance margin: liquidated at the boundary."""
    made = account(margin_mode="crossed", perp_usdt=D(30), funding_rate=D("0.01"))
    market(made, "buy", "1")
    assert account_view(made).position == 1

    made.advance(made.next_funding_ms)

    assert account_view(made).position == 0


async def test_a_client_sees_its_position_burst(start: Start, http: object, connect: Connect) -> None:
    """liquidationPrice in the row, then the fill, the empty positions, and the order in the history."""
    exchange: PaperExchange = await start(leverage=100)
    rest = Rest(exchange, http)  # type: ignore[arg-type]
    stream = await connect(exchange, ORDERS, FILL, POSITIONS)
    await rest.place(perp_order("buy", None, "1"))
    _, held = await rest.get(f"{MIX}/position/single-position", **PERP, marginCoin="USDT")
    row = held["data"][0]

    exchange.market.set_touch("perp", D(row["liquidationPrice"]).quantize(D("0.01")) - 1, D(row["liquidationPrice"]))
    fills = await stream.rows("fill", count=2)
    _, history = await rest.get(f"{MIX}/order/orders-history", **PERP)

    assert row["keepMarginRate"] == "0.005" and fills[1]["tradeSide"] == "burst_sell_single"
    assert (await stream.until("positions", count=3))[-1]["data"] == []
    assert history["data"]["entrustedList"][0]["orderSource"] == "liquidation"
