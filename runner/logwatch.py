"""A witness of the log: what was written must show in the file. Catches a full disk, a removed folder, a moved file."""

from __future__ import annotations

from pathlib import Path


class LogWitness:
    """Compares the file with what was written to it. One `stat` a look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._seen: tuple[int, int] | None = None

    def wrote(self) -> None:
        """Count one line that was handed to the log."""
        self._written += 1

    def is_broken(self) -> bool:
        """Say whether lines that were written since the last look have left no trace."""
        if not self._written:
            return False
        try:
            stat = self._path.stat()
        except OSError:
            return True
        now = (stat.st_ino, stat.st_size)
        broken = now == self._seen
        self._seen, self._written = now, 0
        return broken
