"""What the desk makes of any strategy's plan: the floor of the edge, the terms of the record, slip, fees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfsm.actions import QueryFees
from mmfsm.desk import Desk
from mmfsm.events import BookEvent, FeesRead, FundingEvent
from mmfsm.quoting import limit_of, plan
from mmfsm.reporting import terms_of
from mmfsm.state import Turn
from mmfsm.strategy import ObiFundingStrategy, QuoteView
from mmfsm.testing import opening, placed, ready_desk
from mmfsm.values import ZERO, FeeRate, Funding, Level, QuotePlan, QuoteSide, Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import PERP, SPOT, T0, Hand, live_params

D = Decimal
FAST = settings(max_examples=60, deadline=None)
TICK, RATE = D("0.01"), D("0.0001")

obis = st.decimals(D("-0.99"), D("0.99"), places=3)
shifts = st.decimals(D("-8"), D("8"), places=2)
positions = st.decimals(D("-0.1"), D("0.1"), places=2)
rates = st.decimals(D("-0.001"), D("0.001"), places=5)
halves = st.decimals(D(0), D(40), places=1)


def book(inst: Any, bid: Decimal, obi: Decimal = ZERO, spread: int = 1) -> BookEvent:
    """Five levels a side whose imbalance is about `obi`."""
    return BookEvent(
        T0 + 1_000,
        inst,
        tuple(Level(bid - TICK * i, D(10) * (1 + obi)) for i in range(5)),
        tuple(Level(bid + TICK * (spread + i), D(10) * (1 - obi)) for i in range(5)),
        T0 + 1_000,
    )


def turn_of(desk: Desk, at_ms: int) -> Turn:
    """A turn at a desk's state in which nothing has happened."""
    return Turn(desk.state, desk.params, desk._limits, at_ms, at_ms)


def planned(
    obi: Decimal = ZERO,
    basis: Decimal = ZERO,
    pos: Decimal = ZERO,
    rate: Decimal = RATE,
    trades: tuple[Decimal, Decimal] = (ZERO, ZERO),
    **params: Any,
) -> tuple[QuotePlan, Turn]:
    """What a desk plans on such a market, holding such a perp position, when takers bought and sold as much."""
    params = {"edge_floor": True, "max_position": D("0.5"), **params}
    desk = Desk(live_params(**params), run=1)
    for event in opening(T0, desk.params):
        desk.handle(event)
    s = desk.state
    s.econ.flow.take(*trades, desk.params.flow_window_ms, T0 + 1_000)
    s.books = {PERP: book(PERP, D(2500), obi), SPOT: book(SPOT, D(2500) - basis)}
    s.funding, s.ledger.perp, s.ledger.spot = Funding(rate), pos, D("0.5") - pos
    turn = turn_of(desk, T0 + 1_000)
    wanted = plan(turn, desk.strategy)
    assert wanted is not None
    return wanted, turn


def edge_of(side: Side, price: Decimal, turn: Turn) -> Decimal:
    """The edge reckoned afresh: what spot gives, less 2, 10, 1 of slip, and 1 of buffer where a pair is opened."""
    spot, perp = turn.s.books[SPOT], turn.s.books[PERP]
    hedge = spot.bids[0].price if side is Side.BUY else spot.asks[0].price
    closes = side.sign * turn.s.ledger.perp < 0 and D("0.01") <= abs(turn.s.ledger.perp)
    mid = (perp.bids[0].price + perp.asks[0].price) / 2
    return side.sign * (hedge - price) / mid * 10_000 - 13 - (0 if closes else 1)


