"""Reading one member out of what the exchange sent: the value in our type, or an error that names the member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Row = Mapping[str, Any]


PLACES_MAX = 40
"""No price, quantity or rate has more digits before or after its point: with more, arithmetic leaves its bounds."""

MILLIS_MAX = 10**14
"""A time later than this (the year 5138) is none."""

APART_MAX_MS = 86_400_000
"""The exchange's clock and ours differ by seconds, by hours where ours was set wrong; by more than a day it is a
mistake, and not believed."""


class WireError(ValueError):
    """What the exchange sent cannot be read: which member, what came, what was expected."""

    def __init__(self, member: str, got: object, expected: str) -> None:
        super().__init__(f"{member} = {_short(got)}: expected {expected}")
        self.member = member


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def parse_json(text: str) -> Any:
    """Parse JSON with every fractional number as a Decimal: money never passes through a binary float. Half a character
    (`\\ud800` alone: JSON may hold it, no file may) is U+FFFD.

    Raises:
        ValueError: it is no JSON, holds NaN or Infinity, or is nested deeper than anything we read.
    """
    try:
        value = _decoded(text)
        return _whole(value) if "\\ud" in text or "\\uD" in text else value
    except RecursionError:
        raise ValueError("nested too deep") from None


def _decoded(text: str) -> Any:
    if text.startswith("{"):  # as every message and answer does: no search for white space around it
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return value
    return _DECODER.decode(text)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
"""Made once: `json.loads` would make one for every message."""


def as_row(value: object, what: str) -> Row:
    if not isinstance(value, (dict, Mapping)):  # a dict is told at once, another mapping by its class
        raise WireError(what, value, "an object")
    return value


def as_rows(value: object, what: str) -> list[Row]:
    """Return a list of objects; null is an empty list (Bitget sends `entrustedList: null`)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise WireError(what, value, "a list")
    return [as_row(row, what) for row in value]


def decimal_of(value: object, member: str) -> Decimal:
    """Read a number that comes as a string (nearly everywhere) or as a JSON number (leverage, REST depth)."""
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            pass
        else:
            if number.is_finite() and abs(number.adjusted()) <= PLACES_MAX:
                return number
    raise WireError(member, value, "a number")


def number(row: Row, member: str) -> Decimal:
    return decimal_of(row.get(member), member)


def positive(row: Row, member: str) -> Decimal:
    value = number(row, member)
    if value <= 0:
        raise WireError(member, row.get(member), "a number above zero")
    return value


def optional_number(row: Row, member: str) -> Decimal | None:
    """Read a number that may be absent, null or an empty string."""
    value = row.get(member)
    return None if value is None or value == "" else decimal_of(value, member)


def text(row: Row, member: str) -> str:
    value = row.get(member)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise WireError(member, value, "a text that is not empty")
    return value


def optional_text(row: Row, member: str) -> str | None:
    value = row.get(member)
    return None if value is None or value == "" else str(value)


def is_near(exch_ms: int, at_ms: int) -> bool:
    """Say whether a time of the exchange's can be one of now: within `APART_MAX_MS` of ours."""
    return abs(exch_ms - at_ms) <= APART_MAX_MS


def millis(row: Row, *members: str) -> int:
    """Read the first member that is there as Unix milliseconds."""
    for member in members:
        value = row.get(member)
        if value is not None and value != "":
            is_plain = isinstance(value, str) and value.isdecimal()  # as nearly all of them come
            at_ms = int(value if is_plain else decimal_of(value, member))
            if 0 <= at_ms <= MILLIS_MAX:
                return at_ms
            raise WireError(member, value, "a time in Unix milliseconds")
    raise WireError(members[0], None, "a time in Unix milliseconds")
