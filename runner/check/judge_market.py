"""Judging what anybody may read: hosts and clocks, the rules, sizes, fees, break-even and funding."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from mmfsm import events as ev
from mmfsm.events import FeedName
from mmfsm.fees import Fees, break_even_bps, resolve
from mmfsm.guards import funding_off, quote_size, smallest_tradable
from mmfsm.values import Constraints, Funding, InstrumentRules, plain
from runner.advice import advice_for
from runner.bitget.hosts import host_of
from runner.check.items import Item, advise, fail, judged, ok, unread, warn
from runner.check.look import Look
from runner.check.streams import BOOKS, FIRST, Stream
from runner.settings import Settings

HOUR_MS = 3_600_000
LEGS = {FeedName.PERP_BOOK: "perp book", FeedName.SPOT_BOOK: "spot book"}


def rest(told: Look, s: Settings) -> list[Item]:
    """The REST host and its clock."""
    host, time = host_of(s.bitget_rest_url), told.time
    if isinstance(time, ev.CheckFailed):
        return [unread("rest", "REST host", time)]
    skew_ms = time.exch_ms - time.at_ms
    detail = f"{skew_ms} ms from ours, at most {s.clock_skew_max_ms} ms"
    return [
        ok("rest", "REST host", f"{host} answered in {told.took_ms} ms", took_ms=told.took_ms),
        judged(abs(skew_ms) <= s.clock_skew_max_ms, "clock", "clock", detail, "clock_skew", skew_ms=skew_ms),
    ]


def public_socket(feeds: dict[FeedName, Stream], s: Settings) -> list[Item]:
    """The public socket, and on it each leg's book."""
    one = feeds[FeedName.PERP_BOOK]
    host = host_of(s.ws_public_url)
    if one.connected_ms is None:
        return [
            fail(
                "public_socket",
                "public socket",
                f"{host}: {one.down or 'no connection'}",
                advice_for("no_answer:public"),
            )
        ]
    connected = ok("public_socket", "public socket", f"{host} connected in {one.connected_ms} ms")
    return [connected, *(_book(name, feeds[name], s) for name in BOOKS)]


def _book(name: FeedName, feed: Stream, s: Settings) -> Item:
    key, label = name.value, LEGS[name]
    if feed.book is None or feed.skew_ms is None:
        why = "; ".join(feed.refused) or "subscribed, and no book came"
        return fail(key, label, why, "Without both books nothing is quoted: check SYMBOL, and Bitget's notices.")
    bid, ask = feed.book.bids[0], feed.book.asks[0]
    detail = f"{feed.channel}: {plain(bid.price)} / {plain(ask.price)}, {-feed.skew_ms} ms old by its own time"
    data = {"bid": plain(bid.price), "ask": plain(ask.price), "age_ms": -feed.skew_ms, "channel": feed.channel}
    if not -s.book_stale_ms <= feed.skew_ms <= s.clock_skew_max_ms:
        return warn(key, label, detail, "An old book, or a clock that is off: look at it again in a minute.", **data)
    if feed.channel != FIRST:
        why = "; ".join(feed.refused)
        return warn(key, label, f"{detail} ({why})", "The slower channel serves; nothing to do.", **data)
    return ok(key, label, detail, **data)


def private_socket(feeds: dict[FeedName, Stream], s: Settings) -> list[Item]:
    """The private socket: login, its channels, and the clock of what it tells."""
    feed = feeds.get(FeedName.PRIVATE)
    if feed is None:
        return []
    key, label, host = "private_socket", "private socket", host_of(s.ws_private_url)
    if feed.connected_ms is None:
        return [fail(key, label, f"{host}: {feed.down or 'no connection'}", advise(_code_in(feed.down)))]
    if feed.skew_ms is None:
        why = "; ".join(feed.refused) or "logged in and subscribed, and nothing came"
        return [fail(key, label, f"{host}: {why}", "Without it no fill is heard in time: look at Bitget's notices.")]
    detail = f"{host} logged in after {feed.connected_ms} ms; its clock is {feed.skew_ms} ms from ours"
    fits = abs(feed.skew_ms) <= s.clock_skew_max_ms
    return [judged(fits, key, label, detail, "clock_skew", skew_ms=feed.skew_ms)]


def _code_in(why: str) -> str:
    """The exchange's code in the words of a socket's end, for its advice."""
    return next(
        (word for word in why.replace(":", " ").split() if word.isdigit() and len(word) == 5), "no_answer:private"
    )


def rules(told: Look) -> list[Item]:
    """Ticks, steps and minimums of both legs."""
    answer = told.rules
    if isinstance(answer, ev.CheckFailed):
        return [unread("rules", "rules of both legs", answer)]
    if answer.constraints is None:
        return [fail("rules", "rules of both legs", answer.why or "", advice_for("constraints_missing"))]
    perp, spot = answer.constraints.perp, answer.constraints.spot
    return [ok("rules", "rules of both legs", f"perp {_rule(perp)}; spot {_rule(spot)}")]