@FAST
@given(obis, shifts, positions, rates, halves)
def test_no_side_is_planned_below_the_floor(
    obi: Decimal, basis: Decimal, pos: Decimal, rate: Decimal, half: Decimal
) -> None:
    """Every skew at work: each price has MIN_EDGE_BPS, the two never cross, and no record is short of a reason."""
    wanted, turn = planned(obi, basis, pos, rate, base_half_spread_bps=half, inventory_skew_bps=D(9))
    for side, quote in ((Side.BUY, wanted.bid), (Side.SELL, wanted.ask)):
        if quote.price is None:
            assert quote.reason
        else:
            edge = edge_of(side, quote.price, turn)
            assert edge >= 1 and quote.edge_bps is not None and abs(edge - quote.edge_bps) < D("1e-9")
    if wanted.bid.price is not None and wanted.ask.price is not None:
        assert wanted.bid.price < wanted.ask.price


@FAST
@given(obis, obis, shifts, positions)
def test_a_higher_imbalance_never_lowers_the_bid(one: Decimal, two: Decimal, basis: Decimal, pos: Decimal) -> None:
    """With the floor on, as without."""
    low, high = (planned(obi, basis, pos)[0].bid.price for obi in sorted((one, two)))

    assert low is not None and high is not None and low <= high


@FAST
@given(
    obis, shifts, st.sampled_from(list(Side)), st.decimals(D(0), D("0.2"), places=2), st.decimals(0, D("0.2"), places=2)
)
def test_a_larger_inventory_never_makes_its_side_more_aggressive(
    obi: Decimal, basis: Decimal, side: Side, one: Decimal, two: Decimal
) -> None:
    """The longer, the lower the bid; the shorter, the higher the ask; the floor keeps the order."""
    prices = []
    for size in sorted((one, two)):
        wanted = planned(obi, basis, side.sign * size, inventory_skew_bps=D(20))[0]
        quote = wanted.bid if side is Side.BUY else wanted.ask
        assert quote.price is not None
        prices.append(side.sign * quote.price)

    assert prices[1] <= prices[0]


@FAST
@given(obis, shifts, positions, rates, halves, st.booleans(), st.decimals(D(0), D(1), places=2), obis)
def test_the_terms_add_up_exactly_to_the_distance_from_mid(
    obi: Decimal, basis: Decimal, pos: Decimal, rate: Decimal, half: Decimal, floor: bool, micro: Decimal, flow: Decimal
) -> None:
    """Each term by name, rounding and floor among them: their sum is what the price is away from mid, to the digit."""
    bought, k_flow = max(flow, ZERO) * 50, abs(flow) / 1000
    told = {"base_half_spread_bps": half, "edge_floor": floor, "k_micro": micro, "k_flow": k_flow}
    wanted, _ = planned(obi, basis, pos, rate, trades=(bought, D(10)), **told)
    assert wanted.mid is not None
    for side, quote in ((Side.BUY, wanted.bid), (Side.SELL, wanted.ask)):
        if quote.price is None:
            continue
        terms = terms_of(quote, side, wanted.mid)
        assert sum(terms.values()) == round(side.sign * (wanted.mid - quote.price) / wanted.mid * 10_000, 6)
        assert {"base", "obi", "inventory", "funding", "rounding", "floor"} <= set(terms)
        assert ("micro" in terms) == bool(micro) and ("flow" in terms) == bool(flow) and (floor or terms["floor"] == 0)
        assert half < 9 or abs(terms["rounding"]) < D("0.1")  # closer in, it is also the opposite best price


class AtTheTouch:
    """A strategy of one's own that knows nothing of fees."""

    def quote(self, view: QuoteView) -> QuotePlan:
        touch = view.market.perp.bbo
        bid = QuoteSide(touch.bid, view.bid_limit.qty, view.bid_limit.reason)
        return QuotePlan(bid, QuoteSide(touch.ask, view.ask_limit.qty, view.ask_limit.reason), "at_the_touch")


