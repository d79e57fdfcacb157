"""The whole exchange without sockets: engine, public feed, REST endpoints and the market that drives them.

Under virtual time a simulator calls `run(now_ms, wanted)` when `next_due_ms` says so, `answer` for requests, and takes
what subscribers would see from `drain`. The aiohttp shell does the same with the real clock.
"""

from collections.abc import Iterator

from runner.paper import mix_routes, public_routes, spot_routes
from runner.paper.api import Answer, Api, Request
from runner.paper.engine import Exchange
from runner.paper.fault_plan import Faults
from runner.paper.fault_rules import FaultRule, Window
from runner.paper.feed import Feed, Key
from runner.paper.market import MarketSource, NoMarket
from runner.paper.options import PaperOptions
from runner.paper.resampled import ResampledMarket
from runner.paper.synthetic import SyntheticMarket
from runner.paper.tape import TapeMarket
from runner.paper.trouble import MarketTrouble
from runner.paper.values import MarketEvent, Product, Push

ROUTES = public_routes.ROUTES | mix_routes.ROUTES | spot_routes.ROUTES


class Venue:
    """One exchange, started at `start_ms`. Times in milliseconds since 1970, from one clock of the caller's.

    `exchange` is the default account's side of it, `accounts` every account's by name. `faults` decides what
    misbehaves: what concerns the market, the books and the accounts is applied here, the rest by who carries requests
    and pushes (`faults.for_answer`, `deliver`, `take_strikes`). Engine and endpoints go by the exchange's own clock,
    `clock_ms`, which a fault may move; the market, the pace of channels and the faults go by the time.
    """

    def __init__(self, options: PaperOptions, start_ms: int) -> None:
        self.options = options
        self.faults = Faults(options.faults, options.seed, start_ms)
        self.exchange = Exchange(options, start_ms)
        self.accounts = self.exchange.floor.members
        for account in options.accounts:
            Exchange(options, start_ms, self.exchange.floor, account)
        self.feed = Feed(self.exchange, self.faults)
        self.api = Api(self.exchange, self.feed, ROUTES)
        self._start_ms = start_ms
        self._trouble = MarketTrouble(self.exchange.floor, self.faults)
        self._events: Iterator[MarketEvent] = market_of(options).events()
        self._next = next(self._events, None)

    def clock_ms(self, now_ms: int) -> int:
        """Return what the exchange's own clock says: the time, unless a fault has moved it."""
        return now_ms + self.faults.offset_ms(now_ms)

    def answer(self, request: Request, now_ms: int) -> Answer:
        """Answer one REST request."""
        self._trouble.sync(now_ms)
        return self.api.handle(request, self.clock_ms(now_ms))

    def sync(self, now_ms: int) -> None:
        """Let the faults of the market begin and end; every other call does it by itself."""
        self._trouble.sync(now_ms)

    def market(self, event: MarketEvent, now_ms: int) -> None:
        """Let one market event happen now."""
        self._trouble.sync(now_ms)
        shaped = self._trouble.shape(event)
        if shaped is not None:
            self.exchange.on_market(shaped, self.clock_ms(now_ms))

    def run(self, now_ms: int, wanted: set[Key]) -> None:
        """Catch up with the clock: market events, funding, and the pushes of the wanted public channels."""
        while self._next is not None and self._start_ms + self._next.at_ms <= now_ms:
            self.market(self._next, now_ms)
            self._next = next(self._events, None)
        self._trouble.sync(now_ms)
        clock_ms = self.clock_ms(now_ms)
        self.api.later.run(clock_ms)
        self.exchange.advance(clock_ms)
        self.exchange.outbox.extend(self.feed.due(wanted, now_ms, clock_ms))

    def next_due_ms(self, now_ms: int, wanted: set[Key]) -> int | None:
        """Return when `run` has something to do; None when never by itself (funding apart)."""
        times = []
        if (feed_ms := self.feed.next_due_ms(wanted, now_ms)) is not None:
            times.append(feed_ms)
        if (fault_ms := self.faults.next_due_ms(now_ms)) is not None:
            times.append(fault_ms)
        if (later_ms := self.api.later.next_due_ms) is not None:
            times.append(later_ms - self.faults.offset_ms(now_ms))
        if self._next is not None:
            times.append(self._start_ms + self._next.at_ms)
        return min(times, default=None)

    def drain(self) -> list[Push]:
        """Take what has to be pushed, in order, before any fault."""
        floor = self.exchange.floor
        pushes, floor.outbox = floor.outbox, []
        return pushes

    def deliver(self, now_ms: int) -> list[Push]:
        """Take what leaves now: what has to be pushed, after the faults of pushes, and late ones that are due."""
        copies, pushes = self.options.private_pushes, self.drain()
        if self.options.fills_together:
            pushes = _together(pushes)
        if copies > 1:
            pushes = [push for one in pushes for push in [one] * (copies if one.is_private else 1)]
        return self.faults.deliver(pushes, now_ms)

    def take_strikes(self, now_ms: int) -> list[tuple[FaultRule, Window]]:
        """Take the faults of streams that have begun: cuts, half-open sockets, the exchange going down."""
        self._trouble.sync(now_ms)
        if not self._trouble.strikes:
            return []
        taken, self._trouble.strikes = self._trouble.strikes, []
        return taken


def _together(pushes: list[Push]) -> list[Push]:
    """Return the pushes with all fills of an account and product in one, where the first of them was."""
    out: list[Push] = []
    fills: dict[tuple[str, Product], Push] = {}
    for push in pushes:
        if push.channel != "fill":
            out.append(push)
        elif (key := (push.account, push.product)) in fills:
            fills[key].data.extend(push.data)
        else:
            fills[key] = push
            out.append(push)
    return out


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
        raise ValueError(f"market {options.market!r} needs 'tape_dir' (got None)")
    if options.market == "resampled":
        return ResampledMarket(options.tape_dir, options.seed, options.block_s, options.tape_thin)
    return TapeMarket(options.tape_dir, options.tape_loop, options.tape_thin)
