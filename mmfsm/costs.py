"""What our own fills say of what trading costs: hedges of their slip, every fill of its fee."""

from __future__ import annotations

from mmfsm.actions import QueryFees
from mmfsm.fees import FEE_SLACK_BPS, charged_bps
from mmfsm.machines.order import Order
from mmfsm.state import Turn
from mmfsm.values import InstType, NormalizedFill, plain

FEE_SAID_MS = 600_000
"""How long a difference in fees stands before another one of the same leg and side is said, and asked after."""


def note_fill(turn: Turn, fill: NormalizedFill, order: Order | None) -> None:
    """Learn from a fill that was just booked. Pretend fills teach nothing."""
    if fill.simulated or turn.s.constraints is None:
        return
    if order is not None and fill.inst is InstType.SPOT:
        turn.s.econ.slip.filled(order.request, fill, turn.p.slip_weight, turn.p.expected_slip_bps)
    _compare_fee(turn, fill)


def _compare_fee(turn: Turn, fill: NormalizedFill) -> None:
    """More was charged than is known: it is said once for each rate, and the account is asked again. Small fills' fees
    are rounded, each to another rate: no more than once in `FEE_SAID_MS` for a leg and side."""
    s, econ = turn.s, turn.s.econ
    assert s.constraints is not None
    if econ.fees is None or fill.is_maker is None:
        return
    told_bps = charged_bps(fill, s.constraints.perp.base_coin, s.constraints.perp.quote_coin)
    rate = econ.fees.of(fill.inst)
    known_bps = rate.maker_bps if fill.is_maker else rate.taker_bps
    if told_bps is None or told_bps <= known_bps + FEE_SLACK_BPS:
        return
    which = f"{fill.inst}:{'maker' if fill.is_maker else 'taker'}"
    told = plain(round(told_bps, 2))
    if econ.fees_differ.get(which) == told or turn.at_ms < econ.fees_differ_ms.get(which, -FEE_SAID_MS) + FEE_SAID_MS:
        return
    econ.fees_differ[which], econ.fees_differ_ms[which] = told, turn.at_ms
    data = {"charged_bps": told, "known_bps": plain(known_bps), "source": rate.source, "which": which}
    turn.record("risk", "oms", "fee_above_known", inst_type=fill.inst.value, data=data)
    turn.do(QueryFees())
