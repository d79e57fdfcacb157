"""Public channels: books at the exchange's pace, tickers, and what a new subscriber gets first.

Pace (order book channel pages; books1 as on the pages of June 2026): futures books, books5, books15 150 ms, books1
100 ms; spot books 200 ms, books5 and books15 60 ms, books1 20 ms; tickers 300 and 200 ms. Sequence numbers as
recorded in September 2026: `seq` always, `pseq` 0 on snapshots and the previous push's `seq` on updates, no checksum.
"""

from decimal import Decimal
from typing import Any

import attrs

from runner.paper import ws_rows
from runner.paper.engine import Exchange
from runner.paper.fault_plan import Faults
from runner.paper.instruments import PERP_RULES, SYMBOL
from runner.paper.numbers import ZERO, plain
from runner.paper.values import Level, Product, Push

Key = tuple[Product, str]

INTERVAL_MS: dict[Key, int] = {
    ("perp", "books"): 150,
    ("perp", "books5"): 150,
    ("perp", "books15"): 150,
    ("perp", "books1"): 100,
    ("perp", "ticker"): 300,
    ("spot", "books"): 200,
    ("spot", "books5"): 60,
    ("spot", "books15"): 60,
    ("spot", "books1"): 20,
    ("spot", "ticker"): 200,
}
DEPTH = {"books": 200, "books1": 1, "books5": 5, "books15": 15}

CHANGE_UNIT = Decimal("1e-5")

Sides = tuple[list[Level], list[Level]]


@attrs.define
class _Last:
    # What a channel pushed last, and when.
    at_ms: int
    sides: Sides
    seq: int = 0


