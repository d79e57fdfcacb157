"""Values to plain JSON and back, for snapshots and journals: Decimals as strings, enums as their values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cattrs.preconf.json import make_converter

from mmfsm.events import Event
from mmfsm.ledger import SEEN_MAX, Seen
from mmfsm.values import InstType, Level, plain

_Levels = tuple[Level, ...]


def _levels_to_text(levels: _Levels) -> str:
    """A side of a book as `price@qty price@qty`: a journal is mostly books, and members' names are half of one."""
    return " ".join(f"{plain(level.price)}@{plain(level.qty)}" for level in levels)


def _levels_from(told: Any, _type: Any) -> _Levels:
    if isinstance(told, str):
        pairs = (level.split("@") for level in told.split())
        return tuple(Level(Decimal(price), Decimal(qty)) for price, qty in pairs)
    # As journals of format 1 have it.
    return tuple(Level(Decimal(level["price"]), Decimal(level["qty"])) for level in told)


def _seen_from(told: Any, _type: Any) -> Seen:
    seen: Seen = {inst: {} for inst in InstType}
    for name, value in told.items():
        if isinstance(value, str):  # version 1: the keys of both legs in one, each begins with its leg
            seen[InstType(name.split(":")[0])][name] = value
        else:
            seen[InstType(name)] = dict(value)
    # A version 1 may hold many more than are kept: the newest, at once, rather than at the next fill.
    return {inst: dict(list(keys.items())[-SEEN_MAX:]) for inst, keys in seen.items()}


converter = make_converter()
converter.register_unstructure_hook_func(lambda kind: kind == _Levels, _levels_to_text)
converter.register_structure_hook_func(lambda kind: kind == _Levels, _levels_from)
converter.register_structure_hook_func(lambda kind: kind == Seen, _seen_from)
converter.register_unstructure_hook(Decimal, plain)
converter.register_structure_hook(Decimal, lambda text, _type: Decimal(text))

_EVENTS = {kind.__name__: kind for kind in Event.__args__}


def prepare() -> None:
    """Make what writes each kind of event. Else it is made by the first of its kind, which takes that one a millisecond
    or two: a long time for a fill to wait for its hedge."""
    for _ in range(2):  # cattrs drops what it has made when it meets a tuple of a kind that is new to it
        for kind in _EVENTS.values():
            converter.get_unstructure_hook(kind)


def event_to_json(event: Event) -> dict[str, Any]:
    """Return an event as plain JSON with its type's name under `type`."""
    return {"type": type(event).__name__, **converter.unstructure(event)}


def event_from_json(data: dict[str, Any]) -> Event:
    """Return the event that `event_to_json` wrote.

    Raises:
        KeyError: the type is not one of ours.
        cattrs.errors.BaseValidationError: a member is missing or of another type.
    """
    kind = _EVENTS[data["type"]]
    event: Event = converter.structure({key: value for key, value in data.items() if key != "type"}, kind)
    return event