def _rule(one: InstrumentRules) -> str:
    return (
        f"tick {plain(one.price_tick)}, step {plain(one.qty_step)}, at least {plain(one.qty_min)}"
        f" and {plain(one.notional_min)} {one.quote_coin}"
    )


def size(rules: Constraints, s: Settings, price: Decimal) -> Item:
    """QUOTE_SIZE and MAX_POSITION against what both legs take at this price."""
    key, label, coin = "size", "quote size", rules.perp.base_coin
    wanted, least = quote_size(s, rules, price), smallest_tradable(rules, price)
    detail = f"{plain(wanted)} {coin}, of at least {plain(least)} for both legs; MAX_POSITION {plain(s.max_position)}"
    if wanted < least:
        return fail(key, label, detail, f"Set QUOTE_SIZE to {plain(least)} or more, or to 0 for the smallest.")
    if s.max_position < wanted:
        return fail(key, label, detail, f"Set MAX_POSITION to {plain(wanted)} or more, or no quote fits under it.")
    if s.quote_size and wanted != s.quote_size:
        advice = f"QUOTE_SIZE {plain(s.quote_size)} is no multiple of {plain(rules.perp.qty_step)}: it is cut."
        return warn(key, label, detail, advice, size=plain(wanted))
    return ok(key, label, detail, size=plain(wanted))


def fees(told: Look, rules: Constraints, s: Settings) -> list[Item]:
    """What is charged, on whose word, and what a quote must stand off for it."""
    rates = resolve(s, rules, told.fees.perp, told.fees.spot)
    perp, spot = rates.perp, rates.spot
    detail = (
        f"perp maker {plain(perp.maker_bps)}, taker {plain(perp.taker_bps)} bps ({perp.source});"
        f" spot taker {plain(spot.taker_bps)} bps ({spot.source})"
    )
    if s.has_keys and told.fees.why:
        advice = "The account's own rates could not be read. Set PERP_MAKER_BPS, PERP_TAKER_BPS and SPOT_TAKER_BPS."
        one = warn("fees", "fees", f"{detail}: {told.fees.why}", advice)
    else:
        one = ok("fees", "fees", detail)
    return [one, break_even(rates, s)]


def break_even(rates: Fees, s: Settings) -> Item:
    """The half spread that pays, against the half spreads that are set."""
    key, label = "break_even", "break-even"
    even = break_even_bps(rates, s.expected_slip_bps, s.edge_buffer_bps)
    least, base = even + s.min_edge_bps, s.base_half_spread_bps
    detail = f"half spread {plain(even)} bps; BASE_HALF_SPREAD_BPS {plain(base)}"
    if s.edge_floor and least > s.max_half_spread_bps:
        return fail(
            key, label, f"{detail}, and MIN_EDGE_BPS makes it {plain(least)}",
            f"Set MAX_HALF_SPREAD_BPS above {plain(least)}, or both sides stay off.",
        )  # fmt: skip
    if s.edge_floor:
        return ok(key, label, f"{detail}; no side is quoted nearer to spot than {plain(least)}", bps=plain(even))
    if base < even:
        return warn(key, label, f"{detail}, EDGE_FLOOR=0", "A fill at the base half spread loses: EDGE_FLOOR=1.")
    return ok(key, label, f"{detail}; EDGE_FLOOR=0", bps=plain(even))


def funding(told: Look, s: Settings) -> Item:
    """The rate of now, when it is settled next, and whether it allows quotes."""
    key, label = "funding", "funding"
    if isinstance(told.funding, ev.CheckFailed):
        return unread(key, label, told.funding)
    one = told.funding.funding
    detail = f"{one.rate / Decimal('0.0001'):.2f} bps{_when(one, told)}"
    data = {"rate": plain(one.rate), "next_ms": one.next_ms}
    if why := funding_off(one, s):
        advice = "Quotes stay off until it changes: MIN_ABS_FUNDING and FUNDING_DIRECTION say what is wanted."
        return warn(key, label, f"{detail}; quotes would be off ({why})", advice, **data)
    return ok(key, label, detail, **data)


def _when(one: Funding, told: Look) -> str:
    every = f" every {plain(one.interval_h)} h" if one.interval_h else ""
    if one.next_ms is None or isinstance(told.time, ev.CheckFailed):
        return every
    left_h = (one.next_ms - told.time.exch_ms) / HOUR_MS
    return f"{every}, next at {datetime.fromtimestamp(one.next_ms / 1000, UTC):%H:%M} UTC, in {left_h:.1f} h"
