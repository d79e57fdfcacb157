"""The space that is searched: a TOML file, one table a parameter of the desk.

    [base_half_spread_bps]      # a number: low and high, both included
    low = 2
    high = 20
    step = 0.5                  # its grid, from low on; or log = true: as many trials from 1 to 10 as from 10 to 100

    [funding_direction]         # or a list
    choices = ["either", "short"]

Names are those of `python -m runner config`, in any case. A mistake is told with its table, before anything runs.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import optuna

from mmfsm.errors import ParamError
from mmfsm.params import Params, parse, takes
from mmfsm.values import plain

KEYS = ("low", "high", "step", "log", "choices")
DIGITS = 6
"""A number without a grid is rounded to so many significant digits: a parameter is written by people."""

_FIELDS = {field.name: field for field in attrs.fields(Params)}
_OURS = ("symbol", "client_oid_prefix", "perp_tif", "target_pos_mode", "margin_mode", "spot_baseline")
"""Parameters that say what account is traded, not how."""


class SpaceError(ValueError):
    """The space file is not usable. Says which file and table, what was expected and what came."""


@attrs.frozen
class Dimension:
    """One parameter's range: `choices`, or `low` to `high` on the grid of `step` (None: any), `log` or not."""

    name: str
    low: Decimal | None = None
    high: Decimal | None = None
    step: Decimal | None = None
    log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers alone."""
        return _kind(self.name) is int

    def suggest(self, trial: optuna.Trial) -> Any:
        """Draw a value for a trial."""
        if self.low is None or self.high is None:
            return trial.suggest_categorical(self.name, self.choices)
        if self.is_whole:
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return trial.suggest_int(self.name, low, high, step=step, log=self.log)
        grid = None if self.step is None else float(self.step)
        return trial.suggest_float(self.name, float(self.low), float(self.high), step=grid, log=self.log)

    def text(self, drawn: Any) -> str:
        """Return what Optuna drew as the text of a setting: on the grid, no binary noise, never out of bounds."""
        if self.low is None or self.high is None:
            return str(drawn)
        if self.step is not None:
            value = self.low + round((Decimal(drawn) - self.low) / self.step) * self.step
        else:
            value = Decimal(f"{drawn:.{DIGITS}g}") if isinstance(drawn, float) else Decimal(drawn)
        return plain(min(max(value, self.low), self.high))

    def drawn(self, text: str) -> Any:
        """Return a setting's text as Optuna would have drawn it; None when it is not in the range."""
        if self.low is None or self.high is None:
            return text if text in self.choices else None
        value = Decimal(text)
        on_grid = self.step is None or (value - self.low) % self.step == 0
        if not (self.low <= value <= self.high and on_grid):
            return None
        return int(value) if self.is_whole else float(value)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        if self.choices:
            return {"choices": list(self.choices)}
        told = {"low": str(self.low), "high": str(self.high), "log": self.log}
        return told | ({} if self.step is None else {"step": str(self.step)})

    def words(self) -> str:
        """For a reader."""
        if self.choices:
            return " | ".join(self.choices)
        grid = " on a logarithmic scale" if self.log else f" by {self.step}" if self.step is not None else ""
        return f"{self.low} to {self.high}{grid}"


@attrs.frozen
class Space:
    """All that is searched, in the order of the file."""

    dimensions: tuple[Dimension, ...]

    def texts(self, drawn: Mapping[str, Any]) -> dict[str, str]:
        """Return a trial's parameters as settings, by name in capitals."""
        return {one.name.upper(): one.text(drawn[one.name]) for one in self.dimensions if one.name in drawn}

    def drawn(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return settings as Optuna would have drawn them: those that are in the space, defaults for the rest."""
        found = {}
        for one in self.dimensions:
            text = texts.get(one.name.upper(), _text(_FIELDS[one.name].default))
            value = one.drawn(text) if text else None
            if value is not None:
                found[one.name] = value
        return found


def read_space(path: Path) -> Space:
    """Read a space file.

    Raises:
        SpaceError: it cannot be read, names something that is no parameter, or reaches out of a parameter's bounds.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise SpaceError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpaceError(f"{path}: expected a TOML file: {error}") from None
    if not tables:
        raise SpaceError(f"{path}: expected at least one table, such as [base_half_spread_bps] with low and high")
    try:
        dimensions = tuple(_dimension(name.lower(), table) for name, table in tables.items())
    except (SpaceError, ParamError) as error:
        raise SpaceError(f"{path}: {error}") from None
    names = [one.name for one in dimensions]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpaceError(f"{path}: {', '.join(twice)} is there twice")
    return Space(dimensions)


def _dimension(name: str, table: object) -> Dimension:
    if name not in _FIELDS or name in _OURS:
        near = difflib.get_close_matches(name, [one for one in _FIELDS if one not in _OURS], n=1)
        hint = f"; did you mean [{near[0]}]?" if near else ""
        raise SpaceError(f"[{name}]: there is no such parameter to search{hint}")
    if not isinstance(table, dict):
        raise SpaceError(f"[{name}]: expected a table with low and high, or with choices, got {table!r}")
    strange = sorted(set(table) - set(KEYS))
    if strange:
        raise SpaceError(f"[{name}]: expected {', '.join(KEYS)}, got {', '.join(strange)}")
    return _listed(name, table) if "choices" in table else _ranged(name, table)


def _listed(name: str, table: Mapping[str, Any]) -> Dimension:
    given = table["choices"]
    if len(table) > 1 or not isinstance(given, list) or len(given) < 2:
        raise SpaceError(f"[{name}]: expected choices, a list of two or more, and nothing else")
    choices = tuple(_text(one) for one in given)
    for one in choices:
        _check(name, one)
    if len(set(choices)) < len(choices):
        raise SpaceError(f"[{name}]: a choice is there twice: {', '.join(choices)}")
    return Dimension(name, choices=choices)


def _ranged(name: str, table: Mapping[str, Any]) -> Dimension:
    if _kind(name) not in (int, Decimal):
        raise SpaceError(f"[{name}]: takes {takes(_FIELDS[name])}, so expected choices")
    low, high = (_number(name, table, key) for key in ("low", "high"))
    step = _number(name, table, "step") if "step" in table else None
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise SpaceError(f"[{name}]: log is true or false, got {log!r}")
    if low >= high:
        raise SpaceError(f"[{name}]: expected low below high, got {low} and {high}")
    if log and (step is not None or low <= 0):
        raise SpaceError(f"[{name}]: log needs low above 0 and no step")
    if step is not None and (step <= 0 or (high - low) % step):
        raise SpaceError(f"[{name}]: expected high to be low plus whole steps above 0, got {low}, {high}, step {step}")
    if _kind(name) is int and any(one % 1 for one in (low, high, step or 1)):
        raise SpaceError(f"[{name}]: takes whole numbers, got {low}, {high}, step {step}")
    _check(name, plain(low))
    _check(name, plain(high))
    return Dimension(name, low, high, step, log)


def _number(name: str, table: Mapping[str, Any], key: str) -> Decimal:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        raise SpaceError(f"[{name}]: expected {key}, a number, got {value!r}")
    return Decimal(value)


def _kind(name: str) -> type:
    # A parameter without a default is a number that may be left unset.
    default = _FIELDS[name].default
    return Decimal if default is None else type(default)


def _check(name: str, text: str) -> None:
    # The parameter's own bounds; its error names them.
    field = _FIELDS[name]
    assert field.validator is not None
    field.validator(None, field, parse(field, text))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return plain(value) if isinstance(value, Decimal) else str(value)
