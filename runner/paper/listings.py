"""Symbols that are listed beside the one that trades: what the public lists and books say of them. None can be traded.

Bitget lists hundreds; a client that reads whole lists must meet more than one row, symbols of one leg alone, and legs
that differ in price, grid and depth. A listing stands still: its books, rate and turnover are as declared.
Rows are Bitget's own of ETHUSDT (see `instruments`) with what differs put in.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from runner.paper import params as read
from runner.paper.api import Context
from runner.paper.instruments import CONTRACT_ROW, QUOTE, SYMBOL_ROW
from runner.paper.numbers import plain
from runner.paper.options import Listing
from runner.paper.values import Level, Product, Refusal

Row = dict[str, Any]
Rows = list[Row]
MakeRow = Callable[[Context, Listing], Row | None]


def asked(context: Context, needed: bool = True) -> Listing | None:
    """Return the listing that a request names; None for the symbol that trades (40019 missing, 40034 unknown)."""
    name = (read.text(context.params, "symbol") or "").upper()
    for one in context.exchange.options.listings:
        if one.symbol == name:
            return one
    read.symbol(context.params, needed)
    return None


def every(context: Context, make: MakeRow) -> Rows:
    """Return the rows of all listings, of those that have one."""
    made = (make(context, one) for one in context.exchange.options.listings)
    return [row for row in made if row is not None]


def with_others(context: Context, ours: Rows, make: MakeRow) -> Rows:
    """Return a list endpoint's rows: every symbol's, or those of the symbol the request names."""
    one = asked(context, needed=False)
    if one is not None:
        row = make(context, one)
        return [] if row is None else [row]
    return ours if read.text(context.params, "symbol") is not None else ours + every(context, make)


def depth(listing: Listing, product: Product, limit: int) -> tuple[list[Level], list[Level]]:
    """Return bids and asks, best first: five levels a tick apart (40034 for a leg that is not listed)."""
    touch = listing.touch(product)
    if touch is None:
        raise Refusal("40034", f"Parameter {listing.symbol} does not exist")
    step, qty = Decimal(1).scaleb(-listing.price_places), listing.qty(product)
    bids = [(touch[0] - n * step, qty) for n in range(5)]
    asks = [(touch[1] + n * step, qty) for n in range(5)]
    return bids[:limit], asks[:limit]


def contract_row(context: Context, listing: Listing) -> Row | None:
    """Return its row of mix/market/contracts."""
    if listing.perp is None:
        return None
    return CONTRACT_ROW | {
        "symbol": listing.symbol,
        "baseCoin": listing.symbol.removesuffix(QUOTE),
        "pricePlace": str(listing.price_places),
        "sizeMultiplier": plain(listing.perp_step),
        "minTradeNum": plain(listing.perp_step),
        "minTradeUSDT": plain(listing.perp_min_usdt),
        "fundInterval": str(context.exchange.options.funding_interval_h),
        "symbolStatus": listing.perp_status,
    }


def symbol_row(_context: Context, listing: Listing) -> Row | None:
    """Return its row of spot/public/symbols."""
    if listing.spot is None:
        return None
    return SYMBOL_ROW | {
        "symbol": listing.symbol,
        "baseCoin": listing.symbol.removesuffix(QUOTE),
        "pricePrecision": str(listing.price_places),
        "quantityPrecision": str(listing.spot_places),
        "minTradeUSDT": plain(listing.spot_min_usdt),
    }


def fund_rate(context: Context, listing: Listing, row: Row) -> Row | None:
    """Return its row of mix/market/current-fund-rate, made of the traded symbol's: all settle together."""
    if listing.perp is None:
        return None
    return row | {"symbol": listing.symbol, "fundingRate": plain(listing.funding_rate)}


def perp_ticker(context: Context, listing: Listing) -> Row | None:
    """Return its row of mix/market/tickers."""
    row = _ticker(context, listing, "perp")
    if row is None:
        return None
    return row | {
        "open24h": row["lastPr"],
        "fundingRate": plain(listing.funding_rate),
        "indexPrice": row["lastPr"],
        "markPrice": row["lastPr"],
        "holdingAmount": "1",
        "deliveryStartTime": None,
        "deliveryTime": None,
        "deliveryStatus": "",
    }


def spot_ticker(context: Context, listing: Listing) -> Row | None:
    """Return its row of spot/market/tickers."""
    row = _ticker(context, listing, "spot")
    return None if row is None else row | {"open": row["lastPr"]}


def _ticker(context: Context, listing: Listing, product: Product) -> Row | None:
    touch = listing.touch(product)
    if touch is None:
        return None
    last, size, turnover = plain(touch[0]), plain(listing.qty(product)), listing.turnover
    return {
        "symbol": listing.symbol,
        "lastPr": last,
        "bidPr": last,
        "askPr": plain(touch[1]),
        "bidSz": size,
        "askSz": size,
        "high24h": last,
        "low24h": last,
        "openUtc": last,
        "change24h": "0",
        "changeUtc24h": "0",
        "baseVolume": plain((turnover / touch[0]).quantize(Decimal("0.0001"))),
        "quoteVolume": plain(turnover),
        "usdtVolume": plain(turnover),
        "ts": str(context.now_ms),
    }
