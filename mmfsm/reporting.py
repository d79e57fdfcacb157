"""The tick record: what the desk sees and wants, once a period."""

from __future__ import annotations

from decimal import Decimal

from mmfsm.state import Turn
from mmfsm.valuation import basis_now
from mmfsm.values import BPS, ZERO, InstType, JsonObject, QuotePlan, QuoteSide, Side, plain


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
        metrics = turn.metrics(perp)
        data["perp"] = {"bid": plain(metrics.bbo.bid), "ask": plain(metrics.bbo.ask), "obi": _short(metrics.obi)}
    if spot is not None:
        data["spot"] = {"bid": plain(spot.bids[0].price), "ask": plain(spot.asks[0].price)}
    if wanted is not None:
        data["plan"] = {
            "bid": _side(wanted.bid, Side.BUY, wanted.mid),
            "ask": _side(wanted.ask, Side.SELL, wanted.mid),
            "mid": _short(wanted.mid),
            "reservation": _short(wanted.reservation),
        }
    data["basis_bps"], data["pair"] = _short(basis_now(turn)), s.econ.pair.state
    data["slip_bps"] = _short(s.econ.slip.expected_bps(turn.p.expected_slip_bps))
    turn.record("tick", "strategy", s.why_not or (wanted.reason if wanted else None), data=data)


def _side(quote: QuoteSide, side: Side, mid: Decimal | None) -> JsonObject:
    return {
        "px": None if quote.price is None else plain(quote.price),
        "qty": plain(quote.qty),
        "reason": quote.reason,
        "edge_bps": _short(quote.edge_bps),
        "short_bps": _short(quote.short_bps),
        "terms_bps": {name: plain(bps) for name, bps in terms_of(quote, side, mid).items()},
    }


def terms_of(quote: QuoteSide, side: Side, mid: Decimal | None) -> dict[str, Decimal]:
    """Return every term of a side in bps, outwards positive; with a price they add up exactly to its distance from mid.

    `rounding` is the tick, the opposite best price, and the product of two small terms; `floor` or `exit` is what the
    desk moved. Of a side without a price the strategy's own terms are told.

    >>> quote = QuoteSide(Decimal(2497), Decimal(1), "set_quote", {"base": Decimal(2)}, Decimal("2499.49"), "floor")
    >>> terms_of(quote, Side.BUY, Decimal(2500))
    {'base': Decimal('2.000000'), 'rounding': Decimal('0.040000'), 'floor': Decimal('9.960000')}
    """
    terms = {name: round(bps, 6) for name, bps in quote.terms_bps.items()}
    if quote.price is None or mid is None:
        return terms
    distance = round(side.sign * (mid - quote.price) / mid / BPS, 6)
    planned = distance if quote.planned is None else round(side.sign * (mid - quote.planned) / mid / BPS, 6)
    terms["rounding" if terms else "strategy"] = planned - sum(terms.values(), ZERO)
    terms[quote.moved_by or "floor"] = distance - planned
    return terms


def _short(value: Decimal | None) -> str | None:
    return None if value is None else plain(round(value, 6))
