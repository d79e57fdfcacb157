"""What a run earned and risked, by the exchange's own account: nothing the bot believes is asked.

    net       change of USDT, of the perp's equity, and of coin at the last spot mid; funding by time held
    unhedged  |perp + coin − coin at start| × spot mid, over time

Coin held from the start is not a result: what it gains by the market is left out. What is still held at the end is
valued at the mids, without what closing it would cost.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import OrderIntent
from runner.paper.engine import Exchange
from runner.paper.instruments import BASE, QUOTE
from runner.paper.numbers import ZERO
from runner.paper.values import Fill
from runner.tuning.figures import Figures
from runner.tuning.funding import INTERVAL_MS


class Meter:
    """Watches one account. Call `look` after whatever may have moved it, `sample` now and then."""

    def __init__(self, exchange: Exchange, now_ms: int) -> None:
        self._exchange = exchange
        self._coin, self._usdt, self._cash = self._held(BASE), self._held(QUOTE), exchange.perp.cash
        self._last: Fill | None = None
        self._delta = self._position = ZERO  # as of the last look
        self._counted_ms = now_ms
        self._booked = ZERO  # what perp fills did to the cash: the rest of its change is funding
        self.accrued = self.peak = ZERO
        self.turnover = self.fees = ZERO
        self.fills = self.quotes = self.trips = self.unwinds = 0
        self.unhedged_notional_s = self.drawdown = 0.0
        self.filled_quotes: set[str] = set()

    def look(self, now_ms: int) -> None:
        """Book what has traded since the last look."""
        fills = self._exchange.store.fills
        if not fills or fills[-1] is self._last:
            return
        for fill in reversed(fills):
            if fill is self._last:
                break
            self._book(fill)
        self._last = fills[-1]
        self._count(now_ms)
        self._position = self._exchange.perp.net
        self._delta = self._position + self._held(BASE) - self._coin

    def sample(self, now_ms: int) -> None:
        """Take the equity, and count funding and exposure up to now."""
        self._count(now_ms)
        if self._last is None:
            return
        net = self.net
        self.peak = max(self.peak, net)
        self.drawdown = max(self.drawdown, float(self.peak - net))

    @property
    def settled(self) -> Decimal:
        """Funding received (paid where negative) at settlements."""
        return self._exchange.perp.cash - self._cash - self._booked

    @property
    def net(self) -> Decimal:
        """What was earned, in USDT; see the module's docstring."""
        coin = (self._held(BASE) - self._coin) * self._price()
        change = self._held(QUOTE) - self._usdt + self._exchange.perp.equity - self._cash + coin
        return change - self.settled + self.accrued

    def watch(self, _event: ev.Event, actions: tuple[do.Action, ...]) -> None:
        """Count quotes sent and tickets ended, from what the desk asks for."""
        for action in actions:
            if isinstance(action, do.PlaceOrder):
                self.quotes += action.request.intent is OrderIntent.QUOTE
            elif isinstance(action, do.Record) and action.event == "ticket" and action.data and action.data["end"]:
                self.trips += 1
                self.unwinds += action.data["unwound_qty"] != "0"

    def figures(self, seed: int, minutes: float, latched: tuple[str, ...], failure: str) -> Figures:
        """Return what was counted."""
        return Figures(
            seed=seed, hours=minutes / 60, trips=self.trips, unwinds=self.unwinds, quotes=self.quotes,
            quotes_filled=len(self.filled_quotes), fills=self.fills, turnover=float(self.turnover),
            net=float(self.net), fees=float(self.fees), funding=float(self.accrued),
            funding_settled=float(self.settled), unhedged_notional_s=self.unhedged_notional_s,
            drawdown=self.drawdown, latched=latched, failure=failure,
        )  # fmt: skip

    # Inside

    def _held(self, coin: str) -> Decimal:
        return self._exchange.wallet.balances[coin].total

    def _price(self) -> Decimal:
        return self._exchange.matchers["spot"].mid or ZERO

    def _count(self, now_ms: int) -> None:
        # What was held since the last count, times how long: exposure and funding.
        for_ms, self._counted_ms = now_ms - self._counted_ms, now_ms
        if self._delta:
            self.unhedged_notional_s += float(abs(self._delta) * self._price()) * for_ms / 1000
        if self._position:
            rate, mark = self._exchange.floor.funding_rate, self._exchange.perp.mark
            self.accrued -= self._position * mark * rate * for_ms / INTERVAL_MS

    def _book(self, fill: Fill) -> None:
        self.fills += 1
        self.turnover += fill.value
        self.fees += fill.fee if fill.fee_coin == QUOTE else fill.fee * fill.price
        if fill.order.product == "perp":
            self._booked += fill.profit - fill.fee
            if fill.is_maker:
                self.filled_quotes.add(fill.order.order_id)
