"""What was earned as the desk tells it: fills, tickets, days and runs, each figure by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from mmfsm import Desk
from mmfsm.events import FeedDown, FeedName, FeedUp, Start, Stop, Tick
from mmfsm.pnl import row
from mmfsm.values import OrderStatus, Side
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import T0, live_params

D = Decimal
DAY_MS = 86_400_000
NEXT_DAY_MS = (T0 // DAY_MS + 1) * DAY_MS


def pair(scene: Scene, side: Side = Side.BUY) -> dict[str, Any]:
    """A quote of 0.02 fills and is hedged 0.50 under spot's bid or above its ask; returns the ticket's row."""
    quote = scene.quote(side)
    scene.trade(quote, f"p{scene.now}", fee="0.01")
    hedge = scene.hedge
    scene.accept(hedge)
    away = D("-0.50") if side is Side.BUY else D("0.51")
    scene.trade(hedge, f"h{scene.now}", fee="0.05" if side is Side.BUY else "0.00002", price=scene.spot_bid + away)
    scene.end(hedge, str(hedge.qty), OrderStatus.FILLED)
    return scene.records("pnl", "ticket")[-1].data or {}


def test_a_ticket_tells_spread_slip_and_fees() -> None:
    """Bid 0.02 at 2499.25 with the perp at 2500.005: +0.0151. Spot was 2501.005 then and has fallen by 1 before it was
    sold at 2499.50: −0.0301. Fees 0.01 + 0.05 USDT. Together −0.075."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1", fee="0.01")
    hedge = scene.hedge
    scene.spot_bid -= 1
    scene(*scene.books())
    scene.accept(hedge)
    scene.trade(hedge, "h1", fee="0.05", price=D("2499.50"))
    scene.end(hedge, "0.02", OrderStatus.FILLED)
    row = scene.records("pnl", "ticket")[0].data or {}

    assert (row["spread"], row["hedge_slip"], row["unwind_slip"]) == ("0.0151", "-0.0301", "0")
    assert (row["fees"], row["fees_by_coin"], row["edge"]) == ("0.06", {"USDT": "0.06"}, "-0.075")
    assert (row["want_qty"], row["hedged_qty"], row["unwound_qty"], row["dust_qty"]) == ("0.02", "0.02", "0", "0")


def test_each_fill_says_what_it_was_measured_by() -> None:
    """An ask at 2500.26 by the perp's mid, the hedge by spot's mid when the ask's fill was told; fees by value."""
    scene = opened()
    pair(scene, Side.SELL)
    perp, spot = [record.data or {} for record in scene.records("fill")]

    assert (perp["mid"], perp["spread"], perp["fee_value"]) == ("2500.005", "0.0051", "0.01")
    assert (spot["mid"], spot["hedge_slip"]) == ("2501.005", "-0.0101")
    assert spot["fee_coin"] == "ETH" and spot["fee_value"] == "0.0500302"  # 0.00002 at 2501.51


def test_an_unwind_is_measured_by_the_perp_as_it_was() -> None:
    """Spot refuses every hedge; the perp has fallen by 2 when the fill of 0.02 is reversed at 2497: −0.0601."""
    scene = opened()
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.perp_bid -= 2
    unwind = scene.until_unwinding()
    scene.accept(unwind)
    scene.trade(unwind, "u1", price=D("2497.00"))
    scene.end(unwind, "0.02", OrderStatus.FILLED)
    row = scene.records("pnl", "ticket")[0].data or {}

    assert (row["unwind_slip"], row["unwound_qty"], row["hedged_qty"]) == ("-0.0601", "0.02", "0")
    assert row["realised"] == "-0.045"  # bought at 2499.25, sold at 2497


