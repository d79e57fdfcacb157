"""Standard output that may have no reader left: `| head` has seen enough, or the disk under a file is full.

What trades or closes goes on then, and its exit status is of what was done. What only shows something ends at once.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

NOT_WRITTEN = 74
"""Exit status of a command that only prints, and could not (EX_IOERR)."""


class Unheard:
    """A stream that takes everything. After its first error the rest goes nowhere; `error` is that error.

    Args:
        stream: the process's standard output.
        goes_on: with False its first error ends the process, with `NOT_WRITTEN`.
    """

    def __init__(self, stream: TextIO, *, goes_on: bool) -> None:
        self._stream = stream
        self._goes_on = goes_on
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lost(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        self.error = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())  # what it still holds goes there too, at the process's end
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):  # who closed a pipe knows
            print(f"standard output cannot be written ({error.strerror}): not all is printed", file=sys.stderr)
        if not self._goes_on:
            raise SystemExit(NOT_WRITTEN)
