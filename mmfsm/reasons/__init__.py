"""Every reason a desk can give, in words: what it means and what to do, in English and Japanese.

    find("feed_down:perp_book").means

The rows are in `halts.py`, `quoting.py` and `records.py`. What the code can say is compared with them by a test: a
reason without a row, and a row without a reason, are failures.
"""

from __future__ import annotations

from mmfsm.reasons.form import Kind, Reason
from mmfsm.reasons.form import find as _find
from mmfsm.reasons.halts import HALTS
from mmfsm.reasons.quoting import QUOTING
from mmfsm.reasons.records import RECORDS

__all__ = ["DESK", "Kind", "Reason", "find"]

DESK: tuple[Reason, ...] = HALTS + QUOTING + RECORDS
"""The rows of everything `mmfsm` itself can say."""


def find(name: str) -> Reason | None:
    """Return the row of a reason as a record shows it, or None.

    >>> found = find("feed_down:perp_book")
    >>> found.name, found.kinds[0].value, find("no such reason")
    ('feed_down:{feed}', 'halt', None)
    """
    return _find(DESK, name)
