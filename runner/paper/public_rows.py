"""Rows of the public REST answers that the ticker pages describe.

The REST rows are the WebSocket ticker's figures under other names: `symbol` instead of `instId` on both products,
`open` instead of `open24h` on spot, and members the channel does not have (`usdtVolume`, the delivery ones).
"""

from typing import Any

from runner.paper.api import Context


def perp_ticker_row(context: Context) -> list[dict[str, Any]]:
    """Return the list of one that ticker and tickers of the perp answer; empty before there is a market."""
    row = context.feed.ticker_row("perp", context.now_ms)
    if row is None:
        return []
    for name in ("instId", "symbolType", "nextFundingTime"):
        row.pop(name, None)
    return [row | {
        "usdtVolume": row["quoteVolume"],
        "changeUtc24h": row["change24h"],
        "deliveryStartTime": None,
        "deliveryTime": None,
        "deliveryStatus": "",
    }]  # fmt: skip


def spot_ticker_row(context: Context) -> list[dict[str, Any]]:
    """Return the list of one that tickers of spot answers; empty before there is a market."""
    row = context.feed.ticker_row("spot", context.now_ms)
    if row is None:
        return []
    row["symbol"], row["open"] = row.pop("instId"), row.pop("open24h")
    return [row | {"usdtVolume": row["quoteVolume"]}]
