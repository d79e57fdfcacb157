"""What the account really held, at every moment: the exposure's path, taken from the exchange's own books."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal

import attrs

from runner.paper import AccountView, FillView, PaperExchange

SPOT_MIN_NOTIONAL = Decimal(1)
PERP_STEP = Decimal("0.01")
PRICE = Decimal(3500)
DUST = SPOT_MIN_NOTIONAL / PRICE
"""One spot minimum, in base coin: less than this no leg can trade."""

ZERO = Decimal(0)


@attrs.frozen
class Step:
    """The exposure from `at` (seconds of the loop's clock) on, and the fill that made it."""

    at: float
    delta: Decimal
    fill: FillView | None = None


def change(fill: FillView) -> Decimal:
    """What a fill does to the exposure, net of a fee in base coin."""
    qty = fill.qty if fill.side == "buy" else -fill.qty
    return qty - fill.fee if fill.fee_coin == "ETH" else qty


class Watch:
    """Follows the fills of an exchange's default account from its start."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._clock = asyncio.get_running_loop().time
        self._start = exchange.account_view()
        self.path = [Step(self._clock(), ZERO)]
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            await self._exchange.until(lambda: len(self._exchange.account_view().fills) >= len(self.path), 3600.0)
            for fill in self._exchange.account_view().fills[len(self.path) - 1 :]:
                self.path.append(Step(self._clock(), self.path[-1].delta + change(fill), fill))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # --- readings -----------------------------------------------------------------------------------------------------

    @property
    def truth(self) -> AccountView:
        return self._exchange.account_view()

    @property
    def delta(self) -> Decimal:
        """The exposure by the account's balances and position, not by its fills."""
        truth = self.truth
        return truth.position + truth.spot["ETH"].total - self._start.spot["ETH"].total

    @property
    def is_safe(self) -> bool:
        return abs(self.delta) <= DUST

    @property
    def bid_fills(self) -> list[Step]:
        """The fills of the bot's resting bids: what every cell is about."""
        made = [step for step in self.path if step.fill and step.fill.product == "perp" and step.fill.is_maker]
        return [step for step in made if step.fill and step.fill.side == "buy"]

    def safe_for_s(self) -> float:
        """How long the exposure has been within dust; 0 when it is not."""
        if not self.is_safe:
            return 0.0
        last = self.path[-1].at
        for step in reversed(self.path):
            if abs(step.delta) > DUST:
                break
            last = step.at
        return self._clock() - last

    def over_hedged(self) -> Decimal:
        """The most that hedges and unwinds ever traded beyond the exposure, in base coin.

        An unwind may be rounded up to the perp's step where spot has refused: that step is not counted.
        """
        worst, unwound = ZERO, False
        for before, step in itertools.pairwise(self.path):
            if step.fill is None or (step.fill.product == "perp" and step.fill.is_maker):
                continue
            unwound = unwound or step.fill.product == "perp"
            beyond = -step.delta if before.delta > 0 or step.fill.side == "sell" else step.delta
            worst = max(worst, beyond - (PERP_STEP if unwound else ZERO))
        return worst

    def time_to_safe_s(self, struck_at: float) -> float:
        """The longest the exposure was open, from the fault or the fill, whichever came later."""
        worst, opened = 0.0, None
        for step in [*self.path, Step(self._clock(), self.path[-1].delta)]:
            if opened is not None:
                worst = max(worst, step.at - max(opened, struck_at))
            opened = (step.at if opened is None else opened) if abs(step.delta) > DUST else None
        return worst

    def notional_seconds(self) -> float:
        """The integral of the unhedged notional over the cell's time, in USDT s."""
        steps = [*self.path, Step(self._clock(), ZERO)]
        return sum(float(abs(a.delta) * PRICE) * (b.at - a.at) for a, b in itertools.pairwise(steps))
