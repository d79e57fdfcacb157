"""Laying the check out: a line for each item, in colour on a terminal, or one JSON object."""

from __future__ import annotations

import json
import os
from typing import TextIO

import attrs

from runner.check.items import Item, Level

COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "31"}
LABEL_WIDTH = 18


def has_colour(out: TextIO) -> bool:
    """Colour is for terminals, and for nobody who set NO_COLOR (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def line(item: Item, colour: bool) -> str:
    """Return the item's line, and under it what to do.

    >>> print(line(Item("clock", "clock", Level.FAIL, "9 s off", "Set it."), False))
    FAIL  clock               9 s off
          Set it.
    """
    word = f"{item.level:<4}"
    if colour:
        word = f"\x1b[{COLOURS[item.level]}m{word}\x1b[0m"
    text = f"{word}  {item.label:<{LABEL_WIDTH}}  {item.detail}".rstrip()
    return f"{text}\n      {item.advice}" if item.advice else text


def summary(items: list[Item], placed: bool) -> str:
    """Say in a line how it went."""
    counts = {level: sum(item.level is level for item in items) for level in Level}
    warned = f", {counts[Level.WARN]} to look at" if counts[Level.WARN] else ""
    nothing = "" if placed else "; nothing was placed"
    if failed := [item.label for item in items if item.level is Level.FAIL]:
        return f"{len(failed)} failed: {', '.join(failed)}{nothing}"
    return f"all checks passed: {counts[Level.OK]} ok{warned}{nothing}"


def as_json(items: list[Item], status: int, symbol: str) -> str:
    """Return the whole check as one object."""
    told = {"symbol": symbol, "ok": status == 0, "status": status, "items": [attrs.asdict(item) for item in items]}
    return json.dumps(told)
