"""When a declared fault strikes: one rule of a profile, its windows and its draws.

Everything is a function of the seed, of the rule's place in the profile, and of what it is asked, in order: no clock,
no global randomness. A profile is a TOML file of such rules:

    [[fault]]
    name = "push_late"          # a tenth of the fills comes 50 to 200 ms late
    channel = "fill"
    probability = 0.1
    ms = [50, 200]

    [[fault]]
    name = "unknown_error"      # ten minutes after the start, a release window of two minutes in each hour
    path = "order"
    from_s = 600
    every_s = 3600
    for_s = 120

Windows are computed, not remembered: the k-th depends on seed, rule and k alone, so it does not
matter how often anybody looks.
"""

import random
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from runner.paper.faults import CATALOGUE, CHOICES, COMMON, Kind

_SECONDS = ("from_s", "to_s", "every_s", "for_s")


@attrs.frozen
class Window:
    """The `number`-th window of a rule, [start_ms, end_ms) after the exchange's start; no end means for good."""

    number: int
    start_ms: int
    end_ms: int | None

    def holds(self, at_ms: int) -> bool:
        """Whether it is open."""
        return self.start_ms <= at_ms and (self.end_ms is None or at_ms < self.end_ms)


@attrs.frozen
class FaultRule:
    """One fault of a profile. Times in milliseconds after the exchange's start; None means not bounded.

    `parameters` holds a value for every parameter of its kind.
    """

    kind: Kind
    parameters: dict[str, Any] = attrs.field(hash=False)
    probability: float = 1.0
    from_ms: int = 0
    to_ms: int | None = None
    every_ms: int | None = None
    for_ms: int | None = None
    times: int | None = None
    account: str | None = None

    @classmethod
    def parse(cls, words: Mapping[str, Any]) -> "FaultRule":
        """Return the rule that a table of a profile means.

        Raises:
            ValueError: A fault, a parameter or a value that does not exist; the message names it.
        """
        given = dict(words)
        name = given.pop("name", None)
        if name not in CATALOGUE:
            raise ValueError(f"'name' must be one of {', '.join(CATALOGUE)} (got {name!r})")
        kind = CATALOGUE[name]
        unknown = given.keys() - kind.parameters.keys() - COMMON.keys()
        if unknown:
            allowed = ", ".join([*kind.parameters, *COMMON])
            raise ValueError(f"{name} takes {allowed} (got {', '.join(sorted(unknown))})")
        parameters = {key: _value(key, given.get(key, default), default) for key, default in kind.parameters.items()}
        spans = {key.replace("_s", "_ms"): _ms(key, given[key]) for key in _SECONDS if key in given}
        made = cls(
            kind, parameters, _share("probability", given.get("probability", 1.0)),
            times=_count(given.get("times")), account=given.get("account"), **spans,
        )  # fmt: skip
        made._check()
        return made

    @property
    def name(self) -> str:
        """The fault."""
        return self.kind.name

    def _check(self) -> None:
        if self.every_ms is None:
            return
        if self.for_ms is None and self.kind.draws == "window":
            raise ValueError(f"{self.name} with 'every_s' needs 'for_s' (got none)")
        if self.every_ms <= (self.for_ms or 0):
            raise ValueError(f"'every_s' must be longer than 'for_s' (got {self.every_ms} and {self.for_ms} ms)")

    def window(self, number: int, seed: str) -> Window | None:
        """Return the `number`-th window; None when there is none (its draw said no, or it is out of bounds)."""
        start_ms, length_ms = self.from_ms, self.for_ms
        rng = random.Random(f"{seed} {self.name} window {number}")
        if self.every_ms is not None:
            length_ms = self.every_ms if self.for_ms is None else self.for_ms
            start_ms += number * self.every_ms + rng.randint(0, self.every_ms - length_ms)
        elif number:
            return None
        if self.to_ms is not None and start_ms >= self.to_ms:
            return None
        if self.kind.draws == "window":
            if self.times is not None and number >= self.times:
                return None
            if rng.random() >= self.probability:
                return None
        ends = [one for one in (None if length_ms is None else start_ms + length_ms, self.to_ms) if one is not None]
        return Window(number, start_ms, min(ends, default=None))

    def number_at(self, at_ms: int) -> int:
        """Return which window the moment belongs to, open or not."""
        return 0 if self.every_ms is None else max(0, (at_ms - self.from_ms) // self.every_ms)

    def matches(self, **what: str | None) -> bool:
        """Whether the fault is meant for this path, channel, product, stream or account."""
        account = what.pop("account", None)
        if self.account is not None and account is not None and account != self.account:
            return False
        return all(_fits(key, self.parameters.get(key), value) for key, value in what.items() if value is not None)


def _fits(key: str, wanted: Any, value: str) -> bool:
    if wanted is None or wanted in ("", "any"):
        return True
    return str(wanted) in value if key == "path" else bool(wanted == value)


def _value(key: str, value: Any, default: Any) -> Any:
    if key in CHOICES and value not in CHOICES[key]:
        raise ValueError(f"'{key}' must be one of {', '.join(CHOICES[key])} (got {value!r})")
    if key in ("executed", "share"):
        return _share(key, value)
    if key == "ms":
        spread = value if isinstance(value, list) else [value, value]
        if len(spread) != 2 or not all(isinstance(one, int) for one in spread) or spread[0] > spread[1]:
            raise ValueError(f"'ms' must be a whole number or [low, high] (got {value!r})")
        return spread
    if key == "code":
        return str(value)
    if type(value) is not type(default):
        raise ValueError(f"'{key}' must be like {default!r} (got {value!r})")
    if key == "pieces" and not 2 <= value <= 100:
        raise ValueError(f"'pieces' must be within 2..100 (got {value})")
    return value


def _share(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"'{key}' must be within 0..1 (got {value!r})")
    return float(value)


def _ms(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"'{key}' must be seconds, not negative (got {value!r})")
    return round(value * 1000)


def _count(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"'times' must be 1 or more (got {value!r})")
    return value


# Profiles


def read_profile(path: Path) -> tuple[FaultRule, ...]:
    """Return the rules of a TOML file: an array of tables named `fault`.

    Raises:
        ValueError: The file is no TOML, or a table means nothing; the message says which.
    """
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    if set(found) - {"fault"} or not isinstance(found.get("fault", []), list):
        raise ValueError(f"{path}: a profile holds [[fault]] tables and nothing else (got {', '.join(found)})")
    return parse_rules(found.get("fault", []), str(path))


def parse_rules(tables: Iterable[Mapping[str, Any]], source: str) -> tuple[FaultRule, ...]:
    """Return the rules of several tables; errors name `source` and the table's number."""
    rules = []
    for number, words in enumerate(tables, 1):
        try:
            rules.append(FaultRule.parse(words))
        except ValueError as error:
            raise ValueError(f"{source}: fault {number}: {error}") from None
    return tuple(rules)


def parse_words(text: str) -> FaultRule:
    """Return the rule of a command line's words: `push_lost probability=0.1 channel=fill`.

    Raises:
        ValueError: As `FaultRule.parse`.
    """
    name, *rest = shlex.split(text) or [""]
    words: dict[str, Any] = {"name": name}
    for one in rest:
        key, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"expected name=value (got {one!r})")
        words[key] = _literal(value)
    return FaultRule.parse(words)


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
