"""A look laid out: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from mmfsm.params import Params
from mmfsm.values import JsonObject, Side, plain
from runner.scan.look import Row, Scanned
from runner.scan.worth import SideWorth, Walk

HEAD = (
    "#", "SYMBOL", "BEST", "TOTAL", "TOUCH", "AT {half}", "FUNDING", "NEXT", "SMALLEST", "NEEDS ON SPOT", "LEVELS",
    "TURNOVER 24H", "NOTES",
)  # fmt: skip
LEFT = (1, 2, 9, 12)
"""Columns of words; the others are numbers, to the right."""

NAMED_MAX = 5


def table(scanned: Scanned, params: Params) -> str:
    """Lay a look out for a person: a row a symbol, and below what the columns mean and what it took."""
    head = tuple(name.format(half=plain(params.base_half_spread_bps)) for name in HEAD)
    cells = [head, *(_cells(place, row, scanned.at_ms) for place, row in enumerate(scanned.rows, 1))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(_set(row, widths)).rstrip() for row in cells]
    return "\n".join([*lines, "", *_legend(scanned, params)])


def _set(row: tuple[str, ...], widths: list[int]) -> list[str]:
    pairs = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(width) if column in LEFT else cell.rjust(width) for column, (cell, width) in pairs]


def _cells(place: int, row: Row, at_ms: int) -> tuple[str, ...]:
    best, sides = row.best, row.sides
    funding = plain(round(row.funding.rate * 10_000, 2))
    turnover = f"{_short(row.turnover_spot)} / {_short(row.turnover_perp)}"
    return (
        str(place),
        row.symbol,
        "-" if best is None else _word(best.side),
        "-" if best is None else _bps(best.total_bps),
        " / ".join(_bps(side.touch_bps) for side in sides) or "-",
        " / ".join(_bps(side.half_bps) for side in sides) or "-",
        funding if row.funding.interval_h is None else f"{funding} / {plain(row.funding.interval_h)}h",
        _until(row.funding.next_ms, at_ms),
        str(round(max(side.smallest_notional for side in sides), 2)) if sides else "-",
        "-" if best is None else f"{plain(round(best.needs_qty, 8))} {best.needs_coin}",
        "-" if best is None else f"{_levels(best.hedge)} / {_levels(best.unwind)}",
        turnover,
        "; ".join((*_off(sides), *row.notes, *row.missing)),
    )


def _off(sides: tuple[SideWorth, ...]) -> list[str]:
    return [f"{_word(side.side)}: {side.verdict}" for side in sides if side.verdict != "as planned"]


def _word(side: Side) -> str:
    return "bid" if side is Side.BUY else "ask"


def _bps(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _levels(taken: Walk | None) -> str:
    return "thin" if taken is None else str(taken.levels)


def _short(value: Decimal) -> str:
    """12,345,678 as 12.3M.

    >>> _short(Decimal("12345678")), _short(Decimal("8200")), _short(Decimal(5))
    ('12.3M', '8.2K', '5')
    """
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}"


def _until(next_ms: int | None, at_ms: int) -> str:
    if next_ms is None:
        return "-"
    minutes = max(next_ms - at_ms, 0) // 60_000
    return f"{minutes // 60}:{minutes % 60:02d}"


def _legend(scanned: Scanned, params: Params) -> list[str]:
    horizon = params.funding_horizon_h
    counted = f"what settles within {plain(horizon)} h" if horizon else "the next settlement"
    total, listed = sum(scanned.requests.values()), any(_by_list(row) for row in scanned.rows)
    return [
        "bid / ask, in bps of the perp's mid. TOUCH, AT: edge of a quote at the best price, at the half spread, after"
        " fees, slip and buffer.",
        f"TOTAL: edge at the touch + funding ({counted}); symbols are ranked by their best side's. An ask needs only"
        " quote coin on spot, a bid needs the coin.",
        "SMALLEST: least hedgeable size, in quote coin. LEVELS: what its hedge takes on spot / what undoing it takes on"
        " the perp. TURNOVER: spot / perp.",
        f"{len(scanned.rows)} of {scanned.symbols} symbols; {total} requests in {scanned.took_ms / 1000:.1f} s; nothing"
        " was placed.",
        *(["fees are the list's: a key, or PERP_MAKER_BPS and SPOT_TAKER_BPS, tell yours"] if listed else []),
        *([f"left out: {_left_out(scanned.left_out)}"] if scanned.left_out else []),
        *(f"missing: {what}" for what in scanned.missing),
    ]


def _by_list(row: Row) -> bool:
    return "list" in (row.fees.perp.source, row.fees.spot.source)


def _left_out(reasons: dict[str, str]) -> str:
    """A few by name, many by number."""
    if len(reasons) <= NAMED_MAX:
        return "; ".join(f"{symbol} ({reason})" for symbol, reason in reasons.items())
    counted = Counter(reason.split(":")[0] for reason in reasons.values())
    return ", ".join(f"{count} {reason}" for reason, count in counted.most_common())


# --- JSON -------------------------------------------------------------------------------------------------------------


def as_json(scanned: Scanned, params: Params) -> JsonObject:
    """Return a look as plain JSON values: money, sizes and bps as text, times in Unix milliseconds, what is not known
    as null."""
    horizon = params.funding_horizon_h
    return {
        "at_ms": scanned.at_ms,
        "took_ms": scanned.took_ms,
        "requests": {"total": sum(scanned.requests.values()), "by_path": scanned.requests},
        "terms": {
            "half_spread_bps": plain(params.base_half_spread_bps),
            "slip_bps": plain(params.expected_slip_bps),
            "buffer_bps": plain(params.edge_buffer_bps),
            "quote_size": plain(params.quote_size),
            "max_position": plain(params.max_position),
            "funding_horizon_h": plain(horizon) if horizon else None,
        },
        "symbols": scanned.symbols,
        "rows": [_row(place, row) for place, row in enumerate(scanned.rows, 1)],
        "left_out": scanned.left_out,
        "missing": list(scanned.missing),
    }


def _row(place: int, row: Row) -> JsonObject:
    best, funding, perp, spot = row.best, row.funding, row.fees.perp, row.fees.spot
    return {
        "rank": place,
        "symbol": row.symbol,
        "best": None if best is None else _word(best.side),
        "total_bps": None if best is None else _text(best.total_bps),
        "bid": None if not row.sides else _side(row.sides[0]),
        "ask": None if not row.sides else _side(row.sides[1]),
        "funding": {
            "rate": plain(funding.rate),
            "next_ms": funding.next_ms,
            "interval_h": None if funding.interval_h is None else plain(funding.interval_h),
        },
        "fees": {
            "perp_maker_bps": plain(perp.maker_bps),
            "perp_source": perp.source,
            "spot_taker_bps": plain(spot.taker_bps),
            "spot_source": spot.source,
        },
        "turnover_24h": {"perp": plain(row.turnover_perp), "spot": plain(row.turnover_spot)},
        "notes": list(row.notes),
        "missing": list(row.missing),
    }


def _side(side: SideWorth) -> JsonObject:
    return {
        "verdict": side.verdict,
        "total_bps": _text(side.total_bps),
        "touch_edge_bps": _text(side.touch_bps),
        "half_spread_edge_bps": _text(side.half_bps),
        "needed_half_spread_bps": _text(side.needed_half_bps),
        "funding_bps": _text(side.funding_bps),
        "qty": plain(side.qty),
        "smallest": {"qty": plain(side.smallest), "notional": _text(side.smallest_notional)},
        "needs": {"coin": side.needs_coin, "qty": _text(side.needs_qty, 8)},
        "hedgeable_without_inventory": side.side is Side.SELL,
        "hedge": _walk(side.hedge),
        "unwind": _walk(side.unwind),
    }


def _walk(taken: Walk | None) -> JsonObject | None:
    if taken is None:
        return None
    return {"price": _text(taken.price, 12), "levels": taken.levels, "beyond_touch_bps": _text(taken.beyond_bps)}


def _text(value: Decimal | None, places: int = 3) -> str | None:
    return None if value is None else plain(round(value, places) + 0)  # + 0: a negative zero is no figure to show
