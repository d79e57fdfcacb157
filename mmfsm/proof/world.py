"""What a choice is made in: the desk's whole state, the exchange, and what the path may still spend."""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.events import FeedName
from mmfsm.proof.copying import deep_twin
from mmfsm.proof.venue import Slip
from mmfsm.state import DeskState
from mmfsm.values import OrderRequest

LOT = Decimal("0.01")
"""What the venue counts in, in base coin."""


@attrs.define
class World:
    """A desk, the exchange, and what the path may still spend: fills of quotes, faults, an operator's words.
    Without `cash` on spot only the bid is quoted; `denials`: a refused order may trade; `closing`: flatten may be
    said."""

    state: DeskState
    exposures: int
    faults: int
    words: int = 0
    patient: bool = False
    cash: int = 5_000
    denials: bool = False
    closing: bool = False
    perp: int = 0
    spot: int = 0
    orders: dict[str, OrderRequest] = attrs.field(factory=dict)
    slips: dict[str, Slip] = attrs.field(factory=dict)
    reads: tuple[str, ...] = ()
    down: tuple[FeedName, ...] = ()
    alerts: int = 0
    exits: tuple[int, ...] = ()
    broken: tuple[str, str] | None = None

    @property
    def now(self) -> int:
        return self.state.now_ms

    def copy(self) -> World:
        return attrs.evolve(self, state=deep_twin(self.state), orders=dict(self.orders), slips=dict(self.slips))
