"""P0-0c: both books and the private stream come by socket, ticks on their period, and account events act at once."""

import itertools
from decimal import Decimal
from pathlib import Path

from mmfsm.values import InstType
from tests.support.bot import touch, trading

NO_TICKS = {"TICK_SEC": "60"}
"""No tick falls into the test: whatever happens was done by the event itself."""


async def test_each_subscription_and_its_answer_is_logged(tmp_path: Path) -> None:
    """books5 of both legs and the private set, each acknowledged, before the run is READY."""
    async with trading(tmp_path) as bot:
        await bot.ready()

        told = {line["reason"]: line["data"] for line in bot.find("subscribe")}
        assert {name: (data["channel"], data["accepted"]) for name, data in told.items()} == {
            "perp_book": ("books5", True),
            "spot_book": ("books5", True),
            "private": ("private", True),
        }


async def test_a_refused_subscription_is_logged_with_the_exchanges_words(tmp_path: Path) -> None:
    """Code and message of the refusal are in the record."""
    async with trading(tmp_path, {"books5_spot": "refused"}) as bot:
        await bot.ready()

        refused = bot.find("subscribe", reason="spot_book", data_accepted=False)[0]["data"]
        assert refused["code"] == "30001" and "books5" in refused["msg"]


async def test_everything_goes_through_pybotters_store(tmp_path: Path) -> None:
    """After a hedged fill BitgetV2DataStore holds books, orders' end, fills, positions and balances of both legs."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        store = bot.runner.sockets.store
        await bot.until(lambda: store.positions.find() and len(store.fill.find()) == 2)

        assert {row["instType"] for row in store.book.find()} == {"USDT-FUTURES", "SPOT"}
        assert {row["instType"] for row in store.fill.find()} == {"USDT-FUTURES", "SPOT"}
        assert Decimal(store.positions.find()[0]["total"]) == Decimal("0.02")
        assert {row["instType"] for row in store.account.find()} == {"USDT-FUTURES", "SPOT"}


async def test_ticks_come_every_tick_sec(tmp_path: Path) -> None:
    """Ten ticks of 0.1 s take a second, no two closer than nine tenths of the period; each shows both books."""
    async with trading(tmp_path, TICK_SEC="0.1") as bot:
        await bot.quoting()
        begun = len(bot.find("tick"))
        await bot.until(lambda: len(bot.find("tick")) >= begun + 11)

        ticks = bot.find("tick")[begun : begun + 11]
        gaps = [after["ts"] - before["ts"] for before, after in itertools.pairwise(ticks)]
        assert min(gaps) >= 90 and sum(gaps) >= 990
        assert ticks[-1]["data"]["perp"]["bid"] == "3500" and ticks[-1]["data"]["spot"]["ask"] == "3500.1"


async def test_a_fill_is_hedged_at_once_and_not_at_the_next_tick(tmp_path: Path) -> None:
    """With a minute between ticks the hedge is filled on the exchange before any tick has come."""
    async with trading(tmp_path, **NO_TICKS) as bot:
        await bot.quoting()
        bot.fill_ask()
        await bot.hedged()

        perp, spot = (next(it for it in bot.truth.fills if it.product == leg) for leg in ("perp", "spot"))
        assert spot.at_ms - perp.at_ms < 2_000, "hedged, and well before any tick"
        assert bot.find("tick") == []


async def test_an_orders_push_acts_at_once(tmp_path: Path) -> None:
    """A quote that somebody else cancels is noticed and replaced without a tick."""
    async with trading(tmp_path, **NO_TICKS) as bot:
        await bot.quoting()
        gone = bot.quote("buy")
        assert gone is not None
        await bot.runner.gateway.cancel_perp_order(gone.client_oid, gone.order_id)

        await bot.until(lambda: (bid := bot.quote("buy")) and bid.order_id != gone.order_id)
        assert bot.find("tick") == []


async def test_a_positions_push_is_heard_at_once(tmp_path: Path) -> None:
    """The desk knows the position the exchange reports without asking for it by REST."""
    async with trading(tmp_path, **NO_TICKS) as bot:
        await bot.quoting()
        asked = len(bot.requests("single-position", "GET"))
        bot.fill_bid()
        await bot.hedged()
        await bot.until(lambda: any(Decimal(row["total"]) for row in bot.runner.sockets.store.positions.find()))

        assert bot.runner.desk.state.ledger.perp == Decimal("0.02") == bot.truth.position
        assert len(bot.requests("single-position", "GET")) == asked


async def test_books_move_the_quotes_without_a_tick(tmp_path: Path) -> None:
    """Both legs' newest books are what the desk sees."""
    async with trading(tmp_path, **NO_TICKS) as bot:
        await bot.quoting()
        before = bot.quote("buy")
        touch(bot.exchange, perp="3501.00", spot="3501.00")

        await bot.until(lambda: (bid := bot.quote("buy")) and before and bid.price > before.price)
        await bot.until(lambda: bot.runner.desk.state.books[InstType.SPOT].bids[0].price == Decimal(3501))


async def test_the_keep_alive_keeps_both_sockets(tmp_path: Path) -> None:
    """An exchange that drops whoever is silent for 300 ms never drops us when we ping every 100 ms."""
    async with trading(tmp_path, {"ping_bound_ms": 300}, WS_PING_MS="100", TICK_SEC="0.1") as bot:
        await bot.quoting()
        await bot.until(lambda: len(bot.find("tick")) >= 10)

        assert bot.find("feed", reason="down") == [] and bot.mode == "QUOTING"


async def test_without_the_keep_alive_the_exchange_drops_us(tmp_path: Path) -> None:
    """The counterpart: with pings too far apart the same exchange cuts the sockets, and the log says so."""
    async with trading(tmp_path, {"ping_bound_ms": 300}, WS_PING_MS="25000") as bot:
        await bot.quoting()

        await bot.until(lambda: bot.find("risk", reason="socket_lost:private") and bot.mode == "HALTED")