def test_the_floor_holds_for_a_strategy_of_ones_own() -> None:
    """It quotes at the touch; the desk rests it where the edge is, and the record says what moved it."""
    params = live_params(edge_floor=True)
    hand = Hand(Desk(params, run=1, strategy=AtTheTouch()))
    hand(*opening(T0, params))
    turn = turn_of(hand.desk, T0)
    wanted = plan(turn, hand.desk.strategy)
    assert wanted is not None and wanted.bid.price is not None
    assert edge_of(Side.BUY, wanted.bid.price, turn) >= 1
    assert hand.desk.state.bid.price == wanted.bid.price < D("2500")
    assert set(terms_of(wanted.bid, Side.BUY, wanted.mid)) == {"strategy", "floor"}


class Greedy(AtTheTouch):
    """Wants a whole coin on each side, whatever may be quoted."""

    def quote(self, view: QuoteView) -> QuotePlan:
        wanted = super().quote(view)
        return wanted._replace(bid=wanted.bid._replace(qty=D(1)), ask=wanted.ask._replace(qty=D(1)))


@pytest.mark.parametrize("strategy", [AtTheTouch(), Greedy()])
@pytest.mark.parametrize("floor", [True, False])
def test_no_strategy_quotes_more_than_the_guards_allow_nor_nothing_at_all(floor: bool, strategy: AtTheTouch) -> None:
    """No spot coin to sell: no bid, none of size zero either, for the guard's reason. The ask has a quote's size."""
    params = live_params(edge_floor=floor)
    hand = Hand(Desk(params, run=1, strategy=strategy))
    actions = hand(*opening(T0, params, coin="0"))
    assert [(order.side, order.qty) for order in placed(actions)] == [(Side.SELL, D("0.01"))]
    assert hand.desk.state.skips[Side.BUY.value] == "no_spot_coin"


def test_closing_is_worth_the_buffer_more_than_opening() -> None:
    """Long 0.05: the ask takes risk off and may stand a buffer closer than the one that opens."""
    opens, _ = planned(base_half_spread_bps=D(0), inventory_skew_bps=D(0))
    closes, _ = planned(base_half_spread_bps=D(0), inventory_skew_bps=D(0), pos=D("0.05"))
    assert opens.ask.price is not None and closes.ask.price is not None
    assert opens.ask.price - closes.ask.price == D("0.25")
    assert opens.bid.price == closes.bid.price  # it opens in both


def test_expected_funding_moves_the_floor_of_both_sides() -> None:
    """A rate of 3 bps, one settlement ahead: the ask that is paid may be 3 bps closer, the bid must be 3 further."""
    plain, _ = planned(base_half_spread_bps=D(0), rate=D("0.0003"))
    paid, _ = planned(base_half_spread_bps=D(0), rate=D("0.0003"), funding_horizon_h=D(8))
    for one, two, step in ((plain.bid, paid.bid, "-0.75"), (plain.ask, paid.ask, "-0.75")):
        assert one.price is not None and two.price is not None
        assert abs(two.price - one.price - D(step)) <= TICK


def test_a_spot_book_too_thin_for_the_hedge_is_not_quoted_against() -> None:
    """Five levels hold less than the quote would fill: the side is off; without the floor it is quoted all the same."""
    for floor in (True, False):
        desk = ready_desk(live_params(edge_floor=floor))
        level = Level(D(2501), D("0.001"))
        thin = BookEvent(T0 + 5, SPOT, (level,), (Level(D("2501.01"), D(50)),), T0 + 5)
        desk.handle(thin)
        wanted = plan(turn_of(desk, T0 + 5), ObiFundingStrategy())
        assert wanted is not None
        assert (wanted.bid.price is None, wanted.bid.reason) == (floor, "spot_too_thin" if floor else "set_quote")
        assert wanted.ask.price is not None


@pytest.mark.parametrize(("rate", "side"), [("0.0001", Side.BUY), ("-0.0001", Side.SELL)])
def test_before_a_settlement_the_side_that_would_pay_is_not_opened(rate: str, side: Side) -> None:
    """A minute before, the side whose position would pay rests nothing; the other does; a day before both do."""
    scene = opened(settlement_pause_sec=60)
    for ahead_ms, rests in ((60_500, True), (59_000, False)):
        scene(FundingEvent(scene.now, Funding(D(rate), next_ms=scene.now + ahead_ms)))
        scene.settle()
        assert scene.rests(side) is rests and scene.rests(side.opposite)
    assert scene.records("order_skip", "funding_due")


