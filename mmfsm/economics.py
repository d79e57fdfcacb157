"""What a desk knows of the economics: fees, measured slip, the past of basis and trades, funding's gate, its pair."""

from __future__ import annotations

import attrs

from mmfsm.basis import Basis
from mmfsm.fees import Fees
from mmfsm.flow import Flow
from mmfsm.machines.pair import Pair
from mmfsm.slippage import Slippage
from mmfsm.values import FeeRate


@attrs.define
class FundingGate:
    """Whether funding allows quotes: `why` not, empty when it does; the side of the rate that was last allowed."""

    why: str = "funding_missing"
    was_on: bool = False
    sign: int = 0
    cool_until_ms: int = 0
    settled_ms: int = 0


@attrs.define
class Economics:
    """See the module's docstring. `told_*` is what the account said of its fees; `fees` what counts.

    `fees_differ`: the rate that was charged beyond them, in bps, by leg and side; `fees_differ_ms`: when it was said.
    `exiting`: the flatten under way is an exit's, not a person's.
    """

    told_perp: FeeRate | None = None
    told_spot: FeeRate | None = None
    fees: Fees | None = None
    fees_asked_ms: int = 0
    fees_differ: dict[str, str] = attrs.field(factory=dict)
    fees_differ_ms: dict[str, int] = attrs.field(factory=dict)
    slip: Slippage = attrs.field(factory=Slippage)
    basis: Basis = attrs.field(factory=Basis)
    flow: Flow = attrs.field(factory=Flow)
    gate: FundingGate = attrs.field(factory=FundingGate)
    pair: Pair = attrs.field(factory=Pair)
    exiting: bool = False

    def restarted(self) -> Economics:
        """Return what a new run keeps: measured slip, the pair, and when funding settled last (an exit's grace counts
        from there). Prices and rates are read anew."""
        gate = FundingGate(settled_ms=self.gate.settled_ms)
        return Economics(slip=self.slip, gate=gate, pair=self.pair, exiting=self.exiting)
