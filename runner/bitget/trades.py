"""Public trades of the perp, conflated: one event of what takers bought and sold, at most ten times a second.

The snapshot that follows a subscription holds trades from before it: they are remembered and not counted. A trade told
twice counts once, as far as the last `SEEN_MAX` trades go back. What was traded while the socket was down is not known,
and not asked for: it would have faded by half within FLOW_WINDOW_MS.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from mmfsm.clock import now_ms
from mmfsm.events import TradesEvent
from mmfsm.values import ZERO, InstType, Side
from runner.bitget.members import Row
from runner.bitget.wire_market import read_trade

PERIOD_S = 0.1
SEEN_MAX = 1_000


class Trades:
    """Adds up trades and tells them: a first one at once, those that follow within `PERIOD_S` together.

    Args:
        on_event: called with each `TradesEvent`, never from within `take`.
    """

    def __init__(self, on_event: Callable[[TradesEvent], None]) -> None:
        self._on_event = on_event
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._untold = {side: ZERO for side in Side}
        self._told_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, row: Row, snapshot: bool) -> None:
        """Take one trade; `snapshot`: it was there before the subscription.

        Raises:
            WireError: it cannot be read.
        """
        trade_id, side, qty = read_trade(row)
        if trade_id in self._seen:
            return
        self._seen[trade_id] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        if snapshot:
            return
        self._untold[side] += qty
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._told_s + PERIOD_S), self._tell)

    @property
    def has_seen_any(self) -> bool:
        """A trade has come, be it from before the subscription."""
        return bool(self._seen)

    def close(self) -> None:
        """Tell nothing any more of what was taken."""
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        untold, self._untold = self._untold, {side: ZERO for side in Side}
        self._timer, self._told_s = None, asyncio.get_running_loop().time()
        self._on_event(TradesEvent(now_ms(), InstType.PERP, untold[Side.BUY], untold[Side.SELL]))
