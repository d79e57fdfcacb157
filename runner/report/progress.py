"""How far reading is: one line on standard error that a person can wait by."""

from __future__ import annotations

import sys
from time import monotonic

_EVERY_S = 0.2
_WIDE = 32


class Progress:
    """Bytes read of all there are, as they lie on the disk.

    Args:
        whole: bytes of all files.
        shown: False for a progress that says nothing.
    """

    def __init__(self, whole: int, *, shown: bool) -> None:
        self._whole = max(whole, 1)
        self._shown = shown
        self._before = 0
        self._told_s = self._began_s = monotonic()

    def within_file(self, read: int) -> None:
        """Say how far reading is in the file at hand."""
        now_s = monotonic()
        if self._shown and now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            self._show(self._before + read)

    def file_done(self, size: int) -> None:
        """The file at hand has been read."""
        self._before += size

    def close(self) -> None:
        """Everything has been read."""
        if self._shown:
            self._show(self._before)
            sys.stderr.write("\n")

    def _show(self, read: int) -> None:
        part = min(read / self._whole, 1.0)
        left_s = (monotonic() - self._began_s) * (1 - part) / part if part else 0.0
        line = f"{'█' * round(part * _WIDE):░<{_WIDE}} {part:4.0%}  {read / 1e6:,.0f} of {self._whole / 1e6:,.0f} MB"
        sys.stderr.write(f"\r{line}  {left_s:4.0f} s left")
        sys.stderr.flush()
