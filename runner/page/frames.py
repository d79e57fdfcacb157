"""The view as text, made once for all who watch: part by part, so that only what has changed is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from runner.log import encode
from runner.page.records import rows_of
from runner.page.view import view_of

if TYPE_CHECKING:
    from runner.app import Runner

FRAME_S = 0.3
"""Time between two frames: some three a second, however much happens and however many watch."""

ROWS_MAX, ROWS_A_FRAME = 160, 40
"""How many of the last records a newcomer is told; how many a frame writes, so that none holds the loop for long."""


class Frames:
    """What watchers are sent. Costs nothing while nobody watches."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._parts: dict[str, str] = {}
        self._rows: deque[tuple[int, str]] = deque(maxlen=ROWS_MAX)
        self._made_s = float("-inf")

    def parts(self) -> dict[str, str]:
        """Return each part of the view as JSON text; not made anew within a frame's time."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._made_s >= FRAME_S * 0.9:
            self._made_s = now_s
            self._parts = {name: encode(part) for name, part in view_of(self._runner).items()}
            self._write_rows()
        return self._parts

    def _write_rows(self) -> None:
        onlooker = self._runner.onlooker
        written = max(self._rows[-1][0] if self._rows else 0, onlooker.told - ROWS_MAX)
        new = rows_of(onlooker, written, ROWS_A_FRAME, self._runner.settings.secrets)
        self._rows.extend((row["n"], encode(row)) for row in new)

    def rows(self, after: int) -> tuple[list[str], int]:
        """Return the written records after the one of this number as JSON texts, and the number of the last of them."""
        rows = [text for number, text in self._rows if number > after]
        return rows, self._rows[-1][0] if self._rows else after


class Watcher:
    """What one watcher has seen."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._seen: dict[str, str] = {}
        self._told = 0

    def news(self) -> bytes:
        """Return what has changed since the last time, as one message of an event stream. The time always has."""
        parts = self._frames.parts()
        changed = [f'"{name}":{text}' for name, text in parts.items() if self._seen.get(name) != text]
        self._seen = parts
        rows, self._told = self._frames.rows(self._told)
        if rows:
            changed.append(f'"records":[{",".join(rows)}]')
        return message("frame", f"{{{','.join(changed)}}}")


def message(event: str, data: str) -> bytes:
    """Return one message of an event stream; `data` is JSON, which has no line breaks."""
    return f"event: {event}\ndata: {data}\n\n".encode()
