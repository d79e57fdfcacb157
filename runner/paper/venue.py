"""The whole exchange without sockets: engine, public feed, REST endpoints and the market that drives them.

Under virtual time a simulator calls `run(now_ms, wanted)` when `next_due_ms` says so, `answer` for requests, and takes
what subscribers would see from `drain`. The aiohttp shell does the same with the real clock.
"""

from collections.abc import Iterator

from runner.paper import mix_routes, public_routes, spot_routes
from runner.paper.api import Answer, Api, Request
from runner.paper.engine import Exchange
from runner.paper.feed import Feed, Key
from runner.paper.market import MarketSource, NoMarket
from runner.paper.options import PaperOptions
from runner.paper.synthetic import SyntheticMarket
from runner.paper.tape import TapeMarket
from runner.paper.values import MarketEvent, Push, TradeEvent

ROUTES = public_routes.ROUTES | mix_routes.ROUTES | spot_routes.ROUTES


class Venue:
    """One exchange, started at `start_ms`. Times in milliseconds since 1970, from one clock of the caller's."""

    def __init__(self, options: PaperOptions, start_ms: int) -> None:
        self.exchange = Exchange(options, start_ms)
        self.feed = Feed(self.exchange)
        self.api = Api(self.exchange, self.feed, ROUTES)
        self._start_ms = start_ms
        self._events: Iterator[MarketEvent] = market_of(options).events()
        self._next = next(self._events, None)

    def answer(self, request: Request, now_ms: int) -> Answer:
        """Answer one REST request."""
        return self.api.handle(request, now_ms)

    def market(self, event: MarketEvent, now_ms: int) -> None:
        """Let one market event happen now."""
        if isinstance(event, TradeEvent):
            self.feed.note_trade(event.product, event.price, event.qty)
        self.exchange.on_market(event, now_ms)

    def run(self, now_ms: int, wanted: set[Key]) -> None:
        """Catch up with the clock: market events, funding, and the pushes of the wanted public channels."""
        while self._next is not None and self._start_ms + self._next.at_ms <= now_ms:
            self.market(self._next, now_ms)
            self._next = next(self._events, None)
        self.exchange.advance(now_ms)
        self.exchange.outbox += self.feed.due(wanted, now_ms)

    def next_due_ms(self, now_ms: int, wanted: set[Key]) -> int | None:
        """Return when `run` has something to do; None when never by itself (funding apart)."""
        times = [self.feed.next_due_ms(wanted, now_ms)]
        if self._next is not None:
            times.append(self._start_ms + self._next.at_ms)
        return min((one for one in times if one is not None), default=None)

    def drain(self) -> list[Push]:
        """Take what has to be pushed, in order."""
        pushes, self.exchange.outbox = self.exchange.outbox, []
        return pushes


def market_of(options: PaperOptions) -> MarketSource:
    """Return the market the options name.

    Raises:
        ValueError: A tape is asked for without a directory.
    """
    if options.market == "synthetic":
        return SyntheticMarket(options.seed)
    if options.market == "scripted":
        return NoMarket()
    if options.tape_dir is None:
        raise ValueError("market 'tape' needs 'tape_dir' (got None)")
    return TapeMarket(options.tape_dir, options.tape_loop)
