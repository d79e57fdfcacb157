"""Copies of worlds, quickly: each choice is taken in a copy.

What never changes (numbers, words, tuples, frozen values) is shared. Of each attrs class it is found out once how to
read all of its fields, and which of them may change; a copy is made by the class's own constructor.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

T = TypeVar("T")
Read = Callable[[Any], tuple[Any, ...]]
Copy = Callable[[Any], Any]


class _Readers(dict[type[Any], Read]):
    """For each attrs class that was met: how to read all its fields, in the order its constructor takes them."""

    def __missing__(self, kind: type[Any]) -> Read:
        first, *others = [field.name for field in attrs.fields(kind)]
        read = operator.attrgetter(first, *others)
        return self.setdefault(kind, read if others else lambda value: (read(value),))


_READERS = _Readers()


def twin(value: T) -> T:
    """Return a shallow copy of an attrs value."""
    kind = type(value)
    return kind(*_READERS[kind](value))


NEVER_CHANGE = (int, float, str, Decimal, Enum, tuple, frozenset, NoneType)


def _changes(kind: type[Any]) -> bool:
    """A value of this class may change: it is to be copied."""
    if attrs.has(kind):
        return kind.__setattr__ is object.__setattr__ and bool(attrs.fields(kind))
    return not issubclass(kind, NEVER_CHANGE)


def _may_change(hint: Any) -> bool:
    """What is declared so may hold something that changes. Tuples hold nothing that does."""
    origin = get_origin(hint)
    if origin is Union or origin is UnionType:
        return any(map(_may_change, get_args(hint)))
    kind = origin or hint
    return kind is not Literal and (not isinstance(kind, type) or _changes(kind))


def _copy_of(hint: Any) -> Copy:
    """How what is declared so, and may change, is copied: containers of what never changes in one go."""
    origin = get_origin(hint)
    if origin not in (dict, list) or any(map(_may_change, get_args(hint))):
        return deep_twin
    return dict.copy if origin is dict else list.copy


def _copy_of_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    return {name: _COPIES[type(each)](each) for name, each in value.items()} if value else {}


def _copy_of_list(value: list[Any]) -> list[Any]:
    return [_COPIES[type(each)](each) for each in value]


def _copy_of_fields(kind: type[Any]) -> Copy:
    """How a value of a class is copied: of its fields those are that may change, by what they are declared to be."""
    read, hints = _READERS[kind], get_type_hints(kind)
    declared = [hints[field.name] for field in attrs.fields(kind)]
    deep = [(place, _copy_of(hint)) for place, hint in enumerate(declared) if _may_change(hint)]

    def copy_of(value: Any) -> Any:
        fields = list(read(value))
        for place, copy in deep:
            fields[place] = copy(fields[place])
        return kind(*fields)

    return copy_of if deep else twin


def _shared(value: Any) -> Any:
    return value


class _Copies(dict[type[Any], Copy]):
    """For each class that was met: how a value of it is copied with all that may change in it.

    Raises:
        TypeError: a value of this class may change, and nobody has said how it is copied.
    """

    def __missing__(self, kind: type[Any]) -> Copy:
        if attrs.has(kind):
            return self.setdefault(kind, _copy_of_fields(kind) if _changes(kind) else _shared)
        if _changes(kind):
            raise TypeError(f"expected an attrs class, a dict, a list or what never changes, got a {kind.__name__}")
        return self.setdefault(kind, _shared)


_COPIES = _Copies({dict: _copy_of_dict, list: _copy_of_list})


def deep_twin(value: T) -> T:
    """Return a copy of a whole state that shares with it only what never changes. Tuples hold nothing that does."""
    return _COPIES[type(value)](value)  # type: ignore[no-any-return]
