"""Public endpoints a client reads once or beside its orders: coins, other markets, recent trades, tiers, open interest.

What one symbol means is said truthfully: two coins without deposit chains, no margin pairs, one position tier, and
nothing at all on the product types that are not ours.
"""

from typing import Any

from runner.paper import listings
from runner.paper import params as read
from runner.paper.api import Context, Route
from runner.paper.instruments import BASE, CONTRACT_ROW, KEEP_MARGIN_RATE, QUOTE, SYMBOL
from runner.paper.numbers import plain
from runner.paper.public_rows import perp_ticker_row
from runner.paper.values import Product
from runner.paper.ws_rows import trade

# Ids as ccxt's recorded answers have them.
COIN_IDS = {BASE: "3", QUOTE: "2"}
# Where the one tier ends, in USDT. The tier itself is what positions report (`keepMarginRate`).
TIER_END = "100000000"
RECENT_MAX = 100


def coins(context: Context) -> Any:
    """GET spot/public/coins: what the pair trades; nothing can be deposited or withdrawn."""
    wanted = read.text(context.params, "coin")
    rows: list[dict[str, Any]] = [
        {"coinId": number, "coin": coin, "transfer": "true", "chains": []} for coin, number in COIN_IDS.items()
    ]
    return [row for row in rows if wanted is None or row["coin"] == wanted.upper()]


def margin_currencies(_context: Context) -> Any:
    """GET margin/currencies: no pair can be traded on margin."""
    return []


def perp_tickers(context: Context) -> Any:
    """GET mix/market/tickers: every symbol of the product type."""
    is_ours = read.lists_ours(context.params)
    return perp_ticker_row(context) + listings.every(context, listings.perp_ticker) if is_ours else []


def perp_trades(context: Context) -> Any:
    """GET mix/market/fills: recent public trades, newest first; `side` in lower case."""
    read.perp_symbol(context.params)
    return _trades(context, "perp")


def spot_trades(context: Context) -> Any:
    """GET spot/market/fills: recent public trades, newest first; `side` in lower case."""
    read.symbol(context.params)
    return _trades(context, "spot")


def perp_trades_history(context: Context) -> Any:
    """GET mix/market/fills-history: the same trades; here the page writes `Buy` and `Sell`."""
    read.perp_symbol(context.params)
    return _capital(_trades(context, "perp"))


def spot_trades_history(context: Context) -> Any:
    """GET spot/market/fills-history: the same trades; here the page writes `Buy` and `Sell`."""
    read.symbol(context.params)
    return _capital(_trades(context, "spot"))


def open_interest(context: Context) -> Any:
    """GET mix/market/open-interest: the ticker's holdingAmount."""
    read.perp_symbol(context.params)
    row = context.feed.ticker_row("perp", context.now_ms)
    rows = [] if row is None else [{"symbol": SYMBOL, "size": row["holdingAmount"]}]
    return {"openInterestList": rows, "ts": str(context.now_ms)}


def position_tiers(context: Context) -> Any:
    """GET mix/market/query-position-lever: one tier."""
    read.perp_symbol(context.params)
    return [{
        "symbol": SYMBOL,
        "level": "1",
        "startUnit": "0",
        "endUnit": TIER_END,
        "leverage": CONTRACT_ROW["maxLever"],
        "keepMarginRate": plain(KEEP_MARGIN_RATE),
    }]  # fmt: skip


def _trades(context: Context, product: Product) -> list[dict[str, Any]]:
    limit = min(read.whole(context.params, "limit", RECENT_MAX), RECENT_MAX)
    before = read.whole(context.params, "idLessThan", 2**63)
    start, end = read.whole(context.params, "startTime", 0), read.whole(context.params, "endTime", 2**63)
    found = [
        trade(trade_id, event, at_ms) | {"symbol": SYMBOL}
        for trade_id, event, at_ms in context.exchange.recent[product]
        if int(trade_id) < before and start <= at_ms <= end
    ]
    return found[:limit]


def _capital(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"side": row["side"].capitalize()} for row in rows]


ROUTES = {
    ("GET", "/api/v2/spot/public/coins"): Route(coins, 3, is_private=False),
    ("GET", "/api/v2/margin/currencies"): Route(margin_currencies, 10, is_private=False),
    ("GET", "/api/v2/mix/market/tickers"): Route(perp_tickers, 20, is_private=False),
    ("GET", "/api/v2/mix/market/fills"): Route(perp_trades, 20, is_private=False),
    ("GET", "/api/v2/mix/market/fills-history"): Route(perp_trades_history, 10, is_private=False),
    ("GET", "/api/v2/spot/market/fills"): Route(spot_trades, 10, is_private=False),
    ("GET", "/api/v2/spot/market/fills-history"): Route(spot_trades_history, 10, is_private=False),
    ("GET", "/api/v2/mix/market/open-interest"): Route(open_interest, 20, is_private=False),
    ("GET", "/api/v2/mix/market/query-position-lever"): Route(position_tiers, 10, is_private=False),
}
