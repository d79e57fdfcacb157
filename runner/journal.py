"""The journal: every event a desk was given, written before anything that follows from it leaves the process.

A segment is a file of JSON lines. Its first line holds what a replay needs: versions, the run, the parameters and a
snapshot of the desk; each further line is one event. A plain write per event survives `kill -9` (the bytes are the
kernel's by then); the last line may be torn by a power cut and is then passed over.

Segments are named by run and number and begun anew after so many events, when nothing is in flight. A restart reads the
newest one alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from typing import Any

import attrs

from mmfsm import Desk, MmfsmError, Params
from mmfsm.codec import event_from_json, event_to_json
from mmfsm.events import Event
from mmfsm.params import text_of
from mmfsm.state import SNAPSHOT_VERSION

FORMAT = 1
EVENTS_MAX = 20_000
SEGMENTS_KEPT_MAX = 200
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class JournalError(MmfsmError, ValueError):
    """A journal cannot be read: names the file, the line and what was expected."""


@attrs.frozen
class Segment:
    """What a journal file holds: the desk as it was at its first line, and what it was told since."""

    path: Path
    run: int
    written_by: str
    params: dict[str, Any]
    snapshot: dict[str, Any]
    events: tuple[Event, ...]
    torn: bool


class Journal:
    """The journal that is being written. Every method is synchronous: what is journalled is in the file on return."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        self._version = version
        self._file: BufferedWriter | None = None
        self._number = 0
        self._count = 0

    @property
    def is_full(self) -> bool:
        return self._count >= EVENTS_MAX

    def begin(self, desk: Desk) -> None:
        """Begin a segment with the desk as it is now. The old one stays; the oldest beyond the bound go.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        head = {
            "format": FORMAT,
            "snapshot_version": SNAPSHOT_VERSION,
            "written_by": self._version,
            "run": desk.state.run,
            "params": params_to_json(desk.params),
            "snapshot": desk.snapshot(),
        }
        path = self.folder / f"{desk.state.run:015d}-{self._number:06d}.jsonl"
        part = path.with_suffix(".part")
        file = part.open("wb")
        file.write(_ENCODER.encode(head).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        part.rename(path)  # whole or not there: a restart never meets half a snapshot
        self.close()
        self._file, self._count = file, 0
        for old in segments(self.folder)[:-SEGMENTS_KEPT_MAX]:
            old.unlink(missing_ok=True)

    def write(self, event: Event) -> None:
        """Write one event. On return the kernel has it.

        Raises:
            OSError: the disk is full or gone.
        """
        assert self._file is not None, "begin() comes first"
        self._file.write(_ENCODER.encode(event_to_json(event)).encode() + b"\n")
        self._file.flush()
        self._count += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def params_to_json(params: Params) -> dict[str, Any]:
    """Return the desk's own parameters as text by name; the runner's settings and secrets are not among them."""
    return {field.name: text_of(getattr(params, field.name)) for field in attrs.fields(Params)}


def segments(folder: Path) -> list[Path]:
    """Return the segments in a folder, oldest first."""
    return sorted(folder.glob("*.jsonl"))


def read_segment(path: Path) -> Segment:
    """Read one segment whole.

    Raises:
        JournalError: the first line is not a journal's, is of a version this one does not read, or a line in the
            middle is broken.
    """
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop() != b""
    try:
        head = json.loads(lines[0])
        run, written_by = int(head["run"]), str(head["written_by"])
    except (IndexError, ValueError, KeyError, TypeError):
        raise JournalError(f"{path}: the first line is no journal's; expected format, run, params, snapshot") from None
    if head.get("format") != FORMAT or head.get("snapshot_version") != SNAPSHOT_VERSION:
        theirs = f"format {head.get('format')}, snapshot {head.get('snapshot_version')}"
        ours = f"format {FORMAT}, snapshot {SNAPSHOT_VERSION}"
        raise JournalError(f"{path}: written by mmfsm {written_by} ({theirs}); this one reads {ours}")
    events = tuple(_events(path, lines[1:]))
    return Segment(path, run, written_by, head["params"], head["snapshot"], events, torn)


def _events(path: Path, lines: list[bytes]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=2):
        try:
            yield event_from_json(json.loads(line))
        except Exception as error:
            raise JournalError(f"{path}, line {number}: expected an event, got {line[:80]!r} ({error})") from None


def rebuild(segment: Segment) -> Desk:
    """Return the desk as it was when the segment's last event had been handled: same events, same desk."""
    desk = Desk.restore(Params.from_mapping({k.upper(): v for k, v in segment.params.items()}), segment.snapshot)
    for event in segment.events:
        desk.handle(event)
    return desk
