"""Is an input trustworthy now: acknowledged is not fresh, silence has a bound, books5 falls back to books once."""

from __future__ import annotations

import pytest

from mmfsm.events import FeedName
from mmfsm.machines.feed import BOOKS, BOOKS5, DOWN, FRESH, PRIVATE, STALE, SUBSCRIBING, TABLE, Feed, FeedInput, FeedOut

T = 1_800_000_000_000
FALL_BACK = ["unsubscribe_books5", "fell_back", "subscribe"]


def book(state: str = DOWN, channel: str = BOOKS5) -> Feed:
    return Feed(FeedName.PERP_BOOK, channel, state, heard_ms=T, since_ms=T)


def private(state: str = DOWN) -> Feed:
    return Feed(FeedName.PRIVATE, PRIVATE, state, heard_ms=T, since_ms=T)


def fire(feed: Feed, *events: str, ms: int = 0) -> FeedOut:
    """Tell a feed of events `ms` after T, with the default limits of its kind."""
    out: FeedOut = []
    quiet = feed.name is FeedName.PRIVATE
    what = FeedInput(T + ms, 60_000 if quiet else 3_000, 10_000 if quiet else 5_000, needs_ack=quiet)
    for event in events:
        assert not TABLE.fire(feed, event, what, out).impossible
    return out


def test_connected_it_is_subscribed_and_not_fresh() -> None:
    """Up asks for the channel; acknowledged is not fresh; the first data is."""
    feed = book()

    assert fire(feed, "up") == ["subscribe"]
    fire(feed, "acked")
    assert feed.state == SUBSCRIBING
    fire(feed, "data")
    assert feed.state == FRESH


def test_books5_refused_falls_back_to_books() -> None:
    """Refused, it unsubscribes books5, says so, and subscribes books; staleness is not involved."""
    feed = book()
    fire(feed, "up")

    assert fire(feed, "refused") == FALL_BACK
    assert (feed.channel, feed.state) == (BOOKS, SUBSCRIBING)


@pytest.mark.parametrize(("ms", "channel"), [(4_999, BOOKS5), (5_000, BOOKS)])
def test_books5_silent_falls_back_to_the_millisecond(ms: int, channel: str) -> None:
    """Silent for books5_silent_ms after subscribing: books instead, still not stale."""
    feed = book()
    fire(feed, "up")
    fire(feed, "acked")

    out = fire(feed, "timer", ms=ms)

    assert (feed.channel, feed.state) == (channel, SUBSCRIBING)
    assert out == (FALL_BACK if channel == BOOKS else [])


def test_it_falls_back_once_and_for_the_run() -> None:
    """books refused or silent is STALE, and after a cut books is asked for, not books5."""
    refused, silent = book(SUBSCRIBING, BOOKS), book(SUBSCRIBING, BOOKS)

    assert fire(refused, "refused") == ["refused"]
    fire(silent, "timer", ms=5_000)
    assert (refused.state, silent.state) == (STALE, STALE)
    assert fire(silent, "down", "up") == ["subscribe"]
    assert silent.channel == BOOKS


@pytest.mark.parametrize("state", [FRESH, STALE])
def test_books5_refused_late_falls_back_too(state: str) -> None:
    """An error about books5 after data is the same answer."""
    feed = book(state)

    assert fire(feed, "refused") == FALL_BACK
    assert feed.state == SUBSCRIBING


@pytest.mark.parametrize(("ms", "state"), [(2_999, FRESH), (3_000, STALE)])
def test_book_stale_to_the_millisecond(ms: int, state: str) -> None:
    """A book without news for book_stale_ms is STALE."""
    feed = book(FRESH)

    fire(feed, "timer", ms=ms)

    assert feed.state == state


def test_news_restarts_the_clock_and_heals_staleness() -> None:
    """Data at 2,999 keeps it fresh until 5,998; data on a stale book makes it fresh."""
    feed = book(FRESH)
    fire(feed, "data", ms=2_999)
    fire(feed, "timer", ms=5_998)
    assert feed.state == FRESH
    fire(feed, "timer", ms=5_999)
    assert feed.state == STALE

    fire(feed, "data", ms=6_100)
    assert feed.state == FRESH


@pytest.mark.parametrize(("ms", "state"), [(59_999, FRESH), (60_000, STALE)])
def test_private_silence_to_the_millisecond(ms: int, state: str) -> None:
    """The private stream without a word for private_silent_ms is STALE."""
    feed = private(FRESH)

    fire(feed, "timer", ms=ms)

    assert feed.state == state


def test_a_pong_keeps_a_private_stream_alive_but_does_not_make_it_fresh() -> None:
    """Alive is not fresh: it counts only after the stream has given data."""
    feed = private(FRESH)
    fire(feed, "alive", ms=59_999)
    fire(feed, "timer", ms=60_001)
    assert feed.state == FRESH

    subscribing = private(SUBSCRIBING)
    fire(subscribing, "alive", ms=10)
    assert subscribing.state == SUBSCRIBING


def test_private_data_before_the_last_acknowledgement_waits_for_it() -> None:
    """One of its subscriptions may still be refused: fresh with the acknowledgement, not with the first push."""
    feed = private()
    fire(feed, "up")
    fire(feed, "data", ms=5)
    assert feed.state == SUBSCRIBING

    fire(feed, "acked", ms=9)
    assert feed.state == FRESH


@pytest.mark.parametrize(("ms", "state"), [(9_999, SUBSCRIBING), (10_000, STALE)])
def test_acknowledged_and_silent_is_stale(ms: int, state: str) -> None:
    """A stream that was acknowledged and says nothing is not trusted."""
    feed = private()
    fire(feed, "up")
    fire(feed, "acked")

    fire(feed, "timer", ms=ms)

    assert feed.state == state


def test_a_refused_private_subscription_is_stale_and_said() -> None:
    """There is nothing to fall back to."""
    feed = private(SUBSCRIBING)

    assert fire(feed, "refused") == ["refused"]
    assert feed.state == STALE


@pytest.mark.parametrize("state", [SUBSCRIBING, FRESH, STALE])
def test_a_cut_is_down_and_what_was_under_way_says_nothing(state: str) -> None:
    """After the cut, data, pongs and answers from before it change nothing."""
    feed = book(state)
    fire(feed, "down")
    assert feed.state == DOWN

    assert fire(feed, "data", "alive", "acked", "refused", "timer", ms=60_000) == []
    assert feed.state == DOWN


@pytest.mark.parametrize("state", [SUBSCRIBING, FRESH, STALE])
def test_a_new_connection_subscribes_again(state: str) -> None:
    """What was acknowledged on the old socket does not count on the new one."""
    feed = private(state)
    feed.acked = True

    assert fire(feed, "up") == ["subscribe"]
    assert (feed.state, feed.acked, feed.heard_ms) == (SUBSCRIBING, False, 0)


def test_a_stream_that_stays_stale_is_connected_again_every_half_minute() -> None:
    """Pongs come, data does not: at 30 s its socket is closed, not at 29.999; and again 30 s later. Never funding's."""
    for name, commands in ((FeedName.PRIVATE, ["reconnect"]), (FeedName.FUNDING, [])):
        feed = Feed(name, "private", "STALE", since_ms=1_000, acked=True)
        for at_ms, expected in ((30_999, []), (31_000, commands), (60_999, []), (61_000, commands)):
            out: list[str] = []
            TABLE.fire(feed, "timer", FeedInput(at_ms, 1_000, 1_000), out)  # type: ignore[arg-type]
            assert (out, feed.state) == (expected, "STALE")