def test_fills_that_grow_a_ticket_are_its_own() -> None:
    """Two halves of one bid are one ticket: both spreads, both fees, one row."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.trade(bid, "p1", "0.01", fee="0.005")
    scene.trade(bid, "p2", "0.01", fee="0.005")
    scene.hedged(scene.hedge)
    scene.wait(2_000, 100)
    scene.hedged(scene.hedge)
    (row,) = [record.data or {} for record in scene.records("pnl", "ticket")]

    assert (row["perp_fills"], row["spread"], row["fees"], row["hedged_qty"]) == (2, "0.0151", "0.01", "0.02")


def test_every_hour_the_day_so_far_and_after_midnight_the_day() -> None:
    """Running totals until UTC midnight, then the whole day once, and the next begins at nothing."""
    scene = opened()
    pair(scene)
    scene.now = NEXT_DAY_MS - 2 * 3_600_000 - 10_000
    scene.wait(3 * 3_600_000 + 60_000, 30_000)
    hours, (day,) = scene.records("pnl", "day_so_far"), scene.records("pnl", "day")
    told = day.data or {}

    assert len(hours) == 2 and {(hour.data or {})["realised"] for hour in hours} == {"0"}
    assert [hour.at_ms < NEXT_DAY_MS for hour in hours] == [True, False]
    assert (told["perp_fills"], told["spread"], told["fees"]) == (1, "0.0151", "0.06")
    assert D(told["net"]) == D(told["unrealised"]) - D("0.06")
    after = hours[-1].data or {}
    assert (after["perp_fills"], after["fees"], after["net"]) == (0, "0", "0")
    assert after["unrealised"] == told["unrealised"] != after["unrealised_change"] == "0"
    assert len(scene.records("markout", "day")) == 1


def test_a_day_is_told_when_both_legs_have_a_price_of_now() -> None:
    """Over midnight spot's socket is lost while the perp moves by a dollar: 0.02 of a hedged pair has lost nothing. The
    row waits for spot, and the day it names is the one that ended."""
    scene = opened()
    pair(scene)
    scene.now = NEXT_DAY_MS - 1_000
    scene.wait(500)
    scene(FeedDown(scene.now, FeedName.SPOT_BOOK, "lost"))
    scene.perp_bid, scene.now = scene.perp_bid + 1, scene.now + 1_000
    scene(scene.books()[0], Tick(scene.now))
    assert scene.records("pnl", "day") == []

    scene.spot_bid, scene.now = scene.spot_bid + 1, scene.now + 1_000
    scene(FeedUp(scene.now, FeedName.SPOT_BOOK), *scene.books(), Tick(scene.now))
    (day,) = [record.data or {} for record in scene.records("pnl", "day")]
    assert day["since_ms"] < NEXT_DAY_MS
    assert day["unrealised"] == "0.005"  # bought 0.755 under the perp's mid, sold 0.505 under spot's


def test_a_markout_counts_from_the_trade_and_from_books_that_were_kept() -> None:
    """A bid at 2499.25 is told by REST 2.5 s late: the first second has passed unseen, the third is 0.5 s away. A book
    older than the one kept comes late as well, and is no price of now."""
    scene = opened()
    fill = scene.fill_event(scene.quote(Side.BUY), "p1")
    scene.now += 2_500
    scene(*scene.books())
    scene.read_back(fill)
    scene.now += 600
    scene.perp_bid += 3
    late = attrs.evolve(scene.books()[0], exch_ms=scene.now - 700)
    scene.perp_bid -= 2
    scene(late, scene.books()[0])
    row = scene.desk.state.accounts.markouts.take_row()
    assert (row["missed"], row["bid"]["1"]["count"]) == (1, 0)
    assert (row["bid"]["3"]["count"], row["bid"]["3"]["value"]) == (1, "0.0351")  # 2501.005 less 2499.25, 0.02 of it


def test_quotes_for_each_fill_are_told() -> None:
    """Two quotes at the start, two after the cool-down, one fill in two parts: four to one."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.trade(bid, "p1", "0.01")
    scene.trade(bid, "p2", "0.01")
    scene.hedged(scene.hedge)
    scene.wait(2_000, 100)
    scene.hedged(scene.hedge)
    scene.wait(3_700_000, 10_000)
    row = scene.records("pnl", "day_so_far")[0].data or {}

    assert (row["quotes"], row["quotes_filled"], row["quotes_per_fill"]) == (4, 1, "4")


