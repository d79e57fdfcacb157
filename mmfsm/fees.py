"""What trading costs: fees as the account tells them, else as set, else as listed; and what they make the least spread.

    fees(round) = perp maker + spot taker                       a quote that is filled, and its hedge
    break even  = fees(round) + expected slip + buffer          half spread at which a side earns nothing

A fee in the base coin (Bitget takes a spot buy's from the coin bought) costs the same share of the value as one in
quote coin. A fee paid in BGB is discounted by an amount that is not told in the rate: the edge counts the full rate,
and errs to the safe side.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.ledger import paid_in
from mmfsm.params import Params
from mmfsm.values import BPS, Constraints, FeeRate, InstrumentRules, InstType, JsonObject, NormalizedFill, plain

FEE_SLACK_BPS = Decimal("0.1")
"""A fee is rounded to the coin's last place: only what is charged beyond this above the known rate is a difference."""


@attrs.frozen
class Fees:
    """Both legs' rates as they count, and what a filled quote and its hedge cost together."""

    perp: FeeRate
    spot: FeeRate
    round_bps: Decimal

    def of(self, inst: InstType) -> FeeRate:
        return self.perp if inst is InstType.PERP else self.spot


def resolve(params: Params, rules: Constraints, perp: FeeRate | None, spot: FeeRate | None) -> Fees:
    """Return the rates that count: the account's own, else the configured ones, else the list's.

    >>> from mmfsm.testing import constraints
    >>> fees = resolve(Params(spot_taker_bps=Decimal(8)), constraints(), FeeRate(Decimal("1.4"), Decimal("4.2")), None)
    >>> fees.round_bps, fees.perp.source, fees.spot.source
    (Decimal('9.4'), 'account', 'configured')
    """
    perp = perp or _set(params.perp_maker_bps, params.perp_taker_bps, rules.perp)
    spot = spot or _set(None, params.spot_taker_bps, rules.spot)
    return Fees(perp, spot, perp.maker_bps + spot.taker_bps)


def _set(maker_bps: Decimal | None, taker_bps: Decimal | None, rules: InstrumentRules) -> FeeRate:
    source = "list" if maker_bps is None and taker_bps is None else "configured"
    return FeeRate(
        rules.maker_fee / BPS if maker_bps is None else maker_bps,
        rules.taker_fee / BPS if taker_bps is None else taker_bps,
        source,
    )


def break_even_bps(fees: Fees, slip_bps: Decimal, buffer_bps: Decimal) -> Decimal:
    """Return the half spread, from where the hedge would trade, at which a filled quote earns nothing.

    >>> rates = FeeRate(Decimal(2), Decimal(6)), FeeRate(Decimal(10), Decimal(10))
    >>> break_even_bps(Fees(*rates, Decimal(12)), Decimal(1), Decimal(1))
    Decimal('14')
    """
    return fees.round_bps + slip_bps + buffer_bps


def charged_bps(fill: NormalizedFill, base_coin: str, quote_coin: str) -> Decimal | None:
    """Return what a fill was charged, in bps of its value; None if any of it was paid in a coin whose price is not
    known here.

    >>> from mmfsm.values import Side
    >>> bought = NormalizedFill(InstType.SPOT, "1", Side.BUY, Decimal(2500), Decimal("0.02"), 0, fee=Decimal("0.00002"),
    ...                         fee_coin="ETH")
    >>> charged_bps(bought, "ETH", "USDT") == 10
    True
    """
    known = base_coin, quote_coin
    if fill.fee_coin not in known or any(part.coin not in known for part in fill.more_fees):
        return None
    return (paid_in(fill, base_coin) / fill.qty + paid_in(fill, quote_coin) / (fill.price * fill.qty)) / BPS


def as_data(fees: Fees, slip_bps: Decimal, params: Params) -> JsonObject:
    """Return what the log says of the fees: rates and source of each leg, break-even and least half spread."""
    even = break_even_bps(fees, slip_bps, params.edge_buffer_bps)
    return {
        **{
            leg.value: {"maker_bps": plain(rate.maker_bps), "taker_bps": plain(rate.taker_bps), "source": rate.source}
            for leg, rate in ((InstType.PERP, fees.perp), (InstType.SPOT, fees.spot))
        },
        "slip_bps": plain(round(slip_bps, 3)),
        "buffer_bps": plain(params.edge_buffer_bps),
        "break_even_half_spread_bps": plain(round(even, 3)),
        "least_half_spread_bps": plain(round(even + params.min_edge_bps, 3)) if params.edge_floor else None,
    }


def in_words(fees: Fees, slip_bps: Decimal, params: Params) -> str:
    """Say the fees in a line, for the start-up checks."""
    even = plain(round(break_even_bps(fees, slip_bps, params.edge_buffer_bps), 2))
    perp, spot = fees.perp, fees.spot
    return (
        f"perp maker {plain(perp.maker_bps)}, taker {plain(perp.taker_bps)} bps ({perp.source}); spot taker"
        f" {plain(spot.taker_bps)} bps ({spot.source}); break-even half spread {even} bps"
    )
