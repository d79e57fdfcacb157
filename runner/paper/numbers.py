"""Decimal in, plain decimal text out: the wire never sees an exponent or a binary float."""

import re
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache

ZERO = Decimal(0)
TWO = Decimal(2)

# Longer runs of digits than any price or size needs are a client's mistake, not a number.
_PLAIN = re.compile(r"-?\d{1,24}(\.\d{1,24})?")


def parse(value: object) -> Decimal | None:
    """Return the number a client wrote, or None when it is not a plain decimal.

    Bitget's requests carry numbers as strings; a JSON integer is taken as its digits. Exponents are refused.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return Decimal(text) if _PLAIN.fullmatch(text) else None


@lru_cache(maxsize=4_000)
def plain(value: Decimal) -> str:
    """Return `value` without exponent and without trailing zeros, as prices and sizes appear on the wire.

    Remembered: a book repeats most of its figures, and what is equal reads the same.
    """
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def fixed(value: Decimal, places: int) -> str:
    """Return `value` cut (not rounded) to `places` decimals, trailing zeros kept."""
    return format(cut(value, places), "f")


def cut(value: Decimal, places: int) -> Decimal:
    """Return `value` cut toward zero to `places` decimals."""
    return value.quantize(_unit(places), rounding=ROUND_DOWN)


@lru_cache
def _unit(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def places(value: Decimal) -> int:
    """Return how many decimals `value` needs; trailing zeros do not count."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def decimal(value: Decimal | str | int | float) -> Decimal:
    """Return a Decimal for a figure written in code; a float goes through its shortest text, never its binary value."""
    return value if isinstance(value, Decimal) else Decimal(str(value))
