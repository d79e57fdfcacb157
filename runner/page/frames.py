"""The view as text, made once for all who watch: part by part, so that only what has changed is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from runner.log import encode
from runner.page.records import rows_of
from runner.page.view import view_of

if TYPE_CHECKING:
    from runner.app import Runner

FRAME_S = 0.3
"""Time between two frames: some three a second, however much happens."""

FIRST_RECORDS = 200


class Frames:
    """What watchers are sent."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._parts: dict[str, str] = {}
        self._made_s = float("-inf")

    def parts(self) -> dict[str, str]:
        """Return each part of the view as JSON text; not made anew within a frame's time."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._made_s >= FRAME_S * 0.9:
            self._made_s = now_s
            self._parts = {name: encode(part) for name, part in view_of(self._runner).items()}
        return self._parts

    def records(self, after: int) -> tuple[list[dict[str, Any]], int]:
        """Return the records after the one of this number as rows, the newest few at most, and the newest's number."""
        onlooker = self._runner.onlooker
        after = max(after, onlooker.told - FIRST_RECORDS)
        return rows_of(onlooker, after, self._runner.settings.secrets), onlooker.told


class Watcher:
    """What one watcher has seen."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._seen: dict[str, str] = {}
        self._told = 0

    def news(self) -> bytes:
        """Return what has changed since the last time, as one message of an event stream. The time always has."""
        parts = self._frames.parts()
        changed = {name: text for name, text in parts.items() if self._seen.get(name) != text}
        self._seen = parts
        rows, self._told = self._frames.records(self._told)
        if rows:
            changed["records"] = encode(rows)
        body = ",".join(f'"{name}":{text}' for name, text in changed.items())
        return message("frame", f"{{{body}}}")


def message(event: str, data: str) -> bytes:
    """Return one message of an event stream; `data` is JSON, which has no line breaks."""
    return f"event: {event}\ndata: {data}\n\n".encode()
