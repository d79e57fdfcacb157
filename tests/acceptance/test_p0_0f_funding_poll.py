"""P0-0f: funding is read by REST on its period and from the ticker's push; interval and caps are the exchange's own."""

import itertools
from decimal import Decimal
from pathlib import Path

from tests.support.bot import trading

FUNDING = "/market/current-fund-rate"


async def test_it_is_read_by_rest_every_period(tmp_path: Path) -> None:
    """FUNDING_POLL_SEC=1: three readings are a second apart each."""
    async with trading(tmp_path, FUNDING_POLL_SEC="1") as bot:
        await bot.until(lambda: len(bot.requests(FUNDING, "GET")) >= 3)

        asked = [it.at_ms for it in bot.exchange.requests if FUNDING in it.path]
        assert all(700 <= after - before < 2_000 for before, after in itertools.pairwise(asked))


async def test_a_change_is_known_from_the_ticker_before_the_next_reading(tmp_path: Path) -> None:
    """The new rate is in the log, told by the ticker, with no reading by REST between."""
    async with trading(tmp_path, FUNDING_POLL_SEC="80") as bot:
        await bot.quoting()
        bot.exchange.market.funding("-0.0007")
        await bot.until(lambda: bot.find("funding", data_rate="-0.0007"))

        assert bot.find("funding", data_rate="-0.0007")[0]["data"]["via"] == "ticker"
        assert len(bot.requests(FUNDING, "GET")) == 1


async def test_interval_and_caps_are_what_the_exchange_states(tmp_path: Path) -> None:
    """A contract of four hours: nothing is assumed; a later push does not wipe what the reading told."""
    async with trading(tmp_path, {"funding_interval_h": 4}) as bot:
        await bot.quoting()
        bot.exchange.market.funding("0.0002")
        await bot.until(lambda: bot.find("funding", data_rate="0.0002"))

        funding = bot.runner.desk.state.funding
        assert funding is not None and funding.interval_h == 4
        assert (funding.rate_min, funding.rate_max) == (Decimal("-0.003"), Decimal("0.003"))


async def test_readings_that_fail_turn_the_quotes_off_when_the_rate_is_old(tmp_path: Path) -> None:
    """No reading and no push for FUNDING_STALE_SEC: IDLE, nothing rests; the next reading brings the quotes back."""
    async with trading(tmp_path, FUNDING_POLL_SEC="1", FUNDING_STALE_SEC="2") as bot:
        await bot.quoting()
        bot.exchange.silence("perp", "ticker")
        bot.exchange.next_answer(FUNDING, "http500", times=1000)
        await bot.until(lambda: bot.mode == "IDLE" and not bot.open_orders)
        assert bot.find("tick", where=lambda it: it["data"]["why_not"] == "funding_stale")

        bot.exchange.clear_faults()
        await bot.quoting()
