"""The way out of a pair: entry prices, what it has gained, what speaks for leaving, and how crossing is sliced."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from mmfsm.desk import Desk
from mmfsm.economics import FundingGate
from mmfsm.events import Halt, PositionEvent, Resume, Start
from mmfsm.exits import Entry, ExitPrices, entry_of, gross_bps, net_bps, reason_to_leave
from mmfsm.fees import Fees
from mmfsm.machines import pair
from mmfsm.machines.pair import CROSSING, FLAT, HELD, LEAVING, Pair, PairInput, PairOut
from mmfsm.params import Params
from mmfsm.state import Turn
from mmfsm.testing import ended, fill_of, opening, placed
from mmfsm.values import FeeRate, OrderIntent, OrderStatus, Side
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import T0, Hand, accept, live_params, ready_hand

D = Decimal
FEES = Fees(FeeRate(D(2), D(6)), FeeRate(D(10), D(10)), D(12))


@pytest.mark.parametrize("sign", [1, -1])
def test_both_signs_of_a_pair_gain_by_the_same_rule(sign: int) -> None:
    """The basis moves by 10 of 2500 for the pair: 40 bps gross; 11 net, after 12 in, 16 out and 1 of slip."""
    entry = Entry(D(2500) - sign * 10, D(2500))
    at = ExitPrices(D(2500), D(2500), D(2500), D(2500))

    assert (gross_bps(sign, entry, at), net_bps(sign, entry, at, FEES, D(1))) == (40, 11)
    assert (gross_bps(-sign, entry, at), net_bps(-sign, entry, at, FEES, D(1))) == (-40, -69)


def test_a_move_of_both_legs_is_no_gain() -> None:
    """The pair is neutral: ten dollars up on both sides change nothing at the mids."""
    entry = Entry(D(2500), D(2499))

    assert gross_bps(-1, entry, ExitPrices(D(2510), D(2509), D(2510), D(2509))) == 0


def test_a_limit_of_zero_is_no_reason() -> None:
    """Each of the three can be turned off by itself; an entry that is not known leaves the age."""
    none = Params(take_profit_bps=D(0), loss_cut_bps=D(0), pair_max_age_sec=0)

    assert reason_to_leave(none, D(-500), D(500), 10**9) == ""
    assert reason_to_leave(Params(pair_max_age_sec=1), None, None, 1_000) == pair.MAX_AGE
    assert reason_to_leave(Params(), D(-60), D(50), 0) == pair.LOSS_CUT


def run(state: str, event: str, what: PairInput, why: str = pair.LOSS_CUT) -> tuple[str, PairOut]:
    subject, out = Pair(state, since_ms=100, leaving_ms=1_000, why=why), PairOut()
    pair.TABLE.fire(subject, event, what, out)
    return subject.state, out


@pytest.mark.parametrize(
    ("state", "what", "why", "after", "out"),
    [
        # state    what is known                                            why it is left     after     commands
        (FLAT,     PairInput(2_000),                                        "",                HELD,     ["held"]),
        (HELD,     PairInput(2_000, "loss_cut"),                            "",                LEAVING,  ["leave"]),
        (HELD,     PairInput(2_000, "loss_cut", in_grace=True),             "",                HELD,     []),
        (HELD,     PairInput(2_000),                                        "",                HELD,     []),
        (LEAVING,  PairInput(2_000),                                        pair.TAKE_PROFIT,  HELD,     ["hold_on"]),
        (LEAVING,  PairInput(2_000),                                        pair.LOSS_CUT,     LEAVING,  []),
        (LEAVING,  PairInput(2_000, leaves=False),                          pair.LOSS_CUT,     HELD,     ["hold_on"]),
        (LEAVING,  PairInput(2_000, "loss_cut"),                            pair.TAKE_PROFIT,  LEAVING,  ["leave"]),
        (LEAVING,  PairInput(5_999, "", False, True, 5_000),                pair.MAX_AGE,      LEAVING,  []),
        (LEAVING,  PairInput(6_000, "", False, True, 5_000),                pair.MAX_AGE,      CROSSING, ["cross"]),
        (LEAVING,  PairInput(6_000, "", True, True, 5_000),                 pair.MAX_AGE,      LEAVING,  []),
        (LEAVING,  PairInput(6_000, "", False, False, 5_000),               pair.MAX_AGE,      LEAVING,  []),
        (CROSSING, PairInput(6_000, "", is_closing=True),                   pair.MAX_AGE,      CROSSING, []),
        (CROSSING, PairInput(6_000, ""),                                    pair.MAX_AGE,      LEAVING,  ["again"]),
    ],
)  # fmt: skip
def test_the_table_review_by_review(state: str, what: PairInput, why: str, after: str, out: PairOut) -> None:
    """One row of the table each, to the millisecond where a clock decides."""
    assert run(state, "review", what, why) == (after, out)


@pytest.mark.parametrize("state", [HELD, LEAVING, CROSSING])
def test_a_pair_that_is_gone_is_forgotten(state: str) -> None:
    """Flat, age, sign and reason wiped."""
    subject, out = Pair(state, 1, 2, pair.MAX_AGE, -1), PairOut()
    pair.TABLE.fire(subject, "gone", PairInput(9), out)

    assert subject == Pair() and out == ["gone"]


def test_crossing_takes_a_quotes_size_at_a_time() -> None:
    """0.05 held and quotes of 0.02: 0.02, 0.02, 0.01, each hedged before the next goes out."""
    scene = opened(
        exit_policy="cross", exit_cross_after_sec=1, pair_max_age_sec=30, cooldown_ms=100, max_position=D("0.05")
    )
    for number in range(3):
        scene.trade(scene.quote(Side.SELL), f"p{number}")
        scene.hedged(scene.hedge)
        scene.wait(2_000)
    assert scene.perp == D("-0.05")
    scene.wait(30_000, 1_000)
    sizes = []
    while scene.closing[-1].intent is OrderIntent.FLATTEN:
        close = scene.closing[-1]
        sizes.append(close.qty)
        scene.hedged(close)
        assert scene.hedge.intent is OrderIntent.HEDGE and scene.hedge.qty == close.qty
        scene.hedged(scene.hedge)
        scene.wait(1_000)
    assert sizes == [D("0.02"), D("0.02"), D("0.01")]
    assert scene.perp == 0 and scene.desk.state.econ.pair == Pair()


def test_a_quote_size_too_small_to_trade_does_not_keep_a_pair_from_being_crossed() -> None:
    """QUOTE_SIZE=0.001 quotes nothing; the pair an earlier run built is crossed in the smallest parts there are."""
    scene = opened(exit_policy="cross", exit_cross_after_sec=1, pair_max_age_sec=30, cooldown_ms=100)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(2_000)
    scene.desk.params = attrs.evolve(scene.desk.params, quote_size=D("0.001"))
    scene.wait(35_000, 1_000)

    assert (scene.closing[-1].intent, scene.closing[-1].qty) == (OrderIntent.FLATTEN, D("0.01"))
    assert not scene.records("flattened")


def test_a_restart_keeps_the_pair_and_what_slip_has_taught() -> None:
    """Fees, basis and funding are read anew; an exit under way goes on as one."""
    desk = opened().desk
    desk.state.econ.pair = Pair(CROSSING, 1, 2, pair.MAX_AGE, -1)
    desk.state.econ.slip.mean_bps, desk.state.econ.exiting = D("1.5"), True
    econ = desk.restarted(desk.params, run=2).state.econ

    assert econ.pair == Pair(CROSSING, 1, 2, pair.MAX_AGE, -1)
    assert (econ.slip.mean_bps, econ.exiting, econ.fees, econ.basis.samples) == (D("1.5"), True, None, 0)
    assert econ.gate.why == "funding_missing"


def test_a_new_run_without_a_policy_ends_an_exit_under_way() -> None:
    """EXIT_POLICY=off holds pairs, those that an earlier run was leaving or crossing out too; both sides rest again."""
    scene = opened(exit_policy="off", cooldown_ms=100)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(2_000)
    s = scene.desk.state
    s.econ.pair.state, s.econ.pair.why, s.flattening, s.econ.exiting = CROSSING, pair.LOSS_CUT, True, True
    s.session.state = "COLD"
    scene(Start(scene.now))
    scene.pulse()
    assert scene.closing[-1].intent is OrderIntent.HEDGE
    s.session.state = "READY"
    scene.wait(6_000)

    assert s.econ.pair.state == HELD and scene.mode == "QUOTING" and scene.perp == D("-0.02")
    assert scene.rests(Side.BUY) and scene.rests(Side.SELL)


def test_a_new_run_without_a_policy_crosses_nothing_though_a_book_makes_it_ready() -> None:
    """Killed while a pair was crossed out, and EXIT_POLICY taken back: not one slice more is sent."""
    hand, bid, ask = ready_hand(exit_policy="cross")
    hedge = placed(hand(fill_of(ask, "q1", "t1", T0 + 10)))[0]
    hand(accept(hedge, T0 + 11, "h1"), fill_of(hedge, "h1", "t2", T0 + 12))
    hand(ended(bid, "q0", T0 + 13, "0", OrderStatus.CANCELED))
    s = hand.desk.state
    s.econ.pair, s.flattening, s.econ.exiting = Pair(CROSSING, T0, T0, pair.MAX_AGE, -1), True, True
    params = live_params(exit_policy="off")
    hand = Hand(hand.desk.restarted(params, run=2))
    for event in opening(T0 + 5_000, params, coin="0.51"):
        told = attrs.evolve(event, qty=D("-0.01")) if isinstance(event, PositionEvent) else event
        hand.answer_reads(hand(told), T0 + 5_000)

    assert hand.desk.state.ready and not hand.desk.state.flattening
    assert [it for it in placed(hand.log) if it.intent is OrderIntent.FLATTEN] == []


def test_a_restart_does_not_cut_the_grace_short() -> None:
    """A settlement of a minute ago is still a minute ago for the new run; what funding allowed is read anew."""
    desk = opened().desk
    desk.state.econ.gate.settled_ms, desk.state.econ.gate.cool_until_ms = 123_456, 999
    gate = desk.restarted(desk.params, run=2).state.econ.gate

    assert gate == FundingGate(settled_ms=123_456)


def test_only_time_in_which_the_closing_side_is_quoted_counts_towards_crossing() -> None:
    """A minute of a halt is no minute of trying: the wait begins anew."""
    scene = opened(exit_policy="cross", exit_cross_after_sec=20, pair_max_age_sec=30, cooldown_ms=100)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(40_000, 1_000)
    assert scene.desk.state.econ.pair.state == LEAVING and scene.rests(Side.BUY)

    scene(Halt(scene.now))
    scene.wait(60_000, 1_000)
    scene(Resume(scene.now))
    scene.wait(18_000, 1_000)
    assert scene.desk.state.econ.pair.state == LEAVING and scene.rests(Side.BUY)
    scene.wait(5_000, 1_000)
    assert scene.closing[-1].intent is OrderIntent.FLATTEN


def test_a_run_that_quotes_nothing_does_not_quote_the_way_out() -> None:
    """A pair that an earlier run was leaving is closed by what such a run was started for, not by a quote; and a
    journal of it, which has that in its first line, says the same."""
    scene = opened(exit_policy="quote", pair_max_age_sec=30, cooldown_ms=100)
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.desk.state.no_quotes = True
    scene.desk = Desk.restore(scene.desk.params, scene.desk.snapshot())
    quotes = len(scene.orders(OrderIntent.QUOTE))
    scene.wait(60_000, 1_000)

    assert scene.desk.state.econ.pair.state == LEAVING and scene.mode == "QUOTING"
    assert len(scene.orders(OrderIntent.QUOTE)) == quotes
    assert scene.records("order_skip", "no_quotes")
    assert not scene.desk.restarted(scene.desk.params, run=10**6).state.no_quotes


def test_a_pair_that_turns_between_two_looks_is_a_new_one() -> None:
    """Short 0.02, and one bid of 0.05 filled: the long 0.03 is held from then, whatever spoke against the short."""
    scene = opened(exit_policy="quote", pair_max_age_sec=600, cooldown_ms=100, max_position=D("0.1"))
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.hedged(scene.hedge)
    scene.wait(2_000)
    was = scene.desk.state.econ.pair
    assert (was.state, was.sign) == (HELD, -1)
    held_ms = was.since_ms
    scene.desk.params = attrs.evolve(scene.desk.params, quote_size=D("0.05"))
    scene.perp_bid -= 2
    scene.wait(60_000, 1_000)
    scene.trade(scene.quote(Side.BUY), "p2")
    scene.hedged(scene.hedge)
    scene.wait(2_000)

    now = scene.desk.state.econ.pair
    assert scene.perp == D("0.03") and (now.state, now.sign) == (HELD, 1)
    assert now.since_ms > held_ms + 60_000 and scene.records("pair", "turned")


def test_an_adopted_pair_is_judged_from_when_it_was_taken_up() -> None:
    """No fill tells its entry: both halves count at the mids of then, as the accounts have them, and so do later parts
    at their own prices, each by its size."""
    scene = opened(exit_policy="quote", cooldown_ms=100, max_position=D("0.5"))
    ledger = scene.desk.state.ledger
    ledger.perp, ledger.start = D("-0.02"), ledger.spot - D("0.02")
    scene.wait(2_000)
    turn = Turn(scene.desk.state, scene.desk.params, scene.desk._limits, scene.now, scene.now)
    assert entry_of(turn) == (D("2500.005"), D("2501.005"))

    scene.trade(ask := scene.quote(Side.SELL), "p1")
    scene.hedged(hedge := scene.hedge)
    assert entry_of(turn) == ((D("2500.005") + ask.price) / 2, (D("2501.005") + hedge.price) / 2)
