"""What the guardian did, one JSON object a line, in the state folder. The run it guarded may write no log any more: the
next one tells it in its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mmfsm.clock import now_ms

KEPT_MAX_BYTES = 1_000_000


class Diary:
    """One file that a guardian appends to and runners read on from where the last one stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = path.with_suffix(".told")

    def write(self, run_id: str, reason: str, data: dict[str, Any]) -> None:
        """Append one line. A disk that is full does not keep the guardian from its work."""
        line = {"ts": now_ms(), "event": "guardian", "reason": reason, "run": run_id, "pid": os.getpid(), "data": data}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError:
            return

    def news(self) -> list[dict[str, Any]]:
        """Return the lines nobody has told yet, and count them as told. Cheap when there are none."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return []
        told = self._told()
        if size == told:
            return []
        start = told if told < size else 0
        try:
            text = self.path.read_bytes()[start:]
            whole = text.rfind(b"\n") + 1  # the rest is being written
            self._keep_mark(start + whole)
        except OSError:
            return []
        return [line for line in map(_parsed, text[:whole].splitlines()) if line]

    def _told(self) -> int:
        try:
            return int(self._mark.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _keep_mark(self, told: int) -> None:
        if told > KEPT_MAX_BYTES:
            self.path.unlink(missing_ok=True)
            told = 0
        self._mark.write_text(str(told), encoding="ascii")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
