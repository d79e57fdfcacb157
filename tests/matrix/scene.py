"""One cell's stage: the exchange, the bot that is tried, and the market's moves. Reaches nothing but public APIs."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from runner.paper import OrderView, PaperExchange
from tests.matrix.subjects import Subject
from tests.support.bot import touch

REACH_S = 20.0
"""How long anything on the way to the moment may take; on an idle machine all of it takes two seconds."""


class Scene:
    """What a moment may do and wait for."""

    def __init__(self, exchange: PaperExchange, subject: Subject) -> None:
        self.exchange = exchange
        self.subject = subject
        self.stopping: asyncio.Task[int | None] | None = None

    # --- what happens -------------------------------------------------------------------------------------------------

    def quote(self, side: str) -> OrderView | None:
        """The bot's quote that rests on a side of the perp."""
        ours = [one for one in self.exchange.account_view().open_orders if one.product == "perp"]
        return next((one for one in ours if one.side == side and not one.reduce_only), None)

    def fill_bid(self) -> bool:
        """Somebody sells into the bid, all of it. False: none rests."""
        bid = self.quote("buy")
        if bid is None or bid.price is None:
            return False
        self.exchange.market.trade("perp", bid.price - Decimal("0.01"), bid.size, "sell")
        return True

    async def hold_pair(self) -> None:
        """Let the ask be filled and hedged: the bot is short on the perp and long on spot."""
        await self.quoting()
        ask = self.quote("sell")
        assert ask is not None and ask.price is not None
        self.exchange.market.trade("perp", ask.price + Decimal("0.01"), ask.size, "buy")
        await self.spot_filled()
        await self.exchange.until(lambda: self.quote("sell") is None, REACH_S)

    def move_perp(self) -> None:
        """Move the perp by more than the replace threshold, and by less than the half spread."""
        self.exchange.market.set_touch("perp", "3501.00", "3501.10", "50")

    def restore(self) -> None:
        """Show the books as they were at the start."""
        touch(self.exchange)

    def ask_to_stop(self) -> None:
        """Tell the bot to stop; its end is waited for later."""
        if self.stopping is None:
            self.stopping = asyncio.create_task(self.subject.stop())

    # --- what is waited for -------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """How many requests there were so far."""
        return len(self.exchange.requests)

    async def quoting(self) -> None:
        """Until both quotes rest, and the bot knows it."""
        await self.exchange.until(lambda: self._resting() >= 2, REACH_S)
        await self.subject.knows_its_quotes()

    def _resting(self) -> int:
        return sum(one.product == "perp" for one in self.exchange.account_view().open_orders)

    async def requested(self, path: str, mark: int | None = None) -> None:
        """Until the exchange has noted another request to a path; it has not taken effect yet."""
        since = self.mark() if mark is None else mark
        await self.exchange.until(lambda: any(path in it.path for it in list(self.exchange.requests)[since:]), REACH_S)

    async def spot_filled(self) -> None:
        """Until something was traded on spot."""
        await self.exchange.until(
            lambda: any(fill.product == "spot" for fill in self.exchange.account_view().fills), REACH_S
        )

    async def said(self, event: str, status: str) -> None:
        """Until the bot's log has a line of this event with this status."""
        await self.subject.until_line(lambda line: line["event"] == event and (line["data"] or {})["status"] == status)
