"""The four feeds: what each event says about each, and what their machines ask for."""

from __future__ import annotations

from mmfsm import funding
from mmfsm.actions import QueryFunding, Reconnect, Subscribe, Unsubscribe
from mmfsm.events import (
    BookEvent,
    FeedAlive,
    FeedDown,
    FeedName,
    FeedUp,
    FundingEvent,
    SubscribeAnswered,
    TradesEvent,
)
from mmfsm.machines import feed as machine
from mmfsm.machines.feed import Feed, FeedInput, FeedOut
from mmfsm.state import Turn
from mmfsm.values import Funding, InstType

PRIVATE_FIRST_MS = 10_000
"""How long the private stream may take from subscribing to its first push (positions come at once)."""

BOOK_BACK_MAX_MS = 5_000
BOOK_OF = {InstType.PERP: FeedName.PERP_BOOK, InstType.SPOT: FeedName.SPOT_BOOK}


def tell(turn: Turn, name: FeedName, event: str) -> None:
    """Tell a feed's machine what happened, record a change, and do what it asks."""
    feed = turn.s.feeds[name]
    commands: FeedOut = []
    before = feed.state
    turn.fire(machine.TABLE, feed, event, _limits(turn, name), commands)
    if feed.state == before and not commands:
        return
    for command in commands:
        if command == "subscribe":
            _subscribe(turn, feed)
        elif command == "unsubscribe_books5":
            turn.do(Unsubscribe(name, machine.BOOKS5))
        elif command == "reconnect":
            turn.do(Reconnect(name))
        else:
            turn.record("risk", "marketdata", f"{command}:{name}", data={"channel": feed.channel})
    if feed.state != before:
        data = {"feed": name.value, "from": before, "to": feed.state, "channel": feed.channel}
        turn.record("feed", "marketdata", event, data=data)
    broken = feed.state in (machine.DOWN, machine.SUBSCRIBING) or name is FeedName.PRIVATE
    if before in (machine.FRESH, machine.STALE) and feed.state != before and broken and turn.s.ready:
        turn.s.recover_since_ms = turn.at_ms + 1  # what it did not tell meanwhile is read back before new risk


def _limits(turn: Turn, name: FeedName) -> FeedInput:
    p = turn.p
    if name is FeedName.PRIVATE:
        return FeedInput(turn.at_ms, p.private_silent_ms, PRIVATE_FIRST_MS, needs_ack=True)
    if name is FeedName.FUNDING:
        return FeedInput(turn.at_ms, p.funding_stale_sec * 1000, p.funding_stale_sec * 1000)
    return FeedInput(turn.at_ms, p.book_stale_ms, p.books5_silent_ms)


def _subscribe(turn: Turn, feed: Feed) -> None:
    if feed.name is FeedName.FUNDING:
        ask_funding(turn)
    else:
        turn.do(Subscribe(feed.name, feed.channel))


def ask_funding(turn: Turn) -> None:
    turn.s.funding_asked_ms = turn.at_ms
    turn.do(QueryFunding())


def on_book(turn: Turn, event: BookEvent) -> None:
    """Keep the newest book; one a little older than that kept (by exchange time) is dropped and proves nothing.

    Much older means that the one kept had a wrong time: no single push may block a leg.
    """
    kept = turn.s.books.get(event.inst)
    if kept is not None and kept.exch_ms - BOOK_BACK_MAX_MS < event.exch_ms < kept.exch_ms:
        return
    turn.s.books[event.inst] = event
    tell(turn, BOOK_OF[event.inst], "data")


def on_trades(turn: Turn, event: TradesEvent) -> None:
    """Count takers' volume into flow, if it is asked for. It is no feed: nothing waits for it, and nothing halts."""
    if turn.p.k_flow:
        turn.s.econ.flow.take(event.bought, event.sold, turn.p.flow_window_ms, turn.at_ms)


def on_funding(turn: Turn, event: FundingEvent) -> None:
    """Keep the rate. A push that lacks interval and caps does not wipe what a reading told."""
    known = turn.s.funding
    _note_settlement(turn, event.funding)
    if known is None or event.source == "rest" or known.rate != event.funding.rate:
        data = {"rate": str(event.funding.rate), "next_ms": event.funding.next_ms, "via": event.source}
        if known is None or known.rate != event.funding.rate:
            turn.record("funding", "marketdata", data=data)
    if event.source == "rest" or known is None:
        turn.s.funding = event.funding
    else:
        turn.s.funding = type(known)(
            event.funding.rate,
            event.funding.next_ms or known.next_ms,
            known.interval_h,
            known.rate_min,
            known.rate_max,
        )
    turn.s.funding_ms = turn.at_ms
    funding.judge(turn.s.econ.gate, turn.s.funding, turn.p, turn.at_ms)
    tell(turn, FeedName.FUNDING, "data")


def _note_settlement(turn: Turn, told: Funding | None = None) -> bool:
    if not funding.settled(turn.s.econ.gate, turn.s.funding, turn.at_ms + turn.s.skew_ms, told):
        return False
    turn.record("funding", "marketdata", "settled", data={"at_ms": turn.s.econ.gate.settled_ms})
    return True


def on_up(turn: Turn, event: FeedUp) -> None:
    tell(turn, event.feed, "up")


def on_down(turn: Turn, event: FeedDown) -> None:
    turn.record("risk", "marketdata", f"socket_lost:{event.feed}", data={"why": event.why})
    tell(turn, event.feed, "down")


def on_alive(turn: Turn, event: FeedAlive) -> None:
    if event.feed is FeedName.PRIVATE:  # a book's pong proves nothing about the book
        tell(turn, event.feed, "alive")


def on_subscribed(turn: Turn, event: SubscribeAnswered) -> None:
    """Each subscription's answer is logged."""
    data = {"channel": event.channel, "accepted": event.accepted, "code": event.code, "msg": event.msg}
    turn.record("subscribe", "marketdata", event.feed.value, data=data)
    if event.channel == turn.s.feeds[event.feed].channel:  # an answer about a channel already left says nothing
        tell(turn, event.feed, "acked" if event.accepted else "refused")


def tick(turn: Turn) -> None:
    """Let every feed's clock decide, and read funding again when it is time."""
    for name in turn.s.feeds:
        tell(turn, name, "timer")
    started = turn.s.feeds[FeedName.FUNDING].state != machine.DOWN
    if _note_settlement(turn):
        ask_funding(turn)  # the rate of the next interval
    elif started and turn.at_ms - turn.s.funding_asked_ms >= turn.p.funding_poll_sec * 1000:
        ask_funding(turn)


def all_fresh(turn: Turn) -> bool:
    return all(feed.state == machine.FRESH for feed in turn.s.feeds.values())


def books_fresh(turn: Turn) -> bool:
    """Tell whether both books are news: a price of one leg beside an old one of the other says nothing of the basis."""
    perp, spot = turn.s.feeds[FeedName.PERP_BOOK], turn.s.feeds[FeedName.SPOT_BOOK]
    return perp.state == machine.FRESH and spot.state == machine.FRESH
