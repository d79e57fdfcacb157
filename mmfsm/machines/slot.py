"""QuoteSlot: one side of the perp quotes. At most one order of ours rests there.

Rules

1. A new quote goes out only from EMPTY, and a slot is EMPTY only when its last order is settled: terminal, with its
   fills added up. So a replacement can never stand beside the order it replaces.
2. A resting quote is moved only past the threshold, or when less may be quoted than rests. One that has come to lie
   closer than the floor of its edge allows is taken out at once; so is one that is larger than the floor was worked
   out for, because a larger hedge costs more.
3. Effects say "place" or "cancel"; what the order is called and when it is settled is the Order machine's affair.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs

from mmfsm.table import IGNORE, NEVER, Row, Table
from mmfsm.values import BPS, ZERO, Side

EMPTY, WORKING, REPLACING, CLOSING = "EMPTY", "WORKING", "REPLACING", "CLOSING"

SlotCommand = Literal["place", "cancel"]
SlotOut = list[SlotCommand]


@attrs.define
class QuoteSlot:
    """One side. `client_oid` is the order that rests, or rested last; `price` and `qty` are what it was placed with."""

    side: Side
    state: str = EMPTY
    client_oid: str | None = None
    price: Decimal = ZERO
    qty: Decimal = ZERO
    placed_ms: int = 0
    replaced: int = 0


@attrs.define
class SlotInput:
    """What is wanted of this side now. "want" alone reads `price`, `qty` and `worst`: the closest price that the floor
    of the edge allows for that size, None without one."""

    at_ms: int
    requote_min_ms: int
    replace_threshold_bps: Decimal
    price: Decimal = ZERO
    qty: Decimal = ZERO
    worst: Decimal | None = None


def paced(slot: QuoteSlot, what: SlotInput) -> bool:
    """The last placement on this side is long enough ago."""
    return what.at_ms - slot.placed_ms >= what.requote_min_ms


def moved(slot: QuoteSlot, what: SlotInput) -> bool:
    """The wanted price is further from the resting one than the threshold, or less may be quoted than rests."""
    drift = abs(what.price - slot.price) > slot.price * what.replace_threshold_bps * BPS
    return paced(slot, what) and (drift or what.qty < slot.qty)


def below_floor(slot: QuoteSlot, what: SlotInput) -> bool:
    """The resting quote has less edge than the least; or may have, being larger than `worst` was worked out for."""
    return what.worst is not None and (slot.side.sign * (slot.price - what.worst) > 0 or slot.qty > what.qty)


def place(slot: QuoteSlot, what: SlotInput, out: SlotOut) -> None:
    slot.price, slot.qty, slot.placed_ms = what.price, what.qty, what.at_ms
    out.append("place")


def replace(slot: QuoteSlot, _what: SlotInput, out: SlotOut) -> None:
    slot.replaced += 1
    out.append("cancel")


def cancel(_slot: QuoteSlot, _what: SlotInput, out: SlotOut) -> None:
    out.append("cancel")


def forget(slot: QuoteSlot, _what: SlotInput, _out: SlotOut) -> None:
    slot.client_oid = None


EVENTS = {
    "want": "this side may be quoted, at this price and size",
    "unwant": "this side may not be quoted now",
    "settled": "the slot's order is terminal and its fills add up",
}

# fmt: off
TABLE: Table[QuoteSlot, SlotInput, SlotOut] = Table(
    "QuoteSlot",
    states=(EMPTY, WORKING, REPLACING, CLOSING),
    final=(),
    events=EVENTS,
    timeouts={EMPTY: "requote_min_ms between placements"},
    rows=(
        #   source     event      guard        dest       effects
        Row(EMPTY,     "want",    paced,       WORKING,   (place,)),
        Row(EMPTY,     "want",    None,        IGNORE,    why="placed a moment ago"),
        Row(EMPTY,     "unwant",  None,        IGNORE,    why="nothing rests"),
        Row(EMPTY,     "settled", None,        NEVER,     why="an empty slot has no order"),

        Row(WORKING,   "want",    below_floor, REPLACING, (replace,), why="at once: its fill would cost"),
        Row(WORKING,   "want",    moved,       REPLACING, (replace,)),
        Row(WORKING,   "want",    None,        IGNORE,    why="within the threshold"),
        Row(WORKING,   "unwant",  None,        CLOSING,   (cancel,)),
        Row(WORKING,   "settled", None,        EMPTY,     (forget,)),

        Row(REPLACING, "want",    None,        IGNORE,    why="the old order is not settled"),
        Row(REPLACING, "unwant",  None,        CLOSING,   (), why="the cancel is under way already"),
        Row(REPLACING, "settled", None,        EMPTY,     (forget,)),

        Row(CLOSING,   "want",    None,        IGNORE,    why="the old order is not settled"),
        Row(CLOSING,   "unwant",  None,        IGNORE,    why="it is being cancelled"),
        Row(CLOSING,   "settled", None,        EMPTY,     (forget,)),
    ),
)
# fmt: on
