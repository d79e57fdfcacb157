"""I50: an inferred fill and the real one were both booked.
I51: fills replayed after a restart were booked again.

Wanted: what an order says it filled moves nothing; only trades do, each by an id that recognises it again, whoever
tells it and in whichever run.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from mmfsm.events import Event, FillEvent
from mmfsm.journal import rebuild
from mmfsm.values import OrderStatus, Side
from runner.journal import Journal, read_segment, segments
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import T0, live_params
from tests.support.bot import bot_on, exchange_with

D = Decimal


def test_i50_what_an_order_says_it_filled_is_not_booked() -> None:
    """Told filled by the stream: the ledger stands, the trade is asked for, and is booked when it is told."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    trade = scene.fill_event(bid, "p1")
    scene.end(bid, "0.02", OrderStatus.FILLED)
    assert scene.perp == 0 and scene.closing == [] and scene.mode != "QUOTING"
    scene.now += 1_000
    scene.read_back(trade)
    assert scene.perp == D("0.02") and scene.hedge.qty == D("0.02")
    scene(trade)
    scene.read_back(trade)
    assert len(scene.closing) == 1
    scene.hedged(scene.hedge)
    scene.assert_true()


@pytest.mark.parametrize("first", ["with its id", "without"])
def test_i50_the_same_trade_told_with_and_without_its_id_is_one_trade(first: str) -> None:
    """A push that lacks the trade id, and REST which has it, in either order."""
    scene = opened()
    named = scene.fill_event(scene.quote(Side.BUY), "p1", qty="0.01")
    bare = attrs.evolve(named, fill=attrs.evolve(named.fill, trade_id=None))
    for event in (named, bare) if first == "with its id" else (bare, named):
        scene(event)
    assert scene.perp == D("0.01") and len(scene.closing) == 1
    scene(named, bare, named)
    assert scene.perp == D("0.01") and len(scene.closing) == 1


def test_i50_more_than_was_ordered_is_not_booked() -> None:
    """A duplicate that no key has caught: refused, with both figures, for a person."""
    scene = opened()
    bid = scene.quote(Side.BUY)
    scene.trade(bid, "p1")
    scene(attrs.evolve(scene.fill_event(bid, "p1"), fill=attrs.evolve(scene.fill_event(bid, "p1").fill, trade_id="p9")))
    assert scene.perp == D("0.02") and scene.reasons.get("fill_over_order") is True
    scene.hedged(scene.hedge)
    scene.assert_true()


def test_i51_the_journal_knows_what_was_booked(tmp_path: Path) -> None:
    """Killed after the hedge; the run that follows is told every trade again by REST, and moves by none of them."""
    told: list[Event] = []
    scene = opened()
    journal = Journal(tmp_path, "test")
    journal.begin(scene.desk)
    handle = scene.desk.handle

    def journalled(event: Event) -> object:
        journal.write(event)
        told.append(event)
        return handle(event)

    scene.desk.handle = journalled  # type: ignore[method-assign,assignment]
    scene.trade(scene.quote(Side.BUY), "p1")
    scene.hedged(scene.hedge)
    journal.close()

    earlier = rebuild(read_segment(segments(tmp_path)[-1]))
    second = Scene(earlier.restarted(live_params(quote_size=D("0.02")), run=2), now=T0 + 60_000)
    assert (second.perp, second.spot_change) == (D("0.02"), D("-0.02"))
    for event in [it for it in told if isinstance(it, FillEvent)]:
        second.read_back(event)
        second(attrs.evolve(event, at_ms=second.now))
    assert (second.perp, second.spot_change) == (D("0.02"), D("-0.02")) and second.closing == []
    assert second.desk.state.tickets == {} and second.records("fill") == []


async def test_i51_over_the_wire(tmp_path: Path) -> None:
    """The second run reads the first one's fills from the exchange: none is booked, none hedged."""
    async with exchange_with() as exchange:
        async with bot_on(exchange, tmp_path) as first:
            await first.quoting()
            first.fill_bid()
            await first.hedged()
        async with bot_on(exchange, tmp_path) as second:
            await second.quoting()
            await second.until(lambda: second.runner.desk.state.recon.done_ms)
            assert second.find("fill") == [] and second.find("ticket") == []
            assert len(second.requests("/spot/trade/place-order")) == 1
            assert second.runner.desk.state.ledger.perp == D("0.02") == second.truth.position
