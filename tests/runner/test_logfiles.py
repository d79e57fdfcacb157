"""Log files as they are found: which belong together, and what a kill or a full disk has left of their lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runner import logfiles
from runner.logfiles import Tally, files_of, full_files, records

T0 = 1_795_000_000_000


def line(number: int, event: str = "tick") -> dict[str, Any]:
    return {"ts": T0 + number, "event": event, "data": {"text": "x" * 40, "number": number}}


def text(*numbers: int) -> str:
    return "".join(json.dumps(line(number)) + "\n" for number in numbers)


def read(path: Path) -> tuple[list[int], Tally]:
    tally = Tally()
    return [it["data"]["number"] for it in records(path, tally)], tally


def test_a_log_brings_its_full_files_and_no_other_log(tmp_path: Path) -> None:
    """Full ones by the time of their first record, whatever their names; another log's, a part and a page stay out."""
    full = [tmp_path / f"mm.2026-11-{day}_10-00-00_000001.jsonl" for day in ("28", "27")]
    full[0].write_bytes(text(1).encode())  # the clock was set back between them
    full[1] = full[1].with_name(full[1].name + ".gz")
    full[1].write_bytes(gzip.compress(text(2).encode()))
    log = tmp_path / "mm.jsonl"
    log.write_text(text(3))
    for name in ("mm.eth.jsonl", "mm.2026-11-27_10-00-00_000001.jsonl.gz.part", "mm.report.html", "mm.2026.jsonl"):
        (tmp_path / name).write_text(text(9))

    assert full_files(log) == sorted(full)
    assert files_of([log]) == [*full, log]
    assert files_of([log, *full, log]) == [*full, log], "each once"
    log.unlink()
    assert files_of([log]) == full, "a log whose current file is gone has its full ones"
    with pytest.raises(OSError, match="nobody"):
        files_of([tmp_path / "nobody.jsonl"])


def test_a_file_that_is_being_compressed_is_read_once(tmp_path: Path) -> None:
    """For a moment it is there twice."""
    plain = tmp_path / "mm.2026-11-27_10-00-00_000001.jsonl"
    plain.write_text(text(1))
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(text(1).encode()))

    assert len(full_files(tmp_path / "mm.jsonl")) == 1


def test_wherever_a_line_is_cut_it_is_counted_and_the_next_run_is_read(tmp_path: Path) -> None:
    """A process killed within a write leaves the beginning of a line; the next run's first record is appended to it."""
    path, whole = tmp_path / "mm.jsonl", text(2)
    for cut in range(1, len(whole) - 1):
        path.write_text(text(1) + whole[:cut] + text(3, 4))
        numbers, tally = read(path)
        assert (numbers, tally.broken, tally.lines) == ([1, 3, 4], 1, 3), whole[:cut]
        path.write_text(text(1) + whole[:cut])
        assert read(path)[0] == [1]
    path.write_text(text(1) + whole[:-1])
    assert read(path)[0] == [1, 2], "a last line that lacks only its end is whole"


def test_what_is_no_record_is_counted(tmp_path: Path) -> None:
    """Zeros of a power cut, bytes that are no text, JSON that is no record, a line too long to be ours."""
    path = tmp_path / "mm.jsonl"
    bad = [b"\0" * 30, b"\xff\xfe{", b"[1]", b'{"ts": 5}', b'{"event": 7}', b"[" * 100_000]
    path.write_bytes(b"\n".join([text(1).strip().encode(), b"", *bad, text(2).strip().encode()]))

    numbers, tally = read(path)
    assert (numbers, tally.broken) == ([1, 2], len(bad))


def test_a_line_without_an_end_is_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound it is one broken line, and the one behind it is read."""
    monkeypatch.setattr(logfiles, "LINE_MAX_BYTES", 1_000)
    monkeypatch.setattr(logfiles, "_BLOCK_BYTES", 100)
    path = tmp_path / "mm.jsonl"
    path.write_text(text(1) + "y" * 5_000 + "\n" + text(2))

    numbers, tally = read(path)
    assert (numbers, tally.broken) == ([1, 2], 1)


def test_a_compressed_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """What could be read comes first, then the error, by name."""
    path, found = tmp_path / "mm.2026-11-27_10-00-00_000001.jsonl.gz", []
    path.write_bytes(gzip.compress(text(*range(20_000)).encode())[:-9])

    with pytest.raises(OSError, match=r"mm\.2026.*not readable to its end"):
        found.extend(it["data"]["number"] for it in records(path, Tally()))
    assert found == list(range(20_000))
