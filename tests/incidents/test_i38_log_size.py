"""I38: the decision log grew to 5 GB in four days, in one file.

Wanted: files of a bounded size and number; ticks are written once a period, whatever happens in between.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from mmfsm.actions import Record
from runner.log import open_log
from runner.settings import Settings
from tests.incidents.scene import opened

D = Decimal


def test_i38_a_full_file_is_followed_by_a_new_one_and_the_oldest_go(tmp_path: Path) -> None:
    """8 MB of records with files of 1 MB and two kept: four files at most, one of them just being packed."""
    path = tmp_path / "log.jsonl"
    log = open_log(Settings(log_path=str(path), log_rotate_mb=1, log_keep=2, log_level="ERROR"), "run-1")
    for number in range(2_000):
        log.write(Record(number, "tick", "strategy", "QUOTING", data={"text": "x" * 4_000}))
    log.close()
    files = sorted(tmp_path.iterdir())
    assert 2 <= len(files) <= 4
    assert all(it.stat().st_size < 1_100_000 for it in files)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["ts"] == 1_999


def test_i38_full_files_are_compressed(tmp_path: Path) -> None:
    """By the time the log is closed none of the full ones is left as it was written."""
    log = open_log(Settings(log_path=str(tmp_path / "log.jsonl"), log_rotate_mb=1, log_keep=5, log_level="ERROR"), "r")
    for number in range(1_000):
        log.write(Record(number, "tick", "strategy", "QUOTING", data={"text": "x" * 4_000}))
    log.close()
    assert [it for it in tmp_path.iterdir() if it.suffix == ".gz"]


def test_i38_a_storm_of_books_writes_one_tick_a_period() -> None:
    """A minute with books and wake-ups ten times a second: a tick record a second, and nothing else is repeated."""
    scene = opened(tick_sec=D(1))
    begin = len(scene.log)
    scene.wait(60_000, 100)
    told = [it for it in scene.log[begin:] if isinstance(it, Record)]
    assert 55 <= sum(it.event == "tick" for it in told) <= 67
    assert sum(it.event != "tick" for it in told) <= 5