@pytest.mark.parametrize(("held", "left"), [("-0.003", "0"), ("-0.013", "0.01"), ("-0.05", "0.02"), ("0.01", "0")])
def test_before_a_settlement_a_fill_may_close_what_is_held_and_no_more(held: str, left: str) -> None:
    """A bid that would turn a short into the long that pays is cut to the short, or off when that cannot be traded."""
    desk = ready_desk(live_params(settlement_pause_sec=60, quote_size=D("0.02"), max_position=D("0.5")))
    desk.state.ledger.perp = D(held)
    desk.state.funding = Funding(RATE, next_ms=T0 + 30_000)

    assert limit_of(turn_of(desk, T0), Side.BUY).qty == D(left)
    assert limit_of(turn_of(desk, T0), Side.SELL).qty == D("0.02")


def test_slip_is_measured_from_our_own_hedges() -> None:
    """Set at 1 bps; a hedge that fills 3 bps through the touch moves it to 1.2, and the floor with it."""
    scene = opened(slip_weight=D("0.1"), edge_floor=True)
    before = scene.quote(Side.BUY).price
    scene.trade(scene.quote(Side.SELL), "p1")
    hedge = scene.hedge
    scene.accept(hedge)
    touch = scene.spot_bid + TICK
    scene.trade(hedge, "s1", price=touch * (1 + D("0.0003")))
    scene.end(hedge, str(hedge.qty))
    assert scene.desk.state.econ.slip.expected_bps(D(1)) == D("1.2")
    scene.wait(5_000)
    after = scene.quote(Side.BUY).price  # closes the pair now: the buffer of 1 is back, the slip of 0.2 is not
    assert after - before == D("0.20")


def test_fees_that_jitter_are_asked_after_once_in_ten_minutes() -> None:
    """Each fill's rounding makes another rate of it: one record and one question, until the ten minutes are over."""
    scene = opened(cooldown_ms=100, fees_poll_sec=86_400)
    asked = len(scene.asked(QueryFees))
    for number, rate in enumerate(("0.0020", "0.0021", "0.0022")):
        if number == 2:
            scene.wait(600_000, 1_000)
        scene.trade(scene.quote(Side.BUY), f"p{number}", is_maker=True)
        hedge = scene.hedge
        scene.accept(hedge)
        scene.trade(hedge, f"s{number}", fee=str(hedge.qty * hedge.price * D(rate)), is_maker=False)
        scene.end(hedge, str(hedge.qty))
        scene.wait(2_000)

    told = [(record.data or {})["charged_bps"] for record in scene.records("risk", "fee_above_known")]
    assert told == ["20", "22"] and len(scene.asked(QueryFees)) == asked + 2


def test_a_fee_above_the_known_one_is_said_and_the_account_asked() -> None:
    """Spot charged 20 bps where 10 are known: recorded once, and the rates are read again."""
    scene = opened()
    for number in range(2):
        scene.trade(scene.quote(Side.BUY), f"p{number}", is_maker=True, fee="0.01")
        hedge = scene.hedge
        scene.accept(hedge)
        scene.trade(hedge, f"s{number}", fee=str(hedge.qty * hedge.price * D("0.002")), is_maker=False)
        scene.end(hedge, str(hedge.qty))
        scene.wait(5_000)
    (record,) = scene.records("risk", "fee_above_known")
    assert record.data == {"charged_bps": "20", "known_bps": "10", "source": "account", "which": "SPOT:taker"}
    scene(FeesRead(scene.now, None, FeeRate(D(20), D(20))))
    assert len(scene.records("fees")) == 2 and scene.desk.state.econ.fees is not None
    assert scene.desk.state.econ.fees.round_bps == 22
