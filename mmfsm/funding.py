"""Funding: whether it allows quotes, and what a settlement changes.

Quotes are on while the rate is far enough from zero and of the wanted sign. Once off they need `FUNDING_HYSTERESIS`
more to come back, and `FUNDING_COOLDOWN_SEC` must have passed; a rate that changes its sign cools down too. Shortly
before a settlement no side opens what would pay it (`SETTLEMENT_PAUSE_SEC`).
"""

from __future__ import annotations

from mmfsm.economics import FundingGate
from mmfsm.guards import funding_off
from mmfsm.params import Params
from mmfsm.values import Funding, Side

SETTLES_EARLY_MS = 30_000
"""Two clocks may differ by this, and no request is taken beyond it; a later settlement that is named sooner than that
before the one at hand is a new interval."""


def judge(gate: FundingGate, funding: Funding, params: Params, at_ms: int) -> None:
    """Bring the gate up to date with a rate that was just told.

    >>> from decimal import Decimal
    >>> gate, params = FundingGate(), Params()
    >>> def told(rate, at_ms): judge(gate, Funding(Decimal(rate)), params, at_ms); return why_off(gate, at_ms)
    >>> told("0.0000119", 0), told("0.000012", 1), told("0.00001", 2), told("0.000009", 3)
    ('funding_small', '', '', 'funding_small')
    >>> told("0.00002", 4), told("0.00002", 60_003), told("-0.00002", 60_004)
    ('funding_cooling', '', 'funding_cooling')
    """
    why, sign = funding_off(funding, params), 1 if funding.rate > 0 else -1
    if not why and not gate.was_on and abs(funding.rate) < params.min_abs_funding + params.funding_hysteresis:
        why = "funding_small"
    turned = gate.was_on and (bool(why) or sign != gate.sign)
    if turned:
        gate.cool_until_ms = at_ms + params.funding_cooldown_sec * 1000
    gate.why, gate.was_on = why, not why
    gate.sign = gate.sign if why else sign


def why_off(gate: FundingGate, at_ms: int) -> str:
    """Say why funding turns quotes off now, or nothing."""
    return gate.why or ("funding_cooling" if at_ms < gate.cool_until_ms else "")


def settled(gate: FundingGate, funding: Funding | None, exch_ms: int, told: Funding | None = None) -> bool:
    """Note a settlement that has passed: by the exchange's clock, or because what was just told names a later one.

    True for each one once.

    >>> from decimal import Decimal
    >>> rate = Decimal("0.0001")
    >>> gate, due = FundingGate(), Funding(rate, next_ms=1_000)
    >>> settled(gate, due, 999), settled(gate, due, 1_000), settled(gate, due, 1_001)
    (False, True, False)
    >>> settled(FundingGate(), due, 990, Funding(rate, next_ms=9_000))
    True
    """
    if funding is None or funding.next_ms is None or funding.next_ms <= gate.settled_ms:
        return False
    named_later = told is not None and told.next_ms is not None and told.next_ms > funding.next_ms
    if funding.next_ms > exch_ms and not (named_later and funding.next_ms - exch_ms <= SETTLES_EARLY_MS):
        return False
    gate.settled_ms = funding.next_ms
    return True


def pays_soon(funding: Funding, side: Side, exch_ms: int, pause_sec: int) -> bool:
    """Tell whether a fill of `side` would open what pays funding at a settlement that is at hand.

    >>> from decimal import Decimal
    >>> due = Funding(Decimal("0.0001"), next_ms=100_000)
    >>> [pays_soon(due, side, at_ms, 60) for side in Side for at_ms in (39_999, 40_000, 100_001)]
    [False, True, False, False, False, False]
    """
    if funding.next_ms is None or not 0 <= funding.next_ms - exch_ms <= pause_sec * 1000:
        return False
    return side.sign * funding.rate > 0
