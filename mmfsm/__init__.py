"""Explicit finite-state machines for delta-neutral market making: events in, actions out, no I/O.

    from mmfsm import Desk, Params
    desk = Desk(Params(), run=1)
    for action in desk.handle(event): ...

`mmfsm.events` is what can happen, `mmfsm.actions` what a desk can ask for, `mmfsm.values` what both are made of;
`mmfsm.machines` holds the tables. Someone who wants the hedge machine alone uses `mmfsm.machines.ticket`.
"""

from mmfsm.desk import Desk
from mmfsm.errors import IllegalEvent, MmfsmError, ParamError, TableError
from mmfsm.params import Params
from mmfsm.strategy import ObiFundingStrategy, QuoteView, Strategy
from mmfsm.values import Mode, OrderIntent, QuotePlan, Side

__all__ = [
    "Desk",
    "IllegalEvent",
    "MmfsmError",
    "Mode",
    "ObiFundingStrategy",
    "OrderIntent",
    "ParamError",
    "Params",
    "QuotePlan",
    "QuoteView",
    "Side",
    "Strategy",
    "TableError",
]
