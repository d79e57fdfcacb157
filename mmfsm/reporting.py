"""The tick record: what the desk sees and wants, once a period."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.market import metrics_of
from mmfsm.state import Turn
from mmfsm.values import InstType, JsonObject, QuotePlan, QuoteSide, plain


def tick_record(turn: Turn, wanted: QuotePlan | None) -> None:
    """Ask for one line with the market, the plan and its terms, and why not, if not."""
    s = turn.s
    data: JsonObject = {
        "why_not": s.why_not or None,
        "halts": sorted(s.mode.reasons),
        "funding": None if s.funding is None else plain(s.funding.rate),
        "dust": plain(s.dust),
        "delta": plain(s.ledger.delta),
        "tickets": len(s.tickets),
        "orders": len(s.orders.open),
        "feeds": {name.value: feed.state for name, feed in s.feeds.items()},
    }
    perp, spot = s.books.get(InstType.PERP), s.books.get(InstType.SPOT)
    if perp is not None:
        metrics = metrics_of(perp, turn.p.obi_levels)
        data["perp"] = {"bid": plain(metrics.bbo.bid), "ask": plain(metrics.bbo.ask), "obi": _short(metrics.obi)}
    if spot is not None:
        data["spot"] = {"bid": plain(spot.bids[0].price), "ask": plain(spot.asks[0].price)}
    if wanted is not None:
        data["plan"] = {"bid": _side(wanted.bid), "ask": _side(wanted.ask), "reservation": _short(wanted.reservation)}
    turn.record("tick", "strategy", s.why_not or (wanted.reason if wanted else None), data=data)


def _side(side: QuoteSide) -> JsonObject:
    return {
        "px": None if side.price is None else plain(side.price),
        "qty": plain(side.qty),
        "reason": side.reason,
        "terms_bps": {name: _short(value) for name, value in side.terms_bps.items()},
    }


def _short(value: Decimal | None) -> str | None:
    return None if value is None else plain(round(value, 6))
