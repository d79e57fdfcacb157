"""What the page and `top` say, by language: one JSON file each, with the same keys."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "ja")


@cache
def text_of(lang: str) -> str:
    """Return the words of one of `LANGUAGES` as JSON text."""
    return (files("runner.page") / "static" / f"{lang}.json").read_text(encoding="utf-8")


@cache
def words_of(lang: str) -> dict[str, Any]:
    """Return the words of one of `LANGUAGES`."""
    told: dict[str, Any] = json.loads(text_of(lang))
    return told


def reason_text(code: str, lang: str = "en") -> str:
    """Say a reason in words: by its whole code, else by what stands before its first colon, else as it is.

    >>> reason_text("feed_down:spot_book")
    'A feed is down (spot_book)'
    """
    reasons = words_of(lang)["reasons"]
    if code in reasons:
        return str(reasons[code])
    head, _, tail = code.partition(":")
    return f"{reasons[head]} ({tail})" if head in reasons and tail else code
