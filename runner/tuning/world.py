"""The simulator's world with a coarse market: books go straight to the bot, and the account is watched.

What it uses of `World`: sockets, requests, private pushes and their times. What it replaces: the market's clock (one
moment a step), books (as late as the line, without text and parser), the public ticker (silent: funding is read by
REST). Public trades are told as the market has them when the bot listens (`K_FLOW`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mmfsm.events import BookEvent
from mmfsm.values import InstType, Level
from runner.paper.api import Answer, Request
from runner.paper.options import PaperOptions
from runner.paper.values import BookEvent as VenueBook
from runner.paper.values import FundingEvent, MarketEvent, TradeEvent, opposite
from runner.paper.values import Level as VenueLevel
from runner.simulator.clock import VirtualLoop
from runner.simulator.network import Line
from runner.simulator.world import World
from runner.tuning.coarse import Step
from runner.tuning.meter import Meter

_INST = {"perp": InstType.PERP, "spot": InstType.SPOT}


class CoarseWorld(World):
    """One exchange, its coarse market, and what watches the account.

    Args:
        loop: whose time it is.
        options: the exchange's; its own market is not used.
        steps: the market, times counted from the start.
        funding: rates to come, times in Unix milliseconds.
        line: how long a message takes, one way.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        options: PaperOptions,
        steps: Iterator[Step],
        funding: Iterator[FundingEvent],
        line: Line,
    ) -> None:
        super().__init__(loop, options, iter(()), line, direct=True)
        self.venue.feed.silent.add(("perp", "ticker"))
        self.meter = Meter(self.venue.exchange, loop.start_ms)
        self._steps, self._funding = steps, funding
        self._step = next(steps)
        self._rate = next(funding, None)
        self._told_s = 0.0

    def start(self) -> None:
        """Let the market run."""
        super().start()
        self._take_step()

    def answer(self, asked: Request) -> Answer:
        """Carry out a request; what it traded is counted at once."""
        answer = super().answer(asked)
        self.meter.look(self.now_ms)
        return answer

    def _take_step(self) -> None:
        now, step, venue = self.now_ms, self._step, self.venue
        while self._rate is not None and self._rate.at_ms <= now:
            self.meter.sample(now)  # until now the old rate ran
            venue.exchange.advance(now)  # the interval that ends is settled at its own rate
            venue.market(self._rate, now)
            self._rate = next(self._funding, None)
        is_heard = ("perp", "trade") in self.wanted()
        events: list[MarketEvent] = [trade for trade in step.trades if is_heard or self._is_met(trade)]
        events += step.books
        for event in events:
            venue.market(event, now)
        if events:
            self.meter.look(now)
            self.meter.sample(now)
            self._push_out()
        if step.books:
            self._told_s = max(self._told_s, self.loop.time() + self.line.delay_s())
            self.loop.call_at(self._told_s, self._tell, step.books, now)
        self._step = next(self._steps)
        self.loop.at_ms(self.loop.start_ms + self._step.at_ms, self._take_step)

    def _is_met(self, trade: TradeEvent) -> bool:
        # A trade that reaches no order of ours, and is not listened to, changes nothing: prices come from books.
        price = trade.price
        resting = self.venue.exchange.matchers[trade.product].resting(opposite(trade.taker_side))
        if trade.taker_side == "sell":
            return any(one.price >= price for one in resting)
        return any(one.price <= price for one in resting)

    def _tell(self, books: tuple[VenueBook, ...], from_ms: int) -> None:
        at_ms = self.now_ms
        for book in books:
            bids, asks = _levels(book.bids), _levels(book.asks)
            if self.on_book is not None and bids and asks:
                self.on_book(BookEvent(at_ms, _INST[book.product], bids, asks, from_ms))


def _levels(levels: tuple[VenueLevel, ...]) -> tuple[Level, ...]:
    return tuple([Level(price, qty) for price, qty in levels])
