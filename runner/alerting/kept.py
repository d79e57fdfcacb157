"""What was told, in a file: a run that dies and is started again and again tells no more often than one that lives."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from runner.alerting.pace import Pace

NAME = "alerts.json"


class Kept:
    """The pace of one account and symbol, as its runs and their guardians share it. `path` is in the state folder.

    Read before and written after something is told, which is rare. A file that cannot be read or written changes
    nothing: telling goes on, at this process's own pace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, pace: Pace, at_ms: int) -> None:
        """Let the pace know what others have told."""
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            told = json.loads(self._path.read_text(encoding="utf-8"))
            sent = [int(ms) for ms in told["sent"]]
            reasons = {str(key): int(ms) for key, ms in told["reasons"].items()}
            pace.learn(sent, reasons, at_ms)

    def write(self, pace: Pace) -> None:
        """Let others know."""
        sent, reasons = pace.told()
        part = self._path.with_suffix(".part")
        with suppress(OSError):
            part.write_text(json.dumps({"sent": sent, "reasons": reasons}), encoding="utf-8")
            part.replace(self._path)
