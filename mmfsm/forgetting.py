"""Stores that keep the newest and forget the oldest."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

SHARE = 32
"""A store that is full forgets this part of itself at once. A dict whose first entry goes with each one that comes
looks past all that have gone before to find it: a full ledger so cost each fill 1 µs, and the whole path from a fill
to its hedge a tenth."""


def forget_oldest(store: dict[K, V], most: int) -> list[V]:
    """Leave no more than `most` of a dict's entries: when there are more, the oldest 32nd goes too. Returns what went.

    >>> store = dict.fromkeys(range(65))
    >>> len(forget_oldest(store, 64)), min(store), len(store), forget_oldest(store, 64)
    (3, 3, 62, [])
    """
    over = len(store) - most
    if over <= 0:
        return []
    return [store.pop(key) for key in list(islice(store, over + most // SHARE))]
