"""Public endpoints: time, configuration rows, funding, tickers, depth."""

from functools import partial
from typing import Any

from runner.paper import listings, reference_routes
from runner.paper import params as read
from runner.paper.api import Context, Route
from runner.paper.instruments import CONTRACT_ROW, FUNDING_RATE_MAX, SYMBOL, SYMBOL_ROW
from runner.paper.numbers import plain
from runner.paper.public_rows import perp_ticker_row, spot_ticker_row
from runner.paper.values import Level, Product, Refusal

HISTORY_MAX = 100


def server_time(context: Context) -> Any:
    """GET /api/v2/public/time."""
    return {"serverTime": str(context.now_ms)}


def contracts(context: Context) -> Any:
    """GET /api/v2/mix/market/contracts."""
    is_ours = read.lists_ours(context.params)
    listings.asked(context, needed=False)
    options = context.exchange.options
    if options.constraints == "missing" or not is_ours:
        return []
    interval = str(options.funding_interval_h)
    status = "maintain" if "perp" in context.exchange.floor.halted else CONTRACT_ROW["symbolStatus"]
    ours = [CONTRACT_ROW | {"fundInterval": interval, "symbolStatus": status}]
    return listings.with_others(context, ours, listings.contract_row)


def symbols(context: Context) -> Any:
    """GET /api/v2/spot/public/symbols."""
    listings.asked(context, needed=False)
    if context.exchange.options.constraints == "missing":
        raise Refusal("40034", f"Parameter {SYMBOL} does not exist")
    ours = [SYMBOL_ROW | ({"status": "halt"} if "spot" in context.exchange.floor.halted else {})]
    return listings.with_others(context, ours, listings.symbol_row)


def current_fund_rate(context: Context) -> Any:
    """GET /api/v2/mix/market/current-fund-rate."""
    is_ours = read.lists_ours(context.params)
    listings.asked(context, needed=False)
    if not is_ours:
        return []
    exchange = context.exchange
    row = {
        "symbol": SYMBOL,
        "fundingRate": plain(exchange.funding_rate),
        "fundingRateInterval": str(exchange.options.funding_interval_h),
        "nextUpdate": str(exchange.next_funding_ms),
        "minFundingRate": plain(-FUNDING_RATE_MAX),
        "maxFundingRate": plain(FUNDING_RATE_MAX),
    }
    return listings.with_others(context, [row], partial(listings.fund_rate, row=row))


def funding_time(context: Context) -> Any:
    """GET /api/v2/mix/market/funding-time."""
    read.perp_symbol(context.params)
    exchange = context.exchange
    interval = str(exchange.options.funding_interval_h)
    return [{"symbol": SYMBOL, "nextFundingTime": str(exchange.next_funding_ms), "ratePeriod": interval}]


def history_fund_rate(context: Context) -> Any:
    """GET /api/v2/mix/market/history-fund-rate: newest first; before the exchange started the rate was the same."""
    read.perp_symbol(context.params)
    exchange = context.exchange
    size = min(read.whole(context.params, "pageSize", 20), HISTORY_MAX)
    skip = max(0, read.whole(context.params, "pageNo", 1) - 1) * size
    settled = list(exchange.funding_history)
    interval_ms = exchange.options.funding_interval_h * 3_600_000
    oldest_ms = settled[-1][0] if settled else exchange.next_funding_ms
    settled += [(oldest_ms - n * interval_ms, exchange.options.funding_rate) for n in range(1, HISTORY_MAX + 1)]
    rows = settled[skip : skip + size]
    return [{"symbol": SYMBOL, "fundingRate": plain(rate), "fundingTime": str(at_ms)} for at_ms, rate in rows]


def perp_ticker(context: Context) -> Any:
    """GET /api/v2/mix/market/ticker: a list of one."""
    read.perp_symbol(context.params)
    return perp_ticker_row(context)


