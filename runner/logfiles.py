"""Log files: which of them are one log, and their lines, whatever a kill or a full disk has left of them."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from runner.packing import PACKED, PART

try:
    import orjson
except ImportError:
    _quick: Callable[[bytes], Any] = json.loads
else:
    _quick = orjson.loads

Line = Mapping[str, Any]

LINE_MAX_BYTES = 8 << 20
"""A longer line is none of ours: it is counted as broken, and not kept in memory."""

_BLOCK_BYTES = 1 << 20
_BEGINS = b'{"ts": '  # every line of the log begins so
_BEGUN = re.compile(
    r"\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}(\.\d+)?"
)  # what the log's writer puts into a full file's name


def full_files(log: Path) -> list[Path]:
    """Return the full files of a log, compressed or not, by name: in the order they were begun."""
    found: dict[str, Path] = {}
    for path in log.parent.glob("*"):
        plain = path.name.removesuffix(PACKED)
        middle = plain.removeprefix(log.stem).removesuffix(log.suffix)
        if (
            plain == log.stem + middle + log.suffix
            and _BEGUN.fullmatch(middle)
            and found.get(plain, log).suffix != PACKED
        ):
            found[plain] = path  # a file that is just being compressed is there twice, and is one
    return [found[name] for name in sorted(found)]


def left_parts(log: Path) -> list[Path]:
    """Return what a run of this log that was killed while it compressed has left."""
    ends = log.suffix + PACKED + PART
    return [
        path
        for path in log.parent.glob(f"*{PACKED}{PART}")
        if path.name.startswith(log.stem)
        and path.name.endswith(ends)
        and _BEGUN.fullmatch(path.name.removeprefix(log.stem).removesuffix(ends))
    ]


def files_of(logs: Sequence[Path]) -> list[Path]:
    """Return every file of some logs, oldest first by the time of their first record, each once.

    A log is named by its current file, which brings its full ones with it; full ones may be named alone.

    Raises:
        OSError: a file that was named is not there.
    """
    found: dict[Path, Path] = {}
    for log in logs:
        full = full_files(log)
        if not full or log.exists():
            log.stat()
            full.append(log)
        found |= {path.resolve(): path for path in full}
    return sorted(found.values(), key=lambda path: (_first_ms(path), str(path)))


def _first_ms(path: Path) -> int:
    try:
        found = (line.get("ts") for line in records(path, Tally()))
        return next((ts for ts in found if isinstance(ts, int)), 0)
    except OSError:
        return 0


@attrs.define
class Tally:
    """What has been read of files. `broken`: lines, or beginnings of lines, that are no JSON object with an event."""

    lines: int = 0
    broken: int = 0
    on_bytes: Callable[[int], None] | None = None
    """Told how far into the file as it is on disk reading has come."""


def records(path: Path, tally: Tally) -> Iterator[Line]:
    """Yield the records of a log file, compressed or not.

    A line that was cut off by the end of its process is counted. The next run's first record may stand behind it in the
    same line: it is yielded.

    Raises:
        OSError: the file cannot be read, or not to its end; what could be read has been yielded by then.
    """
    for text in _lines(path, tally):
        line = _parsed(text)
        if line is None and text.strip():
            tally.broken += 1
            at = text.rfind(_BEGINS)
            line = _parsed(text[at:]) if at > 0 else None
        if line is not None:
            tally.lines += 1
            yield line


def _parsed(text: bytes) -> Line | None:
    try:
        try:
            line = _quick(text)
        except ValueError:
            line = json.loads(text)  # what counts as JSON does not hang on whether orjson is there
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("event"), str) else None


def _lines(path: Path, tally: Tally) -> Iterator[bytes]:
    rest, failed = b"", None
    with path.open("rb") as raw:
        packed = gzip.GzipFile(fileobj=raw) if path.suffix == PACKED else None
        while True:
            try:
                block = raw.read(_BLOCK_BYTES) if packed is None else packed.read1(_BLOCK_BYTES)
            except (OSError, EOFError, zlib.error) as error:
                failed, block = error, b""
            if not block:
                break
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if len(rest) > LINE_MAX_BYTES:
                rest = b"\0"  # with what is still to come of the line: one broken line
            if tally.on_bytes is not None:
                tally.on_bytes(raw.tell())
            yield from lines
    if rest:
        yield rest
    if failed is not None:
        raise OSError(f"{path}: not readable to its end ({failed})")
