"""Files that are full are compressed, by one thread, one after the other: the loop that trades waits for none of it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

PACKED, PART = ".gz", ".part"
"""End the names of a compressed file, and of one that is not whole yet."""

_LEVEL = 6
_CHUNK_BYTES = 1 << 20


def pack(path: Path) -> OSError | None:
    """Replace a file by its compressed copy, `.gz` behind its name. If the disk does not let it, the file stays; the
    error is returned."""
    part = path.with_name(path.name + PACKED + PART)
    try:
        with path.open("rb") as full, gzip.open(part, "wb", compresslevel=_LEVEL) as packed:
            shutil.copyfileobj(full, packed, _CHUNK_BYTES)
        part.rename(path.with_name(path.name + PACKED))  # whole or not there
        path.unlink()
    except OSError as error:
        part.unlink(missing_ok=True)
        return error
    return None


def oldest_beyond(files: Sequence[Path], bytes_max: int) -> list[Path]:
    """Return the oldest of these files, given oldest first, without which the others take no more than so many bytes.
    One that goes meanwhile takes nothing."""
    left = bytes_max
    for index in range(len(files) - 1, -1, -1):
        try:
            left -= files[index].stat().st_size
        except OSError:
            continue
        if left < 0:
            return list(files[: index + 1])
    return []


def open_text(path: Path) -> TextIO:
    """Open a text file to read, compressed or not.

    Raises:
        OSError: it cannot be read.
    """
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == PACKED else path.open(encoding="utf-8")
