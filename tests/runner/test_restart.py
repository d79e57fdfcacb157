"""kill -9 at seeded instants, over real processes, judged by the exchange's own truth (I33, I58).

After every kill the quotes are gone within three seconds: the guardian takes them out. After the last restart every
perp fill is hedged exactly once: what spot traded is what the perp traded, to one spot minimum.
"""

import random
import signal
import time
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from runner.paper import PaperExchange
from runner.paper.views import AccountView, FillView
from tests.runner.processes import Process, gone, running
from tests.support.bot import exchange_with

BUSY = {
    "BASE_HALF_SPREAD_BPS": "0.6",
    "INVENTORY_SKEW_BPS": "0.4",
    "FUNDING_SKEW_BPS": "0.1",
    "REPLACE_THRESHOLD_BPS": "0.5",
    "MAX_POSITION": "0.2",
    "REQUOTE_MIN_MS": "100",
    "REQUEST_TIMEOUT_MS": "500",
    "ANSWER_BOUND_MS": "1000",
    "NOT_FOUND_MS": "1000",
    "RECONCILE_SEC": "5",
}
"""Tight quotes, filled within a second of the synthetic market."""

SPOT_MIN = Decimal("0.0004")
"""One spot minimum (1 USDT) at the synthetic market's prices, rounded up."""

GONE_S = 3.0
QUOTE_IDS = ("-Qpb-", "-Qpa-")


@attrs.define
class Toll:
    """What the kills came to."""

    kills: int = 0
    gone_ms: list[int] = attrs.field(factory=list)


def traded(fills: tuple[FillView, ...], product: str) -> Decimal:
    """The signed quantity an account has traded on a product, net of fees in the base coin."""
    total = Decimal(0)
    for fill in fills:
        if fill.product == product:
            total += fill.qty if fill.side == "buy" else -fill.qty
            total -= fill.fee if fill.fee_coin == "ETH" else 0
    return total


def assert_hedged_once(truth: AccountView) -> None:
    """Every perp fill has its spot fills, once: the sums cancel to less than one spot minimum."""
    perp, spot = traded(truth.fills, "perp"), traded(truth.fills, "spot")
    assert abs(perp + spot) < SPOT_MIN, f"perp {perp}, spot {spot}: {perp + spot} is not hedged, or hedged twice"
    assert truth.position == perp and truth.spot["ETH"].total == Decimal("0.5") + spot


async def kill(run: Process, toll: Toll) -> None:
    """kill -9, then see the quotes go."""
    guardian = run.guardian()
    began_at = time.monotonic()
    await run.end(signal.SIGKILL)
    await run.until_open(0, GONE_S)
    toll.kills += 1
    toll.gone_ms.append(round((time.monotonic() - began_at) * 1000))
    await gone(guardian)


async def kill_often(exchange: PaperExchange, tmp_path: Path, rng: random.Random, count: int) -> Toll:
    """Start and kill a run so many times, each at an instant of its own; then let one run settle and stop."""
    toll = Toll()
    for _ in range(count):
        async with running(exchange, tmp_path, **BUSY) as run:
            if rng.random() < 0.5:  # somewhere in the life of a quote or a hedge
                asked = len(exchange.requests) + rng.randint(1, 40)
                await exchange.until(lambda asked=asked: len(exchange.requests) >= asked, 20)  # type: ignore[misc]
            else:  # just after a fill, with its hedge on the way or not yet
                filled = len(exchange.account_view().fills)
                await exchange.until(lambda filled=filled: len(exchange.account_view().fills) > filled, 30)  # type: ignore[misc]
            await kill(run, toll)
    async with running(exchange, tmp_path, **BUSY) as run:
        await exchange.until(
            lambda: any(QUOTE_IDS[0] in it.client_oid for it in exchange.account_view().open_orders), 30
        )
        assert await run.end(signal.SIGTERM, 30) == 0, run.story()
    return toll


async def test_kill_9_at_seeded_instants(tmp_path: Path) -> None:
    """A handful of kills: quotes gone each time, and at the end hedged exactly once."""
    async with exchange_with(book=False, market="synthetic", seed=1) as exchange:
        toll = await kill_often(exchange, tmp_path, random.Random(1), 3)

        assert max(toll.gone_ms) < GONE_S * 1000 and exchange.account_view().open_orders == ()
        assert_hedged_once(exchange.account_view())


@pytest.mark.prove
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(10))
async def test_kill_9_at_a_hundred_instants(tmp_path: Path, seed: int) -> None:
    """Ten kills for each of ten seeds."""
    async with exchange_with(book=False, market="synthetic", seed=100 + seed) as exchange:
        toll = await kill_often(exchange, tmp_path, random.Random(seed), 10)
        print(f"seed {seed}: {toll.kills} kills, quotes gone after {sorted(toll.gone_ms)} ms")

        assert toll.kills == 10 and max(toll.gone_ms) < GONE_S * 1000
        assert_hedged_once(exchange.account_view())


@pytest.mark.parametrize("moment", ["hedge on its way", "hedge refused so far"])
async def test_killed_with_a_ticket_open(tmp_path: Path, moment: str) -> None:
    """The hedge may have arrived or not: the next run finds out, and the fill is hedged once."""
    fault = "delay_ms" if moment == "hedge on its way" else "45001"
    told = {"REQUEST_TIMEOUT_MS": "500", "ANSWER_BOUND_MS": "1000", "NOT_FOUND_MS": "1000"}
    async with exchange_with() as exchange:
        async with running(exchange, tmp_path, **told) as first:
            await first.quoting()
            bid = next(it for it in exchange.account_view().open_orders if it.side == "buy")
            assert bid.price is not None
            exchange.next_answer("/spot/trade/place-order", fault, ms=400)
            exchange.market.trade("perp", bid.price, bid.size, "sell")
            await exchange.until(lambda: any("/spot/trade/place-order" in it.path for it in exchange.requests), 10)
            await kill(first, Toll())
        async with running(exchange, tmp_path, **told) as second:
            await second.quoting()
            assert await second.end(signal.SIGTERM) == 0, second.story()

        assert exchange.account_view().spot["ETH"].total == Decimal("0.48")
        assert_hedged_once(exchange.account_view())
        assert second.lines("restored")[0]["data"]["tickets"]
