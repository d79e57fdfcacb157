"""The decimal context the desk computes in, whoever calls it.

Python's decimal context belongs to the thread: a bot may set its precision or rounding, and libraries do (ccxt's
number formatting leaves rounding half up behind). Sums of money would then lose digits without a word, and the same
events would not give the same actions. So the desk brings a context of its own to each turn, and a strategy gets a copy
to play with.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, getcontext, setcontext
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

CONTEXT = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])
"""Python's own default, spelled out."""


def in_our_context(method: Callable[P, T]) -> Callable[P, T]:
    """Make a function that computes in `CONTEXT` and leaves the caller's context as it was."""

    @wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        callers = getcontext()
        if callers is CONTEXT:
            return method(*args, **kwargs)
        setcontext(CONTEXT)
        try:
            return method(*args, **kwargs)
        finally:
            setcontext(callers)

    return run
