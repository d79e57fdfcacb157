"""A witness of the log: what was written must show in the file. Catches a full disk, a removed folder, a moved file."""

from __future__ import annotations

from pathlib import Path


class LogWitness:
    """Compares the file with what was written to it. One `stat` a look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._seen: tuple[int, int] | None = None
        self._broken = False

    def wrote(self) -> None:
        """Count one line that was handed to the log."""
        self._written += 1

    def is_broken(self) -> bool:
        """Say whether lines that were written since the last look have left no trace; without any, what the last look
        has said."""
        if self._written:
            self._broken, self._written = not self._has_grown(), 0
        return self._broken

    def _has_grown(self) -> bool:
        try:
            stat = self._path.stat()
        except OSError:
            return False
        before, self._seen = self._seen, (stat.st_ino, stat.st_size)
        return self._seen != before
