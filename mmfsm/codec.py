"""Values to plain JSON and back, for snapshots and journals: Decimals as strings, enums as their values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cattrs.preconf.json import make_converter

from mmfsm.events import Event
from mmfsm.values import plain

converter = make_converter()
converter.register_unstructure_hook(Decimal, plain)
converter.register_structure_hook(Decimal, lambda text, _type: Decimal(text))

_EVENTS = {kind.__name__: kind for kind in Event.__args__}


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
