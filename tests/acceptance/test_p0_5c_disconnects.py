"""P0-5c: a lost socket takes every quote out by REST, and nothing is quoted until all is fresh and read back."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot import trading

PERP_PLACE, CANCEL, SPOT_PLACE = "/mix/order/place-order", "/mix/order/cancel-order", "/spot/trade/place-order"
LONG = {"RECONCILE_SEC": "600"}
"""The periodic reading never falls into the test: what is read back is read because of the cut."""


@pytest.mark.parametrize("clean", [True, False], ids=["closed", "reset"])
@pytest.mark.parametrize("stream", ["public", "private"])
async def test_no_quote_survives_a_cut(tmp_path: Path, stream: str, clean: bool) -> None:
    """While the socket is still gone both quotes are cancelled by REST, and the mode is HALTED, not latched."""
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        placed = len(bot.requests(PERP_PLACE))
        await bot.exchange.cut(stream, 60, clean)  # type: ignore[arg-type]
        await bot.until(lambda: not bot.open_orders)

        assert bot.exchange.sockets(stream) == 0 and len(bot.requests(CANCEL)) == 2  # type: ignore[arg-type]
        assert bot.mode == "HALTED" and not any(bot.halts.values())
        assert bot.find("risk", where=lambda line: line["reason"].startswith("socket_lost:"))
        await bot.ticked(2)
        assert bot.mode == "HALTED" and len(bot.requests(PERP_PLACE)) == placed


@pytest.mark.parametrize("stream", ["public", "private"])
async def test_it_quotes_again_when_everything_is_fresh_and_read_back(tmp_path: Path, stream: str) -> None:
    """The socket is back: books, funding, open orders, fills, position and balances are read, then quotes return.

    Nothing waits for the next periodic reading.
    """
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        cut_ms = bot.lines[-1]["ts"]
        await bot.exchange.cut(stream, 0.2)  # type: ignore[arg-type]
        await bot.until(lambda: bot.find("recovered"))
        await bot.quoting()

        recovered = bot.find("recovered")[0]
        halted = [line for line in bot.find("order_new") if cut_ms < line["ts"] < recovered["ts"]]
        assert halted == [], "nothing is placed between the cut and the recovery"
        asked = [it.path for it in bot.exchange.requests if it.at_ms > cut_ms]
        for path in ("/mix/order/fills", "/spot/trade/fills", "orders-pending", "single-position", "account/assets"):
            assert any(path in it for it in asked), f"{path} was not read back"


async def test_funding_is_fresh_again_before_the_quotes_return(tmp_path: Path) -> None:
    """The funding rate that lets it quote again was told after the cut."""
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        cut_ms = bot.lines[-1]["ts"]
        await bot.exchange.cut("public", 0.1)
        await bot.until(lambda: bot.find("recovered"))

        assert bot.runner.desk.state.funding_ms >= cut_ms


async def test_fills_during_the_cut_are_found_by_rest_and_hedged_once(tmp_path: Path) -> None:
    """The cancels are slow, a quote fills while nobody listens: read back, hedged exactly once, position known."""
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        bot.exchange.next_answer(CANCEL, "delay_before_ms", times=2, ms=400)
        await bot.exchange.cut("private", 0.2)
        await bot.until(lambda: len(bot.requests(CANCEL)) == 2)
        bot.fill_bid()
        await bot.hedged()

        assert bot.find("fill", inst_type="USDT-FUTURES")[0]["data"]["via"] == "rest"
        assert [body["size"] for body in bot.requests(SPOT_PLACE)] == ["0.02"]
        await bot.quoting()
        assert bot.truth.position == Decimal("0.02") == bot.runner.desk.state.ledger.perp
        assert bot.truth.spot["ETH"].total == Decimal("0.48") and len(bot.requests(SPOT_PLACE)) == 1


async def test_a_hedge_whose_fill_is_lost_in_a_cut_is_not_sent_again(tmp_path: Path) -> None:
    """The private socket dies between the hedge and the news of it: the order is asked for, and one hedge stands."""
    async with trading(tmp_path, CHILD_SETTLE_MS="100", **LONG) as bot:
        await bot.quoting()
        bot.exchange.next_answer(SPOT_PLACE, "delay_before_ms", ms=150)
        bot.fill_bid()
        await bot.until(lambda: bot.requests(SPOT_PLACE))
        await bot.exchange.cut("private", 0.5)
        await bot.hedged()
        await bot.quoting()

        assert len(bot.requests(SPOT_PLACE)) == 1 and bot.truth.spot["ETH"].total == Decimal("0.48")


@pytest.mark.parametrize("leg", ["perp", "spot"])
async def test_a_silent_book_halts_and_a_speaking_one_brings_the_quotes_back(tmp_path: Path, leg: str) -> None:
    """No news for BOOK_STALE_MS: `book_stale`, quotes out by REST; news: quotes again, by itself."""
    async with trading(tmp_path, BOOK_STALE_MS="250", **LONG) as bot:
        await bot.quoting()
        bot.exchange.silence(leg, "books5")  # type: ignore[arg-type]
        await bot.until(lambda: bot.mode == "HALTED" and not bot.open_orders)

        assert bot.find("risk", reason=f"book_stale:{leg}_book")
        bot.exchange.silence(leg, "books5", is_silent=False)  # type: ignore[arg-type]
        await bot.quoting()


async def test_both_sockets_at_once(tmp_path: Path) -> None:
    """Everything is cut and comes back: nothing rests meanwhile, and it quotes again."""
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        await bot.exchange.cut("public", 0.2)
        await bot.exchange.cut("private", 0.2)
        await bot.until(lambda: not bot.open_orders)
        assert bot.mode == "HALTED"

        await bot.quoting()


async def test_a_fill_while_the_books_are_gone_is_hedged_all_the_same(tmp_path: Path) -> None:
    """The public socket is cut and a quote fills before its cancel arrives: hedged without waiting for books."""
    async with trading(tmp_path, **LONG) as bot:
        await bot.quoting()
        bot.exchange.next_answer(CANCEL, "delay_before_ms", times=2, ms=300)
        await bot.exchange.cut("public", 60)
        await bot.until(lambda: len(bot.requests(CANCEL)) == 2)
        bot.fill_bid()
        await bot.hedged()

        assert bot.exchange.sockets("public") == 0 and bot.mode == "HALTED"
        assert bot.truth.position == Decimal("0.02") and bot.truth.spot["ETH"].total == Decimal("0.48")