def spot_tickers(context: Context) -> Any:
    """GET /api/v2/spot/market/tickers."""
    return listings.with_others(context, spot_ticker_row(context), listings.spot_ticker)


def symbol_price(context: Context) -> Any:
    """GET /api/v2/mix/market/symbol-price: last, index and mark price."""
    read.perp_symbol(context.params)
    row = context.feed.ticker_row("perp", context.now_ms)
    if row is None:
        return []
    return [{
        "symbol": SYMBOL,
        "price": row["lastPr"],
        "indexPrice": row["indexPrice"],
        "markPrice": row["markPrice"],
        "ts": str(context.now_ms),
    }]  # fmt: skip


def merge_depth(context: Context) -> Any:
    """GET /api/v2/mix/market/merge-depth: levels are numbers here, although the page shows strings."""
    read.product_type(context.params)
    bids, asks = _depth(context, "perp", 100)
    return {
        "asks": [[float(price), float(qty)] for price, qty in asks],
        "bids": [[float(price), float(qty)] for price, qty in bids],
        "ts": str(context.now_ms),
        "scale": "0.01",
        "precision": "scale0",
        "isMaxPrecision": "NO",
    }


def orderbook(context: Context) -> Any:
    """GET /api/v2/spot/market/orderbook."""
    bids, asks = _depth(context, "spot", 150)
    return {
        "asks": [[plain(price), plain(qty)] for price, qty in asks],
        "bids": [[plain(price), plain(qty)] for price, qty in bids],
        "ts": str(context.now_ms),
    }


def trade_rate(context: Context) -> Any:
    """GET /api/v2/common/trade-rate: what the account is charged; `business` is the page's other spelling."""
    listings.asked(context)
    business = read.text(context.params, "businessType") or read.text(context.params, "business")
    options = context.exchange.options
    if business == "mix":
        maker, taker = options.perp_maker_fee, options.perp_taker_fee
    elif business == "spot":
        maker, taker = options.spot_maker_fee, options.spot_taker_fee
    else:
        raise Refusal("40020", "Parameter businessType error")
    return {"makerFeeRate": plain(maker), "takerFeeRate": plain(taker)}


def _depth(context: Context, product: Product, default: int) -> tuple[list[Level], list[Level]]:
    listed = listings.asked(context)
    is_max = read.text(context.params, "limit") == "max"
    limit = default if is_max else read.whole(context.params, "limit", default)
    if listed is not None:
        return listings.depth(listed, product, limit)
    matcher = context.exchange.matchers[product]
    return matcher.shown("buy")[:limit], matcher.shown("sell")[:limit]


ROUTES = reference_routes.ROUTES | {
    ("GET", "/api/v2/public/time"): Route(server_time, 20, is_private=False),
    ("GET", "/api/v2/mix/market/contracts"): Route(contracts, 20, is_private=False),
    ("GET", "/api/v2/mix/market/current-fund-rate"): Route(current_fund_rate, 20, is_private=False),
    ("GET", "/api/v2/mix/market/funding-time"): Route(funding_time, 20, is_private=False),
    ("GET", "/api/v2/mix/market/history-fund-rate"): Route(history_fund_rate, 20, is_private=False),
    ("GET", "/api/v2/mix/market/ticker"): Route(perp_ticker, 20, is_private=False),
    ("GET", "/api/v2/mix/market/symbol-price"): Route(symbol_price, 20, is_private=False),
    ("GET", "/api/v2/mix/market/merge-depth"): Route(merge_depth, 20, is_private=False),
    ("GET", "/api/v2/spot/public/symbols"): Route(symbols, 20, is_private=False),
    ("GET", "/api/v2/spot/market/tickers"): Route(spot_tickers, 20, is_private=False),
    ("GET", "/api/v2/spot/market/orderbook"): Route(orderbook, 20, is_private=False),
    ("GET", "/api/v2/common/trade-rate"): Route(trade_rate, 10),
}
