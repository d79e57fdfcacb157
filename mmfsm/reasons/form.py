"""What a row of the catalogue of reasons is, and how a name finds its row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache

import attrs


class Kind(StrEnum):
    """Where a reason is met."""

    HALT = "halt"
    """HALTED until what caused it is over; then it goes by itself."""

    LATCHED = "latched halt"
    """HALTED until a person resumes."""

    START = "start-up failure"
    """A check failed before READY: the run ends with status 2."""

    ALERT = "alert"
    """A person is told, though no halt stands behind it."""

    IDLE = "not quoting"
    """Why a tick record says that no quote is wanted."""

    SKIP = "left out"
    """Why one side is not quoted, or one quantity not hedged (`event=order_skip`)."""

    RISK = "risk record"
    """Worth a line (`event=risk`), no reason to stop."""

    GUARDIAN = "guardian"
    """What the guardian process did, or what became of it (`event=guardian`)."""


PLACES: Mapping[str, str] = {
    "feed": "perp_book|spot_book|private|funding",
    "feed_state": "down|subscribing|stale",
    "socket": "public|private",
    "reading": "query[a-z]+|setpositionmode",
    "check": "[a-z_]+",
    "code": "[A-Za-z0-9_]+",
    "table": "[A-Za-z]+",
    "state": "[A-Z]+",
    "event": "[A-Za-z_]+",
    "action": "[A-Z][A-Za-z]+",
}
"""What may stand in a name at `{place}`, as a pattern; at any other place anything may."""


@attrs.frozen
class Reason:
    """One reason the code can give, in words for people.

    `name` may have places, as in `feed_down:{feed}`. `means` and `do` are sentences: what it says, and what a person
    should do about it. `ja` and `ja_do` are the same in Japanese.
    """

    name: str
    kinds: tuple[Kind, ...]
    means: str
    do: str
    ja: str
    ja_do: str

    def words(self, lang: str = "en") -> tuple[str, str]:
        """Return (what it means, what to do) in English ("en") or Japanese ("ja")."""
        return (self.ja, self.ja_do) if lang == "ja" else (self.means, self.do)


def form_of(name: str) -> str:
    """Return a name with its places emptied: two patterns with the same form are the same reason.

    >>> form_of("impossible:{table}:{state}:{event}")
    'impossible:{}:{}:{}'
    """
    return re.sub(r"\{[a-z_]*\}", "{}", name)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    pieces = re.split(r"\{([a-z_]*)\}", name)
    made = [f"(?:{PLACES.get(piece, '.+')})" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)]
    return re.compile("".join(made))


def _closeness(name: str) -> tuple[int, int]:
    """How little a pattern leaves open: the letters it fixes, then the places that take not just anything."""
    places = re.findall(r"\{([a-z_]*)\}", name)
    return len(re.sub(r"\{[a-z_]*\}", "", name)), sum(place in PLACES for place in places)


def find(rows: Iterable[Reason], name: str) -> Reason | None:
    """Return the row of a reason as the log shows it: the one that leaves the least open."""
    fitting = [row for row in rows if row.name == name or _pattern(row.name).fullmatch(name)]
    return max(fitting, key=lambda row: _closeness(row.name), default=None)
