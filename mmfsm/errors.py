"""Every exception that mmfsm raises.

MmfsmError
├── TableError      a declared table breaks one of its rules (raised at import)
├── IllegalEvent    the API was misused; nothing has changed
└── ParamError      a parameter is unknown or out of range; nothing was started
"""

from __future__ import annotations


class MmfsmError(Exception):
    """Base of everything below, so that a caller can catch the library's own errors alone."""


class TableError(MmfsmError, ValueError):
    """A table breaks a rule of its own form: the message lists every broken rule, one a line."""


class IllegalEvent(MmfsmError, TypeError):
    """An event that is no event, or one with a field out of range. The desk is as it was before the call."""

    def __init__(self, event: object, why: str) -> None:
        super().__init__(f"{type(event).__name__}: {why}")
        self.event = event
        self.why = why


class ParamError(MmfsmError, ValueError):
    """A parameter's value is not acceptable. Names the parameter, what came, and what it takes."""

    def __init__(self, name: str, got: object, takes: str) -> None:
        super().__init__(f"{name} = {got!r} is not usable: it takes {takes}")
        self.name = name
        self.got = got
        self.takes = takes
