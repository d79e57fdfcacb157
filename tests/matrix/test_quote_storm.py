"""A quote storm at the rate limit with fills in the middle: hedges go first, and the exchange never has to say no."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from mmfsm import events as ev
from mmfsm.values import OVER_BUDGET, InstType
from runner.app import Runner
from runner.paper import Answer, PaperExchange, PaperOptions, Request
from tests.support import bot as support
from tests.support.bot import bot_on, touch

SPOT_PLACE, PERP_PLACE = "/api/v2/spot/trade/place-order", "/api/v2/mix/order/place-order"
REQUESTS = {SPOT_PLACE: "hedge", PERP_PLACE: "quote"}
FILLS, BETWEEN_S, MOVE_S = 5, 0.5, 0.01
STORM = {
    "REQUOTE_MIN_MS": "0",
    "REPLACE_THRESHOLD_BPS": "0",
    "BACKOFF_MS": "1",
    "QUOTE_SIZE": "0.01",
    "RECONCILE_SEC": "1",
    "GUARDIAN": "0",
}


class CountingExchange(PaperExchange):
    """The stand-in, counting its answers by path and status."""

    def __init__(self, options: PaperOptions) -> None:
        super().__init__(options)
        self.statuses: Counter[tuple[str, int]] = Counter()

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        self.statuses[request.path, answer.status] += 1
        return answer


@attrs.define
class Tap:
    """What the runner did, in order: a perp fill handled, a hedge's or a quote's request begun."""

    seen: list[tuple[str, float]] = attrs.field(factory=list)

    def note(self, what: str) -> None:
        self.seen.append((what, asyncio.get_running_loop().time()))

    def runner(self) -> type[Runner]:
        """The runner itself, telling this tap of its perp fills and of every order request about to be written."""
        tap = self

        class Tapped(Runner):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                budget = self.gateway.budget
                budget.took = tap.around_took(budget.took)  # type: ignore[method-assign]

            def handle(self, event: ev.Event) -> None:
                if isinstance(event, ev.FillEvent) and event.fill.inst is InstType.PERP and event.fill.source == "ws":
                    tap.note("fill")
                super().handle(event)

        return Tapped

    def around_took(self, took: Callable[[str], None]) -> Callable[[str], None]:
        def tapped(path: str) -> None:
            took(path)
            if path in REQUESTS:
                self.note(REQUESTS[path])

        return tapped


async def move(exchange: PaperExchange) -> None:
    """Move both books every 10 ms, by more than any tick."""
    for step in itertools.cycle((0, 1, 2, 3, 2, 1)):
        touch(exchange, perp=str(3500 + Decimal(step) / 4), spot=str(3500 + Decimal(step) / 4))
        await asyncio.sleep(MOVE_S)


async def test_no_quote_leaves_between_a_fill_and_its_hedge_and_no_hedge_is_refused_for_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quotes at their share of the limit, books moving every 10 ms, five fills: each hedge is the next request out."""
    tap = Tap()
    monkeypatch.setattr(support, "Runner", tap.runner())
    async with CountingExchange(PaperOptions(market="scripted", queue_ahead=Decimal(0), latency_ms=2)) as exchange:
        touch(exchange)
        async with bot_on(exchange, tmp_path, **STORM) as bot:
            await bot.ready()
            storm = asyncio.create_task(move(exchange))
            for number in range(1, FILLS + 1):
                await asyncio.sleep(BETWEEN_S)
                await bot.until(lambda: bot.quote("buy"))
                bot.fill_bid()
                await bot.hedged(number)
            storm.cancel()
        lines = bot.read_log()
        truth = exchange.account_view()

    over_budget = bot.find("order_reject", where=lambda line: line["res"]["code"] == OVER_BUDGET)
    assert len(over_budget) >= 10, "the storm never reached the quotes' share of the budget"
    order = [what for what, _ in tap.seen]
    fills = [index for index, what in enumerate(order) if what == "fill"]
    assert len(fills) == order.count("hedge") == FILLS
    arrived = [it.path for it in exchange.requests if it.path in (SPOT_PLACE, PERP_PLACE)]
    hedges = [index for index, path in enumerate(arrived) if path == SPOT_PLACE]
    for index, hedge in zip(fills, hedges, strict=True):
        assert order[index + 1] == "hedge", order[index : index + 4]
        # What reached the exchange before the hedge had been begun before the fill was known.
        assert arrived[:hedge].count(PERP_PLACE) <= order[:index].count("quote")
    assert [line for line in lines if line["intent"] in ("hedge", "unwind") and line["event"] == "order_reject"] == []
    assert {key: count for key, count in exchange.statuses.items() if key[1] == 429} == {}
    assert truth.position + truth.spot["ETH"].total == Decimal("0.5") and truth.position == FILLS * Decimal("0.01")
    waits = [after - before for (what, before), (_, after) in itertools.pairwise(tap.seen) if what == "fill"]
    placed = sum(it.path == PERP_PLACE for it in exchange.requests)
    middle = sorted(waits)[len(waits) // 2]
    figures = f"{placed} quotes sent, {len(over_budget)} held back, fill to hedge {middle * 1000:.1f} ms (median)"
    print(f"{figures}, {max(waits) * 1000:.1f} ms at most")
