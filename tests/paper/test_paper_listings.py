"""Symbols that are listed beside the one that trades: in every public list and book, and nowhere else."""

from decimal import Decimal

import pytest
from aiohttp import ClientSession

from runner.paper import Listing
from tests.paper.client import MIX, SPOT, Rest, perp_order
from tests.paper.conftest import Start

WLD = Listing(
    symbol="WLDUSDT",
    perp=(Decimal("0.4166"), Decimal("0.4168")),
    spot=(Decimal("0.4160"), Decimal("0.4162")),
    spot_qty=Decimal(7),
    funding_rate=Decimal("0.0003"),
)
LONE = Listing(symbol="LONEUSDT", perp=(Decimal("1.5"), Decimal("1.6")), spot=None)
PRODUCT = {"productType": "USDT-FUTURES"}


@pytest.fixture
async def listed(start: Start, http: ClientSession) -> Rest:
    """A client of an exchange with two more symbols, one of them without a spot leg."""
    return Rest(await start(listings=(WLD, LONE)), http)


async def test_lists_have_every_symbol_and_narrow_to_the_one_asked_for(listed: Rest) -> None:
    """Contracts, symbols, tickers and rates: ours first; a leg that is not listed has no row."""
    for path, params, symbols in (
        (f"{MIX}/market/contracts", PRODUCT, ["ETHUSDT", "WLDUSDT", "LONEUSDT"]),
        (f"{MIX}/market/tickers", PRODUCT, ["ETHUSDT", "WLDUSDT", "LONEUSDT"]),
        (f"{MIX}/market/current-fund-rate", PRODUCT, ["ETHUSDT", "WLDUSDT", "LONEUSDT"]),
        (f"{MIX}/market/current-fund-rate", PRODUCT | {"symbol": "wldusdt"}, ["WLDUSDT"]),
        (f"{MIX}/market/contracts", PRODUCT | {"symbol": "ETHUSDT"}, ["ETHUSDT"]),
        (f"{SPOT}/public/symbols", {}, ["ETHUSDT", "WLDUSDT"]),
        (f"{SPOT}/public/symbols", {"symbol": "LONEUSDT"}, []),
        (f"{SPOT}/market/tickers", {}, ["ETHUSDT", "WLDUSDT"]),
    ):
        _, answer = await listed.get(path, **params)
        assert [row["symbol"] for row in answer["data"]] == symbols, path
    _, unknown = await listed.get(f"{MIX}/market/contracts", **PRODUCT, symbol="NONEUSDT")
    assert unknown["code"] == "40034"


async def test_their_books_and_rows_are_as_declared(listed: Rest) -> None:
    """Five levels a tick apart on each leg; grid, rate and turnover as told; no book of a leg that is not listed."""
    _, spot = await listed.get(f"{SPOT}/market/orderbook", symbol="WLDUSDT", limit="2")
    _, perp = await listed.get(f"{MIX}/market/merge-depth", **PRODUCT, symbol="WLDUSDT")
    _, none = await listed.get(f"{SPOT}/market/orderbook", symbol="LONEUSDT")
    _, rules = await listed.get(f"{MIX}/market/contracts", **PRODUCT, symbol="WLDUSDT")
    _, rates = await listed.get(f"{MIX}/market/current-fund-rate", **PRODUCT, symbol="WLDUSDT")

    assert spot["data"]["bids"] == [["0.416", "7"], ["0.4159", "7"]] and len(perp["data"]["asks"]) == 5
    assert none["code"] == "40034" and rates["data"][0]["fundingRate"] == "0.0003"
    row = rules["data"][0]
    assert (row["baseCoin"], row["pricePlace"], row["sizeMultiplier"]) == ("WLD", "4", "1")


async def test_they_cannot_be_traded(listed: Rest) -> None:
    """An order of a listed symbol is refused as one of an unknown symbol is."""
    assert await listed.refuse(perp_order("buy", "0.4", "100") | {"symbol": "WLDUSDT"}) == "40034"