class Feed:
    """The public channels of one exchange. Only channels somebody listens to cost anything."""

    def __init__(self, exchange: Exchange, faults: Faults | None = None) -> None:
        self._exchange = exchange
        self._faults = faults or Faults()
        self._seq = {"perp": 1_300_000_000_000, "spot": 850_000_000_000}
        self._last: dict[Key, _Last] = {}
        self._pushed: dict[Key, Push] = {}
        self._next_ms: dict[Key, int] = {}
        self._asked: set[Key] = set()
        self._keys: list[Key] = []
        slower = exchange.options.ticker_slower
        self._interval_ms = {key: ms * slower if key[1] == "ticker" else ms for key, ms in INTERVAL_MS.items()}
        self._day: dict[Product, _Day] = {}
        # Channels kept silent by a test, although subscribed.
        self.silent: set[Key] = set()
        exchange.floor.on_print.append(self.note_trade)

    def note_trade(self, product: Product, price: Decimal, qty: Decimal) -> None:
        """Count a public trade into the day's ticker figures."""
        self._day.setdefault(product, _Day(price)).note(price, qty)

    def due(self, wanted: set[Key], now_ms: int, clock_ms: int | None = None) -> list[Push]:
        """Return what the wanted channels push now; `clock_ms` is what the exchange's clock says, if not the time."""
        clock_ms, pushes = now_ms if clock_ms is None else clock_ms, []
        for key in self._paced(wanted):
            if now_ms < self._next_ms.get(key, 0) or key in self.silent:
                continue
            self._next_ms[key] = now_ms + self._interval_ms[key]
            if self._is("books_silent", key, now_ms):
                continue
            push = self._ticker(key[0], clock_ms) if key[1] == "ticker" else self._book(key, now_ms, clock_ms)
            if push is not None:
                pushes.append(push)
        return pushes

    def next_due_ms(self, wanted: set[Key], now_ms: int) -> int | None:
        """Return when `due` has something next; None when nobody listens."""
        times = [self._next_ms.get(key, now_ms) for key in self._paced(wanted) if key not in self.silent]
        return min(times, default=None)

    def _paced(self, wanted: set[Key]) -> list[Key]:
        # Those of the wanted channels that push by the clock, in a fixed order. Mostly the same ones are asked after.
        if wanted != self._asked:
            self._asked, self._keys = set(wanted), sorted(wanted & INTERVAL_MS.keys())
        return self._keys

    def first(self, key: Key, now_ms: int, is_shared: bool = False, clock_ms: int | None = None) -> Push | None:
        """Return the snapshot a new subscriber gets; None before there is a book.

        Args:
            key: The channel.
            now_ms: The time.
            is_shared: Somebody else listens already. Everybody shares one stream of updates, so the snapshot is then
                the state the next update applies to.
            clock_ms: What the exchange's clock says, if not the time.
        """
        clock_ms = now_ms if clock_ms is None else clock_ms
        product, channel = key
        if channel == "trade":
            rows = [ws_rows.trade(trade_id, event, at) for trade_id, event, at in self._exchange.recent[product]]
            return Push(product, "trade", "snapshot", rows, clock_ms) if rows else None
        if key in self.silent or self._is("books_silent", key, now_ms):
            return None
        if channel == "ticker":
            return self._ticker(product, clock_ms)
        sides = self._disturbed(key, now_ms)
        if sides is None:
            return None
        if channel == "books" and is_shared and (last := self._last.get(key)) is not None:
            return self._book_push(key, "snapshot", last.sides, last.seq, 0, clock_ms)
        last = _Last(now_ms, sides, self._next_seq(product))
        self._last[key] = last
        if not is_shared:
            self._next_ms[key] = now_ms + self._interval_ms[key]
        return self._book_push(key, "snapshot", sides, last.seq, 0, clock_ms)

    # Inside

    def _sides(self, product: Product, channel: str) -> Sides | None:
        matcher = self._exchange.matchers[product]
        depth = DEPTH[channel]
        if self._exchange.options.show_own_orders:
            sides = matcher.shown("buy")[:depth], matcher.shown("sell")[:depth]
        else:
            sides = matcher.levels("buy")[:depth], matcher.levels("sell")[:depth]
        return sides if sides[0] or sides[1] else None

    def _is(self, name: str, key: Key, now_ms: int) -> bool:
        return self._faults.active(name, now_ms, product=key[0], channel=key[1]) is not None

    def _disturbed(self, key: Key, now_ms: int) -> Sides | None:
        # What a book channel shows: the book, or what a fault makes of it.
        sides = self._sides(*key)
        if sides is None or self._faults.is_calm:
            return sides
        bids, asks = sides
        rule = self._faults.active("books_one_sided", now_ms, product=key[0], channel=key[1])
        if rule is not None:
            return ([], asks) if rule.parameters["side"] == "bid" else (bids, [])
        if bids and asks and self._is("books_crossed", key, now_ms):
            lift = asks[0][0] - bids[0][0] + PERP_RULES.tick
            return [(price + lift, qty) for price, qty in bids], asks
        return sides

    def _book(self, key: Key, now_ms: int, clock_ms: int) -> Push | None:
        product, channel = key
        if key in self._pushed and self._is("books_stale", key, now_ms):
            return _again(self._pushed[key], clock_ms)
        sides = self._disturbed(key, now_ms)
        if sides is None:
            return None
        last = self._last.get(key)
        repeat_ms = self._exchange.options.repeat_unchanged_ms
        if last is not None and last.sides == sides and now_ms - last.at_ms < repeat_ms:
            return None
        seq = self._next_seq(product)
        self._last[key] = _Last(now_ms, sides, seq)
        if channel != "books" or last is None:
            return self._book_push(key, "snapshot", sides, seq, 0, clock_ms)
        if self._faults.draws("books_gap", now_ms, product=product) is not None:
            return None
        changed = _changes(last.sides[0], sides[0]), _changes(last.sides[1], sides[1])
        return self._book_push(key, "update", changed, seq, last.seq, clock_ms)

    def _book_push(self, key: Key, action: str, sides: Sides, seq: int, pseq: int, now_ms: int) -> Push:
        bids, asks = sides
        row: dict[str, Any] = {
            "asks": [[plain(price), plain(qty)] for price, qty in asks],
            "bids": [[plain(price), plain(qty)] for price, qty in bids],
            "ts": str(now_ms),
            "seq": seq,
            "pseq": pseq,
        }
        push = Push(key[0], key[1], "update" if action == "update" else "snapshot", [row], now_ms)
        self._pushed[key] = push
        return push

    def _next_seq(self, product: Product) -> int:
        self._seq[product] += 7
        return self._seq[product]

    def _ticker(self, product: Product, now_ms: int) -> Push | None:
        row = self.ticker_row(product, now_ms)
        if row is None:
            return None
        return Push(product, "ticker", "snapshot", [row], now_ms)

    def ticker_row(self, product: Product, now_ms: int) -> dict[str, Any] | None:
        """Return the WebSocket ticker row; None before there is any market."""
        exchange = self._exchange
        sides = self._sides(product, "books1")
        mid = exchange.matchers[product].mid
        if sides is None or mid is None:
            return None
        day = self._day.get(product) or _Day(mid)
        last = exchange.matchers[product].last_price or mid
        bid, ask = (side[0] if side else (ZERO, ZERO) for side in sides)
        change = plain(((last - day.first) / day.first).quantize(CHANGE_UNIT))
        row = {
            "instId": SYMBOL,
            "lastPr": plain(last),
            "open24h": plain(day.first),
            "high24h": plain(max(day.high, last)),
            "low24h": plain(min(day.low, last)),
            "change24h": change,
            "bidPr": plain(bid[0]),
            "askPr": plain(ask[0]),
            "bidSz": plain(bid[1]),
            "askSz": plain(ask[1]),
            "baseVolume": plain(day.base),
            "quoteVolume": plain(day.quote),
            "openUtc": plain(day.first),
        }
        if product == "spot":
            return row | {"changeUtc24h": change, "ts": str(now_ms)}
        index = exchange.matchers["spot"].mid or mid
        return row | {
            "fundingRate": plain(exchange.funding_rate),
            "nextFundingTime": str(exchange.next_funding_ms),
            "markPrice": plain(exchange.floor.mark or mid),
            "indexPrice": plain(index),
            "holdingAmount": "31911.34",
            "symbolType": "1",
            "symbol": SYMBOL,
            "ts": str(now_ms),
        }


@attrs.define
class _Day:
    # Ticker figures since the exchange started; it is never up for a whole day in a test.
    first: Decimal
    high: Decimal = attrs.field(default=attrs.Factory(lambda self: self.first, takes_self=True))
    low: Decimal = attrs.field(default=attrs.Factory(lambda self: self.first, takes_self=True))
    base: Decimal = ZERO
    quote: Decimal = ZERO

    def note(self, price: Decimal, qty: Decimal) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.base += qty
        self.quote += price * qty


def _again(push: Push, clock_ms: int) -> Push:
    # The same levels, seq and inner ts; an update that was applied once changes nothing more.
    rows = push.data if push.action == "snapshot" else [row | {"asks": [], "bids": []} for row in push.data]
    return Push(push.product, push.channel, push.action, rows, clock_ms)


def _changes(old: list[Level], new: list[Level]) -> list[Level]:
    # Levels that are new or differ, then those that went: quantity 0.
    before, after = dict(old), dict(new)
    changed = [(price, qty) for price, qty in new if before.get(price) != qty]
    return changed + [(price, ZERO) for price, _ in old if price not in after]