def test_a_run_tells_its_result_once_when_it_ends_and_the_next_begins_where_it_ended() -> None:
    """Both legs move by a dollar between two runs: the second run's row has that, and none of the first's fills."""
    scene = opened()
    pair(scene)
    scene.wait(2_000)
    scene(Stop(scene.now))
    scene.wait(5_000)
    (row,) = [record.data or {} for record in scene.records("pnl", "run")]
    assert (row["perp_fills"], row["fees"]) == (1, "0.06") and len(scene.records("markout", "run")) == 1

    second = Scene(scene.desk.restarted(live_params(quote_size=D("0.02")), run=2), now=scene.now)
    second.perp_bid, second.spot_bid = scene.perp_bid + 1, scene.spot_bid
    feeds = [FeedUp(second.now, name) for name in (FeedName.PERP_BOOK, FeedName.SPOT_BOOK)]
    second(Start(second.now), *feeds, *second.books())
    second.pulse()
    accounts = second.desk.state.accounts
    told = accounts.total.since(accounts.run.start)
    assert (told.perp_fills, told.fees) == (0, 0)
    assert accounts.last_unrealised - accounts.run.unrealised == D("0.02")


def test_what_came_after_the_last_tick_is_not_told_by_two_runs() -> None:
    """A pair and a move of a dollar with no tick before the end: the next run begins at the level this one told."""
    scene = opened()
    pair(scene)
    scene.perp_bid += 1
    scene(*scene.books(), Stop(scene.now))
    scene.settle()
    (row,) = [record.data or {} for record in scene.records("pnl", "run")]

    accounts = scene.desk.restarted(live_params(), run=2).state.accounts
    assert accounts.run.unrealised == D(row["unrealised"]) != 0


def test_what_was_filled_just_before_a_kill_is_no_part_of_the_next_run() -> None:
    """A pair with no tick after it, then `kill -9`: what its prices are worth and its fees both belong to the run that
    died, and the next one begins at nothing."""
    scene = opened()
    pair(scene)
    second = Scene(scene.desk.restarted(live_params(quote_size=D("0.02")), run=2), now=scene.now)
    feeds = [FeedUp(second.now, name) for name in (FeedName.PERP_BOOK, FeedName.SPOT_BOOK)]
    second(Start(second.now), *feeds, *second.books())
    second.pulse()

    told = row(second.desk.state, second.desk.state.accounts.run)
    assert (told["fees"], told["unrealised"], told["unrealised_change"], told["net"]) == ("0", "0.005", "0", "0")


def test_a_snapshot_from_before_there_were_accounts_is_read_and_its_position_costs_what_it_is_worth() -> None:
    """Without the member `accounts` the desk restores; what it holds is taken over at the mids, and earns nothing."""
    scene = opened()
    pair(scene)
    scene.wait(1_000)
    snapshot = scene.desk.snapshot()
    del snapshot["accounts"]
    old = Desk.restore(scene.desk.params, snapshot)
    old.handle(Tick(scene.now))
    accounts = old.state.accounts

    assert (accounts.perp.qty, accounts.spot.qty) == (D("0.02"), D("-0.02"))
    assert accounts.last_unrealised == accounts.total.realised == 0


def test_an_adopted_position_is_taken_over_at_the_price_it_has() -> None:
    """A short of 0.02 found at start with ADOPT_POSITION: it costs what both legs are worth then, and a dollar later
    on the perp alone it has lost two cents."""
    scene = opened()
    s = scene.desk.state
    s.ledger.perp, s.ledger.spot = s.ledger.perp - D("0.02"), s.ledger.spot + D("0.02")
    scene.pulse()
    assert s.accounts.last_unrealised == 0 and s.accounts.taken_over == D("0.02") * (D("2501.005") - D("2500.005"))
    scene.perp_bid += 1
    scene.now += 1_000
    scene.pulse()
    assert s.accounts.last_unrealised == D("-0.02")
