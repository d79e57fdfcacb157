"""The journal's files: every event a desk was given, written before anything that follows from it leaves the process.

What a segment holds is in `mmfsm.journal`; here are its files. A plain write per event survives `kill -9` (the bytes
are the kernel's by then); the last line may be torn by a power cut and is then passed over.

Segments are named by run and number and begun anew after so many events, when nothing is in flight. Full ones are
compressed beside the loop; the newest, which a restart reads alone, is plain.
"""

from __future__ import annotations

import gzip
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import FileIO
from pathlib import Path

from mmfsm import Desk
from mmfsm.events import Event
from mmfsm.journal import JournalError, Segment, event_line, head_line, parse
from runner.packing import PACKED, PART, oldest_beyond, pack
from runner.state_folder import is_elsewhere

EVENTS_MAX = 20_000
OVERDUE = 3
"""So many times that is the most a restart is to replay."""

SEGMENTS_KEPT_MAX = 5_000
"""More files than a folder should have; what they take together is bounded long before."""

MB = 1_000_000


class Journal:
    """The journal that is being written. Every method is synchronous: what is journalled is in the file on return.

    Args:
        folder: where it is kept.
        version: of this package, for each first line.
        max_mb: what full segments may take together; the oldest go.

    `packing_error`: the first reason why a full segment could not be compressed or an old one deleted.
    """

    def __init__(self, folder: Path, version: str, max_mb: int = 1_000) -> None:
        self.folder = folder
        self._version = version
        self._bytes_max = max_mb * MB
        self._file: FileIO | None = None
        self._path = folder
        self._number = 0
        self._count = 0
        self._packer = ThreadPoolExecutor(1, "journal-compression")
        self._stopping = threading.Event()
        self.packing_error: OSError | None = None

    @property
    def is_full(self) -> bool:
        """It is time for a new segment, at the next good moment."""
        return self._count >= EVENTS_MAX

    @property
    def is_overdue(self) -> bool:
        """No good moment has come for a long time."""
        return self._count >= EVENTS_MAX * OVERDUE

    @property
    def is_gone(self) -> bool:
        """What is written goes into a file that was removed or moved: no restart would find it."""
        return self._file is not None and is_elsewhere(self._file.fileno(), self._path)

    def begin(self, desk: Desk) -> None:
        """Begin a segment with the desk as it is now. The old one stays; the oldest beyond the bound go.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        path = self.folder / f"{desk.state.run:015d}-{self._number:06d}.jsonl"
        part = path.with_suffix(PART)
        file = part.open("wb", buffering=0)
        try:
            _write(file, _bytes_of(head_line(desk, self._version)))
            os.fsync(file.fileno())
            part.rename(path)  # whole or not there: a restart never meets half a snapshot
        except OSError:
            file.close()
            with suppress(OSError):
                part.unlink()  # the disk is full: what was tried for nothing takes none of it
            raise
        self._close_file()
        self._file, self._path, self._count = file, path, 0
        self._packer.submit(self._put_away, path)

    def write(self, event: Event) -> None:
        """Write one event. On return the kernel has it.

        Raises:
            OSError: the disk is full or gone.
        """
        assert self._file is not None, "begin() comes first"
        _write(self._file, _bytes_of(event_line(event)))
        self._count += 1

    def close(self) -> None:
        """Close the file, and wait for the one that is being compressed; the rest is the next run's."""
        self._close_file()
        self._stopping.set()
        self._packer.shutdown()

    def _put_away(self, current: Path) -> None:
        """In a thread of its own: what goes wrong is left where the loop looks for it."""
        try:
            error = _put_away(self.folder, current, self._stopping, self._bytes_max)
        except OSError as failed:
            error = failed
        self.packing_error = self.packing_error or error

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _bytes_of(line: str) -> bytes:
    return line.encode(errors="backslashreplace") + b"\n"  # half a character is \\ud800 then, as JSON spells it


def _write(file: FileIO, data: bytes) -> None:
    # Unbuffered: one call of the kernel's, and nothing is left behind when it fails.
    done = file.write(data)
    while done < len(data):  # a disk that fills up takes a part first, and then says why
        done += file.write(data[done:])


def segments(folder: Path) -> list[Path]:
    """Return the segments in a folder, compressed or not, oldest first. Their names sort by run and number."""
    plain = list(folder.glob("*.jsonl"))  # listed first: one that is compressed meanwhile is found as either
    packed = {path.name.removesuffix(PACKED): path for path in folder.glob(f"*.jsonl{PACKED}")}
    found = packed | {path.name: path for path in plain}
    return [found[name] for name in sorted(found)]


def read_segment(path: Path) -> Segment:
    """Read one segment whole.

    Raises:
        JournalError: see `mmfsm.journal.parse`; or the file cannot be read, or a compressed one is broken.
    """
    packed = path.with_name(path.name + PACKED)
    path = packed if packed.exists() and not path.exists() else path  # compressed since it was listed
    try:
        text = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: expected a file that can be read ({error.strerror})") from None
    if path.name.endswith(PACKED):
        try:
            text = gzip.decompress(text)
        except (OSError, EOFError, zlib.error) as error:
            raise JournalError(f"{path}: expected a file compressed by gzip ({error})") from None
    return parse(text, str(path))


def _put_away(folder: Path, current: Path, stopping: threading.Event, bytes_max: int) -> OSError | None:
    """Compress every segment older than the current one, earlier runs' too; delete the oldest beyond the bounds. It may
    run late: what has come after the current one by then is not its affair. Told to stop, it leaves the rest to the
    next run. Returns the first error; one file does not keep the others from being put away."""
    first: OSError | None = None
    # Of a run that was killed while it compressed, or while it began a segment. Ours may have begun another by now.
    parts = [it for it in folder.glob(f"*{PART}") if it.name.endswith(PACKED + PART) or it.name < current.name]
    found = segments(folder)
    older = [path for path in found if path.name < current.name]
    gone = found[:-SEGMENTS_KEPT_MAX]
    gone += [path for path in oldest_beyond(older, bytes_max) if path not in gone]
    for old in parts + gone:
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            first = first or error
    for full in older:
        if stopping.is_set():
            break
        if full.suffix != PACKED and full.exists():
            first = pack(full) or first
    return first
